"""What a run looks like, line by line."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from folkmoot import events
from folkmoot.core.limits import Limits
from folkmoot.render.plain import PlainView
from folkmoot.types import Outcome, Request
from tests.render.scripted import (
    begun,
    failed,
    finished,
    judging,
    offered,
    outcome,
    play,
    play_again,
    refusing,
    repaired,
    result,
    retried,
    review,
    started,
)

ROUND = (started(), events.RoundStarted(1, 5), events.PhaseStarted(1, "propose"))


def told(*happened: events.Event, colour: bool = False) -> str:
    stream = io.StringIO()
    view = PlainView(stream, colour=colour)
    for event in happened:
        view(event)
    return stream.getvalue()


def phase(name: str, *calls: events.CallFinished, round: int = 1) -> list[events.Event]:
    return [
        events.PhaseStarted(round, name),
        *(begun(call.step) for call in calls),
        *calls,
        events.PhaseFinished(round, name, 1.0),
    ]


README_MODELS = ("codex-cli/gpt-5.4", "gemini-cli/gemini-3.1-pro-preview", "claude-code/claude-opus-4-6")

README = """
  Round 1/5
  ── propose ──
    ✓ codex-cli/gpt-5.4 proposed (1 word) — "42."
    ✓ gemini-cli/gemini-3.1-pro-preview proposed (56 words) — "The answer is **42**, as everybody knows who has r..."
    ✓ claude-code/claude-opus-4-6 proposed (72 words) — "42 — after seven and a half million years of think..."
  ── evaluate ──
    ✓ gemini-cli/gemini-3.1-pro-preview → codex-cli/gpt-5.4: 8.0 — "Right, and as short as can be."
    ✓ codex-cli/gpt-5.4 → gemini-cli/gemini-3.1-pro-preview: 9.0 — "Right and clear, though long."
  → Not converged (9.5/8.0, stable 1/2)
                                       R1
    claude-code/claude-opus-4-6         9.5 ★
    gemini-cli/gemini-3.1-pro-preview   8.5
    codex-cli/gpt-5.4                   8.0

  Round 2/5
  ── propose ──
    ✓ codex-cli/gpt-5.4 proposed (11 words) — "42, in a book that everybody should have read at l..."
  ── evaluate ──
    ✓ gemini-cli/gemini-3.1-pro-preview → claude-code/claude-opus-4-6: 10.0 — "Nothing is missing."
  → Converged! Winner: claude-code/claude-opus-4-6 (9.5 ≥ 8.0, stable 2/2)
                                       R1    R2
    claude-code/claude-opus-4-6         9.5   9.5 ★
    codex-cli/gpt-5.4                   8.0   9.0
    gemini-cli/gemini-3.1-pro-preview   8.5   9.0
"""


def test_a_converge_looks_as_in_refinerys_readme() -> None:
    first, second = {"s1": 8.0, "s2": 8.5, "s3": 9.5}, {"s1": 9.0, "s2": 9.0, "s3": 9.5}
    text = told(
        started(README_MODELS),
        events.RoundStarted(1, 5),
        *phase(
            "propose",
            finished("r1/propose/s1", '(1 word) — "42."'),
            finished("r1/propose/s2", '(56 words) — "The answer is **42**, as everybody knows who has r..."'),
            finished("r1/propose/s3", '(72 words) — "42 — after seven and a half million years of think..."'),
        ),
        *phase(
            "evaluate",
            finished("r1/evaluate/s2>s1", '8.0 — "Right, and as short as can be."'),
            finished("r1/evaluate/s1>s2", '9.0 — "Right and clear, though long."'),
        ),
        offered("9.5/8.0, stable 1/2", first, leader="s3"),
        events.RoundStarted(2, 5),
        *phase(
            "propose",
            finished("r2/propose/s1", '(11 words) — "42, in a book that everybody should have read at l..."'),
            round=2,
        ),
        *phase(
            "evaluate",
            finished("r2/evaluate/s2>s3", '10.0 — "Nothing is missing."'),
            round=2,
        ),
        offered("9.5 ≥ 8.0, stable 2/2", first, second, leader="s3", met=True),
    )
    assert text.splitlines() == README.splitlines()


def test_a_real_converge_is_told_with_each_heading_once_a_round() -> None:
    stream = io.StringIO()
    ended = play(judging, PlainView(stream))
    lines = stream.getvalue().splitlines()
    assert ended.status == "converged"
    headings = [line.strip() for line in lines if line.startswith(("  R", "  ──", "  →"))]
    assert headings == [
        "Round 1/5", "── propose ──", "── evaluate ──", "→ Not converged (9.0/8.0, stable 1/2)",
        "Round 2/5", "── propose ──", "── evaluate ──", "→ Converged! Winner: x/a (9.0 ≥ 8.0, stable 2/2)",
    ]  # fmt: skip
    assert '    ✓ x/b → x/a: 9.0 — "Correct and clear."' in lines
    assert lines[-3:] == ["    x/a   9.0   9.0 ★", "    x/c   9.0   9.0", "    x/b   7.0   7.0"]


@pytest.mark.parametrize("concurrency", [1, 2, None])
def test_headings_stand_once_however_few_slots_there_are(concurrency: int | None) -> None:
    stream = io.StringIO()
    play(judging, PlainView(stream), concurrency=concurrency)
    assert stream.getvalue().count("── propose ──") == 2
    assert stream.getvalue().count("── evaluate ──") == 2


def test_a_replayed_run_reads_as_the_run_itself(tmp_path: Path) -> None:
    live, again = io.StringIO(), io.StringIO()
    play(judging, PlainView(live), home=tmp_path)
    play_again(tmp_path, PlainView(again))
    assert sorted(again.getvalue().splitlines()) == sorted(live.getvalue().splitlines())
    assert "on record" not in again.getvalue()


def test_a_later_phase_waits_until_the_one_before_has_ended() -> None:
    happened = [
        *ROUND, begun("r1/propose/s1"), begun("r1/propose/s2"), begun("r1/propose/s3"),
        finished("r1/propose/s1", '(1 word) — "42"'), finished("r1/propose/s2", '(1 word) — "43"'),
        events.PhaseStarted(1, "evaluate"), begun("r1/evaluate/s1>s2"), finished("r1/evaluate/s1>s2", "8.0"),
    ]  # fmt: skip
    assert "evaluate" not in told(*happened)
    assert told(*happened, finished("r1/propose/s3", '(1 word) — "44"')).splitlines()[3:] == [
        '    ✓ codex-cli/gpt-5.4 proposed (1 word) — "42"',
        '    ✓ gemini-cli/gemini-3 proposed (1 word) — "43"',
        '    ✓ claude-code/opus proposed (1 word) — "44"',
        "  ── evaluate ──",
        "    ✓ codex-cli/gpt-5.4 → gemini-cli/gemini-3: 8.0",
    ]


def test_a_seat_that_still_waits_for_its_turn_keeps_the_next_heading_back() -> None:
    text = told(
        *ROUND, begun("r1/propose/s1"), begun("r1/propose/s2"),
        finished("r1/propose/s1", "(1 word)"), finished("r1/propose/s2", "(1 word)"),
        events.PhaseStarted(1, "evaluate"), begun("r1/evaluate/s1>s2"), finished("r1/evaluate/s1>s2", "8.0"),
        begun("r1/propose/s3"), failed("r1/propose/s3", "gone"),
    )  # fmt: skip
    assert text.splitlines()[-3:] == [
        "    ✗ claude-code/opus: gone",
        "  ── evaluate ──",
        "    ✓ codex-cli/gpt-5.4 → gemini-cli/gemini-3: 8.0",
    ]


def test_a_line_of_a_phase_that_was_left_stands_under_its_heading_again() -> None:
    late = finished("r1/propose/s1", "(1 word)")
    text = told(
        *ROUND, events.PhaseFinished(1, "propose", 0.1), *phase("evaluate", finished("r1/evaluate/s1>s2", "8.0")),
        begun(late.step), late,
    )  # fmt: skip
    assert text.splitlines()[-2:] == ["  ── propose ──", "    ✓ codex-cli/gpt-5.4 proposed (1 word)"]


def test_a_phase_that_asks_one_seat_after_another_has_one_heading() -> None:
    asked = [finished(f"r1/propose/{seat}", "(1 word)") for seat in ("s1", "s2", "s3")]
    text = told(started(), events.RoundStarted(1, 1), *(event for call in asked for event in phase("propose", call)))
    assert text.count("── propose ──") == 1
    assert text.count("✓") == 3


def test_what_is_held_back_is_written_when_a_run_breaks_off() -> None:
    stream = io.StringIO()
    with pytest.raises(KeyboardInterrupt), PlainView(stream) as view:
        for event in (
            *ROUND, begun("r1/propose/s1"), events.PhaseStarted(1, "evaluate"), begun("r1/evaluate/s2>s3"),
            finished("r1/evaluate/s2>s3", "8.0"),
        ):  # fmt: skip
            view(event)
        raise KeyboardInterrupt
    assert stream.getvalue().endswith("  ── evaluate ──\n    ✓ gemini-cli/gemini-3 → claude-code/opus: 8.0\n")


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (retried("r1/propose/s1"), "    … codex-cli/gpt-5.4: rate limited, trying again in 2 s"),
        (retried("r1/propose/s1", "idle", 0.5), "    … codex-cli/gpt-5.4: gone silent, trying again in 0.5 s"),
        (
            repaired("r1/propose/s1", "the reply is empty"),
            "    … codex-cli/gpt-5.4: unreadable (the reply is empty), asked once more",
        ),
        (failed("r1/propose/s1", "503\noverloaded"), "    ✗ codex-cli/gpt-5.4: 503 overloaded"),
        (
            events.SeatDropped("s1", "the key was refused", 1),
            "    ! codex-cli/gpt-5.4 takes no further part: the key was refused",
        ),
        (
            events.ModelMismatch("s1", "codex-cli/gpt-5.4", "gpt-5.4-mini"),
            "    ! codex-cli/gpt-5.4 was answered by another model: gpt-5.4-mini",
        ),
        (events.Notice("This is a simulation."), "    ! This is a simulation."),
    ],
)
def test_trouble_is_one_clear_line(event: events.Event, line: str) -> None:
    assert told(*ROUND, event).splitlines()[-1] == line


@pytest.mark.parametrize(
    ("step", "brief", "line"),
    [
        ("r1/vote/s1", "FINALIZE", "    ✓ codex-cli/gpt-5.4 voted — FINALIZE"),
        ("r1/evaluate/s1", "Answer A 8.0", "    ✓ codex-cli/gpt-5.4 evaluated — Answer A 8.0"),
        ("r1/ponder/s1", "so be it", "    ✓ codex-cli/gpt-5.4 (ponder) — so be it"),
        ("r0/synthesize/s1", '(3 words) — "a b c"', '    ✓ codex-cli/gpt-5.4 synthesized (3 words) — "a b c"'),
    ],
)
def test_other_phases_have_their_own_words(step: str, brief: str, line: str) -> None:
    assert told(started(), begun(step), finished(step, brief)).splitlines()[-1] == line


def test_a_protocol_inside_a_protocol_says_where_it_is() -> None:
    text = told(
        started(), events.RoundStarted(1, 2, "converge/"), events.PhaseStarted(1, "propose", "converge/"),
        begun("converge/r1/propose/s1"), finished("converge/r1/propose/s1", '(1 word) — "42"'),
        events.PhaseFinished(1, "propose", 1.0, "converge/"),
        events.PhaseStarted(0, "synthesize"), begun("r0/synthesize/s2"), finished("r0/synthesize/s2", "(2 words)"),
    )  # fmt: skip
    assert text.splitlines() == [
        "",
        "  Round 1/2 (converge)",
        "  ── converge/propose ──",
        '    ✓ codex-cli/gpt-5.4 proposed (1 word) — "42"',
        "  ── synthesize ──",
        "    ✓ gemini-cli/gemini-3 synthesized (2 words)",
    ]


def test_a_phase_that_ends_with_its_verdict_has_one_heading() -> None:
    decided = outcome("2 of 3 seats", leader="s1", met=True, status="voted")
    call = finished("r1/answer/s1", '(1 word) — "42"')
    text = told(
        started(), events.RoundStarted(1, 1), events.PhaseStarted(1, "answer"), begun(call.step), begun("r1/answer/s2"),
        call, events.Offered(decided), events.PhaseFinished(1, "answer", 1.0),
    )  # fmt: skip
    assert text.count("── answer ──") == 1
    assert text.splitlines()[-1] == "  → Voted! Winner: codex-cli/gpt-5.4 (2 of 3 seats)"


def test_what_is_only_kept_in_case_the_run_is_stopped_is_not_announced() -> None:
    kept = outcome("", leader=None, met=True, status="asking")
    assert "→" not in told(*ROUND, begun("r1/propose/s1"), events.Offered(kept))


def test_one_seat_is_neither_scored_nor_called_a_winner() -> None:
    stream = io.StringIO()
    play(judging, PlainView(stream), models=["x/a"])
    assert stream.getvalue().splitlines() == [
        "",
        "  Round 1/1",
        "  ── propose ──",
        '    ✓ x/a proposed (3 words) — "answer of s1"',
        "  → Single model (one seat, nobody to judge it)",
    ]


def test_a_refused_seat_is_shown_failing_and_leaving() -> None:
    stream = io.StringIO()
    ended = play(refusing, PlainView(stream))
    lines = stream.getvalue().splitlines()
    assert ended.degraded
    assert lines.count("    ✗ x/b: the key was refused") == 1
    assert lines.count("    ! x/b takes no further part: the key was refused") == 1


def test_a_repaired_reply_is_shown_as_asked_once_more() -> None:
    def sloppy(request: Request) -> str:
        if request.about.phase == "propose":
            return "an answer"
        return review(9) if len(request.messages) > 1 else "good"

    stream = io.StringIO()
    play(sloppy, PlainView(stream), models=["x/a", "x/b"], options={"rounds": 1, "stability_rounds": 1})
    assert "    … x/a → x/b: unreadable (there is neither a JSON object" in stream.getvalue()
    assert stream.getvalue().count("✓") == 4


def test_a_resumed_run_says_what_it_need_not_ask_again() -> None:
    happened = [
        started(resumed=True), events.RoundStarted(1, 5), events.PhaseStarted(1, "propose"),
        finished("r1/propose/s1", "(1 word)", replayed=True), finished("r1/propose/s2", "(1 word)", replayed=True),
        begun("r1/propose/s3"),
    ]  # fmt: skip
    assert told(*happened).splitlines()[-1] == "    ! 2 calls were on record and not asked again"


def test_a_run_that_breaks_off_says_why() -> None:
    stopped = Outcome(status="over_budget", met=False, round=2, explanation="$0.01 of $0.10 is left")
    text = told(
        *ROUND, offered("7.0/8.0, stable 1/2", {"s1": 7.0}, leader="s1"), events.RoundStarted(2, 5),
        events.RunFinished(result(stopped)),
    )  # fmt: skip
    assert text.splitlines()[-1] == "  → Over budget ($0.01 of $0.10 is left)"


def test_too_few_seats_end_a_real_run_with_a_line() -> None:
    stream = io.StringIO()
    play(refusing, PlainView(stream), models=["x/a", "x/b"], limits=Limits(retries=0))
    assert stream.getvalue().splitlines()[-1].startswith("  → Too few seats (1 of at least 2 seats")


def test_the_same_verdict_in_two_rounds_is_said_twice() -> None:
    scores = {"s1": 7.0, "s2": 6.0}
    verdict = offered("7.0/8.0, stable 1/2", scores, leader="s1")
    text = told(started(), events.RoundStarted(1, 5), verdict, verdict, events.RoundStarted(2, 5), verdict)
    assert text.count("Not converged") == 2


def test_no_model_can_drive_the_terminal() -> None:
    evil = '(3 words) — "\x1b[2J\x1b]0;owned\x07 \x9b31m \u202egnp.exe\r[bold]bold[/bold]\ud800"'
    text = told(
        *ROUND, begun("r1/propose/s1"), finished("r1/propose/s1", evil), failed("r1/propose/s2", "\x1b[31m\x07")
    )
    assert '"␛[2J␛]0;owned␇ �31m �gnp.exe␍[bold]bold[/bold]�"' in text
    assert not {letter for letter in text if letter < " "} - {"\n"}
    text.encode()


def test_colour_is_used_only_when_asked_for() -> None:
    happened = [*ROUND, begun("r1/propose/s1"), finished("r1/propose/s1", "(1 word)")]
    happened.append(events.Offered(outcome("x", {"s1": 9.0}, leader="s1")))
    assert "\x1b" not in told(*happened)
    assert "\x1b[32m✓\x1b[0m" in told(*happened, colour=True)


def test_rich_and_the_provider_libraries_are_not_loaded() -> None:
    code = (
        "import sys, folkmoot.render.plain, folkmoot.render.text, folkmoot.render.as_json;"
        "print([name for name in ('rich', 'pydantic_ai', 'asyncio', 'click') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
