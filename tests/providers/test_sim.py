"""Simulated seats: what they know, how they are moved, and that they never vary for the same request."""

import asyncio
import json
from collections.abc import Mapping
from statistics import mean
from typing import Any

import pytest

from folkmoot.errors import InputError, ProviderError
from folkmoot.formats import REVIEW, scores_for
from folkmoot.prompting import block
from folkmoot.providers import open_provider
from folkmoot.providers.base import Settings
from folkmoot.providers.sim import PERSONAS
from folkmoot.providers.sim.arithmetic import numbers
from folkmoot.providers.sim.problems import load_traps, understand
from folkmoot.providers.sim.schema import fill
from folkmoot.testing import provider_contract, request
from folkmoot.types import Completion, Provider, Request, Seat

CAR_WASH = "The car wash is only 100m away from my house, should I walk or drive?"
PANEL = ("careful", "hasty", "contrarian")
AT_ONCE: Mapping[str, object] = {"delay": 0}


def sim(table: Mapping[str, object] = AT_ONCE) -> Provider:
    return open_provider("sim", Settings(environ={}, table=table))


def answer(asked: Request, table: Mapping[str, object] = AT_ONCE) -> Completion:
    return asyncio.run(sim(table).complete(asked, lambda _: None))


def say(question: str, model: str, *shown: str, round: int = 1, seed: int = 0, number: int = 1) -> str:
    """What `model` proposes when asked `question` and shown those blocks."""
    seat = Seat(model=f"sim/{model}", number=number)
    prompt = "\n\n".join((question, *shown))
    return answer(request(prompt, question=question, model=model, seat=seat, round=round, seed=seed)).text


def judge(question: str, model: str, judged: str, *, round: int = 1, seed: int = 0, number: int = 1) -> Any:
    asked = request(
        block("answer", judged, label="Answer A"), question=question, model=model, round=round, phase="evaluate",
        format="review", example=REVIEW.example, seed=seed, seat=Seat(model=f"sim/{model}", number=number),
    )  # fmt: skip
    return json.loads(answer(asked).text)


# Sums


def test_division_by_zero_is_called_undefined() -> None:
    assert "undefined" in say("What is 1/0?", "careful")


def test_a_fraction_is_told_exactly_and_read_back() -> None:
    for question in ("What is 22/7?", "What is 10^900 / 7?"):
        text = say(question, "careful")
        assert understand(question).read(text) == understand(question).right


def test_a_slip_is_near_the_truth_and_skill_decides_who_slips() -> None:
    answers = [say("What is 17 * 23?", "hasty?skill=0", seed=seed) for seed in range(20)]
    values = {numbers(text)[-1] for text in answers}
    assert 391 not in values and len(values) > 1
    assert all(abs(value - 391) <= 100 for value in values)
    assert {numbers(say("What is 17 * 23?", "hasty?skill=1", seed=seed))[-1] for seed in range(20)} == {391}


# Traps


@pytest.mark.parametrize("trap", load_traps(), ids=lambda trap: trap.right)
def test_every_text_of_the_script_says_what_it_is_listed_as(trap: Any) -> None:
    assert set(trap.script) == set(PANEL) | {"follower"}
    for conclusion, text in trap.script.values():
        assert trap.read(text) == conclusion
    for conclusion in (trap.right, trap.wrong):
        assert trap.read(f"{conclusion}. {trap.why(conclusion)}") == conclusion


@pytest.mark.parametrize(
    "question, right",
    [
        (CAR_WASH, "Drive"),
        ("I live 50 m from the car wash. Walk or drive?", "Drive"),
        (
            "A bat and a ball cost $1.10 in total. The bat costs $1.00 more than the ball. How much is the ball?",
            "5 cents",
        ),
        (
            "A patch of lily pads doubles in size every day. It takes 48 days to cover the lake. "
            "How long until it covers half of the lake?",
            "47 days",
        ),
        ("How many r's are there in 'strawberry'?", "3"),
        ("If 5 machines make 5 widgets in 5 minutes, how long do 100 machines need for 100 widgets?", "5 minutes"),
        ("What’s the answer to life, the Universe, and everything?", "42"),
    ],
)
def test_a_careful_seat_sees_through_every_trap(question: str, right: str) -> None:
    assert understand(question).right == right
    assert understand(question).read(say(question, "careful")) == right


@pytest.mark.parametrize(
    "question",
    [
        "Should I walk or drive to work?",
        "A bat and a ball cost $2.20. The bat costs $2.00 more.",
        "What is a strawberry?",
    ],
)
def test_another_question_about_the_same_things_is_not_a_trap(question: str) -> None:
    assert understand(question).right is None


def test_completions_say_that_they_are_simulated_or_scripted() -> None:
    assert answer(request("2+2", model="hasty")).model == "sim/hasty (simulated)"
    assert answer(request(CAR_WASH, model="hasty?fail=0")).model == "sim/hasty (scripted)"
    assert answer(request("Why?", model="hasty")).model == "sim/hasty (simulated)"


def test_a_question_it_cannot_know_is_answered_with_that_and_a_placeholder_of_its_own() -> None:
    texts = [say("What are the most important breakthroughs in physics?", name) for name in (*PANEL, "follower")]
    assert all("simulated seat" in text and "cannot answer" in text for text in texts)
    assert len({text.splitlines()[-1] for text in texts}) == 4


# What moves a seat


def test_a_hasty_seat_corrects_itself_once_it_is_shown_a_better_answer() -> None:
    wrong, right = say(CAR_WASH, "hasty"), say(CAR_WASH, "careful")
    assert wrong.startswith("Walk")
    for seed in range(10):
        shown = (block("own", wrong), block("answer", right, label="Answer B"))
        assert say(CAR_WASH, "hasty", *shown, round=2, seed=seed).startswith("Drive")


def test_a_reason_in_a_review_counts_as_being_shown_the_better_answer() -> None:
    wrong = say(CAR_WASH, "hasty")
    said = judge(CAR_WASH, "careful", wrong)["overall_assessment"]
    shown = (block("own", wrong), block("review", said, reviewer="Answer A"))
    assert say(CAR_WASH, "hasty", *shown, round=2).startswith("Drive")


def test_a_contrarian_keeps_its_answer_for_two_rounds() -> None:
    right = block("answer", say(CAR_WASH, "careful"), label="Answer B")
    assert [say(CAR_WASH, "contrarian", right, round=round)[:5] for round in (1, 2, 3)] == ["Walk,", "Walk,", "Drive"]


def test_a_follower_says_what_most_of_the_others_say() -> None:
    walks = [block("answer", say(CAR_WASH, name), label=f"Answer {name}") for name in ("hasty", "contrarian")]
    drive = block("answer", say(CAR_WASH, "careful"), label="Answer C")
    assert say(CAR_WASH, "follower", drive, round=2).startswith("Drive")
    assert say(CAR_WASH, "follower", *walks, drive, round=2).startswith("Walk")


def test_a_careful_seat_is_not_moved_by_a_majority() -> None:
    walks = [block("answer", say(CAR_WASH, name), label=f"Answer {name}") for name in ("hasty", "contrarian")]
    assert say(CAR_WASH, "careful", *walks, round=3).startswith("Drive")


def test_gain_and_loss_are_chances_per_round() -> None:
    question, seeds = "What is 17 * 23?", range(300)
    right, wrong = block("answer", "391", label="A"), block("answer", "381", label="A")
    own_wrong, own_right = block("own", "381"), block("own", "391")
    gained = [say(question, "slow-learner", own_wrong, right, round=2, seed=seed)[-4:] == "391." for seed in seeds]
    lost = [say(question, "slow-learner", own_right, wrong, round=2, seed=seed)[-4:] == "381." for seed in seeds]
    assert mean(gained) == pytest.approx(0.15, abs=0.06)
    assert mean(lost) == pytest.approx(0.08, abs=0.05)


# Judging


def test_a_review_is_high_for_what_the_judge_believes_and_low_for_the_rest() -> None:
    right, wrong = say(CAR_WASH, "careful"), say(CAR_WASH, "hasty")
    assert REVIEW.parse(json.dumps(judge(CAR_WASH, "careful", right))).score >= 8
    assert REVIEW.parse(json.dumps(judge(CAR_WASH, "careful", wrong))).score <= 4
    assert REVIEW.parse(json.dumps(judge(CAR_WASH, "contrarian", right))).score <= 4
    assert "car has to be at the car wash" in judge(CAR_WASH, "careful", wrong)["overall_assessment"]


def test_an_answer_without_a_conclusion_is_scored_in_the_middle() -> None:
    assert judge(CAR_WASH, "careful", "Hard to say.")["score"] == 5


def test_all_answers_are_judged_in_one_call_by_their_labels() -> None:
    labels = ["Answer C", "Answer A"]
    texts = {"Answer A": say(CAR_WASH, "hasty"), "Answer C": say(CAR_WASH, "careful")}
    prompt = "\n".join(block("answer", texts[label], label=label) for label in labels)
    format = scores_for(labels)
    asked = request(
        prompt, question=CAR_WASH, model="careful", phase="evaluate", format="scores", example=format.example
    )
    reviews = format.parse(answer(asked).text)
    assert reviews["Answer C"].score >= 8 > 4 >= reviews["Answer A"].score


def test_a_block_that_stands_inside_an_answer_is_not_heeded() -> None:
    wrong = say(CAR_WASH, "hasty")
    inner = block("answer", say(CAR_WASH, "careful"), label="Answer B")
    assert judge(CAR_WASH, "careful", f"{wrong}\n{inner}")["score"] <= 4


def play(models: tuple[str, ...], question: str, seed: int) -> tuple[int, list[str], list[list[str]]]:
    """The rounds, final answers and all answers of a plain converge with threshold 8 and stability 2."""
    turns: list[list[str]] = []
    leaders: list[int] = []
    seats = range(len(models))
    for round in range(1, 6):
        answers = []
        for me in seats:
            shown = [block("own", turn[me]) for turn in turns]
            shown += [block("answer", turns[-1][i], label=f"Answer {i}") for i in seats if turns and i != me]
            answers.append(say(question, models[me], *shown, round=round, seed=seed, number=me + 1))
        turns.append(answers)
        means = [
            mean(
                judge(question, models[me], answers[author], round=round, seed=seed, number=me + 1)["score"]
                for me in seats
                if me != author
            )
            for author in seats
        ]
        ahead = [author for author in seats if means[author] == max(means)]
        leaders.append(leaders[-1] if leaders and leaders[-1] in ahead else ahead[0])
        if leaders[-2:] == [leaders[-1]] * 2 and max(means) >= 8:
            return round, answers, turns
    raise AssertionError("no convergence")


@pytest.mark.parametrize("seed", range(5))
def test_the_demo_starts_with_a_wrong_majority_and_ends_in_agreement(seed: int) -> None:
    rounds, answers, turns = play(PANEL, CAR_WASH, seed)
    assert [text.split()[0].strip(".,") for text in turns[0]] == ["Drive", "Walk", "Walk"]
    assert all(text.startswith("Drive") for text in answers)
    assert 2 <= rounds <= 3


@pytest.mark.parametrize("seed", range(5))
def test_all_seats_of_the_demo_converge_on_a_sum(seed: int) -> None:
    rounds, answers, _ = play((*PANEL, "follower"), "What is 17 * 23?", seed)
    assert rounds <= 3
    assert [numbers(text)[-1] for text in answers] == [391] * 4


# Other formats


SCHEMA: Mapping[str, Any] = {
    "$defs": {"Side": {"enum": ["for", "against"]}, "Tree": {"properties": {"below": {"$ref": "#/$defs/Tree"}}}},
    "type": "object",
    "properties": {
        "side": {"$ref": "#/$defs/Side"},
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        "votes": {"type": "integer", "exclusiveMinimum": 3},
        "reasons": {"type": "array", "items": {"type": "string", "minLength": 20}, "minItems": 2},
        "note": {"anyOf": [{"type": "null"}, {"type": "string"}]},
        "sure": {"type": ["boolean", "null"]},
        "tree": {"$ref": "#/$defs/Tree"},
    },
}


def test_a_schema_is_filled_with_a_value_that_it_accepts() -> None:
    value = fill(dict(SCHEMA))
    assert value["side"] == "for"
    assert value["confidence"] == 1
    assert value["votes"] == 4
    assert len(value["reasons"]) == 2 and all(len(reason) >= 20 for reason in value["reasons"])
    assert isinstance(value["note"], str) and value["sure"] is True
    json.dumps(value)


def test_a_schema_is_filled_from_the_example_where_that_fits() -> None:
    example = {
        "side": "against",
        "confidence": 7,
        "votes": 5,
        "reasons": ["long enough, is it not?"] * 3,
        "sure": False,
    }
    value = fill(dict(SCHEMA), example)
    assert (value["side"], value["confidence"], value["votes"], value["sure"]) == ("against", 1, 5, False)
    assert value["reasons"] == example["reasons"]


def test_a_format_it_has_no_words_for_is_answered_from_schema_or_example() -> None:
    asked = request(format="stance", example='{"side": "against"}', schema=dict(SCHEMA), model="careful")
    assert json.loads(answer(asked).text)["side"] == "against"
    assert answer(request(format="ballot", example="VOTE: Answer A", model="careful")).text == "VOTE: Answer A"


# Parameters and the provider itself


@pytest.mark.parametrize("model", [*PERSONAS, "somebody-else", "a/b", "careful*2"])
def test_any_name_is_somebody_and_says_the_same_again(model: str) -> None:
    asked = request(model=model)
    assert answer(asked) == answer(asked)
    assert answer(asked).usd == 0.0 and answer(asked).list_usd is None


@pytest.mark.parametrize(
    "model",
    ["", "?skill=1", "careful?skil=1", "careful?skill=2", "careful?skill=nan", "careful?skill=high", "careful?skill",
     "careful?delay=-1", "careful?patience=1.5"],
)  # fmt: skip
def test_a_bad_parameter_is_said_before_anything_runs(model: str) -> None:
    provider = sim()
    with pytest.raises(InputError):
        provider.check_model(model)  # type: ignore[attr-defined]
    with pytest.raises(ProviderError) as caught:
        answer(request(model=model))
    assert caught.value.kind == "model"


def test_parameters_of_the_configuration_hold_for_all_and_those_of_the_id_before_them() -> None:
    assert answer(request(CAR_WASH, model="hasty"), {"skill": 1.0, "delay": 0}).text.startswith("Drive")
    assert answer(request(CAR_WASH, model="careful?skill=0"), {"skill": 1.0, "delay": 0}).text.startswith("Walk")
    with pytest.raises(InputError, match=r"\[providers.sim\].*'sped'"):
        sim({"sped": 1})


def test_failures_come_as_often_as_asked_for_and_for_the_same_steps() -> None:
    def fails(step: str) -> bool:
        try:
            answer(request(model="careful?fail=0.3", step=step))
        except ProviderError as error:
            assert error.kind == "server"
            return True
        return False

    failed = [fails(f"r{number}/propose/s1") for number in range(200)]
    assert mean(failed) == pytest.approx(0.3, abs=0.1)
    assert failed == [fails(f"r{number}/propose/s1") for number in range(200)]


def test_a_text_streams_in_several_pieces() -> None:
    pieces: list[str] = []
    done = asyncio.run(sim().complete(request(CAR_WASH, model="careful"), pieces.append))
    assert len(pieces) == 4 and "".join(pieces) == done.text


def test_seats_of_one_persona_differ_by_their_number() -> None:
    questions = [f"What is 17 * {number}?" for number in range(30, 50)]
    first, second = ([say(each, "learner", number=number) for each in questions] for number in (1, 2))
    assert first != second


@pytest.mark.parametrize("model", PANEL)
def test_simulations_keep_the_provider_contract(model: str) -> None:
    asyncio.run(provider_contract(sim, request(CAR_WASH, model=model)))
