"""The list of commands, and loading just the one that is used."""

import difflib
import os
import pkgutil
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import click

import folkmoot
from folkmoot.machine.paths import panel_names

DEFAULT = "ask"

SECTIONS: dict[str, dict[str, str]] = {
    "A panel wherever a model goes": {
        "chat": "Talk with a panel, turn by turn",
        "serve": "An OpenAI-compatible server, and a web page to watch a panel argue",
        "mcp": "An MCP server, for coding agents and other clients",
        "panel": "Save seats, a protocol and its options under a name",
        "models": "What can be asked here, and why the rest cannot",
        "doctor": "Try each seat once, and say how to mend what is wrong",
        "completion": "Let your shell complete commands, flags and names",
    },
    "Runs": {
        "list": "The runs on record, newest first",
        "status": "What a run is doing: who has answered, who is being waited for",
        "show": "A run's answer and how it came about, from its record",
        "resume": "Go on with a run; nothing finished is paid again",
        "fork": "A new run from another's record, up to a step, with something changed",
        "outcome": "Say whether a run's answer was right; evaluations learn from it",
        "export": "A run as one file to mail: HTML, Markdown or JSON",
        "verify": "Whether a run's verdict follows from its record",
        "rm": "Delete runs",
    },
    "Evaluation": {"eval": "Compare ways of asking on a set of questions; look at saved runs again"},
}

MODULES = {
    **dict.fromkeys(("list", "status", "show", "resume", "fork", "outcome", "rm"), "runs"),
    **dict.fromkeys(("export", "verify"), "files"),
    **dict.fromkeys(("models", "doctor", "completion"), "machine"),
    # and what refinery calls eval brainstorm and eval panels
    **dict.fromkeys(("eval", "benchmark-brainstorm", "review-brainstorm-panels"), "evals"),
    "chat": "chat",
    "serve": "serve",
    "mcp": "mcp",
    "panel": "panels",
}
"""In which module beside this one a command is: in its COMMANDS."""


class FolkmootGroup(click.Group):
    """Commands by name, loaded when they are called. Protocols come from their folder; a sentence is a question."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*protocol_summaries(), *(name for commands in SECTIONS.values() for name in commands)]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in MODULES:
            found: click.Command = import_module(f"folkmoot.frontends.cli.{MODULES[name]}").COMMANDS[name]
            return found
        if name in protocol_summaries() or name in _added_protocols():
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
            near = difflib.get_close_matches(word.split()[0], self.list_commands(ctx), n=1)
            hint = f"did you mean `folkmoot {near[0]}`?" if near else "`folkmoot --help` lists the commands"
            if len(word.split()) > 1:
                hint = 'put a protocol before a question: folkmoot converge "..."'
            raise click.UsageError(f"there is no command {word!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, rows in (("Protocols", protocol_summaries()), *SECTIONS.items()):
            with formatter.section(title):
                formatter.write_dl(list(rows.items()))
        if names := panel_names(os.environ):
            with formatter.section("Your panels"):
                formatter.write_text(", ".join(names))


def reserved_names() -> set[str]:
    """What no panel may be called: it would be taken for this."""
    return {*protocol_summaries(), *MODULES, "help", "folkmoot"}


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
