"""How long a call may take, and how many may run at once."""

import asyncio
import time
from collections.abc import Iterable
from contextlib import AsyncExitStack


async def take(semaphores: Iterable[asyncio.Semaphore]) -> AsyncExitStack:
    """Take one slot of each semaphore, in the order given. Closing the stack gives them back."""
    async with AsyncExitStack() as taken:
        for each in semaphores:
            await taken.enter_async_context(each)
        return taken.pop_all()


class Turns:
    """Lets the event loop come round between pieces of work that many calls do at the same time.

    All calls of a phase begin together, and may all get their replies together. Each builds a long request or reads a
    long reply: without a pause in between, nothing else would run until the last one is done.
    """

    HELD = 0.02  # seconds that such work may hold the loop

    def __init__(self) -> None:
        self._lock = asyncio.Lock()  # one after the other, in the order in which they came
        self._began = 0.0

    async def take(self) -> None:
        """Wait for a turn of the loop where too much of the present one is used up."""
        async with self._lock:
            if time.monotonic() - self._began > self.HELD:
                await asyncio.sleep(0)
                self._began = time.monotonic()


class Clock:
    """The wall clock of one step.

    It runs during attempts and back-offs, not while a slot, money or a gate is waited for.
    """

    def __init__(self, limit: float) -> None:
        self.limit = limit  # seconds
        self._before = 0.0
        self._since: float | None = None

    @property
    def spent(self) -> float:
        return self._before + (time.monotonic() - self._since if self._since is not None else 0.0)

    @property
    def left(self) -> float:
        return max(self.limit - self.spent, 0.0)

    def __enter__(self) -> None:
        self._since = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._before, self._since = self.spent, None
