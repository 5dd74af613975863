"""What is interrupted stops: a notebook's cell, a flooding program, and everything that was started for a run."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.loopback import LoopbackModels, Reply
from tests.trust import figures

CELL = """
import asyncio, folkmoot
from folkmoot.core.journal import held
from folkmoot.record.store import Home
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
