"""The calls of a run as its journal records them, and the state of a run's folder; used by `status` and the index."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from folkmoot.core.journal import paid_for
from folkmoot.core.steps import read_step
from folkmoot.errors import JournalCorrupt
from folkmoot.record.store import RunFolder
from folkmoot.types import JSON, Completion, Result, Usage

CallKind = Literal[
    "started",  # the only state there is evidence for
    "finished",
    "failed",
    "cancelled",
    "refused",  # by the budget or the number of calls
    "lost",  # its process ended before the reply came
    "forgotten",  # finished or failed, and set aside since; counts as cost only
]
UNREADABLE = (JournalCorrupt, KeyError, TypeError, ValueError)  # lines that are JSON, but not a journal's


@dataclass
class CallAccount:
    """One call in the journal; a repair counts as a separate call."""

    step: str
    round: int
    phase: str
    seat: str
    began: float  # seconds since 1970
    at: float  # of its last line, likewise
    repair: bool
    kind: CallKind = "started"
    seconds: float | None = None
    attempts: int = 0
    usage: Usage | None = None
    usd: float | None = 0.0  # paid so far; None: unknown
    list_usd: float | None = None
    model: str | None = None  # that really answered
    error: str | None = None
    billed: bool = False  # an attempt is running that somebody bills
    copied: bool = False  # from the run this one was forked from, which has paid for it


@dataclass
class CallLog:
    """The calls of a journal, in the order in which they began."""

    calls: list[CallAccount] = field(default_factory=list)
    began: float | None = None  # when the last process began to work on the run; seconds since 1970
    last: float | None = None  # when its last line was written
    seconds: float = 0.0  # that processes worked on the run

    @property
    def usd(self) -> float | None:
        """The total cost in USD, or None when a call has no known price."""
        paid = [call.usd for call in self.calls]
        return None if None in paid else round(sum(usd for usd in paid if usd is not None), 6)

    def lose(self) -> None:
        """Mark the open calls as lost, because the process that began them has ended."""
        for call in self.calls:
            if call.kind == "started":
                call.kind = "lost"
                if call.billed:
                    call.usd = None


def read_account(lines: Iterable[JSON]) -> CallLog:
    """The account of a journal's lines."""
    account = CallLog()
    latest: dict[str, CallAccount] = {}  # by step
    for line in lines:
        kind, at = line["kind"], float(line["at"])
        if kind == "mark":  # written by no process that worked on the run
            continue
        if kind in ("header", "amend"):  # the first line of a process
            account.lose()
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
    return CallAccount(line["step"], step.round, step.phase, line.get("seat", step.key[0]), at, at, step.repair)


def _note(call: CallAccount, kind: str, line: JSON, at: float) -> None:
    error = line.get("error")
    call.at = at
    match kind:
        case "attempt":
            call.attempts += 1
            call.error = f"{error['kind']}: {error['message']}" if error else None
            call.usd = _plus(call.usd, paid_for(line)[0])
            call.billed = False
        case "finished":
            call.copied = bool(line.get("copied"))
            call.attempts, call.seconds = line["attempts"], line["seconds"]
            call.kind = "failed" if error else "finished"
            call.error = f"{error['kind']}: {error['message']}" if error else None
            if error:
                call.usd = _plus(call.usd, paid_for(line)[0])
            else:
                done = Completion.model_validate(line["completion"])
                call.model = done.model
                if not call.copied:
                    call.usage, call.list_usd, call.usd = done.usage, done.list_usd, _plus(call.usd, done.usd)
        case "started" | "retried":
            call.billed = "at_most_usd" in line
        case "cancelled":
            call.kind = "cancelled"
            if "at_most_usd" in line:
                call.usd = None
        case "refused":
            call.kind, call.error = "refused", line["message"]
        case "forget":
            call.kind = "forgotten"


def _plus(before: float | None, paid: float | None) -> float | None:
    return None if before is None or paid is None else before + paid


def state_of(folder: RunFolder, account: CallLog, alive: bool) -> tuple[str, Result | None]:
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
