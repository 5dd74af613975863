"""What is interrupted stops: a notebook's cell, a flooding program, and everything that was started for a run."""

import os
import signal
import subprocess
import sys
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
