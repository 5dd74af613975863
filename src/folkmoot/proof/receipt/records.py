"""What a receipt holds. Whatever the record cannot tell is None, with the reason beside it."""

from folkmoot.types import Record, Usage


class Alone(Record):
    """What one seat would have answered without the others: its answer of the first round."""

    seat: str
    model_id: str
    answer: str | None = None  # None: it gave none
    conclusion: str | None = None  # the short answer that it states
    same_as_result: bool | None = None


class PlainVote(Record):
    """What a plurality of the first answers says, each seat counting once; ties go to the earlier seat."""

    answer: str | None = None  # None: cannot be told
    model_id: str | None = None  # of the first seat that gave it
    votes: int = 0
    of: int = 0  # seats, also those that did not answer
    tied: bool = False
    same_as_result: bool | None = None
    why: str = ""  # it cannot be told


class LeftOut(Record):
    """The same run without one seat, computed from what the others said.

    What flips is which answer leads, or whether the rule is met; what a chair would then have written, nobody knows.
    """

    seat: str
    model_id: str
    flips: bool | None = None  # whether another answer would lead, or the rule be met otherwise
    status: str | None = None
    ahead: str | None = None  # model id
    exact: bool = False  # whether none of what the others said was said with this seat's words before them
    why: str = ""  # it cannot be told


class PhaseWorth(Record):
    """What the calls of one kind in one round cost, and what they did. Attempts that failed are counted in."""

    scope: str = ""  # of a protocol inside the protocol, e.g. "converge/"
    round: int
    phase: str
    calls: int = 0
    usage: Usage = Usage()
    usd: float | None = 0.0  # None: at least one call has no known price
    list_usd: float | None = None  # of calls that cost nothing here, at list price
    seconds: float = 0.0  # in which at least one of them was running
    ahead: str | None = None  # who led afterwards; model id
    changed: bool | None = None  # whether another answer led than before; None: nothing led before, or nobody can say


class EffectiveVotes(Record):
    """How many independent votes the panel amounts to: n / (1 + (n - 1) r)."""

    votes: float | None = None
    of: int = 0  # n
    correlation: float | None = None  # r, from 0 to 1
    source: str | None = None  # scores: mean correlation of judges; answers: share of pairs that agree
    why: str = ""  # it cannot be told


class Dissent(Record):
    """A seat whose last answer is not known to conclude what the result does."""

    seat: str
    model_id: str
    says: str
    differs: bool | None  # None: nobody can say without reading both


class Receipt(Record):
    run_id: str
    status: str
    ahead: str | None = None  # model id
    alone: tuple[Alone, ...] = ()
    plain_vote: PlainVote = PlainVote()
    left_out: tuple[LeftOut, ...] = ()
    phases: tuple[PhaseWorth, ...] = ()
    effective_votes: EffectiveVotes = EffectiveVotes()
    dissent: tuple[Dissent, ...] = ()
