"""The ceiling: how much any panel of these models could gain, before one is built.

Whatever picks one member's answer is wrong where all members are. So the share of questions that all get wrong, beta,
bounds every vote, router and cascade; no correlation of pairs tells it, it must be counted.
"""

import math
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from statistics import fmean

from folkmoot.counting.evidence import Evidence, by_accuracy, costs_of, plain_vote, unit_of
from folkmoot.counting.votes import effective_votes
from folkmoot.errors import InputError
from folkmoot.evals.prediction import prediction
from folkmoot.evals.statistics import Estimated, Interval, clopper_pearson, paired_difference, percentile, wilson
from folkmoot.types import Record

LEAST = 0.01  # a gain in the share of right answers below which a panel is not worth building
FEWEST = 20  # questions; with fewer no advice is given
RESAMPLES = 500
NOTHING = "change nothing"


class Share(Record):
    """A share of the questions, with its 95 % interval."""

    value: float
    low: float
    high: float


class Member(Record):
    model: str
    right: Share
    cost: float  # of one answer, in the ceiling's unit


class Correlated(Record):
    """How much the errors of two models go together: 1 together, 0 as if by chance."""

    one: str
    other: str
    phi: float | None  # None: one of them is always right, or always wrong
    both_wrong: float  # share of the questions


class Change(Record):
    """The change of the panel by one model that adds most right answers for its price."""

    what: str  # e.g. "add openai/gpt-5.4"
    gain: Share  # in the share of right answers, of changes chosen on one half and measured on the other, both ways
    cost: float  # more per question, in the ceiling's unit
    measured: str  # "vote", or "ceiling" where it is not known which answers say the same


class Ceiling(Record):
    """How far a panel of these models can go."""

    source: str
    questions: int
    unit: str
    members: tuple[Member, ...]  # the best first
    all_wrong: Share  # beta; its interval is Clopper and Pearson's
    next_questions: int
    all_wrong_next: Share  # bounds for so many further questions of the same kind
    gain: Share  # the most that anything that picks one of the answers gains over the best member
    vote_gain: Share | None  # what the plain vote gains; None: it is not known which answers say the same
    effective_votes: Share
    correlations: tuple[Correlated, ...]
    change: Change | None
    advice: str

    @property
    def best(self) -> Member:
        return self.members[0]


def ceiling(
    evidence: Evidence, panel: Sequence[str] = (), *, next_questions: int | None = None, least: float = LEAST
) -> Ceiling:
    """What `panel`, by default every model of the evidence, can gain over its best member.

    Raises InputError where fewer than two models are there, or no question was answered by all of them.
    """
    members = list(panel) or list(evidence.models)
    if unknown := [model for model in members if model not in evidence.models]:
        raise InputError(f"nothing is known of {', '.join(unknown)}; there are: {', '.join(evidence.models)}")
    if len(members) < 2:
        raise InputError("a panel has at least two models")
    seen = evidence.among(members)
    count = len(seen.questions)
    if count == 0:
        raise InputError(f"no question was answered by all of {', '.join(members)}")
    unit = unit_of(evidence)
    costs = costs_of(evidence, unit)
    order = by_accuracy(seen)
    rows = [tuple(question[model][0].right for model in order) for question in seen.questions]
    none = sum(not any(row) for row in rows)
    only_others = sum(any(row) and not row[0] for row in rows)
    following = next_questions or count
    expected = prediction(none, count, following)
    gain = _share(only_others, count)
    vote = _vote_gain(seen, order) if seen.compared else None
    return Ceiling(
        source=evidence.source,
        questions=count,
        unit=unit,
        members=tuple(
            Member(model=model, right=_share(sum(row[at] for row in rows), count, wilson), cost=costs[model])
            for at, model in enumerate(order)
        ),
        all_wrong=_share(none, count),
        next_questions=following,
        all_wrong_next=Share(value=none / count, low=expected.low, high=expected.high),
        gain=gain,
        vote_gain=vote,
        effective_votes=_effective(rows),
        correlations=tuple(
            Correlated(
                one=order[a], other=order[b], phi=_phi(Counter(rows), a, b),
                both_wrong=sum(not row[a] and not row[b] for row in rows) / count,
            )
            for a, b in combinations(range(len(order)), 2)
        ),
        change=_best_change(evidence, members, unit),
        advice=_advice(order[0], count, gain, vote, least),
    )  # fmt: skip


def _share(
    hits: int, total: int, interval: Callable[[int, int], Interval] = lambda hits, total: clopper_pearson(hits, total)
) -> Share:
    found = interval(hits, total)
    return Share(value=hits / total, low=found.low, high=found.high)


def _of(found: Estimated) -> Share:
    return Share(value=found.value, low=found.interval.low, high=found.interval.high)


def _vote_gain(seen: Evidence, order: Sequence[str]) -> Share:
    voted = [float(plain_vote(question, order).right) for question in seen.questions]
    return _of(paired_difference(voted, [float(question[order[0]][0].right) for question in seen.questions]))


def _advice(best: str, count: int, gain: Share, vote: Share | None, least: float) -> str:
    top, most = f"{100 * gain.high:.1f}", f"{100 * least:g}"
    if count < FEWEST:
        return f"Nobody can tell from {count} questions; mark at least {FEWEST}."
    if gain.high < least:
        return (
            f"Do not build a panel here. Whatever picks one of these answers can gain at most {top} points over "
            f"{best} alone, and {most} is the least that you want."
        )
    if vote is not None and vote.high < least:
        does = "loses at least" if vote.high < 0 else "gains at most"
        return (
            f"Do not build a panel here that votes: the vote {does} {100 * abs(vote.high):.1f} points against {best} "
            f"alone. What knows right from wrong, such as tests that run, could gain up to {top}."
        )
    if vote is not None and vote.low > 0:
        return f"A panel pays here: the plain vote gains {_points(vote)} points over {best} alone."
    if gain.low < least:
        return f"It cannot be told yet whether a panel pays here: the most it could gain is {_points(gain)} points."
    if vote is None:
        return (
            f"Something that knows right from wrong, such as tests that run, can gain up to {_points(gain)} points "
            f"over {best} alone. Whether a vote gains anything is not known: no answers are there to compare."
        )
    return (
        f"There is room for {_points(gain)} points over {best} alone, but the plain vote gains {_points(vote)}, which "
        "cannot be told from nothing. Ask the others only where two disagree, or check the answers."
    )


def _points(share: Share) -> str:
    """
    >>> _points(Share(value=0.012, low=0.004, high=0.02))
    '1.2 [0.4, 2.0]'
    """
    return f"{100 * share.value:.1f} [{100 * share.low:.1f}, {100 * share.high:.1f}]"


# Correlated errors


def _phi(patterns: Counter[tuple[bool, ...]], a: int, b: int) -> float | None:
    """The correlation of two columns of right and wrong, each pattern counted as often as it came."""
    count = sum(patterns.values())
    one = sum(times for row, times in patterns.items() if row[a])
    other = sum(times for row, times in patterns.items() if row[b])
    both = sum(times for row, times in patterns.items() if row[a] and row[b])
    spread = one * (count - one) * other * (count - other)
    return (count * both - one * other) / math.sqrt(spread) if spread else None


def _effective(rows: Sequence[tuple[bool, ...]]) -> Share:
    """How many independent votes the panel is worth, with a bootstrap interval over questions."""
    seats = len(rows[0])
    patterns = Counter(rows)
    names, weights = list(patterns), list(patterns.values())
    draw = random.Random(0)

    def of(counted: Counter[tuple[bool, ...]]) -> float:
        found = [phi for a, b in combinations(range(seats), 2) if (phi := _phi(counted, a, b)) is not None]
        return effective_votes([1.0] * seats, max(0.0, fmean(found)) if found else 0.0)

    drawn = sorted(of(Counter(draw.choices(names, weights, k=len(rows)))) for _ in range(RESAMPLES))
    return Share(value=of(patterns), low=percentile(drawn, 0.025), high=percentile(drawn, 0.975))


# What to change


def _best_change(evidence: Evidence, panel: Sequence[str], unit: str) -> Change | None:
    changes = dict(_changes(evidence, panel))
    whole = evidence.among(list(dict.fromkeys((*panel, *evidence.models))))
    if len(whole.questions) < 2 * FEWEST:
        return None
    costs = costs_of(whole, unit)
    more = {what: sum(costs[m] for m in each) - sum(costs[m] for m in panel) for what, each in changes.items()}

    def chosen(part: Evidence) -> str:
        order = by_accuracy(part)
        gains = {what: fmean(_rights(part, each, order)) for what, each in changes.items()}
        before = gains[NOTHING]
        return max(changes, key=lambda each: _worth(gains[each] - before, more[each]))

    numbers = list(range(len(whole.questions)))
    random.Random(0).shuffle(numbers)
    halves = whole.part(numbers[::2]), whole.part(numbers[1::2])
    gains: list[float] = []
    for learnt, unseen in (halves, halves[::-1]):
        order = by_accuracy(learnt)
        now, then = _rights(unseen, panel, order), _rights(unseen, changes[chosen(learnt)], order)
        gains += [b - a for a, b in zip(now, then, strict=True)]
    what = chosen(whole)
    gain = _of(paired_difference(gains, [0.0] * len(gains)))
    return Change(what=what, gain=gain, cost=more[what], measured="vote" if whole.compared else "ceiling")


def _changes(evidence: Evidence, panel: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every panel that is one step away, by what is done; and the panel itself, by which every other is measured."""
    others = [model for model in evidence.models if model not in panel]
    yield NOTHING, tuple(panel)
    for member in panel:
        rest = tuple(model for model in panel if model != member)
        if len(rest) > 1:
            yield f"drop {member}", rest
        yield from ((f"take {model} instead of {member}", (*rest, model)) for model in others)
    yield from ((f"add {model}", (*panel, model)) for model in others)


def _rights(evidence: Evidence, panel: Sequence[str], order: Sequence[str]) -> list[float]:
    """Per question whether the panel is right: its plain vote, or whether any member is where no vote can be held."""
    if evidence.compared:
        ranked = [model for model in order if model in panel]
        return [float(plain_vote(question, ranked).right) for question in evidence.questions]
    return [float(any(question[model][0].right for model in panel)) for question in evidence.questions]


def _worth(gain: float, more: float) -> tuple[int, float]:
    """How good a change is: what gains and costs no more is best, then what gains most for each further cost.

    >>> sorted([(0.01, 1.0), (0.005, -1.0), (0.0, 0.0), (-0.01, -2.0)], key=lambda each: _worth(*each))
    [(-0.01, -2.0), (0.0, 0.0), (0.01, 1.0), (0.005, -1.0)]
    """
    if gain <= 0:
        return 0, gain
    return (1, gain / more) if more > 0 else (2, gain)
