"""The receipt: what the record says the panel was worth, and where it must not guess."""

import asyncio
import json
import pkgutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from folkmoot import protocols
from folkmoot.core.journal import Journal
from folkmoot.errors import ProviderError
from folkmoot.proof.receipt import Receipt, receipt, receipt_of
from folkmoot.proof.receipt.page import receipt_section
from folkmoot.record.store import RunFolder
from folkmoot.render.receipt import receipt_text
from folkmoot.testing import Reply, Script
from folkmoot.types import Completion, Request, Usage
from tests.play import judges, new_folder, play, replayed, spec_for

PROTOCOLS = sorted(module.name for module in pkgutil.iter_modules(protocols.__path__))
TRANSIENT = ProviderError("server", "overloaded")


def of(folder: RunFolder) -> Receipt:
    return asyncio.run(receipt(folder.spec(), folder))


def receipt_for(folder: RunFolder, protocol: str, script: Script, seats: Any = 3, **asked: Any) -> Receipt:
    play(protocol, script, seats, folder=folder, **asked)
    return of(folder)


def saying(**answers: str) -> Callable[[Request], str]:
    """What each seat answers, in the form that keyed answers have."""
    return lambda request: f"I worked it out.\n\nANSWER: {answers[request.about.seat.name]}"


def scoring(answers: dict[str, str], scores: dict[str, float]) -> Callable[[Request], Reply]:
    """Seats of converge that always answer the same, and are given these scores by everybody."""
    return judges(scores, lambda request: f"ANSWER: {answers[request.about.seat.name]}")


def flips(found: Receipt) -> list[bool | None]:
    return [each.flips for each in found.left_out]


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return new_folder(tmp_path)


# ----- alone, the plain vote, dissent


def test_each_seat_alone_is_what_it_answered_first(folder: RunFolder) -> None:
    found = receipt_for(folder, "vote", saying(s1="391", s2="$391.00", s3="381"), early="off")
    assert [each.same_as_result for each in found.alone] == [True, True, False]
    assert [each.conclusion for each in found.alone] == ["391", "$391.00", "381"]
    assert found.alone[2].answer == "I worked it out.\n\nANSWER: 381"


def test_a_later_answer_is_not_what_a_seat_alone_would_have_said(folder: RunFolder) -> None:
    script = judges({"s1": 7, "s2": 9}, lambda request: f"ANSWER: {request.about.round}{request.about.seat.name[1]}")
    found = receipt_for(folder, "converge", script, 2)
    assert [each.conclusion for each in found.alone] == ["11", "12"]
    assert found.ahead == "scripted/b"


def test_a_seat_that_gave_no_first_answer_says_nothing_alone(folder: RunFolder) -> None:
    def script(request: Request) -> Reply:
        return TRANSIENT if request.about.step == "r1/propose/s3" else judges(8)(request)

    found = receipt_for(folder, "converge", script)
    assert (found.alone[2].answer, found.alone[2].same_as_result) == (None, None)
    assert found.alone[2].model_id == "scripted/c"


def test_a_plain_vote_can_differ_from_what_the_judges_made_of_it(folder: RunFolder) -> None:
    said = {"s1": "381", "s2": "391", "s3": "381"}
    found = receipt_for(folder, "converge", scoring(said, {"s1": 5, "s2": 9, "s3": 5}))
    vote = found.plain_vote
    assert (vote.answer, vote.model_id, vote.votes, vote.of, vote.tied) == ("ANSWER: 381", "scripted/a", 2, 3, False)
    assert vote.same_as_result is False
    assert [(each.model_id, each.says, each.differs) for each in found.dissent] == [
        ("scripted/a", "381", True), ("scripted/c", "381", True),
    ]  # fmt: skip


def test_a_tied_vote_goes_to_the_earlier_seat_and_says_so(folder: RunFolder) -> None:
    found = receipt_for(folder, "vote", saying(s1="7", s2="8"), 2)
    assert (found.plain_vote.model_id, found.plain_vote.tied) == ("scripted/a", True)


def test_whether_prose_agrees_is_not_guessed(folder: RunFolder) -> None:
    found = receipt_for(
        folder, "converge", judges({"s1": 9, "s2": 7, "s3": 7}, lambda r: f"It is {r.about.seat.name}, I think.")
    )
    assert [each.same_as_result for each in found.alone] == [True, None, None]
    assert found.plain_vote.answer is None and "cannot be told" in found.plain_vote.why
    assert [each.differs for each in found.dissent] == [None, None]
    assert found.effective_votes.source in (None, "scores")


def test_the_very_same_prose_is_the_same_answer(folder: RunFolder) -> None:
    prose = "It depends on what you need. " * 20
    found = receipt_for(folder, "converge", judges(8, lambda _: prose))
    assert [each.same_as_result for each in found.alone] == [True, True, True]
    assert (found.plain_vote.votes, found.dissent) == (3, ())


# ----- left out


def test_a_seat_without_which_another_answer_would_lead_flips_the_result(folder: RunFolder) -> None:
    said = {"s1": "381", "s2": "391", "s3": "392"}
    found = receipt_for(folder, "converge", scoring(said, {"s1": 5, "s2": 9, "s3": 8}))
    assert flips(found) == [False, True, False]
    assert (found.left_out[1].ahead, found.left_out[1].status) == ("scripted/c", "converged")


def test_another_seat_with_the_same_conclusion_flips_nothing(folder: RunFolder) -> None:
    found = receipt_for(folder, "converge", scoring({"s1": "7", "s2": "7", "s3": "7"}, {"s1": 9, "s2": 8, "s3": 8}))
    assert flips(found) == [False, False, False]
    assert found.left_out[0].ahead == "scripted/b"


def test_a_seat_whose_scores_made_the_threshold_flips_whether_the_rule_is_met(folder: RunFolder) -> None:
    by_judge = {"s1": 8, "s2": 10, "s3": 7}
    script = judges(lambda request: by_judge[request.about.seat.name], lambda _: "ANSWER: 7")
    found = receipt_for(folder, "converge", script, rounds=2, threshold=8.5)
    assert found.status == "converged"
    assert [(each.flips, each.status) for each in found.left_out] == [
        (False, "converged"), (True, "max_rounds_exceeded"), (False, "converged"),
    ]  # fmt: skip


def test_first_answers_that_nobody_had_read_make_an_exact_reckoning(folder: RunFolder) -> None:
    found = receipt_for(folder, "vote", saying(s1="7", s2="8", s3="8", s4="7", s5="8"), 5, early="off")
    assert flips(found) == [False, True, True, False, True]  # 2 : 2 goes to s1
    assert all(each.exact for each in found.left_out)


def test_where_others_had_read_the_seat_it_is_said(folder: RunFolder) -> None:
    found = receipt_for(folder, "converge", judges(8))
    assert not any(each.exact for each in found.left_out)
    assert "taking the words of the others as they are" in receipt_text(found)


def test_where_a_reply_is_not_on_record_the_answer_is_unknown(folder: RunFolder) -> None:
    """Without s3's 9 nobody reaches the threshold in round 2, and what round 3 would have brought nobody knows."""

    def script(request: Request) -> Reply:
        return judges(lambda request: 9 if request.about.step.endswith("s3>s1") else 7, lambda _: "ANSWER: 7")(request)

    found = receipt_for(folder, "converge", script)
    assert found.status == "converged"
    assert flips(found)[2] is None
    assert "the record ends before r3/propose/s1" in found.left_out[2].why
    assert "? without scripted/c: the record ends before r3/propose/s1" in receipt_text(found)


def test_in_a_gate_a_seat_that_was_never_asked_cannot_stand_in(folder: RunFolder) -> None:
    found = receipt_for(folder, "ask", saying(s1="7", s2="7", s3="7"))
    assert flips(found) == [None, None, False]
    assert "the record ends before r1/answer/s3" in found.left_out[0].why


def test_what_is_left_of_a_ranking_still_ranks(folder: RunFolder) -> None:
    def script(request: Request) -> str:
        if request.about.phase == "propose":
            return f"ANSWER: {request.about.seat.number}"
        if request.about.phase == "rank":
            labels = spec_for("council", 4).labels
            order = [labels[seat] for seat in ("s3", "s1", "s2", "s4") if seat != request.about.seat.name]
            return json.dumps({"comparison": "", "ranking": order})
        return "ANSWER: 3"

    found = receipt_for(folder, "council", script, 4)
    assert flips(found) == [False, False, True, False]
    assert found.left_out[2].ahead == "scripted/a"


def test_nothing_is_left_out_where_no_answer_leads_or_one_seat_sits_alone(tmp_path: Path) -> None:
    assert receipt_for(new_folder(tmp_path / "a"), "fanout", "7").left_out == ()
    assert receipt_for(new_folder(tmp_path / "b"), "converge", "7", 1).left_out == ()


def test_reckoning_leaves_the_record_as_it_is(folder: RunFolder) -> None:
    play("converge", judges(8), folder=folder)
    before = folder.journal.read_bytes(), replayed(folder)
    of(folder)
    assert (folder.journal.read_bytes(), replayed(folder)) == before


# ----- phases


def test_each_phase_says_what_it_cost_and_what_it_changed(folder: RunFolder) -> None:
    def script(request: Request) -> Reply:
        text = scoring(
            {"s1": "381", "s2": "391"}, {"s1": 8, "s2": 7} if request.about.round == 1 else {"s1": 6, "s2": 9}
        )(request)
        assert isinstance(text, str)
        return Completion(text=text, usage=Usage(input_tokens=100, output_tokens=10), usd=0.01)

    found = receipt_for(folder, "converge", script, 2, rounds=3)
    assert [(each.round, each.phase, each.calls, each.usd) for each in found.phases] == [
        (round, phase, 2, 0.02) for round in (1, 2, 3) for phase in ("propose", "evaluate")
    ]
    assert found.phases[0].usage == Usage(input_tokens=200, output_tokens=20)
    assert [(each.changed, each.ahead) for each in found.phases] == [
        *[(None, "scripted/a")] * 2, *[(True, "scripted/b")] * 2, *[(False, "scripted/b")] * 2,
    ]  # fmt: skip


def test_an_unknown_price_and_a_failed_attempt_are_not_lost(folder: RunFolder) -> None:
    def script(request: Request) -> Reply:
        if request.about.seat.name == "s1":
            return ProviderError("server", "overloaded", usd=0.5)
        usd = None if request.about.seat.name == "s2" else 0.25
        return Completion(text="ANSWER: 7", usd=usd)

    found = receipt_for(folder, "vote", script, 3, early="off")
    assert [(each.calls, each.usd) for each in found.phases] == [(3, None)]


def test_a_chair_that_writes_what_was_ranked_first_changed_nothing(folder: RunFolder) -> None:
    def script(request: Request) -> str:
        return request.about.example if request.about.phase == "rank" else "ANSWER: 7"

    found = receipt_for(folder, "council", script)
    assert [(each.phase, each.changed) for each in found.phases] == [
        ("propose", None), ("rank", None), ("synthesize", False),
    ]  # fmt: skip


def test_phases_of_a_protocol_within_a_protocol_are_told_apart(folder: RunFolder) -> None:
    found = receipt_for(folder, "synthesize", lambda request: request.about.example)
    assert {each.scope for each in found.phases} == {"converge/", ""}
    assert sum(each.calls for each in found.phases) == replayed(folder).total_calls


# ----- independent votes


def test_seats_that_all_say_the_same_count_as_one(folder: RunFolder) -> None:
    found = receipt_for(folder, "vote", saying(s1="7", s2="7", s3="7"), early="off").effective_votes
    assert (found.votes, found.of, found.correlation, found.source) == (1.0, 3, 1.0, "answers")


def test_seats_that_all_say_something_else_count_as_many(folder: RunFolder) -> None:
    found = receipt_for(folder, "vote", saying(s1="7", s2="8", s3="9"), early="off").effective_votes
    assert (found.votes, found.correlation) == (3.0, 0.0)


def test_judges_that_score_alike_count_as_one(folder: RunFolder) -> None:
    found = receipt_for(folder, "converge", judges({"s1": 9, "s2": 7, "s3": 5, "s4": 3, "s5": 2}), 5, rounds=2)
    assert found.effective_votes.source == "scores" and found.effective_votes.votes == 1.0


def test_from_scores_that_do_not_vary_nothing_follows(folder: RunFolder) -> None:
    found = receipt_for(folder, "converge", judges(8), 3)
    assert found.effective_votes.votes is None and "cannot be told" in found.effective_votes.why


# ----- as a whole


@pytest.mark.parametrize("name", PROTOCOLS)
@pytest.mark.parametrize("seats", [1, 2, 4])
def test_every_protocol_has_a_receipt_that_holds_together(name: str, seats: int, folder: RunFolder) -> None:
    result = play(name, lambda request: request.about.example, seats, folder=folder)
    found = of(folder)
    assert Receipt.model_validate_json(found.model_dump_json()) == found
    assert found.status == result.status
    assert sum(each.calls for each in found.phases) >= result.total_calls  # some come after the decision
    assert len(found.alone) == seats
    assert any(each.answer for each in found.alone)
    for each in found.left_out:
        assert each.flips is not None or each.why
        assert "Error" not in each.why, f"{name} breaks without {each.seat}: {each.why}"
    assert receipt_text(found)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_run_that_was_cut_short_has_one_too(name: str, folder: RunFolder) -> None:
    spec = spec_for(name)
    play(
        spec.model_copy(update={"limits": spec.limits.model_copy(update={"max_calls": 2})}),
        lambda r: r.about.example,
        folder=folder,
    )
    found = of(folder)
    assert found.status and all(each.flips is not None or each.why for each in found.left_out)
    whole, lines = folder.journal.read_bytes(), folder.journal.read_bytes().splitlines(keepends=True)
    for count in range(len(lines)):
        folder.journal.write_bytes(b"".join(lines[:count]))
        receipt_text(of(folder))
    folder.journal.write_bytes(whole)


def test_a_result_leads_to_its_receipt_from_any_kind_of_code(folder: RunFolder) -> None:
    async def within_a_loop() -> Receipt | None:
        return receipt_of(result)

    result = play("converge", judges(8), folder=folder)
    assert receipt_of(result) == of(folder) == asyncio.run(within_a_loop())
    assert receipt_of(play("converge", judges(8))) is None


def test_a_receipt_needs_no_folder() -> None:
    journal = Journal(None)
    spec = spec_for("vote")
    play(spec, saying(s1="7", s2="7", s3="8"), journal=journal)
    assert asyncio.run(receipt(spec, None, journal=journal)).plain_vote.votes == 2


def test_the_text_says_what_is_known_and_what_is_not(folder: RunFolder) -> None:
    found = receipt_for(folder, "vote", saying(s1="7", s2="8", s3="8", s4="9", s5="8"), 5, early="off")
    text = receipt_text(found)
    assert '≠ scripted/a: "7"' in text and '= scripted/b: "8"' in text
    assert '= "8" with 3 of 5 votes' in text
    assert "= without scripted/a nothing changes" in text
    assert "round 1 answer  5 calls" in text
    assert '≠ scripted/a: "7"' in text.partition("Dissent")[2]
    assert "5 seats count as at least 2.27 (agreement of the first answers: 0.30)" in text


def test_the_page_says_the_same_and_no_answer_can_mark_it_up(folder: RunFolder) -> None:
    found = receipt_for(folder, "vote", saying(s1="# 7 <b>|</b>", s2="8", s3="8", s4="9", s5="8"), 5, early="off")
    page = "\n\n".join(receipt_section(found))
    assert page.startswith("## What the panel was worth")
    assert '"8" with 3 of 5 votes (the same as the result)' in page
    assert "- without `scripted/b` nothing changes" in page
    assert "| round 1 answer | 5 | 0 tokens in, 0 out |" in page
    assert "<b>" not in page


def test_nothing_in_the_text_can_steer_a_terminal(folder: RunFolder) -> None:
    found = receipt_for(folder, "vote", lambda _: "ANSWER: \x1b[2J\x1b]0;x\x07nine")
    assert not set(receipt_text(found)) & {"\x1b", "\x07"}


def test_five_seats_and_two_rounds_take_less_than_50_ms(folder: RunFolder) -> None:
    play("converge", judges(8), 5, folder=folder)
    spec = folder.spec()
    asyncio.run(receipt(spec, folder))  # imports
    took = []
    for _ in range(5):
        began = time.process_time()
        asyncio.run(receipt(spec, folder))
        took.append(time.process_time() - began)
    assert min(took) < 0.05, took
