"""The record: whole lines only, one writer, few syncs, and nothing that no longer counts."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.core.journal import FORMAT, LARGE, Journal, held, read_lines
from folkmoot.errors import InputError, JournalCorrupt, ReplayMismatch, RunLocked


def header(journal: Journal, **extra: Any) -> None:
    journal.append("header", format=1, protocol="converge", version="0.3", **extra)


def finish(journal: Journal, step: str, text: str = "42", digest: str = "d", **extra: Any) -> int:
    completion = {"text": text}
    return journal.append(
        "finished", step=step, seat="s1", digest=digest, completion=completion, attempts=1, seconds=0.5, **extra
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with two finished calls."""
    path = tmp_path / "run" / "journal.jsonl"
    path.parent.mkdir()
    journal = Journal(path)
    header(journal)
    finish(journal, "r1/propose/s1")
    finish(journal, "r1/propose/s2")
    journal.close()
    return path


def test_what_was_appended_is_recalled_by_whoever_opens_the_file_next(path: Path) -> None:
    journal = Journal(path, read_only=True)
    entry = journal.recall("r1/propose/s1", "d")
    assert entry is not None and entry.completion is not None
    assert (entry.completion.text, entry.order, entry.attempts, entry.seconds) == ("42", 1, 1, 0.5)
    assert (journal.lines, journal.version, list(journal.entries)) == (3, "0.3", ["r1/propose/s1", "r1/propose/s2"])
    assert journal.recall("r2/propose/s1", "d") is None


def test_every_line_is_one_json_object_with_its_kind_and_time(path: Path) -> None:
    assert [line["kind"] for line in read_lines(path)] == ["header", "finished", "finished"]
    assert all(isinstance(line["at"], float) for line in read_lines(path))
    assert path.read_bytes().startswith(b'{"kind":"header",')


def test_any_text_survives_the_way_to_disk_and_back(path: Path) -> None:
    hard = 'a\nb\r\u2028\x00"\\ é 日本 \U0001f600 </x>'
    journal = Journal(path)
    finish(journal, "r2/propose/s1", hard)
    journal.close()
    entry = Journal(path, read_only=True).recall("r2/propose/s1", None)
    assert entry is not None and entry.completion is not None and entry.completion.text == hard


@given(st.text(min_size=1, max_size=40))
def test_any_text_is_one_line_of_the_record(text: str) -> None:
    assert len(json.dumps({"text": text}, ensure_ascii=False).encode("utf-8", "surrogatepass").splitlines()) == 1


# ----- what a crash leaves


@pytest.mark.parametrize("cut", [1, 10, 60])
def test_a_torn_last_line_is_cut_off_and_the_next_one_is_whole(path: Path, cut: int) -> None:
    path.write_bytes(path.read_bytes()[:-cut])
    journal = Journal(path)
    assert list(journal.entries) == ["r1/propose/s1"]
    finish(journal, "r1/propose/s3")
    journal.close()
    assert [line.get("step") for line in read_lines(path)] == [None, "r1/propose/s1", "r1/propose/s3"]


def test_a_torn_first_line_leaves_an_empty_record(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5])
    journal = Journal(path)
    assert (journal.lines, path.read_bytes()) == (0, b"")
    journal.close()


def test_a_reader_passes_over_a_torn_last_line_and_leaves_it(path: Path) -> None:
    torn = path.read_bytes()[:-10]
    path.write_bytes(torn)
    assert list(Journal(path, read_only=True).entries) == ["r1/propose/s1"]
    assert path.read_bytes() == torn


@pytest.mark.parametrize(
    "bad",
    [b"", b"nonsense", b'{"kind":', b"[]", b"7", b'{"step":"x"}', b'{"kind":"finished","at":1}', b"\xff\xfe",
     b'{"kind":"header"}', b'{"kind":"forget"}', b'{"kind":"attempt"',
     b'{"kind":"finished","step":"x","seat":"s1","digest":"d","completion":{"txt":"?"},"attempts":1,"seconds":0,"at":1}'],
)  # fmt: skip
def test_any_other_line_that_cannot_be_read_is_corruption_and_is_named(path: Path, bad: bytes) -> None:
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([lines[0], bad, lines[2], b""]))
    for read_only in (True, False):
        with pytest.raises(JournalCorrupt, match=rf"{path}:2: "):
            Journal(path, read_only=read_only)


def test_a_corrupt_record_is_not_left_locked(path: Path) -> None:
    good = path.read_bytes()
    path.write_bytes(b"nonsense\n" + good)
    with pytest.raises(JournalCorrupt):
        Journal(path)
    assert not held(path)
    path.write_bytes(good)
    Journal(path).close()


def test_kinds_of_a_later_version_are_passed_over(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b'{"kind":"weather","sky":"blue","at":5.0}\n{"kind":"thunder"}\n')
    journal = Journal(path)
    assert journal.lines == 5
    assert finish(journal, "r2/propose/s1") == 5
    journal.close()


def test_another_format_of_the_record_is_refused_with_the_version_that_wrote_it(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"format":1', b'"format":2'))
    with pytest.raises(InputError, match=r"format 2.*version 0\.3"):
        Journal(path)
    assert not held(path)


# ----- one writer


def test_a_second_writer_is_told_that_the_run_is_being_worked_on(path: Path) -> None:
    journal = Journal(path)
    assert held(path)
    with pytest.raises(RunLocked, match="run: another process is working on this run"):
        Journal(path)
    assert Journal(path, read_only=True).lines == 3  # readers are welcome
    journal.close()
    assert not held(path)
    Journal(path).close()


def test_the_lock_dies_with_its_process(path: Path) -> None:
    holds = (
        "import sys; from pathlib import Path; from folkmoot.core.journal import Journal\n"
        "journal = Journal(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holds, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None and child.stdout.readline() == "held\n"
        with pytest.raises(RunLocked):
            Journal(path)
        child.kill()
        assert child.wait() == -signal.SIGKILL
    Journal(path).close()


def test_nobody_holds_a_record_that_does_not_exist(tmp_path: Path) -> None:
    assert not held(tmp_path / "journal.jsonl")


def test_files_of_a_run_are_for_its_owner_alone(path: Path) -> None:
    journal = Journal(path)
    journal.part("x" * LARGE)
    journal.close()
    assert path.stat().st_mode & 0o777 == 0o600
    assert (path.parent / "parts").stat().st_mode & 0o777 == 0o700


# ----- on disk before anybody goes on


class Counted(Journal):
    """Counts its syncs."""

    syncs = 0

    def _to_disk(self, parts: list[Path], new: bool) -> None:
        self.syncs += 1
        super()._to_disk(parts, new)


def test_calls_that_finish_together_share_one_sync(path: Path) -> None:
    async def together(count: int) -> int:
        journal = Counted(path)

        async def one(number: int) -> None:
            finish(journal, f"r2/propose/s{number}")
            await journal.commit()

        await asyncio.gather(*(one(number) for number in range(count)))
        journal.close()
        return journal.syncs

    assert asyncio.run(together(100)) <= 2


def test_a_commit_with_nothing_new_syncs_nothing(path: Path) -> None:
    async def twice() -> int:
        journal = Counted(path)
        await journal.commit()
        finish(journal, "r2/propose/s1")
        await journal.commit()
        await journal.commit()
        journal.close()
        return journal.syncs

    assert asyncio.run(twice()) == 1


def test_whoever_gives_up_waiting_does_not_stop_the_sync_for_the_others(path: Path) -> None:
    async def one_leaves() -> int:
        journal = Counted(path)
        finish(journal, "r2/propose/s1")
        leaving, staying = (asyncio.create_task(journal.commit()) for _ in range(2))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.gather(leaving, staying, return_exceptions=True)
        assert leaving.cancelled() and not staying.cancelled()
        journal.close()
        return journal.syncs

    assert asyncio.run(one_leaves()) == 1


def test_a_rehearsal_keeps_its_record_in_memory_only() -> None:
    journal = Journal(None)
    finish(journal, "r1/propose/s1")
    asyncio.run(journal.commit())
    assert journal.recall("r1/propose/s1", "d") is not None
    assert journal.part("x" * LARGE) == "x" * LARGE


def test_a_large_part_is_stored_once_and_a_small_one_stays_in_its_line(path: Path) -> None:
    journal = Journal(path)
    large = "é" * LARGE
    reference = journal.part(large)
    assert journal.part(large) == reference and journal.part("small") == "small"
    journal.close()
    assert isinstance(reference, dict)
    assert [each.name for each in (path.parent / "parts").iterdir()] == [reference["part"]]
    assert (path.parent / "parts" / reference["part"]).read_text("utf-8") == large


# ----- what counts


def test_a_record_of_another_request_is_not_used(path: Path) -> None:
    journal = Journal(path, read_only=True)
    with pytest.raises(ReplayMismatch, match=r"step 'r1/propose/s1' was recorded for another request, by version 0\.3"):
        journal.recall("r1/propose/s1", "another digest")
    assert journal.recall("r1/propose/s1", None) is not None  # where nothing would be paid, the step's name is enough


def test_what_is_forgotten_no_longer_counts_but_was_paid(path: Path) -> None:
    journal = Journal(path)
    journal.forget("r1/propose/s1", "failed; asked again")
    finish(journal, "r1/propose/s1", "43")
    journal.forget("r1/propose/s2", "failed; asked again")
    journal.close()
    again = Journal(path, read_only=True)
    assert list(again.entries) == ["r1/propose/s1"] and again.entries["r1/propose/s1"].order == 4
    assert len(again.spent) == 3


@pytest.mark.parametrize("fork", [True, False])
def test_after_a_forget_and_in_a_fork_what_no_longer_fits_is_set_aside(path: Path, fork: bool) -> None:
    if fork:
        path.unlink()
        journal = Journal(path)
        header(journal, forked_from="another-run")
        finish(journal, "r1/propose/s2", copied=True)
        assert journal.spent == []
    else:
        journal = Journal(path)
        journal.forget("r1/propose/s1", "asked again")
    assert journal.recall("r1/propose/s2", "another digest") is None
    assert "r1/propose/s2" not in journal.entries
    journal.close()


def test_a_refusal_counts_until_it_is_forgotten(path: Path) -> None:
    journal = Journal(path)
    journal.append("refused", step="r2/propose/s1", reason="over_budget", message="no money")
    journal.close()
    journal = Journal(path)
    assert journal.refused["r2/propose/s1"]["reason"] == "over_budget"
    journal.forget("r2/propose/s1", "the limits have changed")
    journal.close()
    assert Journal(path, read_only=True).refused == {}


def test_lines_that_a_replay_does_not_need_change_nothing_but_the_account(path: Path) -> None:
    before = Journal(path, read_only=True)
    journal = Journal(path)
    journal.append("started", step="r2/propose/s1", seat="s1", digest="d", request={"model": "a"})
    journal.append("attempt", step="r2/propose/s1", seat="s1", attempt=1, error={"kind": "rate", "message": "429"})
    journal.append("cancelled", step="r2/propose/s1")
    journal.close()
    after = Journal(path, read_only=True)
    assert (after.entries, after.refused, after.amendments) == (before.entries, {}, [])
    assert (len(before.spent), len(after.spent), after.lines) == (2, 3, 6)


def test_a_failed_call_is_recorded_like_any_other(path: Path) -> None:
    journal = Journal(path)
    error = {"kind": "auth", "message": "no key"}
    journal.append("finished", step="r2/propose/s1", seat="s1", digest="d", error=error, attempts=1, seconds=0.1)
    journal.close()
    entry = Journal(path, read_only=True).recall("r2/propose/s1", "d")
    assert entry is not None and (entry.completion, entry.kind, entry.message) == (None, "auth", "no key")


def test_time_between_two_processes_is_not_time_of_the_run(path: Path) -> None:
    begun = [json.dumps({"kind": "header", "format": 1, "version": "0", "at": 100.0})]
    begun += [json.dumps({"kind": "cancelled", "step": "x", "at": 103.0})]
    begun += [json.dumps({"kind": "amend", "version": "0", "at": 1000.0})]
    begun += [json.dumps({"kind": "cancelled", "step": "x", "at": 1002.5})]
    path.write_text("\n".join(begun) + "\n")
    assert Journal(path, read_only=True).seconds == 5.5


def test_a_sync_that_is_under_way_when_the_journal_is_closed_harms_no_other_file(tmp_path: Path) -> None:
    async def given_up() -> None:
        journal = Journal(tmp_path / "journal.jsonl")
        journal.append("header", format=FORMAT, protocol="vote", version="0")
        waiting = asyncio.create_task(journal.commit())
        await asyncio.sleep(0)
        waiting.cancel()
        journal.close()
        syncing = journal._syncing
        assert syncing is not None
        await syncing  # raises what went wrong

    asyncio.run(given_up())
