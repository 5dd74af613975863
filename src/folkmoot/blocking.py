"""The one place where asynchronous work is waited for by code that is not asynchronous."""

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


def wait_for(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` to its end and return what it returns.

    Inside a running loop, such as a notebook's, it runs in a thread of its own and the caller waits. An exception that
    ends the waiting, such as the KeyboardInterrupt of an interrupted cell, cancels the work, which has ended when the
    exception is raised: nothing goes on unseen.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    working = _Working(work)
    working.start()
    try:
        working.ended.wait()  # not join(): an interrupt there makes Python take a running thread for ended
    except BaseException:
        working.cancel()
        raise
    if working.failed is not None:
        raise working.failed
    found: T = working.found[0]
    return found


class _Working(threading.Thread):
    """A thread with an event loop of its own, in which `work` runs."""

    def __init__(self, work: Coroutine[Any, Any, T]) -> None:
        super().__init__(name="folkmoot")
        self._work = work
        self._begun = threading.Event()
        self.ended = threading.Event()
        self.found: list[Any] = []
        self.failed: BaseException | None = None

    def run(self) -> None:
        async def main() -> None:
            self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
            self._begun.set()
            self.found.append(await self._work)

        try:
            asyncio.run(main())
        except BaseException as error:  # carried over to the thread that waits
            self.failed = error
        finally:
            self.ended.set()

    def cancel(self) -> None:
        """Cancel the work and wait until it has ended. Another interrupt ends the waiting, not the cancellation."""
        self._begun.wait()
        if self._task is not None:
            with suppress(RuntimeError):  # the loop is closed: the work has ended by itself
                self._loop.call_soon_threadsafe(self._task.cancel)
        self.ended.wait()
