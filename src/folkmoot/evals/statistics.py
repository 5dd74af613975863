"""Intervals and comparisons for graded answers: pure Python, and the same figures on every machine.

A proportion gets a Wilson interval (Wilson, JASA 22, 1927), or a Clopper-Pearson interval (Biometrika 26, 1934) where
its coverage must never fall below the level. A mean, a difference or a ratio over questions gets a percentile bootstrap
(Efron and Tibshirani, 1993, chapter 13) that draws whole questions: several answers to one question are one cluster,
because they are not independent. Every bootstrap starts from a fixed seed.
"""

import math
import random
from collections.abc import Callable, Hashable, Sequence
from statistics import NormalDist
from typing import NamedTuple

LEVEL = 0.95
RESAMPLES = 2000
SEED = 20261101


class Interval(NamedTuple):
    low: float
    high: float

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int | float) and self.low <= value <= self.high


class Estimated(NamedTuple):
    """A figure with its interval."""

    value: float
    interval: Interval

    @property
    def significant(self) -> bool:
        """Whether the interval leaves out zero."""
        return 0 not in self.interval


def wilson(right: int, total: int, level: float = LEVEL) -> Interval:
    """The Wilson score interval of a proportion; (0, 1) where nothing was counted.

    >>> [round(each, 4) for each in wilson(3, 10)]
    [0.1078, 0.6032]
    """
    if total == 0:
        return Interval(0.0, 1.0)
    z = NormalDist().inv_cdf((1 + level) / 2)
    share, scale = right / total, 1 + z * z / total
    middle = (share + z * z / (2 * total)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return Interval(
        0.0 if right == 0 else max(0.0, middle - half),
        1.0 if right == total else min(1.0, middle + half),
    )


def clopper_pearson(right: int, total: int, level: float = LEVEL) -> Interval:
    """The exact interval of a proportion: it covers the true one with at least `level`. (0, 1) where total is 0.

    Each end alone is a one-sided bound of the level (1 + level) / 2.

    >>> [round(each, 4) for each in clopper_pearson(3, 10)]
    [0.0667, 0.6525]
    """
    if total == 0:
        return Interval(0.0, 1.0)
    tail = (1 - level) / 2
    low = 0.0 if right == 0 else beta_quantile(tail, right, total - right + 1)
    high = 1.0 if right == total else beta_quantile(1 - tail, right + 1, total - right)
    return Interval(low, high)


def beta_quantile(probability: float, a: float, b: float) -> float:
    """The value below which a Beta(a, b) variable falls with this probability, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if beta_distribution(middle, a, b) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def beta_distribution(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), by its continued fraction (Abramowitz, Stegun 26.5.8).

    >>> round(beta_distribution(0.3, 2, 5), 6)
    0.579825
    """
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):  # the fraction converges fast only below here
        return 1 - beta_distribution(1 - x, b, a)
    tiny = 1e-300
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )  # fmt: skip
    value, c, d = 1.0, 1.0, 0.0
    for step in range(1000):
        half = step // 2
        if step == 0:
            term = 1.0
        elif step % 2 == 0:
            term = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        else:
            term = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        d = 1 / (1 + term * d or tiny)
        c = 1 + term / c or tiny
        value *= c * d
        if step and abs(c * d - 1) < 1e-14:
            break
    return front * (value - 1) / a


def bootstrap(
    clusters: Sequence[Sequence[float]],
    statistic: Callable[[list[float]], float],
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Estimated:
    """`statistic` of the column sums of `clusters`, with a percentile interval over resampled clusters.

    Each cluster is a row of numbers, one row per question, all of one length: for a mean `[sum, count]` and
    `lambda s: s[0] / s[1]`; for dollars per right answer `[usd, right]`. A resample for which the statistic cannot be
    computed (ZeroDivisionError) counts as infinite. Raises ValueError when there is no cluster.
    """
    if not clusters:
        raise ValueError("there is nothing to resample")
    draw = random.Random(seed)
    rows = [tuple(map(float, row)) for row in clusters]
    count = len(rows)

    def of(sample: Sequence[Sequence[float]]) -> float:
        try:
            return statistic([math.fsum(column) for column in zip(*sample, strict=True)])
        except ZeroDivisionError:
            return math.inf

    drawn = sorted(of(draw.choices(rows, k=count)) for _ in range(resamples))
    return Estimated(of(rows), _middle(drawn, level))


def _middle(drawn: Sequence[float], level: float) -> Interval:
    """The share `level` in the middle of sorted values."""
    out = (1 - level) / 2
    return Interval(percentile(drawn, out), percentile(drawn, 1 - out))


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value below which `share` of sorted values lies, interpolated between neighbours.

    >>> percentile([1, 2, 3, 4], 0.5), percentile([7], 0.95)
    (2.5, 7)
    """
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    if ordered[below] == ordered[above]:  # infinite ones too
        return ordered[below]
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def clustered_mean(
    values: Sequence[float], clusters: Sequence[Hashable], *, resamples: int = RESAMPLES, seed: int = SEED
) -> Estimated:
    """The mean of `values`, with an interval over resampled clusters."""
    return bootstrap(_sums(values, clusters), lambda sums: sums[0] / sums[1], resamples=resamples, seed=seed)


def proportion(right: Sequence[bool], clusters: Sequence[Hashable]) -> Estimated:
    """The share that is right: a Wilson interval where every question counts once, else a bootstrap by question.

    >>> proportion([True, True, False, True], ["q1", "q2", "q3", "q4"]).value
    0.75
    """
    if len(set(clusters)) == len(right):
        return Estimated(sum(right) / len(right) if right else math.nan, wilson(sum(right), len(right)))
    return clustered_mean([float(each) for each in right], clusters)


def paired_difference(
    ours: Sequence[float],
    theirs: Sequence[float],
    clusters: Sequence[Hashable] | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Estimated:
    """The mean of `ours - theirs`, entry by entry on the same questions, resampled by question.

    The values lie between 0 and 1. Where the difference is the same on every question, resampling finds no spread at
    all. Then the interval is widened by the largest share of questions with another difference that would still be
    unseen (Clopper and Pearson).

    >>> paired_difference([1, 1, 0, 1], [1, 0, 0, 1]).value
    0.25
    """
    gains = [a - b for a, b in zip(ours, theirs, strict=True)]
    questions = range(len(gains)) if clusters is None else clusters
    found = clustered_mean(gains, questions, resamples=resamples, seed=seed)
    if found.interval.low < found.interval.high:
        return found
    unseen = clopper_pearson(0, len(set(questions))).high
    return Estimated(found.value, Interval(max(-1.0, found.value - unseen), min(1.0, found.value + unseen)))


def _sums(values: Sequence[float], clusters: Sequence[Hashable]) -> list[tuple[float, float]]:
    """Sum and count of each cluster, in the order of appearance."""
    found: dict[Hashable, tuple[float, float]] = {}
    for value, cluster in zip(values, clusters, strict=True):
        total, count = found.get(cluster, (0.0, 0.0))
        found[cluster] = total + value, count + 1
    return list(found.values())


def calibration_error(
    claimed: Sequence[float], right: Sequence[bool], groups: Sequence[Hashable] | None = None
) -> float:
    """The expected calibration error: the mean over groups of |claimed - right|, weighted by their size.

    `groups` says which answers belong together, such as the size of the cluster that agreed; by default ten bins of
    equal width over the claimed probability (Naeini and others, AAAI 2015).

    >>> calibration_error([0.9, 0.9, 0.6, 0.6], [True, True, True, False])
    0.1
    """
    if not claimed:
        return 0.0
    bins: Sequence[Hashable] = [min(int(each * 10), 9) for each in claimed] if groups is None else groups
    gaps: dict[Hashable, float] = {}
    for probability, hit, group in zip(claimed, right, bins, strict=True):
        gaps[group] = gaps.get(group, 0.0) + probability - hit
    return round(math.fsum(map(abs, gaps.values())) / len(claimed), 12)


def phi(one: Sequence[bool], other: Sequence[bool]) -> float | None:
    """The correlation of two yes-or-no series, such as two models' errors. None where one of them never varies.

    >>> phi([True, False, True, False], [True, False, False, True])
    0.0
    """
    both = sum(a and b for a, b in zip(one, other, strict=True))
    first, second, count = sum(one), sum(other), len(one)
    spread = first * (count - first) * second * (count - second)
    return None if spread == 0 else (count * both - first * second) / math.sqrt(spread)
