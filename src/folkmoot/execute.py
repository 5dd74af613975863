"""From what was asked to a result: the one function that every frontend calls."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from folkmoot import events, labels
from folkmoot._version import __version__
from folkmoot.core.attendance import Attendance
from folkmoot.core.calling import Caller, Conversation, Emit, RecordEnds, same_model
from folkmoot.core.journal import FORMAT, Journal, calls_of
from folkmoot.core.limits import Limits, PriceOf, Purse
from folkmoot.core.run import Gate, Run
from folkmoot.errors import CallFailed, Stopped, TooFewSeats
from folkmoot.formats.version import NOT_RECOUNTED, READER
from folkmoot.protocols import Options, Registered, check_options, find_protocol, stand_ins
from folkmoot.record.store import RunFolder, RunSpec
from folkmoot.types import (
    JSON,
    Attachment,
    Completion,
    Failure,
    Outcome,
    Provider,
    Result,
    Seat,
    SeatReport,
    Usage,
)


def no_price(_model: str, _usage: Usage) -> float | None:
    return None


def freeze(spec: RunSpec) -> RunSpec:
    """`spec` with everything filled in that must not drift: options checked, labels drawn, versions noted.

    Raises InputError for options the protocol does not have or accept.
    """
    registered = find_protocol(spec.protocol)
    options = check_options(registered, spec.options)
    seats = [seat.name for seat in spec.seats if seat.duty == "member"]
    drawn = labels.assign(seats, Run.stream(spec.seed, "labels"))
    return spec.model_copy(
        update={
            "options": options.model_dump(mode="json"),
            "seats": (*spec.seats, *stand_ins(options, spec.seats)),
            "labels": spec.labels or drawn,
            "version": spec.version or __version__,
            "reader": READER,
            "created": spec.created or time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
    )


async def execute(
    spec: RunSpec,
    providers: Mapping[str, Provider],
    *,
    folder: RunFolder | None = None,
    listeners: Sequence[events.Listener] = (),
    price: PriceOf = no_price,
    attachments: Sequence[Attachment] = (),
    gate: Gate | None = None,
    amend: Mapping[str, Any] | None = None,
    journal: Journal | None = None,
    purse: Purse | None = None,
) -> Result:
    """Run, or go on with, what `spec` asks, and return what came of it.

    `providers` maps the name before the slash to what answers for it. With a `folder` the run is recorded there, and
    what its journal already holds is not asked again. `amend` changes options (`options`) or limits (`limits`) from
    now on; it is recorded. A `journal` that is given stays open. A `purse` that is given is filled in and spent from;
    the run of a panel that has a seat comes with one. Once anything was asked, what went wrong is in the result; only a
    cancellation is raised, after the record is whole.
    """
    record = journal or Journal(folder.journal if folder else None)
    try:
        return await _execute(
            spec, providers, record, folder, listeners, price, attachments, gate, dict(amend or {}), purse=purse
        )
    finally:
        if journal is None:
            record.close()


async def replay(
    spec: RunSpec,
    folder: RunFolder | None,
    *,
    listeners: Sequence[events.Listener] = (),
    ended: str = "unfinished",
    journal: Journal | None = None,
    without: Sequence[str] = (),
) -> Result:
    """What a run's record says, computed again without asking anybody.

    Where the record ends before the run does, the best answer so far stands, with the status `ended`. A `journal`
    that is given is taken instead of the folder's. Members in `without` are taken to have never sat there; what the
    others said is used as it stands, also where they had read those, and `journal.misfits` names such steps.

    The formats of an older reader no longer exist. A finished run that was recorded with one keeps its stored result,
    and a Notice says so where this reader decides otherwise.
    """
    record = journal or Journal(folder.journal if folder else None, read_only=True)
    return await _execute(spec, {}, record, folder, listeners, no_price, (), None, {}, ended=ended, without=without)


async def _execute(
    spec: RunSpec,
    providers: Mapping[str, Provider],
    journal: Journal,
    folder: RunFolder | None,
    listeners: Sequence[events.Listener],
    price: PriceOf,
    attachments: Sequence[Attachment],
    gate: Gate | None,
    amend: JSON,
    ended: str | None = None,
    without: Sequence[str] = (),
    purse: Purse | None = None,
) -> Result:
    live = ended is None
    began = time.monotonic()
    resumed = journal.lines > 0
    if live and not resumed:
        journal.append("header", format=FORMAT, protocol=spec.protocol, version=__version__)
    if live and (resumed or amend):
        journal.append("amend", version=__version__, **amend)
    options, limits = amended(spec, journal)
    registered = find_protocol(spec.protocol)
    chosen = check_options(registered, options)
    emit = _Emitter(list(listeners))
    purse = purse or Purse(limits, price)
    purse.limits, purse.spent, purse.attempts = limits, journal.spent_usd, journal.spent_calls
    for provider in providers.values():
        if isinstance(provider, Nesting):
            provider.within(folder, purse, emit)
    seats = {seat.name: seat for seat in spec.seats}
    run_id = folder.id if folder else ""
    conversation = Conversation(spec.question or spec.prompt, spec.seed, spec.messages(), tuple(attachments), run_id)
    caller = Caller(journal, seats, providers, conversation, purse, emit, enforce=live)
    members = [seat.name for seat in spec.seats if seat.duty == "member" and seat.name not in without]
    absent = tuple(spec.labels[seat] for seat in without)
    attendance = Attendance(members, keeps_all=registered.keeps_all_seats, left_out=absent)
    labelled = {seat: label for seat, label in spec.labels.items() if seat not in without}
    run = Run(spec.prompt, caller, attendance, labels=labelled, gate=gate)
    path = str(folder.path) if folder else None
    emit(
        events.RunStarted(run_id, spec.protocol, spec.prompt, spec.seats, options, path, resumed and live, spec.labels)
    )
    outcome = await _decide(registered, run, chosen, ended or "unfinished")
    recorded = journal.seconds
    result = report(
        spec,
        run_id,
        folder,
        outcome,
        caller,
        attendance,
        (recorded if not live else recorded + time.monotonic() - began),
    )
    if live:
        await journal.commit()
        if folder is not None:
            folder.save_result(result)
    elif spec.reader != READER and not without and (stored := folder.result() if folder else None) is not None:
        if not same_decision(stored, result):
            emit(events.Notice(NOT_RECOUNTED))
        result = stored
    emit(events.RunFinished(result))
    return result


async def _decide(registered: Registered, run: Run, options: Options, ended: str) -> Outcome:
    """The protocol's outcome, or the best answer so far with the reason why there is no more."""
    try:
        return await registered.decide(run, options)
    except TooFewSeats as few:
        return _ended(run, "insufficient_models", str(few), few.round)
    except Stopped as stop:
        return _ended(run, stop.reason, str(stop), run.round)
    except CallFailed as failed:
        return _ended(run, "failed", f"{failed.step}: {failed}", run.round)
    except RecordEnds as end:
        return _ended(run, ended, f"the record ends before {end}", run.round)


HALTED = frozenset({"over_budget", "max_calls", "stalled", "cancelled"})
"""How a run ends from outside, rather than by what its seats did."""


def _ended(run: Run, status: str, why: str, round: int) -> Outcome:
    best = run.offered
    if best.met and best.winner is not None and status in HALTED:
        return best  # a decision on record stands, whatever stops the run after it
    if not best.answers:
        return Outcome(status=status, met=False, round=round, explanation=why)
    leader = best.winner or best.leader
    answer = next((each.answer for each in best.answers if each.seat == leader), best.answer)
    if status == "unfinished":
        leader = answer = None
    return best.model_copy(
        update={"status": status, "met": False, "winner": leader, "answer": answer, "round": round, "explanation": why}
    )


def same_decision(recorded: Result, recounted: Result) -> bool:
    """Whether two results name the same status, winner, answer, round and scores."""
    names = ("status", "met", "winner", "leader", "answer", "round", "scores")
    return all(getattr(recorded.outcome, name) == getattr(recounted.outcome, name) for name in names)


def amended(spec: RunSpec, journal: Journal) -> tuple[JSON, Limits]:
    """The options and limits in force: as asked at the start, with every later change."""
    options, limits = dict(spec.options), spec.limits
    for amendment in journal.amendments:
        options |= amendment.get("options", {})
        limits = limits.model_copy(update=amendment.get("limits", {}))
    return options, limits


def report(
    spec: RunSpec,
    run_id: str,
    folder: RunFolder | None,
    outcome: Outcome,
    caller: Caller,
    attendance: Attendance,
    seconds: float,
) -> Result:
    """An outcome with what it cost and who took part how, from the whole record: also what no longer counts."""
    ledger = _Ledger(spec.seats, caller.providers)
    for line in caller.journal.spent:
        ledger.add(line)
    failures = tuple(
        Failure(
            step=place.step, seat=failed.seat, model_id=caller.seats[failed.seat].id, round=place.round,
            phase=place.phase, kind=failed.kind, message=str(failed), dropped=failed.seat in attendance.dropped,
        )
        for place, failed in caller.count.failures
    )  # fmt: skip
    seats = tuple(
        ledger.seat_report(seat, caller, attendance, sum(each.seat == seat.name for each in failures))
        for seat in spec.seats
    )
    return Result(
        run_id=run_id,
        protocol=spec.protocol,
        prompt=spec.title or spec.prompt,
        outcome=outcome,
        seats=seats,
        failures=failures,
        usage=sum((seat.usage for seat in seats), Usage()),
        cost_usd=_total(seat.cost_usd for seat in seats),
        list_usd=ledger.list_usd,
        degraded=bool(failures or attendance.dropped),
        total_calls=caller.count.calls,
        attempts=ledger.attempts,
        repairs=caller.count.repairs,
        inside=ledger.inside,
        elapsed_ms=round(seconds * 1000),
        dropped=tuple(caller.seats[seat].id for seat in attendance.dropped),
        folder=str(folder.path) if folder else None,
    )


@dataclass
class _Ledger:
    """What each seat used and cost, over every line of the record."""

    seats: Sequence[Seat]
    providers: Mapping[str, Provider]
    usage: dict[str, Usage] = field(default_factory=dict)
    usd: dict[str, float | None] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    list_usd: float | None = None
    attempts: int = 0
    inside: int = 0

    def add(self, line: JSON) -> None:
        seat: str = line["seat"]
        calls = calls_of(line)
        self.attempts += calls
        self.inside += calls - 1
        paid: float | None = line.get("usd") or 0.0
        if (stored := line.get("completion")) is not None:
            done = Completion.model_validate(stored)
            self.usage[seat] = self.usage.get(seat, Usage()) + (done.usage or Usage())
            self.calls[seat] = self.calls.get(seat, 0) + 1
            paid = done.usd
            if done.list_usd is not None:
                self.list_usd = (self.list_usd or 0.0) + done.list_usd
        before = self.usd.get(seat, 0.0)
        self.usd[seat] = None if before is None or paid is None else before + paid

    def seat_report(self, seat: Seat, caller: Caller, attendance: Attendance, failures: int) -> SeatReport:
        answered_by = caller.count.answered_by.get(seat.name)
        provider = self.providers.get(seat.provider)
        return SeatReport(
            model_id=seat.id,
            seat=seat.name,
            model=seat.model,
            answered_by=answered_by,
            mismatch=answered_by is not None and not same_model(seat.model, answered_by),
            calls=self.calls.get(seat.name, 0),
            failures=failures,
            dropped=seat.name in attendance.dropped,
            usage=self.usage.get(seat.name, Usage()),
            cost_usd=self.usd.get(seat.name, 0.0),
            billing=provider.billing if provider else None,
        )


@runtime_checkable
class Nesting(Protocol):
    """A provider that answers by runs of its own, inside the folder and on the purse of the run it answers for."""

    def within(self, folder: RunFolder | None, purse: Purse, emit: Emit) -> None: ...


class _Emitter:
    def __init__(self, listeners: list[events.Listener]) -> None:
        self._listeners = listeners

    def __call__(self, event: events.Event) -> None:
        for listener in self._listeners:
            listener(event)


def _total(amounts: Any) -> float | None:
    known = list(amounts)
    return None if any(each is None for each in known) else round(sum(known), 6)
