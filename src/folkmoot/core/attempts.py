"""The attempts of one call: slot, money, gate, provider, retries; and the lines of the record that say how they ended.

An attempt takes a slot, reserves money and goes through the gate of its provider's account. Where money or the gate
makes it wait, it gives the slot back and waits without it, and neither its timeout nor the run's patience runs.
"""

import asyncio
import math
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Literal, NoReturn

from folkmoot import events
from folkmoot.core.gates import AccountGate, Passage, gate_of
from folkmoot.core.journal import Journal
from folkmoot.core.limits import Purse, Reservation
from folkmoot.core.slots import Clock, take
from folkmoot.errors import RETRYABLE, UNBILLED, ProviderError, Stopped
from folkmoot.formats.speech import Listener
from folkmoot.types import JSON, Completion, Provider, Request, Seat, Usage

LETTERS_PER_TOKEN = 8  # twice what prose has: a stream that is longer than this ignores the cap of its reply
MOST_LETTERS = 16_000_000  # of one reply


NOTHING = Reservation(None, None)


@dataclass
class PendingCall:
    """One call on its way through its attempts."""

    step: str
    seat: Seat
    key: tuple[str, ...]
    request: Request
    digest: str
    stored: JSON  # the request as it stands in the record
    provider: Provider
    clock: Clock
    tries: int = 0  # attempts begun, also those that were refused unread
    counted: int = 0  # attempts that count towards the retries
    reserved: Reservation = NOTHING  # for the attempt that is running
    refused_since: float | None = None  # monotonic seconds of the first refusal
    goes_first: bool = False  # whether it is asked before the other calls that wait
    answers: int = -1  # answers that came through the gate until the last refusal; -1: there was none
    left_open: JSON = field(default_factory=dict)  # what the record notes of an attempt that was cancelled

    @property
    def metered(self) -> bool:
        return self.provider.billing == "metered"

    @property
    def tokens(self) -> int:
        """About how many tokens the request takes: four characters each."""
        letters = len(self.request.system) + sum(len(part) for each in self.request.messages for part in each.parts)
        return letters // 4 + 1


class Attempts:
    """Makes the attempts of a run's calls."""

    def __init__(
        self, journal: Journal, purse: Purse, emit: events.Listener, providers: Mapping[str, Provider]
    ) -> None:
        self.journal, self.purse, self.emit, self.limits = journal, purse, emit, purse.limits
        slots = asyncio.Semaphore(self.limits.max_concurrent) if self.limits.max_concurrent else None
        self._slots: dict[str, list[asyncio.Semaphore]] = {}
        for name, provider in providers.items():
            own = asyncio.Semaphore(provider.concurrency) if provider.concurrency is not None else None
            self._slots[name] = [each for each in (own, slots) if each]
        self._gates = {name: gate_of(provider) for name, provider in providers.items()}

    async def make(self, asked: PendingCall) -> None:
        """Try until there is a reply, an error that will not pass, or no time; record how it ended.

        The last line is on disk when this returns. Raises Stopped when the run may not spend any more.
        """
        try:
            while not await self._once(asked):
                pass
        except asyncio.CancelledError:
            if asked.step not in self.journal.entries:
                who = {"seat": asked.seat.name} if asked.left_open else {}
                self.journal.append("cancelled", step=asked.step, **who, **asked.left_open)
            raise
        await self.journal.commit()

    async def _once(self, asked: PendingCall) -> bool:
        """One attempt, and what follows when it fails; whether it was the last one."""
        gate = self._gates[asked.seat.provider]
        slots, passage = await self._admitted(asked, gate)
        async with slots:
            self._begin(asked)
            try:
                done = await self._complete(asked)
            except ProviderError as error:
                failure = error
            except Stopped as stop:  # in a panel that spends from this purse
                gate.given_up(passage)
                self._stopped_inside(asked, stop)
            except asyncio.CancelledError:  # what was written until then may be billed
                gate.given_up(passage)
                asked.left_open = self._settle(asked, None, None)
                raise
            else:
                gate.answered(passage)
                self._finished(asked, done)
                return True
            pause = failure.retry_after
            pause = self.limits.backoff * 2 ** (asked.tries - 1) if pause is None else pause
            refused = _is_refusal(failure) and pause < asked.clock.left
            if refused:
                gate.refused(passage, pause, too_many=failure.kind == "rate")
            else:
                (gate.given_up if failure.kind == "timeout" else gate.answered)(passage)
        if refused and self._waits_for_free(asked, failure, pause, gate):
            return False
        return await self._failed(asked, failure, pause)

    async def _admitted(self, asked: PendingCall, gate: AccountGate) -> tuple[AsyncExitStack, Passage]:
        """Wait for a slot, for money and for the gate. What is waited for without a slot is announced."""
        waited = False
        while True:
            slots = await take(self._slots[asked.seat.provider])
            async with slots:
                reservation = self._reserve(asked)
                passage = gate.enter(asked.tokens, waited=waited) if reservation else None
                if reservation and passage:
                    asked.reserved = reservation
                    return slots.pop_all(), passage
                if reservation:
                    self._release(asked)
            if reservation is None:
                self._announce(asked, "budget", 0, 0.0)
                await self.purse.change()
            else:
                self._announce(asked, "rate", gate.waiting + 1, gate.opens_in())
                await gate.turn(asked.tokens, first=asked.goes_first)
                waited = True

    def _reserve(self, asked: PendingCall) -> Reservation | None:
        if asked.provider.billing == "nested":  # a panel's calls are reserved and settled each for itself
            return NOTHING
        model = asked.seat.model if asked.metered else ""
        try:
            return self.purse.reserve(asked.step, asked.seat.name, model, asked.tokens, asked.request.max_tokens)
        except Stopped as stop:
            self._refuse(asked, stop)

    def _release(self, asked: PendingCall) -> None:
        if asked.provider.billing != "nested":
            self.purse.release(asked.step)

    def _announce(self, asked: PendingCall, why: Literal["rate", "budget"], position: int, seconds: float) -> None:
        self.emit(events.CallWaits(asked.step, asked.seat.name, asked.key, why, position, round(seconds, 3)))

    def _begin(self, asked: PendingCall) -> None:
        reserved = {"at_most_usd": asked.reserved.usd} if asked.metered else {}
        asked.tries += 1
        asked.counted += 1
        if asked.tries == 1:
            self._started(asked, reserved)
        elif reserved:
            self.journal.append("retried", step=asked.step, seat=asked.seat.name, **reserved)

    def _started(self, asked: PendingCall, reserved: JSON) -> None:
        self.journal.append(
            "started", step=asked.step, seat=asked.seat.name, **reserved, digest=asked.digest, request=asked.stored
        )
        self.emit(events.CallStarted(asked.step, asked.seat.name, asked.key))

    async def _complete(self, asked: PendingCall) -> Completion:
        """What the provider answers within the time that is left; a stream that is far longer than it may be is cut."""
        cap = asked.reserved.cap
        request = replace(asked.request, cap=cap) if cap is not None else asked.request
        most = math.inf if request.output_limit is None else request.output_limit * LETTERS_PER_TOKEN
        written: list[str] = []
        letters = 0
        listener = Listener()

        def on_text(text: str) -> None:
            nonlocal letters
            if letters > min(most, MOST_LETTERS):
                return
            letters += len(text)
            written.append(text)
            if said := listener.hear(text):
                self.emit(events.TextDelta(asked.step, asked.seat.name, asked.key, said, asked.tries))
            if letters > min(most, MOST_LETTERS):
                limit.reschedule(asyncio.get_running_loop().time())

        try:
            with asked.clock:
                async with asyncio.timeout(asked.clock.left) as limit:
                    done = await asked.provider.complete(request, on_text)
        except (ProviderError, Stopped):
            raise
        except Exception as error:  # a provider is anybody's code: what it lets slip must not end the run
            if letters > most:
                done = Completion(text="".join(written), finish="length", at_most_usd=self._overshot(asked, letters))
            elif letters > MOST_LETTERS:
                raise ProviderError("protocol", f"the reply has more than {MOST_LETTERS:,} letters") from None
            elif limit.expired():
                raise ProviderError("timeout", f"no answer within {asked.clock.limit:g} s") from None
            else:
                raise ProviderError("protocol", f"{type(error).__name__}: {error}") from error
        if held := listener.rest():
            self.emit(events.TextDelta(asked.step, asked.seat.name, asked.key, held, asked.tries))
        if not done.text.strip():
            raise ProviderError("empty", "the answer is empty", usd=done.usd, at_most_usd=done.at_most_usd)
        return done

    def _overshot(self, asked: PendingCall, letters: int) -> float | None:
        """An upper bound of what a stream cost that was cut: a token has at least two letters."""
        reserved = asked.reserved.usd
        written = self.purse.price(asked.seat.model, Usage(output_tokens=letters // 2)) if asked.metered else None
        return reserved if reserved is None or written is None else reserved + written

    def _finished(self, asked: PendingCall, done: Completion) -> None:
        bound = self._settle(asked, done.usd, done.at_most_usd, done.usage)
        self.journal.append(
            "finished", step=asked.step, seat=asked.seat.name, digest=asked.digest, completion=_stored(done),
            attempts=asked.counted, seconds=round(asked.clock.spent, 4), **bound,
        )  # fmt: skip

    def _waits_for_free(self, asked: PendingCall, failure: ProviderError, pause: float, gate: AccountGate) -> bool:
        """Whether a refused attempt is made again without counting: neither as a retry nor as a call.

        It is as long as the call's timeout, counted from the first refusal, allows the pause. Where the server names no
        time, others must have got an answer meanwhile: a server that refuses everything is not waited for.
        """
        now = time.monotonic()
        asked.refused_since = asked.refused_since or now
        # A call that a server refuses again and again for a reason of its own must not hold up the others.
        asked.goes_first = failure.kind == "rate" or asked.tries == 1
        others, asked.answers = gate.answers > asked.answers >= 0, gate.answers
        named = failure.retry_after is not None
        if now + pause - asked.refused_since >= asked.clock.limit or not (named or others):
            return False
        self._release(asked)
        asked.counted -= 1
        self.journal.append(
            "attempt", step=asked.step, seat=asked.seat.name, attempt=asked.tries, error=_told(failure), usd=0.0,
            calls=0,
        )  # fmt: skip
        self._announce_failure(asked, failure, pause)
        return True

    async def _failed(self, asked: PendingCall, failure: ProviderError, pause: float) -> bool:
        """Record a failed attempt and wait before the next; whether there is no next one."""
        usd, at_most = failure.usd, failure.at_most_usd
        if asked.metered and usd is None and (failure.kind in UNBILLED or _is_refusal(failure)):
            usd = 0.0
        cost = {"usd": usd, **self._settle(asked, usd, at_most), **_calls(failure.calls)}
        who = {"step": asked.step, "seat": asked.seat.name}
        if failure.kind not in RETRYABLE or asked.counted > self.limits.retries or pause >= asked.clock.left:
            self.journal.append(
                "finished", **who, digest=asked.digest, error=_told(failure), attempts=asked.counted,
                seconds=round(asked.clock.spent, 4), **cost,
            )  # fmt: skip
            return True
        self.journal.append("attempt", **who, attempt=asked.tries, error=_told(failure), **cost)
        self._announce_failure(asked, failure, pause)
        with asked.clock:
            await asyncio.sleep(pause)
        return False

    def _announce_failure(self, asked: PendingCall, failure: ProviderError, wait: float) -> None:
        self.emit(
            events.AttemptFailed(
                asked.step, asked.seat.name, asked.key, asked.tries, failure.kind, str(failure), round(wait, 3)
            )
        )

    def _settle(self, asked: PendingCall, usd: float | None, at_most: float | None, usage: Usage | None = None) -> JSON:
        """Settle an attempt in the purse and announce its cost; return what the record notes where nobody knows it."""
        if asked.metered and usd is None and at_most is None:
            at_most = asked.reserved.usd
        if usd is not None:
            at_most = usd
        if asked.provider.billing != "nested":
            self.purse.settle(asked.step, asked.seat.name, at_most if asked.metered else 0.0, usage)
        if asked.metered:
            self.emit(events.Charged(asked.step, asked.seat.name, asked.key, usd, at_most, usage))
        return {"at_most_usd": at_most} if usd is None and (asked.metered or at_most is not None) else {}

    def _stopped_inside(self, asked: PendingCall, stop: Stopped) -> NoReturn:
        if stop.calls:
            bound = {"at_most_usd": stop.at_most_usd} if stop.usd is None else {}
            self.journal.append(
                "attempt", step=asked.step, seat=asked.seat.name, attempt=asked.tries,
                error={"kind": "panel", "message": str(stop)}, usd=stop.usd, **bound, **_calls(stop.calls),
            )  # fmt: skip
        self._refuse(asked, stop)

    def _refuse(self, asked: PendingCall, stop: Stopped) -> NoReturn:
        if not asked.tries:
            self._started(asked, {})  # the record shows what would have been asked
        self.journal.append("refused", step=asked.step, reason=stop.reason, message=str(stop))
        raise stop


def _is_refusal(failure: ProviderError) -> bool:
    """Whether the server did not read the request: too many requests, or it says when to come again."""
    return failure.kind == "rate" or (failure.kind == "server" and failure.retry_after is not None)


def _told(failure: ProviderError) -> JSON:
    return {"kind": failure.kind, "message": str(failure)}


def _calls(number: int) -> JSON:
    return {"calls": number} if number != 1 else {}


def _stored(done: Completion) -> JSON:
    return done.model_dump(exclude_defaults=True, exclude={"at_most_usd"}) | {"text": done.text}
