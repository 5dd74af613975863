"""Counting: pure functions from tables of replies to numbers. Tables keep the order of the seats."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction


def mean_scores(scores: Mapping[tuple[str, str], float], authors: Iterable[str]) -> dict[str, float]:
    """Mean score per author, in the order of `authors`; those nobody scored are absent.

    `scores` maps (judge, author) to a score.

    >>> mean_scores({("a", "b"): 8, ("c", "b"): 6, ("b", "a"): 9}, ["a", "b", "c"])
    {'a': 9.0, 'b': 7.0}
    """
    received: dict[str, list[float]] = {author: [] for author in authors}
    for (_, author), score in scores.items():
        received[author].append(score)
    return {author: _mean(given) for author, given in received.items() if given}


def _mean(numbers: Sequence[float]) -> float:
    # Added as the decimals that were written: 7.1, 9.2 and 7.7 make 24, in any order, and reach a threshold of 8.
    return float(sum(Fraction(str(each)) for each in numbers) / len(numbers))


def leader(scores: Mapping[str, float], previous: str | None) -> str | None:
    """Who is ahead. A tie goes to the previous leader, then to the earlier seat; None when nobody has a score.

    >>> leader({"a": 8.0, "b": 9.0, "c": 9.0}, previous="c"), leader({"a": 8.0, "b": 8.0}, previous=None)
    ('c', 'a')
    """
    if not scores:
        return None
    best = max(scores.values())
    tied = [seat for seat, score in scores.items() if best - score <= sys.float_info.epsilon]
    return previous if previous in tied else tied[0]


def streak(leaders: Sequence[str | None]) -> int:
    """For how many rounds, up to the last one, the same seat has led; 0 when nobody leads.

    >>> streak(["a", "b", "b"]), streak(["b", None]), streak([])
    (2, 0, 0)
    """
    if not leaders or leaders[-1] is None:
        return 0
    length = 0
    for each in reversed(leaders):
        if each != leaders[-1]:
            break
        length += 1
    return length
