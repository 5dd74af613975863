"""The receipt in words, for the terminal."""

from collections.abc import Iterable, Sequence

from folkmoot.formats.base import preview
from folkmoot.proof.receipt import Alone, LeftOut, PhaseWorth, Receipt
from folkmoot.render.wording import cost, counted, duration, one_line, paint, short

QUOTED = 60  # characters of an answer


def receipt_text(receipt: Receipt, *, colour: bool = False) -> str:
    """What the panel was worth, in at most a screen; marks: = the same as the result, ≠ another, ? cannot be told."""
    sections: tuple[tuple[str, Iterable[str]], ...] = (
        ("Each seat alone", [_alone(each) for each in receipt.alone]),
        ("A plain vote over the first answers", [_vote(receipt)]),
        (_without_title(receipt.left_out), [_left_out(each) for each in receipt.left_out]),
        ("What each phase cost, and what it changed", _phases(receipt.phases)),
        ("Independent votes", [_effective(receipt)]),
        ("Dissent", _dissent(receipt)),
    )
    lines: list[str] = []
    for title, shown in sections:
        if found := list(shown):
            lines += [paint(title, "strong", colour), *(f"    {line}" for line in found)]
    return "\n".join(lines)


def _mark(same: bool | None) -> str:
    return {True: "=", False: "≠", None: "?"}[same]


def _quote(text: str) -> str:
    return f'"{one_line(preview(text, QUOTED))}"'


def _alone(alone: Alone) -> str:
    if alone.answer is None:
        return f"- {one_line(alone.model_id)} gave no first answer"
    return f"{_mark(alone.same_as_result)} {one_line(alone.model_id)}: {_quote(alone.conclusion or alone.answer)}"


def _vote(receipt: Receipt) -> str:
    vote = receipt.plain_vote
    if vote.answer is None:
        return f"? {vote.why}"
    said = next((each.conclusion for each in receipt.alone if each.model_id == vote.model_id), None) or vote.answer
    tied = ", tied with another; the earlier seat's counts" if vote.tied else ""
    return f"{_mark(vote.same_as_result)} {_quote(said)} with {vote.votes} of {counted(vote.of, 'vote')}{tied}"


def _without_title(left_out: Sequence[LeftOut]) -> str:
    if all(each.exact for each in left_out if each.status is not None):
        return "Without one seat"
    return "Without one seat, taking the words of the others as they are, also where they had read it"


def _left_out(without: LeftOut) -> str:
    who = f"without {one_line(without.model_id)}"
    if without.flips is None:
        return f"? {who}: {one_line(without.why)}"
    ahead = f"{one_line(without.ahead)} leads" if without.ahead else "no answer leads"
    if without.flips:
        return f"≠ {who} the result flips: {ahead} ({one_line(without.status or '').replace('_', ' ')})"
    return f"= {who} nothing changes"


def _phases(phases: Sequence[PhaseWorth]) -> Iterable[str]:
    names = [f"{each.scope}round {each.round} {each.phase}" for each in phases]
    width = max(map(len, names), default=0)
    for name, each in zip(names, phases, strict=True):
        tokens = f"{short(each.usage.input_tokens)} in, {short(each.usage.output_tokens)} out"
        paid = cost(each.usd or 0.0, unknown=[] if each.usd is not None else ["some calls"], list_usd=each.list_usd)
        effort = f"{counted(each.calls, 'call')}, {tokens}, {duration(each.seconds)}, {paid}"
        yield f"{one_line(name):<{width}}  {effort}{_effect(each)}"


def _effect(phase: PhaseWorth) -> str:
    ahead = one_line(phase.ahead or "")
    if phase.changed is True:
        return f" → another answer led{f': {ahead}' if ahead else ''}"
    if phase.changed is False:
        return " → changed nothing"
    return f" → {ahead} led" if ahead else ""


def _effective(receipt: Receipt) -> str:
    found = receipt.effective_votes
    if found.votes is None or found.correlation is None:
        return f"? {found.why}"
    of = "of the judges' scores" if found.source == "scores" else "of the first answers"
    return f"{counted(found.of, 'seat')} count as at least {found.votes:g} (agreement {of}: {found.correlation:.2f})"


def _dissent(receipt: Receipt) -> Iterable[str]:
    for each in receipt.dissent:
        if each.differs:
            yield f"≠ {one_line(each.model_id)}: {_quote(each.says)}"
    if unknown := sum(each.differs is None for each in receipt.dissent):
        yield f"? {counted(unknown, 'answer')} whose agreement cannot be told without reading them"
