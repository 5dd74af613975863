"""All runs on record that somebody marked."""

from collections.abc import AsyncIterator, Sequence

from folkmoot.counting.evidence import Evidence
from folkmoot.errors import FolkmootError, InputError
from folkmoot.proof.marked import MarkedRun, marked_run
from folkmoot.record.store import Home


async def marked_runs(home: Home) -> AsyncIterator[MarkedRun]:
    """The marked runs, the oldest first; those that cannot be read are passed over."""
    for folder in home.folders():
        try:
            found = await marked_run(folder)
        except FolkmootError:
            continue
        if found is not None:
            yield found


async def all_marked(home: Home) -> list[MarkedRun]:
    """The same as a list."""
    return [run async for run in marked_runs(home)]


def evidence_from(runs: Sequence[MarkedRun]) -> Evidence:
    """What marked runs say of who was right. Raises InputError where they say nothing."""
    questions = tuple(run.question for run in runs if run.answers)
    if not questions:
        raise InputError(
            "no run on record is marked with answers that are known to be right or wrong; "
            "mark some with: folkmoot outcome RUN right|wrong --answer TEXT"
        )
    return Evidence(questions, f"{len(questions)} marked runs", max(run.spec.created[:10] for run in runs))
