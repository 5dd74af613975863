"""Which seats still take part in a run, and when a seat leaves it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from folkmoot.errors import PERMANENT, CallFailed

UNANSWERED_PHASES = 2  # phases in a row without any reply after which a seat leaves the run


@dataclass
class Attendance:
    """The members of a run and those that left it. A run and the protocols inside it share one."""

    seats: list[str]
    keeps_all: bool = False  # the protocol asks every seat again, whatever happened to it
    dropped: dict[str, str] = field(default_factory=dict)  # seat -> why it left
    silent: Counter[str] = field(default_factory=Counter)  # seat -> phases in a row without a reply
    left_out: tuple[str, ...] = ()  # labels of seats that are in the record but not part of this replay

    def end_phase(
        self, asked: Iterable[str], answered: set[str], failed: Mapping[str, CallFailed]
    ) -> Mapping[str, CallFailed]:
        """Count the replies of a phase and return the seats that leave now, with the failure that decided it.

        A seat leaves on a permanent error, or after UNANSWERED_PHASES phases without any reply. A reply that cannot be
        read is an abstention, not an absence: the seat is there.
        """
        leaving: dict[str, CallFailed] = {}
        for seat in dict.fromkeys(asked):
            if self.keeps_all:
                break
            failure = failed.get(seat)
            if failure is None or seat in self.dropped or seat in answered or failure.kind == "unparseable":
                self.silent[seat] = 0
            else:
                self.silent[seat] += 1
            if failure is None or seat in self.dropped:
                continue
            if failure.kind in PERMANENT or self.silent[seat] >= UNANSWERED_PHASES:
                self.dropped[seat] = str(failure)
                leaving[seat] = failure
        return leaving
