"""The runs this server works on, each a task of its own, and their events, kept for whoever watches.

Every event but new text has a number. Numbers begin with when the record they tell of was begun or last changed, so
that whoever comes back with a number of an older telling hears the new one from its beginning, and not from the middle.
"""

import json
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import NamedTuple

from folkmoot import events
from folkmoot.execute import replay
from folkmoot.frontends.live_runs import LiveRun, LiveRuns, Start
from folkmoot.frontends.server.refusals import Refusal, log_unexpected
from folkmoot.frontends.server.streams import Channel, sse
from folkmoot.record.store import RunFolder
from folkmoot.types import JSON

MOST_KEPT = 32  # ended runs whose events are kept in memory; all others are told from their records
MOST_BEHIND = 1000  # events that a watcher may be behind before it misses new text
TELLING = 10**6  # more than the events of any run


class Frame(NamedTuple):
    number: int | None  # None: new text, which is not told twice
    kind: str
    payload: str  # JSON

    def encode(self) -> bytes:
        return sse(self.payload, event=self.kind, id=self.number)


class Telling:
    """Numbers the events of one execution or replay of a run."""

    def __init__(self, seconds: int, *, live: bool) -> None:
        """`seconds`, since the epoch, are when what is told was begun, or was last written to."""
        self.first = (2 * seconds + live) * TELLING  # below 2**53, so that any JSON reader keeps it
        self.frames: list[Frame] = []

    def __call__(self, event: events.Event) -> None:
        self.frames.append(self.frame(event))

    def frame(self, event: events.Event) -> Frame:
        value = events.as_json(event)
        number = None if isinstance(event, events.TextDelta) else self.first + len(self.frames) + 1
        return Frame(number, value["event"], json.dumps(value, ensure_ascii=False))

    def after(self, number: int) -> list[Frame]:
        """The frames with higher numbers; all of them for a number of another telling."""
        return self.frames[number - self.first :] if self.knows(number) else list(self.frames)

    def knows(self, number: int) -> bool:
        return 0 < number - self.first < TELLING


class Writing:
    """A listener that keeps what is being written: of each call that runs, all that its attempt has said."""

    def __init__(self) -> None:
        self._pieces: dict[str, list[events.TextDelta]] = {}  # by step

    def __call__(self, event: events.Event) -> None:
        match event:
            case events.TextDelta():
                pieces = self._pieces.setdefault(event.step, [])
                if pieces and pieces[0].attempt != event.attempt:
                    pieces.clear()
                pieces.append(event)
            case events.CallFinished() | events.CallFailed():
                for step in (event.step, f"{event.step}+repair"):
                    self._pieces.pop(step, None)
            case events.PhaseFinished():  # with calls that were given up
                place = f"{event.scope}r{event.round}/{event.phase}/"
                for step in [each for each in self._pieces if each.startswith(place)]:
                    del self._pieces[step]

    def so_far(self) -> list[events.TextDelta]:
        """One piece of text for each call."""
        return [replace(each[0], text="".join(piece.text for piece in each)) for each in self._pieces.values()]


class WatchedRun(LiveRun):
    """A run whose events are kept, numbered, for whoever watches it."""

    def __init__(self, begun: int) -> None:
        super().__init__()
        self._telling = Telling(begun, live=True)
        self._watchers: set[Channel[Frame]] = set()
        self._writing = Writing()

    def __call__(self, event: events.Event) -> None:
        super().__call__(event)
        self._writing(event)
        if isinstance(event, events.TextDelta):
            if self._watchers:
                self._tell(self._telling.frame(event))
            return
        self._telling(event)
        self._tell(self._telling.frames[-1])

    def _tell(self, frame: Frame) -> None:
        for watcher in self._watchers:
            if frame.number is not None or len(watcher) < MOST_BEHIND:
                watcher.push(frame)

    def close(self) -> None:
        for watcher in self._watchers:
            watcher.close()
        if not self.task.cancelled() and (error := self.task.exception()) is not None:
            log_unexpected(f"the run {self.id}", error)

    async def watch(self, after: int, idle: float) -> AsyncGenerator[Frame | None, None]:
        """The events after that number, then new ones, to the end of the run; None as a sign of life.

        A watcher that has seen nothing yet also gets the text of the calls that are being answered.
        """
        written = [] if self._telling.knows(after) else [self._telling.frame(each) for each in self._writing.so_far()]
        channel = Channel([*self._telling.after(after), *written])
        if self.ended:
            channel.close()
        self._watchers.add(channel)
        try:
            async for frame in channel.read(idle):
                yield frame
        finally:
            self._watchers.discard(channel)


class WatchedRuns(LiveRuns[WatchedRun]):
    """The runs of a server, of which only so many go on at once."""

    def __init__(self, most: int) -> None:
        super().__init__(MOST_KEPT)
        self.most = most  # at once
        self._begun = int(time.time())

    async def start(self, start: Start, listeners: Sequence[events.Listener] = ()) -> WatchedRun:
        """Like `begin`. Raises Refusal where too many runs are going on."""
        if self.working >= self.most:
            message = f"this server works on {self.most} runs already; ask again when one of them has ended"
            raise Refusal(429, message, kind="rate_limit_error", code="too_many_runs", headers={"retry-after": "5"})
        self._begun = max(self._begun + 1, int(time.time()))
        return await self.begin(WatchedRun(self._begun), start, listeners)


async def recorded(folder: RunFolder, after: int) -> list[Frame]:
    """The events after that number, as a replay of the record makes them."""
    journal = folder.journal
    telling = Telling(int(journal.stat().st_mtime) if journal.exists() else 0, live=False)
    await replay(folder.spec(), folder, listeners=[telling])
    return telling.after(after)


def ending(state: JSON) -> Frame:
    """The last frame of a stream of events."""
    return Frame(None, "end", json.dumps(state))
