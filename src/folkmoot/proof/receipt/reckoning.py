"""How a receipt is made: the run is replayed as it was, and once more without each seat."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from folkmoot import events
from folkmoot.blocking import wait_for
from folkmoot.core.journal import Journal, paid_for
from folkmoot.core.steps import read_step
from folkmoot.counting import votes
from folkmoot.counting.poll import open_groups, votes_of
from folkmoot.execute import replay
from folkmoot.formats.answer_keys import may_mean
from folkmoot.formats.base import preview
from folkmoot.formats.keyed import Keyed, read_keyed
from folkmoot.proof.receipt.independence import Agreement, effective, of_answers, of_scores, scores_in
from folkmoot.proof.receipt.records import Alone, Dissent, EffectiveVotes, LeftOut, PhaseWorth, PlainVote, Receipt
from folkmoot.record.store import RunFolder, RunSpec
from folkmoot.types import JSON, Completion, Outcome, Result, Usage

FIRST = ("propose", "answer")  # the phases in which seats answer on their own
SAYS = 100  # characters of an answer that states no conclusion

Phase = tuple[str, int, str]  # scope, round, name


async def receipt(
    spec: RunSpec, folder: RunFolder | None, *, journal: Journal | None = None, left_out: bool = True
) -> Receipt:
    """The receipt of a run on record. A `journal` that is given is read instead of the folder's.

    Without `left_out` nobody is left out, which saves a replay for each seat.
    """
    record = journal or Journal(folder.journal if folder else None, read_only=True)
    seen = _Seen()
    result = await replay(spec, folder, listeners=[seen], journal=record)
    return await _Reckoning(spec, folder, record, seen, result.outcome).receipt(left_out)


def receipt_of(result: Result) -> Receipt | None:
    """The receipt of a result, for code that is not asynchronous; None for a run that is not on record."""
    if result.folder is None:
        return None
    folder = RunFolder(Path(result.folder))
    return wait_for(receipt(folder.spec(), folder))


@dataclass(frozen=True)
class _Lead:
    """The answer that leads, and whose it is."""

    seat: str | None
    text: str


@dataclass
class _Seen:
    """What a replay's events say. A listener."""

    firsts: dict[str, tuple[int, str]] = field(default_factory=dict)  # seat -> round, text
    scores: dict[str, dict[tuple[str, ...], float]] = field(default_factory=dict)  # judge -> what it judged -> how
    before: dict[Phase, _Lead | None] = field(default_factory=dict)
    after: dict[Phase, _Lead | None] = field(default_factory=dict)
    lead: _Lead | None = None
    _open: set[Phase] = field(default_factory=set)
    _ended: set[Phase] = field(default_factory=set)

    def __call__(self, event: events.Event) -> None:
        match event:
            case events.PhaseStarted():
                self._close()
                phase = (event.scope, event.round, event.phase)
                self.before[phase] = self.lead
                self._open.add(phase)
            case events.PhaseFinished():
                self._ended.add((event.scope, event.round, event.phase))
            case events.Offered():
                self.lead = _lead(event.outcome)
            case events.RunFinished():
                self._ended |= self._open
                self._close()
            case events.CallFinished():
                self._reply(event)

    def _close(self) -> None:
        """Phases that have ended did what was offered until the next one began."""
        for phase in self._open & self._ended:
            self.after[phase] = self.lead
        self._open -= self._ended

    def _reply(self, event: events.CallFinished) -> None:
        step = read_step(event.step)
        if step.phase in FIRST and event.key[:1] == (event.seat,) and event.seat not in self.firsts:
            self.firsts[event.seat] = step.round, _text(event)
        for judged, score in scores_in(event.key, event.value):
            self.scores.setdefault(event.seat, {})[(step.scope, str(step.round), step.phase, *judged)] = score


def _text(event: events.CallFinished) -> str:
    value = event.value
    found = value if isinstance(value, str) else getattr(value, "text", None) or getattr(value, "answer", None)
    return found if isinstance(found, str) else event.text


def _lead(outcome: Outcome, *, seats_only: bool = False) -> _Lead | None:
    """What leads: the answer itself, else that of the leading seat. With `seats_only`, what a seat has said."""
    seat = outcome.winner or outcome.leader
    said = next((each.answer for each in outcome.answers if each.seat == seat), None)
    text = said if (seats_only and said is not None) or outcome.answer is None else outcome.answer
    return None if text is None else _Lead(seat, text)


@dataclass
class _Reckoning:
    """A run that was replayed as it was, to be taken apart."""

    spec: RunSpec
    folder: RunFolder | None
    journal: Journal
    seen: _Seen
    outcome: Outcome
    _known: dict[str, Keyed] = field(default_factory=dict)

    async def receipt(self, left_out: bool) -> Receipt:
        lead = _lead(self.outcome)
        tried = self._members if left_out and lead and len(self._members) > 1 else []
        return Receipt(
            run_id=self.folder.id if self.folder else "",
            status=self.outcome.status,
            ahead=self._id(lead.seat) if lead else None,
            alone=tuple(self._alone(lead)),
            plain_vote=self._plain_vote(lead),
            left_out=tuple([await self._without(seat) for seat in tried]),
            phases=tuple(self._phases()),
            effective_votes=self._effective(),
            dissent=tuple(self._dissent(lead)),
        )

    @property
    def _members(self) -> list[str]:
        return [seat.name for seat in self.spec.seats if seat.duty == "member"]

    @property
    def _firsts(self) -> dict[str, str]:
        """The answers of the first round, in seat order."""
        first = min((round for round, _ in self.seen.firsts.values()), default=0)
        given = {seat: text for seat, (round, text) in self.seen.firsts.items() if round == first}
        return {seat: given[seat] for seat in self._members if seat in given}

    def _id(self, seat: str | None) -> str | None:
        return next((each.id for each in self.spec.seats if each.name == seat), None)

    def _alone(self, lead: _Lead | None) -> Iterable[Alone]:
        for seat in self._members:
            answer = self._firsts.get(seat)
            yield Alone(
                seat=seat,
                model_id=self._id(seat) or seat,
                answer=answer,
                conclusion=self._keyed(answer).said if answer is not None else None,
                same_as_result=self._same(answer, lead.text) if answer is not None and lead else None,
            )

    def _plain_vote(self, lead: _Lead | None) -> PlainVote:
        keyed = {seat: self._keyed(text) for seat, text in self._firsts.items()}
        if not keyed:
            return PlainVote(of=len(self._members), why="nobody answered in the first round")
        order = self._members
        groups = votes_of(keyed, order)
        measure = votes.by_count(dict.fromkeys(order, 1.0))
        ranked = votes.groups(groups, measure, order)
        if not votes.unbeatable(groups, [], measure, order, joinable=open_groups(keyed, groups)):
            why = "whether the first answers agree cannot be told without reading them"
            return PlainVote(of=len(order), why=why)
        winner = ranked[0].members[0]
        return PlainVote(
            answer=self._firsts[winner],
            model_id=self._id(winner),
            votes=len(ranked[0].members),
            of=len(order),
            tied=not votes.leads(ranked),
            same_as_result=self._same(self._firsts[winner], lead.text) if lead else None,
        )

    async def _without(self, seat: str) -> LeftOut:
        self.journal.misfits.clear()
        who: JSON = {"seat": seat, "model_id": self._id(seat) or seat}
        try:
            result = await replay(self.spec, self.folder, ended="unfinished", journal=self.journal, without=(seat,))
        except Exception as error:  # a protocol is anybody's code, and this is a run that never was
            return LeftOut(**who, why=f"{type(error).__name__}: {error}")
        outcome = result.outcome
        who["exact"] = not self.journal.misfits
        if outcome.status == "unfinished":
            return LeftOut(**who, why=outcome.explanation)
        then, now = _lead(outcome, seats_only=True), _lead(self.outcome, seats_only=True)
        told = {**who, "status": outcome.status, "ahead": self._id(then.seat) if then else None}
        if outcome.met != self.outcome.met or now is None or then is None:
            return LeftOut(**told, flips=True)
        if now.seat not in self._members and then == now and self.journal.misfits:
            return LeftOut(**told, why="what was written might be another text, had its author not read this seat")
        flips = self._another(now, then)
        return LeftOut(**told, flips=flips, why="" if flips is not None else "the same seat leads, with another text")

    def _phases(self) -> Iterable[PhaseWorth]:
        lines: dict[Phase, list[JSON]] = {phase: [] for phase in self.seen.before}
        for line in self.journal.spent:
            step = read_step(line["step"])
            lines.setdefault((step.scope, step.round, step.phase), []).append(line)
        for (scope, round, phase), spent in lines.items():
            key = (scope, round, phase)
            before, after = self.seen.before.get(key), self.seen.after.get(key)
            yield PhaseWorth(
                scope=scope,
                round=round,
                phase=phase,
                **_cost(spent),
                ahead=self._id(after.seat) if after else None,
                changed=self._another(before, after) if before and after else None,
            )

    def _effective(self) -> EffectiveVotes:
        judged = of_scores(self.seen.scores)
        firsts = list(self._firsts.values())
        found = judged or of_answers([[self._same(one, other) for other in firsts] for one in firsts])
        if not isinstance(found, Agreement):
            return EffectiveVotes(of=len(self._members), why=found)
        return EffectiveVotes(
            votes=effective(found.of, found.correlation),
            of=found.of,
            correlation=round(found.correlation, 4),
            source="scores" if judged else "answers",
        )

    def _dissent(self, lead: _Lead | None) -> Iterable[Dissent]:
        last = self._firsts | {each.seat: each.answer for each in self.outcome.answers}
        for seat in self._members:
            if seat not in last or lead is None or lead.seat is None or (same := self._same(last[seat], lead.text)):
                continue
            said = self._keyed(last[seat]).said or preview(last[seat], SAYS)
            yield Dissent(seat=seat, model_id=self._id(seat) or seat, says=said, differs=None if same is None else True)

    def _another(self, before: _Lead, after: _Lead) -> bool | None:
        """Whether another answer leads: one of another seat, unless it is known to conclude the same."""
        same = self._same(before.text, after.text)
        if same is not None:
            return not same
        return True if before.seat != after.seat or before.seat is None else None

    def _same(self, one: str, other: str) -> bool | None:
        """Whether two answers conclude the same; None where nobody can say without reading them."""
        first, second = self._keyed(one), self._keyed(other)
        if first.group is not None and first.group == second.group:
            return True
        return None if may_mean(first.key, second.key) else False

    def _keyed(self, text: str) -> Keyed:
        if text not in self._known:
            self._known[text] = read_keyed(text, self.spec.prompt)
        return self._known[text]


def _cost(lines: Sequence[JSON]) -> JSON:
    """What lines of `Journal.spent` add up to."""
    usage, usd, listed = Usage(), 0.0, None
    priced = True
    for line in lines:
        done = Completion.model_validate(line["completion"]) if line.get("completion") is not None else None
        paid = paid_for(line)[0]
        usd, priced = usd + (paid or 0.0), priced and paid is not None
        if done is not None:
            usage += done.usage or Usage()
            listed = listed if done.list_usd is None else (listed or 0.0) + done.list_usd
    finished = [line for line in lines if line["kind"] == "finished"]
    return {
        "calls": sum(not str(line["step"]).endswith("+repair") for line in finished),
        "usage": usage,
        "usd": round(usd, 6) if priced else None,
        "list_usd": listed,
        "seconds": round(_covered((float(str(line["at"])), float(str(line["seconds"]))) for line in finished), 3),
    }


def _covered(ends: Iterable[tuple[float, float]]) -> float:
    """How long at least one of some spans lasted, each given by its end and its length.

    >>> _covered([(10.0, 4.0), (11.0, 2.0), (20.0, 1.0)])
    6.0
    """
    total, until = 0.0, float("-inf")
    for began, ended in sorted((end - length, end) for end, length in ends):
        total += max(0.0, ended - max(began, until))
        until = max(until, ended)
    return total
