"""The rounds of a debate: what seats said, how it is shown to them, counted and reported."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from folkmoot.counting import ballots, sheets
from folkmoot.counting.ballots import CastVote, DebateRuling, RoundVotes
from folkmoot.formats.keyed import read_keyed
from folkmoot.formats.sources import Source, unresolved
from folkmoot.formats.votes import Confirmation, Vote
from folkmoot.prompting import block
from folkmoot.types import JSON, Candidate, Count, Outcome, PhaseCalls

Name = Callable[[str], str]
"""From a seat to what reports call it."""


@dataclass
class DebateRound:
    """One round, by seats."""

    proposals: dict[str, str]  # in seat order; a seat that wrote no new one stands by its last
    reviews: Mapping[str, str] = field(default_factory=dict)
    rebuttals: Mapping[str, str] = field(default_factory=dict)
    votes: Mapping[str, Vote] = field(default_factory=dict)
    invited: Sequence[str] = ()  # to vote
    asked: PhaseCalls | None = None  # the calls for votes; None: nobody has been asked to vote

    counts: tuple[Count, ...] = ()  # of its votes

    def count(self, voting: RoundVotes, table: Sequence[tuple[str, int, float | None]], ruling: DebateRuling) -> None:
        """Make the count sheets of this round; `table` is the standing of all proposals."""
        if self.asked is not None:
            self.counts = sheets.endorsements(self.asked, voting, table, ruling)

    def voting(self, labels: Mapping[str, str], question: str) -> RoundVotes:
        """The round as the rule sees it. `labels` maps seats to what they are called in votes."""
        author = {label: seat for seat, label in labels.items()}
        cast = {
            seat: CastVote(
                vote.vote, author[vote.target] if vote.target else None, tuple(author[label] for label in vote.ranking)
            )
            for seat, vote in self.votes.items()
        }
        read = {seat: read_keyed(text, question).key for seat, text in self.proposals.items()}
        return RoundVotes(
            len(self.invited), cast, self.proposals, {seat: key.text if key else None for seat, key in read.items()}
        )


@dataclass
class Merge:
    """The merged answer of a consensus, and its confirmation."""

    author: str
    text: str | None = None
    peers: Sequence[str] = ()  # asked to confirm it
    verdicts: dict[str, Confirmation] = field(default_factory=dict)
    asked: PhaseCalls | None = None  # the calls for confirmation
    failure: str = ""  # why there is no text

    @property
    def approvals(self) -> int:
        return sum(each.approved for each in self.verdicts.values())

    @property
    def adopted(self) -> bool:
        return self.text is not None and ballots.ratified(self.approvals, len(self.peers) + 1)

    @property
    def hopeless(self) -> bool:
        """Whether the missing confirmations can no longer make it adopted."""
        return not ballots.ratified(self.approvals + len(self.peers) - len(self.verdicts), len(self.peers) + 1)

    @property
    def counts(self) -> tuple[Count, ...]:
        """The count sheet of the confirmation; none where nobody was asked."""
        if self.asked is None:
            return ()
        approved = {seat: each.approved for seat, each in self.verdicts.items()}
        return (
            sheets.confirmation(self.asked, self.author, approved, adopted=self.adopted, explanation=self.explanation),
        )

    @property
    def explanation(self) -> str:
        if self.text is None:
            return f"it stands as it was written, because {self.failure or 'nobody merged yet'}"
        rejections = len(self.verdicts) - self.approvals
        said = f"of {len(self.peers)} peers {self.approvals} approve of its author's merge and {rejections} reject it"
        if uncounted := len(self.peers) - len(self.verdicts):  # no verdict, or one that came when it was decided
            said += f", {uncounted} not counted"
        return said if self.adopted else f"{said}, so it stands as it was written"


@dataclass
class DebateCourse:
    """The debate so far."""

    stances: Mapping[str, str]
    early: str
    sources: tuple[Source, ...] = ()
    turns: list[DebateRound] = field(default_factory=list)
    votings: list[RoundVotes] = field(default_factory=list)
    leader: str | None = None
    merge: Merge | None = None

    def counted(self, labels: Mapping[str, str], question: str) -> list[RoundVotes]:
        """Every round as the rule sees it; the one that goes on is counted anew."""
        self.votings[len(self.turns) - 1 :] = [self.turns[-1].voting(labels, question)]
        return self.votings

    def outcome(self, ruling: DebateRuling | None, round: int, name: Name) -> Outcome:
        """Return the outcome of the last round. Before any vote nobody leads; a deadlock's winner is its plurality."""
        turn, merge = self.turns[-1], self.merge
        leader: str | None = None
        explanation = "nobody has voted yet"
        if ruling is not None:
            table = ballots.standing(self.votings[-1].ballots, list(turn.proposals), self.leader)
            leader, endorsed, points = table[0]
            turn.count(self.votings[-1], table, ruling)
            ahead = f"; ahead with {endorsed} endorsement{'' if endorsed == 1 else 's'}"
            ahead += "" if points is None else f" and {points:g} Borda points"
            explanation = ruling.explanation + (f"; {merge.explanation}" if merge else "" if ruling.winner else ahead)
        met = ruling is not None and ruling.winner is not None
        answer = merge.text if merge and merge.adopted else turn.proposals[leader] if leader else None
        rounds = list(zip(self.turns, self.votings, strict=False))
        return Outcome(
            status="consensus" if met else "deadlock" if ruling else "undecided",
            met=met,
            winner=leader,
            answer=answer,
            answers=tuple(Candidate(seat=seat, answer=text) for seat, text in turn.proposals.items()),
            round=round,
            strategy="majority",
            explanation=explanation,
            leader=leader,
            counts=tuple(each for turn in self.turns for each in turn.counts) + (merge.counts if merge else ()),
            details=report(rounds, merge, self.sources, answer, name),
        )


def said_in(turn: DebateRound, reader: str, order: Sequence[str], labels: Mapping[str, str]) -> tuple[str, ...]:
    """All that was said in a turn, in the reader's order of seats; its own answer is marked."""
    answers = [
        block("own_answer" if seat == reader else "answer", turn.proposals[seat], label=labels[seat])
        for seat in order
        if seat in turn.proposals
    ]
    votes = {seat: _as_said(vote) for seat, vote in turn.votes.items()}
    others = (
        block(kind, said[seat], **{role: labels[seat]})
        for kind, role, said in (
            ("review", "reviewer", turn.reviews), ("rebuttal", "author", turn.rebuttals), ("vote", "voter", votes),
        )
        for seat in order
        if seat in said
    )  # fmt: skip
    return (*answers, *others)


def _as_said(vote: Vote) -> str:
    said = (f"{vote.vote} {vote.target or vote.focus}".strip(), " > ".join(vote.ranking), vote.reasoning)
    return "\n\n".join(each for each in said if each)


def tallies(votings: Sequence[RoundVotes], labels: Mapping[str, str]) -> tuple[str, ...]:
    """The rounds that are not shown in full any more, one line each; nothing where there are none."""
    lines: list[str] = []
    for number, voting in enumerate(votings, 1):
        votes = [ballot.vote for ballot in voting.ballots.values()]
        endorsed = [f"{labels[seat]} by {len(who)}" for seat, who in ballots.endorsements(voting.ballots).items()]
        lines.append(
            f"Round {number}, {voting.invited} seats: {', '.join(endorsed) or 'nothing'} endorsed; "
            f"REVISE {votes.count('REVISE')}, SPLIT {votes.count('SPLIT')}"
        )
    return ("\n".join(["The votes of earlier rounds:", *lines]),) if lines else ()


def report(
    course: Sequence[tuple[DebateRound, RoundVotes]],
    merge: Merge | None,
    sources: Sequence[Source],
    answer: str | None,
    name: Name,
) -> JSON:
    """What a debate's result tells besides the answer: votes, counts, dissent, merge, sources. By model ids."""
    told: JSON = {"sources": [{"number": n, "title": each.title, "url": each.url} for n, each in enumerate(sources, 1)]}
    if sources:
        told["unresolved_citations"] = unresolved(answer or "", len(sources))
    if not course or not course[-1][0].invited:
        return told
    turn, voting = course[-1]
    table = ballots.standing(voting.ballots, list(turn.proposals))
    return told | {
        "votes": [_vote(name, seat, turn.votes[seat], voting.ballots[seat]) for seat in turn.votes],
        "tally": _tally(voting),
        "endorsements": {
            name(seat): [name(voter) for voter in voters]
            for seat, voters in ballots.endorsements(voting.ballots).items()
        },
        "borda": {name(seat): points for seat, points in ballots.borda(voting.ballots, list(turn.proposals)).items()},
        "ranking": [name(seat) for seat, _, _ in table],
        "rounds": [
            {
                "round": number,
                **_tally(each),
                "votes": {name(seat): _brief(name, b) for seat, b in each.ballots.items()},
            }
            for number, (_, each) in enumerate(course, 1)
        ],
        "dissent": _dissent(name, turn, voting, merge),
        **_merged(name, merge),
    }


def _vote(name: Name, seat: str, vote: Vote, ballot: CastVote) -> JSON:
    return {
        "model_id": name(seat),
        "vote": vote.vote,
        "endorses": name(ballot.endorses) if ballot.endorses else None,
        "focus": vote.focus,
        "ranking": [name(each) for each in ballot.ranking],
        "reasoning": vote.reasoning,
    }


def _tally(voting: RoundVotes) -> JSON:
    said = [ballot.vote for ballot in voting.ballots.values()]
    return {
        "invited": voting.invited,
        "voted": len(said),
        "majority": ballots.majority(voting.invited),
        **{directive: said.count(directive) for directive in ("FINALIZE", "REVISE", "SPLIT")},
    }


def _brief(name: Name, ballot: CastVote) -> str:
    return f"{ballot.vote} {name(ballot.endorses)}" if ballot.endorses else ballot.vote


def _dissent(name: Name, turn: DebateRound, voting: RoundVotes, merge: Merge | None) -> list[JSON]:
    """Return the dissent: votes for another answer, then rejections of the merged answer."""
    if merge is None:
        return []
    others = [seat for seat, ballot in voting.ballots.items() if ballot.endorses != merge.author]
    found: list[JSON] = [
        {
            "model_id": name(seat),
            "vote": _brief(name, voting.ballots[seat]),
            "reason": turn.votes[seat].focus or turn.votes[seat].reasoning,
        }
        for seat in others
    ]
    return found + [
        {"model_id": name(seat), "vote": "REJECT", "reason": said.reason}
        for seat, said in merge.verdicts.items()
        if not said.approved
    ]


def _merged(name: Name, merge: Merge | None) -> JSON:
    if merge is None:
        return {}
    return {
        "synthesis": {"model_id": name(merge.author), "adopted": merge.adopted, "answer": merge.text},
        "confirm": {
            "asked": len(merge.peers),
            "APPROVE": merge.approvals,
            "REJECT": len(merge.verdicts) - merge.approvals,
            "verdicts": [
                {"model_id": name(seat), "verdict": "APPROVE" if said.approved else "REJECT", "reason": said.reason}
                for seat, said in merge.verdicts.items()
            ],
        },
    }
