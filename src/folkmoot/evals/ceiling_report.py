"""The ceiling of a panel, for people."""

from folkmoot.counting.evidence import Unit
from folkmoot.evals.ceiling import NOTHING, Ceiling, Change, Share


def ceiling_text(found: Ceiling) -> str:
    """The advice, then what it rests on."""
    width = max(len(member.model) for member in found.members)
    wrong = percent(found.all_wrong)
    following = f"{100 * found.all_wrong_next.low:.1f} to {100 * found.all_wrong_next.high:.1f} %"
    lines = [
        found.advice,
        "",
        f"{found.questions} questions ({found.source}); intervals hold with 95 %",
        "",
        *(
            f"  {member.model:<{width}}  {percent(member.right)} right, {cost(member.cost, found.unit)} an answer"
            for member in found.members
        ),
        "",
        f"All of them are wrong on        {wrong}",
        f"  and of the next {found.next_questions:<5} on        {following}",
        f"The best that picking can do    {100 * (1 - found.all_wrong.value):.1f} %",
        f"  more than the best model      {points(found.gain)}",
    ]
    if found.vote_gain is not None:
        lines.append(f"  of which the vote gets        {points(found.vote_gain)}")
    effective = found.effective_votes
    lines += [
        f"Independent votes               {effective.value:.2f} [{effective.low:.2f}, {effective.high:.2f}] "
        f"of {len(found.members)}",
        "Errors that go together (phi; 0: as if by chance, 1: always)",
        *(
            f"  {each.one} / {each.other}: {'-' if each.phi is None else f'{each.phi:.2f}'}, "
            f"both wrong on {100 * each.both_wrong:.1f} %"
            for each in found.correlations
        ),
    ]
    if found.change is not None:
        lines.append(_change(found.change, found.unit))
    return "\n".join(lines) + "\n"


def _change(change: Change, unit: Unit) -> str:
    if change.what == NOTHING:
        return "No change of the panel by one model pays."
    what = "right answers of the vote" if change.measured == "vote" else "questions that some member gets right"
    told = "" if change.gain.low > 0 or change.gain.high < 0 else ", which cannot be told from none"
    more = f"{'+' if change.cost >= 0 else '-'}{cost(abs(change.cost), unit)} a question"
    return f"Change that adds most for its price: {change.what}, {more}; {what} {points(change.gain)}{told}"


def percent(share: Share) -> str:
    return f"{100 * share.value:.1f} % [{100 * share.low:.1f}, {100 * share.high:.1f}]"


def points(share: Share) -> str:
    return f"{100 * share.value:+.1f} points [{100 * share.low:+.1f}, {100 * share.high:+.1f}]"


def cost(amount: float, unit: Unit) -> str:
    """
    >>> cost(0.0123, "usd"), cost(512.4, "tokens"), cost(2.04, "calls")
    ('$0.0123', '512 tokens', '2.04 calls')
    """
    if unit == "usd":
        return f"${amount:.4f}"
    return f"{amount:.0f} tokens" if unit == "tokens" else f"{amount:.2f} calls"
