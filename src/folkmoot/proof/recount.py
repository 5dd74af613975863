"""A run computed again from its record, and what the record holds as one JSON value: seats, and every call with its
raw text and what was read in it. The exported page shows this value; docs/export.md describes it.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from folkmoot import events
from folkmoot.core.journal import Entry, Journal
from folkmoot.core.steps import read_step
from folkmoot.errors import InputError
from folkmoot.execute import amended, replay
from folkmoot.protocols import check_options, find_protocol
from folkmoot.record.bundle import result_of
from folkmoot.record.store import RunFolder, RunSpec
from folkmoot.types import JSON, Outcome, Record, Result


class Testimony(Record):
    """What a record holds: the seats, the options in force, and every call in the order of the record."""

    protocol: str
    prompt: str  # as it was typed
    options: JSON  # in force, with every later change
    seats: tuple[JSON, ...]
    labels: Mapping[str, str]  # seat -> "Answer C"
    calls: tuple[JSON, ...]
    refused: tuple[JSON, ...]  # calls that were not made: step, reason, message


@dataclass
class Recomputed:
    """A run computed again from its record."""

    testimony: Testimony
    result: Result
    heard: list[events.Event]
    journal: Journal
    ended_by_caller: bool = False  # a program that ran it round by round did not ask for another one


async def recompute(folder: RunFolder, journal: Journal | None = None, spec: RunSpec | None = None) -> Recomputed:
    """Run the protocol again over its record. No model is asked.

    A program that steps through the rounds may end a run early, and the record does not say so. Where the record ends
    with the round that the result names, the run is taken to have been ended there.
    """
    spec = spec or folder.spec()
    found = await _replayed(spec, folder, journal)
    recorded = result_of(folder)
    stopped = recorded is not None and recorded.status != "unfinished" and found.result.status == "unfinished"
    if stopped and recorded is not None and "rounds" in spec.options and recorded.outcome.round > 0:
        shorter = spec.model_copy(update={"options": {**spec.options, "rounds": recorded.outcome.round}})
        if _fits(shorter):
            again = await _replayed(shorter, folder, journal)
            if again.result.status != "unfinished":
                again.ended_by_caller = True
                return again
    return found


def _fits(spec: RunSpec) -> bool:
    """Whether the options of `spec` are valid."""
    try:
        check_options(find_protocol(spec.protocol), spec.options)
    except InputError:
        return False
    return True


async def _replayed(spec: RunSpec, folder: RunFolder, journal: Journal | None) -> Recomputed:
    record = journal or Journal(folder.journal, read_only=True)
    heard: list[events.Event] = []
    result = await replay(spec, folder, listeners=[heard.append], journal=record)
    return Recomputed(testify(spec, record, heard), result, heard, record)


def testify(spec: RunSpec, journal: Journal, heard: list[events.Event]) -> Testimony:
    """What `journal` says of a run, given the events of its replay."""
    options, _ = amended(spec, journal)
    return Testimony(
        protocol=spec.protocol,
        prompt=spec.title or spec.prompt,
        options=options,
        seats=tuple(
            {
                "seat": seat.name, "model_id": seat.id or seat.model, "duty": seat.duty, "weight": seat.weight,
                "role": seat.role,
            }
            for seat in spec.seats
        ),
        labels=spec.labels,
        calls=tuple(_calls(journal, heard)),
        refused=tuple(
            {"step": step, "reason": line["reason"], "message": line["message"]}
            for step, line in journal.refused.items()
        ),
    )  # fmt: skip


def _calls(journal: Journal, heard: list[events.Event]) -> list[JSON]:
    """Every call of a run, in the order of the record."""
    read: dict[str, events.CallFinished | events.CallFailed] = {
        event.step: event for event in heard if isinstance(event, events.CallFinished | events.CallFailed)
    }
    found = [_call(journal, name, read.get(name)) for name in journal.entries if not name.endswith("+repair")]
    return sorted(found, key=lambda call: int(call["order"]))


def _call(journal: Journal, name: str, event: events.CallFinished | events.CallFailed | None) -> JSON:
    entry = journal.entries[name]
    repair = journal.entries.get(f"{name}+repair")
    step = read_step(name)
    last = repair or entry
    told: JSON = {
        "step": name, "scope": step.scope, "round": step.round, "phase": step.phase, "seat": entry.seat,
        "key": list(event.key if event else step.key), "order": last.order,
        "text": _text(last), "seconds": round(entry.seconds + (repair.seconds if repair else 0.0), 3),
        "attempts": entry.attempts + (repair.attempts if repair else 0),
    }  # fmt: skip
    if repair is not None:
        told["before_repair"] = _text(entry)
    if last.speech is not None and last.speech.reasoning:
        told["reasoning"] = last.speech.reasoning
    if last.completion is not None:
        told |= last.completion.model_dump(mode="json", include={"usage", "usd", "list_usd", "model"})
    match event:
        case None:
            told["unread"] = True  # on record, but the decision was taken before it was read
        case events.CallFailed():
            told["failure"] = {"kind": event.kind, "message": event.message}
        case events.CallFinished():
            told["brief"] = event.brief
            if event.value != told["text"]:
                told["value"] = plain(event.value)
    return told


def _text(entry: Entry) -> str | None:
    return entry.speech.text if entry.speech is not None else None


def plain(value: object) -> object:
    """The value that a format read, as JSON."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    return value


def outcome_json(outcome: Outcome) -> JSON:
    """The decision of an outcome; its count sheets and what else a protocol reports are left out."""
    told = outcome.model_dump(mode="json", include={"status", "met", "winner", "leader", "answer", "round", "scores"})
    return {**told, "answers": [each.model_dump(mode="json") for each in outcome.answers]}
