"""Estimate the calls, tokens and cost of a run before it starts: from a rehearsal, and from the protocol's formula.

The rehearsal is the protocol itself, answered by each format's example, so it cannot drift from it. It needs no key,
no program and no network.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from folkmoot.core.limits import UNKNOWN_OUTPUT, PriceOf
from folkmoot.execute import Job, checked, execute
from folkmoot.providers.catalog import LOCAL_SERVERS
from folkmoot.record.store import RunSpec
from folkmoot.types import Billing, Completion, Estimate, OnText, Request, SeatReport, Usage

MANY_SEATS = 5
FREE = {"sim", "recorded", "replay", "human", *LOCAL_SERVERS}


class Rehearsal:
    """A provider that answers with the format's example, and counts `UNKNOWN_OUTPUT` tokens for a text."""

    billing: Billing = "free"
    concurrency: int | None = None
    streams = False
    timeout = 60.0
    attachments: frozenset[str] = frozenset()

    async def complete(self, request: Request, on_text: OnText) -> Completion:
        sent = len(request.system) + sum(len(message.text) for message in request.messages)
        written = UNKNOWN_OUTPUT if request.about.format == "text" else len(request.about.example) // 4 + 1
        usage = Usage(input_tokens=sent // 4 + 1, output_tokens=written)
        return Completion(text=request.about.example, usage=usage, usd=0.0)

    async def aclose(self) -> None:
        pass


def _free(model: str, spec: RunSpec) -> bool:
    """Return whether a model costs nothing: simulations, recordings, commands, local models."""
    name = model.partition("/")[0]
    table = spec.providers.get(name, {})
    return name in FREE or "command" in table or table.get("billing") == "free"


async def estimate(job: Job, price: PriceOf) -> Estimate:
    """Calls, tokens and USD: `typical` as rehearsed, `max` by the protocol's formula.

    USD are None where a seat has no known price; agent CLIs and local models are priced by what their subscription or
    electricity covers only once they really answer, so list prices are shown here.
    """
    spec, protocol, options = job.spec, job.protocol, job.options
    seats = sum(seat.duty == "member" for seat in spec.seats)
    rehearsed = await execute(job, {seat.provider: Rehearsal() for seat in spec.seats})
    inside = await _inside(spec, price)
    shares = [_share(report, spec, inside, price) for report in rehearsed.seats]
    usd = None if any(each.usd is None for each in shares) else sum(each.usd or 0.0 for each in shares)
    most = protocol.max_calls(options, seats) * max((each.total_calls for each in inside.values()), default=1)
    typical = rehearsed.total_calls + sum(each.further for each in shares)
    return Estimate(
        verb=spec.protocol,
        models=tuple(seat.id for seat in spec.seats),
        max_rounds=getattr(options, "rounds", None),
        calls_per_round=protocol.calls_per_round(options, seats),
        total_calls=most,
        typical_calls=typical,
        input_tokens=sum(each.input_tokens for each in shares),
        output_tokens=sum(each.output_tokens for each in shares),
        usd=usd,
        max_usd=None if usd is None else usd * most / max(typical, 1),
        warning=f"{seats} seats make {protocol.calls_per_round(options, seats)} calls in every round"
        if seats > MANY_SEATS
        else None,
        details=protocol.foretell(options, seats) if protocol.foretell else {},
    )


@dataclass(frozen=True)
class _Share:
    """The share of one seat in a typical run."""

    further: int  # calls made inside a panel that has this seat
    input_tokens: int
    output_tokens: int
    usd: float | None


async def _inside(spec: RunSpec, price: PriceOf) -> dict[str, Estimate]:
    """Estimate one answer of each panel that has a seat, by its model."""
    found: dict[str, Estimate] = {}
    for name in dict.fromkeys(seat.model for seat in spec.seats if seat.provider == "panel"):
        inner = spec.panels[name.partition("/")[2]]
        asked = inner.model_copy(update={"prompt": spec.prompt, "panels": spec.panels, "providers": spec.providers})
        found[name] = await estimate(checked(asked), price)
    return found


def _share(report: SeatReport, spec: RunSpec, inside: Mapping[str, Estimate], price: PriceOf) -> _Share:
    calls, usage = report.calls, report.usage
    if (inner := inside.get(report.model)) is None:
        usd = 0.0 if _free(report.model, spec) else price(report.model, usage)
        return _Share(0, usage.input_tokens, usage.output_tokens, usd)
    usd = None if inner.usd is None else calls * inner.usd
    return _Share(calls * (inner.typical_calls - 1), calls * inner.input_tokens, calls * inner.output_tokens, usd)
