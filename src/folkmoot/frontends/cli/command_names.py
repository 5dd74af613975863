"""The names of all commands: those that ship, those of protocols from packages, and what no panel may be called."""

# ruff: noqa: PTH118, PTH120, PTH122, PTH123, PTH208
# Plain string searches and `os.path`: regular expressions and pathlib would take half of the time of `--help`.

import os
from functools import cache

import folkmoot

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
    "Evaluation": {
        "eval": "Compare ways of asking on a set of questions; look at saved runs again",
        "leaderboard": "The models of all runs: wins, strength, harshness, cost",
        "receipts": "Was it worth it, in sum: what panels changed, and what that cost",
        "compat": "Take the command lines of other systems as they stand",
    },
}

MODULES = {
    **dict.fromkeys(("list", "status", "show", "resume", "fork", "outcome", "rm"), "runs"),
    **dict.fromkeys(("export", "verify"), "files"),
    **dict.fromkeys(("models", "doctor", "completion"), "machine"),
    # and what refinery calls eval brainstorm and eval panels
    **dict.fromkeys(("eval", "benchmark-brainstorm", "review-brainstorm-panels"), "evals"),
    **dict.fromkeys(("leaderboard", "receipts"), "record_sums"),
    "chat": "chat",
    "compat": "compat",
    "serve": "serve",
    "mcp": "mcp",
    "panel": "panels",
}
"""In which module beside this one a command is: in its COMMANDS."""


def reserved_names() -> set[str]:
    """Return the names that no panel may have, because a command or protocol has them."""
    return {*protocol_summaries(), *MODULES, "help", "folkmoot"}


@cache
def protocol_summaries() -> dict[str, str]:
    """The protocols that ship with Folkmoot and the first line of each one's docstring, without importing any.

    Do not change the dictionary: it is read once.
    """
    folder = os.path.join(os.path.dirname(folkmoot.__file__), "protocols")
    found = {}
    for file in sorted(os.listdir(folder)):
        name, ending = os.path.splitext(file)
        if ending == ".py" and not name.startswith("_"):
            with open(os.path.join(folder, file), encoding="utf-8") as source:
                _, _, registered = source.read().partition("@protocol(")
            _, _, docstring = registered.partition('\n    """')
            found[name] = docstring.partition("\n")[0].partition('"""')[0].strip()
    return found


def added_protocols() -> list[str]:
    from importlib.metadata import entry_points

    return [entry.name for entry in entry_points(group="folkmoot.protocols")]
