"""Policies: which models to ask, in which order, and when to stop, tried on questions whose answers are known. Pure.

A policy asks one model, or two at once; where these two do not agree a third one; and where nobody has a majority by
weight then, perhaps, everybody else. A model may stand in it several times, if several answers of it are known: each
further time takes another sample.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

from folkmoot.counting.earned import SeenAgreement
from folkmoot.counting.evidence import Evidence, MarkedAnswer, Question, accuracy_of
from folkmoot.counting.votes import weights_of

MOST_DRAWS = 8  # of the samples of one question; with more, a policy is known no better
WORTH = 0.003
"""The share of further right answers that the price of asking the best model once must bring: 3 in 1,000 questions."""


@dataclass(frozen=True)
class Policy:
    """A policy and what it came to."""

    models: tuple[str, ...]  # in the order in which they are asked: one, or two at once and perhaps a third
    rest: bool  # whether everybody else is asked where these come to no majority
    right: float  # share of the questions
    cost: float  # mean, in the unit of the costs given

    def worth(self, price: float) -> float:
        """Right answers, less what it costs; `price` is that of asking the best model once."""
        return self.right - WORTH * self.cost / price


@dataclass(frozen=True)
class Pair:
    """How often two answers agree, and how often they are right then. Both may be of one model."""

    one: str
    other: str
    agree: float  # share of the questions
    right: float | None  # share of those in which they agree; None: they never do


@dataclass(frozen=True)
class Tried:
    """Every policy of a panel that could be tried."""

    best: Policy  # the one that is worth most
    alone: Policy  # the best model, asked once
    pairs: tuple[Pair, ...]
    weights: Mapping[str, float]


def try_all(evidence: Evidence, panel: Sequence[str], costs: Mapping[str, float], seats: Mapping[str, float]) -> Tried:
    """Try the policies of `panel`, one entry per model, on questions that all of it answered.

    `seats` holds given weights of votes by model; where it is empty, weights are learnt from who was right.
    """
    models = list(panel)
    right = {model: accuracy_of(evidence, model) for model in models}
    count = len(evidence.questions)
    weights = dict(seats) or weights_of({model: (round(right[model] * count), count) for model in models})
    best = min(models, key=lambda model: (-right[model], costs[model], models.index(model)))
    alone = Policy((best,), False, right[best], costs[best])
    trials = _Trials(sorted(models, key=lambda model: -weights[model]), weights, costs, evidence)
    chosen = max([alone, *trials.policies()], key=lambda policy: policy.worth(costs[best]))
    if len(chosen.models) > 1 and len(models) > len(set(chosen.models)):
        wider = _with_rest(evidence, chosen, trials.models, weights, costs)
        chosen = max([chosen, wider], key=lambda policy: policy.worth(costs[best]))
    return Tried(chosen, alone, trials.pairs(), weights)


class _Trials:
    """Pairs, and pairs with a third, tried on every question at once."""

    def __init__(
        self, models: Sequence[str], weights: Mapping[str, float], costs: Mapping[str, float], evidence: Evidence
    ) -> None:
        self.models = list(models)  # the heaviest first
        repeated = [all(len(question[model]) > 1 for question in evidence.questions) for model in models]
        thrice = [all(len(question[model]) > 2 for question in evidence.questions) for model in models]
        numbers = range(len(self.models))
        self.couples = [(a, b) for a, b in combinations_with_replacement(numbers, 2) if a != b or repeated[a]]
        self.thirds = {
            (a, b): [c for c in numbers if c not in (a, b) or (thrice[c] if a == b else repeated[c])]
            for a, b in self.couples
        }
        self.weights = [weights[model] for model in models]
        self.costs = [costs[model] for model in models]
        self.count = len(evidence.questions)
        size = len(self.models)
        self.agreed = dict.fromkeys(self.couples, 0.0)
        self.agreed_right = dict.fromkeys(self.couples, 0.0)
        self.split_right = dict.fromkeys(self.couples, 0.0)  # the leading answer of two that differ
        self.third_right = {couple: [0.0] * size for couple in self.couples}
        for question in evidence.questions:
            drawn = draws(question)
            for draw in drawn:
                self._try([samples_of(question, model, draw) for model in self.models], 1 / len(drawn))

    def _try(self, deck: Sequence[Sequence[MarkedAnswer]], share: float) -> None:
        for couple in self.couples:
            a, b = couple
            one, other = deck[a][0], deck[b][int(a == b)]
            if one.group is not None and one.group == other.group:
                self.agreed[couple] += share
                self.agreed_right[couple] += share * one.right
                continue
            self.split_right[couple] += share * one.right  # the heavier one, which comes first
            row, heavy, light = self.third_right[couple], self.weights[a], self.weights[b]
            for c in self.thirds[couple]:
                third = deck[c][(c == a) + (c == b)]
                leads = one.right
                if third.group is not None and third.group == other.group != one.group:
                    if light + self.weights[c] > heavy:
                        leads = other.right
                elif third.group is None or third.group != one.group:
                    leads = third.right if self.weights[c] > heavy else one.right
                row[c] += share * leads

    def policies(self) -> Iterator[Policy]:
        for couple in self.couples:
            a, b = couple
            names = (self.models[a], self.models[b])
            both, agreed = self.costs[a] + self.costs[b], self.agreed_right[couple]
            yield Policy(names, False, (agreed + self.split_right[couple]) / self.count, both)
            differ = 1 - self.agreed[couple] / self.count
            for c in self.thirds[couple]:
                right = (agreed + self.third_right[couple][c]) / self.count
                yield Policy((*names, self.models[c]), False, right, both + differ * self.costs[c])

    def pairs(self) -> tuple[Pair, ...]:
        return tuple(
            Pair(
                self.models[a],
                self.models[b],
                self.agreed[a, b] / self.count,
                self.agreed_right[a, b] / self.agreed[a, b] if self.agreed[a, b] else None,
            )
            for a, b in self.couples
        )


def draws(question: Question) -> range:
    """The numbers of the draws of a question: as many as there are samples, up to a limit."""
    return range(min(MOST_DRAWS, max(len(samples) for samples in question.values())))


def samples_of(question: Question, model: str, draw: int) -> Sequence[MarkedAnswer]:
    """The samples of a model in the order in which this draw takes them, as many as a policy can need."""
    samples = question[model]
    return [samples[(draw + further) % len(samples)] for further in range(min(3, len(samples)))]


def _with_rest(
    evidence: Evidence, policy: Policy, order: Sequence[str], weights: Mapping[str, float], costs: Mapping[str, float]
) -> Policy:
    """The policy, with everybody else asked where its models come to no majority."""
    right = cost = 0.0
    others = [model for model in order if model not in policy.models]
    for question in evidence.questions:
        drawn = draws(question)
        for draw in drawn:
            found = ask_by(question, policy.models, others, weights, costs, draw)
            right, cost = right + found[0] / len(drawn), cost + found[1] / len(drawn)
    count = len(evidence.questions)
    return Policy(policy.models, True, right / count, cost / count)


def agreements(
    evidence: Evidence, policy: Policy, order: Sequence[str], weights: Mapping[str, float], costs: Mapping[str, float]
) -> tuple[SeenAgreement, ...]:
    """How often the policy ends with so many behind its leading answer, and how often that is right then."""
    others = [model for model in order if model not in policy.models] if policy.rest else []
    count: dict[tuple[int, int], float] = {}
    rights: dict[tuple[int, int], float] = {}
    for question in evidence.questions:
        drawn = draws(question)
        for draw in drawn:
            right, _, behind, heard = ask_by(question, policy.models, others, weights, costs, draw)
            count[behind, heard] = count.get((behind, heard), 0.0) + 1 / len(drawn)
            rights[behind, heard] = rights.get((behind, heard), 0.0) + right / len(drawn)
    return tuple(
        SeenAgreement(leading=key[0], heard=key[1], questions=round(times, 3), right=round(rights[key] / times, 6))
        for key, times in sorted(count.items(), reverse=True)
    )


def ask_by(
    question: Question,
    models: Sequence[str],
    others: Sequence[str],
    weights: Mapping[str, float],
    costs: Mapping[str, float],
    draw: int = 0,
) -> tuple[bool, float, int, int]:
    """Ask one question by a policy, on record.

    Returns whether the answer that leads in the end is right, the cost, how many answers say what it says, and how many
    were heard.

    The first two of `models` are asked at once, the third where these have no majority, `others` where nobody has.
    """
    heard: list[tuple[str, MarkedAnswer]] = []
    cost = 0.0
    waves = [models[:2], *([each] for each in models[2:]), others]
    for wave in waves:
        for model in wave:
            again = sum(name == model for name, _ in heard)
            heard.append((model, samples_of(question, model, draw)[again]))
            cost += costs[model]
        leads, decided, behind = _leading(heard, weights)
        if decided:
            break
    return leads, cost, behind, len(heard)


def _leading(heard: Sequence[tuple[str, MarkedAnswer]], weights: Mapping[str, float]) -> tuple[bool, bool, int]:
    """Whether the heaviest answer is right; whether two stand behind it and it is heavier than others; how many do."""
    size: dict[str, float] = {}
    count: dict[str, int] = {}
    right: dict[str, bool] = {}
    for place, (model, answer) in enumerate(heard):
        name = answer.group if answer.group is not None else f"\n{place}"
        size[name] = round(size.get(name, 0.0) + weights[model], 9)
        count[name] = count.get(name, 0) + 1
        right.setdefault(name, answer.right)
    first = max(size, key=lambda name: size[name])  # among equals the earlier one
    ahead = all(size[first] > other for name, other in size.items() if name != first)
    return right[first], ahead and count[first] > 1, count[first]
