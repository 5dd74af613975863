"""Late replies of people. A late reply creates a fork of the run; it never changes the run's own verdict."""

from folkmoot.core.journal import Entry, Journal, held
from folkmoot.errors import InputError
from folkmoot.record.store import RunFolder, RunSpec
from folkmoot.running.runs import Machine, fork


def late_reply(folder: RunFolder, machine: Machine, step: str, text: str) -> RunFolder:
    """A new run with the whole record of another, in which the person was asked `step` and did answer: `text`.

    What the record has after that step is kept wherever it still answers what is asked. Nobody is asked yet:
    `runs.go_on` does that, and comes to the verdict that there would have been. Raises InputError for a step that no
    person left without an answer.
    """
    if not text.strip():
        raise InputError("a late reply needs a text")
    if held(folder.journal):
        raise InputError(f"{folder.id} is still going on; a late reply can open a fork once it has ended")
    record = Journal(folder.journal, read_only=True)
    missed = _missed(folder.spec(), record, step, folder.id)
    target = fork(folder, machine, step=None, changes={})
    journal = Journal(target.journal)
    try:
        for change in record.amendments:  # options and limits as they were in force
            journal.append(**{key: value for key, value in change.items() if key != "at"})
        journal.forget(missed.step, "answered after the deadline")
        journal.append(
            "finished", step=missed.step, seat=missed.seat, digest=missed.digest,
            completion={"text": text, "usd": 0.0}, attempts=missed.attempts, seconds=missed.seconds,
        )  # fmt: skip
    finally:
        journal.close()
    return target


def _missed(spec: RunSpec, record: Journal, step: str, run: str) -> Entry:
    """Return the journal entry of a person's missing reply to `step` or to its repair."""
    people = {seat.name for seat in spec.seats if seat.provider == "human"}
    missed = {
        entry.step: entry for entry in record.entries.values() if entry.seat in people and entry.completion is None
    }
    found = missed.get(step) or missed.get(f"{step}+repair")
    if found is None:
        there = f"it misses {', '.join(missed)}" if missed else "every question put to a person has a reply"
        raise InputError(f"{run} misses no person's reply at {step!r}; {there}")
    return found
