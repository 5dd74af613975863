"""Every exception of Folkmoot.

FolkmootError
├── InputError            what was asked cannot be run; nothing was spent              (exit 4)
│   └── RunLocked         another process is working on this run
├── TooFewSeats           fewer seats answered than the protocol needs                 (exit 3)
├── CallFailed            one call has no usable reply; the protocol may go on without it
├── ProviderError         one attempt failed; the run decides whether to try again
├── Unparseable           a reply holds no value of its format; it is asked for again once
├── Stopped               the run may not spend any more: budget, --max-calls, a stall (exit 2)
├── ReplayMismatch        the record holds another conversation than the one now asked
└── JournalCorrupt        a line of a journal, other than a torn last one, cannot be read
"""

from typing import Literal

FailureKind = Literal[
    "auth",  # the key or the log-in was refused, or there is none
    "model",  # the provider does not know this model
    "request",  # the provider refuses this request, and would refuse it again
    "rate",  # too many requests
    "server",  # 5xx, overloaded, connection refused or lost
    "timeout",  # the step's wall clock ran out
    "idle",  # nothing was heard for too long
    "empty",  # an answer without text
    "protocol",  # what came back is not what this provider speaks
    "missing",  # the program, package or recording is not here
    "unparseable",  # the reply, also after one repair, holds no value of its format
    "unrecorded",  # a recording holds first answers only, and no opinion of others
    "late",  # a person did not answer in time
    "panel",  # a panel that has a seat came to no answer
]

PERMANENT: frozenset[FailureKind] = frozenset({"auth", "model", "request", "missing"})
RETRYABLE: frozenset[FailureKind] = frozenset({"rate", "server", "empty", "protocol", "idle"})
UNBILLED: frozenset[FailureKind] = frozenset({"rate", *PERMANENT})  # refused before anything was computed


class FolkmootError(Exception):
    """The root: every error that Folkmoot raises on purpose."""


class InputError(FolkmootError):
    """What was asked cannot be run. `problems` holds one line for each thing to mend."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class RunLocked(InputError):
    """Another process is working on this run."""


class TooFewSeats(FolkmootError):
    """Fewer seats answered than the protocol needs."""

    def __init__(self, phase: str, round: int, answered: int, needed: int) -> None:
        super().__init__(f"{answered} of at least {needed} seats answered in round {round} ({phase})")
        self.phase, self.round, self.answered, self.needed = phase, round, answered, needed


class ProviderError(FolkmootError):
    """One attempt failed.

    `retry_after` is in seconds and comes from the provider. `usd` is what the attempt cost all the same: 0.0 when it is
    certain that nothing was billed, None when nobody knows; `at_most_usd` is then an upper bound, where the provider
    has one. `calls` is how many calls it took: more than one only in a panel.
    """

    def __init__(
        self,
        kind: FailureKind,
        message: str,
        *,
        retry_after: float | None = None,
        usd: float | None = None,
        at_most_usd: float | None = None,
        calls: int = 1,
    ) -> None:
        super().__init__(message)
        self.kind: FailureKind = kind
        self.retry_after = retry_after
        self.usd, self.at_most_usd = usd, at_most_usd
        self.calls = calls

    @property
    def permanent(self) -> bool:
        """Whether the same request can never succeed, so that the seat leaves the run."""
        return self.kind in PERMANENT


class CallFailed(FolkmootError):
    """One call has no usable reply, after every attempt and one repair. `reply` is what could not be read."""

    def __init__(self, step: str, seat: str, kind: FailureKind, message: str, *, reply: str | None = None) -> None:
        super().__init__(message)
        self.step, self.seat, self.kind, self.reply = step, seat, kind, reply


class Unparseable(FolkmootError):
    """A reply holds no value of its format. The message is shown to the seat that wrote it."""


class Stopped(FolkmootError):
    """The run may not spend any more money, calls or time. What was offered so far stands.

    `usd`, `at_most_usd` and `calls` are what a panel had taken for an answer that it could not finish.
    """

    def __init__(
        self,
        reason: Literal["over_budget", "max_calls", "stalled"],
        message: str,
        *,
        usd: float | None = 0.0,
        at_most_usd: float | None = None,
        calls: int = 0,
    ) -> None:
        super().__init__(message)
        self.reason, self.usd, self.at_most_usd, self.calls = reason, usd, at_most_usd, calls


class ReplayMismatch(FolkmootError):
    """The record holds another conversation than the one now asked for."""


class JournalCorrupt(FolkmootError):
    """A line of a journal cannot be read, and it is not merely a torn last one."""
