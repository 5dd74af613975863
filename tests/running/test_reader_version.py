"""Runs that an older reader recorded: they stay as they were recorded, and nobody pretends to recount them."""

import asyncio
import json
from pathlib import Path

import pytest

from folkmoot import events
from folkmoot.errors import InputError
from folkmoot.execute import replay
from folkmoot.formats.version import NOT_RECOUNTED, READER
from folkmoot.machine.config import Config
from folkmoot.proof.verify import verify
from folkmoot.record.store import Home, RunFolder
from folkmoot.running.runs import Machine, go_on
from tests.frontends.installed import Installed
from tests.play import judges, new_folder, play


def recorded(tmp_path: Path, *, changed: bool = True, finished: bool = True) -> RunFolder:
    """A run of three seats by the first reader; `changed`: with a result that this reader does not come to."""
    folder = new_folder(tmp_path)
    play("converge", judges({"s1": 9, "s2": 5, "s3": 6}), folder=folder)
    asked = json.loads((folder.path / "run.json").read_text())
    assert asked.pop("reader") == READER
    (folder.path / "run.json").write_text(json.dumps(asked))
    if changed:
        result = json.loads(folder.result_file.read_text())
        result["outcome"]["winner"] = "s2"
        folder.result_file.write_text(json.dumps(result))
    if not finished:
        folder.result_file.unlink()
    return folder


def test_a_run_without_a_number_belongs_to_the_first_reader(tmp_path: Path) -> None:
    assert recorded(tmp_path).spec().reader == 1


def test_showing_an_older_run_shows_its_recorded_result_and_says_so(tmp_path: Path) -> None:
    folder, seen = recorded(tmp_path), list[events.Event]()
    result = asyncio.run(replay(folder.spec(), folder, listeners=[seen.append]))
    assert result.outcome.winner == "s2"
    assert [each.message for each in seen if isinstance(each, events.Notice)] == [NOT_RECOUNTED]
    assert isinstance(seen[-1], events.RunFinished) and seen[-1].result == result


def test_verifying_an_older_run_that_this_reader_decides_otherwise_is_no_verdict(tmp_path: Path) -> None:
    found = asyncio.run(verify(recorded(tmp_path)))
    assert (found.problems, found.notes, found.exit_code) == ([], [NOT_RECOUNTED], 2)


def test_an_older_run_that_this_reader_decides_likewise_still_verifies(tmp_path: Path) -> None:
    found = asyncio.run(verify(recorded(tmp_path, changed=False)))
    assert (found.problems, found.notes, found.exit_code) == ([], [], 0)


def test_an_older_run_does_not_go_on(tmp_path: Path) -> None:
    folder = recorded(tmp_path, finished=False)
    machine = Machine({}, Config(), Home(tmp_path / "home"))
    with pytest.raises(InputError, match="recorded with reader 1, and this version reads replies with reader 2") as why:
        asyncio.run(go_on(folder, machine))
    assert len(why.value.problems) == 1


@pytest.mark.parametrize(("command", "code"), [("show", 0), ("verify", 2)])
def test_the_commands_say_that_an_older_run_is_not_recounted(command: str, code: int, tmp_path: Path) -> None:
    done = Installed(tmp_path, {})(command, str(recorded(tmp_path).path))
    assert NOT_RECOUNTED in done.out + done.err
    assert done.code == code
