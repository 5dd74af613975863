"""Durable runs per second of one process: a folder, run.json, a synced journal and result.json for each.

5 seats, the provider does nothing, 64 runs at once.
"""

import asyncio
import os
import time
from collections import Counter

from benchmarks.measuring import Idle, asking, durable, show, temporary_home
from folkmoot.core.calling import Call
from folkmoot.core.run import Run
from folkmoot.formats import TEXT
from folkmoot.protocols import Options, protocol
from folkmoot.record.store import RunSpec
from folkmoot.types import Candidate, Outcome

AT_ONCE = 64


@protocol("bench-plurality", Options, max_calls=lambda _, seats: seats)
async def plurality(run: Run, _options: Options) -> Outcome:
    """Ask every seat once; the answer that most of them give wins"""
    async for round in run.rounds(1):
        answers = await run.call_all("propose", {seat: Call(seat, (run.prompt,), TEXT) for seat in run.seats}, need=1)
        (answer, _), *_ = Counter(answers.values()).most_common(1)
        winner = next(seat for seat in answers if answers[seat] == answer)
        run.offer(
            Outcome(
                status="decided", met=True, winner=winner, answer=answer, round=round, leader=winner,
                answers=tuple(Candidate(seat=seat, answer=answers[seat]) for seat in answers),
            )
        )  # fmt: skip
    return run.offered


def bare_rate(runs: int) -> float:
    """What this disk allows one thread: a folder and three synced files for each run, and nothing else."""
    with temporary_home() as home:
        began = time.perf_counter()
        for number in range(runs):
            folder = home.path / str(number)
            folder.mkdir()
            for name in ("run.json", "journal.jsonl", "result.json"):
                with (folder / name).open("wb", buffering=0) as file:
                    file.write(b"x" * 2000)
                    os.fsync(file.fileno())
        return runs / (time.perf_counter() - began)


async def rate(spec: RunSpec, runs: int) -> float:
    """Runs per second over `runs` runs."""
    slots = asyncio.Semaphore(AT_ONCE)
    providers = {"idle": Idle()}
    with temporary_home() as home:

        async def one() -> None:
            async with slots:
                result = await durable(spec, home, providers)
                assert result.outcome.met

        began = time.perf_counter()
        await asyncio.gather(*(one() for _ in range(runs)))
        return runs / (time.perf_counter() - began)


def main() -> None:
    one_round = asking("converge", 5, rounds=1, stability_rounds=1)
    asyncio.run(rate(one_round, 50))  # imports and caches
    asked = [asyncio.run(rate(asking("bench-plurality", 5), 400)) for _ in range(5)]
    show("runs per second: ask 5 seats, plurality (5 calls)", ">= 300", asked, "/s", digits=0)
    converged = [asyncio.run(rate(one_round, 200)) for _ in range(5)]
    show("runs per second: converge, one round (25 calls)", ">= 300", converged, "/s", digits=0)
    show("(three synced files and no run, one after the other)", "", [bare_rate(400) for _ in range(5)], "/s", digits=0)


if __name__ == "__main__":
    main()
