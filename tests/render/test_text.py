"""The answer for standard output and the report for people."""

import pytest

from folkmoot.render.text import answer_text, report_text, status_text
from folkmoot.types import Candidate, Failure, Outcome, Result, SeatReport, Usage
from tests.render.scripted import judging, outcome, play, refusing, result

FIRST, SECOND = {"s1": 8.0, "s2": 9.0, "s3": 7.0}, {"s1": 9.5, "s2": 9.0, "s3": 7.0}

CONVERGED = """
Converged in 2 rounds: 9.5 ≥ 8.0, stable 2/2 [vote-threshold]
Winner: codex-cli/gpt-5.4, mean score 9.5
                         R1    R2
    codex-cli/gpt-5.4     8.0   9.5 ★
    gemini-cli/gemini-3   9.0   9.0
    claude-code/opus      7.0   7.0
Round 1 was led by gemini-cli/gemini-3 (9.0)
The other answers:
     9.0  gemini-cli/gemini-3 — "answer of s2"
     7.0  claude-code/opus — "answer of s3"
18 calls · 1 min 21 s · 3,000 tokens in, 300 out · $0.0300
How it came about: folkmoot show --verbose 20260101-120000_what-is-6_0a1b
"""


def converged() -> Result:
    return result(outcome("9.5 ≥ 8.0, stable 2/2", FIRST, SECOND, leader="s1", met=True))


def undecided() -> Result:
    return result(outcome("9.5/8.0, stable 1/2", FIRST, SECOND, leader="s1"))


def report(shown: Result) -> str:
    return report_text(shown, colour=False)


def test_the_winners_answer_stands_alone_and_verbatim() -> None:
    said = "\n  **Drive.**\r\n\x1b[31m[bold]\t"
    shown = result(outcome("x", FIRST, leader="s1", met=True, answer=said))
    assert answer_text(shown) == said


def test_without_a_winner_all_answers_are_shown_the_best_first() -> None:
    shown = result(outcome("x", {"s1": 7.0, "s3": 7.5}, leader="s3"))
    assert answer_text(shown) == (
        "── claude-code/opus (7.5) ──\nanswer of s3\n\n"
        "── codex-cli/gpt-5.4 (7.0) ──\nanswer of s1\n\n"
        "── gemini-cli/gemini-3 (not scored) ──\nanswer of s2"
    )


def test_where_nobody_judges_no_answer_is_called_unscored() -> None:
    shown = result(outcome("3 of 3 seats answered", leader=None, status="answered"))
    assert answer_text(shown).splitlines()[0] == "── codex-cli/gpt-5.4 ──"


def test_without_any_answer_nothing_is_written() -> None:
    assert answer_text(result(Outcome(status="insufficient_models", met=False))) == ""


def test_the_report_of_a_converge_reads_as_a_whole() -> None:
    assert report(converged()).splitlines() == CONVERGED.splitlines()


def test_the_report_of_a_real_converge_names_the_winner_and_what_it_took() -> None:
    lines = report(play(judging)).splitlines()
    assert lines[1] == "Converged in 2 rounds: 9.0 ≥ 8.0, stable 2/2 [vote-threshold]"
    assert lines[2] == "Winner: x/a, mean score 9.0"
    assert lines[-1].startswith("18 calls · ")
    assert lines[-1].endswith(" · tokens not reported · free")


def test_no_agreement_says_how_to_go_on() -> None:
    lines = report(undecided()).splitlines()
    assert lines[1:3] == [
        "No agreement after 2 rounds: 9.5/8.0, stable 1/2 [vote-threshold]",
        "No answer was chosen: all of them are above",
    ]
    assert lines[-1] == "Go on: folkmoot resume 20260101-120000_what-is-6_0a1b --rounds 5"
    assert "The other answers" not in report(undecided())


def test_a_leader_that_is_shown_all_the_same_is_not_called_the_winner() -> None:
    ended = outcome("1 of 2 seats", FIRST, leader="s2", status="insufficient_models", winner="s2", answer="so")
    lines = report(result(ended)).splitlines()
    assert lines[1] == "Too few seats answered in round 1: 1 of 2 seats [vote-threshold]"
    assert lines[2] == "Ahead when it ended: gemini-cli/gemini-3, mean score 9.0"
    assert lines[-1].endswith(" --retry-failed")


def test_the_same_words_are_not_called_another_answer() -> None:
    answers = tuple(Candidate(seat=seat, answer=text) for seat, text in (("s1", "Drive."), ("s2", " drive.\n")))
    shown = report(result(outcome("x", FIRST, leader="s1", met=True, answer="Drive.", answers=answers)))
    assert "       -  gemini-cli/gemini-3 — word for word the same" in shown


def test_who_voted_against_what_won_is_named_with_the_reason() -> None:
    against = [
        {"model_id": "claude-code/opus", "vote": "REVISE", "reason": "The caveat\nis lost."},
        {"model_id": "gemini-cli/gemini-3", "vote": "REJECT", "reason": ""},
    ]
    won = outcome("2 of 3", leader="s1", met=True).model_copy(update={"details": {"dissent": against}})
    lines = report(result(won)).splitlines()
    assert 'Against it: claude-code/opus — REVISE — "The caveat is lost."' in lines
    assert "Against it: gemini-cli/gemini-3 — REJECT" in lines


@pytest.mark.parametrize(
    ("synthesis", "shown"),
    [
        ({"dissent": "One says\nwalk."}, ['Dissent, in the arbiter\'s words: "One says walk."']),
        ({"dissent": ""}, []),
        ({"model_id": "x"}, []),
        ("a merge", []),
        (None, []),
    ],
)
def test_an_arbiters_word_on_dissent_is_shown_where_there_is_one(synthesis: object, shown: list[str]) -> None:
    won = outcome("sure", leader="s1", met=True).model_copy(update={"details": {"synthesis": synthesis}})
    assert [line for line in report(result(won)).splitlines() if line.startswith("Dissent")] == shown


def test_losses_are_all_named() -> None:
    failures = (
        Failure(step="r1/evaluate/s1>s2", seat="s1", model_id="codex-cli/gpt-5.4", round=1, phase="evaluate",
                kind="server", message="503\nbusy"),
        *(Failure(step=f"r{n}/propose/s3", seat="s3", model_id="claude-code/opus", round=n, phase="propose",
                  kind="auth", message="refused", dropped=True) for n in range(2, 9)),
    )  # fmt: skip
    shown = report(
        converged().model_copy(update={"failures": failures, "degraded": True, "dropped": ("claude-code/opus",)})
    )
    assert "8 calls without a usable reply:" in shown
    assert "    ✗ round 1 evaluate  codex-cli/gpt-5.4 → gemini-cli/gemini-3: 503 busy\n" in shown
    assert "    ✗ round 2 propose  claude-code/opus: refused\n" in shown
    assert "    and 2 more\n" in shown
    assert "! Took no part to the end: claude-code/opus\n" in shown


def test_a_seat_lost_in_a_real_run_is_in_the_report() -> None:
    shown = report(play(refusing))
    assert "    ✗ round 1 propose  x/b: the key was refused\n" in shown
    assert "! Took no part to the end: x/b\n" in shown


def seat(name: str, **given: object) -> SeatReport:
    fields = {"model_id": f"p/{name}", "seat": name, "model": f"p/{name}", "calls": 2, "billing": "metered"} | given
    return SeatReport.model_validate(fields)


def test_a_model_that_was_not_asked_for_is_named() -> None:
    shown = report(converged().model_copy(update={"seats": (seat("s1", answered_by="mini\x1b", mismatch=True),)}))
    assert "! p/s1 was answered by another model: mini␛" in shown


@pytest.mark.parametrize(
    ("seats", "list_usd", "words"),
    [
        ((seat("s1", cost_usd=0.01), seat("s2", cost_usd=0.0023)), None, "$0.0123"),
        ((seat("s1", cost_usd=0.01), seat("s2", cost_usd=None)), None, "at least $0.0100, price unknown: p/s2"),
        ((seat("s1", cost_usd=None), seat("s2", cost_usd=None)), None, "price unknown: p/s1, p/s2"),
        ((seat("s1", billing="subscription"),), 0.08, "covered by subscription, list $0.0800"),
        ((seat("s1", billing="subscription"),), None, "covered by subscription"),
        ((seat("s1", billing="free"),), None, "free"),
        ((seat("s1", billing=None),), None, "nothing billed"),
        ((seat("s1", calls=0),), None, "nothing spent"),
    ],
)
def test_the_cost_never_pretends_to_be_known(seats: tuple[SeatReport, ...], list_usd: float | None, words: str) -> None:
    shown = converged().model_copy(update={"seats": seats, "list_usd": list_usd})
    assert report(shown).splitlines()[-2].endswith(f" · {words}")


def test_retries_repairs_and_the_cached_share_are_told() -> None:
    used = Usage(input_tokens=1000, output_tokens=50, cached_tokens=400)
    shown = converged().model_copy(update={"attempts": 21, "repairs": 1, "usage": used, "elapsed_ms": 1500})
    assert report(shown).splitlines()[-2] == (
        "18 calls, 2 further attempts, 1 repair · 1.5 s · 1,000 tokens in (40% from cache), 50 out · $0.0300"
    )


@pytest.mark.parametrize(
    ("status", "words", "resume"),
    [
        ("over_budget", "Stopped in round 2: the budget is used up", " --budget USD"),
        ("cancelled", "Interrupted in round 2", ""),
        ("unfinished", "Unfinished: the record ends in round 2", ""),
        ("deadlock", "Deadlock after 2 rounds; the proposal with most support stands", None),
    ],
)
def test_every_ending_has_words_and_a_way_on(status: str, words: str, resume: str | None) -> None:
    ended = result(outcome("x", FIRST, SECOND, leader="s1", status=status))
    assert status_text(ended) == words
    last = report(ended).splitlines()[-1]
    assert last.startswith("How it came about") if resume is None else last.endswith(f"_0a1b{resume}")


def test_a_run_without_a_record_offers_no_commands() -> None:
    assert "folkmoot" not in report(undecided().model_copy(update={"run_id": ""}))


def test_one_seat_is_not_scored() -> None:
    lines = report(play(judging, models=["x/a"])).splitlines()
    assert lines[1:3] == ["One seat answered; nobody judged it", "Winner: x/a"]


def test_the_other_answers_of_many_seats_are_named_on_one_line() -> None:
    answers = tuple(Candidate(seat=f"s{n}", answer=f"no. {n}", score=9.0 - n / 10) for n in range(1, 21))
    shown = report(result(outcome("x", leader="s1", met=True, answers=answers, answer="no. 1")))
    assert shown.count(" — ") == 6
    assert "    and s8 (8.2), s9 (8.1), " in shown


def test_colour_is_used_only_when_asked_for() -> None:
    assert "\x1b" not in report(converged())
    assert "\x1b[32mConverged in 2 rounds\x1b[0m" in report_text(converged(), colour=True)
