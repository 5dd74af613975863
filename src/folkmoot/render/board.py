"""What the live board of a run says: who is doing what just now, how far each phase is, what it has cost so far.

Only the state and its words; drawing is done by terminal.py. An event costs next to nothing here, as there may be
thousands of pieces of text a second.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Literal

from folkmoot import events
from folkmoot.naming import named
from folkmoot.render.spoken import KEPT, Spoken
from folkmoot.render.wording import Style, cost, counted, duration, one_line, short
from folkmoot.types import Usage

Mark = tuple[str, Style]
Standing = Literal["waiting", "answered", "failed", "dropped"]

MARKS: dict[Standing, Mark] = {
    "waiting": ("·", "faint"),
    "answered": ("✓", "good"),
    "failed": ("✗", "bad"),
    "dropped": ("✗", "bad"),
}


@dataclass
class Running:
    """A call that is being answered."""

    since: float
    spoken: Spoken = field(default_factory=Spoken)
    attempt: int = 1
    again_at: float | None = None  # when the next attempt begins
    phase: str = ""  # of the panel that answers it, if one does
    calls: int = 0  # that this panel has had answered

    def hear(self, text: str, attempt: int) -> None:
        if not text:
            return
        if attempt > self.attempt:  # what came before is void
            self.spoken, self.attempt = Spoken(), attempt
        self.again_at = None
        self.spoken.hear(text)

    def look_inside(self, happened: events.Event) -> None:
        match happened:
            case events.PhaseStarted():
                self.phase = happened.phase
            case events.CallFinished() | events.CallFailed():
                self.calls += 1


@dataclass
class BoardRow:
    """One seat."""

    name: str
    names: Mapping[str, str] = field(default_factory=dict)  # of the seats that labels stand for
    running: dict[str, Running] = field(default_factory=dict)  # by step
    last: Standing = "waiting"  # how it stands when nothing is running
    latest: str = ""  # the step that text came for last

    @property
    def active(self) -> bool:
        return bool(self.running)

    @property
    def tail(self) -> str:
        """The end of what is being written, on one line."""
        call = self.running.get(self.latest)
        return one_line(named(call.spoken.tail, self.names), KEPT) if call else ""

    def state(self, now: float) -> tuple[Mark, str]:
        """A mark and a few words."""
        if not self.running:
            return MARKS[self.last], self.last
        calls = list(self.running.values())
        several = f" ×{len(calls)}" if len(calls) > 1 else ""
        if phase := next((call.phase for call in reversed(calls) if call.phase), ""):
            return ("●", "good"), f"{phase}, {counted(sum(call.calls for call in calls), 'call')}{several}"
        if words := sum(call.spoken.words for call in calls):
            return ("●", "good"), f"writing {counted(words, 'word')}{several}"
        if any(call.spoken.judging for call in calls):
            return ("●", "good"), f"judging{several}"
        waits = [call.again_at for call in calls if call.again_at is not None and call.again_at > now]
        if len(waits) == len(calls):
            return ("…", "warning"), f"retrying in {duration(ceil(min(waits) - now))}{several}"
        since = min(max(call.since, call.again_at or 0.0) for call in calls)
        return ("●", "warning"), f"thinking {duration(int(max(now - since, 0)))}{several}"


@dataclass
class PhaseProgress:
    """How far one phase is."""

    phase: str
    started: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    over: bool = False


class Board:
    """A listener that keeps the present state of a run. `now` is in seconds, of any clock that only runs forward."""

    def __init__(self) -> None:
        self.rows: dict[str, BoardRow] = {}
        self.phases: dict[str, PhaseProgress] = {}  # of this round, by what their steps begin with
        self.title = ""  # the protocol and what is asked
        self.began: float | None = None
        self.over = False
        self._round = ""
        self._calls = 0
        self._usage = Usage()
        self._usd = 0.0
        self._list_usd: float | None = None
        self._unknown: dict[str, None] = {}  # seats, in order
        self._wasted = False  # whether something was paid of which no price is told

    def see(self, event: events.Event, now: float) -> None:
        match event:
            case events.TextDelta():
                row = self.rows[event.seat]
                row.latest = event.step.removesuffix("+repair")
                if call := row.running.get(row.latest):
                    call.hear(event.text, event.attempt)
            case events.Inside():
                if call := self.rows[event.seat].running.get(event.step.removesuffix("+repair")):
                    call.look_inside(event.happened)
            case events.CallEvent():
                self._call(event, self.rows[event.seat], now)
            case events.RunStarted():
                self.began = now
                self.title = f"{event.protocol} · {one_line(event.prompt)}"
                names = {event.labels[seat.name]: seat.id for seat in event.seats if seat.name in event.labels}
                self.rows = {seat.name: BoardRow(one_line(seat.id), names) for seat in event.seats}
            case events.RoundStarted():
                self.phases.clear()
                self._round = f"round {event.round}/{event.total}"
                self._rest()
            case events.PhaseStarted():
                if not self._going_on():
                    self._rest()
                place = f"{event.scope}r{event.round}/{event.phase}"
                self.phases.setdefault(place, PhaseProgress(event.phase))
            case events.PhaseFinished():
                if phase := self.phases.get(f"{event.scope}r{event.round}/{event.phase}"):
                    phase.over = True
                if not self._going_on():  # what was still running has been given up
                    for row in self.rows.values():
                        row.running.clear()
            case events.SeatDropped():
                self.rows[event.seat].last = "dropped"
            case events.RunFinished():
                self.over = True

    def _going_on(self) -> bool:
        return any(not phase.over for phase in self.phases.values())

    def _call(self, event: events.CallEvent, row: BoardRow, now: float) -> None:
        place, step = event.step.rpartition("/")[0], event.step.removesuffix("+repair")
        phase = self.phases.setdefault(place, PhaseProgress(place.rpartition("/")[2]))
        match event:
            case events.CallStarted():
                phase.started.add(step)
                row.running[step] = Running(now)
            case events.AttemptFailed():
                self._wasted = True
                row.running[step] = Running(now, attempt=event.attempt, again_at=now + event.wait)
            case events.RepairAsked():
                self._wasted = True
                row.running[step] = Running(now)
            case events.CallFinished():
                self._close(phase, row, step, "answered")
                self._pay(event)
            case events.CallFailed():
                self._wasted = True
                self._close(phase, row, step, "failed")

    def _close(self, phase: PhaseProgress, row: BoardRow, step: str, how: Standing) -> None:
        phase.started.add(step)
        phase.ended.add(step)
        row.running.pop(step, None)
        row.last = how
        self._calls += 1

    def _pay(self, event: events.CallFinished) -> None:
        self._usage += event.usage or Usage()
        self._usd += event.usd or 0.0
        if event.usd is None:
            self._unknown[self.rows[event.seat].name] = None
        if event.list_usd is not None:
            self._list_usd = (self._list_usd or 0.0) + event.list_usd

    def _rest(self) -> None:
        """A new round or phase: nobody is doing anything."""
        for row in self.rows.values():
            row.running.clear()
            if row.last != "dropped":
                row.last = "waiting"

    def totals(self, now: float) -> list[str]:
        """Round, time, calls, tokens and cost so far."""
        if self.began is None:
            return []
        found = [self._round, duration(int(now - self.began)), counted(self._calls, "call")]
        if self._usage.input_tokens + self._usage.output_tokens:
            found.append(f"{short(self._usage.input_tokens)} in, {short(self._usage.output_tokens)} out")
        if self._calls:
            found.append(self._cost())
        return [each for each in found if each]

    def _cost(self) -> str:
        if self._unknown and not self._usd:
            return "price unknown"
        if self._unknown or (self._usd and self._wasted):
            return f"at least {cost(self._usd)}"
        return cost(self._usd, list_usd=self._list_usd, subscription=self._list_usd is not None)
