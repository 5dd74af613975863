"""The list of commands, and loading just the one that is used."""

import difflib
import pkgutil
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import click

import folkmoot

DEFAULT = "ask"

RUN_COMMANDS = {
    "list": "The runs on record, newest first",
    "status": "What a run is doing: who has answered, who is being waited for",
    "show": "A run's answer and how it came about, from its record",
    "resume": "Go on with a run; nothing finished is paid again",
    "fork": "A new run from another's record, up to a step, with something changed",
    "rm": "Delete runs",
}

EVAL_COMMANDS = {"eval": "Look at saved runs again; no model is asked"}
HIDDEN = ("benchmark-brainstorm", "review-brainstorm-panels")  # what refinery calls eval brainstorm, eval panels


class FolkmootGroup(click.Group):
    """Commands by name, loaded when they are called. Protocols come from their folder; a sentence is a question."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*protocol_summaries(), *RUN_COMMANDS, *EVAL_COMMANDS]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in RUN_COMMANDS:
            found: click.Command = import_module("folkmoot.frontends.cli.runs").COMMANDS[name]
            return found
        if name in EVAL_COMMANDS or name in HIDDEN:
            looked_up: click.Command = import_module("folkmoot.frontends.cli.evals").COMMANDS[name]
            return looked_up
        if name in protocol_summaries() or name in _added_protocols():
            from folkmoot.frontends.cli.protocol import protocol_command

            return protocol_command(name)
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """A sentence goes to the default protocol; one unknown word is a slip, never a paid question."""
        word = args[0]
        if self.get_command(ctx, word) is None and not word.startswith("-"):
            if len(word.split()) > 1 and (command := self.get_command(ctx, DEFAULT)) is not None:
                return DEFAULT, command, args
            near = difflib.get_close_matches(word.split()[0], self.list_commands(ctx), n=1)
            hint = f"did you mean `folkmoot {near[0]}`?" if near else "`folkmoot --help` lists the commands"
            if len(word.split()) > 1:
                hint = 'put a protocol before a question: folkmoot converge "..."'
            raise click.UsageError(f"there is no command {word!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, rows in (("Protocols", protocol_summaries()), ("Runs", RUN_COMMANDS), ("Evaluation", EVAL_COMMANDS)):
            with formatter.section(title):
                formatter.write_dl(list(rows.items()))


def protocol_summaries() -> dict[str, str]:
    """The protocols that ship with Folkmoot and the first line of each one's docstring, without importing any."""
    folder = Path(folkmoot.__file__).parent / "protocols"
    found = {}
    for module in pkgutil.iter_modules([str(folder)]):
        source = (folder / f"{module.name}.py").read_text("utf-8")
        written = re.search(rf'@protocol\(\s*"{module.name}".*?\n    """(.+?)(?:\n|""")', source, re.DOTALL)
        found[module.name] = written[1].strip() if written else ""
    return found


def _added_protocols() -> list[Any]:
    from importlib.metadata import entry_points

    return [entry.name for entry in entry_points(group="folkmoot.protocols")]
