"""A reply is on disk before anybody uses it: what a machine that loses power now would keep, seen from inside."""

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from folkmoot import protocols
from folkmoot.core.calling import Call
from folkmoot.core.journal import LARGE, Journal
from folkmoot.core.run import Run
from folkmoot.formats import TEXT
from folkmoot.protocols import Options, protocol
from folkmoot.types import Outcome
from tests.play import new_folder, play

Kept = Callable[[Path], bytes]


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Kept:
    """Returns what is on disk of a file: as many of its bytes as it had when it was last synced."""
    sizes: dict[int, int] = {}

    def noting(sync: Callable[[int], None]) -> Callable[[int], None]:
        def noted(file: int) -> None:
            found = os.fstat(file)
            sync(file)
            sizes[found.st_ino] = found.st_size

        return noted

    for name in {"fsync", "fdatasync"} & set(dir(os)):
        monkeypatch.setattr(os, name, noting(getattr(os, name)))
    return lambda path: path.read_bytes()[: sizes.get(path.stat().st_ino, 0)]


@pytest.fixture
def name() -> Iterator[str]:
    """The name of a protocol that exists for one test."""
    yield "on-disk"
    del protocols._REGISTRY["on-disk"]


def test_a_protocol_is_given_a_reply_only_once_its_line_is_on_disk(name: str, kept: Kept, tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    given: list[bool] = []

    @protocol(name, Options, max_calls=lambda _, seats: 2 * seats)
    async def ask_twice(run: Run, _: Options) -> Outcome:
        """Ask every seat twice"""
        async for _round in run.rounds(2):
            for seat in run.seats:
                text = await run.call("ask", Call(seat, (run.prompt,), TEXT))
                given.append(text.encode() in kept(folder.journal))
        run.offer(Outcome(status="asked", met=True, answer="yes"))
        return run.offered

    play(name, lambda asked: f"the reply to {asked.about.step}", 2, folder=folder)
    assert given == [True] * 4


def test_all_that_a_line_refers_to_is_on_disk_once_it_was_committed(kept: Kept, tmp_path: Path) -> None:
    folder = new_folder(tmp_path).path
    folder.mkdir()
    (folder / "run.json").write_text("{}")

    async def commit() -> None:
        journal = Journal(folder / "journal.jsonl")
        for number in range(2):
            journal.append("started", step=f"r{number}/ask/s1", request=journal.part(f"{number}" * LARGE))
            await journal.commit()
            files = [path for path in folder.rglob("*") if path.is_file()]
            assert len(files) == 3 + number
            assert [path.name for path in files if kept(path) != path.read_bytes()] == []
        journal.close()

    asyncio.run(commit())
