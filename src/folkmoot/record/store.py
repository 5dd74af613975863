"""The folder of a run, and run.json. The files that exist in the folder tell the state of the run.

<home>/runs/<run id>/run.json        what was asked; written once, before the first call
                     journal.jsonl   what happened to every call; locked while a process works on the run
                     result.json     the outcome; replaced atomically; absent while unfinished
                     parts/          large pieces of prompts and the attachments, by their SHA-256
                     prompt.md final.md round-001/...   for people
"""

import os
import secrets
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from folkmoot.core.limits import Limits
from folkmoot.errors import InputError
from folkmoot.types import JSON, Attachment, Message, Record, Result, Seat


class Turn(Record):
    """One earlier turn of the conversation that a run continues."""

    role: Literal["user", "assistant"]
    text: str


class Attached(Record):
    """An attachment by its hash; its bytes lie under parts/."""

    name: str
    media_type: str
    sha256: str


class RunSpec(Record):
    """The specification of a run, with everything that could change later, written down before the first call."""

    protocol: str
    options: JSON = Field(default_factory=dict)
    prompt: str  # with the files, ready to be sent
    title: str = ""  # the prompt as it was typed, for lists
    question: str = ""  # what the prompt wraps, where a panel that has a seat is asked it
    history: tuple[Turn, ...] = ()
    attachments: tuple[Attached, ...] = ()
    seats: tuple[Seat, ...]
    labels: Mapping[str, str] = Field(default_factory=dict)  # seat -> its anonymous name
    seed: int = 0
    limits: Limits = Limits()
    allow_tools: tuple[str, ...] = ()
    pass_env: tuple[str, ...] = ()
    recordings: tuple[str, ...] = ()  # paths
    providers: Mapping[str, Mapping[str, Any]] = Field(
        default_factory=dict
    )  # the tables of config.toml that were in force, without secrets
    prices: Mapping[str, Mapping[str, float]] = Field(
        default_factory=dict
    )  # USD per million tokens, where the user knows better
    panels: Mapping[str, "RunSpec"] = Field(default_factory=dict)  # what panel/NAME seats ask, without a prompt
    via: tuple[str, ...] = ()  # ids of the Folkmoot servers that passed the question on, so that no server asks itself
    version: str = ""  # of Folkmoot
    reader: int = 1  # version of the formats, see formats/version.py; runs older than this field have none
    created: str = ""  # ISO 8601, UTC
    forked_from: str | None = None  # run id, or run id@step

    @property
    def names(self) -> dict[str, str]:
        """The ids of the seats by the labels under which they know each other."""
        return {self.labels[seat.name]: seat.id for seat in self.seats if seat.name in self.labels}

    def messages(self) -> tuple[Message, ...]:
        return tuple(Message(turn.role, (turn.text,)) for turn in self.history)


@dataclass(frozen=True)
class RunFolder:
    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def journal(self) -> Path:
        return self.path / "journal.jsonl"

    @property
    def result_file(self) -> Path:
        return self.path / "result.json"

    def spec(self) -> RunSpec:
        """Read run.json. Raises InputError when the folder holds no readable run."""
        try:
            return RunSpec.model_validate_json((self.path / "run.json").read_bytes())
        except FileNotFoundError:
            raise InputError(f"{self.path} holds no run (there is no run.json)") from None
        except ValidationError as error:
            raise InputError(f"{self.path / 'run.json'} cannot be read: {error.errors()[0]['msg']}") from None

    def result(self) -> Result | None:
        """Read the result; None while the run is unfinished."""
        try:
            return Result.model_validate_json(self.result_file.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def save(self, spec: RunSpec, attachments: tuple[Attachment, ...] = ()) -> None:
        for each in attachments:
            self.store_part(each.sha256, each.content)
        write_atomically(self.path / "run.json", spec.model_dump_json(exclude_defaults=True).encode())

    def save_result(self, result: Result) -> None:
        write_atomically(self.result_file, result.model_dump_json().encode())

    def store_part(self, sha256: str, content: bytes) -> None:
        (self.path / "parts").mkdir(mode=0o700, exist_ok=True)
        write_atomically(self.path / "parts" / sha256, content)

    def attachments(self, spec: RunSpec) -> tuple[Attachment, ...]:
        return tuple(
            Attachment(each.name, each.media_type, each.sha256, (self.path / "parts" / each.sha256).read_bytes())
            for each in spec.attachments
        )


class Home:
    """The folder in which Folkmoot keeps runs: FOLKMOOT_HOME, else the user's XDG data folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.runs = path / "runs"

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Home":
        if given := environ.get("FOLKMOOT_HOME"):
            return cls(Path(given).expanduser().absolute())
        base = environ.get("XDG_DATA_HOME") or str(Path("~/.local/share").expanduser())
        return cls(Path(base) / "folkmoot")

    def create(self, title: str) -> RunFolder:
        """Make a new, empty folder for a run.

        Raises InputError where none can be made: nothing has been asked yet.
        """
        try:
            if not self.runs.is_dir():
                self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
                self.runs.mkdir(mode=0o700, exist_ok=True)
            while True:
                folder = RunFolder(self.runs / new_run_id(title))
                with suppress(FileExistsError):
                    folder.path.mkdir(mode=0o700)
                    return folder
        except OSError as error:
            raise InputError(
                f"no run can be recorded in {self.runs}: {error.strerror}; set FOLKMOOT_HOME to a folder that can be "
                "written"
            ) from None

    def folders(self) -> list[RunFolder]:
        """Every run, oldest first."""
        if not self.runs.is_dir():
            return []
        return [RunFolder(path) for path in sorted(self.runs.iterdir()) if (path / "run.json").exists()]

    def find(self, written: str) -> RunFolder:
        """Find a run by `last`, its id, a unique prefix or ending of its id, or a path."""
        if "/" in written or os.sep in written:
            return RunFolder(Path(written).absolute())
        if not written:
            raise InputError("an empty name means no run; `folkmoot list` shows what there is")
        folders = self.folders()
        if written == "last" and folders:  # ids tell the second, the file the order within one
            return max(folders, key=lambda each: (each.id[:15], (each.path / "run.json").stat().st_mtime_ns))
        found = [each for each in folders if each.id == written] or [
            each for each in folders if each.id.startswith(written) or each.id.endswith(written)
        ]
        if len(found) == 1:
            return found[0]
        if found:
            raise InputError(f"{written!r} means {len(found)} runs: {', '.join(each.id for each in found[-5:])}")
        raise InputError(f"there is no run {written!r} in {self.runs}; `folkmoot list` shows what there is")

    def remove(self, folder: RunFolder) -> None:
        shutil.rmtree(folder.path)


def new_run_id(title: str, now: float | None = None) -> str:
    """`YYYYMMDD-HHMMSS_<slug>_<4 hex>` in UTC; the slug is the first 40 characters of the prompt.

    >>> new_run_id("What is 2+2?", 0)[:-4]
    '19700101-000000_what-is-2-2_'
    """
    stamp = datetime.fromtimestamp(time.time() if now is None else now, UTC).strftime("%Y%m%d-%H%M%S")
    letters = (letter.lower() if letter.isascii() else letter for letter in title[:40])
    slug = "".join(letter if letter.isalnum() and _can_name_files(letter) else "-" for letter in letters).strip("-")
    return f"{stamp}_{slug or 'no-prompt'}_{secrets.token_hex(2)}"


def _can_name_files(letter: str) -> bool:
    """Whether a file's name may have `letter` in this locale."""
    try:
        os.fsencode(letter)
    except UnicodeEncodeError:
        return False
    return True


def write_atomically(path: Path, content: bytes) -> None:
    """Replace the file `path` atomically by `content`.

    Not synced to disk: run.json is, with the first reply (see Journal); a result lost with the machine is computed
    again from the journal.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(file, view) :]
    finally:
        os.close(file)
    draft.replace(path)
