"""Ballots of a debate: when they settle it, when more rounds would not, and which proposal is ahead.

Pure functions, after Ensemble, https://github.com/raiyanyahya/ensemble: consensus is a majority that endorses the
*same* proposal. Seats are named s1, s2, ...; a proposal goes by its author's seat.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

Directive = Literal["FINALIZE", "REVISE", "SPLIT"]

SAME = 0.95  # similarity from which two texts of one seat are the same proposal
FRUITLESS_ROUNDS = 2  # in which nobody endorsed, disputed or said anything but: more work


@dataclass(frozen=True, slots=True)
class CastVote:
    """One seat's vote."""

    vote: Directive
    endorses: str | None = None  # whose proposal, of FINALIZE
    ranking: tuple[str, ...] = ()  # the others' proposals, best first; it may leave some out


@dataclass(frozen=True, slots=True)
class RoundVotes:
    """The votes of one round."""

    invited: int  # seats asked to vote; those without a readable vote abstain and still count here
    ballots: Mapping[str, CastVote]
    proposals: Mapping[str, str]
    keys: Mapping[str, str | None] = field(default_factory=dict)  # what each proposal comes to, where it says so


@dataclass(frozen=True, slots=True)
class DebateRuling:
    """Whether the debate is over, and why."""

    status: Literal["consensus", "deadlock", "open"]
    winner: str | None  # of a consensus
    explanation: str


def majority(invited: int) -> int:
    """How many of so many seats are more than half.

    >>> [majority(seats) for seats in (2, 3, 4, 5)]
    [2, 2, 3, 3]
    """
    return invited // 2 + 1


def endorsements(ballots: Mapping[str, CastVote]) -> dict[str, tuple[str, ...]]:
    """Who endorses each proposal; those that nobody endorses are absent.

    >>> endorsements({"s1": CastVote("FINALIZE", "s2"), "s2": CastVote("FINALIZE", "s2"), "s3": CastVote("SPLIT")})
    {'s2': ('s1', 's2')}
    """
    found: dict[str, tuple[str, ...]] = {}
    for voter, ballot in ballots.items():
        if ballot.endorses is not None:
            found[ballot.endorses] = (*found.get(ballot.endorses, ()), voter)
    return found


def settled(ballots: Mapping[str, CastVote], invited: int) -> str | None:
    """The proposal that a majority of those invited endorses, its author counted, but never its author alone.

    No further ballot can change it.

    >>> settled({"s1": CastVote("FINALIZE", "s2"), "s2": CastVote("FINALIZE", "s2")}, invited=3)
    's2'
    >>> settled({"s1": CastVote("FINALIZE", "s2"), "s2": CastVote("FINALIZE", "s1")}, invited=2) is None
    True
    """
    for proposal, voters in endorsements(ballots).items():
        if len(voters) >= majority(invited) and voters != (proposal,):
            return proposal
    return None


def rule(rounds: Sequence[RoundVotes]) -> DebateRuling:
    """Whether the debate is over after `rounds`: a majority, or nothing that moves any more.

    >>> votes = {"s1": CastVote("FINALIZE", "s2"), "s3": CastVote("FINALIZE", "s2")}
    >>> rule([RoundVotes(3, votes, {"s1": "a", "s2": "b"})])
    DebateRuling(status='consensus', winner='s2', explanation='2 of 3 seats endorse the same answer')
    """
    last = rounds[-1]
    if winner := settled(last.ballots, last.invited):
        count = len(endorsements(last.ballots)[winner])
        return DebateRuling("consensus", winner, f"{count} of {last.invited} seats endorse the same answer")
    if sum(fruitless(each.ballots) for each in rounds) >= FRUITLESS_ROUNDS:
        return DebateRuling(
            "deadlock", None, f"in {FRUITLESS_ROUNDS} rounds every vote was to go on, and none for an answer"
        )
    if len(rounds) > 1 and stands_still(rounds[-2], last):
        return DebateRuling("deadlock", None, "stable disagreement: no vote and no answer changed since the last round")
    most = max((len(voters) for voters in endorsements(last.ballots).values()), default=0)
    return DebateRuling("open", None, f"no majority: {most} of {last.invited} seats endorse the same answer")


def fruitless(ballots: Mapping[str, CastVote]) -> bool:
    """Whether every vote there is says REVISE."""
    return all(ballot.vote == "REVISE" for ballot in ballots.values())


def stands_still(before: RoundVotes, now: RoundVotes) -> bool:
    """Whether the same seats voted the same for proposals that say the same. Reasons and rankings may differ.

    >>> one = RoundVotes(2, {"s1": CastVote("FINALIZE", "s1"), "s2": CastVote("SPLIT")}, {"s1": "Yes.", "s2": "No."})
    >>> stands_still(one, one), stands_still(one, RoundVotes(2, one.ballots, {"s1": "Yes.", "s2": "It depends."}))
    (True, False)
    """
    votes = [{seat: (each.vote, each.endorses) for seat, each in turn.ballots.items()} for turn in (before, now)]
    return (
        votes[0] == votes[1]
        and before.proposals.keys() == now.proposals.keys()
        and all(
            before.keys.get(seat) == now.keys.get(seat) and similarity(before.proposals[seat], text) >= SAME
            for seat, text in now.proposals.items()
        )
    )


def similarity(one: str, other: str) -> float:
    """How much of two texts is the same, from 0 to 1: the share of pairs of neighbouring words that both have.

    Case and spacing do not count, order does. Linear in the length, because proposals may be long.

    >>> similarity("9.9 is larger than 9.11", "9.9 IS larger  than 9.11"), similarity("yes", "no")
    (1.0, 0.0)
    >>> similarity("9.9 is larger than 9.11", "9.11 is larger than 9.9")
    0.3333333333333333
    """
    pairs = []
    for text in (one, other):
        words = ["", *text.casefold().split(), ""]
        pairs.append(Counter(pairwise(words)))
    return 2 * (pairs[0] & pairs[1]).total() / (pairs[0].total() + pairs[1].total())


def borda(ballots: Mapping[str, CastVote], proposals: Sequence[str]) -> dict[str, float]:
    """Mean Borda points of each proposal, over the rankings of others; proposals that no such ranking knows are absent.

    Of m proposals that a seat may rank (never its own) the first gets m - 1 points, the last 0. Those it left out share
    what is left. So with full rankings of four proposals 2.0 means: first for everybody.

    >>> full = {"s1": CastVote("SPLIT", ranking=("s2", "s3")), "s2": CastVote("SPLIT", ranking=("s3", "s1"))}
    >>> borda(full, ["s1", "s2", "s3"])
    {'s1': 0.0, 's2': 1.0, 's3': 0.5}
    >>> borda({"s4": CastVote("SPLIT", ranking=("s2",))}, ["s1", "s2", "s3"])
    {'s1': 0.5, 's2': 2.0, 's3': 0.5}
    """
    received: dict[str, list[float]] = {proposal: [] for proposal in proposals}
    for voter, ballot in ballots.items():
        others = [proposal for proposal in proposals if proposal != voter]
        listed = [proposal for proposal in dict.fromkeys(ballot.ranking) if proposal in others]
        if not listed:
            continue
        left = len(others) - len(listed)
        for place, proposal in enumerate(listed):
            received[proposal].append(len(others) - 1 - place)
        for proposal in others:
            if proposal not in listed:
                received[proposal].append((left - 1) / 2)
    return {proposal: sum(points) / len(points) for proposal, points in received.items() if points}


def standing(
    ballots: Mapping[str, CastVote], proposals: Sequence[str], previous: str | None = None
) -> list[tuple[str, int, float | None]]:
    """All proposals, the best first, each with its endorsements and mean Borda points.

    Endorsements count first; among equals the points, then the leader of the round before, then the earlier seat.

    >>> cycle = {"s1": CastVote("FINALIZE", "s3", ("s3", "s2")), "s2": CastVote("FINALIZE", "s1", ("s3", "s1"))}
    >>> cycle["s3"] = CastVote("FINALIZE", "s2", ("s2", "s1"))
    >>> standing(cycle, ["s1", "s2", "s3"])
    [('s3', 1, 1.0), ('s2', 1, 0.5), ('s1', 1, 0.0)]
    """
    endorsed, points = endorsements(ballots), borda(ballots, proposals)
    table = [(proposal, len(endorsed.get(proposal, ())), points.get(proposal)) for proposal in proposals]
    return sorted(table, key=lambda row: (-row[1], -(row[2] or 0.0), row[0] != previous))


def ratified(approvals: int, invited: int) -> bool:
    """Whether a merged answer stands: its author and those who approve of it are a majority, and one is not its author.

    `invited` counts the author too, who is not asked.

    >>> [ratified(1, 2), ratified(1, 3), ratified(1, 4), ratified(2, 4), ratified(0, 1)]
    [True, True, False, True, False]
    """
    return approvals >= 1 and approvals + 1 >= majority(invited)
