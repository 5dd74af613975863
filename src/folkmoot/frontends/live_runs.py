"""The runs that a long-lived frontend works on: each is a task of its own, whoever waits for it.

The server and the MCP server each have a `LiveRun` of their own kind, which listens to its run.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from folkmoot import events
from folkmoot.errors import InputError
from folkmoot.types import Result

Start = Callable[[Sequence[events.Listener]], Awaitable[Result]]
"""Begins a run, or goes on with one, with these listeners."""


class LiveRun:
    """One run that was begun here, and a listener of its events."""

    def __init__(self) -> None:
        self.id = ""  # empty until the run has begun
        self.task: asyncio.Task[Result]

    def __call__(self, event: events.Event) -> None:
        if isinstance(event, events.RunStarted):
            self.id = event.run_id

    def close(self) -> None:
        """Called once, when the task has ended."""

    @property
    def ended(self) -> bool:
        return self.task.done()

    def cancel(self) -> None:
        self.task.cancel()

    async def settled(self) -> None:
        """Wait until the run has ended, whatever ended it."""
        await asyncio.wait({self.task})


R = TypeVar("R", bound=LiveRun)


class LiveRuns(Generic[R]):
    """Every run that is going on here, and the `kept` that ended last."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._runs: dict[str, R] = {}  # by id, in the order in which they were begun
        self._working: set[R] = set()

    @property
    def working(self) -> int:
        return len(self._working)

    async def begin(self, run: R, start: Start, listeners: Sequence[events.Listener] = ()) -> R:
        """Start `run` and wait until it has an id. Re-raises the start-up error; then no model was asked."""
        begun = asyncio.Event()

        def notice(event: events.Event) -> None:
            if isinstance(event, events.RunStarted):
                begun.set()

        async def work() -> Result:
            return await start([run, *listeners, notice])

        run.task = asyncio.create_task(work())
        self._working.add(run)
        run.task.add_done_callback(lambda _: self._end(run))
        starting = asyncio.create_task(begun.wait())
        try:
            await asyncio.wait({run.task, starting}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            run.cancel()
            raise
        finally:
            starting.cancel()
        if not run.id:
            if run.task.cancelled():
                raise InputError("the run was cancelled before it began")
            run.task.result()
        self._runs.pop(run.id, None)
        self._runs[run.id] = run
        return run

    def _end(self, run: R) -> None:
        self._working.discard(run)
        run.close()
        ended = [id for id, each in self._runs.items() if each.ended]
        for id in ended[: max(0, len(ended) - self._kept)]:
            del self._runs[id]

    def find(self, id: str) -> R | None:
        return self._runs.get(id)

    def forget(self, id: str) -> None:
        self._runs.pop(id, None)

    async def close(self) -> None:
        """Cancel every run that is going on and wait for its end; each can be resumed."""
        working = list(self._working)
        for run in working:
            run.cancel()
        for run in working:
            await run.settled()
