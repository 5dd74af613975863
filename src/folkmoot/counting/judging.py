"""Rules that make one order of what several judges gave to the same answers. Pure.

`Given` maps (judge, author) to a score; higher is better, and of a ranking the negative places do. A judge does not
have to judge every answer. Each rule gives every author a tuple of numbers, compared from left to right.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence

Given = Mapping[tuple[str, str], float]
Totals = dict[str, tuple[float, ...]]
_SAME = 9  # decimals in which two totals are compared


def mean(given: Given, authors: Sequence[str], weights: Mapping[str, float]) -> Totals:
    """The mean score, judges counting by their weights."""
    return {
        author: (_mean([(weights.get(judge, 1.0), score) for judge, score in received]),)
        for author, received in _received(given, authors).items()
    }


def median(given: Given, authors: Sequence[str], weights: Mapping[str, float]) -> Totals:  # noqa: ARG001
    """The median score, then the mean one."""
    return {
        author: (statistics.median(scores), statistics.fmean(scores))
        for author, received in _received(given, authors).items()
        if (scores := [score for _, score in received])
    }


def z_mean(given: Given, authors: Sequence[str], weights: Mapping[str, float]) -> Totals:
    """The mean after each judge's scores were centred and scaled, so that a harsh judge counts as a mild one does."""
    scaled: dict[tuple[str, str], float] = {}
    for judge, own in _of_judges(given, authors).items():
        middle, spread = statistics.fmean(own.values()), statistics.pstdev(own.values())
        scaled |= {(judge, author): (score - middle) / spread if spread else 0.0 for author, score in own.items()}
    return mean(scaled, authors, weights)


def borda(given: Given, authors: Sequence[str], weights: Mapping[str, float]) -> Totals:
    """The mean share of the other answers that a judge put below this one; an equal score is half a win.

    >>> borda({("a", "x"): 9, ("a", "y"): 5, ("b", "x"): 1, ("b", "y"): 1}, ["x", "y"], {})
    {'x': (0.75,), 'y': (0.25,)}
    """
    points: dict[tuple[str, str], float] = {}
    for judge, own in _of_judges(given, authors).items():
        for author, score in own.items():
            others = [other for name, other in own.items() if name != author]
            won = sum(1.0 if score > other else 0.5 if score == other else 0.0 for other in others)
            points[judge, author] = won / len(others) if others else 0.5
    return mean(points, authors, weights)


def tops(given: Given, authors: Sequence[str], weights: Mapping[str, float]) -> Totals:
    """How many judges put it first, by their weights; a judge whose best score several have is shared. Then Borda.

    >>> tops({("a", "x"): 9, ("a", "y"): 9, ("b", "x"): 8, ("b", "y"): 9}, ["x", "y"], {})
    {'x': (0.5, 0.25), 'y': (1.5, 0.75)}
    """
    votes = dict.fromkeys((author for _, author in given), 0.0)
    for judge, own in _of_judges(given, authors).items():
        best = [author for author, score in own.items() if score == max(own.values())]
        for author in best:
            votes[author] += weights.get(judge, 1.0) / len(best)
    ranks = borda(given, authors, weights)
    return {author: (votes[author], *ranks[author]) for author in authors if author in ranks}


Rule = Callable[[Given, Sequence[str], Mapping[str, float]], Totals]
RULES: Mapping[str, Rule] = {"mean": mean, "median": median, "z-mean": z_mean, "borda": borda, "tops": tops}


def order_of(totals: Mapping[str, tuple[float, ...]], authors: Sequence[str], previous: str | None = None) -> list[str]:
    """The authors, the best first; among equals the previous leader, then the earlier one. Those without a total last.

    >>> order_of({"x": (1.0,), "y": (2.0,), "z": (2.0,)}, ["x", "y", "z", "w"], previous="z")
    ['z', 'y', 'x', 'w']
    """

    def place(author: str) -> tuple[bool, tuple[float, ...], bool]:
        total = totals.get(author, ())
        return not total, tuple(-round(each, _SAME) for each in total), author != previous

    return sorted(authors, key=place)


def _received(given: Given, authors: Sequence[str]) -> dict[str, list[tuple[str, float]]]:
    """Author -> (judge, score); authors that nobody judged are absent."""
    found: dict[str, list[tuple[str, float]]] = {}
    for (judge, author), score in given.items():
        if author in authors:
            found.setdefault(author, []).append((judge, score))
    return {author: found[author] for author in authors if author in found}


def _of_judges(given: Given, authors: Sequence[str]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for (judge, author), score in given.items():
        if author in authors:
            found.setdefault(judge, {})[author] = score
    return found


def _mean(weighed: Sequence[tuple[float, float]]) -> float:
    return sum(weight * score for weight, score in weighed) / sum(weight for weight, _ in weighed)
