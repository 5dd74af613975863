"""What a run's record says, as one JSON value: who sat where, every call with its raw text and what was read in it.

The value is what the exported page shows and computes the verdict from; docs/export.md describes it. Reading replies
is done here and nowhere else: whoever counts the ballots, in whatever language, need not know how models write.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import Field

from folkmoot import events
from folkmoot.core.journal import Entry, Journal
from folkmoot.core.steps import read_step
from folkmoot.counting.poll import panel_of
from folkmoot.counting.strategies import Voting, alike
from folkmoot.errors import InputError
from folkmoot.execute import amended, replay
from folkmoot.formats.keyed import read_keyed
from folkmoot.protocols import Options, check_options, find_protocol
from folkmoot.protocols.ask import AskOptions
from folkmoot.protocols.consortium import ConsortiumOptions
from folkmoot.record.bundle import result_of
from folkmoot.record.store import RunFolder, RunSpec
from folkmoot.types import JSON, Outcome, Record, Result


class Testimony(Record):
    """What a record says. Calls stand in the order of the record."""

    protocol: str
    prompt: str  # as it was typed
    options: JSON  # in force, with every later change
    seats: tuple[JSON, ...]
    labels: Mapping[str, str]  # seat -> "Answer C"
    calls: tuple[JSON, ...]
    refused: tuple[JSON, ...]  # calls that were not made: step, reason, message
    overrides: tuple[JSON, ...] = ()  # seats left out of single rounds
    agree: int | None = None  # of ask: seats that must agree
    strategy: JSON = Field(default_factory=dict)  # of consortium: its name and parameters


@dataclass
class Recomputed:
    """A run computed again from its record."""

    testimony: Testimony
    result: Result
    heard: list[events.Event]
    journal: Journal
    ended_by_caller: bool = False  # a program that ran it round by round did not ask for another one


async def recompute(folder: RunFolder, journal: Journal | None = None, spec: RunSpec | None = None) -> Recomputed:
    """Run the protocol over its record once more. Nobody is asked.

    What a caller who stepped through the rounds left out is no part of the record; so where it ends with the round
    that the result names, the run is taken to have been ended there.
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
    """Whether these options can be."""
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
    chosen = check_options(find_protocol(spec.protocol), options)
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
        calls=tuple(_Calls(spec, chosen, journal, heard).listed()),
        refused=tuple(
            {"step": step, "reason": line["reason"], "message": line["message"]}
            for step, line in journal.refused.items()
        ),
        overrides=tuple(
            {"round": each["round"], "drop_seats": each["drop_seats"]}
            for each in journal.amendments
            if each.get("drop_seats")
        ),
        agree=_agree(spec, chosen),
        strategy={"name": options["strategy"], **chosen.rules.model_dump(mode="json")}
        if isinstance(chosen, ConsortiumOptions)
        else {},
    )  # fmt: skip


def _agree(spec: RunSpec, options: Options) -> int | None:
    if not isinstance(options, AskOptions):
        return None
    models = {seat.name: seat.id for seat in spec.seats if seat.duty == "member"}
    weights = {seat.name: seat.weight for seat in spec.seats if seat.duty in ("member", "judge")}
    agree = None if options.exact else options.agree
    return panel_of(models, weights, options.calibration, agree, options.epsilon).agree


@dataclass
class _Calls:
    """The calls of a run as they are told."""

    spec: RunSpec
    options: Options
    journal: Journal
    heard: list[events.Event]
    _answers: dict[tuple[int, str], str] = field(default_factory=dict)  # of a consortium: round, seat -> answer

    def listed(self) -> list[JSON]:
        read: dict[str, events.CallFinished | events.CallFailed] = {
            event.step: event for event in self.heard if isinstance(event, events.CallFinished | events.CallFailed)
        }
        for event in read.values():
            if isinstance(event, events.CallFinished) and (text := getattr(event.value, "text", None)):
                self._answers[read_step(event.step).round, event.seat] = text
        found = [self._call(name, read.get(name)) for name in self.journal.entries if not name.endswith("+repair")]
        return sorted(found, key=lambda call: int(call["order"]))

    def _call(self, name: str, event: events.CallFinished | events.CallFailed | None) -> JSON:
        entry = self.journal.entries[name]
        repair = self.journal.entries.get(f"{name}+repair")
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
        if last.completion is not None:
            told |= last.completion.model_dump(mode="json", include={"usage", "usd", "list_usd", "model"})
        match event:
            case None:
                told["unread"] = True  # on record, but nobody waited for it
            case events.CallFailed():
                told["failure"] = {"kind": event.kind, "message": event.message}
            case events.CallFinished():
                told["brief"] = event.brief
                if event.value != told["text"]:
                    told["value"] = plain(event.value)
                told |= self._further(event)
        return told

    def _further(self, event: events.CallFinished) -> JSON:
        """What else of a reply the protocol counts with, where that takes reading."""
        phase, value = read_step(event.step).phase, event.value
        if self.spec.protocol == "debate" and phase == "propose" and isinstance(value, str):
            key = read_keyed(value, self.spec.prompt).key
            return {"comes_to": key.text if key else None}
        if phase == "propose" and isinstance(self.options, ConsortiumOptions):
            rules = self.options.rules
            if isinstance(rules, Voting):
                return {"like": self._alike(event, rules)}
        return {}

    def _alike(self, event: events.CallFinished, rules: Voting) -> list[str]:
        """The other answers of the round that say the same."""
        round = read_step(event.step).round
        own = self._answers[round, event.seat]
        return [
            seat
            for (number, seat), text in self._answers.items()
            if number == round and seat != event.seat
            and alike(text, own, rules.similarity_threshold, rules.answer_length)
        ]  # fmt: skip


def _text(entry: Entry) -> str | None:
    return entry.completion.text if entry.completion is not None else None


def plain(value: object) -> object:
    """What a format read, as JSON."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    return value


def outcome_json(outcome: Outcome) -> JSON:
    """The part of an outcome that anybody who counts the ballots must come to."""
    told = outcome.model_dump(mode="json", include={"status", "met", "winner", "leader", "answer", "round", "scores"})
    return {**told, "answers": [each.model_dump(mode="json") for each in outcome.answers]}
