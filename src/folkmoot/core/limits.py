"""What a run may take: time, calls at once, calls in all, money."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from folkmoot.errors import InputError, Stopped
from folkmoot.types import JSON, Record, Usage

PriceOf = Callable[[str, Usage], float | None]
"""USD at list price for tokens of a model, or None when no price is known."""

UNKNOWN_OUTPUT = 2000  # tokens reserved for a reply before this seat has given any


class Limits(Record):
    """The limits of a run. They never reach a prompt, so a finished run can go on with larger ones."""

    timeout: float | None = None  # seconds for one call with its retries and repair; None: the provider's default
    idle_timeout: float | None = 120.0  # seconds without a sign of life, of seats that stream; None: no limit
    max_concurrent: int = 0  # calls at once; 0: no limit but the providers' own
    budget: float | None = None  # USD
    max_calls: int | None = None  # attempts that reach a provider
    retries: int = 2  # further attempts after a failure that may pass
    backoff: float = 1.0  # seconds before the first retry, doubled for each further one


def limits_given(given: Mapping[str, Any]) -> JSON:
    """Fields of Limits as somebody wrote them, in the form that Limits has: no silence at all is no limit on it.

    Raises InputError for what is no limit.
    """
    numbers = {name: value for name, value in given.items() if value is not None}
    problems = [
        f"{name} must be more than 0" for name in ("timeout", "budget", "max_calls") if not numbers.get(name, 1) > 0
    ]
    problems += [
        f"{name} cannot be negative"
        for name in ("idle_timeout", "max_concurrent", "retries", "backoff")
        if not numbers.get(name, 0) >= 0
    ]
    problems += [f"{name} must be a finite number" for name, value in numbers.items() if math.isinf(value)]
    if problems:
        raise InputError(*problems)
    return {**given, **({"idle_timeout": None} if given.get("idle_timeout") == 0 else {})}


@dataclass
class Purse:
    """The money and calls of one run: reserved before each attempt, settled after it.

    Within a budget no attempt starts whose likely cost is not covered, and the length of the reply is capped at what
    was set aside for it. The run of a panel that has a seat spends from the purse of the `outer` run too.
    """

    limits: Limits
    price: PriceOf
    spent: float = 0.0  # USD
    attempts: int = 0
    outer: "Purse | None" = None
    name: str = ""  # tells this run's steps and seats from others' in the outer purse
    refused: Stopped | None = None  # what the outer purse last said no with
    _reserved: dict[str, float] = field(default_factory=dict)  # step -> USD
    _outputs: dict[str, list[int]] = field(default_factory=dict)  # seat -> output tokens of its replies

    def reserve(self, step: str, seat: str, model: str, tokens: int, limit: int | None) -> int | None:
        """Set money aside for an attempt of about `tokens` of input; return the most tokens it may write.

        Raises Stopped when the budget or the number of calls does not allow it.
        """
        allowed = self._reserve(step, seat, model, tokens, limit)
        if self.outer is None:
            return allowed
        try:
            without = self.outer.reserve(f"{self.name}{step}", f"{self.name}{seat}", model, tokens, limit)
        except Stopped as stop:
            self.refused = stop
            self.attempts -= 1
            self._reserved.pop(step, None)
            raise
        return min((each for each in (allowed, without) if each is not None), default=None)

    def _reserve(self, step: str, seat: str, model: str, tokens: int, limit: int | None) -> int | None:
        if self.limits.max_calls is not None and self.attempts >= self.limits.max_calls:
            raise Stopped("max_calls", f"the run may make {self.limits.max_calls} calls, and has made them")
        self.attempts += 1
        if self.limits.budget is None:
            return None
        reading = self.price(model, Usage(input_tokens=tokens)) or 0.0
        per_token = (self.price(model, Usage(output_tokens=1000)) or 0.0) / 1000
        likely = self.likely_output(seat)
        if limit is not None:
            likely = min(likely, limit)
        free = self.limits.budget - self.spent - sum(self._reserved.values())
        if reading + likely * per_token > free:
            self.attempts -= 1
            aside = sum(self._reserved.values())
            waiting = f" (${aside:.4f} is set aside for calls that are being made)" if aside else ""
            raise Stopped(
                "over_budget",
                f"${free:.4f} of ${self.limits.budget:.2f} is left{waiting}, and the next call may cost "
                f"${reading + likely * per_token:.4f}",
            )
        if not per_token:
            self._reserved[step] = reading
            return None
        # Room for a reply much longer than usual, as long as that leaves money for the other seats.
        room = max(4 * likely, UNKNOWN_OUTPUT)
        allowed = max(likely, int(min(room, (free - reading) / 4 / per_token)))
        self._reserved[step] = reading + allowed * per_token
        return allowed

    def settle(self, step: str, seat: str, usd: float | None, usage: Usage | None) -> None:
        """Replace what was set aside for `step` by what it cost; what nobody can price costs what was set aside."""
        reserved = self._reserved.pop(step, 0.0)
        self.spent += reserved if usd is None else usd
        if usage is not None:
            self._outputs.setdefault(seat, []).append(usage.output_tokens)
        if self.outer is not None:
            self.outer.settle(f"{self.name}{step}", f"{self.name}{seat}", usd, usage)

    def likely_output(self, seat: str) -> int:
        """The 95th percentile of what this seat wrote in this run; 2,000 tokens before it wrote anything."""
        seen = sorted(self._outputs.get(seat, ()))
        return seen[min(len(seen) - 1, int(len(seen) * 0.95))] if seen else UNKNOWN_OUTPUT
