"""Confidence that was earned: numbers where enough is known, words where it is not."""

import json
import random
from pathlib import Path

import pytest

from folkmoot.counting.earned import SeenAgreement, earned, earned_text, interval
from folkmoot.counting.evidence import Evidence, MarkedAnswer
from folkmoot.counting.value import learn, plan_for
from folkmoot.errors import InputError
from folkmoot.evals.marked import read_marked
from folkmoot.evals.reliability import reliability, reliability_svg, reliability_text
from folkmoot.testing import ScriptedProvider
from tests.counting.sampled import WORLDS
from tests.play import play, spec_for
from tests.running.test_valued import a_plan, said

DATA = Path(__file__).parent.parent / "data"


def table(*rows: SeenAgreement, waves: tuple[int, ...] = (2, 1)) -> dict[str, object]:
    return {**a_plan(waves), "agreement": [row.model_dump() for row in rows]}


def test_agreement_that_was_seen_often_enough_has_a_number_with_source_and_size() -> None:
    value = table(SeenAgreement(leading=2, heard=2, questions=400, right=0.95))
    found = play("ask", said(s1="7", s2="7"), 3, value=value).outcome.details["confidence"]
    assert (found["right"], found["questions"], found["source"]) == (0.95, 400, "a test")
    assert found["low"] < 0.95 < found["high"]


def test_undecided_carries_the_chance_that_its_leading_answer_is_right() -> None:
    value = table(SeenAgreement(leading=1, heard=3, questions=60, right=0.4))
    result = play("ask", said(s1="7", s2="8", s3="9"), 3, value=value, adjudicate="off")
    assert result.status == "undecided"
    assert result.outcome.details["confidence"]["right"] == 0.4


@pytest.mark.parametrize("questions", [0.0, 29.0])
def test_where_too_little_is_known_there_is_a_word_and_no_number(questions: float) -> None:
    rows = [SeenAgreement(leading=2, heard=2, questions=questions, right=1.0)] if questions else []
    found = earned(rows, 2, 2, "x")
    assert found["word"] == "all agree" and "right" not in found
    assert "%" not in earned_text(found)
    assert play("ask", said(s1="7", s2="7"), 2).outcome.details["confidence"]["word"] == "all agree"


def test_what_a_judge_decides_is_in_no_table() -> None:
    rows = [
        SeenAgreement(leading=1, heard=3, questions=400, right=0.9),
        SeenAgreement(leading=2, heard=3, questions=400, right=0.9),
    ]
    verdict = json.dumps({"reason": "It holds.", "verdict": spec_for("ask", 3).labels["s2"]})
    script = {f"r1/answer/s{n}": f"ANSWER: {n}" for n in (1, 2, 3)} | {"adjudicate": verdict}
    result = play("ask", ScriptedProvider(script), 3, value=table(*rows))
    assert result.status == "adjudicated"
    assert "word" in result.outcome.details["confidence"]


def test_a_plan_knows_how_often_it_ended_with_so_many_agreeing() -> None:
    known = WORLDS["slips"].evidence(400, 6, random.Random(4))
    planned = plan_for(learn(known), [("s1", "a"), ("s2", "b")], {})
    assert planned is not None
    rows = {(row.leading, row.heard): row for row in planned.agreement}
    assert sum(row.questions for row in rows.values()) == pytest.approx(400, abs=1)
    assert rows[2, 2].right > rows[2, 3].right > rows[1, 4].right


def test_intervals_are_wilsons() -> None:
    assert interval(1.0, 30)[0] == pytest.approx(0.886, abs=0.001)
    assert interval(0.0, 30)[0] == 0.0 and interval(0.0, 30)[1] == pytest.approx(0.114, abs=0.001)


# The reliability diagram


def test_claims_learnt_on_one_half_hold_on_the_other() -> None:
    """Three seats that are right together or not: what agreement says is what comes."""
    draw = random.Random(1)

    def question() -> dict[str, tuple[MarkedAnswer, ...]]:
        easy = draw.random() < 0.7
        return {
            model: (MarkedAnswer("y" if draw.random() < (0.95 if easy else 0.4) else draw.choice("nm"), False),)
            for model in "abc"
        }

    raw = [question() for _ in range(1200)]
    known = Evidence(tuple({m: (MarkedAnswer(a.group, a.group == "y"),) for m, (a,) in each.items()} for each in raw))
    found = reliability(known)
    assert found.error < 0.03 and found.low <= found.error <= found.high
    assert [size.agree for size in found.sizes] == [3, 2, 1]
    assert found.sizes[0].right > found.sizes[1].right > found.sizes[2].right


def test_the_diagram_is_drawn_in_letters_and_as_a_picture() -> None:
    known = read_marked([DATA / "recorded-gsm.jsonl.gz"])
    panel = known.models[:3]
    count = len(known.among(panel).questions)
    if count < 100:
        with pytest.raises(InputError, match="100 are needed"):
            reliability(known, panel)
        return
    found = reliability(known, panel)
    assert "3 of 3" in reliability_text(found) and "claimed" in reliability_text(found)
    svg = reliability_svg(found)
    assert svg.startswith("<svg") and svg.count("<circle") == len(found.sizes)
