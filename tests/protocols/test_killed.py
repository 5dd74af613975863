"""Killed in any phase, a run of any protocol goes on where it was: the same outcome, and no finished call again."""

import asyncio
import shlex
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from folkmoot import events
from folkmoot.core.journal import read_lines
from folkmoot.execute import checked, execute
from folkmoot.protocols import find_protocol
from folkmoot.providers import open_provider
from folkmoot.providers.base import Settings
from folkmoot.record.store import RunFolder, RunSpec
from folkmoot.types import Provider, Request, Result
from tests.play import new_folder, replayed, spec_for
from tests.protocols.cases import EVERY, TRAP, Says, agreeing, rocky, run_of, stubborn, told

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def fewer_rounds(name: str) -> dict[str, Any]:
    return {"rounds": 2} if "rounds" in find_protocol(name).options.model_fields else {}


def finished(folder: RunFolder) -> set[str]:
    """The steps of which the record's whole lines hold the end."""
    raw = folder.journal.read_bytes() if folder.journal.exists() else b""
    lines = read_lines(folder.journal) if b"\n" in raw else ()
    return {line["step"] for line in lines if line["kind"] == "finished"}


def fresh(folder: RunFolder, spec: RunSpec, record: bytes = b"") -> RunFolder:
    shutil.rmtree(folder.path, ignore_errors=True)
    folder.path.mkdir()
    folder.save(spec)
    folder.journal.write_bytes(record)
    return folder


def gist(result: Result) -> tuple[object, ...]:
    """What a run came to. Lists among the details may stand in the order of arrival, which nobody chooses here."""
    outcome = result.outcome
    return outcome.status, outcome.winner, outcome.answer, outcome.answers, outcome.scores, result.total_calls


@EVERY
@pytest.mark.parametrize("script", [stubborn, rocky])
def test_a_run_cut_off_after_any_line_ends_as_if_it_had_not_been(name: str, script: Says, tmp_path: Path) -> None:
    spec = spec_for(name, 3, prompt=TRAP, **fewer_rounds(name))
    whole = fresh(RunFolder(tmp_path / "whole"), spec)
    result = run_of(spec, script, folder=whole).result
    record = whole.journal.read_bytes().splitlines(keepends=True)
    for number in range(1, len(record) + 1):
        cut = fresh(RunFolder(tmp_path / "cut"), spec, b"".join(record[:number]))
        known = finished(cut)
        resumed = run_of(spec, script, folder=cut)
        assert known.isdisjoint(resumed.steps), f"asked again after line {number}"
        assert resumed.result.outcome == result.outcome, f"another outcome after line {number}"
        assert resumed.result.failures == result.failures
        assert resumed.result.total_calls == result.total_calls
    assert told(replayed(cut)) == told(resumed.result)
    assert run_of(spec, agreeing, folder=cut).steps == []


# ----- with real processes

SAY = """echo "$FOLKMOOT_STEP" >> {log}; cat {replies}/"$(echo "$FOLKMOOT_STEP" | tr '/>+' '___')" """


def command_seats(program: str) -> Provider:
    """Seats that a shell answers, two at a time."""
    settings = Settings(environ={}, table={"command": ["/bin/sh", "-c", program], "concurrency": 2})
    return open_provider("shell", settings)


@EVERY
def test_a_killed_process_leaves_a_run_of_commands_that_goes_on(name: str, tmp_path: Path) -> None:
    options = fewer_rounds(name) | ({"early": "off"} if "early" in find_protocol(name).options.model_fields else {})
    spec = spec_for(name, ["shell/a", "shell/b", "shell/c"], prompt=TRAP, **options)
    replies, log, folder = tmp_path / "replies", tmp_path / "asked", fresh(new_folder(tmp_path), spec)
    replies.mkdir()

    def write_down(request: Request) -> str:
        reply = stubborn(request)
        (replies / request.about.step.translate(str.maketrans("/>+", "___"))).write_text(str(reply))
        return str(reply)

    expected = run_of(spec, write_down).result
    program = SAY.format(log=shlex.quote(str(log)), replies=shlex.quote(str(replies)))
    with subprocess.Popen(
        [sys.executable, "-m", "tests.protocols.test_killed", str(folder.path), program],
        stdout=subprocess.PIPE, text=True, cwd=ROOT,
    ) as child:  # fmt: skip
        assert child.stdout is not None
        said = {child.stdout.readline().strip() for _ in range(expected.total_calls // 2)}
        child.kill()
        assert child.wait() == -signal.SIGKILL
    known = finished(folder)
    assert said <= known  # whatever was heard of is in the record
    result = asyncio.run(execute(checked(spec), {"shell": command_seats(program)}, folder=folder))
    assert gist(result) == gist(expected)
    asked = Counter(log.read_text().split())
    assert {step for step, times in asked.items() if times > 1} & known == set()
    assert told(replayed(folder)) == told(result)


async def be_killed(folder: RunFolder, program: str) -> None:
    """Run what the folder asks, say on stdout what is finished, and never end."""

    def say(event: events.Event) -> None:
        if isinstance(event, events.CallFinished):
            print(event.step, flush=True)

    await execute(checked(folder.spec()), {"shell": command_seats(program)}, folder=folder, listeners=[say])
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(be_killed(RunFolder(Path(sys.argv[1])), sys.argv[2]))
