"""The index over all runs: always what the folders say, whatever happened to its file."""

import asyncio
import contextlib
import sqlite3
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from folkmoot.core.journal import Journal
from folkmoot.errors import ProviderError
from folkmoot.execute import checked, execute
from folkmoot.machine.seats import seats_of
from folkmoot.record.index import Index
from folkmoot.record.index_rows import CallRow, RunRow, SeatRow
from folkmoot.record.store import Home, RunFolder, RunSpec
from folkmoot.testing import Reply, ScriptedProvider
from folkmoot.types import Completion, Request, Usage


def reply(asked: Request) -> Reply:
    about = asked.about
    if about.seat.name == "s3":
        return ProviderError("auth", "no key")
    text = f"{about.seat.name}: drive, the car must be there" if about.phase == "propose" else about.example
    usage = Usage(input_tokens=100, output_tokens=10, cached_tokens=50)
    return Completion(text=text, model="a-2026", usage=usage, usd=0.5 if about.seat.name == "s1" else 0.0)


def play(home: Path, prompt: str = "Walk or drive?", **options: object) -> RunFolder:
    seats = seats_of(["x/a", "x/b", "x/b"])
    spec = checked(RunSpec(protocol="converge", prompt=prompt, options=dict(options), seats=seats)).spec
    folder = Home(home).create(spec.prompt)
    folder.save(spec)
    asyncio.run(execute(checked(spec), {"x": ScriptedProvider(reply)}, folder=folder))
    return folder


def synced(home: Path) -> Index:
    index = Index(Home(home))
    index.sync()
    return index


def ask(index: Index, question: str) -> list[tuple[object, ...]]:
    base = sqlite3.connect(index.path)
    try:
        return base.execute(question).fetchall()
    finally:
        base.close()


def test_a_run_its_seats_and_its_calls_are_rows(tmp_path: Path) -> None:
    folder = play(tmp_path)
    index = synced(tmp_path)
    (run,) = index.runs()
    result = folder.result()
    assert result is not None
    assert (run.id, run.protocol, run.title, run.status, run.met) == (
        folder.id, "converge", "Walk or drive?", "converged", True,
    )  # fmt: skip
    assert (run.answer, run.winner, run.rounds, run.total_calls, run.attempts) == (
        "s1: drive, the car must be there", "x/a", 2, 9, 9,
    )  # fmt: skip
    assert (run.input_tokens, run.output_tokens, run.cached_tokens, run.cost_usd) == (800, 80, 400, 2.0)
    assert (run.degraded, run.elapsed_ms, run.folder) == (True, result.elapsed_ms, str(folder.path))
    assert ask(index, "SELECT number, model_id, model, answered_by, calls, failures, dropped, cost_usd FROM seats") == [
        (1, "x/a", "x/a", "a-2026", 4, 0, 0, 2.0), (2, "x/b#1", "x/b", "a-2026", 4, 0, 0, 0.0),
        (3, "x/b#2", "x/b", None, 0, 1, 1, 0.0),
    ]  # fmt: skip
    calls = ask(index, "SELECT step, round, phase, seat, model_id, kind, cost_usd, error FROM calls ORDER BY step")
    assert calls[0] == ("r1/evaluate/s1>s2", 1, "evaluate", "s1", "x/a", "finished", 0.5, None)
    assert calls[4] == ("r1/propose/s3", 1, "propose", "s3", "x/b#2", "failed", 0.0, "auth: no key")
    assert len(calls) == 9


def test_views_sum_use_by_model_and_by_day(tmp_path: Path) -> None:
    play(tmp_path)
    play(tmp_path)
    index = synced(tmp_path)
    by_model = "SELECT model, calls, failures, input_tokens, known_usd FROM usage_by_model"
    assert ask(index, by_model) == [("x/a", 8, 0, 800, 4.0), ("x/b", 10, 2, 800, 0.0)]
    by_day = ask(index, "SELECT length(day), runs, calls, known_usd, calls_without_price FROM usage_by_day")
    assert sum(row[2] for row in by_day) == 18  # type: ignore[misc]
    assert by_day[0][0] == 10


def test_a_sync_follows_the_folders(tmp_path: Path) -> None:
    first, second = play(tmp_path, "one"), play(tmp_path, "two", threshold=10, rounds=2)
    index = synced(tmp_path)
    assert {run.id for run in index.runs()} == {first.id, second.id}
    assert [run.id for run in index.runs(status="max_rounds_exceeded")] == [second.id]
    assert index.runs(protocol="debate") == [] and len(index.runs(1)) == 1
    Home(tmp_path).remove(first)
    providers = {"x": ScriptedProvider(reply)}
    asyncio.run(execute(replace(checked(second.spec()), amend={"options": {"rounds": 3}}), providers, folder=second))
    third = play(tmp_path, "three")
    index.sync()
    assert {run.id: run.rounds for run in index.runs()} == {second.id: 3, third.id: 2}
    assert ask(index, "SELECT DISTINCT run_id FROM calls UNION SELECT run_id FROM seats ORDER BY 1") == [
        (each,) for each in sorted([second.id, third.id])
    ]


def test_an_unchanged_run_is_not_read_again(tmp_path: Path) -> None:
    folder = play(tmp_path)
    index = synced(tmp_path)
    (folder.path / "run.json").write_text("{")  # would be told as corrupt
    index.sync()
    assert [run.status for run in index.runs()] == ["converged"]
    index.add(folder)
    assert [run.status for run in index.runs()] == ["corrupt"]


def test_a_running_run_is_looked_at_until_it_has_ended(tmp_path: Path) -> None:
    folder = play(tmp_path)
    result = folder.result_file.read_bytes()
    folder.result_file.unlink()
    journal = Journal(folder.journal)
    index = synced(tmp_path)
    (run,) = index.runs()
    assert (run.status, run.met, run.answer, run.total_calls, run.cost_usd) == ("running", None, None, 9, 2.0)
    assert (run.rounds, run.input_tokens, run.attempts) == (2, 800, 9)
    journal.close()
    index.sync()
    assert [run.status for run in index.runs()] == ["unfinished"]
    folder.result_file.write_bytes(result)
    index.add(folder)
    assert [run.status for run in index.runs()] == ["converged"]


@pytest.mark.parametrize("content", [b"no database" * 1000, b"", b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_broken_file_is_made_anew(tmp_path: Path, content: bytes) -> None:
    folder = play(tmp_path)
    index = synced(tmp_path)
    index.path.write_bytes(content)
    index.sync()
    assert [run.id for run in index.runs()] == [folder.id]


def test_a_file_that_breaks_behind_its_first_page_is_made_anew(tmp_path: Path) -> None:
    folder = play(tmp_path)
    index = synced(tmp_path)
    content = bytearray(index.path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    index.path.write_bytes(content)
    assert [run.id for run in index.runs()] == [folder.id]


def test_tables_of_another_version_are_made_anew(tmp_path: Path) -> None:
    folder = play(tmp_path)
    index = synced(tmp_path)
    base = sqlite3.connect(index.path)
    base.executescript("DROP VIEW usage_by_day; ALTER TABLE seats DROP COLUMN dropped; CREATE TABLE more (x);")
    base.execute("PRAGMA user_version = 99")
    base.close()
    index.sync()
    assert [run.id for run in index.runs()] == [folder.id]
    names = {name for (name,) in ask(index, "SELECT name FROM sqlite_master")}
    assert "usage_by_day" in names and "more" not in names
    assert len(ask(index, "SELECT dropped FROM seats")) == 3


def test_a_missing_file_is_made_and_is_for_its_owner_only(tmp_path: Path) -> None:
    index = synced(tmp_path / "home")
    assert index.runs() == [] and index.search("x") == []
    assert stat.S_IMODE(index.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(index.path.parent.stat().st_mode) == 0o700


def test_a_corrupt_run_is_told_and_stops_no_other(tmp_path: Path) -> None:
    bad, worse, good = play(tmp_path, "bad"), play(tmp_path, "worse"), play(tmp_path, "good")
    with bad.journal.open("a") as file:
        file.write('{"kind": "finished"}\n')
    (worse.path / "run.json").write_text("{}")
    found = {run.id: (run.status, run.title) for run in synced(tmp_path).runs()}
    assert found == {bad.id: ("corrupt", "bad"), worse.id: ("corrupt", ""), good.id: ("converged", "good")}


@pytest.mark.parametrize("with_fts5", [True, False])
@pytest.mark.parametrize(
    "words, found",
    [
        ("wash", ["wash my car"]),
        ("MY car", ["wash my car"]),
        ("drive", ["100% of_it", "wash my car", "洗車は何分"]),  # in all answers
        ("some wash", []),
        ("ash", ["wash my car"]),  # inside a word
        ("洗車", ["洗車は何分"]),
        ("何分", ["洗車は何分"]),
        ('"', []),
        ("car NOT", []),
        ("%", ["100% of_it"]),
        ("f_i", ["100% of_it"]),
        ("", []),
    ],
)
def test_runs_are_found_by_words(library: Path, words: str, found: list[str], with_fts5: bool) -> None:
    index = Index(Home(library / ("fts5" if with_fts5 else "plain")))
    assert sorted(run.title for run in index.search(words)) == found


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same three runs with a search table and without one, as where SQLite has no FTS5."""
    path = tmp_path_factory.mktemp("library")
    for name in ("fts5", "plain"):
        for prompt in ("wash my car", "洗車は何分", "100% of_it"):
            play(path / name, prompt)
        index = synced(path / name)
    base = sqlite3.connect(index.path)
    base.executescript("DROP TRIGGER runs_added; DROP TRIGGER runs_removed; DROP TABLE runs_fts;")
    base.close()
    return path


def test_the_search_table_follows_changes_and_a_vacuum(tmp_path: Path) -> None:
    folders = [play(tmp_path, f"word{number}") for number in range(4)]
    index = synced(tmp_path)
    for folder in folders[:3]:
        Home(tmp_path).remove(folder)
    index.sync()
    base = sqlite3.connect(index.path)
    base.execute("VACUUM")
    base.execute("INSERT INTO runs_fts (runs_fts, rank) VALUES ('integrity-check', 1)")
    base.close()
    assert index.search("word0") == []
    assert [run.id for run in index.search("word3")] == [folders[3].id]


@pytest.mark.parametrize("table, row", [("runs", RunRow), ("seats", SeatRow), ("calls", CallRow)])
def test_the_tables_have_the_columns_of_their_rows(
    tmp_path: Path, table: str, row: type[RunRow] | type[SeatRow] | type[CallRow]
) -> None:
    columns = [name for (name,) in ask(synced(tmp_path), f"SELECT name FROM pragma_table_info('{table}')")]
    assert columns == list(row.model_fields)


WRITER = """
import sys
import time
from pathlib import Path
from folkmoot.record.index import Index
from folkmoot.record.store import Home, RunFolder
index = Index(Home(Path(sys.argv[1])))
print("ready", flush=True)
sys.stdin.readline()
for _ in range(10):
    index.add(RunFolder(Path(sys.argv[2])))
    index.sync()
"""


def test_several_processes_write_at_once(tmp_path: Path) -> None:
    folders = [play(tmp_path, f"run {number}") for number in range(3)]
    with contextlib.ExitStack() as stack:
        writers = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", WRITER, tmp_path, folder.path],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                )
            )
            for folder in folders
        ]  # fmt: skip
        for writer in writers:
            assert writer.stdout and writer.stdout.readline() == "ready\n"
        for writer in writers:
            assert writer.stdin
            writer.stdin.write("go\n")
            writer.stdin.flush()
        assert [writer.wait() for writer in writers] == [0, 0, 0]
    index = Index(Home(tmp_path))
    assert len(index.runs()) == 3 and ask(index, "PRAGMA integrity_check") == [("ok",)]
    assert ask(index, "SELECT count(*), count(DISTINCT run_id || step) FROM calls") == [(27, 27)]


def test_an_index_that_another_program_holds_costs_little_and_loses_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, index = play(tmp_path, "first"), Index(Home(tmp_path))
    index.add(first)
    second = play(tmp_path, "second")
    with contextlib.closing(sqlite3.connect(index.path)) as held:
        held.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        index.add(second)
        index.sync()
        assert time.monotonic() - began < 2 * 4.0  # each waits 0.9 s; generous for a busy machine
        assert [run.title for run in index.runs()] == ["first"]
    assert len(caplog.records) == 2 and "held by another program" in caplog.text
    index.sync()
    assert {run.title for run in index.runs()} == {"first", "second"}
