"""The page that `folkmoot --help` prints: written without click, which takes three times as long to load as Python."""

import os
from collections.abc import Iterable, Mapping

from folkmoot.frontends.cli.command_names import SECTIONS, protocol_summaries
from folkmoot.machine.paths import panel_names

ABOUT = "Ask several models the same question; get one answer, and the whole record of how it came about."

OPTIONS = {"--version": "Show the version and exit.", "-h, --help": "Show this message and exit."}


def overview(program: str) -> str:
    """The page, as wide as the terminal and at most 78 columns. `program` is what the user typed to start us."""
    width = _width()
    sections = {"Options": OPTIONS, "Protocols": protocol_summaries(), **SECTIONS}
    page = [f"Usage: {program} [OPTIONS] COMMAND [ARGS]...", "", *_wrapped(ABOUT, width, "  ")]
    for title, rows in sections.items():
        page += ["", f"{title}:", *_table(rows, width)]
    if names := panel_names(os.environ):
        page += ["", "Your panels:", *_wrapped(", ".join(names), width, "  ")]
    return "\n".join(page)


def _table(rows: Mapping[str, str], width: int) -> Iterable[str]:
    """Names and what they mean, in two columns."""
    column = max(map(len, rows)) + 2
    for name, meaning in rows.items():
        first, *others = _wrapped(meaning, width, " " * (column + 2))
        yield f"  {name:{column}}{first.lstrip()}"
        yield from others


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    """`text` in lines that begin with `indent`, as long as `width` allows."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(indent + word)
    return lines or [indent]


def _width() -> int:
    given = os.environ.get("COLUMNS", "")
    try:
        columns = int(given) if given.isdecimal() and int(given) else os.get_terminal_size(1).columns
    except (OSError, ValueError):
        columns = 80
    return max(min(columns or 80, 80) - 2, 50)
