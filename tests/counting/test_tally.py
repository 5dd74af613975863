"""Counting."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkmoot import labels
from folkmoot.core.run import Run
from folkmoot.counting import tally
from folkmoot.counting.closing import RoundScores, VoteThreshold, closing_rule, register_closing
from folkmoot.errors import InputError

tenths = st.integers(10, 100).map(lambda tenth: tenth / 10)


@given(st.lists(tenths, min_size=1, max_size=4))
def test_a_mean_does_not_depend_on_who_gave_which_score(given: list[float]) -> None:
    means = {
        tally.mean_scores({(f"s{judge}", "a"): score for judge, score in enumerate(order)}, ["a"])["a"]
        for order in permutations(given)
    }
    assert len(means) == 1


@given(st.lists(tenths, min_size=1, max_size=6))
def test_a_mean_is_that_of_the_decimals_as_they_were_written(given: list[float]) -> None:
    mean = tally.mean_scores({(f"s{judge}", "a"): score for judge, score in enumerate(given)}, ["a"])["a"]
    assert mean == sum(round(score * 10) for score in given) / (10 * len(given))


def test_those_nobody_scored_are_absent_and_the_others_keep_their_order() -> None:
    scores = {("a", "c"): 7.0, ("c", "a"): 8.0}
    assert list(tally.mean_scores(scores, ["a", "b", "c"]).items()) == [("a", 8.0), ("c", 7.0)]


@pytest.mark.parametrize(
    ("scores", "previous", "leader"),
    [
        ({}, None, None),
        ({}, "a", None),
        ({"a": 7.0, "b": 8.0}, None, "b"),
        ({"a": 8.0, "b": 8.0}, None, "a"),
        ({"a": 8.0, "b": 8.0}, "b", "b"),
        ({"a": 8.0, "b": 8.0, "c": 7.0}, "c", "a"),
        ({"a": 8.0, "b": 8.0}, "gone", "a"),
    ],
)
def test_a_tie_goes_to_the_previous_leader_then_to_the_earlier_seat(
    scores: dict[str, float], previous: str | None, leader: str | None
) -> None:
    assert tally.leader(scores, previous) == leader


@given(st.lists(st.sampled_from(["a", "b", None]), max_size=8))
def test_a_streak_is_how_long_the_last_leader_has_led_without_a_break(leaders: list[str | None]) -> None:
    length = tally.streak(leaders)
    assert length <= len(leaders)
    if length:
        assert set(leaders[-length:]) == {leaders[-1]} and leaders[: -length or None][-1:] != leaders[-1:]
    else:
        assert not leaders or leaders[-1] is None


@pytest.mark.parametrize("threshold", [7.9, 8.0, 8.1])
@pytest.mark.parametrize("streak", [1, 2, 3])
def test_a_vote_threshold_needs_both_the_score_and_the_streak(threshold: float, streak: int) -> None:
    decision = VoteThreshold(threshold, 2).check(RoundScores(streak, {"s1": 8.0}, "s1", streak))
    assert decision.met == (threshold <= 8.0 and streak >= 2)


def test_a_closing_rule_of_ones_own_is_known_by_its_name_and_an_unknown_one_is_an_input_error() -> None:
    register_closing("test-first-round", lambda threshold, _: VoteThreshold(threshold, 1, "test-first-round"))
    assert closing_rule("test-first-round", 8.0, 5).check(RoundScores(1, {"s1": 8.0}, "s1", 1)).met
    with pytest.raises(InputError, match="no closing rule is registered as 'nope'"):
        closing_rule("nope", 8.0, 2)


# ----- anonymous names


@given(st.integers(1, 60), st.integers())
def test_every_seat_has_a_label_of_its_own(count: int, seed: int) -> None:
    seats = [f"s{number}" for number in range(count)]
    drawn = labels.assign(seats, Run.stream(seed, "labels"))
    assert list(drawn) == seats and len(set(drawn.values())) == count
    assert drawn == labels.assign(seats, Run.stream(seed, "labels"))


@given(st.integers(1, 9), st.integers())
def test_over_all_readers_every_answer_stands_once_at_every_place(count: int, seed: int) -> None:
    seats = [f"s{number}" for number in range(count)]
    orders = [labels.reading_order(seats, reader, Run.stream(seed, "order")) for reader in seats]
    assert all(sorted(order) == seats for order in orders)
    assert all(sorted(place) == seats for place in zip(*orders, strict=True))
