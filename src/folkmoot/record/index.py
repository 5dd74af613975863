"""An SQLite index over all runs, for lists, searches and sums. The folders stay the record.

It is brought up to date from the folders, and made anew when it is missing, broken or of another version. Any SQLite
tool can read it. Several processes may write at once.
"""

import contextlib
import logging
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from folkmoot.errors import FolkmootError
from folkmoot.record.index_rows import RunRow, journal_stat, read_rows
from folkmoot.record.store import Home, RunFolder
from folkmoot.types import Record

T = TypeVar("T")

_log = logging.getLogger("folkmoot")

VERSION = 2  # of the tables; a file with another version is rebuilt
PATIENCE = 0.9  # seconds for another program to release the file; no run and no list waits longer
CHUNK = 100  # runs written in one transaction; short transactions let other processes write


SCHEMA = """
CREATE TABLE runs (
    id TEXT PRIMARY KEY, protocol TEXT, title TEXT, status TEXT, met INTEGER, answer TEXT, winner TEXT, created TEXT,
    elapsed_ms INTEGER, rounds INTEGER, total_calls INTEGER, attempts INTEGER, repairs INTEGER, input_tokens INTEGER,
    output_tokens INTEGER, cached_tokens INTEGER, cost_usd REAL, list_usd REAL, degraded INTEGER, mark TEXT,
    folder TEXT, journal_size INTEGER, journal_mtime INTEGER
);
CREATE TABLE seats (
    run_id TEXT REFERENCES runs(id), number INTEGER, model_id TEXT, model TEXT, answered_by TEXT, calls INTEGER,
    failures INTEGER, dropped INTEGER, input_tokens INTEGER, output_tokens INTEGER, cached_tokens INTEGER,
    cost_usd REAL, PRIMARY KEY (run_id, number)
);
CREATE TABLE calls (
    run_id TEXT REFERENCES runs(id), step TEXT, round INTEGER, phase TEXT, seat TEXT, model_id TEXT, kind TEXT,
    seconds REAL, attempts INTEGER, input_tokens INTEGER, output_tokens INTEGER, cached_tokens INTEGER, cost_usd REAL,
    error TEXT, at TEXT
);
CREATE INDEX calls_of_run ON calls (run_id, step);
CREATE INDEX calls_by_time ON calls (at);
CREATE INDEX runs_by_time ON runs (created);
CREATE VIEW usage_by_model AS
    SELECT seats.model, count(*) AS calls, sum(kind = 'failed') AS failures, sum(calls.input_tokens) AS input_tokens,
        sum(calls.cached_tokens) AS cached_tokens, sum(calls.output_tokens) AS output_tokens,
        sum(calls.cost_usd) AS known_usd, sum(kind = 'finished' AND calls.cost_usd IS NULL) AS calls_without_price,
        avg(seconds) AS mean_seconds
    FROM calls JOIN seats ON seats.run_id = calls.run_id AND seats.model_id = calls.model_id
    GROUP BY seats.model;
CREATE VIEW usage_by_day AS
    SELECT substr(at, 1, 10) AS day, count(DISTINCT run_id) AS runs, count(*) AS calls,
        sum(kind = 'failed') AS failures, sum(input_tokens) AS input_tokens, sum(cached_tokens) AS cached_tokens,
        sum(output_tokens) AS output_tokens, sum(cost_usd) AS known_usd,
        sum(kind = 'finished' AND cost_usd IS NULL) AS calls_without_price
    FROM calls GROUP BY day;
"""

# The names and the brackets are those by which sqlite-utils and Datasette know a search table.
SEARCH = """
CREATE VIRTUAL TABLE runs_fts USING fts5(title, answer, content=[runs]);
CREATE TRIGGER runs_added AFTER INSERT ON runs BEGIN
    INSERT INTO runs_fts (rowid, title, answer) VALUES (new.rowid, new.title, new.answer);
END;
CREATE TRIGGER runs_removed AFTER DELETE ON runs BEGIN
    INSERT INTO runs_fts (runs_fts, rowid, title, answer) VALUES ('delete', old.rowid, old.title, old.answer);
END;
"""

RUN_COLUMNS = ", ".join(RunRow.model_fields)


class _Locked(FolkmootError):
    """Another program holds the file for longer than PATIENCE."""


class Index:
    """The index of one home. Each method opens the file for itself, so any thread may call it."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.path = home.path / "folkmoot.db"

    def sync(self) -> None:
        """Index runs that are new or have changed, and remove those whose folder is gone.

        While another program holds the file, nothing is indexed; the next sync takes in what is missing.
        """
        self._write(self._sync)

    def add(self, folder: RunFolder) -> None:
        """Index one run in its current state. Call it after the run's process has released the journal's lock.

        While another program holds the file, nothing is indexed; the next sync takes in what is missing.
        """
        self._write(lambda base: self._take_in(base, [folder]))

    def runs(self, limit: int | None = None, *, status: str | None = None, protocol: str | None = None) -> list[RunRow]:
        """Runs as of the last `sync`, the newest first."""
        wanted = {name: value for name, value in (("status", status), ("protocol", protocol)) if value is not None}
        where = f"WHERE {' AND '.join(f'{name} = :{name}' for name in wanted)}" if wanted else ""
        ask = f"SELECT {RUN_COLUMNS} FROM runs {where} ORDER BY created DESC, id DESC LIMIT :limit"
        return self._use(lambda base: _rows(base, ask, {**wanted, "limit": -1 if limit is None else limit}))

    def search(self, words: str, limit: int = 20) -> list[RunRow]:
        """Runs whose title or answer has a word that begins with each of `words`; the best match first."""
        return self._use(lambda base: _search(base, words.replace("\0", " ").split(), limit))

    def _write(self, work: Callable[[sqlite3.Connection], None]) -> None:
        try:
            self._use(work)
        except _Locked:
            _log.warning("%s is held by another program; the list of runs is brought up to date later", self.path)

    def _use(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            with self._open() as base:
                return work(base)
        except sqlite3.DatabaseError as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise _Locked(f"{self.path} is held by another program; end it, or try again") from None
            if code not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise FolkmootError(f"{self.path} cannot be used: {error}") from None
        for ending in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + ending).unlink(missing_ok=True)
        with self._open() as base:
            self._sync(base)
            return work(base)

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        self.home.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):  # SQLite gives its other files the same mode
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        with contextlib.closing(sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)) as base:
            with contextlib.suppress(
                sqlite3.OperationalError
            ):  # fails while other processes use the file; the next process repeats it
                base.execute("PRAGMA journal_mode = WAL")
            if base.execute("PRAGMA user_version").fetchone()[0] != VERSION:
                with _writing(base):
                    _make_anew(base)
            base.execute("PRAGMA synchronous = NORMAL")
            yield base

    def _sync(self, base: sqlite3.Connection) -> None:
        known = {
            id: (size, mtime, status, folder)
            for id, size, mtime, status, folder in base.execute(
                "SELECT id, journal_size, journal_mtime, status, folder FROM runs"
            )
        }
        folders = {folder.id: folder for folder in self.home.folders()}
        stale = [
            folder
            for id, folder in folders.items()
            if id not in known or known[id] != (*journal_stat(folder), known[id][2], str(folder.path))
            or known[id][2] == "running"  # may end without another line
        ]  # fmt: skip
        for start in range(0, len(stale), CHUNK):
            self._take_in(base, stale[start : start + CHUNK])
        if gone := [id for id in known if id not in folders]:
            with _writing(base):
                _remove(base, gone)

    def _take_in(self, base: sqlite3.Connection, folders: Iterable[RunFolder]) -> None:
        read = [
            read_rows(folder) for folder in folders
        ]  # before the transaction, because a transaction blocks other processes
        with _writing(base):
            _remove(base, [run.id for run, _, _ in read])
            _insert(base, "runs", [run for run, _, _ in read])
            _insert(base, "seats", [seat for _, seats, _ in read for seat in seats])
            _insert(base, "calls", [call for _, _, calls in read for call in calls])


@contextlib.contextmanager
def _writing(base: sqlite3.Connection) -> Iterator[None]:
    base.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        base.execute("ROLLBACK")
        raise
    base.execute("COMMIT")


def _make_anew(base: sqlite3.Connection) -> None:
    if base.execute("PRAGMA user_version").fetchone()[0] == VERSION:
        return  # another process has already done this
    present = base.execute(
        "SELECT type, name FROM sqlite_master WHERE type IN ('table', 'view', 'trigger') "
        "AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'runs_fts_%' ORDER BY name = 'runs_fts' DESC"
    )
    for kind, name in present.fetchall():  # the search table first: its own tables go with it
        base.execute(f'DROP {kind} IF EXISTS "{name}"')
    _statements(base, SCHEMA)
    with contextlib.suppress(sqlite3.OperationalError):  # an SQLite without FTS5; `search` then looks at every row
        _statements(base, SEARCH)
    base.execute(f"PRAGMA user_version = {VERSION}")


def _statements(base: sqlite3.Connection, script: str) -> None:
    """Like `executescript`, which would end the transaction."""
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            base.execute(statement)
            statement = ""


def _insert(base: sqlite3.Connection, table: str, rows: Iterable[Record]) -> None:
    values = [row.model_dump() for row in rows]
    if values:
        names = list(values[0])
        places = ", ".join(f":{name}" for name in names)
        base.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})", values)


def _remove(base: sqlite3.Connection, ids: Iterable[str]) -> None:
    keys = [(id,) for id in ids]
    for table, column in (("runs", "id"), ("seats", "run_id"), ("calls", "run_id")):
        base.executemany(f"DELETE FROM {table} WHERE {column} = ?", keys)


def _rows(base: sqlite3.Connection, ask: str, values: dict[str, str | int]) -> list[RunRow]:
    names = list(RunRow.model_fields)
    return [RunRow.model_validate(dict(zip(names, row, strict=True))) for row in base.execute(ask, values)]


def _search(base: sqlite3.Connection, words: list[str], limit: int) -> list[RunRow]:
    columns = ", ".join(f"runs.{name}" for name in RunRow.model_fields)
    if base.execute("SELECT 1 FROM sqlite_master WHERE name = 'runs_fts'").fetchone():
        match = " ".join('"{}"*'.format(word.replace('"', '""')) for word in words)
        ask = (
            f"SELECT {columns} FROM runs_fts JOIN runs ON runs.rowid = runs_fts.rowid "
            "WHERE runs_fts MATCH :match ORDER BY rank LIMIT :limit"
        )
        if match and (found := _rows(base, ask, {"match": match, "limit": limit})):
            return found
    # without FTS5, and for words inside words, as in languages that write without spaces
    parts = {f"w{number}": f"%{_escaped(word)}%" for number, word in enumerate(words)}
    tests = [rf"(title LIKE :{name} ESCAPE '\' OR answer LIKE :{name} ESCAPE '\')" for name in parts]
    ask = f"SELECT {columns} FROM runs WHERE {' AND '.join(tests) or '0'} ORDER BY created DESC LIMIT :limit"
    return _rows(base, ask, {**parts, "limit": limit})


def _escaped(word: str) -> str:
    for letter in ("\\", "%", "_"):
        word = word.replace(letter, f"\\{letter}")
    return word
