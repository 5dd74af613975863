"""A run as lines of text that are only ever added: for pipes and logs, and above the live board of a terminal."""

from dataclasses import dataclass, field
from types import TracebackType

from folkmoot import events
from folkmoot.render.sheets import count_table
from folkmoot.render.wording import Stream, Style, duration, one_line, paint, score_table
from folkmoot.types import Outcome, Result

VERBS = {
    "answer": "answered",
    "confirm": "confirmed",
    "search": "searched",
    "propose": "proposed",
    "evaluate": "evaluated",
    "review": "reviewed",
    "rebut": "rebutted",
    "vote": "voted",
    "rank": "ranked",
    "arbitrate": "arbitrated",
    "synthesize": "synthesized",
}
"""What a seat did when a call of a phase is finished."""

TROUBLE = {
    "rate": "rate limited",
    "server": "server error",
    "timeout": "no answer in time",
    "idle": "gone silent",
    "empty": "empty answer",
    "protocol": "garbled answer",
}

ENDINGS = {
    "max_rounds_exceeded": "Not converged",
    "insufficient_models": "Too few seats",
    "over_budget": "Over budget",
    "max_calls": "No calls left",
}
"""Statuses that read better in other words."""


@dataclass
class _Section:
    """The lines of one phase of one round."""

    heading: str
    headed: bool = False  # whether its heading was written
    open: set[str] = field(default_factory=set)  # steps that are being answered
    heard: set[str] = field(default_factory=set)  # seats that answered or failed
    over: bool = False
    held: list[str] = field(default_factory=list)  # lines that wait for earlier sections


class PlainView:
    """A listener that writes to `stream`, flushed line by line.

    A phase may begin before the one before it has ended; its lines are held back until then, so that each heading
    stands once. Leaving it as a context, or `finish`, writes what is still held back when a run breaks off.
    """

    def __init__(self, stream: Stream, *, colour: bool = False) -> None:
        self._stream, self._colour = stream, colour
        self._names: dict[str, str] = {}  # seat -> id
        self._attending: set[str] = set()
        self._sections: dict[str, _Section] = {}  # by what their steps begin with, the oldest first
        self._shown = ""  # the section whose heading was written last
        self._verdict = ""
        self._recorded: int | None = None  # calls that a resumed run found in its record; None: nothing to say of it

    def __enter__(self) -> "PlainView":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish()

    def finish(self) -> None:
        """Write what is held back."""
        for place, section in self._sections.items():
            if section.held:
                self._release(place, section)
        self._sections = {place: section for place, section in self._sections.items() if not section.over}

    def __call__(self, event: events.Event) -> None:
        match event:
            case events.CallEvent():
                self._call(event)
            case events.RunStarted():
                self._names = {seat.name: one_line(seat.id) for seat in event.seats}
                self._attending = set(self._names)
                self._recorded = 0 if event.resumed else None
            case events.RoundStarted():
                self.finish()
                self._sections.clear()
                self._shown = self._verdict = ""
                scope = f" ({event.scope.rstrip('/')})" if event.scope else ""
                self._write("", self._paint(f"  Round {event.round}/{event.total}{scope}", "strong"))
            case events.PhaseStarted():
                self._open(f"{event.scope}r{event.round}/{event.phase}")
                self._advance()
            case events.PhaseFinished():
                if section := self._sections.get(f"{event.scope}r{event.round}/{event.phase}"):
                    section.over = True
                    self._advance()
            case events.SeatDropped():
                self.finish()
                self._attending.discard(event.seat)
                self._remark(f"{self._name(event.seat)} takes no further part: {one_line(event.reason)}")
            case events.ModelMismatch():
                self._remark(f"{one_line(event.asked)} was answered by another model: {one_line(event.answered)}")
            case events.Notice():
                self._remark(one_line(event.message))
            case events.Offered():
                # without a reason it is only kept in case the run is stopped
                if event.outcome.scores or (event.outcome.met and event.outcome.explanation):
                    self.finish()
                    self._decide(event.outcome)
            case events.RunFinished():
                self.finish()
                self._end(event.result)

    def _call(self, event: events.CallEvent) -> None:
        place = event.step.rpartition("/")[0]
        step = event.step.removesuffix("+repair")
        line = None
        match event:
            case events.TextDelta():
                return
            case events.CallStarted():
                self._open(place).open.add(step)
                self._say_recorded()
            case events.CallFinished():
                line = f"{self._paint('✓', 'good')} {self._did(event)}"
                self._ended(place, step, event.seat, event.replayed)
            case events.CallFailed():
                line = f"{self._paint('✗', 'bad')} {self._who(event)}: {one_line(event.message)}"
                self._ended(place, step, event.seat, event.replayed)
            case events.AttemptFailed():
                trouble = TROUBLE.get(event.kind, event.kind)
                wait = f"trying again in {duration(event.wait)}" if event.wait else "trying again"
                line = f"{self._paint('…', 'warning')} {self._who(event)}: {trouble}, {wait}"
            case events.RepairAsked():
                reason = one_line(event.message).rstrip(".")
                line = f"{self._paint('…', 'warning')} {self._who(event)}: unreadable ({reason}), asked once more"
        if line is not None:
            self._open(place).held.append(f"    {line}")
        self._advance()

    def _open(self, place: str) -> _Section:
        if place not in self._sections:
            scope, _, phase = place.rpartition("/")
            within = scope.rpartition("/")[0]
            self._sections[place] = _Section(f"  ── {within + '/' if within else ''}{phase} ──")
        return self._sections[place]

    def _ended(self, place: str, step: str, seat: str, replayed: bool) -> None:
        section = self._open(place)
        section.open.discard(step)
        section.heard.add(seat)
        if replayed and self._recorded is not None:
            self._recorded += 1

    def _advance(self) -> None:
        """Write the lines of the oldest section, and of those after it while it is complete."""
        while self._sections:
            place, section = next(iter(self._sections.items()))
            self._release(place, section)
            # A call that waits for a slot has not started: a seat not heard of may still have its say.
            complete = section.over or (not section.open and section.heard >= self._attending)
            if not complete or (len(self._sections) == 1 and not section.over):
                return
            del self._sections[place]

    def _release(self, place: str, section: _Section) -> None:
        if self._shown != place and (section.held or not section.headed):
            self._shown, section.headed = place, True
            self._write(self._paint(section.heading, "faint"))
        if section.held:
            self._write(*section.held)
            section.held = []

    def _say_recorded(self) -> None:
        """In a resumed run, before the first call that is really made: how many were in its record."""
        if self._recorded:
            noun = "call was" if self._recorded == 1 else "calls were"
            self._remark(f"{self._recorded} {noun} on record and not asked again")
        self._recorded = None

    def _decide(self, outcome: Outcome) -> None:
        verdict = self._conclusion(outcome)
        if verdict == self._verdict:
            return
        self._verdict = verdict
        self._shown = ""
        self._write(self._paint(verdict, "strong"))
        also = [each.seat for each in outcome.answers]
        self._write(
            *score_table(outcome.scores, self._names, outcome.leader, also=also, colour=self._colour)
            or count_table(outcome.counts, self._names, colour=self._colour)
        )

    def _conclusion(self, outcome: Outcome) -> str:
        words = ENDINGS.get(outcome.status) or one_line(outcome.status.replace("_", " ").capitalize())
        reason = f" ({one_line(outcome.explanation)})" if outcome.explanation else ""
        if outcome.met and outcome.winner and len(outcome.answers) > 1:
            return f"  → {words}! Winner: {self._name(outcome.winner)}{reason}"
        return f"  → {words}{reason}"

    def _end(self, result: Result) -> None:
        """A run that ended otherwise than by its last offer."""
        verdict = self._conclusion(result.outcome)
        if verdict != self._verdict:
            self._verdict = verdict
            self._write(self._paint(verdict, "strong"))

    def _did(self, event: events.CallFinished) -> str:
        who, brief = self._who(event), one_line(event.brief)
        if len(event.key) > 1:
            return f"{who}: {brief}"
        phase = event.step.split("/")[-2]
        did = VERBS.get(phase, f"({phase})")
        return f"{who} {did} {brief}" if brief.startswith("(") else f"{who} {did} — {brief}"

    def _who(self, event: events.CallEvent) -> str:
        """The seat that is asked, and whom or what it is asked about."""
        return " → ".join((self._name(event.seat), *(self._name(each) for each in event.key[1:])))

    def _name(self, seat: str) -> str:
        return self._names.get(seat, one_line(seat))

    def _remark(self, text: str) -> None:
        indent = "    " if self._shown else "  "
        self._write(f"{indent}{self._paint('!', 'warning')} {text}")

    def _paint(self, text: str, style: Style) -> str:
        return paint(text, style, self._colour)

    def _write(self, *lines: str) -> None:
        if lines:
            self._stream.write("".join(f"{line}\n" for line in lines))
            self._stream.flush()
