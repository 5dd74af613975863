"""Value: what marked answers say about whom to ask first, and how that is kept in a run.

A table holds how often each model was right and what it cost, how often two answers agree and are right then, and, once
it was made for a panel, the plan that follows: the policy that is worth most (see policies.py).
"""

import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from folkmoot import textfiles
from folkmoot.counting.earned import SeenAgreement
from folkmoot.counting.evidence import Evidence, MarkedAnswer, accuracy_of, costs_of, unit_of
from folkmoot.counting.policies import MOST_DRAWS, Tried, agreements, try_all
from folkmoot.errors import InputError
from folkmoot.types import Record

FEWEST = 30  # questions that all of a panel answered; with fewer the order is as given


class ModelValue(Record):
    model: str
    right: float  # share of its answers
    cost: float  # of one answer, in the table's unit


class PairValue(Record):
    """Two answers, perhaps of one model."""

    one: str
    other: str
    agree: float  # share of the questions in which they agree
    right: float | None  # share of those in which they are right; None: they never agree


class AskingPlan(Record):
    """Whom to ask, in which order; seats by their names, s1, s2, ..."""

    order: tuple[str, ...]  # all seats, those of the policy first
    waves: tuple[int, ...]  # seats asked at once, one wave after the other while nothing is decided
    weights: Mapping[str, float]  # seat -> how many votes its vote counts as
    models: tuple[str, ...]  # of the policy
    right: float  # share of right answers, as tried on the table's questions
    cost: float  # mean of a question, in the table's unit
    alone: str  # the best model
    alone_right: float
    alone_cost: float


class ValueTable(Record):
    """What is known of some models."""

    source: str  # where it comes from, for people
    date: str = ""  # of the newest answer, ISO 8601
    unit: str = "calls"  # what a cost counts: usd, tokens or calls
    questions: int = 0
    models: tuple[ModelValue, ...] = ()
    pairs: tuple[PairValue, ...] = ()
    plan: AskingPlan | None = None  # for the seats of one run
    agreement: tuple[SeenAgreement, ...] = ()  # how often the plan ended with so many agreeing, and was right then
    answers: tuple[Mapping[str, tuple[tuple[int, int], ...]], ...] = ()
    """Per question and model (group, right) of each sample; equal groups of a question say the same, 0 says nothing.
    Not kept in a run: the plan is what followed from it."""


def learn(evidence: Evidence) -> ValueTable:
    """The table of everything that is known, for any panel of its models."""
    unit = unit_of(evidence)
    costs = costs_of(evidence, unit)
    models = tuple(
        ModelValue(model=model, right=round(accuracy_of(evidence, model), 6), cost=round(costs[model], 6))
        for model in evidence.models
    )
    return ValueTable(
        source=evidence.source,
        date=evidence.date,
        unit=unit,
        questions=len(evidence.questions),
        models=models,
        answers=tuple(_numbered(question) for question in evidence.questions),
    )


def _numbered(question: Mapping[str, Sequence[MarkedAnswer]]) -> dict[str, tuple[tuple[int, int], ...]]:
    numbers: dict[str | None, int] = {None: 0}
    return {
        model: tuple((numbers.setdefault(a.group, len(numbers)), int(a.right)) for a in samples[:MOST_DRAWS])
        for model, samples in question.items()
    }


def plan_for(table: ValueTable, seats: Sequence[tuple[str, str]], given: Mapping[str, float]) -> ValueTable | None:
    """The table of one panel, with its plan; None where too little is known of it.

    `seats` holds (name, model) of each member; a model may have several. `given` maps models to weights of their votes
    that somebody set; it is empty where nobody did. A plan may ask a model more often than it has seats: those further
    seats are in `plan.order` and `plan.weights` as "+MODEL", and whoever makes the run gives them names.
    """
    names = {model: own for _, model in seats if (own := find_name(model, table)) is not None}
    panel = list(dict.fromkeys(names.values()))
    if {model for _, model in seats} != set(names) or len(panel) != len(names):
        return None
    evidence = _evidence(table).among(panel)
    if len(evidence.questions) < FEWEST:
        return None
    costs = {each.model: each.cost for each in table.models}
    tried = try_all(evidence, panel, costs, {names[model]: weight for model, weight in given.items()})
    called = {own: model for model, own in names.items()}  # as the run names them
    order = sorted(panel, key=lambda own: -tried.weights[own])
    return ValueTable(
        source=table.source,
        date=table.date,
        unit=table.unit,
        questions=len(evidence.questions),
        models=tuple(
            ModelValue(model=model, right=round(accuracy_of(evidence, own), 6), cost=costs[own])
            for model, own in names.items()
        ),
        pairs=tuple(
            PairValue(one=called[pair.one], other=called[pair.other], agree=pair.agree, right=pair.right)
            for pair in tried.pairs
        ),
        agreement=agreements(evidence, tried.best, order, tried.weights, costs),
        plan=_plan(tried, called, seats),
    )


def _plan(tried: Tried, called: Mapping[str, str], seats: Sequence[tuple[str, str]]) -> AskingPlan:
    """The best policy as seats: the first free seat of each model, and "+MODEL" where there is none left."""
    weights = {called[own]: weight for own, weight in tried.weights.items()}
    models = tuple(called[own] for own in tried.best.models)
    free: dict[str, list[str]] = {}
    for seat, model in seats:
        free.setdefault(model, []).append(seat)
    asked = [free[model].pop(0) if free[model] else f"+{model}" for model in models]
    others = [seat for seat, model in sorted(seats, key=lambda each: -weights[each[1]]) if seat not in asked]
    waves = [min(2, len(models)), *([1] if len(models) > 2 else []), *([len(others)] if tried.best.rest else [])]
    further = {each: weights[each.removeprefix("+")] for each in asked if each.startswith("+")}
    return AskingPlan(
        order=(*asked, *others),
        waves=tuple(waves),
        weights={**{seat: weights[model] for seat, model in seats}, **further},
        models=models,
        right=round(tried.best.right, 6),
        cost=round(tried.best.cost, 6),
        alone=called[tried.alone.models[0]],
        alone_right=round(tried.alone.right, 6),
        alone_cost=round(tried.alone.cost, 6),
    )


def find_name(model: str, table: ValueTable) -> str | None:
    """The name under which a table knows a model: its own, or that without the provider; None where it does not.

    A recorded model may be written by its beginning, as its seat may.

    >>> table = ValueTable(source="", models=(ModelValue(model="gpt-4o-2024-08-06", right=0.9, cost=1),))
    >>> find_name("openai/gpt-4o-2024-08-06", table), find_name("openai/gpt-4o", table)
    ('gpt-4o-2024-08-06', None)
    >>> find_name("recorded/gpt-4o", table)
    'gpt-4o-2024-08-06'
    """
    known = [each.model for each in table.models]
    provider, _, name = model.partition("/")
    alike = [each for each in known if each.startswith(name)] if provider in ("recorded", "replay") and name else []
    return next((each for each in (model, name) if each in known), alike[0] if len(alike) == 1 else None)


def _evidence(table: ValueTable) -> Evidence:
    questions = tuple(
        {
            model: tuple(MarkedAnswer(str(group) if group else None, bool(right)) for group, right in samples)
            for model, samples in question.items()
        }
        for question in table.answers
    )
    return Evidence(questions, table.source, table.date)


def told(table: ValueTable | None) -> str:
    """How a run was ordered, for people."""
    if table is None or table.plan is None:
        return "seats in the order given, uninformed: nothing is known of what these models are worth"
    plan, times = table.plan, table.plan.cost / table.plan.alone_cost if table.plan.alone_cost else 0.0
    known = f"{table.questions} questions of {table.source}" + (f", {table.date}" if table.date else "")
    alone = f"{plan.alone} alone: {100 * plan.alone_right:.1f} %"
    if len(plan.models) == 1:
        return f"only {plan.alone} is asked, because no pair is worth its price there ({known}; {alone} right)"
    third = f", {plan.models[2]} only where they differ" if len(plan.models) > 2 else ""
    rest = ", then the others" if sum(plan.waves) > len(plan.models) else ""
    return (
        f"asked by value: {plan.models[0]} and {plan.models[1]}{third}{rest} "
        f"({known}: {100 * plan.right:.1f} % right at {times:.1f} times the price of {alone})"
    )


def write_values(path: Path, table: ValueTable) -> None:
    raw = (table.model_dump_json() + "\n").encode()
    path.write_bytes(gzip.compress(raw, mtime=0) if path.suffix == ".gz" else raw)


def read_values(path: Path) -> ValueTable:
    """The table in a file, gzipped or not. Raises InputError that names the file and what is wrong with it."""
    try:
        return ValueTable.model_validate(textfiles.json_value(textfiles.read(path), str(path)))
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"{key}: " for key in first["loc"])
        raise InputError(f"{path} is not a value table: {place}{first['msg']}") from None
