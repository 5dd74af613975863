"""The models of the runs on record: who wins, whom the others rank first, who is harsh, who prefers its own kind."""

import math
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

from folkmoot.errors import FolkmootError, InputError
from folkmoot.evals.statistics import percentile
from folkmoot.proof.marked import first_round
from folkmoot.record.marks import mark_of
from folkmoot.record.store import Home
from folkmoot.types import Record

RESAMPLES = 200
ROUNDS = 60  # of fitting


@dataclass(frozen=True)
class Seen:
    """One run: who sat there, who won, and what was given to whom; models by their names."""

    models: tuple[str, ...]
    winner: str | None
    right: Mapping[str, bool]  # model -> whether the run's answer, which was its own, was right
    given: Sequence[tuple[str, str, str, str, float]]  # judge and its model, author and its model, score
    usd: Mapping[str, float | None]
    tokens: Mapping[str, int]


class BoardStanding(Record):
    model: str
    runs: int
    wins: float  # share of the runs that had a winner
    expected: float  # the share that chance alone would give: the mean of 1 / seats
    right: float | None  # share of its wins that were marked right; None: none was marked
    strength: float | None  # Bradley and Terry's, the mean being 0; None: nobody ranked it
    low: float | None = None
    high: float | None = None
    harshness: float | None  # how much lower than others it scores the same answers
    self_preference: float | None  # how much higher than others it scores answers of its own model
    usd: float | None  # of all runs; None: a price is unknown
    tokens: int


async def seen_at(home: Home) -> AsyncIterator[Seen]:
    """Every run that ended; those that cannot be read are passed over."""
    for folder in home.folders():
        try:
            spec = folder.spec()
            firsts, result = await first_round(folder, spec)
        except FolkmootError:
            continue
        members = {seat.name: seat.model for seat in spec.seats if seat.duty == "member"}
        mark = mark_of(folder)
        winner = members.get(result.outcome.winner or "")
        known = winner is not None and mark is not None and mark.verdict != "partly"
        usd: dict[str, float | None] = {}
        tokens: dict[str, int] = {}
        for report in result.seats:
            if report.seat in members:
                before = usd.get(report.model, 0.0)
                usd[report.model] = None if before is None or report.cost_usd is None else before + report.cost_usd
                spent = report.usage.input_tokens + report.usage.output_tokens
                tokens[report.model] = tokens.get(report.model, 0) + spent
        yield Seen(
            tuple(members.values()),
            winner,
            {winner: mark.verdict == "right"} if known and winner and mark else {},
            [
                (judge, members[judge], author, members[author], score)
                for (judge, author), score in firsts.given.items()
                if judge in members and author in members
            ],
            usd,
            tokens,
        )


def leaderboard(runs: Sequence[Seen]) -> list[BoardStanding]:
    """The models, the strongest first. Raises InputError where no run is there."""
    if not runs:
        raise InputError("there are no runs to rank models by")
    models = list(dict.fromkeys(model for run in runs for model in run.models))
    duels = [_duels(run) for run in runs]
    strength = fit(models, [duel for each in duels for duel in each])
    drawn = _resampled(models, duels) if strength else {}
    found = [_standing(model, runs, strength.get(model), sorted(drawn.get(model, []))) for model in models]
    return sorted(found, key=lambda each: (each.strength is None, -(each.strength or 0.0), -each.wins))


def _standing(model: str, runs: Sequence[Seen], strength: float | None, drawn: Sequence[float]) -> BoardStanding:
    own = [run for run in runs if model in run.models]
    won = [run for run in own if run.winner is not None]
    marked = [run.right[model] for run in own if model in run.right]
    prices = [run.usd.get(model, 0.0) for run in own]
    known = [price for price in prices if price is not None]
    return BoardStanding(
        model=model,
        runs=len(own),
        wins=fmean(run.winner == model for run in won) if won else 0.0,
        expected=fmean(run.models.count(model) / len(run.models) for run in won) if won else 0.0,
        right=fmean(marked) if marked else None,
        strength=strength,
        low=percentile(drawn, 0.025) if drawn else None,
        high=percentile(drawn, 0.975) if drawn else None,
        harshness=_gap(runs, lambda judge, author: judge == model and author != model, -1.0),
        self_preference=_gap(runs, lambda judge, author: judge == model and author == model, 1.0),
        usd=round(sum(known), 6) if len(known) == len(prices) else None,
        tokens=sum(run.tokens.get(model, 0) for run in own),
    )


def _gap(runs: Sequence[Seen], counts: Callable[[str, str], bool], sign: float) -> float | None:
    """The mean difference between a judge's score and the other judges' mean score of the same answer."""
    gaps: list[float] = []
    for run in runs:
        for judge, judge_model, author, author_model, score in run.given:
            others = [
                each[4] for each in run.given if each[2] == author and each[0] != judge and each[1] != judge_model
            ]
            if counts(judge_model, author_model) and others:
                gaps.append(sign * (score - fmean(others)))
    return round(fmean(gaps), 4) if gaps else None


def _duels(run: Seen) -> list[tuple[str, str, float]]:
    """(one model, another, share won by the first) for each pair of answers that one judge put in order."""
    found = []
    for judge in dict.fromkeys(each[0] for each in run.given):
        own = [(author_model, score) for name, _, _, author_model, score in run.given if name == judge]
        found += [
            (one, other, 1.0 if a > b else 0.5 if a == b else 0.0)
            for (one, a), (other, b) in combinations(own, 2)
            if one != other
        ]
    return found


def fit(models: Sequence[str], duels: Sequence[tuple[str, str, float]]) -> dict[str, float]:
    """Bradley and Terry's strengths in natural logarithms, the mean being 0; only of models that met others.

    One half of a win against a mean opponent is added to both sides, so that nobody is infinitely strong. By Hunter's
    minorise-maximise steps (Annals of Statistics 32, 2004).

    >>> found = fit(["a", "b"], [("a", "b", 1.0)] * 8 + [("a", "b", 0.0)] * 2)
    >>> found["a"] > 0 > found["b"]
    True
    """
    met = [model for model in models if any(model in duel[:2] for duel in duels)]
    count: dict[tuple[str, str], int] = {}
    won = dict.fromkeys(met, 0.5)
    for one, other, share in duels:
        won[one] += share
        won[other] += 1 - share
        count[one, other] = count.get((one, other), 0) + 1
    worth = dict.fromkeys(met, 1.0)
    for _ in range(ROUNDS):
        spent = {model: 1 / (worth[model] + 1.0) for model in met}
        for (one, other), times in count.items():
            share = times / (worth[one] + worth[other])
            spent[one] += share
            spent[other] += share
        worth = {model: won[model] / spent[model] for model in met}
        middle = math.exp(fmean(math.log(each) for each in worth.values())) if met else 1.0
        worth = {model: each / middle for model, each in worth.items()}
    return {model: round(math.log(each), 4) for model, each in worth.items()}


def _resampled(models: Sequence[str], duels: Sequence[Sequence[tuple[str, str, float]]]) -> dict[str, list[float]]:
    """Strengths over runs drawn with replacement."""
    draw = random.Random(0)
    found: dict[str, list[float]] = {}
    for _ in range(RESAMPLES):
        sample = draw.choices(duels, k=len(duels))
        for model, strength in fit(models, [duel for each in sample for duel in each]).items():
            found.setdefault(model, []).append(strength)
    return found


def leaderboard_text(table: Sequence[BoardStanding]) -> str:
    width = max(len(each.model) for each in table)
    head = f"{'model':<{width}}  runs  wins (chance)   strength            harsh  own+   right  cost"
    lines = [head]
    for each in table:
        strength = "-" if each.strength is None else f"{each.strength:+.2f}"
        if each.low is not None and each.high is not None:
            strength += f" [{each.low:+.2f}, {each.high:+.2f}]"
        lines.append(
            f"{each.model:<{width}}  {each.runs:4}  {100 * each.wins:3.0f} % ({100 * each.expected:.0f} %)".ljust(
                width + 24
            )
            + f"{strength:<20}{_signed(each.harshness):>6} {_signed(each.self_preference):>6}"
            + f"{'-' if each.right is None else f'{100 * each.right:.0f} %':>7}"
            + f"  {f'{each.tokens} tokens' if not each.usd else f'${each.usd:.4f}'}"
        )
    return "\n".join(lines) + "\n"


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.1f}"
