"""Value: whom to ask first, learnt from marked answers."""

import random
from pathlib import Path

import pytest

from folkmoot.counting.evidence import Evidence, MarkedAnswer, accuracy_of, costs_of, unit_of
from folkmoot.counting.policies import ask_by, try_all
from folkmoot.counting.value import learn, plan_for, read_values, told, write_values
from folkmoot.errors import InputError
from tests.counting.sampled import WORLDS

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", WORLDS)
def test_the_policy_that_is_planned_is_the_one_that_is_truly_worth_most(name: str) -> None:
    """Or as good as: two policies that differ by less than a right answer in 500 cannot be told apart."""
    world = WORLDS[name]
    worth = {models: world.worth(models) for models in world.policies()}
    best = max(worth.values())
    draw = random.Random(5)
    found = 0
    for _ in range(20):
        known = world.evidence(400, 6, draw)
        tried = try_all(known, list(world.costs), costs_of(known, "tokens"), {})
        found += world.worth(tried.best.models) >= best - 0.002
    assert found >= 19


def test_repeats_pairs_and_single_models_each_win_where_they_should() -> None:
    draw = random.Random(6)

    def planned(name: str) -> tuple[str, ...]:
        known = WORLDS[name].evidence(600, 6, draw)
        return try_all(known, list(WORLDS[name].costs), costs_of(known, "tokens"), {}).best.models

    assert planned("slips").count("a") >= 2, "a model may be asked twice"
    assert set(planned("traps")) == {"a", "b"}
    assert planned("ahead") == ("a",)
    assert set(planned("families")) == {"a", "b", "c"}
    assert planned("prices") == ("c", "c", "c")


def test_agreement_is_told_for_each_pair_also_of_a_model_with_itself() -> None:
    draw = random.Random(7)
    known = WORLDS["slips"].evidence(4000, 2, draw)
    pairs = {(p.one, p.other): p for p in try_all(known, ["a", "b"], {"a": 1, "b": 1}, {}).pairs}
    own = pairs["a", "a"]
    agree = 0.7 * 0.81 + 0.3 * (0.25 + 0.01)
    assert own.agree == pytest.approx(agree, abs=0.03)
    assert own.right == pytest.approx((0.7 * 0.81 + 0.3 * 0.25) / agree, abs=0.02)
    assert set(pairs) == {("a", "a"), ("a", "b"), ("b", "b")}


def test_a_model_that_was_recorded_once_is_never_planned_twice() -> None:
    known = WORLDS["slips"].evidence(400, 1, random.Random(8))
    tried = try_all(known, ["a", "b"], {"a": 1, "b": 1}, {})
    assert {(p.one, p.other) for p in tried.pairs} == {("a", "b")}
    assert all(tried.best.models.count(model) == 1 for model in tried.best.models)


def test_a_policy_on_record_asks_in_waves_and_stops_when_it_is_decided() -> None:
    said = {
        "a": (MarkedAnswer("7", False),),
        "b": (MarkedAnswer("8", True),),
        "c": (MarkedAnswer("8", True),),
        "d": (MarkedAnswer("9", False),),
    }
    one = dict.fromkeys("abcd", 1.0)
    assert ask_by(said, ["b", "c"], ["a", "d"], one, one)[:2] == (True, 2)
    assert ask_by(said, ["a", "b", "c"], ["d"], one, one)[:2] == (True, 3)
    assert ask_by(said, ["a", "b", "d"], ["c"], one, one)[:2] == (True, 4)
    assert ask_by(said, ["a", "b", "d"], [], one, one)[:2] == (False, 3)
    heavy = one | {"a": 2.0}
    assert ask_by(said, ["a", "b", "c"], [], heavy, one)[:2] == (False, 3), "two votes do not outweigh one of two"


def test_prices_are_dollars_where_all_are_known_else_tokens_else_calls() -> None:
    def of(*answers: MarkedAnswer) -> str:
        return unit_of(Evidence(({"a": answers},)))

    assert of(MarkedAnswer("7", True, 10, 0.1), MarkedAnswer("7", True, 10, 0.2)) == "usd"
    assert of(MarkedAnswer("7", True, 10, 0.1), MarkedAnswer("7", True, 10, 0.0)) == "tokens"
    assert of(MarkedAnswer("7", True, 10), MarkedAnswer("7", True, 0)) == "calls"
    assert costs_of(Evidence(({"a": (MarkedAnswer("7", True, 10), MarkedAnswer("7", True, 30))},)), "tokens") == {
        "a": 20
    }


# The table and its plan


def known(count: int = 200, samples: int = 4) -> Evidence:
    return WORLDS["slips"].evidence(count, samples, random.Random(9))


def test_a_table_keeps_what_a_plan_needs_through_a_file(tmp_path: Path) -> None:
    table = learn(known())
    for name in ("values.json", "values.json.gz"):
        write_values(tmp_path / name, table)
        assert read_values(tmp_path / name) == table
    assert {each.model: each.right for each in table.models} == pytest.approx(
        {model: accuracy_of(known(), model) for model in "ab"}, abs=1e-6
    )


def test_a_plan_names_seats_and_adds_those_that_are_missing() -> None:
    planned = plan_for(learn(known()), [("s1", "b"), ("s2", "a")], {})
    assert planned is not None and planned.plan is not None
    plan = planned.plan
    assert plan.models.count("a") >= 2
    assert plan.order[0] == "s2" and plan.order[1] == "+a"
    assert set(plan.order) == set(plan.weights)
    assert plan.alone == "a" and plan.right > plan.alone_right
    assert planned.answers == () and planned.pairs, "what is kept in a run is the table, not the answers"
    two = plan_for(learn(known()), [("s1", "a"), ("s2", "a"), ("s3", "b")], {})
    assert two is not None and two.plan is not None and two.plan.order[:2] == ("s1", "s2")


def test_models_are_known_with_and_without_their_provider() -> None:
    planned = plan_for(learn(known()), [("s1", "some/a"), ("s2", "other/b")], {})
    assert planned is not None and planned.plan is not None
    assert planned.plan.alone == "some/a" and planned.plan.order[1] == "+some/a"


@pytest.mark.parametrize("seats", [[("s1", "a"), ("s2", "c")], [("s1", "x/a"), ("s2", "y/a")]])
def test_nothing_is_planned_for_models_of_which_too_little_is_known(seats: list[tuple[str, str]]) -> None:
    assert plan_for(learn(known()), seats, {}) is None
    assert plan_for(learn(known(29)), [("s1", "a"), ("s2", "b")], {}) is None


def test_given_weights_count_before_those_that_were_learnt() -> None:
    planned = plan_for(learn(known()), [("s1", "a"), ("s2", "b")], {"a": 1.0, "b": 5.0})
    assert planned is not None and planned.plan is not None
    assert planned.plan.weights["s2"] == 5.0


def test_what_a_plan_says_is_plain() -> None:
    assert "uninformed" in told(None)
    alone = plan_for(learn(WORLDS["ahead"].evidence(200, 2, random.Random(1))), [("s1", "a"), ("s2", "b")], {})
    assert "only a is asked, because no pair is worth its price" in told(alone)
    pair = told(plan_for(learn(known()), [("s1", "a"), ("s2", "b")], {}))
    assert pair.startswith("asked by value: a and a") and "times the price of a alone" in pair


@pytest.mark.parametrize("text", ["", "{", "[]", '{"source": 1}'])
def test_a_file_that_holds_no_table_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(InputError, match=r"bad\.json"):
        read_values(tmp_path / "bad.json")
