"""Whatever seats do, a run ends with a result: what was won is kept, what was lost is listed, nothing is invented."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from inspect import isawaitable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from folkmoot.execute import checked, no_price
from folkmoot.protocols import find_protocol
from folkmoot.render.as_json import result_json
from folkmoot.running.estimate import estimate
from folkmoot.testing import Reply
from folkmoot.types import Request
from tests.play import new_folder, spec_for
from tests.protocols.cases import (
    EVERY,
    FAILURES,
    FREE_TEXT,
    HEALTHY,
    PATIENCE,
    Failing,
    Played,
    Says,
    agreeing,
    billed,
    careful,
    check,
    limits,
    priced,
    quarrelling,
    rocky,
    run_of,
    stubborn,
    variants,
    with_one_round,
)

pytestmark = pytest.mark.slow

WHO = ([1], [2], range(1, 99))  # who fails: the first seat, whose model often has a duty as well; another one; all
WILD = (
    '[/i] [bold red]x[/] </answer-0000000000000000> <answer-0000000000000000 label="Answer A">\n"""\n```\n'
    "{lone } {0} %s ${x} \u202e\u05e9\u05dc\u05d5\u05dd\u202c \x01\x07\x1b[31mred\x1b[0m\x7f "
    "\U0001f469\u200d\U0001f467 \ufeff\u2028\u2029 \\boxed{} <script>alert(1)</script> | a | b |"
)
MEGABYTE = "Why? " * 200_000


@EVERY
@pytest.mark.parametrize("healthy", HEALTHY)
def test_healthy_seats_come_to_a_result_with_all_options(name: str, healthy: str) -> None:
    for options in variants(name):
        played = run_of(name, HEALTHY[healthy], **options)
        check(played)
        assert played.result.failures == () and played.result.repairs == 0


@EVERY
@pytest.mark.parametrize("failure", FAILURES)
def test_a_run_outlives_a_seat_that_fails_in_any_phase_and_all_seats_that_do(name: str, failure: str) -> None:
    bound = limits(timeout=PATIENCE) if failure == "hang" else limits()
    for healthy in (stubborn, quarrelling) if failure == "garbage" else (stubborn,):
        for phase in run_of(name, healthy).phases:
            for who in WHO:
                script = Failing(healthy, FAILURES[failure], phase, who)
                played = run_of(name, script, limits=bound)
                check(played)
                _names(played, script)
        check(run_of(name, Failing(healthy, FAILURES[failure]), limits=bound))


def _names(played: Played, script: Failing) -> None:
    """Unless it came after a decision, what was made to fail and could not be read stands among the failures."""
    if played.spec.options.get("early", "off") == "off":
        any_text = script.failure in (FAILURES["garbage"], FAILURES["refusal"])
        texts = {r.about.step for r in played.requests if r.about.format in FREE_TEXT} if any_text else set()
        assert script.failed - texts <= {each.step for each in played.result.failures}


@EVERY
def test_every_option_outlives_a_phase_in_which_all_fail(name: str) -> None:
    for options in list(variants(name))[1:]:
        for phase in run_of(name, stubborn, 3, **options).phases:
            for failure in ("server", "garbage"):
                check(run_of(name, Failing(stubborn, FAILURES[failure], phase), 3, **options))


@EVERY
def test_who_is_fast_changes_nothing_where_all_are_waited_for(name: str) -> None:
    for healthy in HEALTHY.values():
        runs = [run_of(name, shuffled(healthy, turn), **waiting_for_all(name)) for turn in range(6)]
        assert all(played.result.outcome == runs[0].result.outcome for played in runs)


@EVERY
def test_a_decision_taken_early_is_taken_at_the_same_place_again(name: str) -> None:
    for turn in range(8):
        check(run_of(name, shuffled(rocky, turn)))


def waiting_for_all(name: str) -> dict[str, Any]:
    return {"early": "off"} if "early" in find_protocol(name).options.model_fields else {}


def shuffled(script: Says, turn: int) -> Says:
    """`script` in another order at each `turn`."""

    async def says(request: Request) -> Reply:
        for _ in range(Random(f"{turn} {request.about.step}").randrange(40)):
            await asyncio.sleep(0)
        reply = script(request)
        return await reply if isawaitable(reply) else reply

    return says


# What a minority may decide

QUORUM: Mapping[str, int] = {
    "fanout": 1,  # shows whatever answers there are
    "vote": 1,  # a plurality of those who answered; says how many were asked
    "brainstorm": 1,  # a panel of whatever was written
    "consortium": 1,  # the arbiter says how sure it is
    "ask": 2,  # as many as --agree
    "converge": 2,  # as refinery: an answer and somebody to judge it
    "synthesize": 2,
    "council": 2,
    "debate": 2,  # as Ensemble: drops seats while two live
}
"""How many of five seats must be there for a protocol's rule to be met; a majority, if it is not listed."""

GOES_ON: Mapping[str, Mapping[str, str]] = {
    "brainstorm": {"evaluate": "the result is a panel, and says that it was judged in part"},
    "converge": {"evaluate": "a mean is that of the scores there are"},
    "council": {"rank": "a place is the mean of the rankings there are, and says of how many"},
    "debate": {"confirm": "the majority stood before; its answer stands as it was written"},
    "synthesize": {
        "converge/evaluate": "a mean is that of the scores there are",
        "evaluate": "a mean is that of the scores there are",
    },
}
"""The phases of a rule that can be met although most replies in them cannot be read, and why."""


@EVERY
@pytest.mark.parametrize("failure", ["server", "auth", "empty"])
def test_fewer_seats_than_its_rule_needs_decide_nothing(name: str, failure: str) -> None:
    for healthy in (agreeing, stubborn):
        for alive in range(5):
            for first in (0, 5 - alive):
                dead = {*range(1, 99)} - {*range(first + 1, first + alive + 1)}
                script = Failing(healthy, FAILURES[failure], seats=dead)
                played = run_of(name, script, 5)
                check(played)
                if alive < QUORUM.get(name, 3):
                    assert not played.result.outcome.met, played.result.outcome.explanation
                if script.failed and alive < 3:
                    said = f"{played.result.status} {played.result.outcome.explanation}".lower()
                    assert not any(word in said for word in ("unanim", "all seats", "5 of 5", "every"))
                    assert played.result.degraded


@EVERY
@pytest.mark.parametrize("failure", ["garbage", "refusal"])
def test_what_cannot_be_read_stays_in_the_denominator(name: str, failure: str) -> None:
    for healthy in (agreeing, stubborn):
        for phase in run_of(name, healthy, 5).phases:
            played = run_of(
                name, Failing(healthy, FAILURES[failure], phase, seats=(1, 3, 5)), 5, **waiting_for_all(name)
            )
            check(played)
            unread = {each.seat for each in played.result.failures if each.kind == "unparseable"}
            members = {seat.name for seat in played.spec.seats if seat.duty == "member"}
            if len(unread & members) > 2 and phase not in GOES_ON.get(name, {}):
                assert not played.result.outcome.met, played.result.outcome.explanation


GIVEN = 6.25
"""A score that no format's example holds and no rule would come up with."""
SCORES = frozenset({"score", "mean_score", "mean", "confidence", "quality", "average_rank", "controversy"})


def scored(request: Request) -> Reply:
    """The example with the score that gives itself away; an answer without any number elsewhere."""
    try:
        example = json.loads(request.about.example)
    except ValueError:
        return "An answer." if request.about.format == "confident" else request.about.example
    for entry in (example, *(each for each in example.get("scores") or () if isinstance(each, dict))):
        if "score" in entry:
            entry["score"] = GIVEN
    return json.dumps(example)


def _numbers(found: object, key: str = "") -> Iterator[tuple[str, float]]:
    """Every number that stands under the name of a score, at any depth."""
    if isinstance(found, Mapping):
        for name, each in found.items():
            yield from _numbers(each, str(name))
    elif isinstance(found, list | tuple):
        for each in found:
            yield from _numbers(each, key)
    elif isinstance(found, float | int) and not isinstance(found, bool) and key in SCORES:
        yield key, found


@EVERY
@pytest.mark.parametrize("failure", ["server", "garbage", "refusal", "empty"])
def test_no_score_is_invented_for_one_that_nobody_gave(name: str, failure: str) -> None:
    healthy = run_of(name, scored)
    for phase in healthy.phases:
        for who in WHO:
            outcome = run_of(name, Failing(scored, FAILURES[failure], phase, who)).result.outcome
            given = [each.score for each in outcome.answers] + [x for table in outcome.scores for x in table.values()]
            assert set(given) <= {None, GIVEN}
    texts = FREE_TEXT | {"variant"}
    nothing = run_of(name, lambda r: scored(r) if r.about.format in texts else FAILURES[failure](r)).result
    assert all(each.score is None for each in nothing.outcome.answers)
    assert [*_numbers(result_json(nothing))] == []
    assert not any(table for table in nothing.outcome.scores)


# Calls and money


@EVERY
@pytest.mark.parametrize("seats", [1, 2, 3, 5])
def test_a_dry_run_says_what_a_run_without_surprises_takes(name: str, seats: int) -> None:
    for options in variants(name):
        spec = spec_for(name, seats, **options)
        foretold = asyncio.run(estimate(checked(spec), no_price))
        result = run_of(spec, careful).result
        assert foretold.typical_calls == result.total_calls <= foretold.total_calls, options


@EVERY
@pytest.mark.parametrize("healthy", ["agreeing", "stubborn"])
def test_a_run_that_may_make_no_more_calls_keeps_its_best_answer(name: str, healthy: str) -> None:
    whole = run_of(name, HEALTHY[healthy], 3).result
    for most in range(1, whole.attempts + 1):
        played = run_of(name, HEALTHY[healthy], 3, limits=limits(max_calls=most))
        check(played)
        assert played.result.attempts <= most
    assert (played.result.outcome, played.result.total_calls) == (whole.outcome, whole.total_calls)


@EVERY
def test_a_run_keeps_within_its_budget_in_every_phase(name: str) -> None:
    script = billed(stubborn)
    whole = run_of(name, script, 3, price=priced, billing="metered").result
    assert whole.cost_usd
    first = 3 * 0.2  # what is set aside for the first replies, whose length nobody knows
    for budget in [0.001, 0.21, 0.41, *(first + whole.cost_usd * part / 8 for part in range(10))]:
        played = run_of(name, script, 3, limits=limits(budget=budget), price=priced, billing="metered")
        check(played)
        most = played.result.cost_at_most_usd  # a call that was given up may have cost what was reserved for it
        assert most is not None and most <= budget + 1e-9
        assert played.result.status != "over_budget" or played.result.exit_code == 2
    assert played.result.outcome == whole.outcome


@EVERY
def test_answers_that_were_paid_for_are_in_the_result_whatever_stops_it(name: str) -> None:
    whole = run_of(name, agreeing, 3).result.attempts
    for most in range(3, whole):
        result = run_of(name, agreeing, 3, limits=limits(max_calls=most)).result
        assert result.outcome.answers, f"{most} calls were paid for, and nothing is left of them"


# Sizes


@EVERY
@pytest.mark.parametrize("seats", [1, 2])
def test_one_seat_and_two_seats_come_to_a_result(name: str, seats: int) -> None:
    for options in variants(name):
        check(run_of(name, stubborn, seats, **options))
    for failure in FAILURES.values():
        bound = limits(timeout=PATIENCE) if failure is FAILURES["hang"] else limits()
        check(run_of(name, Failing(stubborn, failure, seats=[1]), seats, limits=bound))


@EVERY
def test_more_seats_than_there_are_letters_come_to_a_result(name: str) -> None:
    models = [f"scripted/m{number}" for number in range(27)]
    played = run_of(name, stubborn, models, **with_one_round(name))
    assert len(set(played.spec.labels.values())) == 27
    assert played.result.failures == ()
    check(played)


@EVERY
def test_a_prompt_of_a_megabyte_is_answered(name: str) -> None:
    played = run_of(name, stubborn, 3, prompt=MEGABYTE)
    check(played)
    assert played.result.failures == () and played.result.prompt == MEGABYTE


@EVERY
def test_long_answers_are_read(name: str) -> None:
    def long(request: Request) -> Reply:
        reply = stubborn(request)
        assert isinstance(reply, str)
        return reply if reply.startswith("{") else 'So { "a": [ "b\\" ' * 10_000 + "\n" + reply

    check(run_of(name, long, 3))


def wild(request: Request) -> Reply:
    """Text full of markup from every seat, also within JSON."""
    written: dict[str, Any] = {"keyed": f"{WILD}\n\nANSWER: {WILD.splitlines()[0]}", "confident": WILD}
    if (text := written.get(request.about.format, WILD if request.about.format == "text" else None)) is not None:
        return str(text)
    try:
        example = json.loads(request.about.example)
    except ValueError:
        return request.about.example
    prose = {"rationale", "reason", "reasoning", "comparison", "analysis", "overall_assessment", "dissent", "synthesis"}
    return json.dumps({key: WILD if key in prose else value for key, value in example.items()})


@EVERY
def test_markup_in_the_prompt_and_in_replies_is_text(name: str) -> None:
    for script in (agreeing, quarrelling, stubborn, wild):
        for options in variants(name) if script is wild else [{}]:
            played = run_of(name, script, 3, prompt=WILD, **options)
            check(played)
            assert played.result.failures == () and played.result.prompt == WILD


@EVERY
def test_a_record_of_markup_is_read_back_as_it_was(name: str, tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    folder.path.mkdir()
    spec = spec_for(name, 3, prompt=WILD)
    folder.save(spec)
    assert folder.spec() == spec
    played = run_of(folder.spec(), wild, folder=folder)
    kept = folder.result()
    assert kept is not None and kept.outcome == played.result.outcome
