"""From the start of a process that resumes a run of 1,000 finished calls, 3 KB each, to its first new request.

Two runs: converge of 10 seats over 10 rounds, whose later prompts hold much of the conversation; and 1,000 plain
questions. The process is `python -c` with the library; the start of the interpreter, measured here too, is taken off.
"""

import asyncio
import subprocess
import sys
import time

from benchmarks.measuring import Idle, asking, durable, environment, interpreter_seconds, show, temporary_home
from folkmoot.core.calling import Call
from folkmoot.core.run import Run
from folkmoot.formats import TEXT
from folkmoot.protocols import Options, protocol
from folkmoot.record.store import Home, RunSpec
from folkmoot.types import Outcome

SIZE = 3000  # characters of each reply
TIMES = 7


class Rounds(Options):
    rounds: int = 100


@protocol("bench-plain", Rounds, max_calls=lambda options, seats: options.rounds * seats)
async def plain(run: Run, options: Rounds) -> Outcome:
    """Ask every seat the same thing, round after round"""
    async for round in run.rounds(options.rounds):
        calls = {seat: Call(seat, (run.prompt, f"Once more, for the {round}th time."), TEXT) for seat in run.seats}
        await run.call_all("propose", calls, need=1)
        run.offer(Outcome(status="asked", met=True, round=round))
    return run.offered


RESUME = """
import asyncio, os, time
from dataclasses import replace
from pathlib import Path
from folkmoot.execute import checked, execute
from folkmoot.providers.base import BaseProvider
from folkmoot.record.store import RunFolder
{more}

class First(BaseProvider):
    billing = "free"
    async def complete(self, request, on_text):
        assert request.about.round == {rounds} + 1, request.about.step
        print(time.monotonic(), flush=True)
        os._exit(0)

folder = RunFolder(Path({path!r}))
asyncio.run(
    execute(
        replace(checked(folder.spec()), amend={{"options": {{"rounds": {rounds} + 1}}}}),
        {{"idle": First()}},
        folder=folder,
    )
)
"""


def milliseconds(spec: RunSpec, home: Home, more: str = "") -> list[float]:
    """Of `TIMES` fresh processes that each go on with the run, from their start to the first new request."""
    result = asyncio.run(durable(spec, home, {"idle": Idle(SIZE)}))
    assert result.total_calls == 1000 and result.folder is not None
    code = RESUME.format(path=result.folder, rounds=spec.options["rounds"], more=more)
    found = []
    for _ in range(TIMES):
        began = time.monotonic()
        done = subprocess.run([sys.executable, "-c", code], env=environment(home), capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(done.stderr)
        found.append((float(done.stdout) - began) * 1000)
    return found


def main() -> None:
    start = interpreter_seconds() * 1000
    libraries = "import folkmoot.execute, folkmoot.record.store, folkmoot.protocols.converge"
    with temporary_home() as home:
        imports = []
        for _ in range(TIMES):
            began = time.monotonic()
            subprocess.run([sys.executable, "-c", libraries], env=environment(home), check=True)
            imports.append((time.monotonic() - began) * 1000 - start)
        repository = f"import sys; sys.path.insert(0, {sys.path[0]!r}); import benchmarks.resume"
        asked = milliseconds(asking("bench-plain", 10), home, repository)
        converged = milliseconds(asking("converge", 10, rounds=10, threshold=10), home)
    show("resume, 1,000 plain calls", "<= 250 ms", [each - start for each in asked], " ms", digits=0)
    show("resume, converge 10 x 10", "<= 250 ms", [each - start for each in converged], " ms", digits=0)
    show("(of that, imports)", "", imports, " ms", digits=0)
    show("(taken off: starting Python)", "", [start], " ms", digits=0)


if __name__ == "__main__":
    main()
