"""Count sheets: the ballots of a count, the rule that was applied to them, and what it gives.

A protocol makes a `Count` of everything it decides by, so that whoever shows a verdict needs to know no protocol. The
numbers on a sheet come from the functions that decide (`tally`, `votes`, `rankings`, `ballots`). A call without a
usable reply is a ballot without a value. A rule that is not here is a `Count` of its own: see docs/design/counts.md.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from folkmoot.counting.ballots import DebateRuling, RoundVotes, majority
from folkmoot.counting.ballots import endorsements as votes_by_proposal
from folkmoot.counting.closing import Decision
from folkmoot.counting.diversity import Idea
from folkmoot.counting.judging import Given
from folkmoot.counting.rankings import Standing
from folkmoot.counting.votes import Group
from folkmoot.types import Ballot, Count, PhaseCalls, Tally, Total

Value = bool | int | float | str | None
Key = tuple[str, ...]
K = TypeVar("K", bound=str | Key)


def ballots(
    asked: PhaseCalls,
    values: Mapping[K, Value],
    weights: Mapping[str, float] | None = None,
    *,
    about: Callable[[Key], str | None] | None = None,
) -> tuple[Ballot, ...]:
    """One ballot for each call. `values` are by seat or by key; a call that it lacks is an abstention.

    `about` says whose answer a call with this key is about; as a rule it is the second seat in the key.

    >>> asked = PhaseCalls(1, "", {("s1", "s2"): "r1/evaluate/s1>s2", ("s3", "s2"): "r1/evaluate/s3>s2"})
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
    asked: PhaseCalls, values: Mapping[tuple[str, str], Value], authors: Sequence[str], weights: Mapping[str, float]
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


def answered(asked: PhaseCalls, answers: Mapping[K, object]) -> Count:
    """Nothing is counted but who answered.

    >>> calls = PhaseCalls(1, "", {("s1",): "r1/answer/s1", ("s2",): "r1/answer/s2"})
    >>> answered(calls, {"s1": "Drive."}).outcome.explanation
    '1 of 2 seats answered'
    """
    found = ballots(asked, dict.fromkeys(answers, True))
    seats = f"{len(asked.steps)} seat{'' if len(asked.steps) == 1 else 's'}"
    outcome = Tally(explanation=f"{sum(each.value is not None for each in found)} of {seats} answered")
    return Count(rule="answered", round=asked.round, scope=asked.scope, ballots=found, outcome=outcome)


def mean_score(
    asked: PhaseCalls,
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
    asked: PhaseCalls,
    cast: tuple[Ballot, ...],
    ranked: Sequence[Group],
    says: Callable[[Group], str],
    seat_of: Callable[[str], str],
    *,
    met: bool | None,
    explanation: str,
    **parameters: Value,
) -> Count:
    """How many votes each group of equal answers has; the largest group is chosen.

    `cast` holds the ballots. `says` puts a group's answer into words; `seat_of` names the seat of a member.
    """
    totals = tuple(
        Total(
            says=says(group),
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


def same_conclusion(asked: PhaseCalls, parts: Sequence[Sequence[str]] | None) -> Count:
    """Which groups of answers say the same, as a seat reads them. `parts` are in words; None: it gave no reply.

    >>> asked = PhaseCalls(1, "", {("s1",): "r1/compare/s1"})
    >>> same_conclusion(asked, [["drive", "go by car"], ["walk"]]).ballots[0].value
    'drive = go by car'
    """
    same = [part for part in parts or () if len(part) > 1]
    value = None if parts is None else "; ".join(" = ".join(part) for part in same) or "all differ"
    said = "no reply, so none are taken to say the same" if parts is None else ""
    return Count(
        rule="same-conclusion", round=asked.round, scope=asked.scope,
        ballots=ballots(asked, {seat: value for (seat, *_) in asked.steps}),
        outcome=Tally(totals=tuple(Total(says=" = ".join(part), chosen=True) for part in same), explanation=said),
    )  # fmt: skip


def mean_place(
    asked: PhaseCalls,
    rankings: Mapping[str, Sequence[str]],
    table: Sequence[Standing],
    weights: Mapping[str, float],
    *,
    explanation: str,
) -> Count:
    """The mean place that each answer was given in the rankings of the others. `rankings` are by judge, best first."""
    places = {(judge, seat): place for judge, order in rankings.items() for place, seat in enumerate(order, 1)}
    totals = tuple(
        Total(
            about=each.seat,
            value=each.mean_rank,
            figures={} if each.borda is None else {"borda": each.borda, "rankings": each.rankings},
            chosen=at == 0,
        )
        for at, each in enumerate(table)
    )
    return Count(
        rule="mean-place", round=asked.round, scope=asked.scope,
        ballots=ballots_on_all(asked, places, [each.seat for each in table], weights),
        outcome=Tally(totals=totals, explanation=explanation),
    )  # fmt: skip


def by_judges(
    asked: PhaseCalls,
    rule: str,
    given: Given,
    totals: Mapping[str, tuple[float, ...]],
    ranked: Sequence[str],
    weights: Mapping[str, float],
) -> Count:
    """The order of the answers by another rule than the mean (see `judging`): `tops` or `borda`."""
    in_pairs = all(len(key) > 1 for key in asked.steps)
    found = ballots(asked, given, weights) if in_pairs else ballots_on_all(asked, given, ranked, weights)
    shown = tuple(
        Total(about=author, value=totals[author][0] if author in totals else None, chosen=at == 0,
              figures={"borda": totals[author][1]} if len(totals.get(author, ())) > 1 else {})
        for at, author in enumerate(ranked)
    )  # fmt: skip
    said = "judges that put it first; ties by Borda" if rule == "tops" else "share of the others that it beats"
    return Count(
        rule=rule, round=asked.round, scope=asked.scope, ballots=found, outcome=Tally(totals=shown, explanation=said)
    )


def order(asked: PhaseCalls, ranked: Sequence[str], shown: Sequence[str], *, explanation: str) -> Count:
    """The order in which one seat puts the answers it was `shown`; the first is chosen. Empty `ranked`: no reply.

    `asked` may hold seats that were asked before and gave no usable reply; the last one ranked.
    """
    *_, last = asked.steps
    places = {(last[0], seat): place for place, seat in enumerate(ranked, 1)}
    totals = tuple(Total(about=seat, value=place, chosen=place == 1) for place, seat in enumerate(ranked, 1))
    return Count(
        rule="order", round=asked.round, scope=asked.scope, ballots=ballots_on_all(asked, places, shown, {}),
        outcome=Tally(totals=totals, explanation=explanation),
    )  # fmt: skip


def endorsements(
    asked: PhaseCalls, voting: RoundVotes, table: Sequence[tuple[str, int, float | None]], ruling: DebateRuling
) -> tuple[Count, Count]:
    """The votes of a round of a debate: which answer how many endorse, and the Borda points of their rankings.

    `table` is the standing of all proposals, the best first.
    """
    cast = tuple(
        Ballot(seat=seat, about=vote.endorses if vote else None, value=vote.vote if vote else None, step=step)
        for (seat, *_), step in asked.steps.items()
        for vote in (voting.ballots.get(seat),)
    )
    endorsed = votes_by_proposal(voting.ballots)
    totals = tuple(
        Total(about=seat, value=count, seats=endorsed.get(seat, ()), chosen=at == 0)
        for at, (seat, count, _) in enumerate(table)
    )
    places = {
        (voter, seat): place for voter, vote in voting.ballots.items() for place, seat in enumerate(vote.ranking, 1)
    }
    points = tuple(Total(about=seat, value=mean) for seat, _, mean in table)
    proposals = [seat for seat, _, _ in table]
    return (
        Count(
            rule="borda", round=asked.round, scope=asked.scope, ballots=ballots_on_all(asked, places, proposals, {}),
            outcome=Tally(totals=points, explanation="decides where equally many endorse two answers"),
        ),
        Count(
            rule="majority", round=asked.round, scope=asked.scope, ballots=cast,
            parameters={"invited": voting.invited, "needed": majority(voting.invited)},
            outcome=Tally(totals=totals, met=ruling.winner is not None, explanation=ruling.explanation),
        ),
    )  # fmt: skip


def confirmation(
    asked: PhaseCalls, author: str, verdicts: Mapping[str, bool], *, adopted: bool, explanation: str
) -> Count:
    """Whether the others approve of the answer that `author` merged."""
    total = Total(
        about=author,
        value=sum(verdicts.values()),
        seats=tuple(seat for seat, approves in verdicts.items() if approves),
        chosen=adopted,
    )
    return Count(
        rule="confirmation", round=asked.round, scope=asked.scope,
        parameters={"needed": majority(len(asked.steps) + 1) - 1},
        ballots=ballots(asked, verdicts, about=lambda _: author),
        outcome=Tally(totals=(total,), met=adopted, explanation=explanation),
    )  # fmt: skip


def confidence(
    asked: PhaseCalls, given: Mapping[str, float | None], *, met: bool, explanation: str, **rule: Value
) -> Count:
    """How sure an arbiter is of its synthesis."""
    return Count(
        rule="confidence", round=asked.round, scope=asked.scope, parameters=rule, ballots=ballots(asked, given),
        outcome=Tally(met=met, explanation=explanation),
    )  # fmt: skip


def likeness(
    asked: PhaseCalls,
    groups: Sequence[Sequence[str]],
    chosen: Sequence[str],
    weights: Mapping[str, float],
    *,
    explanation: str,
    **parameters: Value,
) -> Count:
    """Groups of answers that are alike, and which of them go on. A ballot's value is the number of its group."""
    group_of: dict[str, Value] = {seat: number for number, group in enumerate(groups, 1) for seat in group}
    totals = tuple(
        Total(
            says=f"group {number}",
            value=sum(weights[seat] for seat in group),
            seats=tuple(group),
            chosen=all(seat in chosen for seat in group),
        )
        for number, group in enumerate(groups, 1)
    )
    return Count(
        rule="likeness", round=asked.round, scope=asked.scope, parameters=parameters,
        ballots=ballots(asked, group_of, weights), outcome=Tally(totals=totals, explanation=explanation),
    )  # fmt: skip


def panel(
    asked: PhaseCalls,
    ideas: Mapping[str, Idea],
    chosen: Sequence[str],
    scores: Mapping[Key, float],
    about: Callable[[Key], str],
    *,
    explanation: str,
    **parameters: Value,
) -> Count:
    """Which answers are on a panel: good ones on whose worth the seats differ most. `ideas` are by name of answer."""
    totals = tuple(
        Total(
            about=name,
            value=idea.mean if idea.scores else None,
            figures={"stddev": idea.stddev, "controversy": idea.controversy} if idea.scores else {},
            chosen=name in chosen,
        )
        for name, idea in ideas.items()
    )
    return Count(
        rule="controversy", round=asked.round, scope=asked.scope, parameters=parameters,
        ballots=ballots(asked, scores, about=about), outcome=Tally(totals=totals, explanation=explanation),
    )  # fmt: skip
