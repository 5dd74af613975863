"""One call, from its question to a reply that could be read: recall, slot, budget, attempts, record, repair."""

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from folkmoot import events
from folkmoot.core.attempts import Attempts, PendingCall
from folkmoot.core.journal import Entry, Journal
from folkmoot.core.limits import Purse
from folkmoot.core.slots import Clock, Turns
from folkmoot.errors import (
    CallFailed,
    FolkmootError,
    Stopped,
    Unparseable,
)
from folkmoot.formats import Format
from folkmoot.formats.speech import Speech
from folkmoot.naming import plain_model
from folkmoot.stances import told
from folkmoot.types import JSON, About, Attachment, Message, PhaseCensus, Provider, Request, Seat

R = TypeVar("R")

Emit = Callable[[events.Event], None]
BeforeAsking = Callable[[], Awaitable[None]]


class RecordEnds(FolkmootError):
    """A replay without providers came to a call that is not in the record."""


@dataclass(frozen=True, slots=True)
class Call(Generic[R]):
    """One question to one seat.

    `parts` are read as one text: what never changes in the run first, the instruction last, so that providers'
    prompt caches hit. The format's instructions are added at the end.
    """

    seat: str  # s1, s2, ...
    parts: tuple[str, ...]
    format: Format[R]
    system: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a run a call stands."""

    step: str
    phase: str
    round: int
    key: tuple[str, ...]


@dataclass
class RunContext:
    """What every call of a run shares."""

    question: str
    seed: int
    history: tuple[Message, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    run: str = ""


@dataclass
class CallCount:
    """What a run's calls came to so far, in this process."""

    calls: int = 0  # steps answered or failed
    repairs: int = 0
    answered_by: dict[str, str] = field(default_factory=dict)  # seat -> model
    mismatches: set[tuple[str, str]] = field(default_factory=set)  # (asked, answered) that were reported
    failures: list[tuple[Place, CallFailed]] = field(default_factory=list)
    census: list[PhaseCensus] = field(default_factory=list)


class Caller:
    """Makes calls for a run. The only place from which a provider is reached."""

    def __init__(
        self,
        journal: Journal,
        seats: Mapping[str, Seat],
        providers: Mapping[str, Provider],
        conversation: RunContext,
        purse: Purse,
        emit: Emit,
        *,
        enforce: bool = True,
    ) -> None:
        self.journal, self.seats, self.providers = journal, seats, providers
        self.conversation, self.limits, self.purse, self.emit = conversation, purse.limits, purse, emit
        self.enforce = enforce  # whether a recorded reply must belong to the very same request
        self.count = CallCount()
        self.clocks: dict[str, Clock] = {}  # step -> the clock of a call that is being made
        self._turns = Turns()
        self._attempts = Attempts(journal, purse, emit, providers)

    def recorded(self, step: str) -> int | None:
        """The order in which the record has `step`, counting its repair; None if it must be called."""
        entry = self.journal.entries.get(step)
        repair = self.journal.entries.get(step + "+repair")
        return repair.order if repair else entry.order if entry else None

    async def reply(self, place: Place, call: Call[R], before_asking: BeforeAsking) -> R:
        """The parsed reply. Raises CallFailed when there is none, Stopped when the run may not spend any more.

        `before_asking` is waited for when the record does not hold the reply, before the seat is asked for it.
        """
        replayed = self.recorded(place.step) is not None
        try:
            return await self._readable(place, call, replayed, before_asking)
        except CallFailed as failure:
            self.emit(
                events.CallFailed(place.step, call.seat, place.key, failure.kind, str(failure), replayed=replayed)
            )
            raise
        finally:
            self.clocks.pop(place.step, None)

    def tally(self, place: Place, seat: str, failure: CallFailed | None) -> None:
        """Count a call that the protocol was given. One that came after its decision counts as cost only."""
        self.count.calls += 1
        entry, repair = (self.journal.entries.get(step) for step in (place.step, place.step + "+repair"))
        self.count.repairs += repair is not None
        if failure is not None:
            self.count.failures.append((place, failure))
            return
        last = repair or entry
        answered_by = last.completion.model if last is not None and last.completion is not None else None
        if answered_by is not None:
            asked = self.seats[seat].model
            if (asked, answered_by) not in self.count.mismatches and not same_model(asked, answered_by):
                self.count.mismatches.add((asked, answered_by))
                self.emit(events.ModelMismatch(seat, asked, plain_model(answered_by)))
            self.count.answered_by[seat] = answered_by

    async def _readable(self, place: Place, call: Call[R], replayed: bool, before_asking: BeforeAsking) -> R:
        await self._turns.take()
        request = self._request(place, call)
        clock = self.clocks[place.step] = Clock(self._timeout(call.seat))
        entry = await self._entry(place, call.seat, request, clock, before_asking)
        await self._turns.take()
        speech = self._speech(entry)
        try:
            value = call.format.read(speech)
        except Unparseable as reason:
            self.emit(events.RepairAsked(place.step, call.seat, place.key, str(reason)))
            again = replace(place, step=place.step + "+repair")
            repair = _repair(request, again.step, speech, reason, call.format)
            entry = await self._entry(again, call.seat, repair, clock, before_asking)
            speech = self._speech(entry)
            try:
                value = call.format.read(speech)
            except Unparseable as still:
                raise CallFailed(place.step, call.seat, "unparseable", str(still), reply=speech.text) from still
        self._finished(place, call, entry, value, speech.text, replayed)
        return value

    def _finished(self, place: Place, call: Call[R], entry: Entry, value: R, text: str, replayed: bool) -> None:
        done = entry.completion
        assert done is not None
        self.emit(
            events.CallFinished(
                place.step, call.seat, place.key, text, value, call.format.brief(value), entry.seconds,
                done.usage, done.usd, done.list_usd, replayed=replayed, answered_by=done.model,
            )
        )  # fmt: skip

    def _speech(self, entry: Entry) -> Speech:
        """What the seat said. Raises CallFailed where the record holds a failure."""
        if entry.speech is None:
            assert entry.kind is not None
            raise CallFailed(entry.step, entry.seat, entry.kind, entry.message)
        return entry.speech

    async def _entry(
        self, place: Place, seat: str, request: Request, clock: Clock, before_asking: BeforeAsking
    ) -> Entry:
        """The recorded entry of a step, or a new one."""
        fingerprint = digest(request, self.seats[seat].provider)
        entry = self.journal.recall(place.step, fingerprint if self.enforce else None)
        if entry is not None:
            if entry.digest != fingerprint:
                self.journal.misfits.add(place.step)
            return entry
        if refused := self.journal.refused.get(place.step):
            raise Stopped(refused["reason"], refused["message"])
        await before_asking()
        provider = self.providers.get(self.seats[seat].provider)
        if provider is None:
            raise RecordEnds(place.step)
        stored = self._stored(request)
        await self._attempts.make(
            PendingCall(place.step, self.seats[seat], place.key, request, fingerprint, stored, provider, clock)
        )
        return self.journal.entries[place.step]

    def _timeout(self, seat: str) -> float:
        provider = self.providers.get(self.seats[seat].provider)
        return self.limits.timeout if self.limits.timeout is not None else provider.timeout if provider else 0.0

    def _request(self, place: Place, call: Call[R]) -> Request:
        seat = self.seats[call.seat]
        system = "\n\n".join(each for each in (call.system, seat.system, _stance(seat)) if each)
        parts = tuple(part for part in (*call.parts, call.format.instructions) if part)
        about = About(
            self.conversation.question, place.step, place.phase, place.round, seat, call.format.name,
            call.format.example, self.conversation.seed, self.conversation.run,
        )  # fmt: skip
        return Request(
            model=seat.model.partition("/")[2],
            system=system,
            messages=(*self.conversation.history, Message("user", parts)),
            about=about,
            schema=call.format.schema,
            attachments=self.conversation.attachments,
            temperature=seat.temperature,
            effort=seat.effort,
            max_tokens=seat.max_tokens,
        )

    def _stored(self, request: Request) -> JSON:
        return _plain(request) | {
            "messages": [[each.role, [self.journal.part(part) for part in each.parts]] for each in request.messages]
        }


def digest(request: Request, provider: str) -> str:
    """The fingerprint of what would be sent: equal for requests that are one and the same question."""
    asked = _plain(request) | {
        "provider": provider,
        "messages": [[each.role, [len(part) for part in each.parts]] for each in request.messages],
        "attachments": [each.sha256 for each in request.attachments],
    }
    hashed = hashlib.sha256(json.dumps(asked, sort_keys=True, separators=(",", ":")).encode())
    for message in request.messages:
        for part in message.parts:  # not as JSON: escaping long texts takes longer than hashing them
            hashed.update(part.encode("utf-8", "surrogatepass"))
    return hashed.hexdigest()


def same_model(asked: str, answered: str) -> bool:
    """Whether a provider's name for what answered means the model that was asked for.

    Dated snapshots, a vendor's prefix and a note in brackets are the same model.

    >>> same_model("openai/gpt-5.4", "gpt-5.4-2026-03-05"), same_model("google/gemini-3", "models/gemini-3")
    (True, True)
    >>> same_model("opencode/zai/glm-5", "glm-5"), same_model("openai/gpt-5.4", "gpt-5.4-mini")
    (True, False)
    """
    wanted = asked.partition("/")[2].partition("?")[0].rpartition("/")[2].lower()
    got = answered.partition(" (")[0].rpartition("/")[2].lower()
    rest = got.removeprefix(wanted)
    if got == wanted or wanted.removesuffix("-latest") == got:
        return True
    if wanted.endswith("-latest"):
        rest = got.removeprefix(wanted.removesuffix("-latest"))
    return rest != got and (rest.startswith(":") or rest.lstrip("-@").replace("-", "").isdigit())


def _repair(request: Request, step: str, speech: Speech, reason: Unparseable, format: Format[Any]) -> Request:
    text = speech.text.strip() or "(nothing)"  # servers refuse an empty message
    ask = f"Your reply could not be read: {reason}.\n\nGive it again, in this form.\n\n{format.instructions}"
    messages = (*request.messages, Message("assistant", (text,)), Message("user", (ask,)))
    return replace(request, messages=messages, about=replace(request.about, step=step))


def _stance(seat: Seat) -> str:
    return told(seat.role) if seat.role else ""


def _plain(request: Request) -> JSON:
    """What a request asks for, without its messages and attachments; unset fields are left out."""
    fields = ("model", "system", "schema", "temperature", "effort", "max_tokens")
    return {name: value for name in fields if (value := getattr(request, name)) is not None}
