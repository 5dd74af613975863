"""The engine: all that a protocol may touch.

A protocol asks seats through a Run and returns an outcome. Slots, timeouts, retries, repair, budget, dropping, the
record and the events are here and in calling.py, in one place; none of them shows in a protocol.
"""

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import cast

from folkmoot import events, labels
from folkmoot.core.attendance import Attendance
from folkmoot.core.batch import Batch, K, R, Stage
from folkmoot.core.calling import Call, Caller
from folkmoot.core.journal import Journal
from folkmoot.core.steps import seat_order
from folkmoot.errors import TooFewSeats
from folkmoot.prompting import block
from folkmoot.types import Outcome, PhaseCalls

Gate = Callable[[int], Awaitable[bool]]
"""Waited for before each round begins; False ends the rounds. Lets a caller step through a run."""


class Run:
    """One execution of a protocol, and the only way a protocol can reach a seat."""

    def __init__(
        self,
        prompt: str,
        caller: Caller,
        attendance: Attendance,
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
        self._caller, self._attendance, self._seed = caller, attendance, caller.conversation.seed
        self._gate, self._scope, self._outer = gate, scope, outer
        self._asked: dict[int, dict[str, dict[tuple[str, ...], str]]] = {}  # round -> phase -> key -> step

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

    def question(self, *shown: str, text: str | None = None, as_typed: bool = False) -> tuple[str, ...]:
        """The parts with which every prompt that asks for an answer begins.

        They are the question in a block (`as_typed`: without one), then `shown`, e.g. earlier answers, then the context
        that an override adds to this round; usually there is none. `text` is asked instead of the run's own question.
        Prompts that judge answers do not get the added context: they use `block("question", run.prompt)`.
        """
        asked = self.prompt if text is None else text
        context = self._overrides("additional_context")
        added = ("\n\n".join(context),) if context else ()
        return (asked if as_typed else block("question", asked), *shown, *added)

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

    def batch(self) -> Batch[K]:
        """Calls that are added while replies arrive. Leaving it gives up those that are still open."""
        return Batch(
            self._caller,
            self._attendance,
            Stage(self._scope, self.round, self._asked.setdefault(self.round, {})),
            self.patience,
        )

    def require(self, need: int, phase: str, replies: Iterable[object]) -> None:
        if (answered := len(list(replies))) < need:
            raise TooFewSeats(phase, self.round, answered, need)

    def asked(self, phase: str, round: int | None = None) -> PhaseCalls:
        """The calls of a phase in a round, by default the present one: what `counting.sheets` makes ballots of.

        A call without a usable reply is among them, so that it is counted as an abstention.
        """
        number = self.round if round is None else round
        steps = self._asked.get(number, {}).get(phase, {})
        return PhaseCalls(number, self._scope, {key: steps[key] for key in sorted(steps, key=seat_order)})

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
            self.prompt, self._caller, self._attendance, labels=self.labels,
            scope=f"{self._scope}{name}/", outer=outer,
        )  # fmt: skip

    def _overrides(self, key: str) -> list[str]:
        found: list[str] = []
        for amendment in self._caller.journal.amendments:
            if amendment.get("round") == self.round and (value := amendment.get(key)):
                found.extend([value] if isinstance(value, str) else value)
        return found

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
