"""What a run is doing right now, from its folder alone: whoever looks need not be the process that runs it.

`read_account` is the one place that reads what a journal says of calls; the index over all runs uses it too.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from folkmoot.errors import InputError, JournalCorrupt
from folkmoot.journal import held, read_lines
from folkmoot.steps import read_step
from folkmoot.store import RunFolder
from folkmoot.types import JSON, Completion, Record, Result, Usage

CallKind = Literal[
    "started",  # nothing else is known of it
    "finished",
    "failed",
    "cancelled",
    "refused",  # by the budget or the number of calls
    "lost",  # its process ended before the reply came
    "forgotten",  # finished or failed, and set aside since; counts as cost only
]
SeatState = Literal["answered", "waiting", "failed", "dropped", "not asked"]

UNREADABLE = (JournalCorrupt, KeyError, TypeError, ValueError)  # lines that are JSON, but not a journal's


@dataclass
class CallAccount:
    """One call as the journal has it, a repair being a call of its own."""

    step: str
    round: int
    phase: str
    seat: str
    at: float  # seconds since 1970: of its last line
    kind: CallKind = "started"
    repair: bool = False
    seconds: float | None = None
    attempts: int = 0
    usage: Usage | None = None
    usd: float | None = 0.0  # paid so far; None: unknown
    list_usd: float | None = None
    model: str | None = None  # that really answered
    error: str | None = None
    copied: bool = False  # from the run this one was forked from, which has paid for it


@dataclass
class Account:
    """What a journal says of its calls, in the order in which they began."""

    calls: list[CallAccount] = field(default_factory=list)
    began: float | None = None  # when the last process began to work on the run; seconds since 1970
    last: float | None = None  # when its last line was written
    seconds: float = 0.0  # that processes worked on the run

    @property
    def usd(self) -> float | None:
        """What was paid, or None when a call has no known price."""
        paid = [call.usd for call in self.calls]
        return None if None in paid else round(sum(usd for usd in paid if usd is not None), 6)


def read_account(lines: Iterable[JSON]) -> Account:
    """The account of a journal's lines."""
    account = Account()
    latest: dict[str, CallAccount] = {}  # by step
    for line in lines:
        kind, at = line["kind"], float(line["at"])
        if kind in ("header", "amend"):  # the first line of a process
            for call in latest.values():
                if call.kind == "started":
                    call.kind = "lost"
            account.began = account.last = at
        account.seconds += at - (account.last if account.last is not None else at)
        account.last = at
        if "step" in line:
            known = latest.get(line["step"])
            if known is None or kind == "started":
                known = latest[line["step"]] = _call(line, at)
                account.calls.append(known)
            _note(known, kind, line, at)
    return account


def _call(line: JSON, at: float) -> CallAccount:
    step = read_step(line["step"])
    return CallAccount(line["step"], step.round, step.phase, line.get("seat", step.key[0]), at, repair=step.repair)


def _note(call: CallAccount, kind: str, line: JSON, at: float) -> None:
    error = line.get("error")
    call.at = at
    match kind:
        case "attempt":
            call.attempts += 1
            call.error = f"{error['kind']}: {error['message']}" if error else None
            call.usd = _plus(call.usd, line.get("usd") or 0.0)
        case "finished":
            call.copied = bool(line.get("copied"))
            call.attempts, call.seconds = line["attempts"], line["seconds"]
            call.kind = "failed" if error else "finished"
            call.error = f"{error['kind']}: {error['message']}" if error else None
            if error:
                call.usd = _plus(call.usd, line.get("usd") or 0.0)
            else:
                done = Completion.model_validate(line["completion"])
                call.model = done.model
                if not call.copied:
                    call.usage, call.list_usd, call.usd = done.usage, done.list_usd, _plus(call.usd, done.usd)
        case "cancelled":
            call.kind = "cancelled"
        case "refused":
            call.kind, call.error = "refused", line["message"]
        case "forget":
            call.kind = "forgotten"


def _plus(before: float | None, paid: float | None) -> float | None:
    return None if before is None or paid is None else before + paid


def state_of(folder: RunFolder, account: Account, alive: bool) -> tuple[str, Result | None]:
    """`running`, `unfinished` (its process is gone) or the status of its result; and that result, while it holds."""
    result = folder.result()
    if alive:
        return "running", result
    if result is None:
        return "unfinished", None
    written = folder.result_file.stat().st_mtime
    if account.began is not None and account.began > written + 0.01:  # a later process went on, and did not finish
        return "unfinished", None
    return result.status, result


class SeatStatus(Record):
    """Where one seat stands in the current round."""

    seat: str  # s1, s2, ...
    model_id: str
    state: SeatState
    answered: int = 0  # calls of this round
    failed: int = 0
    waiting: tuple[str, ...] = ()  # steps it was asked and has not answered, the oldest first
    waiting_seconds: float | None = None  # since the oldest of them was asked
    error: str | None = None  # the last one of this round


class RunStatus(Record):
    """What a run is doing."""

    run_id: str
    state: str  # running, unfinished (its process is gone), corrupt, or the status of the result
    alive: bool  # whether a process is working on it
    met: bool | None = None  # whether the protocol's rule was met; None: not finished
    protocol: str = ""
    title: str = ""
    round: int = 0
    phase: str = ""
    seats: tuple[SeatStatus, ...] = ()
    finished: int = 0  # calls, repairs among them
    failed: int = 0
    in_flight: int = 0
    lost: int = 0  # calls whose process ended before the reply came, and that were not made again
    last_line_seconds: float | None = None  # since the last line of the journal
    cost_usd: float | None = 0.0  # so far; None: a call has no known price
    problem: str | None = None  # why the record cannot be read


def run_status(folder: RunFolder, *, now: float | None = None) -> RunStatus:
    """What the run in `folder` is doing. Whatever can be read of a half-written run is told.

    `now` is in seconds since 1970. Raises InputError only when there is no such folder.
    """
    now = time.time() if now is None else now
    alive = held(folder.journal)  # before its lines are read: a run that ends meanwhile has written all of them
    problem: str | None = None
    account = Account()
    try:
        spec = folder.spec()
    except InputError as error:
        if not folder.path.is_dir():
            raise
        return RunStatus(run_id=folder.id, state="unfinished", alive=alive, problem=str(error))
    try:
        account = read_account(read_lines(folder.journal)) if folder.journal.exists() else account
    except UNREADABLE as error:
        problem = str(error)
    state, result = state_of(folder, account, alive)
    current = next((call for call in reversed(account.calls) if call.kind != "forgotten"), None)
    round = current.round if current else 0
    flying = {call.step for call in account.calls if call.kind == "started"} if alive else set()
    lost = {call.step for call in account.calls if call.kind in ("lost", "started")} - flying
    dropped = {seat.seat for seat in result.seats if seat.dropped} if result else set()
    return RunStatus(
        run_id=folder.id,
        state="corrupt" if problem else state,
        alive=alive,
        met=result.outcome.met if result and not alive else None,
        protocol=spec.protocol,
        title=spec.title or spec.prompt,
        round=round,
        phase=current.phase if current else "",
        seats=tuple(
            _seat(seat.name, seat.id or seat.model, account.calls, round, now, seat.name in dropped)
            for seat in spec.seats
        ),
        finished=sum(call.kind == "finished" for call in account.calls),
        failed=sum(call.kind == "failed" for call in account.calls),
        in_flight=len(flying),
        lost=len(lost - {call.step for call in account.calls if call.kind in ("finished", "failed")}),
        last_line_seconds=max(now - account.last, 0.0) if account.last is not None else None,
        cost_usd=account.usd,
        problem=problem,
    )


def _seat(seat: str, model_id: str, calls: Iterable[CallAccount], round: int, now: float, dropped: bool) -> SeatStatus:
    here = [call for call in calls if call.seat == seat and call.round == round]
    waiting = [call for call in here if call.kind == "started"]
    failed = [call for call in here if call.kind == "failed"]
    answered = sum(call.kind == "finished" for call in here)
    state: SeatState = "not asked"
    if dropped:
        state = "dropped"
    elif waiting:
        state = "waiting"
    elif here and here[-1].kind == "failed":
        state = "failed"
    elif answered:
        state = "answered"
    return SeatStatus(
        seat=seat,
        model_id=model_id,
        state=state,
        answered=answered,
        failed=len(failed),
        waiting=tuple(call.step for call in waiting),
        waiting_seconds=max(now - waiting[0].at, 0.0) if waiting else None,
        error=next((call.error for call in reversed(here) if call.error), None),
    )
