"""The receipt as a part of final.md."""

from collections.abc import Iterable, Sequence

from folkmoot.formats.base import preview
from folkmoot.proof.receipt.records import LeftOut, PhaseWorth, Receipt
from folkmoot.record.markdown import code, inline, money, tokens

QUOTED = 100  # characters of an answer


def receipt_section(receipt: Receipt) -> list[str]:
    """Markdown: a heading, then lists and a table, each to be set off by a blank line."""
    parts: tuple[tuple[str, list[str]], ...] = (
        ("Each seat alone, by its first answer", list(_alone(receipt))),
        ("A plain vote over the first answers", [_vote(receipt)]),
        (
            "Without one seat, taking the words of the others as they are",
            [_left_out(each) for each in receipt.left_out],
        ),
        ("Dissent", list(_dissent(receipt))),
        ("Independent votes", [_effective(receipt)]),
    )
    lists = [f"**{title}**\n\n" + "\n".join(f"- {line}" for line in lines) for title, lines in parts if lines]
    return ["## What the panel was worth", *lists, *_phases(receipt.phases)]


def _same(same: bool | None) -> str:
    return {True: "the same as the result", False: "**not** the result", None: "whether it is the same cannot be told"}[
        same
    ]


def _alone(receipt: Receipt) -> Iterable[str]:
    for each in receipt.alone:
        if each.answer is None:
            yield f"{code(each.model_id)}: no first answer"
        else:
            yield f"{code(each.model_id)}: {_quote(each.conclusion or each.answer)} ({_same(each.same_as_result)})"


def _vote(receipt: Receipt) -> str:
    vote = receipt.plain_vote
    if vote.answer is None:
        return vote.why
    said = next((each.conclusion for each in receipt.alone if each.model_id == vote.model_id), None) or vote.answer
    tied = ", tied with another, the earlier seat's counts" if vote.tied else ""
    return f"{_quote(said)} with {vote.votes} of {vote.of} votes{tied} ({_same(vote.same_as_result)})"


def _left_out(without: LeftOut) -> str:
    who = f"without {code(without.model_id)}"
    if without.flips is None:
        return f"{who}: cannot be told: {inline(without.why)}"
    if not without.flips:
        return f"{who} nothing changes"
    ahead = code(without.ahead) if without.ahead else "no answer"
    return f"{who} **the result flips**: {ahead} leads, {inline((without.status or '').replace('_', ' '))}"


def _dissent(receipt: Receipt) -> Iterable[str]:
    for each in receipt.dissent:
        if each.differs:
            yield f"{code(each.model_id)}: {_quote(each.says)}"
    if unknown := sum(each.differs is None for each in receipt.dissent):
        yield f"{unknown} more, of which it cannot be told without reading them"


def _effective(receipt: Receipt) -> str:
    found = receipt.effective_votes
    if found.votes is None or found.correlation is None:
        return found.why
    of = "the judges' scores" if found.source == "scores" else "the first answers"
    return f"{found.of} seats count as at least {found.votes:g} (agreement of {of}: {found.correlation:.2f})"


def _phases(phases: Sequence[PhaseWorth]) -> list[str]:
    if not phases:
        return []
    rows = [
        [
            inline(f"{each.scope}round {each.round} {each.phase}"), str(each.calls), tokens(each.usage),
            f"{each.seconds:.1f} s", money(each.usd, each.list_usd), code(each.ahead) if each.ahead else "-",
            {True: "yes", False: "no", None: "-"}[each.changed],
        ]
        for each in phases
    ]  # fmt: skip
    head = ["phase", "calls", "tokens", "time", "cost", "ahead afterwards", "changed what led"]
    table = [head, ["---"] * len(head), *rows]
    return ["\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in table)]


def _quote(text: str) -> str:
    return f'"{inline(preview(text, QUOTED))}"'
