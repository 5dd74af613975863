"""Counting rankings: mean place and Borda points, and whether the order can still change. Pure.

A table of rankings maps a judge to the authors it ranked, the best first: all that answered, but never itself. So all
rankings are of one length, and the order by mean place is the order by Borda points. An author is counted over the
rankings it stands in: one whose own ranking is missing has as good a chance as the others.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from math import lcm
from typing import NamedTuple

Rankings = Mapping[str, Sequence[str]]


class Standing(NamedTuple):
    """The place of one answer."""

    seat: str
    mean_rank: float | None  # 1 is the best; None: nobody ranked it
    borda: float | None  # mean points, from 0 (last for everybody) to 1 (first for everybody)
    rankings: int  # that it stands in


def standings(rankings: Rankings, authors: Sequence[str], weights: Mapping[str, float]) -> list[Standing]:
    """All authors, the best first; ties go to the earlier one, and those nobody ranked come last.

    A ranking counts as much as its judge weighs.

    >>> table = {"s1": ["s2", "s3"], "s2": ["s3", "s1"], "s3": ["s2", "s1"]}
    >>> [tuple(each) for each in standings(table, ["s1", "s2", "s3"], {"s1": 1, "s2": 1, "s3": 1})]
    [('s2', 1.0, 1.0, 2), ('s3', 1.5, 0.5, 2), ('s1', 2.0, 0.0, 2)]
    """
    received = _received(rankings, authors, _integers(weights, rankings))
    last = len(authors) - 1
    found: list[tuple[bool, Fraction, Standing]] = []
    for author, (count, weight, places) in received.items():
        mean = Fraction(places, weight) if weight else None
        points = None if mean is None else float((last - mean) / (last - 1)) if last > 1 else 1.0
        standing = Standing(author, None if mean is None else float(mean), points, count)
        found.append((mean is None, mean or Fraction(), standing))
    return [standing for _, _, standing in sorted(found, key=lambda each: each[:2])]  # stable: the earlier first


def settled(rankings: Rankings, waiting: Sequence[str], authors: Sequence[str], weights: Mapping[str, float]) -> bool:
    """Whether the order of all authors stays as it is, whatever the judges in `waiting` say, or do not say.

    At worst each of them puts whoever is ahead last and whoever is behind first: since a mean of places cannot get
    worse than last or better than first, a judge that stays silent changes less than one that speaks.

    >>> alike = {f"s{n}": [f"s{m}" for m in range(1, 5) if m != n] for n in range(1, 5)}
    >>> one = dict.fromkeys(alike, 1.0)
    >>> settled(alike, [], list(alike), one)
    True
    >>> settled({judge: alike[judge] for judge in ("s1", "s2", "s3")}, ["s4"], list(alike), one)
    False
    >>> settled({judge: alike[judge] for judge in ("s1", "s2", "s3")}, ["s4"], list(alike), one | {"s4": 0.1})
    True
    """
    if not waiting:
        return True
    whole = _integers(weights, [*rankings, *waiting])
    received = _received(rankings, authors, whole)
    earlier = {author: place for place, author in enumerate(authors)}
    worst = (Fraction(0), -1)  # the mean place that any author so far may fall to, and its seat
    for author in (each.seat for each in standings(rankings, authors, weights)):
        _, weight, places = received[author]
        to_come = sum(whole[judge] for judge in waiting if judge != author)
        if not weight or worst >= (Fraction(places + to_come, weight + to_come), earlier[author]):
            return False
        falls_to = Fraction(places + to_come * (len(authors) - 1), weight + to_come)
        worst = max(worst, (falls_to, earlier[author]))
    return True


def _received(
    rankings: Rankings, authors: Sequence[str], weights: Mapping[str, int]
) -> dict[str, tuple[int, int, int]]:
    """For each author in how many rankings it stands, their weights together, and its places times the weights."""
    found = dict.fromkeys(authors, (0, 0, 0))
    for judge, ranking in rankings.items():
        weight = weights[judge]
        for place, author in enumerate(ranking, 1):
            count, whole, places = found[author]
            found[author] = count + 1, whole + weight, places + place * weight
    return found


def _integers(weights: Mapping[str, float], judges: Iterable[str]) -> dict[str, int]:
    """Weights in whole numbers of the same proportions: added exactly, as the decimals that were written, and fast."""
    given = {judge: Fraction(str(weights.get(judge, 1.0))) for judge in judges}
    unit = lcm(*(each.denominator for each in given.values()))
    return {judge: int(each * unit) for judge, each in given.items()}
