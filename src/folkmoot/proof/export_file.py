"""A run as one JSON value that can be mailed: what its record holds, and the record itself, which proves the rest.

Keys: `format`, `by` (version), `run_id`, `created`, `testimony`, `counts` (the count sheets), `outcome` (the recorded
decision; null while unfinished), `result` (with costs), `receipt`, `record`. A page holds the same value in a script
element that no browser runs.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from folkmoot._version import __version__
from folkmoot.errors import InputError
from folkmoot.proof.receipt import receipt
from folkmoot.proof.recount import outcome_json, recompute
from folkmoot.record.bundle import Bundle, bundle_of, read_bundle, result_of
from folkmoot.record.store import RunFolder
from folkmoot.types import JSON, Result

FORMAT = 2
PAGE = re.compile(r'<script type="application/json" id="folkmoot-run">(?P<json>[^<]*)</script>')


async def mailed(folder: RunFolder, *, packed: bool) -> JSON:
    """The value for a run. `packed` compresses its record, as pages need it."""
    found = await recompute(folder)
    recorded = result_of(folder)
    bundle = bundle_of(folder)
    spec = folder.spec()
    worth = await receipt(spec, folder) if recorded else None
    return {
        "format": FORMAT,
        "by": __version__,
        "run_id": folder.id,
        "created": spec.created,
        "ended_by_caller": found.ended_by_caller,
        "testimony": found.testimony.model_dump(mode="json"),
        "counts": [count.model_dump(mode="json") for count in found.result.outcome.counts],
        "outcome": outcome_json(recorded.outcome) if recorded else None,
        "result": _without_counts(recorded) if recorded else None,
        "receipt": worth.model_dump(mode="json") if worth else None,
        "record": bundle.packed() if packed else bundle.model_dump(),
    }


def _without_counts(result: Result) -> JSON:
    """A result, without the count sheets, which stand by themselves, and without its place on this machine."""
    shown: JSON = result.model_dump(mode="json", exclude={"folder": True, "outcome": {"counts"}})
    return shown


@dataclass(frozen=True)
class Mailed:
    """The contents of an exported file."""

    shown: JSON  # the whole value
    bundle: Bundle
    page: str | None = None  # the text of a page; None for a JSON file


def read_mailed(path: Path) -> Mailed:
    """Read the run in an exported page or JSON file. Raises InputError for any other file."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    page = text if (found := PAGE.search(text)) else None
    if found:
        text = found["json"]
    try:
        value = json.loads(text)
        record = value["record"]
        known = value["format"] == FORMAT
    except (ValueError, TypeError, KeyError, RecursionError):
        raise InputError(f"{path} is neither a page nor a JSON file that `folkmoot export` has written") from None
    if not known:
        raise InputError(f"{path} was written by another version of Folkmoot ({value.get('by', '?')})")
    return Mailed(value, read_bundle(record), page)
