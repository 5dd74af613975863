"""How many independent votes a panel amounts to: pure functions.

Kish's design effect: n votes whose errors correlate by r are worth n / (1 + (n - 1) r) independent ones. One run does
not say who was right, so r is not known, and two things stand in for it, each with a fault to bear in mind:

scores    the mean correlation of the scores, or places, that two judges gave to the same answers. Judges also agree
          because one answer is better than another.
answers   the share of pairs of first answers that agree. Seats also agree because they are right.

Both faults go the same way: r is too high, so the number is a lower bound.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from statistics import StatisticsError, correlation
from typing import NamedTuple

COMMON = 3  # answers that two judges must both have judged; with fewer, any two correlate


class Agreement(NamedTuple):
    of: int  # seats
    correlation: float  # from 0 to 1


def effective(seats: int, correlation: float) -> float:
    """
    >>> effective(6, 0.51), effective(5, 0.0), effective(5, 1.0)
    (1.69, 5.0, 1.0)
    """
    return round(seats / (1 + (seats - 1) * correlation), 2)


def scores_in(key: tuple[str, ...], value: object) -> Iterator[tuple[tuple[str, ...], float]]:
    """What a reply says of which answers: a score for the one that its key names, several by label, or a ranking."""
    score = getattr(value, "score", None)
    if isinstance(score, int | float) and len(key) > 1:
        yield key[1:], float(score)
    elif isinstance(value, Mapping):
        for label, each in value.items():
            if isinstance(score := getattr(each, "score", None), int | float):
                yield (str(label),), float(score)
    else:
        order = getattr(value, "order", None) or getattr(value, "ranking", None)
        if isinstance(order, tuple) and len(order) > 1:
            yield from (((str(label),), -float(place)) for place, label in enumerate(order, 1))


def of_scores(scores: Mapping[str, Mapping[tuple[str, ...], float]]) -> Agreement | None:
    """From what each judge gave to what; None where no two judges have enough in common that varies.

    >>> given = {"s1": {("a",): 8, ("b",): 6, ("c",): 4}, "s2": {("a",): 9, ("b",): 7, ("c",): 5}}
    >>> of_scores(given), of_scores({"s1": {("a",): 8}, "s2": {("a",): 8}})
    (Agreement(of=2, correlation=1.0), None)
    """
    weighed, items = 0.0, 0
    for one, other in combinations(scores.values(), 2):
        common = [each for each in one if each in other]
        if len(common) < COMMON:
            continue
        try:
            r = correlation([one[each] for each in common], [other[each] for each in common])
        except StatisticsError:  # one of them gave the same to all
            continue
        weighed, items = weighed + r * len(common), items + len(common)
    return Agreement(len(scores), min(1.0, max(0.0, weighed / items))) if items else None


def of_answers(same: Sequence[Sequence[bool | None]]) -> Agreement | str:
    """From whether each answer says the same as each other one; the reason where that cannot be told.

    >>> of_answers([[True, True, False], [True, True, False], [False, False, True]])
    Agreement(of=3, correlation=0.3333333333333333)
    """
    pairs = [same[one][other] for one, other in combinations(range(len(same)), 2)]
    if not pairs:
        return "fewer than two seats answered"
    if None in pairs:
        return "whether the first answers agree cannot be told without reading them"
    return Agreement(len(same), sum(map(bool, pairs)) / len(pairs))
