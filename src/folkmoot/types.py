"""The values that pass between Folkmoot's parts: requests, completions, outcomes and results."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, field_validator

JSON = dict[str, Any]
"""A JSON object at an edge: a schema, a line of a journal, a request body."""

Billing = Literal["metered", "subscription", "free", "nested"]
"""Who pays for a call: an API bills it; a flat subscription covers it; nobody does (local, simulated, recorded); or it
is made of calls of a panel, which are billed each for itself."""

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh"]


MEDIA_TYPES: Mapping[str, str] = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".pdf": "application/pdf",
}
"""The attachments a run can have: media type by file name ending."""

PDF = frozenset({"application/pdf"})
IMAGES = frozenset(MEDIA_TYPES.values()) - PDF


class Record(BaseModel):
    """Anything stored or sent: immutable, and strict about keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Seat(Record):
    """One participant of a run: a model with its number, role, sampling options and weight."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    model: str  # provider/model
    number: int = 1  # position in the run, from 1; steps and tables call it s1, s2, ...
    id: str = ""  # the model, with #k when several seats share it; unique in a run
    role: str | None = None  # a stance or persona, put into the system prompt
    system: str | None = None  # added to the system prompt
    temperature: float | None = None
    effort: Effort | None = None
    max_tokens: int | None = None  # for one reply
    weight: float = 1.0
    duty: str = "member"  # or what else it does for the run: arbiter, chair, web, embed; only members are the panel

    @property
    def name(self) -> str:
        return f"s{self.number}"

    @property
    def provider(self) -> str:
        return self.model.partition("/")[0]


class Usage(Record):
    """Tokens of one or more calls. `input_tokens` includes the cached ones, `output_tokens` the reasoning."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0  # input read from the provider's cache
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
        )


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. `parts` are read as one text, joined by blank lines: what never changes comes first."""

    role: Literal["user", "assistant"]
    parts: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n\n".join(self.parts)


@dataclass(frozen=True, slots=True)
class Attachment:
    """An image or a PDF that goes to every seat, in every phase."""

    name: str
    media_type: str  # e.g. image/png
    sha256: str
    content: bytes


@dataclass(frozen=True, slots=True)
class About:
    """The context of a call. It is never sent to a vendor; simulations, recordings and people use it to answer."""

    question: str  # the run's own prompt, unwrapped
    step: str  # e.g. r2/evaluate/s2>s1
    phase: str  # e.g. evaluate
    round: int
    seat: Seat
    format: str  # the format's name, e.g. review
    example: str  # a reply that the format accepts
    seed: int  # of the run
    run: str = ""  # its id


@dataclass(frozen=True, slots=True)
class Request:
    """The request of one attempt to a provider."""

    model: str  # without the provider
    system: str
    messages: tuple[Message, ...]  # earlier turns, then the question; the last one is the user's
    about: About
    schema: JSON | None = None  # JSON schema of the reply, for providers that can enforce one
    attachments: tuple[Attachment, ...] = ()
    temperature: float | None = None
    effort: Effort | None = None
    max_tokens: int | None = None  # set by the user
    cap: int | None = None  # set for the budget's sake; the smaller of the two holds

    @property
    def output_limit(self) -> int | None:
        """The most tokens the reply may take, or None."""
        limits = [limit for limit in (self.max_tokens, self.cap) if limit is not None]
        return min(limits) if limits else None


class Completion(Record):
    """A provider's answer to one request."""

    text: str
    model: str | None = None  # the model that really answered, as the provider names it
    usage: Usage | None = None  # None: the provider does not say
    usd: float | None = None  # what this call cost; 0.0 when free or covered; None: unknown
    at_most_usd: float | None = None  # an upper bound where `usd` is unknown; None: the engine's own
    list_usd: float | None = None  # what it would have cost at list price, where it cost nothing
    calls: int = 1  # attempts that it took; more than one where a panel answered
    finish: Literal["stop", "length"] = "stop"

    @field_validator("text")
    @classmethod
    def _whole_characters(cls, text: str) -> str:
        # Half a surrogate pair, which an escape in JSON can hold, could be neither stored nor sent on.
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@dataclass(frozen=True, slots=True)
class Pace:
    """How much the user lets go to one provider account. None: as much as the provider takes."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


OnText = Callable[[str], None]
"""Called with each new piece of text of the attempt that is running."""


class Provider(Protocol):
    """The interface of a provider, which answers the requests of the seats that name it.

    `complete` raises ProviderError, and nothing else, when an attempt fails; it makes exactly one attempt.
    When it is cancelled, whatever it started ends with it.
    """

    billing: Billing
    concurrency: int | None  # calls it can take at once; None: any number
    streams: bool  # whether `on_text` is called while the answer grows; the idle timeout holds only then
    timeout: float  # seconds, the default for one step
    attachments: frozenset[str]  # media types it takes

    async def complete(self, request: Request, on_text: OnText) -> Completion: ...

    async def aclose(self) -> None:
        """Close connections and processes."""
        ...


class Candidate(Record):
    """One seat's answer as it stands in an outcome."""

    seat: str  # s1, s2, ...
    answer: str
    score: float | None = None  # None: nobody scored it


class Ballot(Record):
    """What one call says about one answer, as a count takes it."""

    seat: str  # the seat that was asked
    about: str | None = None  # whose answer: a seat, or the name of one of its answers; None: the ballot says it itself
    value: bool | int | float | str | None = None  # None: no readable reply, or one that came after the decision
    weight: float = 1.0
    step: str = ""  # the call it came from


class Total(Record):
    """What the ballots about one answer, or those that say the same, amount to."""

    about: str | None = None  # as in a ballot
    says: str = ""  # of a group of ballots: what they say; it has no `about`
    value: float | None = (
        None  # the figure that counts, e.g. a mean score or a number of votes; None: no ballot has one
    )
    seats: tuple[str, ...] = ()  # the seats behind it, where it is a number of votes
    figures: Mapping[str, float] = Field(default_factory=dict)  # what else was computed, by name
    chosen: bool = False  # by the rule; where its condition is not met, this one is merely ahead


class Tally(Record):
    """What a rule gives when it is applied to ballots."""

    totals: tuple[Total, ...] = ()
    met: bool | None = None  # whether the rule's condition is met; None: it has none
    explanation: str = ""  # the rule applied to these ballots, in words and numbers; names no seat


class Count(Record):
    """One count of a round: the ballots, the rule that was applied to them, and what it gives.

    Counts are computed on every run and replay and are never journaled. `counting/sheets.py` makes them.
    """

    rule: str  # mean-score, plurality, ...
    round: int
    scope: str = ""  # of a protocol inside a protocol, e.g. "converge/"
    parameters: Mapping[str, bool | int | float | str | None] = Field(default_factory=dict)
    ballots: tuple[Ballot, ...] = ()
    outcome: Tally = Tally()


@dataclass(frozen=True, slots=True)
class PhaseCalls:
    """The calls that were made in one phase of one round, in the order of their seats."""

    round: int
    scope: str
    steps: Mapping[tuple[str, ...], str]  # key -> step; the seat that was asked stands first in a key


class Outcome(Record):
    """The decision of a protocol."""

    status: str  # converged, max_rounds_exceeded, ...
    met: bool  # whether the protocol's own rule was met
    winner: str | None = None  # a seat
    answer: str | None = None
    answers: tuple[Candidate, ...] = ()  # in seat order
    round: int = 0
    strategy: str = ""  # the rule that decided
    explanation: str = ""  # the rule applied to this run, in words and numbers
    leader: str | None = None  # the seat ahead; the winner, once the rule is met
    scores: tuple[Mapping[str, float], ...] = ()  # one table per round: seat -> score
    counts: tuple[Count, ...] = ()  # the count sheets of all rounds, in the order in which they were made
    details: JSON = Field(default_factory=dict)  # what else this protocol reports; in JSON its keys stand on top


class Failure(Record):
    """A call without a usable reply."""

    step: str
    seat: str
    model_id: str
    round: int
    phase: str
    kind: str
    message: str
    dropped: bool = False  # whether the seat left the run for it


class SeatReport(Record):
    """The part one seat took in a run."""

    model_id: str
    seat: str
    model: str
    answered_by: str | None = None  # the model that really answered
    mismatch: bool = False  # whether that is another model than was asked for
    calls: int = 0
    failures: int = 0
    dropped: bool = False
    usage: Usage = Usage()
    cost_usd: float | None = 0.0  # None: unknown for at least one attempt
    cost_at_most_usd: float | None = None  # with an upper bound for each unknown cost; None: one has no known price
    billing: Billing | None = None  # None: the record does not say


class PhaseCensus(Record):
    """What became of the calls of one phase: `invited` is the sum of answered, abstained, failed and late."""

    phase: str  # with the protocol inside a protocol, e.g. converge/propose
    round: int
    invited: int  # calls that were made
    answered: int
    abstained: int  # replied, but the reply could not be read
    failed: int  # no reply
    late: int  # no reply yet, or none that counts, when the protocol had decided
    dropped: int  # seats that left the run at the end of the phase


class Result(Record):
    """An outcome with its cost and the part each seat took."""

    run_id: str
    protocol: str
    prompt: str
    outcome: Outcome
    seats: tuple[SeatReport, ...]
    failures: tuple[Failure, ...]
    usage: Usage
    cost_usd: float | None  # None: unknown for at least one attempt: no price, or it failed and may be billed
    cost_at_most_usd: float | None = None  # with an upper bound for each unknown cost; None: one has no known price
    list_usd: float | None  # of calls that cost nothing here, at list price
    degraded: bool  # a seat was lost, or a call has no usable reply
    degraded_because: str = ""  # one sentence; empty where nothing was lost
    census: tuple[PhaseCensus, ...] = ()  # in the order in which the phases ended
    total_calls: int  # steps answered or failed
    attempts: int
    repairs: int
    inside: int = 0  # attempts made inside panels that have a seat, beside those of this run
    elapsed_ms: int
    dropped: tuple[str, ...]  # model ids
    folder: str | None = None

    @property
    def status(self) -> str:
        return self.outcome.status

    @property
    def answer(self) -> str | None:
        return self.outcome.answer

    @property
    def best_answer(self) -> str | None:
        """The answer; where none was chosen, the one that is ahead; None where nobody is ahead, as after a fanout."""
        ahead = self.outcome.winner or self.outcome.leader
        return self.answer if self.answer is not None else self._answer_of(ahead)

    def _answer_of(self, seat: str | None) -> str | None:
        return next((each.answer for each in self.outcome.answers if each.seat == seat), None)

    @property
    def exit_code(self) -> int:
        """0: the protocol's rule was met; 3: too few seats; 1: failed without an answer; 2: anything else."""
        if self.outcome.met:
            return 0
        return {"insufficient_models": 3, "failed": 1}.get(self.status, 2)

    @property
    def winner(self) -> SeatReport | None:
        return next((seat for seat in self.seats if seat.seat == self.outcome.winner), None)


class Estimate(Record):
    """The estimate of a run, made before it begins. Prices are list prices."""

    verb: str  # the protocol
    models: tuple[str, ...]
    max_rounds: int | None = None  # None: the protocol has no rounds
    calls_per_round: int
    total_calls: int  # that no run exceeds
    typical_calls: int  # of a rehearsal
    input_tokens: int  # of a typical run
    output_tokens: int
    usd: float | None = None  # of a typical run; 0.0: nobody bills it; None: a price is unknown
    max_usd: float | None = None
    warning: str | None = None
    details: JSON = Field(default_factory=dict)  # what else this protocol foretells; in JSON its keys stand on top
