"""Convert a run's folder to one JSON value and back, so that an exported run can be recomputed anywhere.

What belongs to the sender's machine stays there: paths of recordings, settings of providers, names of variables, the
folder itself, and how the sender marked the answer. None of it is needed to compute the verdict. Attachments stay
behind too; their names and hashes do not.
"""

import base64
import hashlib
import json
import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from folkmoot.core.journal import held, read_lines
from folkmoot.errors import InputError, JournalCorrupt
from folkmoot.record.call_log import UNREADABLE, CallLog, read_account, state_of
from folkmoot.record.files import safe_name
from folkmoot.record.store import RunFolder, RunSpec, write_atomically
from folkmoot.types import JSON, Record, Result

MACHINES = ("recordings", "providers", "pass_env", "via")  # fields of a spec that are the sender's own
LARGEST = 1 << 28  # bytes of a record that is unpacked
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Bundle(Record):
    """All parts of a run's folder that its verdict is computed from."""

    run_id: str
    run: JSON  # run.json
    journal: tuple[JSON, ...]
    parts: dict[str, str]  # large pieces of prompts, by the SHA-256 of their UTF-8
    result: JSON | None = None  # result.json; None: the run is unfinished

    def packed(self) -> str:
        """Encode as base64 of zlib-compressed JSON: short, and free of markup."""
        return base64.b64encode(zlib.compress(json.dumps(self.model_dump()).encode(), 9)).decode()


def read_bundle(value: object) -> Bundle:
    """A bundle from JSON, or as `packed` writes it. Raises InputError for anything else."""
    try:
        if isinstance(value, str):
            inflate = zlib.decompressobj()
            raw = inflate.decompress(base64.b64decode(value, validate=True), LARGEST)
            if not inflate.eof:
                raise ValueError("it is cut off, or larger than any run")
            value = json.loads(raw)
        found = Bundle.model_validate(value)
    except (ValueError, zlib.error, RecursionError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
        raise InputError(f"the record in it cannot be read: {reason}") from None
    if not all(map(_SHA256.fullmatch, found.parts)):
        raise InputError("the record in it cannot be read: a part is not named by its hash")
    return found


def bundle_of(folder: RunFolder) -> Bundle:
    """Read the bundle of the run in `folder`."""
    spec = folder.spec()
    attached = {each.sha256 for each in spec.attachments}
    parts = folder.path / "parts"
    result = result_of(folder)
    return Bundle(
        run_id=folder.id,
        run=without_machine(spec).model_dump(mode="json", exclude_defaults=True),
        journal=tuple(_lines(folder)),
        parts={
            path.name: path.read_bytes().decode("utf-8", "surrogatepass")
            for path in (sorted(parts.iterdir()) if parts.is_dir() else ())
            if path.name not in attached and _SHA256.fullmatch(path.name)
        },
        result=result.model_copy(update={"folder": None}).model_dump(mode="json") if result else None,
    )


def _lines(folder: RunFolder) -> Iterator[JSON]:
    if folder.journal.exists():
        yield from (line for line in read_lines(folder.journal) if line["kind"] != "mark")


def result_of(folder: RunFolder) -> Result | None:
    """Return the stored result; None while the run is unfinished or another process continues it."""
    alive = held(folder.journal)
    try:
        account = read_account(read_lines(folder.journal)) if folder.journal.exists() else CallLog()
    except UNREADABLE as error:
        raise JournalCorrupt(f"{folder.journal}: a line of the record cannot be read ({error})") from None
    state, result = state_of(folder, account, alive)
    return None if state in ("running", "unfinished") else result


def without_machine(spec: RunSpec) -> RunSpec:
    """`spec` without what belongs to the machine it ran on; that of panels inside it likewise."""
    kept = spec.model_dump(exclude=set(MACHINES))
    panels = {name: without_machine(panel) for name, panel in spec.panels.items()}
    return RunSpec.model_validate({**kept, "panels": panels})


def unpack(bundle: Bundle, within: Path) -> RunFolder:
    """Write a bundle as a run's folder inside `within`; the name in the record is not used."""
    folder = RunFolder(within / safe_name(bundle.run_id))
    (folder.path / "parts").mkdir(parents=True)
    write_atomically(folder.path / "run.json", json.dumps(bundle.run).encode())
    lines = b"".join(json.dumps(_kind_first(line)).encode() + b"\n" for line in bundle.journal)
    write_atomically(folder.journal, lines)
    for name, text in bundle.parts.items():
        write_atomically(folder.path / "parts" / name, text.encode("utf-8", "surrogatepass"))
    if bundle.result is not None:
        write_atomically(folder.result_file, json.dumps(bundle.result).encode())
        last = max((float(line.get("at") or 0) for line in bundle.journal), default=0.0)
        os.utime(folder.result_file, (last, last))  # it is as old as the record, whatever the sender's clock said
    return folder


def _kind_first(line: JSON) -> JSON:
    return {"kind": line.get("kind"), **line}


def hash_of(text: str) -> str:
    """Return the hash under which a part is stored."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
