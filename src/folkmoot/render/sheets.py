"""Count sheets in text: the table under a verdict that no score table explains."""

from collections.abc import Mapping, Sequence

from folkmoot.render.wording import counted, one_line, paint
from folkmoot.types import Count, Total

WIDEST = 40  # characters of what a group of answers says


def count_table(counts: Sequence[Count], names: Mapping[str, str], *, colour: bool = False) -> list[str]:
    """The last count that has a total for each answer: its figure, a star on what the rule chose, who is behind it.

    `names` maps seats to what they are called. Empty where there is no such count.

    >>> from folkmoot.types import Ballot, Tally
    >>> more = Total(says="391", value=2, seats=("s1", "s3"), chosen=True)
    >>> totals = (more, Total(says="390", value=1, seats=("s2",)))
    >>> ballots = tuple(Ballot(seat=f"s{n}") for n in (1, 2, 3))
    >>> count = Count(rule="plurality", round=1, ballots=ballots, outcome=Tally(totals=totals))
    >>> print("\\n".join(count_table([count], {"s1": "a/x", "s2": "b/y", "s3": "c/z"})))
        plurality of 3 ballots
        391  2 ★  a/x, c/z
        390  1    b/y
    """
    count = next((each for each in reversed(counts) if each.outcome.totals), None)
    if count is None:
        return []
    labels = [_label(total, names) for total in count.outcome.totals]
    figures = [
        "-" if total.value is None else f"{total.value:.2f}".rstrip("0").rstrip(".") for total in count.outcome.totals
    ]
    wide, high = max(map(len, labels)), max(map(len, figures))
    ballots = f" of {counted(len(count.ballots), 'ballot')}" if count.ballots else ""
    lines = [f"    {count.rule.replace('-', ' ')}{ballots}"]
    for total, label, figure in zip(count.outcome.totals, labels, figures, strict=True):
        seats = ", ".join(names.get(seat, seat) for seat in total.seats)
        line = f"    {label:<{wide}}  {figure:>{high}} {'★' if total.chosen else ' '}  {seats}".rstrip()
        lines.append(paint(line, "good", colour) if total.chosen else line)
    return lines


def _label(total: Total, names: Mapping[str, str]) -> str:
    return names.get(total.about, total.about) if total.about is not None else one_line(total.says, WIDEST)
