"""The append-only record of what happened to a run's calls: its only durable state.

One JSON object per line, of these kinds:

header     first line: the record's format, the protocol, the version that wrote it
started    the first attempt of a call begins: the whole request and its digest
retried    a further attempt of a call that somebody bills begins
attempt    an attempt failed and another one follows
finished   a call has its reply, or has failed for good
cancelled  a call was given up before it finished
refused    a call was not made, because the run may not spend any more
amend      options or limits were changed, by a resume or between two rounds
forget     what the record holds for a step no longer counts
mark       somebody says whether the answer was right; changes nothing, see record/marks.py

A replay reads finished, refused, amend and forget; status and money read all. Kinds of a later version are passed over.

`at_most_usd` in started and retried is what was reserved for the attempt. In attempt, finished and cancelled it means
that nobody knows what the attempt cost, and is the upper bound; null: its model has no known price. An attempt whose
process died before any such line counts with what was reserved.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from folkmoot.errors import FailureKind, FolkmootError, InputError, JournalCorrupt, ReplayMismatch, RunLocked
from folkmoot.formats.speech import Speech, speech_in
from folkmoot.types import JSON, Completion

FORMAT = 1
LARGE = 4096  # characters; a longer part of a request is stored once per run, under parts/<sha256>


@dataclass(frozen=True)
class Entry:
    """How one call ended."""

    step: str
    seat: str
    digest: str
    order: int  # of its line among all lines of the run
    completion: Completion | None
    kind: FailureKind | None = None  # of the failure, where there is no completion
    message: str = ""
    attempts: int = 1
    seconds: float = 0.0

    @cached_property
    def speech(self) -> Speech | None:
        """The reply without its thoughts, and these; None where there is no reply.

        The journal keeps the reply as it came. This is the only way from it to a format, a peer or a person.
        """
        return speech_in(self.completion.text) if self.completion is not None else None


class Journal:
    """A run's record, in a file or, for rehearsals and tests, in memory only.

    Opening a file for writing locks it for as long as this process lives, and cuts off a torn last line:
    ignoring it is not enough, because the next line would be glued to it.
    """

    def __init__(self, path: Path | None, *, read_only: bool = False) -> None:
        self.path = path
        self.lines = 0
        self.entries: dict[str, Entry] = {}
        self.refused: dict[str, JSON] = {}
        self.amendments: list[JSON] = []
        self.misfits: set[str] = set()  # steps used although another question was asked, where that is let pass
        self.lenient = False  # after a forget or a fork: records that no longer fit are set aside, not an error
        self.spent: list[JSON] = []  # what was paid, forgotten or not: all lines that end an attempt but copied ones
        self._tried: dict[str, JSON] = {}  # step -> the line that reserved money for the attempt that is running
        self.version = "?"
        self.seconds = 0.0  # that earlier processes worked on the run
        self._session: tuple[float, float] | None = None  # when this one's first and last line were written
        self._file: int | None = None
        self._synced = 0
        self._syncing: asyncio.Future[None] | None = None
        self._parts: set[str] = set()
        self._unsynced_parts: list[Path] = []
        self._new = True
        if path is not None:
            self._open(path, read_only)

    @property
    def spent_usd(self) -> float:
        """What was paid, with an upper bound where nobody knows."""
        return sum(paid_for(line)[1] or 0.0 for line in self.spent)

    @property
    def spent_calls(self) -> int:
        """Attempts that reached a provider."""
        return sum(calls_of(line) for line in self.spent)

    def recall(self, step: str, digest: str | None) -> Entry | None:
        """What the record holds for `step`, or None if that call never finished.

        With a digest, which is where a call would be paid for, a record of another request raises ReplayMismatch:
        the protocol, its prompts or its options changed since. After a forget it is set aside instead.
        """
        entry = self.entries.get(step)
        if entry is None or digest is None or entry.digest == digest:
            return entry
        if self.lenient:
            self.forget(step, "the question to this seat has changed")
            return None
        raise ReplayMismatch(
            f"step {step!r} was recorded for another request, by version {self.version}; "
            "its prompts or options have changed since, so its reply cannot be used: fork the run instead"
        )

    def append(self, kind: str, **fields: Any) -> int:
        """Write one line now and return its order. It survives the process; `commit` makes it survive the machine."""
        line: JSON = {"kind": kind, **fields, "at": round(time.time(), 3)}
        order = self.lines
        self._read(line)
        if self._file is not None:
            os.write(self._file, to_json(line) + b"\n")
        return order

    async def commit(self) -> None:
        """Return once every line so far is on disk. Whoever waits at the same time shares one sync."""
        if self._file is None:
            return
        wanted = self.lines
        while self._synced < wanted:
            if self._syncing is None:
                self._syncing = asyncio.ensure_future(self._sync())
            await asyncio.shield(self._syncing)

    def forget(self, step: str, reason: str) -> None:
        """From now on, the record of `step` counts as cost only."""
        self.append("forget", step=step, reason=reason)

    def part(self, text: str) -> str | JSON:
        """`text` as it stands in a line: itself, or a reference to a file when it is large."""
        if len(text) < LARGE or self.path is None:
            return text
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        if digest not in self._parts:
            self._parts.add(digest)
            path = self.path.parent / "parts" / digest
            if not path.exists():
                path.parent.mkdir(mode=0o700, exist_ok=True)
                path.write_bytes(text.encode("utf-8", "surrogatepass"))
                self._unsynced_parts.append(path)
        return {"part": digest}

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    async def _sync(self) -> None:
        await asyncio.sleep(0)  # calls that finish in this turn of the loop join in
        upto, parts, self._unsynced_parts = self.lines, self._unsynced_parts, []
        new, self._new = self._new, False
        try:
            await asyncio.get_running_loop().run_in_executor(None, self._to_disk, parts, new)
        finally:
            self._syncing = None
        self._synced = upto

    def _to_disk(self, parts: list[Path], new: bool) -> None:
        """In a thread, which may still be at it when the journal was closed and its descriptor is another file's."""
        assert self.path is not None
        for path in parts:
            _sync_path(path)
        if parts:
            _sync_path(parts[0].parent)
        _sync_path(self.path, data_only=True)
        if new:  # the rest of the folder, and its own entry in the folder above
            for path in (self.path.with_name("run.json"), self.path.parent, self.path.parent.parent):
                if path.exists():
                    _sync_path(path)

    def _open(self, path: Path, read_only: bool) -> None:
        if not read_only:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            if not _locked(self._file):
                os.close(self._file)
                self._file = None
                raise RunLocked(f"{path.parent.name}: another process is working on this run")
        raw = path.read_bytes() if path.exists() else b""
        whole = raw[: raw.rfind(b"\n") + 1]
        if self._file is not None and len(whole) < len(raw):
            os.ftruncate(self._file, len(whole))
        try:
            self._read_all(whole, path)
        except FolkmootError:
            self.close()
            raise
        self._end_session()
        self._synced = self.lines
        self._new = not whole

    def _read_all(self, whole: bytes, path: Path) -> None:
        for number, line in enumerate(whole.splitlines(), 1):
            if line.startswith(b'{"kind":"started"'):  # holds the request, which a replay makes again
                if reserved := _RESERVED.match(line):
                    self._reserve(json.loads(reserved[1] + b"}"))
                self.lines += 1
                continue
            try:
                self._read(_parse(line, path, number))
            except (KeyError, TypeError, ValueError):  # JSON, but not what its kind must hold
                raise _corrupt(path, number) from None

    def _reserve(self, line: JSON) -> None:
        self._tried[line["step"]] = line

    def _end_session(self) -> None:
        for line in self._tried.values():  # the process died: what these attempts cost, nobody knows
            self.spent.append({**line, "kind": "lost", "calls": 0})
        self._tried = {}
        if self._session is not None:
            self.seconds += self._session[1] - self._session[0]
        self._session = None

    def _read(self, line: JSON) -> None:
        if line["kind"] in ("header", "amend"):  # the first line of a process
            self._end_session()
        if "at" in line and line["kind"] != "mark":  # which may come years later
            self._session = (self._session or (line["at"], 0.0))[0], line["at"]
        if line["kind"] in ("attempt", "finished", "cancelled", "refused"):
            self._tried.pop(line["step"], None)
        match line["kind"]:
            case "started" | "retried" if "at_most_usd" in line:
                self._reserve(line)
            case "cancelled" if "at_most_usd" in line:
                self.spent.append({**line, "calls": 0})
            case "finished":
                entry = _entry(line, self.lines)
                self.entries[entry.step] = entry
                if not line.get("copied"):
                    self.spent.append(line)
            case "attempt":
                self.spent.append(line)
            case "refused":
                self.refused[line["step"]] = line
            case "amend":
                self.amendments.append(line)
            case "forget":
                self.lenient = True
                self.entries.pop(line["step"], None)
                self.refused.pop(line["step"], None)
            case "header":
                self.version = line["version"]
                if line["format"] != FORMAT:
                    raise InputError(
                        f"the record has format {line['format']}, of version {self.version} of Folkmoot; "
                        f"this version reads format {FORMAT}"
                    )
                self.lenient = "forked_from" in line
        self.lines += 1


def paid_for(line: JSON) -> tuple[float | None, float | None]:
    """USD that a line of `Journal.spent` stands for: what is known to be paid, and the upper bound.

    The first is None where nobody knows, the second where there is no bound. Lines of versions that noted no bound for
    failed attempts count these as 0, as those versions did.
    """
    completion = line.get("completion")
    known = completion.get("usd") if completion is not None else line.get("usd")
    if known is None and completion is None and "at_most_usd" not in line:
        known = 0.0
    return known, line.get("at_most_usd") if known is None else known


def calls_of(line: JSON) -> int:
    """The attempts that a finished or attempt line stands for: more than one where a panel answered."""
    return int((line.get("completion") or line).get("calls", 1))


def read_lines(path: Path) -> Iterator[JSON]:
    """Every whole line of a journal, for status, exports and accounts."""
    raw = path.read_bytes()
    for number, line in enumerate(raw[: raw.rfind(b"\n") + 1].splitlines(), 1):
        yield _parse(line, path, number)


def held(path: Path) -> bool:
    """Whether a living process has this journal open for writing."""
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def _locked(file: int) -> bool:
    """Take the writer's lock. `held` takes it too, for a moment, so one refusal is not the last word."""
    for _ in range(5):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(0.01)
        else:
            return True
    return False


_RESERVED = re.compile(rb'(\{"kind":"started","step":"(?:[^"\\]|\\.)*","seat":"[^"\\]*","at_most_usd":[^,]+),')
"""The beginning of a started line that holds a reservation."""


def _parse(line: bytes, path: Path, number: int) -> JSON:
    try:
        value = json.loads(line)
        value["kind"]
    except (ValueError, KeyError, TypeError):
        raise _corrupt(path, number) from None
    found: JSON = value
    return found


def _corrupt(path: Path, number: int) -> JournalCorrupt:
    return JournalCorrupt(f"{path}:{number}: this line of the record cannot be read")


def _entry(line: JSON, order: int) -> Entry:
    completion = line.get("completion")
    error = line.get("error") or {}
    return Entry(
        line["step"],
        line["seat"],
        line["digest"],
        order,
        Completion.model_validate(completion) if completion is not None else None,
        error.get("kind"),
        error.get("message", ""),
        line["attempts"],
        line["seconds"],
    )


def _sync_path(path: Path, *, data_only: bool = False) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fdatasync(file) if data_only and hasattr(os, "fdatasync") else os.fsync(file)
    finally:
        os.close(file)
