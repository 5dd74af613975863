"""Was it worth it, in sum: the receipts of all runs, by protocol and by month."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass

from folkmoot.errors import FolkmootError, InputError
from folkmoot.proof.receipt import Receipt, receipt
from folkmoot.record.marks import mark_of
from folkmoot.record.store import Home
from folkmoot.types import Record


@dataclass(frozen=True)
class Held:
    """The receipt of one run, with what a sum needs beside it."""

    protocol: str
    month: str  # e.g. 2026-11
    receipt: Receipt
    seats: int
    verdict: str | None = None  # how somebody marked it


class PhaseSum(Record):
    """The phases of one name in one protocol."""

    phase: str
    runs: int  # in which it is known whether it changed what led
    changed: int
    unknown: int  # runs in which nothing led before, or nobody can say
    calls: int
    usd: float | None  # None: a price is unknown
    tokens: int


class ReceiptSum(Record):
    """What panels came to, in the runs of one protocol or month."""

    name: str
    runs: int
    compared: int  # in which it is known whether the result differs from the first seat's answer
    changed: int  # in which it does
    changed_right: int = 0  # of these, those that somebody marked right
    changed_wrong: int = 0  # or wrong
    calls: int  # of all runs
    further_calls: int  # beyond one for each run, which the first seat alone would have taken
    usd: float | None
    tokens: int
    seconds: float
    phases: tuple[PhaseSum, ...] = ()


class Receipts(Record):
    whole: ReceiptSum
    protocols: tuple[ReceiptSum, ...]
    months: tuple[ReceiptSum, ...]  # the oldest first


async def held_at(home: Home) -> AsyncIterator[Held]:
    """The receipts of every run with at least two members; those that cannot be read are passed over."""
    for folder in home.folders():
        try:
            spec = folder.spec()
            members = [seat for seat in spec.seats if seat.duty == "member"]
            if len(members) < 2:
                continue
            found = await receipt(spec, folder, left_out=False)
        except FolkmootError:
            continue
        mark = mark_of(folder)
        yield Held(spec.protocol, spec.created[:7], found, len(members), mark.verdict if mark else None)


def sum_up(runs: Sequence[Held]) -> Receipts:
    """Raises InputError where there is no run of a panel."""
    if not runs:
        raise InputError("there are no runs of two seats or more to sum up")
    protocols = sorted({each.protocol for each in runs})
    months = sorted({each.month for each in runs})
    return Receipts(
        whole=_sum("all", runs),
        protocols=tuple(
            _sum(name, [each for each in runs if each.protocol == name], phases=True) for name in protocols
        ),
        months=tuple(_sum(month, [each for each in runs if each.month == month]) for month in months),
    )


def _sum(name: str, runs: Sequence[Held], *, phases: bool = False) -> ReceiptSum:
    same = [(each, each.receipt.alone[0].same_as_result) for each in runs if each.receipt.alone]
    changed = [each for each, alike in same if alike is False]
    calls = sum(phase.calls for each in runs for phase in each.receipt.phases)
    return ReceiptSum(
        name=name,
        runs=len(runs),
        compared=sum(alike is not None for _, alike in same),
        changed=len(changed),
        changed_right=sum(each.verdict == "right" for each in changed),
        changed_wrong=sum(each.verdict == "wrong" for each in changed),
        calls=calls,
        further_calls=calls - len(runs),
        usd=_added(phase.usd for each in runs for phase in each.receipt.phases),
        tokens=sum(p.usage.input_tokens + p.usage.output_tokens for each in runs for p in each.receipt.phases),
        seconds=round(sum(phase.seconds for each in runs for phase in each.receipt.phases), 1),
        phases=tuple(_phases(runs)) if phases else (),
    )


def _phases(runs: Sequence[Held]) -> Iterable[PhaseSum]:
    names = dict.fromkeys(phase.phase for each in runs for phase in each.receipt.phases)
    for name in names:
        own = [phase for each in runs for phase in each.receipt.phases if phase.phase == name]
        known = [phase.changed for phase in own if phase.changed is not None]
        yield PhaseSum(
            phase=name,
            runs=len(known),
            changed=sum(known),
            unknown=len(own) - len(known),
            calls=sum(phase.calls for phase in own),
            usd=_added(phase.usd for phase in own),
            tokens=sum(phase.usage.input_tokens + phase.usage.output_tokens for phase in own),
        )


def _added(amounts: Iterable[float | None]) -> float | None:
    known = list(amounts)
    return None if None in known else round(sum(each for each in known if each is not None), 6)


def receipts_text(found: Receipts) -> str:
    whole = found.whole
    lines = [_sentence(whole), ""]
    for title, sums in (("By protocol", found.protocols), ("By month", found.months)):
        lines.append(title)
        lines += [f"  {each.name:<12} {_figures(each)}" for each in sums]
        lines.append("")
    lines.append("What each phase changed")
    for each in found.protocols:
        for phase in each.phases:
            idle = "  changed nothing" if phase.runs and not phase.changed else ""
            lines.append(
                f"  {each.name:<12} {phase.phase:<12} changed what led in {phase.changed} of {phase.runs}, "
                f"{phase.calls} calls, {money(phase.usd)}{idle}"
            )
    return "\n".join(lines) + "\n"


def _sentence(whole: ReceiptSum) -> str:
    if not whole.compared:
        return f"{whole.runs} runs; whether the panel changed the first seat's answer cannot be told of any."
    share = 100 * whole.changed / whole.compared
    each = ""
    if whole.changed:
        price = "" if whole.usd is None or not whole.usd else f" and {money(whole.usd / whole.changed)}"
        each = f"; each change took {whole.further_calls / whole.changed:.1f} further calls{price}"
    marked = whole.changed_right + whole.changed_wrong
    right = f". Of the changes that were marked, {whole.changed_right} of {marked} were right" if marked else ""
    return (
        f"In {whole.changed} of {whole.compared} runs ({share:.0f} %) the panel changed the first seat's answer"
        f"{each}{right}."
    )


def _figures(each: ReceiptSum) -> str:
    known = f"changed {each.changed} of {each.compared}" if each.compared else "cannot be told"
    return f"{each.runs} runs, {known}, {each.calls} calls, {each.tokens} tokens, {money(each.usd)}"


def money(usd: float | None) -> str:
    return "price unknown" if usd is None else f"${usd:.4f}"
