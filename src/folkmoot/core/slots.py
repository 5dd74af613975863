"""How long a call may take, and how many may run at once."""

import asyncio
import time
from contextlib import AsyncExitStack


class Slots(AsyncExitStack):
    """All the slots that one attempt needs, taken in the order given."""

    def __init__(self, semaphores: list[asyncio.Semaphore]) -> None:
        super().__init__()
        self._semaphores = semaphores

    async def __aenter__(self) -> "Slots":
        for each in self._semaphores:
            await self.enter_async_context(each)
        return self


class Clock:
    """The wall clock of one step: it runs while an attempt or a back-off does, not while a slot is waited for."""

    def __init__(self, seconds: float) -> None:
        self.spent = 0.0
        self._limit = seconds
        self._since = 0.0

    @property
    def left(self) -> float:
        return max(self._limit - self.spent, 0.0)

    def __enter__(self) -> None:
        self._since = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self.spent += time.monotonic() - self._since
