"""The group of all commands, which loads only the one that is used."""

import os
from importlib import import_module

import click

from folkmoot.frontends.cli.command_names import DEFAULT, MODULES, SECTIONS, added_protocols, protocol_summaries
from folkmoot.frontends.cli.overview import overview
from folkmoot.machine.paths import panel_names


class FolkmootGroup(click.Group):
    """Commands by name, loaded when they are called. Protocols come from their folder; a sentence is a question."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*protocol_summaries(), *(name for commands in SECTIONS.values() for name in commands)]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in MODULES:
            found: click.Command = import_module(f"folkmoot.frontends.cli.{MODULES[name]}").COMMANDS[name]
            return found
        if name in protocol_summaries() or name in added_protocols():
            from folkmoot.frontends.cli.protocol import protocol_command

            return protocol_command(name)
        if name in panel_names(os.environ):
            from folkmoot.frontends.cli.panels import panel_command

            return panel_command(name)
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """A sentence goes to the default protocol; one unknown word is a slip, never a paid question."""
        word = args[0]
        if self.get_command(ctx, word) is None and not word.startswith("-"):
            if len(word.split()) > 1 and (command := self.get_command(ctx, DEFAULT)) is not None:
                return DEFAULT, command, args
            from difflib import get_close_matches

            near = get_close_matches(word.split()[0], self.list_commands(ctx), n=1)
            hint = f"did you mean `folkmoot {near[0]}`?" if near else "`folkmoot --help` lists the commands"
            if len(word.split()) > 1:
                hint = 'put a protocol before a question: folkmoot converge "..."'
            raise click.UsageError(f"there is no command {word!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def get_help(self, ctx: click.Context) -> str:
        return overview(ctx.command_path)
