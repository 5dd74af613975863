"""The plugin for `llm`: panels and protocols are its models, and `llm consortium` is one of its commands.

Every `llm` command imports this module, so it imports nothing but the hooks. Both hooks come last: what another plugin
has named stays that plugin's, above all the models and the command of llm-consortium.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import click
from llm import hookimpl

COMMAND = "consortium"


@hookimpl(trylast=True)
def register_models(register: Callable[..., None], model_aliases: Sequence[Any]) -> None:
    from folkmoot.frontends.llm_plugin.models import register_all

    register_all(register, {name for each in model_aliases for name in (each.model.model_id, *each.aliases)})


@hookimpl(trylast=True)
def register_commands(cli: click.Group) -> None:
    if COMMAND not in cli.commands:
        cli.add_command(_Consortium(COMMAND, help="Ask several models; an arbiter makes one answer of theirs."))
    elif sys.argv[1:2] in ([COMMAND], ["plugins"]):
        click.echo(
            f"folkmoot: `llm {COMMAND}` and its models are another plugin's here; ours is `folkmoot {COMMAND}`",
            err=True,
        )


class _Consortium(click.Command):
    """The group of commands, which is imported when it is called."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        from folkmoot.frontends.llm_plugin.commands import consortium

        return consortium.make_context(info_name, args, parent, **extra)
