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
