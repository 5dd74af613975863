"""The live board, and what a terminal shows during a run and after it."""

import io
import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect  # type: ignore[import-untyped]
import pytest
from rich.console import Console

from folkmoot import events
from folkmoot.render.plain import PlainView
from folkmoot.render.terminal import TerminalView
from folkmoot.types import Usage
from tests.render.scripted import begun, failed, finished, judging, play, repaired, retried, started, written

CHILD = """
import asyncio, io, os, sys
from folkmoot import events
from folkmoot.render.terminal import TerminalView
from tests.render.scripted import begun, finished, judging, play, started, written

def watch(view):
    view(started())
    view(events.RoundStarted(1, 5))
    view(events.PhaseStarted(1, "propose"))
    view(begun("r1/propose/s1"))
    view(written("r1/propose/s1", "Drive the car."))
"""


def fixed(width: int, height: int = 24, file: io.StringIO | None = None) -> Console:
    return Console(file=file or io.StringIO(), width=width, height=height, force_terminal=True, _environ={})


class Shown:
    """A view that nothing is drawn of unless asked for, with a clock set by hand."""

    def __init__(self, *happened: events.Event, width: int = 100, height: int = 24) -> None:
        self.now = 0.0
        self.size = width, height
        self.drawn = io.StringIO()
        self.view = TerminalView(self.drawn, console=fixed(width, height, self.drawn), clock=lambda: self.now)
        self.see(*happened)

    def see(self, *happened: events.Event) -> "Shown":
        for event in happened:
            self.view(event)
        return self

    def lines(self) -> list[str]:
        console = Console(file=io.StringIO(), width=self.size[0], height=self.size[1], record=True)
        console.print(self.view.board())
        return console.export_text().splitlines()

    def row(self, name: str) -> str:
        return next(line for line in self.lines() if name in line)


OPENED = (
    started(), events.RoundStarted(1, 5), events.PhaseStarted(1, "propose"), begun("r1/propose/s1"),
    begun("r1/propose/s2"),
)  # fmt: skip


def screen(raw: str, width: int) -> list[str]:
    """What a terminal `width` wide shows after `raw`, with what has scrolled off; as much of one as is used here."""
    rows: list[list[str]] = [[]]
    y = x = 0
    for sent in re.finditer(r"\x1b\[([?0-9;]*)([A-Za-z])|(.)", raw, re.DOTALL):
        argument, command, letter = sent.groups()
        if command == "A":
            y = max(y - int(argument or 1), 0)
        elif command == "K":
            rows[y] = []
        elif letter == "\r":
            x = 0
        elif letter is not None:
            if letter == "\n" or x == width:
                y, x = y + 1, x if letter == "\n" else 0
                rows += [[]] * (y + 1 - len(rows))
            if letter != "\n":
                rows[y] = [*rows[y][:x], *" " * (x - len(rows[y])), letter, *rows[y][x + 1 :]]
                x += 1
    return "\n".join("".join(row).rstrip() for row in rows).rstrip("\n").split("\n")


@pytest.fixture
def terminal() -> Iterator[Callable[..., pexpect.spawn]]:
    """Runs Python code in a terminal of its own."""
    children: list[pexpect.spawn] = []

    def spawn(code: str, width: int = 80, height: int = 24) -> pexpect.spawn:
        child = pexpect.spawn(
            sys.executable, ["-c", CHILD + code], dimensions=(height, width), encoding="utf-8", timeout=30,
            cwd=str(Path(__file__).parents[2]),
            echo=False, env={"TERM": "xterm-256color", "PATH": "/usr/bin:/bin", "PYTHONPATH": ".", "PYTHONUTF8": "1"},
        )  # fmt: skip
        child.logfile_read = io.StringIO()
        children.append(child)
        return child

    yield spawn
    for child in children:
        child.close(force=True)


def seen(child: pexpect.spawn) -> str:
    child.expect(pexpect.EOF)
    return str(child.logfile_read.getvalue())


def test_the_board_says_what_every_seat_is_doing() -> None:
    shown = Shown(*OPENED, written("r1/propose/s2", "You should drive,"))
    shown.now = 12.4
    assert shown.lines() == [
        "",
        "  converge · What is 6 * 7?",
        "  ● codex-cli/gpt-5.4    thinking 12 s",
        "  ● gemini-cli/gemini-3  writing 3 words     You should drive,",
        "  · claude-code/opus     waiting",
        "  propose    ────────────────────────────── 0/2",
        "  round 1/5 · 12 s · 0 calls",
    ]
    shown.see(finished("r1/propose/s1", "(1 word)", usd=0.0123, usage=Usage(input_tokens=1200, output_tokens=34)))
    shown.see(failed("r1/propose/s2", "503"), events.SeatDropped("s3", "the key was refused", 1))
    assert shown.lines()[2:] == [
        "  ✓ codex-cli/gpt-5.4    answered",
        "  ✗ gemini-cli/gemini-3  failed",
        "  ✗ claude-code/opus     dropped",
        "  propose    ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 2/2",
        "  round 1/5 · 12 s · 2 calls · 1.2k in, 34 out · at least $0.0123",
    ]


def test_a_new_attempt_discards_what_was_written_before() -> None:
    shown = Shown(*OPENED, written("r1/propose/s1", "Walk to"), retried("r1/propose/s1", wait=4.0))
    shown.now = 1.0
    assert "retrying in 3 s" in shown.row("codex")
    assert "Walk" not in shown.row("codex")
    shown.now = 6.0
    assert "thinking 2 s" in shown.row("codex")
    shown.see(written("r1/propose/s1", "Drive", attempt=2))
    assert shown.row("codex").endswith("writing 1 word      Drive")


def test_a_repair_starts_anew() -> None:
    shown = Shown(*OPENED, written("r1/propose/s1", "Walk to"), repaired("r1/propose/s1", "no"))
    shown.see(begun("r1/propose/s1+repair"), written("r1/propose/s1+repair", "8/10"))
    assert shown.row("codex").endswith("writing 1 word      8/10")
    shown.see(finished("r1/propose/s1", "(1 word)"))
    assert shown.row("codex").endswith("answered")


def test_a_word_in_two_pieces_is_counted_once() -> None:
    pieces = ["Dri", "ve the ", "car", "", ".", "\nNow", ""]
    shown = Shown(*OPENED, *(written("r1/propose/s1", piece) for piece in pieces))
    assert "writing 4 words" in shown.row("codex")
    assert shown.row("codex").endswith("Drive the car. Now")


def test_a_seat_with_several_calls_is_one_row() -> None:
    shown = Shown(*OPENED, events.PhaseStarted(1, "evaluate"), begun("r1/evaluate/s1>s2"), begun("r1/evaluate/s1>s3"))
    assert "thinking 0 s ×3" in shown.row("codex")
    assert [line.split()[0] for line in shown.lines()[5:7]] == ["propose", "evaluate"]


def test_a_panel_that_has_a_seat_shows_how_far_it_is() -> None:
    inside = (events.PhaseStarted(1, "answer"), begun("r1/answer/s1"), finished("r1/answer/s1", "(1 word)"))
    shown = Shown(*OPENED, *(events.Inside("r1/propose/s1", "s1", each) for each in inside))
    assert shown.row("codex").endswith("answer, 1 call")
    assert shown.lines()[-1].endswith("0 calls")  # the panel's own calls are its own


def test_every_phase_of_a_round_keeps_its_bar() -> None:
    happened = (
        finished("r1/propose/s1", "(1 word)"), finished("r1/propose/s2", "(1 word)"),
        events.PhaseFinished(1, "propose", 1.0), events.PhaseStarted(1, "review"), begun("r1/review/s1"),
    )  # fmt: skip
    bars = Shown(*OPENED, *happened).lines()[5:7]
    assert [(bar.split()[0], bar.split()[-1]) for bar in bars] == [("propose", "2/2"), ("review", "0/1")]
    assert "─" not in bars[0] and "━" not in bars[1]
    assert [line.split()[0] for line in Shown(*OPENED, *happened, events.RoundStarted(2, 5)).lines()[5:]] == ["round"]


def test_the_latest_phases_have_a_bar_where_there_is_no_room_for_all() -> None:
    phases = ("propose", "review", "rebut", "vote")
    happened = [each for phase in phases for each in (events.PhaseStarted(1, phase), finished(f"r1/{phase}/s1", "ok"))]
    assert [line.split()[0] for line in Shown(started(), *happened, height=9).lines()[-3:-1]] == ["rebut", "vote"]
    assert [line.split()[0] for line in Shown(started(), *happened).lines()[-5:-1]] == list(phases)


@pytest.mark.parametrize(
    "prompt", ["[bold]x[/bold] [link=http://a]y", ":smile: [/] [red]", "**a** `b` <c> {d} \\[e]", "[[x]] $(y) %s"]
)
def test_a_prompt_is_shown_letter_by_letter_and_never_as_markup(prompt: str) -> None:
    opened = events.RunStarted("run-1", "vote", prompt, started().seats, {}, None)
    assert Shown(opened).lines()[1] == f"  vote · {prompt}"


def test_a_prompt_cannot_steer_the_terminal() -> None:
    opened = events.RunStarted(
        "run-1", "vote", "\x1b[2J\x1b]0;title\x07 one\ntwo\r\u202eback", started().seats, {}, None
    )
    assert Shown(opened).lines()[1] == "  vote · ␛[2J␛]0;title␇ one two␍�back"


def test_the_tail_is_the_end_of_the_text_without_its_control_characters() -> None:
    shown = Shown(*OPENED, written("r1/propose/s1", "\x1b[2J\x07 [red]" + "word " * 400 + "the end\x9b"))
    row = shown.row("codex")
    assert row.endswith(" word word the end�")
    assert "\x1b" not in row
    assert "…" in row


def test_wide_characters_fit_as_well() -> None:
    shown = Shown(*OPENED, written("r1/propose/s1", "車を運転して" * 30), width=60)
    assert len(shown.lines()) == 7


@pytest.mark.parametrize("width", [1, 8, 20, 40, 80, 300])
@pytest.mark.parametrize("height", [1, 5, 12, 50])
def test_twenty_seats_fit_into_any_terminal(width: int, height: int) -> None:
    models = [f"provider/a-model-with-a-long-name-{n}" for n in range(20)]
    shown = Shown(started(models), events.RoundStarted(1, 5), events.PhaseStarted(1, "propose"), width=width)
    shown.size = width, height
    shown.view = TerminalView(shown.drawn, console=fixed(width, height, shown.drawn), clock=lambda: 0.0)
    shown.see(started(models), events.RoundStarted(1, 5), events.PhaseStarted(1, "propose"))
    shown.see(*(begun(f"r1/propose/s{n}") for n in range(1, 21)), written("r1/propose/s20", "word " * 99))
    lines = shown.lines()
    assert all(len(line) < max(width, 2) for line in lines)
    assert len(lines) <= max(height, 12)


def test_without_room_for_all_the_seats_that_do_something_are_shown() -> None:
    models = [f"p/m{n}" for n in range(1, 21)]
    shown = Shown(started(models), events.RoundStarted(1, 5), events.PhaseStarted(1, "propose"), height=9)
    shown.see(begun("r1/propose/s2"), begun("r1/propose/s19"))
    assert [line.split()[1] for line in shown.lines()[1:5]] == ["p/m1", "p/m2", "p/m3", "p/m19"]
    assert "  … and 16 more" in shown.lines()


def test_names_are_told_apart_by_their_ends_where_it_is_narrow() -> None:
    shown = Shown(*(started(["provider/a-long-model-name"] * 2), *OPENED[1:]), width=40)
    assert [line.split()[1][-5:] for line in shown.lines()[2:4]] == ["ame#1", "ame#2"]


@pytest.mark.parametrize(
    ("costs", "words"),
    [
        ([{"usd": 0.01}, {"usd": 0.0023}], "$0.0123"),
        ([{"usd": 0.0}], "free"),
        ([{"usd": None}], "price unknown"),
        ([{"usd": 0.01}, {"usd": None}], "at least $0.0100"),
        ([{"usd": 0.0, "list_usd": 0.08}], "covered by subscription, list $0.0800"),
    ],
)
def test_the_cost_so_far_is_no_more_than_is_known(costs: list[dict[str, float | None]], words: str) -> None:
    done = [finished(f"r1/propose/s{n}", "(1 word)", **cost) for n, cost in enumerate(costs, 1)]
    assert Shown(*OPENED, *done).lines()[-1].endswith(f" · {words}")


def test_an_event_draws_nothing() -> None:
    shown = Shown(*OPENED, *(written("r1/propose/s1", "word ") for _ in range(100)))
    assert shown.drawn.getvalue() == ""


def test_what_scrolls_by_is_what_is_printed_without_a_terminal() -> None:
    plain, drawn = io.StringIO(), io.StringIO()
    with TerminalView(drawn, colour=False, console=fixed(200, 24, drawn)) as view:
        play(judging, view, PlainView(plain))
    assert screen(drawn.getvalue().replace("\n", "\r\n"), 200) == plain.getvalue().splitlines()


def test_no_colour_means_none() -> None:
    drawn = io.StringIO()
    with TerminalView(drawn, colour=False, console=Console(file=drawn, width=80, force_terminal=True, no_color=True)):
        pass
    with TerminalView(drawn, colour=False, console=fixed(80, 24, drawn)) as view:
        play(judging, view)
    assert not re.findall(r"\x1b\[[0-9;]*m", drawn.getvalue())


def test_a_terminal_shows_the_board_while_it_runs_and_only_the_lines_after_it(
    terminal: Callable[..., pexpect.spawn],
) -> None:
    child = terminal(
        """
with TerminalView(sys.stderr) as view:
    watch(view)
    input()
    view(finished("r1/propose/s1", '(3 words) — "Drive the car."'))
    view(events.PhaseFinished(1, "propose", 1.0))
print("42")
"""
    )
    child.expect("Drive the car.")
    child.expect("round 1/5")
    board = screen(child.logfile_read.getvalue(), 80)
    assert "  ● codex-cli/gpt-5.4    writing 3 words     Drive the car." in board
    child.sendline("")
    raw = seen(child)
    assert screen(raw, 80) == [
        "",
        "  Round 1/5",
        "  ── propose ──",
        '    ✓ codex-cli/gpt-5.4 proposed (3 words) — "Drive the car."',
        "42",
    ]
    assert raw.rindex("\x1b[?25h") > raw.rindex("\x1b[?25l")


def test_whatever_is_raised_the_terminal_is_left_in_order(terminal: Callable[..., pexpect.spawn]) -> None:
    raw = seen(terminal('with TerminalView(sys.stderr) as view:\n    watch(view)\n    raise SystemExit("broken")\n'))
    assert raw.rindex("\x1b[?25h") > raw.rindex("\x1b[?25l")
    assert "round 1/5" not in "".join(screen(raw, 80))
    assert "  ── propose ──" in screen(raw, 80)


def test_ctrl_c_leaves_the_terminal_in_order(terminal: Callable[..., pexpect.spawn]) -> None:
    child = terminal(
        "with TerminalView(sys.stderr) as view:\n    watch(view)\n    asyncio.run(asyncio.Event().wait())\n"
    )
    child.expect("round 1/5")
    child.kill(signal.SIGINT)
    raw = seen(child)
    assert "KeyboardInterrupt" in raw
    assert raw.rindex("\x1b[?25h") > raw.rindex("\x1b[?25l")
    assert "round 1/5" not in "".join(screen(raw, 80))


def test_a_terminal_may_be_resized(terminal: Callable[..., pexpect.spawn]) -> None:
    child = terminal(
        """
with TerminalView(sys.stderr) as view:
    watch(view)
    input()
    view(written("r1/propose/s1", " Now."))
    input()
""",
        width=120,
    )
    child.expect("round 1/5")
    child.setwinsize(10, 40)
    child.sendline("")
    child.expect("writing 4 words")
    child.sendline("")
    assert seen(child).endswith("\x1b[2K")


def test_what_others_write_to_standard_error_goes_above_the_board(terminal: Callable[..., pexpect.spawn]) -> None:
    child = terminal(
        "with TerminalView(sys.stderr) as view:\n    watch(view)\n    input()\n    print('look', file=sys.stderr)\n"
    )
    child.expect("round 1/5")
    child.sendline("")
    assert "look" in screen(seen(child), 80)


def test_a_very_fast_run_leaves_its_lines_and_nothing_else(terminal: Callable[..., pexpect.spawn]) -> None:
    raw = seen(terminal("with TerminalView(sys.stderr) as view:\n    play(judging, view)\n", width=100))
    lines = screen(raw, 100)
    assert "  → Converged! Winner: x/a (9.0 ≥ 8.0, stable 2/2)" in lines
    assert "·" not in "".join(lines)
