"""Weighted voting: who said the same, which of them lead, and whether anybody can still overtake them.

Pure functions. `votes` maps a seat to the group of answers that it is in; groups are named by their answer key.
`order` lists the seats by value, the best first. A weight is how many votes a seat's vote counts as, 1 as a rule.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

CLIP = (0.55, 0.95)  # shares of right answers outside these bounds are mostly luck, so they are moved to the bound
SAME_ERROR = 0.5  # of the errors, those that fall on one and the same wrong answer
_SAME = 9  # decimals in which two sums of weights are compared

Measure = Mapping[str, tuple[float, ...]]
"""The value that each seat adds to its group: (weight,), (1,) or (1, weight); groups are compared by their sums."""


@dataclass(frozen=True, slots=True)
class Group:
    """Seats whose answers say the same."""

    name: str
    members: tuple[str, ...]  # the best first
    size: tuple[float, ...]  # the sum of what they add


def by_weight(weights: Mapping[str, float]) -> Measure:
    """Every vote counts as its weight."""
    return {seat: (weight,) for seat, weight in weights.items()}


def by_count(weights: Mapping[str, float], *, ties_by_weight: bool = False) -> Measure:
    """Every vote counts once; weights decide between equal counts, if they are to."""
    return {seat: (1.0, weight) if ties_by_weight else (1.0,) for seat, weight in weights.items()}


def groups(votes: Mapping[str, str], measure: Measure, order: Sequence[str]) -> list[Group]:
    """The groups, the largest first; among equals the one with the better-placed seat.

    >>> votes = {"s1": "7", "s2": "8", "s3": "8"}
    >>> [(g.name, g.members, g.size) for g in groups(votes, dict.fromkeys(votes, (1.0,)), ["s1", "s2", "s3"])]
    [('8', ('s2', 's3'), (2.0,)), ('7', ('s1',), (1.0,))]
    """
    members: dict[str, list[str]] = {}
    for seat in order:
        if seat in votes:
            members.setdefault(votes[seat], []).append(seat)
    found = [Group(name, tuple(seats), _size(seats, measure)) for name, seats in members.items()]
    place = {seat: at for at, seat in enumerate(order)}
    return sorted(found, key=lambda group: _standing(group.members, group.size, place))


def _standing(members: Sequence[str], size: Sequence[float], place: Mapping[str, int]) -> tuple[tuple[float, ...], int]:
    """Sorts groups, the one that leads first: by size, and in a tie by their best-placed seat.

    Ties are settled here and nowhere else.
    """
    return tuple(-each for each in size), min(place[seat] for seat in members)


def tied(ranked: Sequence[Group]) -> Sequence[Group]:
    """The groups that are as large as the first one, and the first one itself."""
    return [group for group in ranked if group.size == ranked[0].size]


def leads(ranked: Sequence[Group]) -> bool:
    """Whether the first group is larger than every other, not merely better placed."""
    return len(tied(ranked)) == 1


def unbeatable(
    votes: Mapping[str, str],
    waiting: Sequence[str],
    measure: Measure,
    order: Sequence[str],
    *,
    joinable: frozenset[str] = frozenset(),
    strictly: bool = False,
) -> bool:
    """Whether the leading group stays ahead whatever the seats in `waiting` will say.

    At worst they all join one rival, or found one together. `joinable` are groups that may yet turn out to say the
    same as another one. With `strictly` being ahead means being larger; otherwise an equal size is settled by the
    better-placed seat, as in `groups`.

    >>> one = dict.fromkeys(["s1", "s2", "s3"], (1.0,))
    >>> unbeatable({"s1": "7", "s2": "7"}, ["s3"], one, ["s1", "s2", "s3"])
    True
    >>> [unbeatable({"s1": "7"}, ["s2"], one, ["s1", "s2"], strictly=each) for each in (False, True)]
    [True, False]
    """
    ranked = groups(votes, measure, order)
    if not ranked:
        return False
    place = {seat: at for at, seat in enumerate(order)}
    leader, *others = ranked
    ahead = _standing(leader.members, leader.size, place)
    loose = [seat for group in others if group.name in joinable for seat in group.members]
    rivals = [list(group.members) for group in others if group.name not in joinable] or [[]]
    for rival in rivals:
        seats = [*rival, *loose, *waiting]
        if not seats:
            continue
        size = _size(seats, measure)
        if _standing(seats, size, place) < ahead or (strictly and size == leader.size):
            return False
    return True


def enough(
    votes: Mapping[str, str], waiting: Sequence[str], measure: Measure, order: Sequence[str], *, at_least: int = 2
) -> int:
    """How many seats in `waiting`, the first ones, must be heard before the lead can be strictly unbeatable.

    >>> order = ["s1", "s2", "s3", "s4", "s5", "s6"]
    >>> one = dict.fromkeys(order, (1.0,))
    >>> enough({}, order, one, order), enough({"s1": "7", "s2": "8"}, order[2:], one, order)
    (4, 3)
    """
    ranked = groups(votes, measure, order)
    name = ranked[0].name if ranked else ""
    for count in range(1, len(waiting)):
        best = {**votes, **dict.fromkeys(waiting[:count], name)}
        agreed = sum(group == name for group in best.values()) >= at_least
        if agreed and unbeatable(best, waiting[count:], measure, order, strictly=True):
            return count
    return len(waiting)


def joined(votes: Mapping[str, str], partition: Iterable[Sequence[str]]) -> dict[str, str]:
    """`votes` with the groups of each part made one, under the name of its first; one part after the other.

    >>> joined({"s1": "drive", "s2": "walk", "s3": "go by car"}, [["drive", "go by car"], ["walk"]])
    {'s1': 'drive', 's2': 'walk', 's3': 'drive'}
    """
    found = dict(votes)
    for part in partition:
        found = {seat: part[0] if name in part else name for seat, name in found.items()}
    return found


def _size(seats: Iterable[str], measure: Measure) -> tuple[float, ...]:
    # fsum and rounding: the same seats give the same sum in whatever order they answered
    return tuple(round(math.fsum(column), _SAME) for column in zip(*(measure[seat] for seat in seats), strict=True))


# Weights


def log_odds(accuracy: float) -> float:
    """What a seat's vote is worth that is right with probability p: ln(p / ((1 - p) / 2)), p clipped to [.55, .95].

    The odds are those against one particular wrong answer, on which half of the errors are taken to fall: of recorded
    models that were both wrong, between a fifth and three quarters were wrong alike. The clip keeps a lucky record
    from deciding alone, and leaves everybody some say: four seats of .55 do not outvote one of .95.

    >>> [round(log_odds(each), 2) for each in (0.0, 0.6, 0.9, 1.0)]
    [0.89, 1.1, 2.89, 3.64]
    """
    clipped = min(max(accuracy, CLIP[0]), CLIP[1])
    return math.log(clipped / ((1 - clipped) * SAME_ERROR))


def weights_of(records: Mapping[str, tuple[int, int]]) -> dict[str, float]:
    """Weights from (right, asked) per model: clipped log-odds with a mean of 1, so that equals count as plain votes.

    One right and one wrong answer are added to each record, so that few answers say little.

    >>> weights_of({"a": (95, 100), "b": (60, 100), "c": (60, 100)})
    {'a': 1.8413, 'b': 0.5793, 'c': 0.5793}
    """
    worth = {name: log_odds((right + 1) / (asked + 2)) for name, (right, asked) in records.items()}
    mean = sum(worth.values()) / len(worth) if worth else 1.0
    return {name: round(each / mean, 4) for name, each in worth.items()}


def effective_votes(weights: Sequence[float], correlation: float = 0.0) -> float:
    """How many independent votes of equal weight these are worth; `correlation` is that of their errors, 0 to 1.

    Kish's effective size, then the design effect of equally correlated members.

    >>> effective_votes([1, 1, 1, 1]), round(effective_votes([1] * 6, 0.5), 2), round(effective_votes([3, 1, 1]), 2)
    (4.0, 1.71, 2.27)
    """
    if not weights or sum(weights) == 0:
        return 0.0
    size = sum(weights) ** 2 / sum(each * each for each in weights)
    return size / (1 + (size - 1) * correlation)


def error_bound(differing: int, trials: int, confidence: float = 0.95) -> float:
    """The rate that `differing` of `trials` leaves possible: the one-sided upper Clopper-Pearson bound.

    >>> round(error_bound(0, 300), 4), round(error_bound(3, 600), 4), error_bound(0, 0)
    (0.0099, 0.0129, 1.0)
    """
    if trials == 0 or differing >= trials:
        return 1.0
    low, high = differing / trials, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if _at_most(differing, trials, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def _at_most(hits: int, trials: int, rate: float) -> float:
    """P(X <= hits) of a binomial variable."""
    if rate <= 0.0 or rate >= 1.0:
        return 1.0 if rate <= 0.0 else 0.0
    logs = (
        math.lgamma(trials + 1) - math.lgamma(each + 1) - math.lgamma(trials - each + 1)
        + each * math.log(rate) + (trials - each) * math.log1p(-rate)
        for each in range(hits + 1)
    )  # fmt: skip
    return math.fsum(math.exp(each) for each in logs)
