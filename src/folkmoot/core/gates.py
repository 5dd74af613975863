"""Gates: how many requests go to one provider, and how fast, so that a rate limit is waited for and not run into.

There is one gate for each provider account in the process. All runs share it, also those in other threads and event
loops: when one request is refused, the others wait too, instead of finding out one by one.

A new gate lets everything through. When a request is refused, the gate closes for the time that the server names. When
it opens again, it lets fewer requests run at once (half as many), and within the time the server named it sends no more
than the server accepted before. Both grow again while nothing is refused.
"""

import asyncio
import contextlib
import random
import threading
import time
from collections import deque
from dataclasses import dataclass

from folkmoot.types import Pace, Provider

BURST = 10  # requests in one second that a new gate sends without a pause between them
SPACING = 0.005  # seconds between further ones: a refusal of the first arrives before the last is sent
LEARNED_WITHIN = 5.0  # seconds; a longer pause says little about how many requests fit into it
SLACK, EXTRA = 1.06, 0.03  # requests take a varying time to arrive, so a window is kept a little longer
KEPT = 5000  # sent requests that are remembered
MINUTE = 60.0
STEADY = 4  # full windows without a refusal before more is tried; doubled by each refusal, up to MOST_STEADY
MOST_STEADY = 32


@dataclass(slots=True, eq=False)
class Passage:
    """One request that went through a gate."""

    at: float  # monotonic seconds
    tokens: int
    refused: bool = False


@dataclass(slots=True, eq=False)
class _Waiting:
    """A call that waits for its turn, in whatever event loop it lives."""

    loop: asyncio.AbstractEventLoop
    news: asyncio.Future[None] | None = None


class AccountGate:
    """The gate of one provider account. Its methods may be called from any thread."""

    def __init__(self, pace: Pace = Pace(), *, spaced: bool = False) -> None:
        self.pace = pace
        self.answers = 0  # requests that were answered so far
        self._spaced = spaced  # whether a new gate spaces out what comes after a burst
        self._lock = threading.Lock()
        self._queue: deque[_Waiting] = deque()
        self._sent: deque[Passage] = deque(maxlen=KEPT)
        self._running = 0
        self._most_running = 0  # since the last refusal
        self._width: int | None = None  # requests that may run at once; None: nothing was refused yet
        self._closed_at = self._closed_until = 0.0
        self._fits: tuple[int, float] | None = None  # so many requests within so many seconds were accepted
        self._steady, self._well = STEADY, 0  # _well: answers since the last refusal or growth

    def enter(self, tokens: int, *, waited: bool) -> Passage | None:
        """Go through now, or None: wait for `turn`. Only who has `waited` may pass those that are waiting."""
        with self._lock:
            now = time.monotonic()
            if (self._queue and not waited) or self._delay(tokens, now) > 0:
                return None
            passage = Passage(now, tokens)
            self._sent.append(passage)
            self._running += 1
            self._most_running = max(self._most_running, self._running)
            return passage

    def answered(self, passage: Passage) -> None:
        """The request has its answer, or failed for another reason than too many requests."""
        with self._lock:
            self._running -= 1
            self.answers += 1
            self._well += 1
            if self._width is not None:
                self._width += 1
            if self._fits is not None and self._well >= self._fits[0] * self._steady:
                self._well = 0
                self._fits = (max(self._fits[0] + 1, int(self._fits[0] * 1.25)), self._fits[1])
            self._wake()

    def given_up(self, passage: Passage) -> None:
        """The request was cancelled, or failed without an answer. That says nothing about the limit."""
        with self._lock:
            self._running -= 1
            self._wake()

    def refused(self, passage: Passage, pause: float, *, too_many: bool) -> None:
        """The server refused the request and wants a `pause`, in seconds: close the gate for so long.

        `too_many`: because of the number of requests (429), and not because it cannot answer now (503).
        """
        with self._lock:
            now = time.monotonic()
            passage.refused = True
            if passage.at >= self._closed_at:  # not sent along with one that was refused before it
                self._width = max(1, self._most_running // 2)
                self._steady = min(self._steady * 2, MOST_STEADY) if self._fits else STEADY
                self._closed_at = now
            self._running -= 1
            self._most_running = self._running
            self._well = 0
            if too_many and 0 < pause <= LEARNED_WITHIN:
                window = max(pause, 0.1)
                accepted = sum(not each.refused for each in self._within(window, now))
                self._fits = (max(1, accepted), window * SLACK + EXTRA)
            opens = now + pause * (1 + random.uniform(0, 0.05)) + random.uniform(0, 0.02)
            self._closed_until = max(self._closed_until, opens)
            self._wake()

    async def turn(self, tokens: int, *, first: bool) -> None:
        """Wait until a request may go through: in order of arrival, or before all others as the `first`.

        `enter` must follow before anything else is waited for.
        """
        waiting = _Waiting(asyncio.get_running_loop())
        with self._lock:
            (self._queue.appendleft if first else self._queue.append)(waiting)
        try:
            while True:
                with self._lock:
                    ahead = self._queue[0] is not waiting
                    delay = None if ahead else self._delay(tokens, time.monotonic())
                    if delay is not None and delay <= 0:
                        return
                    waiting.news = news = waiting.loop.create_future()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(None if delay is None or delay == float("inf") else delay):
                        await news
        finally:
            with self._lock:
                self._queue.remove(waiting)
                self._wake()

    @property
    def waiting(self) -> int:
        """Calls that wait for their turn."""
        return len(self._queue)

    def opens_in(self) -> float:
        """Seconds until the gate is no longer closed by a refusal."""
        return max(self._closed_until - time.monotonic(), 0.0)

    def _delay(self, tokens: int, now: float) -> float:
        """Seconds until the next request may go: 0 for now, infinite until a running one has ended."""
        if self._width is not None and self._running >= self._width:
            return float("inf")
        delays = [self._closed_until - now]
        if self._fits is not None:
            delays.append(self._room(*self._fits, now))
        if self.pace.requests_per_minute is not None:
            delays.append(self._room(self.pace.requests_per_minute, MINUTE, now))
        if self.pace.tokens_per_minute is not None:
            delays.append(self._room_for_tokens(tokens, self.pace.tokens_per_minute, now))
        if self._spaced and self._fits is None and self._sent and self._room(BURST, 1.0, now) > 0:
            delays.append(self._sent[-1].at + SPACING - now)
        return max(delays)

    def _room(self, most: int, seconds: float, now: float) -> float:
        """Seconds until fewer than `most` requests were sent within `seconds`."""
        found = 0
        for passage in reversed(self._sent):
            if passage.at + seconds <= now:
                break
            found += not passage.refused
            if found >= most:
                return passage.at + seconds - now
        return 0.0

    def _room_for_tokens(self, tokens: int, most: int, now: float) -> float:
        """Seconds until `tokens` fit; a request that is larger than the limit goes alone."""
        delay, taken = 0.0, 0
        for passage in reversed(self._sent):
            if passage.at + MINUTE <= now:
                break
            taken += 0 if passage.refused else passage.tokens
            if taken + tokens > most:
                return passage.at + MINUTE - now
        return delay

    def _within(self, seconds: float, now: float) -> list[Passage]:
        found: list[Passage] = []
        for passage in reversed(self._sent):
            if passage.at + seconds < now:
                break
            found.append(passage)
        return found

    def _wake(self) -> None:
        """Have the first of those that wait look again."""
        if not self._queue:
            return
        waiting = self._queue[0]
        if (news := waiting.news) is not None:
            with contextlib.suppress(RuntimeError):  # its loop was closed
                waiting.loop.call_soon_threadsafe(_set, news)


def _set(news: asyncio.Future[None]) -> None:
    if not news.done():
        news.set_result(None)


_gates: dict[str, AccountGate] = {}
_gates_lock = threading.Lock()


def gate_of(provider: Provider) -> AccountGate:
    """The gate of the account that a provider spends from; of its own, where it does not name one."""
    account: str | None = getattr(provider, "account", None)
    pace: Pace = getattr(provider, "pace", None) or Pace()
    if account is None:
        return AccountGate(pace)
    with _gates_lock:
        gate = _gates.setdefault(account, AccountGate(pace, spaced=True))
        gate.pace = pace
        return gate
