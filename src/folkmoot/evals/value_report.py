"""A value table, for people."""

from folkmoot.counting.value import FEWEST, ValueTable, told
from folkmoot.evals.ceiling_report import cost

MOST_PAIRS = 12


def value_text(table: ValueTable, planned: ValueTable | None) -> str:
    """What each model and each pair is worth, and the plan that follows for the panel; None where there is none."""
    shown = planned or table
    width = max(len(each.model) for each in shown.models)
    lines = [
        f"{shown.questions} questions ({table.source})",
        "",
        *(
            f"  {each.model:<{width}}  {100 * each.right:5.1f} % right, {cost(each.cost, table.unit)} an answer"
            for each in sorted(shown.models, key=lambda each: -each.right)
        ),
        "",
    ]
    if planned is None:
        lines.append(f"No plan: fewer than {FEWEST} questions were answered by the whole panel.")
        return "\n".join(lines) + "\n"
    ranked = sorted(planned.pairs, key=lambda each: -(each.agree * (each.right or 0)))
    lines += [
        "Two answers that agree",
        *(f"  {_pair(*each)}" for each in ((p.one, p.other, p.agree, p.right) for p in ranked[:MOST_PAIRS])),
    ]
    if len(ranked) > MOST_PAIRS:
        lines.append(f"  and {len(ranked) - MOST_PAIRS} more pairs")
    return "\n".join([*lines, "", f"Plan: {told(planned)}"]) + "\n"


def _pair(one: str, other: str, agree: float, right: float | None) -> str:
    """
    >>> _pair("a", "b", 0.8, 0.95), _pair("a", "a", 0.0, None)
    ('a and b agree on 80.0 % and are right in 95.0 % of these', 'a and itself never agree')
    """
    who = f"{one} and {'itself' if one == other else other}"
    if right is None:
        return f"{who} never agree"
    return f"{who} agree on {100 * agree:.1f} % and are right in {100 * right:.1f} % of these"
