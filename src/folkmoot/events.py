"""The events of a run, for listeners: a terminal, JSON lines, a browser, a tracer.

Events are made when something happens and are never read back: a replay makes them again, marked `replayed`.
A listener is a plain function; one that raises is a bug of the listener and ends the run.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from folkmoot.types import JSON, Outcome, Record, Result, Seat, Usage


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened."""


@dataclass(frozen=True, slots=True)
class RunStarted(Event):
    run_id: str
    protocol: str
    prompt: str
    seats: tuple[Seat, ...]
    options: Mapping[str, Any]
    folder: str | None
    resumed: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)  # seat -> "Answer C"


@dataclass(frozen=True, slots=True)
class RoundStarted(Event):
    round: int
    total: int  # the most rounds there can be
    scope: str = ""  # of a protocol inside a protocol, e.g. "converge/"


@dataclass(frozen=True, slots=True)
class PhaseStarted(Event):
    """Calls of one kind begin. More may be added while the phase runs."""

    round: int
    phase: str
    scope: str = ""


@dataclass(frozen=True, slots=True)
class PhaseFinished(Event):
    round: int
    phase: str
    seconds: float
    scope: str = ""


@dataclass(frozen=True, slots=True)
class CallEvent(Event):
    """An event of one call. `key` is the key of the reply in the protocol's tables, as seat names."""

    step: str
    seat: str  # the one that is asked: s1, s2, ...
    key: tuple[str, ...]  # (seat,) or (judge, author)


@dataclass(frozen=True, slots=True)
class CallStarted(CallEvent):
    """The first attempt of a call begins; waiting for a slot is over."""

    attempt: int = 1
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class CallWaits(CallEvent):
    """An attempt waits without a slot: for the rate limit of its provider, or for money that others have reserved."""

    why: Literal["rate", "budget"]
    position: int  # in the queue of the provider's account, from 1; 0 for money
    seconds: float  # until the queue moves, as far as the provider said


@dataclass(frozen=True, slots=True)
class Charged(CallEvent):
    """What one attempt cost that somebody bills: also one that failed, was cancelled or could not be read.

    The sum over a run's events is what the run cost. A replay, which costs nothing, has none.
    """

    usd: float | None  # None: nobody knows
    at_most_usd: float | None  # `usd`, or an upper bound; None: the model has no known price
    usage: Usage | None


@dataclass(frozen=True, slots=True)
class TextDelta(CallEvent):
    """New text of a running attempt. A higher `attempt` discards what came before."""

    text: str
    attempt: int


@dataclass(frozen=True, slots=True)
class AttemptFailed(CallEvent):
    """An attempt failed and another one follows after `wait` seconds."""

    attempt: int
    kind: str
    message: str
    wait: float


@dataclass(frozen=True, slots=True)
class RepairAsked(CallEvent):
    """A reply could not be read; the seat is shown why and asked once more."""

    message: str


@dataclass(frozen=True, slots=True)
class CallFinished(CallEvent):
    """A reply is on disk and has been read."""

    text: str
    value: object  # what the format read
    brief: str  # one line about it
    seconds: float
    usage: Usage | None
    usd: float | None
    list_usd: float | None
    replayed: bool = False
    answered_by: str | None = None  # the model that really answered


@dataclass(frozen=True, slots=True)
class CallFailed(CallEvent):
    kind: str
    message: str
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Inside(Event):
    """Something other than new text happened in the run of a panel that has a seat, while it answers `step`."""

    step: str
    seat: str
    happened: Event


@dataclass(frozen=True, slots=True)
class SeatDropped(Event):
    seat: str
    reason: str
    round: int


@dataclass(frozen=True, slots=True)
class ModelMismatch(Event):
    """Another model answered than the one that was asked for."""

    seat: str
    asked: str
    answered: str


@dataclass(frozen=True, slots=True)
class Offered(Event):
    """The best answer so far. The last one offered stands, whatever ends the run."""

    outcome: Outcome
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Notice(Event):
    """A message for people, in one sentence."""

    message: str


@dataclass(frozen=True, slots=True)
class RunFinished(Event):
    result: Result


Listener = Callable[[Event], None]


def as_json(event: Event) -> JSON:
    """An event as one JSON object; its kind under `event`, in snake case.

    An offer goes without its count sheets: they grow with every round, and the result has them all.

    >>> as_json(PhaseStarted(1, "propose"))
    {'event': 'phase_started', 'round': 1, 'phase': 'propose', 'scope': ''}
    """
    name = type(event).__name__
    kind = "".join("_" + letter.lower() if letter.isupper() else letter for letter in name).lstrip("_")
    if isinstance(event, Offered):
        return {
            "event": kind,
            "outcome": event.outcome.model_dump(mode="json", exclude={"counts"}),
            "scope": event.scope,
        }
    return {"event": kind} | {each.name: _plain(getattr(event, each.name)) for each in fields(event)}


def _plain(value: object) -> Any:
    if isinstance(value, Record):
        return value.model_dump(mode="json")
    if isinstance(value, Event):
        return as_json(value)
    if isinstance(value, Mapping):
        return {(">".join(key) if isinstance(key, tuple) else str(key)): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)
