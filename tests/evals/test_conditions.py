"""Conditions as they are written, and what each of them asks."""

import pytest

from folkmoot.errors import InputError
from folkmoot.evals.conditions import parse_conditions

PANEL = ("sim/careful", "sim/hasty", "sim/stubborn")


def test_without_conditions_each_seat_the_vote_and_ask_are_compared() -> None:
    names = [each.name for each in parse_conditions([], PANEL)]
    assert names == ["solo:sim/careful", "solo:sim/hasty", "solo:sim/stubborn", "vote", "ask"]


def test_a_protocol_takes_options_of_every_type() -> None:
    (found,) = parse_conditions(["converge:threshold=9:rounds=2:scoring=batch"], PANEL)
    assert (found.protocol, found.models) == ("converge", PANEL)
    assert found.options == {"threshold": 9, "rounds": 2, "scoring": "batch"}


def test_the_rules_of_other_systems_have_the_originals_defaults() -> None:
    refinery, ensemble, council = parse_conditions(["refinery,ensemble,council-rule"], PANEL)
    assert refinery.options["threshold"] == 8
    assert (ensemble.protocol, ensemble.options) == ("debate", {"quick": True})
    assert (council.protocol, council.options) == ("council", {"early": "off"})


def test_a_baseline_comes_first_and_is_asked_alone() -> None:
    found = parse_conditions(["vote"], PANEL, "sim/strong")
    assert [(each.name, each.models) for each in found] == [("baseline:sim/strong", ("sim/strong",)), ("vote", PANEL)]


def test_self_consistency_asks_one_model_as_often_as_it_is_told() -> None:
    (found,) = parse_conditions(["self-consistency:sim/hasty:n=5"], PANEL)
    assert (found.protocol, found.models, found.repeats) == ("vote", ("sim/hasty",), 5)


def test_at_equal_cost_needs_what_it_is_compared_with_and_the_model_alone() -> None:
    *_, found = parse_conditions(["seats,converge,best-of:as=converge"], PANEL)
    assert (found.repeats, found.cost_of, found.models) == (None, "converge", ("sim/careful",))
    with pytest.raises(InputError, match="no condition 'vote' to cost as much as"):
        parse_conditions(["seats,self-consistency"], PANEL)
    with pytest.raises(InputError, match="name solo:sim/careful too"):
        parse_conditions(["vote,self-consistency"], PANEL)


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("debait", "there is no condition 'debait'"),
        ("fanout", "ends with several answers"),
        ("brainstorm:rounds=1", "ends with several answers"),
        ("converge:high", "write options as NAME=VALUE"),
        ("best-of:n=0", "n is a number from 1 to 64"),
        ("best-of:n=3:as=vote", "as=CONDITION stands instead of it"),
    ],
)
def test_what_is_no_condition_is_refused(written: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        parse_conditions([written], PANEL)


def test_a_condition_named_twice_is_asked_once() -> None:
    assert len(parse_conditions(["vote,vote", "vote"], PANEL)) == 1
