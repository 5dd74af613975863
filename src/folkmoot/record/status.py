"""The current state of a run, read from its folder, so that any process can show it."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal

from folkmoot.core.journal import held, read_lines
from folkmoot.errors import InputError
from folkmoot.formats.base import preview
from folkmoot.record.call_log import UNREADABLE, CallAccount, CallLog, read_account, state_of
from folkmoot.record.store import RunFolder
from folkmoot.types import Record

SeatState = Literal["answered", "waiting", "failed", "lost", "dropped", "not asked"]


class SeatStatus(Record):
    """The state of one seat in the current round."""

    seat: str  # s1, s2, ...
    model_id: str
    state: SeatState
    answered: int = 0  # calls of this round
    failed: int = 0
    waiting: tuple[str, ...] = ()  # steps it was asked and has not answered, the oldest first
    waiting_seconds: float | None = None  # since the oldest of them was asked
    error: str | None = None  # the last one of this round


class RunStatus(Record):
    """The state of a run."""

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
    """Return the state of the run in `folder`, as far as a half-written run can be read.

    `now` is in seconds since 1970. Raises InputError only when there is no such folder.
    """
    now = time.time() if now is None else now
    alive = held(folder.journal)  # before its lines are read: a run that ends meanwhile has written all of them
    problem: str | None = None
    account = CallLog()
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
    if not alive:
        account.lose()
    state, result = state_of(folder, account, alive)
    current = next((call for call in reversed(account.calls) if call.kind != "forgotten"), None)
    round = current.round if current else 0
    count = Counter(call.kind for call in account.calls)
    ended = {call.step for call in account.calls if call.kind in ("finished", "failed")}
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
        finished=count["finished"],
        failed=count["failed"],
        in_flight=count["started"],
        lost=len({call.step for call in account.calls if call.kind == "lost"} - ended),
        last_line_seconds=max(now - account.last, 0.0) if account.last is not None else None,
        cost_usd=account.usd,
        problem=problem,
    )


def _seat(seat: str, model_id: str, calls: Iterable[CallAccount], round: int, now: float, dropped: bool) -> SeatStatus:
    here = [call for call in calls if call.seat == seat and call.round == round]
    waiting = sorted((call for call in here if call.kind == "started"), key=lambda call: call.began)
    answered = sum(call.kind == "finished" for call in here)
    state: SeatState = "not asked"
    if dropped:
        state = "dropped"
    elif waiting:
        state = "waiting"
    elif here and here[-1].kind in ("failed", "lost"):
        state = "failed" if here[-1].kind == "failed" else "lost"
    elif answered:
        state = "answered"
    return SeatStatus(
        seat=seat,
        model_id=model_id,
        state=state,
        answered=answered,
        failed=sum(call.kind == "failed" for call in here),
        waiting=tuple(call.step for call in waiting),
        waiting_seconds=max(now - waiting[0].began, 0.0) if waiting else None,
        error=next((call.error for call in reversed(here) if call.error), None),
    )


_MARKS: Mapping[SeatState, str] = {
    "answered": "✓",
    "waiting": "…",
    "failed": "✗",
    "lost": "…",
    "dropped": "✗",
    "not asked": " ",
}


def status_text(status: RunStatus) -> str:
    """Return the status as text: who has answered, who has not, and how to resume."""
    where = (
        f", round {status.round} ({status.phase})" if status.round and status.state in ("running", "unfinished") else ""
    )
    lines = [f"{status.run_id}: {status.protocol or 'no run'}, {status.state.replace('_', ' ')}{where}"]
    if status.title:
        lines.append(f"  {_shown(status.title, 76)}")
    if status.problem:
        lines.append(f"  {_shown(status.problem, 300)}")
    width = max((len(seat.model_id) for seat in status.seats), default=0)
    lines += [f"  {_MARKS[seat.state]} {seat.model_id:<{width}}  {_standing(seat)}".rstrip() for seat in status.seats]
    lines += [_counts(status), _how_to_go_on(status)]
    return "\n".join(lines) + "\n"


def _standing(seat: SeatStatus) -> str:
    calls = f"answered {seat.answered} {'call' if seat.answered == 1 else 'calls'} in this round"
    match seat.state:
        case "waiting":
            more = f" and {len(seat.waiting) - 1} more" if len(seat.waiting) > 1 else ""
            tried = f"; last attempt: {_shown(seat.error, 60)}" if seat.error else ""
            return f"waited for since {_ago(seat.waiting_seconds or 0.0)}: {seat.waiting[0]}{more}{tried}"
        case "failed":
            return f"failed: {_shown(seat.error or 'no reply', 100)}"
        case "lost":
            return "was being asked when the process ended"
        case "dropped":
            return "left the run"
        case "answered":
            return calls
        case "not asked":
            return "not asked yet in this round"


def _counts(status: RunStatus) -> str:
    parts = [f"{status.finished} calls finished", f"{status.failed} failed", f"{status.in_flight} in flight"]
    if status.lost:
        parts.append(f"{status.lost} lost")
    cost = "with calls of unknown price" if status.cost_usd is None else f"${status.cost_usd:.4f} so far"
    heard = f"last line {_ago(status.last_line_seconds)} ago; " if status.last_line_seconds is not None else ""
    return f"{', '.join(parts)}; {heard}{cost}"


def _how_to_go_on(status: RunStatus) -> str:
    if status.state == "running":
        return "A process is working on it. If it is stopped, nothing that is finished is lost or asked again."
    if status.state == "corrupt":
        return "Its journal cannot be used. Nothing was changed."
    if status.state == "unfinished":
        return f"Its process is gone. Go on with: folkmoot resume {status.run_id}"
    show = f"Read it with: folkmoot show {status.run_id}"
    return show if status.met else f"{show}; go on with: folkmoot resume {status.run_id}"


def _ago(seconds: float) -> str:
    """
    >>> _ago(12.4), _ago(150), _ago(9000), _ago(200000)
    ('12 s', '2 min', '2 h', '2 days')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds // 60:.0f} min"
    return f"{seconds // 3600:.0f} h" if seconds < 172800 else f"{seconds // 86400:.0f} days"


def _shown(text: str, width: int) -> str:
    """Return `text` on one line, without control sequences."""
    return "".join(letter if letter.isprintable() else "?" for letter in preview(text, width))
