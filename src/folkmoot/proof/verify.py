"""Check that a run's verdict follows from its record, by running the protocol again over it. No model is asked.

Four things are checked: every request on record is the one its digest names; every reply belongs to its request; the
protocol gives the recorded result, count sheets included; and an exported file shows what its record says.
"""

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from folkmoot import events
from folkmoot._version import __version__
from folkmoot.core.calling import digest
from folkmoot.core.journal import Journal, read_lines
from folkmoot.core.steps import read_step
from folkmoot.errors import InputError, JournalCorrupt
from folkmoot.execute import same_decision
from folkmoot.formats.base import preview
from folkmoot.formats.version import NOT_RECOUNTED, READER
from folkmoot.proof.export_file import Mailed, mailed, read_mailed
from folkmoot.proof.recount import Recomputed, recompute
from folkmoot.record.bundle import hash_of, result_of, unpack
from folkmoot.record.store import RunFolder, RunSpec
from folkmoot.types import JSON, About, Attachment, Count, Message, Request, Result, Seat

SHOWN = 100  # characters shown of a value that differs
MOST = 5  # problems of one kind that are listed
MISSHAPEN = (
    KeyError, IndexError, TypeError, ValueError, AttributeError, AssertionError, ArithmeticError, RecursionError,
)  # fmt: skip


@dataclass
class Verification:
    """The result of checking a run."""

    run_id: str
    protocol: str
    finished: bool = True
    recounted: bool = True  # False: an older reader recorded it, and the present one gives another decision
    counted: list[str] = field(default_factory=list)  # a line for each round
    problems: list[str] = field(default_factory=list)  # why the verdict does not follow
    notes: list[str] = field(default_factory=list)
    verdict: str = ""

    @property
    def exit_code(self) -> int:
        """0: the verdict follows; 1: it does not; 2: there is no verdict yet, or an older reader gave it."""
        if self.problems:
            return 1
        return 0 if self.finished and self.recounted else 2


async def verify(folder: RunFolder) -> Verification:
    """Check the run in `folder`. Raises InputError or JournalCorrupt where its files cannot be read."""
    spec = folder.spec()
    found = Verification(folder.id, spec.protocol)
    journal = Journal(folder.journal, read_only=True)
    own = spec.reader == READER
    recomputed = await recompute(folder, journal, spec.model_copy(update={"reader": READER}))
    found.counted = list(_counted(recomputed)) if own else []
    altered = [*_first(_forged(folder, spec)), *_first(_misfits(spec, recomputed) if own else ()), *_retitled(spec)]
    recorded = result_of(folder)
    if recorded is None:
        found.finished, found.problems = False, altered
        return found
    if recomputed.ended_by_caller:
        found.notes.append(f"the program that ran it round by round ended it after round {recorded.outcome.round}")
    found.verdict = _verdict(recorded)
    found.problems = altered
    if not own:
        found.recounted = same_decision(recorded, recomputed.result)
        found.notes += [] if found.recounted else [NOT_RECOUNTED]
        return found
    same_version = recomputed.journal.version == __version__
    found.problems = [*_differences(recorded, recomputed.result, same_version=same_version), *altered]
    return found


async def verify_file(path: Path, page_of: Callable[[JSON], str]) -> Verification:
    """Check an exported page or JSON file: its record, and that it shows what the record says.

    `page_of` makes the page of a run. A page that this version wrote must be exactly the page that `page_of` makes.
    """
    received = read_mailed(path)
    with tempfile.TemporaryDirectory(prefix="folkmoot-") as within:
        try:
            folder = unpack(received.bundle, Path(within))
            found = await verify(folder)
            if folder.spec().reader == READER:
                found.problems += _first(_shown_otherwise(received.shown, await mailed(folder, packed=False)))
            _check_page(received, page_of, found)
        except JournalCorrupt:
            raise InputError(f"{path}: a line of its record cannot be read") from None
        except MISSHAPEN as error:  # it may be anybody's file
            raise InputError(f"{path}: its record does not hold together ({type(error).__name__}: {error})") from None
    return found


def _check_page(received: Mailed, page_of: Callable[[JSON], str], found: Verification) -> None:
    if received.page is None:
        return
    by = received.shown.get("by")
    if by != __version__:
        found.notes.append(f"version {by} wrote the page, so what it shows in a browser was not checked")
    elif received.page != page_of(received.shown):
        found.problems.append("the page around the record was changed: a browser may show anything")


def _first(problems: Iterable[str]) -> list[str]:
    told = list(problems)
    return [*told[:MOST], *([f"and {len(told) - MOST} more"] if len(told) > MOST else [])]


def _forged(folder: RunFolder, spec: RunSpec) -> Iterable[str]:
    """Requests that are not the ones their digests name, and replies to other requests."""
    attached = {each.sha256 for each in spec.attachments}
    parts: dict[str, str] = {}
    for path in sorted((folder.path / "parts").glob("*")):
        if path.name not in attached:
            parts[path.name] = path.read_bytes().decode("utf-8", "surrogatepass")
            if hash_of(parts[path.name]) != path.name:
                yield f"part {path.name[:8]} of a prompt was changed"
    seats = {seat.name: seat for seat in spec.seats}
    asked: dict[str, str] = {}  # step -> digest
    for line in read_lines(folder.journal):
        if line["kind"] == "started":
            asked[line["step"]] = line["digest"]
            try:
                seat = seats[line["seat"]]
                known = digest(_request(line, seat, parts, spec), seat.provider)
            except (KeyError, TypeError, ValueError):
                yield f"{line['step']}: its request cannot be read"
                continue
            if known != line["digest"]:
                yield f"{line['step']}: its request was changed; it is not the one that the record's digest names"
        elif line["kind"] == "finished" and not line.get("copied") and asked.get(line["step"]) != line["digest"]:
            yield f"{line['step']}: its reply belongs to another request than the one on record"


def _request(line: JSON, seat: Seat, parts: Mapping[str, str], spec: RunSpec) -> Request:
    """The request of a `started` line, as far as its digest goes."""
    stored = line["request"]
    step = read_step(line["step"])
    return Request(
        model=stored["model"],
        system=stored["system"],
        messages=tuple(
            Message(role, tuple(part if isinstance(part, str) else parts[part["part"]] for part in found))
            for role, found in stored["messages"]
        ),
        about=About(spec.prompt, line["step"], step.phase, step.round, seat, "", "", spec.seed),
        schema=stored.get("schema"),
        attachments=tuple(Attachment(each.name, each.media_type, each.sha256, b"") for each in spec.attachments),
        temperature=stored.get("temperature"),
        effort=stored.get("effort"),
        max_tokens=stored.get("max_tokens"),
    )


def _misfits(spec: RunSpec, recomputed: Recomputed) -> Iterable[str]:
    """Calls that this version would have made differently. The prompts of another version cannot be checked."""
    if recomputed.journal.version != __version__ or spec.attachments:
        return
    for step in sorted(recomputed.journal.misfits):
        yield f"{step}: what was asked there is not what this run asks; run.json or an earlier reply was changed"


def _words(text: str) -> str:
    return " ".join(text.split())


def _retitled(spec: RunSpec) -> Iterable[str]:
    """Check the title, which no digest covers: it is the part of the prompt that the user typed, or names of files."""
    prompt, names = _words(spec.prompt), {each.name for each in spec.attachments}
    typed = _words(spec.title)
    if typed not in prompt and not all(each in names or each in prompt for each in typed.split(", ")):
        yield f"the question that is shown, {_brief(spec.title, spec.prompt)}, is not what the seats were asked"


REPORTED = (
    "protocol", "prompt", "failures", "dropped", "degraded", "total_calls", "attempts", "repairs", "usage", "cost_usd",
    "list_usd",
)  # fmt: skip
"""The fields of a result, besides the outcome, that follow from the record. Who paid and how long it took do not."""


def _differences(recorded: Result, recomputed: Result, *, same_version: bool) -> list[str]:
    """The recorded fields that the replay does not give. Another version may word explanations differently."""
    old, new = (each.model_dump(mode="json") for each in (recorded, recomputed))
    was, is_now = dict(old["outcome"]), dict(new["outcome"])
    told, details = was.pop("details"), is_now.pop("details")
    if not same_version:
        for each in (was, is_now):
            del each["explanation"], each["strategy"]
    if not same_version or not recorded.outcome.counts:  # results of earlier versions have no count sheets
        del was["counts"], is_now["counts"]
    pairs = [(name, was[name], is_now[name]) for name in was]
    names = [name for name in {**told, **details} if same_version or (name in told and name in details)]
    pairs += [(f"details.{name}", told.get(name), details.get(name)) for name in names]
    pairs += [(name, old[name], new[name]) for name in REPORTED if same_version or name != "failures"]
    pairs.append(("seats", len(old["seats"]), len(new["seats"])))
    for seat, again in zip(old["seats"], new["seats"], strict=False):
        pairs.append((f"seat {again['seat']}", {**seat, "billing": None}, {**again, "billing": None}))
    return [f"{name}: recorded {_brief(a, b)}, recomputed {_brief(b, a)}" for name, a, b in pairs if a != b]


def _brief(value: object, other: object) -> str:
    """A value on one line. A long value is shown from shortly before it begins to differ from `other`."""
    text, beside = (json.dumps(each, ensure_ascii=False) for each in (value, other))
    same = next(
        (at for at, (a, b) in enumerate(zip(text, beside, strict=False)) if a != b), min(map(len, (text, beside)))
    )
    start = max(same - SHOWN // 2, 0) if len(text) > SHOWN else 0
    return ("..." if start else "") + preview(text[start:], SHOWN)


def _shown_otherwise(shown: JSON, says: JSON) -> Iterable[str]:
    """The places where an exported file shows something else than its own record says."""
    testimony = shown.get("testimony")
    if not isinstance(testimony, dict) or not isinstance(calls := testimony.get("calls"), list):
        yield "what it shows cannot be read"
        return
    beside = {each.get("step"): each for each in calls if isinstance(each, dict)}
    if len(beside) != len(calls):
        yield "it shows a call more than once, or what is none"
    for call in says["testimony"]["calls"]:
        other = beside.pop(call["step"], {})
        named = next((key for key in (*call, *other) if other.get(key) != call.get(key)), None)
        if named is not None:
            yield f"{call['step']}: {_shows(named, other.get(named), call.get(named))}"
    yield from (f"{step}: it shows a call that its record does not have" for step in beside)
    for name, value in says["testimony"].items():
        if name != "calls" and testimony.get(name) != value:
            yield _shows(name, testimony.get(name), value)
    for name in says:
        if name not in ("testimony", "record", "by") and shown.get(name) != says[name]:
            yield _shows(name, shown.get(name), says[name])


def _shows(name: str, shown: object, says: object) -> str:
    if name == "counts":
        return (
            f"its count sheets are not those of its record: it shows {_brief(shown, says)}, not {_brief(says, shown)}"
        )
    return f"it shows another {name}, {_brief(shown, says)}, than its record has: {_brief(says, shown)}"


def _counted(recomputed: Recomputed) -> Iterable[str]:
    """A line for each round: how many replies in which phase, and who was ahead; then a line for each count sheet."""
    names = {seat["seat"]: seat["model_id"] for seat in recomputed.testimony.seats}
    rounds: dict[tuple[str, int], tuple[Counter[str], Counter[str]]] = {}
    ahead: dict[tuple[str, int], str] = {}
    here = ("", 0)
    for event in recomputed.heard:
        match event:
            case events.PhaseStarted():
                here = (event.scope, event.round)
                rounds.setdefault(here, (Counter(), Counter()))
            case events.CallFinished() | events.CallFailed():
                step = read_step(event.step)
                read, failed = rounds.setdefault((step.scope, step.round), (Counter(), Counter()))
                (read if isinstance(event, events.CallFinished) else failed)[step.phase] += 1
            case events.Offered() if event.outcome.leader:
                ahead[here] = _ahead(event.outcome.leader, event.outcome.scores, names)
    sheets: dict[tuple[str, int], list[str]] = {}
    for count in recomputed.result.outcome.counts:
        sheets.setdefault((count.scope, count.round), []).append(f"  {_count(count)}")
    for (scope, round), (read, failed) in rounds.items():
        phases = [
            f"{phase} {read[phase]}" + (f" ({failed[phase]} failed)" if failed[phase] else "")
            for phase in dict.fromkeys((*read, *failed))
        ]
        last = ahead.get((scope, round))
        yield f"{scope}round {round}: {', '.join(phases) or 'nothing'}" + (f"; ahead: {last}" if last else "")
        yield from sheets.get((scope, round), ())


def _count(count: Count) -> str:
    """A count sheet on one line: the rule, how many ballots, and what it gives."""
    empty = sum(ballot.value is None for ballot in count.ballots)
    ballots = f"{len(count.ballots)} ballot{'' if len(count.ballots) == 1 else 's'}" if count.ballots else "no ballots"
    said = f"{count.rule}, {ballots}" + (f" ({empty} not counted)" if empty else "")
    return f"{said}: {count.outcome.explanation}" if count.outcome.explanation else said


def _ahead(leader: str, scores: Sequence[Mapping[str, float]], names: Mapping[str, str]) -> str:
    mean = scores[-1].get(leader) if scores else None
    return names.get(leader, leader) + (f", mean score {mean:g}" if mean is not None else "")


def _verdict(result: Result) -> str:
    won = f", winner {result.winner.model_id}" if result.winner else ""
    why = f" ({result.outcome.explanation})" if result.outcome.explanation else ""
    return f"{result.status.replace('_', ' ')}{won}{why}"
