"""Weighted voting: leads, whether they can be overtaken, weights and bounds."""

from collections.abc import Mapping
from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.counting import votes as voting

SEATS = ["s1", "s2", "s3", "s4", "s5"]


def polls() -> st.SearchStrategy[tuple[dict[str, str], dict[str, float]]]:
    votes = st.lists(st.sampled_from("abc"), max_size=4).map(lambda said: dict(zip(SEATS, said, strict=False)))
    weights = st.lists(st.sampled_from([0.1, 0.3, 1.0, 2.5]), min_size=5, max_size=5)
    return st.tuples(votes, weights.map(lambda given: dict(zip(SEATS, given, strict=True))))


def winner(votes: Mapping[str, str], measure: voting.Measure) -> str:
    return voting.groups(votes, measure, SEATS)[0].name


@given(polls(), st.sampled_from(["weight", "count", "count, then weight"]))
def test_a_lead_is_unbeatable_exactly_when_no_way_of_voting_on_overtakes_it(
    poll: tuple[dict[str, str], dict[str, float]], by: str
) -> None:
    votes, weights = poll
    measure = voting.by_weight(weights) if by == "weight" else voting.by_count(weights, ties_by_weight=by != "count")
    waiting = [seat for seat in SEATS if seat not in votes]
    if not votes:
        assert not voting.unbeatable(votes, waiting, measure, SEATS)
        return
    ends = [votes | dict(zip(waiting, said, strict=True)) for said in product("abcd", repeat=len(waiting))]
    ahead = winner(votes, measure)
    assert voting.unbeatable(votes, waiting, measure, SEATS) == all(winner(end, measure) == ahead for end in ends)
    strictly = all(winner(end, measure) == ahead and voting.leads(voting.groups(end, measure, SEATS)) for end in ends)
    assert voting.unbeatable(votes, waiting, measure, SEATS, strictly=True) == strictly


@given(polls())
def test_so_many_seats_are_enough_that_fewer_could_not_settle_it(poll: tuple[dict[str, str], dict[str, float]]) -> None:
    votes, weights = poll
    measure = voting.by_weight(weights)
    waiting = [seat for seat in SEATS if seat not in votes]
    count = voting.enough(votes, waiting, measure, SEATS)
    assert 1 <= count <= len(waiting)
    for fewer in range(1, count):
        for said in product("abcd", repeat=fewer):
            heard = votes | dict(zip(waiting[:fewer], said, strict=True))
            ranked = voting.groups(heard, measure, SEATS)
            settled = voting.unbeatable(heard, waiting[fewer:], measure, SEATS, strictly=True)
            assert not (settled and len(ranked[0].members) > 1 and ranked[0].name == winner(votes or heard, measure))


@pytest.mark.parametrize("at_least, count", [(1, 1), (2, 2), (3, 3)])
def test_as_many_seats_must_be_heard_as_have_to_agree_however_heavy_the_first_is(at_least: int, count: int) -> None:
    measure = voting.by_weight({"s1": 9.0, "s2": 1.0, "s3": 1.0, "s4": 1.0, "s5": 1.0})
    assert voting.enough({}, SEATS, measure, SEATS, at_least=at_least) == count


@pytest.mark.parametrize("weights", [(0.1, 0.2, 0.3), (1e16, 1.0, 1.0), (0.7, 0.1, 1e9)])
def test_the_size_of_a_group_does_not_depend_on_the_order_of_its_seats(weights: tuple[float, ...]) -> None:
    votes, measure = dict.fromkeys(SEATS[:3], "7"), voting.by_weight(dict(zip(SEATS, weights, strict=False)))
    assert len({voting.groups(votes, measure, order)[0].size for order in permutations(SEATS[:3])}) == 1


def test_a_sum_of_weights_ties_with_its_decimal_value() -> None:
    votes, measure = {"s1": "7", "s2": "7", "s3": "8"}, voting.by_weight({"s1": 0.1, "s2": 0.2, "s3": 0.3})
    assert not voting.leads(voting.groups(votes, measure, SEATS))


def test_a_group_that_may_yet_join_another_counts_for_the_rival() -> None:
    votes = {"s1": "drive", "s2": "drive", "s3": "walk", "s4": "go on foot"}
    one = dict.fromkeys(SEATS, (1.0,))
    assert voting.unbeatable(votes, [], one, SEATS, strictly=True)
    assert not voting.unbeatable(votes, [], one, SEATS, strictly=True, joinable=frozenset({"walk", "go on foot"}))


def test_equal_accuracies_count_as_plain_votes() -> None:
    assert voting.weights_of({"a": (80, 100), "b": (80, 100), "c": (80, 100)}) == {"a": 1, "b": 1, "c": 1}


@pytest.mark.parametrize("weak, count, outvotes", [((55, 100), 3, False), ((60, 100), 2, False), ((90, 100), 2, True)])
def test_weak_seats_do_not_outvote_a_clearly_stronger_one_by_number_alone(
    weak: tuple[int, int], count: int, outvotes: bool
) -> None:
    weights = voting.weights_of({"strong": (95, 100)} | {f"weak {at}": weak for at in range(count)})
    assert (sum(weights.values()) - weights["strong"] > weights["strong"]) is outvotes


def test_a_lucky_record_is_clipped() -> None:
    assert voting.log_odds(1.0) == voting.log_odds(0.95) and voting.log_odds(0.0) == voting.log_odds(0.55) > 0


@pytest.mark.parametrize("differing, trials", [(0, 10), (1, 100), (7, 300), (300, 300), (0, 5000)])
def test_the_error_bound_is_where_so_few_differences_become_unlikely(differing: int, trials: int) -> None:
    bound = voting.error_bound(differing, trials)
    assert differing / trials < bound <= 1 or bound == 1
    if bound < 1:
        assert voting._at_most(differing, trials, bound) == pytest.approx(0.05, abs=1e-6)


def test_six_seats_whose_errors_go_together_are_worth_two() -> None:
    assert 1.5 < voting.effective_votes([1.0] * 6, 0.5) < 2.0
