"""The engine: all that a protocol may touch.

A protocol asks seats through a Run and returns an outcome. Slots, timeouts, retries, repair, budget, dropping, the
record and the events are here and in calling.py, in one place; none of them shows in a protocol.
"""

import asyncio
import heapq
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Generic, TypeVar, cast

from folkmoot import events, labels
from folkmoot.calling import Call, Caller, Place
from folkmoot.errors import PERMANENT, CallFailed, Stopped, TooFewSeats
from folkmoot.journal import Journal
from folkmoot.types import Outcome

K = TypeVar("K", bound=str | tuple[str, ...])
R = TypeVar("R")

Gate = Callable[[int], Awaitable[bool]]
"""Waited for before each round begins; False ends the rounds. Lets a caller step through a run."""

UNANSWERED_PHASES = 2  # so many in a row without a reply, and a seat leaves the run


@dataclass
class Attendance:
    """Which seats still take part. Shared by a run and its scopes."""

    seats: list[str]
    keeps_all: bool = False  # whether a seat is asked again whatever happened to it
    dropped: dict[str, str] = field(default_factory=dict)  # seat -> why
    silent: Counter[str] = field(default_factory=Counter)  # phases in a row without a reply
    left_out: tuple[str, ...] = ()  # labels of seats that the record has, but that a replay does without


class Run:
    """One execution of a protocol, and the only way a protocol can reach a seat."""

    def __init__(
        self,
        prompt: str,
        caller: Caller,
        attendance: Attendance,
        seed: int,
        *,
        labels: Mapping[str, str],
        gate: Gate | None = None,
        scope: str = "",
        outer: Callable[[Outcome], None] | None = None,
    ) -> None:
        self.prompt = prompt
        self.labels = labels  # seat -> "Answer C", the same for every reader
        self.offered = Outcome(status="nothing_offered", met=False)
        self.round = 0
        self.patience: float | None = None  # seconds without an answered or failed call, after which the run stops
        self._caller, self._attendance, self._seed = caller, attendance, seed
        self._gate, self._scope, self._outer = gate, scope, outer

    @property
    def seats(self) -> tuple[str, ...]:
        """The seats still taking part, without those an override leaves out of this round."""
        away = {*self._attendance.dropped, *self._overrides("drop_seats")}
        return tuple(seat for seat in self._attendance.seats if seat not in away)

    def seats_for(self, duty: str) -> tuple[str, ...]:
        """The seats that are not of the panel but do something for it, e.g. arbiter or chair, in the order given.

        Those that left the run are not among them.
        """
        gone = self._attendance.dropped
        return tuple(name for name, seat in self._caller.seats.items() if seat.duty == duty and name not in gone)

    def weight(self, seat: str) -> float:
        return self._caller.seats[seat].weight

    def role(self, seat: str) -> str | None:
        """The stance that was given to a seat, which the engine tells it in every phase."""
        return self._caller.seats[seat].role

    @property
    def all_seats(self) -> tuple[str, ...]:
        return tuple(self._attendance.seats)

    @property
    def left_out(self) -> tuple[str, ...]:
        """Labels of seats that a replay does without; they may still stand in what the others said."""
        return self._attendance.left_out

    @property
    def added_context(self) -> str:
        """What an override adds to this round's questions; empty as a rule."""
        return "\n\n".join(self._overrides("additional_context"))

    def model_id(self, seat: str) -> str:
        """What reports call a seat: its model, with #k when repeated. Never for a prompt."""
        return self._caller.seats[seat].id

    def rounds(self, limit: int, *, after: int = 0) -> "Rounds":
        """1, 2, ... up to `limit`, or what follows `after` rounds of a protocol inside this one.

        No request may depend on `limit`, so that a finished run can go on.
        """
        return Rounds(self, limit, after)

    async def _begin_round(self, number: int, limit: int) -> bool:
        if self._gate is not None and not await self._gate(number):
            return False
        self.round = number
        self._caller.emit(events.RoundStarted(number, limit, self._scope))
        return True

    async def call(self, phase: str, call: Call[R]) -> R:
        """One question to one seat. Raises CallFailed when it has no usable reply."""
        batch: Batch[str] = self.batch()
        async with batch:
            batch.add(phase, call.seat, call)
            async for done in batch:
                return cast(R, done.value)
        raise batch.failed[phase, call.seat]

    async def call_all(self, phase: str, calls: Mapping[K, Call[R]], *, need: int = 0) -> dict[K, R]:
        """All `calls` at once; the replies there are, in the order of `calls`.

        Raises TooFewSeats when fewer than `need` of them have one.
        """
        batch: Batch[K] = self.batch()
        async with batch:
            for key, call in calls.items():
                batch.add(phase, key, call)
            replies = {done.key: cast(R, done.value) async for done in batch}
        self.require(need, phase, replies)
        return {key: replies[key] for key in calls if key in replies}

    def batch(self) -> "Batch[K]":
        """Calls that are added while replies arrive. Leaving it gives up those that are still open."""
        return Batch(self)

    def require(self, need: int, phase: str, replies: Iterable[object]) -> None:
        if (answered := len(list(replies))) < need:
            raise TooFewSeats(phase, self.round, answered, need)

    def offer(self, outcome: Outcome) -> Outcome:
        """The best answer so far: what the run returns, whatever ends it."""
        self.offered = outcome
        if self._outer is not None:
            self._outer(outcome)
        self._caller.emit(events.Offered(outcome, self._scope))
        return outcome

    def rng(self, purpose: str) -> random.Random:
        """A stream of its own for each purpose: the same on every replay, whatever else was drawn before."""
        return self.stream(self._seed, f"{self._scope}{purpose}")

    @staticmethod
    def stream(seed: int, purpose: str) -> random.Random:
        return random.Random(f"{seed}/{purpose}")

    def reading_order(self, reader: str) -> list[str]:
        """All seats of the run in the order in which `reader` meets their answers, in every round."""
        return labels.reading_order(self._attendance.seats, reader, self.rng("order"))

    def scope(self, name: str, relabel: Callable[[Outcome], Outcome]) -> "Run":
        """This run for a protocol inside a protocol: its steps, rounds and random streams are its own.

        What the inner protocol offers is offered by the outer one too, after `relabel`, so that it is not lost.
        """

        def outer(outcome: Outcome) -> None:
            self.offered = relabel(outcome)

        return Run(
            self.prompt, self._caller, self._attendance, self._seed, labels=self.labels, gate=None,
            scope=f"{self._scope}{name}/", outer=outer,
        )  # fmt: skip

    def _overrides(self, key: str) -> list[str]:
        found: list[str] = []
        for amendment in self._caller.journal.amendments:
            if amendment.get("round") == self.round and (value := amendment.get(key)):
                found.extend([value] if isinstance(value, str) else value)
        return found

    def _place(self, phase: str, key: str | tuple[str, ...]) -> Place:
        parts = (key,) if isinstance(key, str) else key
        step = f"{self._scope}r{self.round}/{phase}/{'>'.join(parts)}"
        return Place(step, phase, self.round, parts)

    def _judge_attendance(self, asked: Iterable[str], answered: set[str], failed: Mapping[str, CallFailed]) -> None:
        """At the end of a phase: a seat leaves on a permanent error, or after two phases without any reply."""
        if self._attendance.keeps_all:
            return
        for seat in asked:
            failure = failed.get(seat)
            if failure is None or seat in self._attendance.dropped:
                self._attendance.silent[seat] = 0
                continue
            if seat in answered or failure.kind == "unparseable":
                self._attendance.silent[seat] = 0
            else:
                self._attendance.silent[seat] += 1
            if failure.kind in PERMANENT or self._attendance.silent[seat] >= UNANSWERED_PHASES:
                self._attendance.dropped[seat] = str(failure)
                self._caller.emit(events.SeatDropped(seat, str(failure), self.round))

    @property
    def journal(self) -> Journal:
        return self._caller.journal


class Rounds(AsyncIterator[int]):
    """The rounds of a run, one at a time. (A class, because a loop that breaks out leaves a generator open.)"""

    def __init__(self, run: Run, limit: int, after: int = 0) -> None:
        self._run, self._limit, self._number = run, limit, after

    async def __anext__(self) -> int:
        if self._number >= self._limit:
            raise StopAsyncIteration
        self._number += 1
        if not await self._run._begin_round(self._number, self._limit):
            raise StopAsyncIteration
        return self._number


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
    failed calls, which are not handed out but stand in `failed`, come to light in that order too, and nobody is asked
    before everything that the record holds was handed out: the decision may come before.
    """

    def __init__(self, run: Run) -> None:
        self.failed: dict[tuple[str, K], CallFailed] = {}
        self.open = 0  # calls that have neither been handed out nor come to light as failed
        self._run = run
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
            self._run._caller.emit(events.PhaseStarted(self._run.round, phase, self._run._scope))
        self._phases[phase].asked.append(call.seat)
        self._added += 1
        self.open += 1
        place = self._run._place(phase, key)
        if self._run._caller.recorded(place.step) is not None:
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
        if kind is None:
            for phase, kept in self._phases.items():
                self._run._judge_attendance(dict.fromkeys(kept.asked), kept.answered, kept.failed)
                seconds = time.monotonic() - kept.began
                self._run._caller.emit(events.PhaseFinished(self._run.round, phase, seconds, self._run._scope))

    async def __anext__(self) -> Done[K]:
        while True:
            self._wake.clear()
            while self._ready and not self._recorded_before(self._ready[0][0]):
                settled = heapq.heappop(self._ready)[2]
                self._come_to_light(settled)
                if settled.failure is None:
                    return Done(settled.place.phase, settled.key, settled.value)
            for task in [each for each in self._tasks if each.done()]:
                del self._tasks[task]
                task.result()  # whatever went wrong, other than a call
            if not self._tasks:
                if self._stopped is not None:
                    raise self._stopped
                raise StopAsyncIteration
            if not self._ready and not self._recorded_before(sys.maxsize):
                self._used_up.set()
            await self._news()

    async def _news(self) -> None:
        """Wait until a call has ended. Open calls that outlast the run's patience are given up.

        They stand in the record as refused, so that a replay stops here as well.
        """
        try:
            async with asyncio.timeout(self._run.patience):
                await self._wake.wait()
        except TimeoutError:
            self._stopped = self._stopped or Stopped("stalled", f"no call ended for {self._run.patience:g} s")
            given_up, self._tasks = self._tasks, {}
            for task in given_up:
                task.cancel()
            await asyncio.gather(*given_up, return_exceptions=True)
            journal = self._run.journal
            for task, step in given_up.items():
                if task.cancelled():
                    step += "+repair" if step in journal.entries else ""
                    journal.append("refused", step=step, reason="stalled", message=str(self._stopped))

    def _recorded_before(self, order: int) -> bool:
        """Whether another call stands in the record before `order`, and is about to be ready."""
        known = ((self._run._caller.recorded(step), least) for step, least in self._unsettled.items())
        return any(recorded is not None and least <= recorded < order for recorded, least in known)

    def _come_to_light(self, settled: _Settled[K]) -> None:
        phase, failure = self._phases[settled.place.phase], settled.failure
        self.open -= 1
        self._run._caller.tally(settled.place, settled.seat, failure)
        if failure is None:
            phase.answered.add(settled.seat)
            return
        self.failed[settled.place.phase, settled.key] = failure
        before = phase.failed.get(settled.seat)
        if before is None or before.kind not in PERMANENT:
            phase.failed[settled.seat] = failure

    async def _reply(self, added: int, place: Place, key: K, call: Call[R]) -> None:
        caller = self._run._caller

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
