"""Marking a run, and keeping what marked runs say of the models where `ask` finds it at once.

`marked.jsonl` in the home holds one line for each mark: who answered what, and who was right. It is a copy of what the
runs say; `folkmoot eval value` makes it anew.
"""

import asyncio
import json
from collections.abc import Iterable

from folkmoot.blocking import wait_for
from folkmoot.counting.evidence import Evidence, MarkedAnswer
from folkmoot.errors import FolkmootError
from folkmoot.proof.marked import MarkedRun, marked_run
from folkmoot.record.marks import Mark, mark_folder
from folkmoot.record.store import Home, RunFolder, write_atomically


def mark(folder: RunFolder, home: Home, verdict: str, *, answer: str | None = None, note: str | None = None) -> Mark:
    """Mark a run that has ended, and keep what that says. Raises InputError for what cannot be marked."""
    found = mark_folder(folder, verdict, answer=answer, note=note)
    if folder.path.parent == home.runs:
        try:
            run = wait_for(marked_run(folder))
        except FolkmootError:  # the mark stands, whatever this version can read of the run
            run = None
        if run is not None:
            with (home.path / FILE).open("a", encoding="utf-8") as file:
                file.write(_line(run))
    return found


async def mark_async(
    folder: RunFolder, home: Home, verdict: str, *, answer: str | None = None, note: str | None = None
) -> Mark:
    """`mark` for code that is asynchronous."""
    return await asyncio.to_thread(mark, folder, home, verdict, answer=answer, note=note)


FILE = "marked.jsonl"


def keep_marked(home: Home, runs: Iterable[MarkedRun]) -> None:
    """Make the file of a home anew."""
    write_atomically(home.path / FILE, "".join(map(_line, runs)).encode())


def marked_at_home(home: Home) -> Evidence:
    """What the marked runs say that are still there, each by its last mark; empty where nothing is marked."""
    found: dict[str, dict[str, tuple[MarkedAnswer, ...]]] = {}
    newest = ""
    try:
        lines = (home.path / FILE).read_text("utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        try:
            entry = json.loads(line)
            answers = {model: tuple(MarkedAnswer(*each) for each in given) for model, given in entry["answers"].items()}
            found[str(entry["run"])] = answers
            newest = max(newest, str(entry["date"]))
        except (ValueError, KeyError, TypeError, AttributeError):  # a torn line, or one of a later version
            continue
    questions = [answers for run, answers in found.items() if answers and (home.runs / run / "run.json").exists()]
    return Evidence(tuple(questions), "your marked runs", newest)


def _line(run: MarkedRun) -> str:
    answers = {model: [list(each) for each in given] for model, given in run.question.items()}
    return json.dumps({"run": run.folder.id, "date": run.spec.created[:10], "answers": answers}) + "\n"
