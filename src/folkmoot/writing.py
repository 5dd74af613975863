"""All that authors of protocols and providers import. What stands here stays from version to version.

A protocol needs `protocol`, `Options`, `Run`, `Call`, a `Format` such as `TEXT`, and returns an `Outcome`; a provider
needs `BaseProvider`, `Settings`, `Request` and `Completion`. `docs/providers.md` shows one of each. What a protocol
counted it says with `sheets`, or with a `Count` of its own.
"""

from folkmoot.core.batch import Batch
from folkmoot.core.calling import Call
from folkmoot.core.run import Run
from folkmoot.counting import sheets
from folkmoot.errors import CallFailed, InputError, ProviderError, TooFewSeats, Unparseable
from folkmoot.formats import TEXT, Format
from folkmoot.prompting import DATA, block
from folkmoot.protocols import Options, protocol
from folkmoot.providers.base import BaseProvider, Settings
from folkmoot.types import (
    Ballot,
    Billing,
    Candidate,
    Completion,
    Count,
    OnText,
    Outcome,
    Provider,
    Request,
    Seat,
    Tally,
    Total,
    Usage,
)  # fmt: skip

__all__ = [
    "DATA", "TEXT", "Ballot", "BaseProvider", "Batch", "Billing", "Call", "CallFailed", "Candidate", "Completion",
    "Count", "Format", "InputError", "OnText", "Options", "Outcome", "Provider", "ProviderError", "Request", "Run",
    "Seat", "Settings", "Tally", "TooFewSeats", "Total", "Unparseable", "Usage", "block", "protocol", "sheets",
]  # fmt: skip
