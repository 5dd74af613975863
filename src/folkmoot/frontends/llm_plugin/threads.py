"""Run an asynchronous iterator in a thread, for synchronous code."""

import asyncio
import contextvars
import queue
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


def in_a_thread(open: Callable[[], AsyncIterator[T]]) -> Iterator[T]:
    """Yield what `open()` yields, from a thread with a loop of its own: the caller may be inside a running loop.

    Closing the iterator, or an interruption while waiting for it, ends the work before it returns.
    """
    worker = _Worker(open)
    context = contextvars.copy_context()
    thread = threading.Thread(target=lambda: context.run(worker.run), name="folkmoot")
    thread.start()
    try:
        while (found := worker.heard.get()) is not None:
            yield found[0]
    finally:
        worker.stop()
        thread.join()
    if worker.failed is not None:
        raise worker.failed


class _Worker:
    def __init__(self, open: Callable[[], AsyncIterator[Any]]) -> None:
        self.heard: queue.SimpleQueue[tuple[Any] | None] = queue.SimpleQueue()  # None: there is no more
        self.failed: BaseException | None = None
        self._open = open
        self._stopping = threading.Event()
        self._stop: Callable[[], object] | None = None

    def run(self) -> None:
        try:
            asyncio.run(self._work())
        except asyncio.CancelledError:
            pass  # the caller has stopped waiting
        except BaseException as error:  # carried over to the thread that waits
            self.failed = error
        finally:
            self.heard.put(None)

    def stop(self) -> None:
        self._stopping.set()
        if self._stop is not None:
            self._stop()

    async def _work(self) -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def stop() -> None:
            with suppress(RuntimeError):  # the loop is closed: the work is over
                loop.call_soon_threadsafe(task.cancel)

        self._stop = stop
        if self._stopping.is_set():
            return
        items: Any = self._open()
        try:
            async for item in items:
                self.heard.put((item,))
        finally:
            await items.aclose()
