"""Planning by value: which seats a protocol asks first, which only on disagreement, and which model is asked twice.

The plan is made before the first call and becomes an option of the run, so that a replay asks as the run did.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from folkmoot.counting.evidence import Evidence
from folkmoot.counting.value import FEWEST, ValueTable, find_name, learn, plan_for, read_values
from folkmoot.errors import InputError
from folkmoot.protocols import Options
from folkmoot.record.store import Home
from folkmoot.running.marking import marked_at_home
from folkmoot.types import Seat

SHIPPED = Path(__file__).with_name("values-2024.json.gz")
"""What recorded answers say of well-known models of 2024; NOTICE of the recordings in docs/protocols/ask.md."""

NOT_SHIPPED = frozenset({"recorded", "replay", "sim"})
"""Providers whose seats are there to measure with: what ships would have seen their questions already."""


def by_value(
    options: Mapping[str, Any], checked: Options, seats: Sequence[Seat], home: Home
) -> tuple[dict[str, Any], tuple[Seat, ...]]:
    """The options with a plan, and the seats with those that the plan adds; both as they were where nothing is known.

    Raises InputError where a table was named that knows too little of these seats.
    """
    written = dict(options)
    table = getattr(checked, "value", None)
    if not getattr(checked, "by_value", False) or (table is not None and table.plan is not None):
        return written, tuple(seats)
    members = [(seat.name, seat.model) for seat in seats if seat.duty == "member"]
    models = list(dict.fromkeys(model for _, model in members))
    given = {seat.model: seat.weight for seat in seats if seat.duty == "member"}
    given = given if any(weight != 1 for weight in given.values()) else {}
    if table is not None:
        planned = plan_for(table, members, given)
        if planned is None:
            raise InputError(_too_little(table, models))
    else:
        planned = _from_marks(home, members, models, given) or _from_what_ships(members, models, given)
    if planned is None or planned.plan is None:
        return written, tuple(seats)
    further, names = _further_seats(planned.plan.order, seats)
    order = tuple(names.get(place, asked) for place, asked in enumerate(planned.plan.order))
    weights = {seat: planned.plan.weights[asked] for seat, asked in zip(order, planned.plan.order, strict=True)}
    plan = planned.plan.model_copy(update={"order": order, "weights": weights})
    written["value"] = planned.model_copy(update={"plan": plan}).model_dump(mode="json")
    return written, (*seats, *further)


def _from_marks(
    home: Home, members: Sequence[tuple[str, str]], models: Sequence[str], given: Mapping[str, float]
) -> ValueTable | None:
    known: Evidence = marked_at_home(home).among(models)
    return plan_for(learn(known), members, given) if len(known.questions) >= FEWEST else None


def _from_what_ships(
    members: Sequence[tuple[str, str]], models: Sequence[str], given: Mapping[str, float]
) -> ValueTable | None:
    if any(model.partition("/")[0] in NOT_SHIPPED for model in models) or not SHIPPED.exists():
        return None
    return plan_for(read_values(SHIPPED), members, given)


def _too_little(table: ValueTable, models: Sequence[str]) -> str:
    unknown = [model for model in models if find_name(model, table) is None]
    if unknown:
        known = ", ".join(each.model for each in table.models)
        return f"--value: the table knows nothing of {', '.join(unknown)}; it knows {known}"
    return f"--value: fewer than {FEWEST} questions of the table were answered by all of {', '.join(models)}"


def _further_seats(order: Sequence[str], seats: Sequence[Seat]) -> tuple[list[Seat], dict[int, str]]:
    """The seats for models that a plan asks more often than they have seats, and their names by place in the order.

    A further seat has the settings of the first seat of its model, and a temperature above 0: at 0 a model would only
    repeat itself. Where nobody set one, it is the vendor's own, which is above 0.
    """
    further: list[Seat] = []
    names: dict[int, str] = {}
    for place, asked in enumerate(order):
        if not asked.startswith("+"):
            continue
        model = asked.removeprefix("+")
        alike = [seat for seat in (*seats, *further) if seat.model == model and seat.duty == "member"]
        changed: dict[str, Any] = {"number": len(seats) + len(further) + 1, "id": f"{model}#{len(alike) + 1}"}
        if alike[0].temperature == 0:
            changed["temperature"] = 1.0
        further.append(alike[0].model_copy(update=changed))
        names[place] = further[-1].name
    return further, names
