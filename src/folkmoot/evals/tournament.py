"""A tournament on the own record: every marked run decided again by every rule that its record can answer, 0 calls.

The entrants are each model alone, the plain vote of every sub-panel, the counting rules over the judgements of the
first round, and the protocols that a run can be replayed through. A rule that would have to ask somebody is no entrant
of that run. No winner is named unless it is significantly better than every other entrant.
"""

from collections.abc import AsyncIterable, AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import comb
from statistics import fmean, median
from typing import Any

from folkmoot.counting.evidence import MarkedAnswer, plain_vote
from folkmoot.counting.judging import RULES as COUNTING
from folkmoot.counting.judging import order_of
from folkmoot.errors import FolkmootError, InputError
from folkmoot.evals.statistics import wilson
from folkmoot.execute import replay
from folkmoot.proof.marked import MarkedRun
from folkmoot.types import Record

MOST_MODELS = 7  # of a panel whose sub-panels all take part; of a larger one only pairs, triples and the whole do
FEWEST = 20  # runs that two entrants have in common, with fewer nothing is said of them
LEVEL = 0.05

REPLAYS: Mapping[str, Sequence[tuple[str, str, Mapping[str, Any]]]] = {
    "vote": (
        ("ask --agree 2", "ask", {"adjudicate": "off"}),
        ("ask --agree 3", "ask", {"adjudicate": "off", "agree": 3}),
        ("ask --exact", "ask", {"adjudicate": "off", "exact": True}),
        ("vote", "vote", {"early": "off"}),
    ),
    "converge": tuple(
        (f"converge --threshold {threshold} --stability-rounds {stable} --rule {rule}", "converge",
         {"threshold": threshold, "stability_rounds": stable, "rule": rule})
        for threshold in (7, 8, 9) for stable in (1, 2) for rule in ("mean", "tops")
    ),
    "council": tuple((f"council --rule {rule}", "council", {"rule": rule}) for rule in ("mean", "tops", "borda")),
}  # fmt: skip
"""By the protocol of a run: name, protocol and options of what it can be replayed through."""


@dataclass
class Entrant:
    """One way of deciding, and how it did on the runs that it could decide."""

    name: str
    right: dict[str, bool] = field(default_factory=dict)  # run -> whether
    calls: list[int] = field(default_factory=list)
    cost: list[float] = field(default_factory=list)  # tokens
    seconds: list[float] = field(default_factory=list)

    def add(self, run: str, right: bool, calls: int, tokens: float, seconds: float) -> None:
        self.right[run] = right
        self.calls.append(calls)
        self.cost.append(tokens)
        self.seconds.append(seconds)


class TournamentPlace(Record):
    """How an entrant did."""

    name: str
    runs: int
    right: float
    low: float
    high: float
    calls: float  # mean
    tokens: float  # mean
    seconds: float  # median of the critical path
    front: bool  # whether no other entrant is better in one of accuracy, cost and time, and worse in none


class Tournament(Record):
    runs: int
    places: tuple[TournamentPlace, ...]  # the best first
    winner: str | None
    verdict: str


async def tournament(runs: AsyncIterable[MarkedRun]) -> Tournament:
    """Raises InputError where no marked run is there."""
    entrants: dict[str, Entrant] = {}
    count = 0
    async for run in runs:
        count += 1
        for name, right, calls, tokens, seconds in [*_counted(run), *[each async for each in _replayed(run)]]:
            entrants.setdefault(name, Entrant(name)).add(run.folder.id, right, calls, tokens, seconds)
    if not entrants:
        raise InputError("no marked run can be decided again; mark some with: folkmoot outcome RUN right|wrong")
    return judged(list(entrants.values()), count)


Decided = tuple[str, bool, int, float, float]
"""Name, right, calls, tokens, seconds."""


def _counted(run: MarkedRun) -> Iterator[Decided]:
    """The entrants that need no replay: models alone, votes of sub-panels, and counting rules."""
    seats = list(run.answers)
    model = {seat.name: seat.id for seat in run.spec.seats}
    sizes = range(1, len(seats) + 1) if len(seats) <= MOST_MODELS else (1, 2, 3, len(seats))
    for size in sizes:
        for panel in combinations(seats, size):
            names = " + ".join(model[seat] for seat in panel)
            decided = plain_vote({seat: (run.answers[seat],) for seat in panel}, panel)
            name = f"alone: {names}" if size == 1 else f"vote: {names}"
            yield name, decided.right, size, _tokens(run, panel), max(run.seconds.get(seat, 0.0) for seat in panel)
    judged = {pair: score for pair, score in run.given.items() if pair[1] in run.answers}
    if judged and len(seats) > 1:
        for rule, totals in COUNTING.items():
            first = order_of(totals(judged, seats, {}), seats)[0]
            calls = len(seats) + len({judge for judge, _ in judged})
            yield f"judges: {rule}", run.answers[first].right, calls, _tokens(run, seats), max(run.seconds.values())


def _tokens(run: MarkedRun, seats: Sequence[str]) -> float:
    found: list[MarkedAnswer] = [run.answers[seat] for seat in seats]
    return float(sum(answer.tokens for answer in found))


async def _replayed(run: MarkedRun) -> AsyncIterator[Decided]:
    """The run as it was, and replayed through the protocols and stopping rules that its record can answer."""
    if run.right is not None:
        spent = run.result.usage.input_tokens + run.result.usage.output_tokens
        name = f"as it was: {run.spec.protocol}"
        yield name, run.right, run.result.total_calls, float(spent), run.result.elapsed_ms / 1000
    for name, protocol, options in REPLAYS.get(run.spec.protocol, ()):
        kept = run.spec.options if protocol == run.spec.protocol else {}
        spec = run.spec.model_copy(update={"protocol": protocol, "options": {**kept, **options}})
        try:
            result = await replay(spec, run.folder)
        except FolkmootError:
            continue
        right = run.marks(result.best_answer)
        if result.status == "unfinished" or right is None:
            continue
        asked = [seat for seat in run.answers if seat in {each.seat for each in result.outcome.answers}]
        seconds = max((run.seconds.get(seat, 0.0) for seat in asked), default=0.0)
        yield name, right, result.total_calls, _tokens(run, asked), seconds


# Who won


def judged(entrants: Sequence[Entrant], runs: int) -> Tournament:
    """Places, the Pareto front, and a winner where one is significantly better than every other."""
    ranked = sorted(entrants, key=lambda each: -fmean(each.right.values()))
    places = [_place(each) for each in ranked]
    places = [place.model_copy(update={"front": _undominated(place, places)}) for place in places]
    winner, verdict = _winner(ranked)
    return Tournament(runs=runs, places=tuple(places), winner=winner, verdict=verdict)


def _place(entrant: Entrant) -> TournamentPlace:
    right = sum(entrant.right.values())
    interval = wilson(right, len(entrant.right))
    return TournamentPlace(
        name=entrant.name, runs=len(entrant.right), right=right / len(entrant.right), low=interval.low,
        high=interval.high, calls=fmean(entrant.calls), tokens=fmean(entrant.cost), seconds=median(entrant.seconds),
        front=True,
    )  # fmt: skip


def _undominated(place: TournamentPlace, places: Sequence[TournamentPlace]) -> bool:
    def better(other: TournamentPlace) -> bool:
        ours = (-place.right, place.tokens, place.calls, place.seconds)
        theirs = (-other.right, other.tokens, other.calls, other.seconds)
        return theirs != ours and all(a <= b for a, b in zip(theirs, ours, strict=True))

    return not any(better(other) for other in places if other.runs >= place.runs)


def _winner(ranked: Sequence[Entrant]) -> tuple[str | None, str]:
    """The entrant that is better than every other by a sign test on the runs both decided, with Holm's bound."""
    able = [each for each in ranked if len(each.right) >= FEWEST]
    if len(able) < 2:
        return None, f"No winner: fewer than two ways of deciding have {FEWEST} runs."
    first, *others = able
    tests = sorted((sign_test(first.right, other.right), other.name) for other in others)
    for place, (chance, name) in enumerate(tests):
        if chance > LEVEL / (len(tests) - place):
            return None, (
                f"No winner: {first.name} was right most often, but cannot be told from {name} "
                f"(chance {chance:.2f}; {len(tests)} were compared)."
            )
    return first.name, f"{first.name} is better than each of the {len(tests)} others."


def sign_test(one: Mapping[str, bool], other: Mapping[str, bool]) -> float:
    """The chance that two equals differ so much: exact, two-sided, over the runs in which just one of them was right.

    >>> sign_test({"r1": True, "r2": True}, {"r1": False, "r2": True})
    1.0
    """
    common = [run for run in one if run in other]
    won = sum(one[run] and not other[run] for run in common)
    lost = sum(other[run] and not one[run] for run in common)
    total = won + lost
    if len(common) < FEWEST or won <= lost:
        return 1.0
    tail: float = sum(comb(total, each) for each in range(won, total + 1)) / 2**total
    return min(1.0, 2 * tail)


def tournament_text(found: Tournament, most: int = 25) -> str:
    lines = [found.verdict, "", f"{found.runs} marked runs, no call; * is on the front of accuracy, cost and time", ""]
    width = max(len(each.name) for each in found.places[:most])
    lines += [
        f"{'*' if each.front else ' '} {each.name:<{width}}  {100 * each.right:5.1f} % "
        f"[{100 * each.low:.0f}, {100 * each.high:.0f}] of {each.runs}, {each.calls:.1f} calls, "
        f"{each.tokens:.0f} tokens, {each.seconds:.1f} s"
        for each in found.places[:most]
    ]
    if len(found.places) > most:
        lines.append(f"  and {len(found.places) - most} more; -o json has all of them")
    return "\n".join(lines) + "\n"
