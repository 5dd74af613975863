"""Marks: somebody says whether an answer was right, and nothing that the run decided changes."""

import asyncio
from pathlib import Path

import pytest

from folkmoot.core.journal import Journal
from folkmoot.errors import InputError
from folkmoot.proof.verify import verify
from folkmoot.record.bundle import bundle_of, result_of
from folkmoot.record.index import Index
from folkmoot.record.marks import mark_folder, mark_of
from folkmoot.record.store import Home, RunFolder
from tests.play import lines, play, replayed


def a_run(path: Path) -> RunFolder:
    folder = RunFolder(path / "runs" / "20260101-000000_what_0001")
    play("vote", {"answer": "ANSWER: 391"}, folder=folder, early="off")
    return folder


def test_a_mark_is_kept_and_the_last_one_counts(tmp_path: Path) -> None:
    folder = a_run(tmp_path)
    assert mark_of(folder) is None
    mark_folder(folder, "right")
    last = mark_folder(folder, "wrong", answer=" 392 ", note="checked by hand")
    assert last == mark_of(folder)
    assert (last.verdict, last.answer, last.note) == ("wrong", "392", "checked by hand")
    assert last.at > 0


def test_a_mark_changes_no_verdict_no_time_and_no_cost(tmp_path: Path) -> None:
    folder = a_run(tmp_path)
    before, recounted = folder.result(), replayed(folder)
    file = folder.journal.read_bytes()
    mark_folder(folder, "wrong", answer="392")
    late = folder.journal.read_bytes().replace(b'"at":1', b'"at":9')  # a mark that comes years later
    folder.journal.write_bytes(file + late[len(file) :])
    assert replayed(folder) == recounted
    assert folder.result() == result_of(folder) == before
    assert asyncio.run(verify(folder)).problems == []


def test_a_marked_run_that_goes_on_asks_nothing_twice(tmp_path: Path) -> None:
    folder = a_run(tmp_path)
    mark_folder(folder, "right")
    play(folder.spec(), {}, folder=folder)
    assert len(lines(folder, "finished")) == 3
    assert mark_of(folder) is not None, "a mark outlives a resume"


def test_a_mark_is_found_again_whatever_stands_behind_it(tmp_path: Path) -> None:
    folder = a_run(tmp_path)
    mark_folder(folder, "partly")
    with folder.journal.open("ab") as file:
        file.write(b'{"kind":"mark","verdict":"maybe","at":2}\n{"kind":"mark","verd')
    assert (found := mark_of(folder)) is not None and found.verdict == "partly"
    assert mark_folder(folder, "right").verdict == "right", "a torn line is cut off, not glued to"


def test_what_cannot_be_marked_is_refused(tmp_path: Path) -> None:
    folder = a_run(tmp_path)
    with pytest.raises(InputError, match="one of right, wrong, partly"):
        mark_folder(folder, "good")
    with pytest.raises(InputError, match="holds no run"):
        mark_folder(RunFolder(tmp_path / "nothing"), "right")
    journal = Journal(folder.journal)
    try:
        with pytest.raises(InputError, match="still going on"):
            mark_folder(folder, "right")
    finally:
        journal.close()
    folder.result_file.unlink()
    with pytest.raises(InputError, match="no result yet"):
        mark_folder(folder, "right")


def test_the_index_knows_the_mark_and_a_mailed_run_does_not(tmp_path: Path) -> None:
    folder = a_run(tmp_path)
    index = Index(Home(tmp_path))
    index.sync()
    mark_folder(folder, "wrong", note="my own affair")
    index.sync()
    assert [row.mark for row in index.runs()] == ["wrong"]
    assert "my own affair" not in bundle_of(folder).model_dump_json()
