"""Evidence: who answered which questions how, and who was right. Pure values that other computations start from."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import NamedTuple

Unit = str
"""What a cost counts: "usd", "tokens" or "calls"."""


class MarkedAnswer(NamedTuple):
    """One answer of one model to one question."""

    group: str | None  # the key of what it concludes, as a vote counts it; None: nothing that can be compared
    right: bool
    tokens: int = 0  # of the call; 0: not known
    usd: float | None = None  # of the call, at list price where it was free; None or 0: not known


Question = Mapping[str, Sequence[MarkedAnswer]]
"""model -> its answers to one question, the first sample first."""


@dataclass(frozen=True)
class Evidence:
    """Questions whose right answers are known, and what was answered."""

    questions: tuple[Question, ...]
    source: str = ""  # where they come from, for people
    date: str = ""  # of the newest of them, ISO 8601

    @cached_property
    def models(self) -> tuple[str, ...]:
        """Every model, in the order of appearance."""
        return tuple(dict.fromkeys(model for question in self.questions for model in question))

    def among(self, panel: Sequence[str]) -> "Evidence":
        """The questions that all of `panel` answered."""
        whole = tuple(each for each in self.questions if all(each.get(model) for model in panel))
        return Evidence(tuple({m: each[m] for m in panel} for each in whole), self.source, self.date)

    def part(self, numbers: Iterable[int]) -> "Evidence":
        """The questions with these numbers."""
        return Evidence(tuple(self.questions[number] for number in numbers), self.source, self.date)

    @property
    def compared(self) -> bool:
        """Whether anything is known of which answers say the same."""
        return any(a.group is not None for question in self.questions for answers in question.values() for a in answers)


def unit_of(evidence: Evidence) -> Unit:
    """What can stand for the price of all answers: dollars where all are known, else tokens, else calls."""
    answers = [answer for question in evidence.questions for found in question.values() for answer in found]
    if answers and all(answer.usd for answer in answers):
        return "usd"
    return "tokens" if answers and all(answer.tokens for answer in answers) else "calls"


def costs_of(evidence: Evidence, unit: Unit) -> dict[str, float]:
    """The mean cost of one answer of each model, in `unit`."""
    price: Callable[[MarkedAnswer], float] = {
        "usd": lambda answer: answer.usd or 0.0,
        "tokens": lambda answer: float(answer.tokens),
    }.get(unit, lambda _: 1.0)
    return {
        model: fmean(price(answer) for question in evidence.questions for answer in question.get(model, ()))
        for model in evidence.models
    }


def accuracy_of(evidence: Evidence, model: str) -> float:
    """The share of a model's answers that is right, every question counting once; 0 where it answered none."""
    shares = [fmean(answer.right for answer in found) for each in evidence.questions if (found := each.get(model))]
    return fmean(shares) if shares else 0.0


def by_accuracy(evidence: Evidence) -> list[str]:
    """The models, the one that is right most often first; equals in the order of appearance."""
    return sorted(evidence.models, key=lambda model: -accuracy_of(evidence, model))


def plain_vote(question: Question, order: Sequence[str]) -> MarkedAnswer:
    """What a plurality of the first samples of `order` says; among equals the answer of the earlier model.

    >>> said = {"a": [MarkedAnswer("7", False)], "b": [MarkedAnswer("8", True)], "c": [MarkedAnswer("8", True)]}
    >>> plain_vote(said, ["a", "b", "c"]).group
    '8'
    """
    count: dict[str, int] = {}
    first = [question[model][0] for model in order]
    for answer in first:
        if answer.group is not None:
            count[answer.group] = count.get(answer.group, 0) + 1
    most = max(count.values(), default=0)
    return next((each for each in first if each.group is not None and count[each.group] == most), first[0])
