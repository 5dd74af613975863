"""From a job to a result: the one function that every frontend calls."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

from folkmoot import events, labels
from folkmoot._version import __version__
from folkmoot.core.attendance import Attendance
from folkmoot.core.calling import Caller, Emit, Place, RecordEnds, RunContext, same_model
from folkmoot.core.journal import FORMAT, Journal, calls_of, paid_for
from folkmoot.core.limits import Limits, Purse
from folkmoot.core.run import Gate, Run
from folkmoot.core.steps import read_step
from folkmoot.errors import CallFailed, InputError, Stopped, TooFewSeats
from folkmoot.formats.version import NOT_RECOUNTED, READER
from folkmoot.naming import OWN_WORDS, named
from folkmoot.protocols import Options, Registered, check_options, find_protocol, stand_ins
from folkmoot.record.store import RunFolder, RunSpec
from folkmoot.types import (
    JSON,
    Attachment,
    Completion,
    Failure,
    Outcome,
    PhaseCensus,
    Provider,
    Result,
    Seat,
    SeatReport,
    Usage,
)


def no_price(_model: str, _usage: Usage) -> float | None:
    return None


@dataclass(frozen=True)
class Job:
    """A run that was checked once, with all that planning, starting, executing and resuming need of it."""

    spec: RunSpec  # with everything filled in that must not drift
    protocol: Registered
    options: Options  # the checked options, with what a resume changes
    attachments: tuple[Attachment, ...] = ()
    amend: JSON = field(default_factory=dict)  # options and limits that change from now on; they are recorded
    ended: str | None = None  # only for a replay: the status of a run whose record ends before the run does
    without: tuple[str, ...] = ()  # only for a replay: members that are taken to have never sat there


def checked(spec: RunSpec, attachments: Sequence[Attachment] = ()) -> Job:
    """The job of a new run: options checked, stand-ins seated, labels drawn, versions noted.

    Raises InputError for options the protocol does not have or accept.
    """
    registered = find_protocol(spec.protocol)
    options = check_options(registered, spec.options)
    seats = [seat.name for seat in spec.seats if seat.duty == "member"]
    filled = spec.model_copy(
        update={
            "options": options.model_dump(mode="json"),
            "seats": (*spec.seats, *stand_ins(options, spec.seats)),
            "labels": spec.labels or labels.assign(seats, Run.stream(spec.seed, "labels")),
            "version": spec.version or __version__,
            "reader": READER,
            "created": spec.created or time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
    )
    return Job(filled, registered, options, tuple(attachments))


def resumed(
    folder: RunFolder, options: Mapping[str, Any] | None = None, limits: Mapping[str, Any] | None = None
) -> Job:
    """The job of a run on record, with the options and limits that change from now on.

    Raises InputError for changes that the protocol does not accept, and for a run of an older reader: its prompts and
    formats no longer exist, so no reply on record would answer what is asked now.
    """
    spec = folder.spec()
    if spec.reader != READER:
        raise InputError(
            f"{folder.id} was recorded with reader {spec.reader}, and this version reads replies with reader {READER}, "
            f"so it cannot go on; ask again, or continue in a new run with: folkmoot fork {folder.id}"
        )
    amend = {name: dict(change) for name, change in (("options", options), ("limits", limits)) if change}
    in_force, _ = amended(spec, Journal(folder.journal, read_only=True))
    registered = find_protocol(spec.protocol)
    chosen = check_options(registered, {**in_force, **(options or {})})
    return Job(spec, registered, chosen, folder.attachments(spec), amend)


async def execute(
    job: Job,
    providers: Mapping[str, Provider],
    *,
    folder: RunFolder | None = None,
    listeners: Sequence[events.Listener] = (),
    journal: Journal | None = None,
    purse: Purse | None = None,
    gate: Gate | None = None,
) -> Result:
    """Run a job, or go on with it, and return its result.

    `providers` maps the name before a model's slash to what answers for it. With a `folder` the run is recorded there,
    and what its journal already holds is not asked again. A `journal` that is given stays open. A `purse` knows the
    prices; it is filled in from the record and spent from. Once anything was asked, what went wrong is in the result;
    only a cancellation is raised, after the record is complete.
    """
    record = journal or Journal(folder.journal if folder else None, read_only=job.ended is not None)
    began, live = time.monotonic(), job.ended is None
    try:
        spec, emit, again = job.spec, _Emitter(list(listeners), job.spec.names), live and record.lines > 0
        if live:
            _record_start(job, record)
        options, limits = amended(spec, record)
        chosen = job.options if options == spec.options else check_options(job.protocol, options)
        purse = purse or Purse(limits, no_price)
        purse.limits, purse.spent, purse.attempts = limits, record.spent_usd, record.spent_calls
        purse.learn(record.entries.values())
        caller = _caller(job, providers, folder, record, emit, purse)
        attendance, run = _seated(job, caller, gate)
        id, path = caller.conversation.run, str(folder.path) if folder else None
        emit(events.RunStarted(id, spec.protocol, spec.prompt, spec.seats, options, path, again, spec.labels))
        outcome = await _decide(job.protocol, run, chosen, job.ended or "unfinished")
        seconds = record.seconds + (time.monotonic() - began if live else 0.0)
        result = report(job, folder, outcome, caller, attendance, seconds)
        if live:
            await record.commit()
            if folder is not None:
                folder.save_result(result)
        elif spec.reader != READER and not job.without and folder and (stored := folder.result()) is not None:
            if not same_decision(stored, result):
                emit(events.Notice(NOT_RECOUNTED))
            result = stored
        emit(events.RunFinished(result))
        return result
    finally:
        if journal is None:
            record.close()


def _record_start(job: Job, journal: Journal) -> None:
    resumed = journal.lines > 0
    if not resumed:
        journal.append("header", format=FORMAT, protocol=job.spec.protocol, version=__version__)
    if resumed or job.amend:
        journal.append("amend", version=__version__, **job.amend)


def _caller(
    job: Job,
    providers: Mapping[str, Provider],
    folder: RunFolder | None,
    journal: Journal,
    emit: Emit,
    purse: Purse,
) -> Caller:
    spec = job.spec
    for provider in providers.values():
        if isinstance(provider, Nesting):
            provider.within(folder, purse, emit)
    conversation = RunContext(
        spec.question or spec.prompt, spec.seed, spec.messages(), job.attachments, folder.id if folder else ""
    )
    seats = {seat.name: seat for seat in spec.seats}
    enforce = job.ended is None
    return Caller(journal, seats, providers, conversation, purse, emit, enforce=enforce)


def _seated(job: Job, caller: Caller, gate: Gate | None) -> tuple[Attendance, Run]:
    spec = job.spec
    members = [seat.name for seat in spec.seats if seat.duty == "member" and seat.name not in job.without]
    absent = tuple(spec.labels[seat] for seat in job.without)
    attendance = Attendance(members, keeps_all=job.protocol.keeps_all_seats, left_out=absent)
    labelled = {seat: label for seat, label in spec.labels.items() if seat not in job.without}
    return attendance, Run(spec.prompt, caller, attendance, labels=labelled, gate=gate)


async def replay(
    spec: RunSpec,
    folder: RunFolder | None,
    *,
    listeners: Sequence[events.Listener] = (),
    ended: str = "unfinished",
    journal: Journal | None = None,
    without: Sequence[str] = (),
) -> Result:
    """The result that a run's record gives, computed again without asking anybody.

    Where the record ends before the run does, the best answer so far stands, with the status `ended`. A `journal`
    that is given is taken instead of the folder's. Members in `without` are taken to have never sat there; what the
    others said is used as it stands, also where they had read those, and `journal.misfits` names such steps.

    The formats of an older reader no longer exist. A finished run that was recorded with one keeps its stored result,
    and a Notice says so where this reader decides otherwise.
    """
    registered = find_protocol(spec.protocol)
    job = Job(spec, registered, check_options(registered, spec.options), ended=ended, without=tuple(without))
    return await execute(job, {}, folder=folder, listeners=listeners, journal=journal)


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
"""Statuses of runs that were ended from outside, e.g. by a limit."""


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
    job: Job, folder: RunFolder | None, outcome: Outcome, caller: Caller, attendance: Attendance, seconds: float
) -> Result:
    """The result: the outcome, its cost and how each seat took part, from the whole record, superseded calls too."""
    spec = job.spec
    ledger = _Ledger(spec.seats, caller.providers)
    for line in caller.journal.spent:
        ledger.add(line)
    names = spec.names
    failures = tuple(
        Failure(
            step=place.step, seat=failed.seat, model_id=caller.seats[failed.seat].id, round=place.round,
            phase=place.phase, kind=failed.kind, message=_message(place, failed, names),
            dropped=failed.seat in attendance.dropped,
        )
        for place, failed in caller.count.failures
    )  # fmt: skip
    seats = tuple(
        ledger.seat_report(seat, caller, attendance, sum(each.seat == seat.name for each in failures))
        for seat in spec.seats
    )
    return Result(
        run_id=caller.conversation.run,
        protocol=spec.protocol,
        prompt=spec.title or spec.prompt,
        outcome=outcome,
        seats=seats,
        failures=failures,
        usage=sum((seat.usage for seat in seats), Usage()),
        cost_usd=_total(seat.cost_usd for seat in seats),
        cost_at_most_usd=_total(seat.cost_at_most_usd for seat in seats),
        list_usd=ledger.list_usd,
        degraded=bool(failures or attendance.dropped),
        degraded_because=_loss(caller.count.census, [caller.seats[seat].id for seat in attendance.dropped]),
        census=tuple(caller.count.census),
        total_calls=caller.count.calls,
        attempts=ledger.attempts,
        repairs=caller.count.repairs,
        inside=ledger.inside,
        elapsed_ms=round(seconds * 1000),
        dropped=tuple(caller.seats[seat].id for seat in attendance.dropped),
        folder=str(folder.path) if folder else None,
    )


def _message(place: Place, failed: CallFailed, names: Mapping[str, str]) -> str:
    return str(failed) if place.phase in OWN_WORDS else named(str(failed), names)


def _loss(census: Sequence[PhaseCensus], dropped: Sequence[str]) -> str:
    """What was lost, in one sentence.

    >>> lost = dict(phase="propose", round=1, invited=3, answered=1, abstained=1, failed=1, late=0, dropped=0)
    >>> _loss([PhaseCensus(**lost)], ["openai/gpt-5.4"])
    'round 1 propose: 1 of 3 calls failed and 1 could not be read; openai/gpt-5.4 left the run'
    """
    found = []
    for each in census:
        lost = [f"{each.failed} of {each.invited} calls failed"] if each.failed else []
        if each.abstained:
            lost.append(f"{each.abstained}{'' if lost else f' of {each.invited} replies'} could not be read")
        if lost:
            found.append(f"round {each.round} {each.phase}: {' and '.join(lost)}")
    if dropped:
        found.append(f"{', '.join(dropped)} left the run")
    return "; ".join(found)


@dataclass
class _Ledger:
    """Adds up what each seat used and cost, over every line of the record."""

    seats: Sequence[Seat]
    providers: Mapping[str, Provider]
    usage: dict[str, Usage] = field(default_factory=dict)
    usd: dict[str, float | None] = field(default_factory=dict)
    at_most_usd: dict[str, float | None] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    list_usd: float | None = None
    attempts: int = 0
    inside: int = 0

    def add(self, line: JSON) -> None:
        seat: str = line["seat"]
        calls = calls_of(line)
        self.attempts += calls
        self.inside += max(calls - 1, 0)
        if (stored := line.get("completion")) is not None:
            done = Completion.model_validate(stored)
            self.usage[seat] = self.usage.get(seat, Usage()) + (done.usage or Usage())
            self.calls[seat] = self.calls.get(seat, 0) + 1
            if done.list_usd is not None:
                self.list_usd = (self.list_usd or 0.0) + done.list_usd
        for total, paid in zip((self.usd, self.at_most_usd), paid_for(line), strict=True):
            before = total.get(seat, 0.0)
            total[seat] = None if before is None or paid is None else before + paid

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
            cost_at_most_usd=self.at_most_usd.get(seat.name, 0.0),
            billing=provider.billing if provider else None,
        )


@runtime_checkable
class Nesting(Protocol):
    """A provider that answers by runs of its own, inside the folder and on the purse of the run it answers for."""

    def within(self, folder: RunFolder | None, purse: Purse, emit: Emit) -> None: ...


class _Emitter:
    """Passes events on. Judgements and messages in them name seats as people know them, not by their labels."""

    def __init__(self, listeners: list[events.Listener], names: Mapping[str, str]) -> None:
        self._listeners, self._names = listeners, names

    def __call__(self, event: events.Event) -> None:
        if isinstance(event, events.CallEvent) and read_step(event.step).phase not in OWN_WORDS:
            match event:
                case events.CallFinished():
                    event = replace(event, brief=named(event.brief, self._names))
                case events.CallFailed() | events.RepairAsked():
                    event = replace(event, message=named(event.message, self._names))
        for listener in self._listeners:
            listener(event)


def _total(amounts: Any) -> float | None:
    known = list(amounts)
    return None if any(each is None for each in known) else round(sum(known), 6)
