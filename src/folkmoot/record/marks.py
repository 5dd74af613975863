"""Marks: what somebody found out later about a run's answer. A mark never changes a verdict.

A mark is one line of the run's journal, of the kind `mark`. Replays, resumes and checks pass it over; evaluations read
it. The last mark of a run counts.
"""

import json
from typing import Literal, get_args

from folkmoot.core.journal import Journal, held
from folkmoot.errors import InputError
from folkmoot.record.store import RunFolder
from folkmoot.types import Record

Verdict = Literal["right", "wrong", "partly"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
_BEGINS = b'{"kind":"mark"'


class Mark(Record):
    """Whether a run's answer was right."""

    verdict: Verdict
    answer: str | None = None  # the right answer, where it is known
    note: str | None = None  # for people
    at: float = 0.0  # seconds since 1970


def mark_folder(folder: RunFolder, verdict: str, *, answer: str | None = None, note: str | None = None) -> Mark:
    """Append a mark to a run that has ended. Raises InputError for another verdict, or a run without a result."""
    found = next((each for each in VERDICTS if each == verdict), None)
    if found is None:
        raise InputError(f"an outcome is one of {', '.join(VERDICTS)}, and was given as {verdict!r}")
    folder.spec()  # or an InputError that says that this is no run
    if held(folder.journal):
        raise InputError(f"{folder.id} is still going on; mark it once it has ended")
    if folder.result() is None:
        raise InputError(f"{folder.id} has no result yet; go on with: folkmoot resume {folder.id}")
    mark = Mark(verdict=found, answer=_text(answer), note=_text(note))
    journal = Journal(folder.journal)
    try:
        journal.append("mark", **mark.model_dump(exclude={"at"}, exclude_none=True))
    finally:
        journal.close()
    return mark_of(folder) or mark


def mark_of(folder: RunFolder) -> Mark | None:
    """The mark that counts: the last one. None where the run was never marked."""
    try:
        lines = folder.journal.read_bytes().splitlines()
    except FileNotFoundError:
        return None
    for line in reversed(lines):
        if line.startswith(_BEGINS):
            try:
                found = json.loads(line)
                return Mark.model_validate({name: found[name] for name in Mark.model_fields if name in found})
            except ValueError:  # a torn line, or the mark of a later version
                continue
    return None


def _text(written: str | None) -> str | None:
    return (written or "").strip() or None
