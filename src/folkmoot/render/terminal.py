"""A run on a terminal: finished lines scroll by, exactly as in plain.py, above a live board of what goes on now.

The board is drawn by a thread of its own, at most ten times a second, whatever happens in the run: an event only
changes the board's state. Whatever ends the run, the board is wiped and the cursor shown again.
"""

import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from folkmoot import events
from folkmoot.render.board import Board, BoardRow, PhaseProgress
from folkmoot.render.plain import PlainView
from folkmoot.render.wording import Style

INTERVAL = 0.12  # seconds between two drawings
MOST_TAIL = 60  # cells of streamed text
NARROW_TAIL = 12  # with fewer cells it is not worth showing
LOW = 12  # lines of a terminal that has none to spare for a title

STYLES: dict[Style, str] = {"good": "green", "bad": "red", "warning": "yellow", "strong": "bold", "faint": "dim"}


class TerminalView:
    """A listener and a context: it draws between entering and leaving. `stream` must be a terminal.

    `console` replaces the one made for `stream`, `clock` the clock: for those who want to look at what is drawn.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        colour: bool = True,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console or Console(file=stream, no_color=not colour, highlight=False, emoji=False)
        self._colour, self._clock = colour, clock
        self._board = Board()
        self._scrolled = _Pending()
        self._lines = PlainView(self._scrolled, colour=colour)
        self._changing = threading.RLock()
        self._live = Live(
            console=self._console,
            auto_refresh=False,
            transient=True,
            vertical_overflow="crop",
            get_renderable=self.board,
            redirect_stdout=False,
            redirect_stderr=stream is sys.stderr,  # what others write there goes above the board
        )
        self._leaving = threading.Event()
        self._drawing = threading.Thread(target=self._draw_until_left, name="folkmoot-board", daemon=True)

    def __enter__(self) -> "TerminalView":
        self._live.start()
        self._drawing.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leaving.set()
        self._drawing.join()
        with suppress(OSError, ValueError):  # the terminal is gone, or closed
            try:
                self._lines.finish()
                self._board.over = True
                self._draw()
            finally:
                self._live.stop()

    def __call__(self, event: events.Event) -> None:
        with self._changing:
            self._board.see(event, self._clock())
            self._lines(event)

    def board(self) -> Group | Text:
        """What is drawn at this moment; it never takes more lines than the terminal has."""
        with self._changing:
            now = self._clock()
            width, height = self._console.size
            if self._board.over or self._board.began is None:
                return Text("")
            title = [self._title(width)] if height >= LOW else []
            latest = list(self._board.phases.values())[-max(height // 4, 1) :]
            phases = [self._bar(each, width) for each in latest]
            totals = self._totals(self._board.totals(now), width)
            room = max(height - len(title) - len(phases) - len(totals) - 2, 1)
            rows = self._rows(list(self._board.rows.values()), now, width, room)
        return Group(Text(""), *title, *rows, *phases, *totals)

    def _draw_until_left(self) -> None:
        while not self._leaving.wait(INTERVAL):
            try:
                self._draw()
            except (OSError, ValueError):
                return  # nobody can see it; the run goes on

    def _draw(self) -> None:
        with self._changing:
            scrolled = self._scrolled.taken()
        with self._console:  # one write for both, so that nothing flickers
            if scrolled:
                self._console.print(
                    Text.from_ansi(scrolled), soft_wrap=True, highlight=False, markup=False, emoji=False
                )
            self._live.refresh()

    def _title(self, width: int) -> Text:
        """What is asked, letter by letter: a Text knows no markup."""
        return self._fit(Text(f"  {self._board.title}", style=self._style("strong")), width)

    def _rows(self, rows: Sequence[BoardRow], now: float, width: int, room: int) -> list[Text]:
        """One line per seat; where there is no room for all, those that are doing something."""
        shown = list(rows)
        left = ""
        if len(rows) > room:
            busy = sorted(range(len(rows)), key=lambda at: (not rows[at].active, at))[: max(room - 1, 1)]
            shown = [rows[at] for at in sorted(busy)]
            left = f"  … and {len(rows) - len(shown)} more"
        names = min(max((cell_len(row.name) for row in rows), default=0), max(width // 3, 12))
        lines = [self._row(row, now, width, names) for row in shown]
        return [*lines, self._fit(Text(left, style=self._style("faint")), width)] if left else lines

    def _row(self, row: BoardRow, now: float, width: int, names: int) -> Text:
        (mark, style), state = row.state(now)
        name = _end_of(row.name, names)  # the end tells seats apart: the model, #2
        padding = " " * (names - cell_len(name) + 2)
        line = Text.assemble("  ", (mark, self._style(style)), " ", name, padding, f"{state:<18}")
        room = min(width - 1 - line.cell_len - 2, MOST_TAIL)
        if row.active and room >= NARROW_TAIL and (tail := _end_of(row.tail, room)):
            line.append(f"  {tail}", style=self._style("faint"))
        return self._fit(line, width)

    def _bar(self, phase: PhaseProgress, width: int) -> Text:
        done, of = len(phase.ended), len(phase.started)
        numbers = f" {done}/{of}"
        title = f"  {phase.phase:<10} "
        cells = max(min(width - len(title) - len(numbers) - 1, 30), 0)
        full = cells * done // of if of else 0
        return self._fit(
            Text.assemble(
                title, ("━" * full, self._style("good")), ("─" * (cells - full), self._style("faint")), numbers
            ),
            width,
        )

    def _totals(self, totals: Sequence[str], width: int) -> list[Text]:
        """The totals on one line, or on as many as a narrow terminal needs."""
        lines: list[str] = []
        for each in totals:
            if lines and cell_len(lines[-1]) + cell_len(each) + 4 < width:
                lines[-1] += f" · {each}"
            else:
                lines.append(f"  {each}")
        return [self._fit(Text(line, style=self._style("faint")), width) for line in lines]

    def _fit(self, line: Text, width: int) -> Text:
        line.rstrip()
        line.no_wrap = True
        line.truncate(max(width - 1, 1), overflow="ellipsis")
        return line

    def _style(self, style: Style) -> str:
        return STYLES[style] if self._colour else ""


class _Pending:
    """The stream that finished lines are written to until they are drawn."""

    def __init__(self) -> None:
        self._written: list[str] = []

    def write(self, text: str) -> None:
        self._written.append(text)

    def flush(self) -> None:
        """Nothing to do: what is written is drawn with the next board."""

    def taken(self) -> str:
        """What was written since the last time, without the last line break."""
        text = "".join(self._written).removesuffix("\n")
        self._written.clear()
        return text


def _end_of(text: str, cells: int) -> str:
    """The end of `text` that fits into `cells`."""
    if cell_len(text) <= cells:
        return text
    kept = text[-cells:]
    while cell_len(kept) > cells - 1:
        kept = kept[1:]
    return f"…{kept}"
