"""What the next questions will show: exact bounds for a count yet to come, made of a count that was seen.

Given that k of n + m questions' hits fell among the n that were seen, the hits among the seen ones are
hypergeometric, whatever the true rate is. So a bound for the hits to come needs no estimate of the rate (Thatcher,
"Relationships between Bayesian and confidence limits for predictions", JRSS B 26, 1964).
"""

import math

from folkmoot.evals.statistics import Interval

LEVEL = 0.98
"""The default level of a prediction. It is above 95 % so that a bound that is drawn again and again, each time on other
questions of one set, still holds in 95 % of the draws when luck is bad."""


def prediction(hits: int, seen: int, future: int, level: float = LEVEL) -> Interval:
    """Bounds of the share of hits among `future` questions, after `hits` of `seen`; both hold with `level` together.

    >>> [round(each, 3) for each in prediction(20, 100, 100)]
    [0.08, 0.35]
    >>> prediction(0, 0, 10)
    Interval(low=0.0, high=1.0)
    """
    if future <= 0:
        raise ValueError("a prediction is about at least one question to come")
    tail = (1 - level) / 2
    return Interval(
        1 - _most(seen - hits, seen, future, tail) / future,
        _most(hits, seen, future, tail) / future,
    )


def _most(hits: int, seen: int, future: int, tail: float) -> int:
    """The most hits to come with which seeing no more than `hits` would not be rarer than `tail`."""
    low, high = 0, future
    while low < high:
        middle = (low + high + 1) // 2
        if _seen_at_most(hits, seen, future, hits + middle) > tail:
            low = middle
        else:
            high = middle - 1
    return low


def _seen_at_most(hits: int, seen: int, future: int, total: int) -> float:
    """P(at most `hits` of the `seen` questions are hits), when `total` of all are."""
    everything = _choose(seen + future, seen)
    first = max(0, total - future)
    return math.fsum(
        math.exp(_choose(total, each) + _choose(seen + future - total, seen - each) - everything)
        for each in range(first, min(hits, seen, total) + 1)
    )


def _choose(of: int, some: int) -> float:
    """The logarithm of a binomial coefficient; minus infinity where there is none."""
    if not 0 <= some <= of:
        return -math.inf
    return math.lgamma(of + 1) - math.lgamma(some + 1) - math.lgamma(of - some + 1)
