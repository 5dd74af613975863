"""Count sheets: the ballots of a count, the rule that was applied to them, and what it gives.

A protocol makes a `Count` of everything it decides by, so that whoever shows a verdict needs to know no protocol. The
numbers on a sheet come from the functions that decide (`tally`, `votes`, `rankings`, `ballots`). A call without a
usable reply is a ballot without a value. A rule that is not here is a `Count` of its own: see docs/design/counts.md.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from folkmoot.counting.closing import Decision
from folkmoot.counting.votes import Group
from folkmoot.types import Asked, Ballot, Count, Tally, Total

Value = bool | float | str | None
Key = tuple[str, ...]
K = TypeVar("K", bound=str | Key)


def ballots(
    asked: Asked,
    values: Mapping[K, Value],
    weights: Mapping[str, float] | None = None,
    *,
    about: Callable[[Key], str | None] | None = None,
) -> tuple[Ballot, ...]:
    """One ballot for each call. `values` are by seat or by key; a call that it lacks is an abstention.

    `about` says whose answer a call with this key is about; as a rule it is the second seat in the key.

    >>> asked = Asked(1, "", {("s1", "s2"): "r1/evaluate/s1>s2", ("s3", "s2"): "r1/evaluate/s3>s2"})
    >>> [(each.seat, each.about, each.value) for each in ballots(asked, {("s1", "s2"): 8.0})]
    [('s1', 's2', 8.0), ('s3', 's2', None)]
    """
    given: dict[Key, Value] = {(key,) if isinstance(key, str) else key: value for key, value in values.items()}
    target = about or (lambda key: key[1] if len(key) > 1 else None)
    return tuple(
        Ballot(seat=key[0], about=target(key), value=given.get(key), weight=(weights or {}).get(key[0], 1.0), step=step)
        for key, step in asked.steps.items()
    )


def ballots_on_all(
    asked: Asked, values: Mapping[tuple[str, str], Value], authors: Sequence[str], weights: Mapping[str, float]
) -> tuple[Ballot, ...]:
    """Ballots of calls that are about several answers each: one for every answer but the seat's own."""
    return tuple(
        Ballot(
            seat=key[0], about=author, value=values.get((key[0], author)), weight=weights.get(key[0], 1.0), step=step
        )
        for key, step in asked.steps.items()
        for author in authors
        if author != key[0]
    )


def answered(asked: Asked, answers: Mapping[str, object]) -> Count:
    """Nothing is counted but who answered.

    >>> answered(Asked(1, "", {("s1",): "r1/answer/s1", ("s2",): "r1/answer/s2"}), {"s1": "Drive."}).outcome.explanation
    '1 of 2 seats answered'
    """
    found = ballots(asked, dict.fromkeys(answers, True))
    seats = f"{len(asked.steps)} seat{'' if len(asked.steps) == 1 else 's'}"
    outcome = Tally(explanation=f"{sum(each.value is not None for each in found)} of {seats} answered")
    return Count(rule="answered", round=asked.round, scope=asked.scope, ballots=found, outcome=outcome)


def mean_score(
    asked: Asked,
    scores: Mapping[tuple[str, str], float],
    means: Mapping[str, float],
    authors: Sequence[str],
    *,
    leader: str | None,
    decision: Decision | None = None,
    **parameters: Value,
) -> Count:
    """The mean of the scores that each answer was given by the others. `scores` are by (judge, author).

    `decision` is what a closing rule says of the means; without one the leader is chosen.
    """
    in_pairs = all(len(key) > 1 for key in asked.steps)
    found = ballots(asked, scores) if in_pairs else ballots_on_all(asked, scores, authors, {})
    totals = tuple(Total(about=each, value=means.get(each), chosen=each == leader) for each in authors)
    outcome = Tally(
        totals=totals,
        met=decision.met if decision else None,
        explanation=decision.explanation if decision else "" if means else "nobody has a score",
    )
    return Count(
        rule="mean-score",
        round=asked.round,
        scope=asked.scope,
        parameters=parameters,
        ballots=found,
        outcome=outcome,
    )


def at_least(round: int, scores: Mapping[str, float], floor: float) -> Count:
    """Which answers have a mean score of at least `floor`; a count without ballots of its own."""
    totals = tuple(Total(about=seat, value=score, chosen=score >= floor) for seat, score in scores.items())
    enough = sum(each.chosen for each in totals)
    said = f"{enough} of {len(totals)} answers have a mean score of {floor:g} or more"
    outcome = Tally(totals=totals, met=enough > 0, explanation=said)
    return Count(rule="at-least", round=round, parameters={"floor": floor}, outcome=outcome)


def plurality(
    asked: Asked,
    cast: tuple[Ballot, ...],
    ranked: Sequence[Group],
    says: Callable[[Group], str],
    seat_of: Callable[[str], str],
    *,
    met: bool | None,
    explanation: str,
    **parameters: Value,
) -> Count:
    """How many votes each group of answers has that come to the same; the largest group is chosen.

    `says` puts what a group says into words; `seat_of` names the seat of a member.
    """
    totals = tuple(
        Total(
            about=says(group),
            value=group.size[0],
            seats=tuple(dict.fromkeys(seat_of(each) for each in group.members)),
            figures={"weight": group.size[1]} if len(group.size) > 1 else {},
            chosen=place == 0,
        )
        for place, group in enumerate(ranked)
    )
    return Count(
        rule="plurality", round=asked.round, scope=asked.scope, parameters=parameters, ballots=cast,
        outcome=Tally(totals=totals, met=met, explanation=explanation),
    )  # fmt: skip


def same_conclusion(asked: Asked, parts: Sequence[Sequence[str]] | None) -> Count:
    """Which groups of answers say the same, as a seat reads them. `parts` are in words; None: it gave no reply.

    >>> asked = Asked(1, "", {("s1",): "r1/compare/s1"})
    >>> same_conclusion(asked, [["drive", "go by car"], ["walk"]]).ballots[0].value
    'drive = go by car'
    """
    same = [part for part in parts or () if len(part) > 1]
    value = None if parts is None else "; ".join(" = ".join(part) for part in same) or "all differ"
    said = "no reply, so none are taken to say the same" if parts is None else ""
    return Count(
        rule="same-conclusion", round=asked.round, scope=asked.scope,
        ballots=ballots(asked, {seat: value for (seat, *_) in asked.steps}),
        outcome=Tally(totals=tuple(Total(about=" = ".join(part), chosen=True) for part in same), explanation=said),
    )  # fmt: skip
