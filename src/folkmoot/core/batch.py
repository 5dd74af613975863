"""Calls made together, whose replies are handed out in the order in which the record has them."""

import asyncio
import heapq
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Generic, TypeVar

from folkmoot import events
from folkmoot.core.attendance import Attendance
from folkmoot.core.calling import Call, Caller, Place
from folkmoot.errors import PERMANENT, CallFailed, Stopped
from folkmoot.types import PhaseCensus

K = TypeVar("K", bound=str | tuple[str, ...])
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Stage:
    """Where in a run calls are made: the protocol inside the protocol, and the round."""

    scope: str  # e.g. "converge/"; empty for the run's own protocol
    round: int
    asked: dict[str, dict[tuple[str, ...], str]] = field(default_factory=dict)  # phase -> key -> step, as calls begin

    def place(self, phase: str, key: str | tuple[str, ...]) -> Place:
        parts = (key,) if isinstance(key, str) else key
        return Place(f"{self.scope}r{self.round}/{phase}/{'>'.join(parts)}", phase, self.round, parts)


@dataclass(frozen=True, slots=True)
class Done(Generic[K]):
    """A reply that a batch hands out."""

    phase: str
    key: K
    value: object


@dataclass
class _Phase:
    began: float
    asked: list[str] = field(default_factory=list)
    answered: set[str] = field(default_factory=set)
    replies: int = 0
    abstained: int = 0  # replies that could not be read
    lost: int = 0  # calls without a reply
    failed: dict[str, CallFailed] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Settled(Generic[K]):
    """A call that has a reply or has failed, and was not handed out yet."""

    place: Place
    key: K
    seat: str
    value: object
    failure: CallFailed | None = None


class Batch(AsyncIterator[Done[K]]):
    """Calls of one or more phases. It hands replies out in the order in which the record has them.

    So a decision taken before all replies are in is taken at the same place on every replay. For the same reason
    failed calls, which are not handed out but stand in `failed`, are reported in that order too, and nobody is asked
    before everything that the record holds was handed out: the decision may come before.
    """

    def __init__(self, caller: Caller, attendance: Attendance, stage: Stage, patience: float | None = None) -> None:
        self.failed: dict[tuple[str, K], CallFailed] = {}
        self.open = 0  # calls that have neither been handed out nor been reported as failed
        self._caller, self._attendance, self._stage = caller, attendance, stage
        self._patience = patience  # seconds without an ended call after which the open calls are given up
        self._phases: dict[str, _Phase] = {}
        self._tasks: dict[asyncio.Task[None], str] = {}  # open call -> its step, in the order they were added
        self._unsettled: dict[str, int] = {}  # step -> the least order in the record that its reply can have
        self._ready: list[tuple[int, int, _Settled[K]]] = []  # a heap by order in the record
        self._added = 0
        self._wake = asyncio.Event()
        self._used_up = asyncio.Event()  # whether all that the record holds was handed out
        self._used_up.set()
        self._stopped: Stopped | None = None

    def add(self, phase: str, key: K, call: Call[R]) -> None:
        """Start a call. Its step is named here and now, so that arrival order cannot matter to names."""
        if phase not in self._phases:
            self._phases[phase] = _Phase(time.monotonic())
            self._caller.emit(events.PhaseStarted(self._stage.round, phase, self._stage.scope))
        self._phases[phase].asked.append(call.seat)
        self._added += 1
        self.open += 1
        place = self._stage.place(phase, key)
        self._stage.asked.setdefault(phase, {})[place.key] = place.step
        if self._caller.recorded(place.step) is not None:
            self._used_up.clear()
        task = asyncio.get_running_loop().create_task(self._reply(self._added, place, key, call))
        self._tasks[task] = place.step
        self._unsettled[place.step] = 0
        task.add_done_callback(self._ended)

    async def __aenter__(self) -> "Batch[K]":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        left = list(self._tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        for phase, kept in self._phases.items():
            leaving = self._attendance.end_phase(kept.asked, kept.answered, kept.failed) if kind is None else {}
            for seat, failure in leaving.items():
                self._caller.emit(events.SeatDropped(seat, str(failure), self._stage.round))
            self._caller.count.census.append(self._census(phase, kept, len(leaving)))
            if kind is None:
                seconds = time.monotonic() - kept.began
                self._caller.emit(events.PhaseFinished(self._stage.round, phase, seconds, self._stage.scope))

    def _census(self, phase: str, kept: _Phase, dropped: int) -> PhaseCensus:
        return PhaseCensus(
            phase=f"{self._stage.scope}{phase}", round=self._stage.round, invited=len(kept.asked),
            answered=kept.replies, abstained=kept.abstained, failed=kept.lost,
            late=len(kept.asked) - kept.replies - kept.abstained - kept.lost, dropped=dropped,
        )  # fmt: skip

    async def __anext__(self) -> Done[K]:
        while True:
            self._wake.clear()
            while self._ready and not self._recorded_before(self._ready[0][0]):
                settled = heapq.heappop(self._ready)[2]
                self._report(settled)
                if settled.failure is None:
                    return Done(settled.place.phase, settled.key, settled.value)
            for task in [each for each in self._tasks if each.done()]:
                del self._tasks[task]
                task.result()  # raises what went wrong other than a failed call
            if not self._tasks:
                if self._stopped is not None:
                    raise self._stopped
                raise StopAsyncIteration
            if not self._ready and not self._recorded_before(sys.maxsize):
                self._used_up.set()
            await self._news()

    async def _news(self) -> None:
        """Wait until a call has ended. Open calls that outlast the patience are given up.

        They stand in the record as refused, so that a replay stops here as well.
        """
        if not await self._woken():
            assert self._patience is not None
            self._stopped = self._stopped or Stopped("stalled", f"no call ended for {self._patience:g} s")
            given_up, self._tasks = self._tasks, {}
            for task in given_up:
                task.cancel()
            await asyncio.gather(*given_up, return_exceptions=True)
            journal = self._caller.journal
            for task, step in given_up.items():
                if task.cancelled():
                    step += "+repair" if step in journal.entries else ""
                    journal.append("refused", step=step, reason="stalled", message=str(self._stopped))

    async def _woken(self) -> bool:
        """Wait until something happens; False once a call has run out of patience.

        Only time counts in which the call is tried: not what it waits for a slot, for money or for a rate limit.
        """
        before = {step: clock.spent for step, clock in self._caller.clocks.items()}
        left = self._patience
        while True:
            try:
                async with asyncio.timeout(left):
                    return await self._wake.wait()
            except TimeoutError:
                clocks = self._caller.clocks
                tried = [clocks[step].spent - before.get(step, 0.0) for step in self._unsettled if step in clocks]
                assert self._patience is not None
                left = self._patience - max(tried, default=0.0)
                if left <= 0.001:
                    return False

    def _recorded_before(self, order: int) -> bool:
        """Whether another call stands in the record before `order`, and is about to be ready."""
        known = ((self._caller.recorded(step), least) for step, least in self._unsettled.items())
        return any(recorded is not None and least <= recorded < order for recorded, least in known)

    def _report(self, settled: _Settled[K]) -> None:
        phase, failure = self._phases[settled.place.phase], settled.failure
        self.open -= 1
        self._caller.tally(settled.place, settled.seat, failure)
        if failure is None:
            phase.replies += 1
            phase.answered.add(settled.seat)
            return
        phase.abstained += failure.kind == "unparseable"
        phase.lost += failure.kind != "unparseable"
        self.failed[settled.place.phase, settled.key] = failure
        before = phase.failed.get(settled.seat)
        if before is None or before.kind not in PERMANENT:
            phase.failed[settled.seat] = failure

    async def _reply(self, added: int, place: Place, key: K, call: Call[R]) -> None:
        caller = self._caller

        async def before_asking() -> None:
            self._unsettled[place.step] = sys.maxsize  # what the record has of it is not its reply
            self._wake.set()
            await self._used_up.wait()
            self._unsettled[place.step] = caller.journal.lines

        value: R | None = None
        failure: CallFailed | None = None
        try:
            value = await caller.reply(place, call, before_asking)
        except CallFailed as failed:
            failure = failed
        except Stopped as stop:
            self._stopped = self._stopped or stop
            return
        finally:
            del self._unsettled[place.step]
        order = caller.recorded(place.step)
        assert order is not None
        heapq.heappush(self._ready, (order, added, _Settled(place, key, call.seat, value, failure)))

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is None:
            self._tasks.pop(task, None)
        self._wake.set()
