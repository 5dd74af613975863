"""Memory of a run that waits for its seats: the slope of resident memory from few to 1,000 runs of 5 seats.

Every run has its folder and its open, locked journal, and five calls in flight to a provider that never answers.
"""

import asyncio
import gc
import os
import resource
from pathlib import Path

from benchmarks.measuring import asking, durable, show, temporary_home
from folkmoot.providers.base import BaseProvider
from folkmoot.record.store import Home
from folkmoot.types import Billing, Completion, OnText, Request

STEPS = (1, 100, 250, 500, 750, 1000)
SEATS = 5


class Silent(BaseProvider):
    """Never answers. Knows how many characters it is asked."""

    billing: Billing = "free"
    streams = False

    def __init__(self) -> None:
        self.asked = 0
        self.letters = 0
        self.changed = asyncio.Event()

    async def complete(self, request: Request, on_text: OnText) -> Completion:
        self.asked += 1
        self.letters += sum(len(part) for message in request.messages for part in message.parts)
        self.changed.set()
        await asyncio.Event().wait()
        raise AssertionError("unreachable")


def resident() -> int:
    """Bytes of this process in memory."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


async def kilobytes_per_run(home: Home) -> float:
    silent = Silent()
    # Runs of a server ask different things: one spec each.
    runs: list[asyncio.Task[object]] = []
    points: list[tuple[int, float]] = []
    for wanted in STEPS:
        while len(runs) < wanted:
            spec = asking("converge", SEATS).model_copy(update={"prompt": f"What is {len(runs)} * 17?"})
            runs.append(asyncio.ensure_future(durable(spec, home, {"idle": silent})))
            await asyncio.sleep(0)
        while silent.asked < wanted * SEATS:
            silent.changed.clear()
            await silent.changed.wait()
        await asyncio.sleep(0.05)  # what was only needed to start is let go
        points.append((wanted, resident() - silent.letters))
    for task in runs:
        task.cancel()
    await asyncio.gather(*runs, return_exceptions=True)
    return slope(points[1:]) / 1000  # the first run also pays for imports and caches


def slope(points: list[tuple[int, float]]) -> float:
    """Of the straight line with the least squares."""
    middle = sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points)
    across = sum((x - middle[0]) ** 2 for x, _ in points)
    return sum((x - middle[0]) * (y - middle[1]) for x, y in points) / across


def main() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 4096) if most > 0 else 4096, most))  # one journal per run
    with temporary_home() as home:
        measured = asyncio.run(kilobytes_per_run(home))
    show("memory per waiting run, without its texts", "<= 100 KB", [measured], " KB", digits=1)


if __name__ == "__main__":
    main()
