"""The record as files for people and other programs, written while a run goes on.

Both exports are listeners. In the event loop they only take note of what happened; rendering and writing are done
by the background thread. Nothing here is ever read back: the journal is the record, and `write_record` makes the
Markdown again from it. Files are replaced as a whole, so that no reader sees half of one.
"""

import asyncio
import json
import logging
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import ClassVar

from folkmoot import events
from folkmoot._version import __version__
from folkmoot.core.steps import Step, read_step, seat_order
from folkmoot.counting.lineages import Lineage
from folkmoot.errors import InputError
from folkmoot.execute import replay
from folkmoot.proof.receipt import receipt_of
from folkmoot.proof.receipt.page import receipt_section
from folkmoot.record.files import file_names, safe_name, short_hash, write_file, write_json
from folkmoot.record.markdown import KINDS, Contribution, contribution_page, final_page, review_page
from folkmoot.record.store import RunFolder, RunSpec, new_run_id
from folkmoot.record.writer_thread import flush, later
from folkmoot.types import JSON, Result, Seat

_log = logging.getLogger("folkmoot")

DETAIL_FILES = ("panel", "provider_failures", "prompt_variants")  # of an outcome, which refinery has files for
PATIENCE = 0.1  # seconds in which more may come, so that a page that grows fast is not written for every line


class _Export(ABC):
    """A listener that keeps the events it wants, to work them off on the background thread."""

    wanted: ClassVar[frozenset[type[events.Event]]]

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._events: deque[events.Event] = deque()
        self._scheduled = False
        self._due = 0.0  # when what is scheduled is to be written; earlier, once the run is over
        self._over = threading.Event()
        self._given_up = False
        self._seats: dict[str, Seat] = {}
        self._names: dict[str, str] = {}  # seat -> its part of file names
        self._labels: Mapping[str, str] = {}  # seat -> "Answer C"

    def __call__(self, event: events.Event) -> None:
        if type(event) not in self.wanted or self._given_up:
            return
        self._events.append(event)
        if type(event) is events.RunFinished:
            self._over.set()
        if not self._scheduled:
            self._scheduled = True
            self._due = time.monotonic() + PATIENCE
            later(self._work)

    def _work(self) -> None:
        self._over.wait(max(self._due - time.monotonic(), 0.0))
        self._scheduled = False  # first: what comes from now on schedules another turn
        try:
            while self._events:
                self._take(self._events.popleft())
            self._write()
        except OSError as error:
            self._given_up = True
            self._events.clear()
            _log.warning("%s is not written any further: %s", self.folder, error)
        finally:
            if self._events:  # one of them was at fault; the others still count
                later(self._work)

    @abstractmethod
    def _take(self, event: events.Event) -> None: ...

    @abstractmethod
    def _write(self) -> None:
        """Write what the events of this turn have changed."""

    def _begin(self, event: events.RunStarted) -> RunSpec | None:
        """Learn the seats' names; the spec, where the run has a folder."""
        self._seats = {seat.name: seat for seat in event.seats}
        self._names = file_names(event.seats)
        try:
            spec = RunFolder(Path(event.folder)).spec() if event.folder else None
        except InputError:  # the folder is not this version's; labels stay anonymous
            spec = None
        self._labels = spec.labels if spec else {}
        return spec

    def _id(self, seat: str) -> str:
        return (self._seats[seat].id or self._seats[seat].model) if seat in self._seats else seat

    def _name(self, seat: str) -> str:
        return self._names.get(seat) or safe_name(seat)


def _about(event: events.CallEvent) -> tuple[str, ...]:
    """Whom or what a call is about, besides the seat that is asked: as a rule nobody, or the author of an answer."""
    return event.key[1:] if event.key[:1] == (event.seat,) else event.key


class RecordExport(_Export):
    """Markdown in the run's own folder: prompt.md, a file per contribution by round, final.md."""

    wanted = frozenset({events.RunStarted, events.CallFinished, events.CallFailed, events.RunFinished})

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._prompt = ""
        self._pages: dict[Path, dict[str, Contribution]] = {}  # file -> step -> what stands in it
        self._dirty: dict[Path, None] = {}

    def _take(self, event: events.Event) -> None:
        match event:
            case events.RunStarted():
                self._begin(event)
                self._prompt = event.prompt
                write_file(self.folder / "prompt.md", event.prompt + "\n")
            case events.CallFinished():
                page, found = self._contribution(event)
                self._add(page.with_name(f"{page.name}.md"), event.step, found)
                self._remove(page.with_name(f"{page.name}.failed.md"), event.step)
            case events.CallFailed():
                page, found = self._contribution(event)
                self._add(page.with_name(f"{page.name}.failed.md"), event.step, found)
                self._remove(page.with_name(f"{page.name}.md"), event.step)
            case events.RunFinished():
                self._finish(event.result)

    def _contribution(self, event: events.CallFinished | events.CallFailed) -> tuple[Path, Contribution]:
        step = read_step(event.step)
        kind = KINDS.get(step.phase, step.phase)
        seat = self._id(event.seat)
        about = ", ".join(self._id(each) for each in _about(event)) or None
        if isinstance(event, events.CallFailed):
            found = Contribution(kind, step.round, seat, about, failure=f"{event.kind}: {event.message}")
        else:
            found = Contribution(
                kind, step.round, seat, about, event.text, event.value, event.seconds, event.usage, event.usd,
                event.list_usd,
            )  # fmt: skip
        scope = [safe_name(each) for each in step.scope.split("/") if each]
        page = self.folder.joinpath(*scope, f"round-{step.round:03d}", f"{self._name(event.seat)}.{safe_name(kind)}")
        return page, found

    def _add(self, path: Path, step: str, found: Contribution) -> None:
        self._pages.setdefault(path, {})[step] = found
        self._dirty[path] = None

    def _remove(self, path: Path, step: str) -> None:
        """The call ended otherwise than an earlier process had it."""
        if self._pages.setdefault(path, {}).pop(step, None) or not self._pages[path]:
            self._dirty[path] = None

    def _write(self) -> None:
        while self._dirty:
            path, _ = self._dirty.popitem()
            if page := self._page(path):
                write_file(path, page)
            else:
                path.unlink(missing_ok=True)

    def _page(self, path: Path) -> str | None:
        found = self._pages[path]
        ordered = [found[step] for step in sorted(found, key=lambda each: seat_order(read_step(each).key))]
        if not ordered:
            return None
        if ordered[0].about is not None:
            return review_page(ordered)
        return contribution_page(ordered[0], self._by_label())

    def _by_label(self) -> dict[str, str]:
        return {label: self._id(seat) for seat, label in self._labels.items()}

    def _finish(self, result: Result) -> None:
        self._write()
        if result.status == "unfinished":  # only a replay ends so; there is no outcome yet
            return
        worth = receipt_of(result)
        section = receipt_section(worth) if worth else []
        write_file(
            self.folder / "final.md",
            final_page(result, self._last_proposals(), self._prompt, section, self._by_label()),
        )
        for folder in self.folder.glob("**/round-*"):
            for path in folder.glob("*.md"):
                if path not in self._pages and path.name.startswith(tuple(f"{name}." for name in self._names.values())):
                    path.unlink()  # of calls that no longer count, after a forget

    def _last_proposals(self) -> list[Contribution]:
        made = [
            (read_step(step), found)
            for page in self._pages.values()
            for step, found in page.items()
            if found.kind == "proposal" and found.failure is None
        ]
        last = max((step.round for step, _ in made), default=0)
        made = [each for each in made if each[0].round == last]
        return [found for _, found in sorted(made, key=lambda each: (each[0].scope, seat_order(each[0].key)))]


class RefineryExport(_Export):
    """The layout of refinery's --output-dir, in a folder named after the run, with what refinery left out.

    `folder` is the output directory; `dump` makes result.json. Written as the run goes, so that a killed run leaves
    what was finished. https://github.com/Lightless-Labs/refinery
    """

    wanted = frozenset(
        {events.RunStarted, events.RepairAsked, events.CallFinished, events.CallFailed, events.RunFinished}
    )

    def __init__(self, folder: Path, dump: Callable[[Result], JSON]) -> None:
        super().__init__(folder)
        self._dump = dump
        self._metadata: JSON = {}
        self._failures: dict[str, JSON] = {}  # by step
        self._journal: Path | None = None
        self._read = 0  # bytes of the journal
        self._files: dict[Path, str] = {}  # file, in small letters -> the step that has it
        self._failures_changed = False

    def _take(self, event: events.Event) -> None:
        match event:
            case events.RunStarted():
                self._start(event)
            case events.CallFinished():
                self._failures_changed |= self._failures.pop(event.step, None) is not None
                self._finished(event, read_step(event.step))
            case events.CallFailed():
                self._failures[event.step] = self._failure(event, read_step(event.step))
                self._failures_changed = True
            case events.RunFinished():
                self._finish(event.result)

    def _start(self, event: events.RunStarted) -> None:
        spec = self._begin(event)
        run_id = event.run_id or new_run_id(event.prompt)
        self.folder = self.folder / run_id
        self._journal = RunFolder(Path(event.folder)).journal if event.folder else None
        panel = [seat.id or seat.model for seat in event.seats if seat.duty == "member"]
        self._metadata = {
            **event.options,
            "verb": event.protocol,
            "run_id": run_id,
            "status": "running",
            "version": __version__,
            "started": spec.created if spec else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "models": panel,
            "panel_size": event.options.get("panel_size", len(panel)),
            "max_rounds": event.options.get("rounds"),
            "max_concurrent": spec.limits.max_concurrent if spec else None,
            "seed": spec.seed if spec else None,
        }
        write_file(self.folder / "prompt.md", event.prompt + "\n")
        write_json(self.folder / "metadata.json", self._metadata)

    def _finished(self, event: events.CallFinished, step: Step) -> None:
        about = _about(event)
        review = _review(event.value)
        if review is not None and about[:1] and (len(about) == 1 or about[0] in self._seats):
            self._write_review(event, step, about, review)
        elif isinstance(event.value, Mapping) and step.phase == "evaluate" and self._labels:
            author = {label: seat for seat, label in self._labels.items()}
            for label, each in event.value.items():
                if label in author and (review := _review(each)) is not None:
                    self._write_review(event, step, (author[label],), review)
        else:
            alone = step.phase == "propose"  # about nobody else; a seat may have several lines of answers
            names = self._file((event.seat, *about)) if alone else "-".join(map(self._name, (event.seat, *about)))
            text = event.value if step.phase == "propose" and isinstance(event.value, str) else event.text
            write_file(self._free(step, f"{step.phase}-{names}", ".md", event.step), text)

    def _write_review(self, event: events.CallFinished, step: Step, author: Sequence[str], review: JSON) -> None:
        name = f"{step.phase}-{self._name(event.seat)}-{self._file(author)}"
        said = {"evaluator": self._id(event.seat), "evaluatee": self._whose(author), **review}
        write_json(self._free(step, name, ".json", f"{event.step}>{author[0]}"), said)

    def _whose(self, author: Sequence[str]) -> str:
        """What refinery calls a seat's answers: the seat, with the variant of the question where it has several."""
        return Lineage(*author[:2]).called(self._id(author[0]))

    def _file(self, author: Sequence[str]) -> str:
        return self._name(author[0]) if len(author) == 1 else safe_name(self._whose(author))

    def _free(self, step: Step, name: str, ending: str, owner: str) -> Path:
        """refinery's name for a file, or one with a hash where another step has that name already."""
        folder = self.folder / f"round-{step.round}"
        path = folder / f"{safe_name(name) if len(name) > 240 else name}{ending}"
        if self._files.setdefault(Path(str(path).lower()), owner) != owner:
            path = folder / f"{name[:230]}-{short_hash(owner)}{ending}"
        return path

    def _failure(self, event: events.CallFailed, step: Step) -> JSON:
        author = _about(event)[:1]
        about = {"target_model_id": self._id(author[0])} if author else {}
        return {
            "round": step.round, "phase": step.phase, "model_id": self._id(event.seat), **about,
            "kind": event.kind, "message": event.message, "step": event.step,
        }  # fmt: skip

    def _write(self) -> None:
        self._write_raw()
        if self._failures_changed:
            self._failures_changed = False
            path = self.folder / "failures.json"
            write_json(path, list(self._failures.values())) if self._failures else path.unlink(missing_ok=True)

    def _write_raw(self) -> None:
        """Every reply the record has, also those that could not be read: only the journal has these."""
        if self._journal is None:
            return
        with self._journal.open("rb") as file:
            file.seek(self._read)
            for line in file:
                if not line.endswith(b"\n"):  # still being written
                    break
                self._read += len(line)
                if line.startswith(b'{"kind":"finished"') and (stored := json.loads(line)).get("completion"):
                    step, text = stored["step"], stored["completion"]["text"]
                    write_file(self.folder / "raw" / f"{safe_name(step.replace('/', '-'))}.txt", text)

    def _finish(self, result: Result) -> None:
        if result.answer is not None:
            write_file(self.folder / "answer.md", result.answer + "\n")
        write_json(self.folder / "result.json", self._dump(result))
        details = dict(result.outcome.details)
        for name, told in ((name, details.pop(name)) for name in DETAIL_FILES if details.get(name)):
            entries = [{key: each[key] for key in each if name != "panel" or key != "answer"} for each in told]
            write_json(self.folder / f"{name.replace('_', '-')}.json", entries)
        self._metadata |= {name: told for name, told in details.items() if not isinstance(told, list | dict)}
        self._metadata |= {
            "status": result.status,
            "met": result.outcome.met,
            "winner": result.winner.model_id if result.winner else None,
            "total_rounds": result.outcome.round,
            "total_calls": result.total_calls,
            "elapsed_ms": result.elapsed_ms,
            "models_dropped": list(result.dropped),
            **details.get("metadata", {}),
            "degraded": result.degraded,
        }
        write_json(self.folder / "metadata.json", self._metadata)


async def write_record(folder: RunFolder, spec: RunSpec) -> None:
    """Write the Markdown of a run again, from its journal. What it cost and took is as its result has it."""
    export = RecordExport(folder.path)
    stored = folder.result()

    def listen(event: events.Event) -> None:
        if isinstance(event, events.RunFinished) and stored is not None and stored.outcome == event.result.outcome:
            event = events.RunFinished(stored)  # a replay does not know who paid, nor how long the run took
        export(event)

    await replay(spec, folder, listeners=[listen])
    await asyncio.to_thread(flush)


def _review(value: object) -> JSON | None:
    """A parsed review in refinery's keys; None when it is none. Whole scores are integers, as refinery's are."""
    if not is_dataclass(value) or not isinstance(score := getattr(value, "score", None), int | float):
        return None
    said: JSON = {field.name: getattr(value, field.name) for field in fields(value)}
    said["score"] = int(score) if float(score).is_integer() else score
    order = ("score", "rationale", "strengths", "weaknesses", "suggestions", "overall_assessment")
    return {key: said.pop(key) for key in order if key in said} | said
