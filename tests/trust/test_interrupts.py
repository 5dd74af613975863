"""What is interrupted stops: a notebook's cell, a flooding program, and everything that was started for a run."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.loopback import LoopbackModels, Reply
from tests.trust import figures

CELL = """
import asyncio, folkmoot, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that starts tests in the background ignores it
from folkmoot.core.journal import held
from folkmoot.record.store import Home
import json
import os

async def cell():  # as in a notebook, whose loop is running
    try:
        folkmoot.converge("What is 17 * 23?", ["loop/a", "loop/b", "loop/c"], rounds=20, threshold=10)
    except KeyboardInterrupt:
        print("interrupted", held(Home.of(os.environ).find("last").journal), flush=True)

loop = asyncio.new_event_loop()
loop.run_until_complete(cell())
input()
"""


def test_an_interrupted_notebook_cell_stops_the_run_and_unlocks_it(tmp_path: Path) -> None:
    def slow(_: object) -> Reply:
        return Reply("391", delay=0.05)

    with LoopbackModels(slow) as server:
        (tmp_path / "config.toml").write_text(
            f'[providers.loop]\nbase_url = "{server.url}/v1"\nbilling = "free"\n', "utf-8"
        )
        environ = {**os.environ, "FOLKMOOT_HOME": str(tmp_path)}
        notebook = subprocess.Popen(
            [sys.executable, "-c", CELL], env=environ, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        assert notebook.stdin and notebook.stdout
        with notebook:
            assert server.wait(lambda s: len(s.asked) >= 4, timeout=60)
            notebook.send_signal(signal.SIGINT)
            assert notebook.stdout.readline() == "interrupted False\n"
            then = len(server.asked)
            assert not server.wait(lambda s: len(s.asked) > then, timeout=1.0)
            figures.note("interrupts", f"an interrupted cell: {then} requests, and none after it")
            notebook.stdin.write("\n")
            notebook.stdin.close()
            assert notebook.wait(20) == 0


def test_a_program_that_floods_us_does_not_delay_an_interrupt(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[providers.flood]\ncommand = ["yes"]\n', "utf-8")
    environ = {**os.environ, "FOLKMOOT_HOME": str(tmp_path)}
    program = str(Path(sys.executable).with_name("folkmoot"))
    words = [program, "fanout", "?", "-m", "flood/a,flood/b", "-q", "--retries", "0"]
    with subprocess.Popen(words, env=environ, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as running:
        wait_until(lambda: len(programs(running.pid, "yes")) == 2)
        began = time.monotonic()
        running.send_signal(signal.SIGINT)
        _, told = running.communicate(timeout=30)
        took = time.monotonic() - began
    assert running.returncode == 130 and "folkmoot resume" in told
    figures.note("interrupts", f"Ctrl-C under two floods took {took:.1f} s")
    assert took < 4.0


def programs(parent: int, name: str) -> list[int]:
    """The running programs called `name` that `parent` has started."""
    ps = subprocess.run(["ps", "-eo", "pid=,ppid=,comm="], capture_output=True, text=True, check=True)
    rows = (line.split() for line in ps.stdout.splitlines())
    return [int(row[0]) for row in rows if len(row) == 3 and row[1] == str(parent) and row[2] == name]


def wait_until(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not come to it in time"
        time.sleep(0.02)


WANDERING = """
import os, subprocess, sys, time
grandchild = subprocess.Popen(["sleep", "600"], start_new_session=True)
with open(sys.argv[1], "a") as file:
    print(grandchild.pid, file=file)
print("391", flush=True)
sys.stdout.close()
time.sleep(600)
"""


def wandering(home: Path, seats: int = 1) -> tuple[list[str], dict[str, str], Path]:
    """A command line whose seats each leave a grandchild in a session of its own, and the file with their numbers."""
    left = home / "left"
    script = home / "wandering.py"
    script.write_text(WANDERING, "utf-8")
    command = json.dumps([sys.executable, str(script), str(left)])
    (home / "config.toml").write_text(f"[providers.mine]\ncommand = {command}\n", "utf-8")
    program = str(Path(sys.executable).with_name("folkmoot"))
    return [program, "fanout", "?", "-m", f"mine/a*{seats}", "-q"], {**os.environ, "FOLKMOOT_HOME": str(home)}, left


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").split()[2] != "Z"
    except OSError:
        return False


def numbers(path: Path) -> list[int]:
    return [int(line) for line in path.read_text("utf-8").split()] if path.exists() else []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows the environment of a process")
@pytest.mark.parametrize(
    "signals",
    [[signal.SIGINT], [signal.SIGTERM], [signal.SIGINT, signal.SIGINT], [signal.SIGKILL]],
    ids=["Ctrl-C", "SIGTERM", "Ctrl-C twice", "kill -9"],
)
def test_grandchildren_in_a_session_of_their_own_end_with_the_run(
    signals: list[signal.Signals], tmp_path: Path
) -> None:
    words, environ, left = wandering(tmp_path, 2)
    with subprocess.Popen(words, env=environ, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as running:
        wait_until(lambda: len(numbers(left)) == 2)
        found = [*numbers(left), *programs(running.pid, Path(sys.executable).resolve().name)]
        assert all(lives(each) for each in numbers(left))
        for number in signals:
            running.send_signal(number)
            time.sleep(0.05)
        _, told = running.communicate(timeout=30)
    wait_until(lambda: not any(lives(each) for each in found), seconds=5.0)
    if signal.SIGKILL not in signals:
        assert "folkmoot resume" in told
    figures.note("processes left", f"{'+'.join(each.name for each in signals)} 0 of {len(found)}")
