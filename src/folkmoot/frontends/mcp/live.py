"""The runs this server works on: each is a task of its own, whoever waits for it.

A tool that answers at once follows such a run to its end; folkmoot_start leaves it alone and folkmoot_poll looks in.
A run nobody waits for any more, because its client gave up, is cancelled; what it has stays on record.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from typing import Self

from folkmoot import events
from folkmoot.frontends.live_runs import LiveRun, LiveRuns
from folkmoot.frontends.mcp.people import ClientPeople
from folkmoot.frontends.mcp.results import State
from folkmoot.render.wording import counted, duration, one_line
from folkmoot.running.runs import Machine
from folkmoot.types import Result

MOST_KEPT = 100  # runs that have ended, for folkmoot_poll; all others are read from disk
MOST_LINES = 1000  # of one run
FEW_SEATS = 8  # that are named in one line

PATIENCE = 60.0  # seconds after a person's deadline for which a run goes on unwatched: that person may still be typing


StartOn = Callable[[Machine, Sequence[events.Listener]], Awaitable[Result]]
"""Begins a run, or goes on with one, on this machine."""


class FollowedRun(LiveRun):
    """A run with its progress in lines and the questions it has for people."""

    def __init__(self, *, able: bool, most_calls: int | None = None, detached: bool = False) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.calls = 0  # that have ended
        self.most_calls = most_calls  # where that is known
        self.people = ClientPeople(able, self._ring)
        self.detached = detached  # goes on whether or not anybody waits
        self._followers = 0
        self._giving_up: asyncio.TimerHandle | None = None
        self.patience = PATIENCE
        self.rings = 0  # number of events so far
        self._news = asyncio.Event()
        self._ids: dict[str, str] = {}
        self._waiting: dict[str, str] = {}  # step -> seat, of calls that run

    def close(self) -> None:
        self._ring()

    @property
    def state(self) -> State:
        if not self.ended:
            return "running"
        return "cancelled" if self.task.cancelled() else "ended"

    def result(self) -> Result | None:
        """The result; None while the run goes on and when it was cancelled. Re-raises any other error that ended it."""
        return None if not self.ended or self.task.cancelled() else self.task.result()

    async def news(self, rings: int, seconds: float) -> None:
        """Wait until it has rung more often than that or has ended, at most so many seconds."""
        if not self.ended and self.rings == rings:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(seconds, 0.0)):
                    await self._news.wait()

    @contextlib.contextmanager
    def followed(self) -> Iterator[None]:
        """Count a waiting client. When the last one gives up before the end, the run is cancelled."""
        self._followers += 1
        if self._giving_up is not None:
            self._giving_up.cancel()
        try:
            yield
        except asyncio.CancelledError:
            if self._followers == 1 and not self.detached:
                self.cancel()
            raise
        finally:
            self._followers -= 1

    def expect_back(self, seconds: float) -> None:
        """Cancel the run if the client does not return with answers within `seconds` and the patience."""

        def give_up() -> None:
            if not self._followers:
                self.cancel()

        if not self.detached:
            self._giving_up = asyncio.get_running_loop().call_later(seconds + self.patience, give_up)

    def __call__(self, event: events.Event) -> None:
        """Make a line of every event but pieces of text."""
        super().__call__(event)
        match event:
            case events.RunStarted():
                self._ids = {seat.name: seat.id or seat.model for seat in event.seats}
                self._note(f"run {event.run_id}: {event.protocol} with {_few(list(self._ids.values()))}")
            case events.RoundStarted():
                self._note(f"{event.scope}round {event.round}")
            case events.PhaseStarted():
                self._note(f"{event.scope}{event.phase}")
            case events.CallStarted():
                self._waiting[event.step] = self._name(event.seat)
            case events.CallFinished():
                self._count(event.step)
                self._note(f"{self._name(event.seat)}: {one_line(event.brief, 120)}")
            case events.CallFailed():
                self._count(event.step)
                self._note(f"{self._name(event.seat)} failed ({event.kind}): {one_line(event.message, 160)}")
            case events.SeatDropped():
                self._note(f"{self._name(event.seat)} left the run: {one_line(event.reason, 160)}")
            case events.Notice():
                self._note(one_line(event.message))
            case _:
                pass

    def waiting(self, seconds: float) -> str:
        """Return a progress line: which seats have not answered, and for how long."""
        seats = list(dict.fromkeys(self._waiting.values()))
        whom = f"waiting for {_few(seats)}" if seats else "still at work"
        return f"{whom}, {duration(seconds)} ({counted(self.calls, 'call')} so far)"

    def _name(self, seat: str) -> str:
        return one_line(self._ids.get(seat, seat), 60)

    def _count(self, step: str) -> None:
        self._waiting.pop(step, None)
        self.calls += 1

    def _note(self, line: str) -> None:
        if len(self.lines) < MOST_LINES:
            self.lines.append(line)
        self._ring()

    def _ring(self) -> None:
        self.rings += 1
        self._news.set()
        self._news = asyncio.Event()


class FollowedRuns(LiveRuns[FollowedRun]):
    """The runs of an MCP server. Leaving the block cancels those that are going on."""

    def __init__(self, machine: Machine, patience: float = PATIENCE) -> None:
        super().__init__(MOST_KEPT)
        self.machine, self.patience = machine, patience

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.machine.shutdown.hurry = True
        await self.close()

    async def start(self, run: FollowedRun, start: StartOn) -> FollowedRun:
        """Like `begin`, on a machine whose people are those of the run's client."""
        run.patience = self.patience
        machine = replace(self.machine, people=run.people)
        return await self.begin(run, lambda listeners: start(machine, listeners))


def _few(names: Sequence[str]) -> str:
    """
    >>> _few(["a", "b"]), _few([str(n) for n in range(10)])
    ('a, b', '0, 1, 2, 3, 4, 5, 6, 7 and 2 more')
    """
    more = f" and {len(names) - FEW_SEATS} more" if len(names) > FEW_SEATS else ""
    return ", ".join(names[:FEW_SEATS]) + more
