"""What a run may take: time, calls at once, calls in all, money."""

import asyncio
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from folkmoot.core.journal import Entry
from folkmoot.core.steps import read_step
from folkmoot.errors import InputError, Stopped
from folkmoot.types import JSON, Record, Usage

PriceOf = Callable[[str, Usage], float | None]
"""USD at list price for tokens of a model, or None when no price is known."""

UNKNOWN_OUTPUT = 2000  # tokens expected of a reply before this seat has given any
ROOM = 4  # a reply may be so many times as long as expected
FEWEST = 256  # tokens; a seat that has not replied yet is not asked with less money left than for these


class Limits(Record):
    """The limits of a run. They never reach a prompt, so a finished run can go on with larger ones."""

    timeout: float | None = None  # seconds for one call with its retries and repair; None: the provider's default
    idle_timeout: float | None = 120.0  # seconds without a sign of life, of seats that stream; None: no limit
    max_concurrent: int = 0  # calls at once; 0: no limit but the providers' own
    budget: float | None = None  # USD
    max_calls: int | None = None  # attempts that reach a provider
    retries: int = 2  # further attempts after a failure that may pass
    backoff: float = 1.0  # seconds before the first retry, doubled for each further one


def limits_given(given: Mapping[str, Any]) -> JSON:
    """Fields of Limits as somebody wrote them, in the form that Limits has: no silence at all is no limit on it.

    Raises InputError for what is no limit.
    """
    numbers = {name: value for name, value in given.items() if value is not None}
    problems = [
        f"{name} must be more than 0" for name in ("timeout", "budget", "max_calls") if not numbers.get(name, 1) > 0
    ]
    problems += [
        f"{name} cannot be negative"
        for name in ("idle_timeout", "max_concurrent", "retries", "backoff")
        if not numbers.get(name, 0) >= 0
    ]
    problems += [f"{name} must be a finite number" for name, value in numbers.items() if math.isinf(value)]
    if problems:
        raise InputError(*problems)
    return {**given, **({"idle_timeout": None} if given.get("idle_timeout") == 0 else {})}


@dataclass(frozen=True, slots=True)
class Reservation:
    """What was set aside for one attempt."""

    usd: float | None  # the most it is taken to cost; None: its model has no known price
    cap: int | None  # the most tokens the reply may have; None: not limited


@dataclass
class Purse:
    """The money and calls of one run: reserved before each attempt, settled after it.

    Within a budget no attempt starts whose likely cost is not covered, and the length of the reply is capped at what
    was reserved for it. Reserved money is not spent: an attempt for which too little is free waits until others are
    settled, and only one that the unspent money cannot pay is refused. Without a budget the same amount is reserved,
    as the upper bound for an attempt of which nobody learns what it cost. The run of a panel that has a seat spends
    from the purse of the `outer` run too.
    """

    limits: Limits
    price: PriceOf
    spent: float = 0.0  # USD; where the cost of an attempt is unknown, its upper bound
    attempts: int = 0
    outer: "Purse | None" = None
    name: str = ""  # tells this run's steps and seats from others' in the outer purse
    refused: Stopped | None = None  # the last refusal of the outer purse
    _reserved: dict[str, float] = field(default_factory=dict)  # step -> USD
    _outputs: dict[tuple[str, str], list[int]] = field(default_factory=dict)  # seat and phase -> tokens of its replies
    _waiting: list[asyncio.Future[None]] = field(default_factory=list)

    def learn(self, entries: Iterable[Entry]) -> None:
        """Take in the lengths of the replies that the record holds, so that reservations begin with them."""
        for entry in entries:
            if entry.completion is not None and entry.completion.usage is not None:
                self._note(entry.step, entry.seat, entry.completion.usage)

    def reserve(self, step: str, seat: str, model: str, tokens: int, limit: int | None) -> Reservation | None:
        """Set money aside for an attempt of about `tokens` of input and at most `limit` of output.

        None: there is too little now, but there may be enough once other attempts are settled: wait for `change` and
        try again. Raises Stopped when there cannot be enough any more, or all calls were made. `model` is empty where
        nobody bills the attempt.
        """
        mine = self._reserve(step, seat, model, tokens, limit)
        if mine is None or self.outer is None:
            return mine
        try:
            theirs = self.outer.reserve(f"{self.name}{step}", f"{self.name}{seat}", model, tokens, limit)
        except Stopped as stop:
            self.refused = stop
            self._take_back(step)
            raise
        if theirs is None:
            self._take_back(step)
            return None
        return Reservation(_least(mine.usd, theirs.usd), _least(mine.cap, theirs.cap))

    def _reserve(self, step: str, seat: str, model: str, tokens: int, limit: int | None) -> Reservation | None:
        if self.limits.max_calls is not None and self.attempts >= self.limits.max_calls:
            raise Stopped("max_calls", f"the run may make {self.limits.max_calls} calls, and has made them")
        reading = self.price(model, Usage(input_tokens=tokens)) if model else 0.0
        thousand = self.price(model, Usage(output_tokens=1000)) if model else 0.0
        per_token = (thousand or 0.0) / 1000
        found = self._affordable(step, seat, reading or 0.0, per_token, limit)
        if found is None:
            return None
        usd, cap = found
        self.attempts += 1
        self._reserved[step] = usd
        return Reservation(None if reading is None or thousand is None else usd, cap)

    def _affordable(
        self, step: str, seat: str, reading: float, per_token: float, limit: int | None
    ) -> tuple[float, int | None] | None:
        """USD to reserve and the cap of the reply; None: not now."""
        most = float("inf") if limit is None else limit
        expected = min(self.likely_output(seat, step), most)
        room = min(max(ROOM * expected, ROOM * UNKNOWN_OUTPUT if self.limits.budget is None else UNKNOWN_OUTPUT), most)
        if self.limits.budget is None:
            return reading + room * per_token, None
        left = self.limits.budget - self.spent
        reserved = sum(self._reserved.values())
        free = left - reserved
        if reading + expected * per_token > left:
            # What is left must do where a reply of the usual length fits into it. The cap keeps it within.
            affordable = int(max(0.0, min((left - reading) / per_token, expected))) if per_token else 0
            if affordable < min(self._usual_output(seat, step), most) or affordable < 1:
                raise Stopped(
                    "over_budget",
                    f"${left:.4f} of ${self.limits.budget:.2f} is left, and the next call may cost "
                    f"${reading + expected * per_token:.4f}",
                )
            expected = affordable
        if reserved and reading + expected * per_token > free:  # nothing reserved: nothing to wait for
            return None
        if not per_token:
            return reading, None
        # Room for a reply much longer than usual, as long as that leaves money for the other seats.
        allowed = int(max(expected, min(room, (free - reading) / 4 / per_token)))
        return reading + allowed * per_token, allowed

    def settle(self, step: str, seat: str, usd: float | None, usage: Usage | None) -> None:
        """Replace what was reserved for `step` by what it cost; None counts as what was reserved."""
        reserved = self._reserved.pop(step, 0.0)
        self.spent += reserved if usd is None else usd
        if usage is not None:
            self._note(step, seat, usage)
        self._changed()
        if self.outer is not None:
            self.outer.settle(f"{self.name}{step}", f"{self.name}{seat}", usd, usage)

    def release(self, step: str) -> None:
        """Forget the attempt of `step`: it was not made, or the provider refused it unread."""
        self._take_back(step)
        self._changed()
        if self.outer is not None:
            self.outer.release(f"{self.name}{step}")

    async def change(self) -> None:
        """Wait until an attempt is settled, here or in an outer purse."""
        news = asyncio.get_running_loop().create_future()
        purse: Purse | None = self
        while purse is not None:
            purse._waiting.append(news)
            purse = purse.outer
        await news

    def likely_output(self, seat: str, step: str = "") -> int:
        """The 95th percentile of what this seat wrote in this run, in the phase of `step` where it wrote there.

        2,000 tokens before it wrote anything.
        """
        seen = self._seen(seat, step)
        return seen[min(len(seen) - 1, int(len(seen) * 0.95))] if seen else UNKNOWN_OUTPUT

    def _usual_output(self, seat: str, step: str) -> int:
        seen = self._seen(seat, step)
        return seen[len(seen) // 2] if seen else FEWEST

    def _seen(self, seat: str, step: str) -> list[int]:
        here = self._outputs.get((seat, _phase(step)))
        return sorted(here or (each for (who, _), lengths in self._outputs.items() if who == seat for each in lengths))

    def _note(self, step: str, seat: str, usage: Usage) -> None:
        self._outputs.setdefault((seat, _phase(step)), []).append(usage.output_tokens)

    def _take_back(self, step: str) -> None:
        self.attempts -= 1
        self._reserved.pop(step, None)

    def _changed(self) -> None:
        waiting, self._waiting = self._waiting, []
        for news in waiting:
            if not news.done():
                news.set_result(None)


N = TypeVar("N", int, float)


def _least(one: N | None, other: N | None) -> N | None:
    return min((each for each in (one, other) if each is not None), default=None)


def _phase(step: str) -> str:
    """The phase of a step, also of one that an inner purse has put a name before."""
    return read_step(step.rpartition(": ")[2]).phase
