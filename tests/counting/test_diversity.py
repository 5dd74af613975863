from collections.abc import Callable, Sequence
from itertools import permutations

import pytest

from folkmoot.counting.diversity import (
    SELECTORS,
    Idea,
    blind_order,
    controversy,
    deviation,
    mean,
    metrics,
    panel,
    select,
    words,
)

THREE = [Idea("a", scores=(3, 9)), Idea("b", scores=(7, 9)), Idea("c", scores=(7, 3))]


def names(ideas: list[Idea]) -> list[str]:
    return [idea.name for idea in ideas]


def with_mean(name: str, middle: float, spread: float) -> Idea:
    return Idea(name, scores=(middle - spread, middle + spread))


@pytest.mark.parametrize("measured", [mean, deviation])
def test_a_mean_and_a_deviation_do_not_depend_on_who_gave_which_score(
    measured: Callable[[Sequence[float]], float],
) -> None:
    assert len({measured(order) for order in permutations((0.1, 0.7, 2.3, 9.9))}) == 1


@pytest.mark.parametrize(
    "scores, middle, spread",
    [
        ((3, 5, 9, 10), 6.75, 8.1875**0.5),
        ((4, 6, 8, 10), 7, 5**0.5),
        ((6, 7, 7, 8), 7, 0.5**0.5),
        ((8,), 8, 0),
        ((), 0, 0),
    ],
)
def test_controversy_is_the_mean_times_the_population_deviation(
    scores: tuple[float, ...], middle: float, spread: float
) -> None:
    assert mean(scores) == pytest.approx(middle)
    assert deviation(scores) == pytest.approx(spread)
    assert controversy(scores) == pytest.approx(middle * spread)


def test_the_most_controversial_stand_first_without_a_floor() -> None:
    assert [(idea.mean, idea.stddev, idea.controversy) for idea in THREE] == [(6, 3, 18), (8, 1, 8), (5, 2, 10)]
    assert names(panel(THREE, 3)) == ["a", "c", "b"]
    assert names(panel(THREE, 1)) == ["a"]


def test_those_above_the_floor_come_first_and_the_others_fill_up() -> None:
    assert names(panel(THREE, 2, 7.0)) == ["b", "a"]
    assert names(panel(THREE, 1, 7.0)) == ["b"]
    ideas = [with_mean("1", 5.67, 1.25), with_mean("2", 7.33, 0.94), with_mean("3", 8.0, 0.25)]
    assert names(panel(ideas, 2, 7.0)) == ["2", "3"]
    ideas = [with_mean("1", 5.67, 1.25), with_mean("2", 7.33, 0.94), with_mean("3", 6.5, 0.25)]
    assert names(panel(ideas, 2, 7.0)) == ["2", "1"]


def test_a_panel_is_never_larger_than_what_there_is() -> None:
    assert names(panel(THREE, 20, 7.0)) == ["b", "a", "c"]
    assert panel([], 3) == []


def test_an_answer_nobody_scored_is_last_and_reaches_no_floor() -> None:
    ideas = [Idea("silent"), Idea("poor", scores=(1, 1))]
    assert names(panel(ideas, 2)) == ["poor", "silent"]
    assert names(panel(ideas, 2, 7.0)) == ["poor", "silent"]


def test_equal_controversy_goes_to_the_higher_mean_then_to_the_earlier_one() -> None:
    assert names(panel([Idea("x", scores=(8,)), Idea("y", scores=(9,))], 2)) == ["y", "x"]
    assert names(panel([Idea("z", scores=(8,)), Idea("y", scores=(8,))], 2)) == ["z", "y"]


def test_the_selectors_are_refinerys() -> None:
    assert list(SELECTORS) == ["mean", "stddev", "controversy", "controversy_floor_7", "quality_x_lexdiv"]
    assert {name: names(select(name, THREE, 2)) for name in SELECTORS} == {
        "mean": ["b", "a"],
        "stddev": ["a", "c"],
        "controversy": ["a", "c"],
        "controversy_floor_7": ["b", "a"],
        "quality_x_lexdiv": ["b", "a"],
    }


@pytest.mark.parametrize("selector", SELECTORS)
def test_the_last_tie_goes_to_the_name_that_sorts_first(selector: str) -> None:
    ideas = [Idea(name, f"word{name}", (8, 8)) for name in ("p/c", "p/a", "p/b")]
    assert names(select(selector, ideas, 2)) == ["p/a", "p/b"]


def test_difference_is_weighed_against_quality() -> None:
    ideas = [
        Idea("1", "alpha beta gamma", (9.0,)),
        Idea("2", "alpha beta gamma delta", (8.0,)),
        Idea("3", "orange banana pear", (7.5,)),
    ]
    assert names(select("quality_x_lexdiv", ideas, 2)) == ["1", "3"]


def test_words_are_long_enough_say_something_and_are_counted_once() -> None:
    assert words("About the CAR-wash: it's 100m, so_what? été é ab") == {
        "car",
        "wash",
        "it's",
        "100m",
        "so_what",
        "été",
    }


def test_a_word_is_measured_in_bytes() -> None:
    assert words("né no 水") == {"né", "水"}


def test_metrics_of_a_panel() -> None:
    same = [Idea("a", "alpha beta", (8, 6)), Idea("b", "alpha beta", (9, 9))]
    found = metrics(same)
    assert (found.panel_mean_quality, found.panel_min_quality, found.panel_disagreement) == (8.0, 7.0, 0.5)
    assert (found.lexical_overlap, found.meta_preamble_rate) == (1.0, 0.0)
    assert metrics([same[0]]).lexical_overlap == 0.0


@pytest.mark.parametrize(
    "text, talks",
    [
        ("In ROUND 1 I said walk.", True), ("Improving on my Previous try", True), ("a score of 7", True),
        ("Feedback suggests more depth", True), ("Walk: the previous owner did", False),
        ("around 12 people", True), ("the prior  answer", False),
    ],
)  # fmt: skip
def test_talk_of_the_proceedings_is_noticed(text: str, talks: bool) -> None:
    assert metrics([Idea("a", text, (8,))]).meta_preamble_rate == float(talks)


@pytest.mark.parametrize(
    "prompt, order",
    [
        ("prod", ["own-reviews", "blind", "full-visibility", "score-only"]),
        ("product", ["own-reviews", "score-only", "full-visibility", "blind"]),
    ],
)
def test_the_order_of_a_blind_review_comes_from_a_hash(prompt: str, order: list[str]) -> None:
    strategies = ["blind", "score-only", "own-reviews", "full-visibility"]
    assert [strategies[at] for at in blind_order(prompt, strategies)] == order
