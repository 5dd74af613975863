"""Which rule of counting judges finds the right answer most often, on answers whose judgements and marks are known."""

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from folkmoot.counting.judging import RULES, Given, order_of, tops
from folkmoot.counting.votes import weights_of
from folkmoot.errors import InputError
from folkmoot.evals.datasets import rows_in
from folkmoot.evals.statistics import bootstrap
from folkmoot.proof.marked import MarkedRun
from folkmoot.types import JSON, Record

LEVEL = 0.95
FEWEST = 20  # questions; with fewer no rule is called better


@dataclass(frozen=True)
class Judged:
    """One question: what judges gave to the answers, and which answers are right."""

    given: Given
    right: Mapping[str, bool]  # author -> whether its answer is right

    @property
    def authors(self) -> list[str]:
        return list(self.right)

    @property
    def judges(self) -> list[str]:
        return list(dict.fromkeys(judge for judge, _ in self.given))


class RuleScore(Record):
    rule: str
    right: float  # share of the questions; where several answers are equally good by the rule, their share counts
    gain: float | None = None  # against the mean score
    low: float | None = None
    high: float | None = None


class Rules(Record):
    questions: int
    rules: tuple[RuleScore, ...]
    level: float  # of each interval: 95 % together
    verdict: str


def compare_rules(questions: Sequence[Judged]) -> Rules:
    """Every rule on every question, against the mean. Raises InputError where there is nothing to compare.

    Weights of judges, for the weighted rule, are learnt on one half of the questions and used on the other.
    """
    known = [each for each in questions if each.given and len(each.right) > 1]
    if not known:
        raise InputError("there are no judged answers that are marked right or wrong")
    found: dict[str, list[float]] = {
        name: [_right(rule(each.given, each.authors, {}), each) for each in known] for name, rule in RULES.items()
    }
    found["weighted-tops"] = _weighted(known)
    found["best judge"] = _best_judge(known)
    level = 1 - (1 - LEVEL) / (len(found) - 1)
    scores = [_score(name, found[name], found["mean"], level) for name in found]
    return Rules(questions=len(known), rules=tuple(scores), level=round(level, 4), verdict=_verdict(scores, len(known)))


def _right(totals: Mapping[str, tuple[float, ...]], judged: Judged) -> float:
    """Whether the best answer is right; among equals the mean of them."""
    ranked = order_of(totals, judged.authors)
    best = [author for author in ranked if author in totals and totals[author] == totals[ranked[0]]] or ranked
    return fmean(judged.right[author] for author in best)


def _halves(count: int) -> Iterable[tuple[list[int], list[int]]]:
    """(to learn from, to measure on), both ways."""
    numbers = list(range(count))
    random.Random(0).shuffle(numbers)
    yield numbers[::2], numbers[1::2]
    yield numbers[1::2], numbers[::2]


def _records(known: Sequence[Judged]) -> dict[str, tuple[int, int]]:
    """How often each judge's best answer was right, of how many."""
    found: dict[str, tuple[int, int]] = {}
    for each in known:
        for judge in each.judges:
            own = {author: score for (name, author), score in each.given.items() if name == judge}
            hit = round(_right({author: (score,) for author, score in own.items()}, each))
            right, asked = found.get(judge, (0, 0))
            found[judge] = right + hit, asked + 1
    return found


def _weighted(known: Sequence[Judged]) -> list[float]:
    rights = [0.0] * len(known)
    for learnt, unseen in _halves(len(known)):
        weights = weights_of(_records([known[at] for at in learnt]))
        for at in unseen:
            rights[at] = _right(tops(known[at].given, known[at].authors, weights), known[at])
    return rights


def _best_judge(known: Sequence[Judged]) -> list[float]:
    """What the judge alone would choose that was right most often on the other half."""
    rights = [0.0] * len(known)
    for learnt, unseen in _halves(len(known)):
        records = _records([known[at] for at in learnt])
        for at in unseen:
            here = max(
                known[at].judges,
                key=lambda judge: (records.get(judge, (0, 0))[0] + 1) / (records.get(judge, (0, 0))[1] + 2),
            )
            own = {author: (score,) for (judge, author), score in known[at].given.items() if judge == here}
            rights[at] = _right(own, known[at])
    return rights


def _score(name: str, rights: Sequence[float], base: Sequence[float], level: float) -> RuleScore:
    if name == "mean":
        return RuleScore(rule=name, right=fmean(rights))
    rows = [(a - b, 1.0) for a, b in zip(rights, base, strict=True)]
    gain = bootstrap(rows, lambda sums: sums[0] / sums[1], level=level)
    return RuleScore(rule=name, right=fmean(rights), gain=gain.value, low=gain.interval.low, high=gain.interval.high)


def _verdict(scores: Sequence[RuleScore], count: int) -> str:
    if count < FEWEST:
        return f"Nobody can tell from {count} questions; {FEWEST} are needed at least."
    better = [each for each in scores if each.low is not None and each.low > 0]
    if not better:
        worse = [each.rule for each in scores if each.high is not None and each.high < 0]
        also = f"; worse than the mean: {', '.join(worse)}" if worse else ""
        return f"No rule can be told to be better than the mean here{also}."
    best = max(better, key=lambda each: each.gain or 0.0)
    return (
        f"{best.rule} is better here than the mean: "
        f"{100 * (best.gain or 0):+.1f} points [{100 * (best.low or 0):+.1f}, {100 * (best.high or 0):+.1f}]."
    )


def rules_text(found: Rules) -> str:
    lines = [found.verdict, "", f"{found.questions} questions; the intervals hold with 95 % together", ""]
    for each in sorted(found.rules, key=lambda each: -each.right):
        line = f"  {each.rule:<14} {100 * each.right:5.1f} % right"
        if each.gain is not None and each.low is not None and each.high is not None:
            line += f"  {100 * each.gain:+.1f} [{100 * each.low:+.1f}, {100 * each.high:+.1f}] against the mean"
        lines.append(line)
    return "\n".join(lines) + "\n"


def from_runs(runs: Iterable[MarkedRun]) -> list[Judged]:
    """The marked runs in which answers were judged and are known to be right or wrong."""
    found = []
    for run in runs:
        right = {seat: answer.right for seat, answer in run.answers.items()}
        given = {pair: score for pair, score in run.given.items() if pair[1] in right}
        if given and len(right) > 1:
            model = {seat.name: seat.id for seat in run.spec.seats}
            named = {(model[judge], author): score for (judge, author), score in given.items()}
            found.append(Judged(named, right))
    return found


def read_judged(paths: Iterable[Path]) -> list[Judged]:
    """Judged answers: lines `{"scores": {judge: {author: number}}, "correct": {author: 0 or 1}}`.

    Instead of `scores` there may be `rankings`: {judge: [author, ...]}, the best first. Raises InputError that names
    the file and the line.
    """
    found: list[Judged] = []
    for path in paths:
        for _, where, row in rows_in(path):
            if "_meta" in row:
                continue
            try:
                right = {str(author): bool(mark) for author, mark in row["correct"].items()}
                found.append(Judged(_given(row), right))
            except (KeyError, TypeError, ValueError, AttributeError):
                raise InputError(
                    f"{where}: write {json.dumps({'scores': {'judge': {'author': 8}}, 'correct': {'author': 1}})}, "
                    'or "rankings": {"judge": ["author", ...]}'
                ) from None
    return found


def _given(row: JSON) -> dict[tuple[str, str], float]:
    if "scores" in row:
        return {(judge, author): float(score) for judge, own in row["scores"].items() for author, score in own.items()}
    return {
        (judge, author): -float(place)
        for judge, order in row["rankings"].items()
        for place, author in enumerate(order, 1)
    }
