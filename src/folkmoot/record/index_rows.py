"""The rows of the index, and how they are read from a run's folder."""

from collections.abc import Iterable
from datetime import UTC, datetime

from folkmoot.core.journal import held, read_lines
from folkmoot.errors import InputError
from folkmoot.record.call_log import UNREADABLE, CallAccount, CallLog, read_account, state_of
from folkmoot.record.marks import mark_of
from folkmoot.record.store import RunFolder, RunSpec
from folkmoot.types import Record, Result, Usage

LONGEST_TITLE = 2000  # characters; a prompt can hold a book


class RunRow(Record):
    """One row of the table `runs`."""

    id: str
    protocol: str = ""
    title: str = ""
    status: str  # running, unfinished, corrupt, or the status of the result
    met: bool | None = None  # whether the protocol's rule was met; None: not finished
    answer: str | None = None
    winner: str | None = None  # model id
    created: str = ""  # ISO 8601, UTC
    elapsed_ms: int = 0
    rounds: int = 0
    total_calls: int = 0
    attempts: int = 0
    repairs: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost_usd: float | None = 0.0  # None: a call has no known price
    list_usd: float | None = None
    degraded: bool | None = None
    mark: str | None = None  # right, wrong or partly; None: nobody has said
    folder: str
    journal_size: int = 0  # bytes, when it was indexed
    journal_mtime: int = 0  # nanoseconds


class SeatRow(Record):
    run_id: str
    number: int
    model_id: str
    model: str
    answered_by: str | None = None
    calls: int = 0
    failures: int = 0
    dropped: bool = False
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost_usd: float | None = 0.0


class CallRow(Record):
    """One call. Calls that a fork copied have neither tokens nor cost, because the source run paid for them."""

    run_id: str
    step: str
    round: int
    phase: str
    seat: str  # s1, s2, ...
    model_id: str
    kind: str  # as status.CallKind
    seconds: float | None
    attempts: int
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    cost_usd: float | None
    error: str | None
    at: str  # ISO 8601, UTC: of its last line


def journal_stat(folder: RunFolder) -> tuple[int, int]:
    """Size in bytes and time of the last change in nanoseconds; zeros while there is no journal."""
    try:
        found = folder.journal.stat()
    except FileNotFoundError:
        return 0, 0
    return found.st_size, found.st_mtime_ns


def read_rows(folder: RunFolder) -> tuple[RunRow, list[SeatRow], list[CallRow]]:
    """A run's rows. One whose files cannot be read is a row with the status `corrupt`."""
    size, mtime = journal_stat(folder)  # first: what is written meanwhile makes the row stale, not wrong
    known = {"id": folder.id, "folder": str(folder.path), "journal_size": size, "journal_mtime": mtime}
    try:
        spec = folder.spec()
    except InputError:
        return RunRow.model_validate({**known, "status": "corrupt"}), [], []
    known |= {
        "protocol": spec.protocol,
        "title": (spec.title or spec.prompt)[:LONGEST_TITLE],
        "created": spec.created,
    }
    alive = held(folder.journal)
    if mark := mark_of(folder):
        known["mark"] = mark.verdict
    try:
        account = read_account(read_lines(folder.journal)) if size else CallLog()
    except UNREADABLE:
        return RunRow.model_validate({**known, "status": "corrupt"}), [], []
    if not alive:
        account.lose()
    status, result = state_of(folder, account, alive)
    calls = _calls(folder.id, spec, account)
    seats = _seats(folder.id, spec, account, result)
    return RunRow.model_validate({**known, "status": status, **_sums(account, result)}), seats, calls


def _sums(account: CallLog, result: Result | None) -> dict[str, object]:
    """Return the totals of a run: from its result, or from its journal while there is none."""
    if result is not None:
        usage = result.usage
        told: dict[str, object] = {
            "met": result.outcome.met,
            "answer": result.answer,
            "winner": result.winner.model_id if result.winner else None,
            "elapsed_ms": result.elapsed_ms,
            "rounds": result.outcome.round,
            "total_calls": result.total_calls,
            "attempts": result.attempts,
            "repairs": result.repairs,
            "cost_usd": result.cost_usd,
            "list_usd": result.list_usd,
            "degraded": result.degraded,
        }
    else:
        usage = _usage(account.calls)
        ended = [call for call in account.calls if call.kind in ("finished", "failed")]
        told = {
            "elapsed_ms": round(account.seconds * 1000),
            "rounds": max((call.round for call in account.calls), default=0),
            "total_calls": sum(not call.repair for call in ended),
            "attempts": sum(call.attempts for call in account.calls if not call.copied),
            "repairs": sum(call.repair for call in ended),
            "cost_usd": account.usd,
        }
    return told | _tokens(usage)


def _seats(run_id: str, spec: RunSpec, account: CallLog, result: Result | None) -> list[SeatRow]:
    reports = {seat.seat: seat for seat in result.seats} if result else {}
    rows = []
    for seat in spec.seats:
        told: dict[str, object]
        if report := reports.get(seat.name):
            told = report.model_dump(include={"answered_by", "calls", "failures", "dropped", "cost_usd"})
            told |= _tokens(report.usage)
        else:
            calls = [call for call in account.calls if call.seat == seat.name]
            told = {
                "answered_by": next((call.model for call in reversed(calls) if call.model), None),
                "calls": sum(call.kind in ("finished", "forgotten") for call in calls if not call.copied),
                "failures": sum(call.kind == "failed" for call in calls),
                "cost_usd": CallLog(calls).usd,
                **_tokens(_usage(calls)),
            }
        who = {"run_id": run_id, "number": seat.number, "model_id": seat.id or seat.model, "model": seat.model}
        rows.append(SeatRow.model_validate({**who, **told}))
    return rows


def _calls(run_id: str, spec: RunSpec, account: CallLog) -> list[CallRow]:
    ids = {seat.name: seat.id or seat.model for seat in spec.seats}
    return [
        CallRow(
            run_id=run_id, step=call.step, round=call.round, phase=call.phase, seat=call.seat,
            model_id=ids.get(call.seat, call.seat), kind=call.kind, seconds=call.seconds, attempts=call.attempts,
            input_tokens=call.usage.input_tokens if call.usage else None,
            output_tokens=call.usage.output_tokens if call.usage else None,
            cached_tokens=call.usage.cached_tokens if call.usage else None,
            cost_usd=call.usd, error=call.error,
            at=datetime.fromtimestamp(call.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        )
        for call in account.calls
    ]  # fmt: skip


def _usage(calls: Iterable[CallAccount]) -> Usage:
    return sum((call.usage for call in calls if call.usage is not None), Usage())


def _tokens(usage: Usage) -> dict[str, object]:
    return usage.model_dump(include={"input_tokens", "output_tokens", "cached_tokens"})
