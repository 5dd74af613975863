"""debate: propose, review, rebut and vote, until a majority endorses the same answer; its author then merges.

After Ensemble, https://github.com/raiyanyahya/ensemble.
"""

from typing import Any, Literal, TypeVar

from pydantic import Field, model_validator

from folkmoot.core.batch import Batch
from folkmoot.core.calling import Call
from folkmoot.core.run import Run
from folkmoot.counting import ballots, sheets
from folkmoot.counting.ballots import DebateRuling
from folkmoot.counting.debate_rounds import DebateCourse, DebateRound, Merge, report, said_in, tallies
from folkmoot.errors import CallFailed
from folkmoot.formats import TEXT, Format
from folkmoot.formats.sources import SOURCES, Source, source_blocks
from folkmoot.formats.votes import CONFIRM, Confirmation, Vote, vote_for
from folkmoot.prompting import DATA, block
from folkmoot.protocols import Options, protocol
from folkmoot.stances import Roles, preset, told
from folkmoot.types import Candidate, Outcome

R = TypeVar("R")


class DebateOptions(Options):
    rounds: int = Field(
        50, ge=1, le=100, description="Most rounds; agreement or a standstill ends it first.",
        json_schema_extra={"flags": ["-r", "--max-rounds"]},
    )  # fmt: skip
    quick: bool = Field(False, description="One round only.")
    roles: Roles = Field("none", description="A stance for every seat that has no --role.")
    ground: bool = Field(
        False, description="Search the web first; answers cite what was found (needs TAVILY_API_KEY).",
        json_schema_extra={"duty": "web", "model": "web/tavily"},
    )  # fmt: skip
    stall_timeout: float | None = Field(
        None,
        gt=0,
        description="Stop when no call has ended for so many seconds; without it, calls have their own limit.",
    )
    early: Literal["off", "cancel", "finish"] = Field(
        "cancel", description="Once a majority stands: give up the open votes (cancel), or wait for them (off, finish)."
    )

    @model_validator(mode="before")
    @classmethod
    def _quick_is_one_round(cls, given: Any) -> Any:
        # and nothing else, so that a quick debate can go on with more rounds
        return {**given, "rounds": 1, "quick": False} if isinstance(given, dict) and given.get("quick") else given


def calls_per_round(options: DebateOptions, seats: int) -> int:  # noqa: ARG001
    return 4 * seats if seats > 1 else 1


def max_calls(options: DebateOptions, seats: int) -> int:
    """Propose, review, rebut and vote in every round; then one merge, and everybody else on it."""
    return options.ground + (1 if seats == 1 else 4 * seats * options.rounds + seats)


@protocol("debate", DebateOptions, max_calls=max_calls, calls_per_round=calls_per_round)
async def debate(run: Run, options: DebateOptions) -> Outcome:
    """Propose, review, rebut and vote until a majority endorses one answer, then merge and confirm it"""
    run.patience = options.stall_timeout
    course = DebateCourse(preset(options.roles, run.all_seats), options.early, await _search(run))
    async for _ in run.rounds(options.rounds):
        if len(run.all_seats) == 1:
            return await _alone(run, course)
        try:
            ruling = await _argue(run, course)
        except BaseException:  # whatever stops it: a majority that is on record decides
            _offer_so_far(run, course)
            raise
        course.leader = run.offer(course.outcome(ruling, run.round, run.model_id)).leader
        if ruling.winner is not None:
            course.merge = Merge(ruling.winner)
            try:
                await _merge(run, course, course.merge)
            finally:
                run.offer(course.outcome(ruling, run.round, run.model_id))
        if ruling.status != "open":
            break
    return run.offered


async def _search(run: Run) -> tuple[Source, ...]:
    """Search the web. Returns nothing if no seat searches or the search fails; the result lists the failure."""
    for seat in run.seats_for("web"):
        try:
            return await run.call("search", Call(seat, (run.prompt,), SOURCES))
        except CallFailed:
            continue
    return ()


async def _alone(run: Run, course: DebateCourse) -> Outcome:
    (seat,) = run.all_seats
    answer = await run.call("propose", _call(run, course, seat, TEXT, PROPOSE))
    return run.offer(
        Outcome(
            status="single_model", met=True, winner=seat, answer=answer, round=1, strategy="single-model",
            answers=(Candidate(seat=seat, answer=answer),), explanation="one seat, nobody to debate with", leader=seat,
            counts=(sheets.answered(run.asked("propose"), {seat: answer}),),
            details=report([], None, course.sources, answer, run.model_id),
        )
    )  # fmt: skip


async def _argue(run: Run, course: DebateCourse) -> DebateRuling:
    """One round, up to its votes. It goes on while two seats take part."""
    run.require(2, "propose", run.seats)
    await _propose(run, course)
    turn = course.turns[-1]
    run.require(2, "propose", turn.proposals)
    run.require(2, "review", run.seats)
    turn.reviews = await run.call_all(
        "review", {seat: _call(run, course, seat, TEXT, REVIEW, shown=turn) for seat in run.seats}
    )
    run.require(2, "rebut", run.seats)
    reviewed = [seat for seat in run.seats if seat in turn.proposals and turn.reviews.keys() - {seat}]
    turn.rebuttals = await run.call_all(
        "rebut", {seat: _call(run, course, seat, TEXT, REBUT, shown=turn) for seat in reviewed}
    )
    run.require(2, "vote", run.seats)
    await _vote(run, course, turn)
    return ballots.rule(course.counted(run.labels, run.prompt))


async def _propose(run: Run, course: DebateCourse) -> None:
    """Begin a turn. A seat without a new proposal keeps its last one."""
    last = course.turns[-1] if course.turns else None
    task = PROPOSE if last is None else PROPOSE_AGAIN
    calls = {seat: _call(run, course, seat, TEXT, task, shown=last) for seat in run.seats}
    turn = DebateRound(dict(last.proposals) if last else {})
    course.turns.append(turn)
    batch: Batch[str] = run.batch()
    async with batch:
        for seat, call in calls.items():
            batch.add("propose", seat, call)
        async for done in batch:
            found = {**turn.proposals, done.key: str(done.value)}
            turn.proposals = {seat: found[seat] for seat in run.all_seats if seat in found}


async def _vote(run: Run, course: DebateCourse, turn: DebateRound) -> None:
    """Collect votes into `turn`. Once a majority stands, open votes cannot change it and are given up."""
    labels = sorted((run.labels[seat] for seat in turn.proposals), key=lambda label: (len(label), label))
    turn.invited = run.seats
    calls = {
        seat: _call(run, course, seat, vote_for(labels, run.labels[seat]), VOTE, shown=turn) for seat in turn.invited
    }
    batch: Batch[str] = run.batch()
    async with batch:
        for seat, call in calls.items():
            batch.add("vote", seat, call)
        turn.asked = run.asked("vote")
        async for done in batch:
            assert isinstance(done.value, Vote)
            cast = {**turn.votes, done.key: done.value}
            turn.votes = {seat: cast[seat] for seat in turn.invited if seat in cast}
            cast_now = course.counted(run.labels, run.prompt)[-1].ballots
            if course.early == "cancel" and ballots.settled(cast_now, len(turn.invited)):
                break


async def _merge(run: Run, course: DebateCourse, merge: Merge) -> None:
    """Let the endorsed author merge and the others confirm. If either fails, the endorsed answer stands verbatim."""
    turn, author = course.turns[-1], merge.author
    if author not in run.seats:
        merge.failure = "its author has left the run"
        return
    count = sum(vote.target == run.labels[author] for vote in turn.votes.values())
    won = f"Your answer, {run.labels[author]}, was endorsed by {count} of {len(turn.invited)}."
    try:
        merge.text = await run.call("synthesize", _call(run, course, author, TEXT, won, SYNTHESIZE, shown=turn))
    except CallFailed as failed:
        merge.failure = f"its author did not merge ({failed.kind})"
        return
    merge.peers = [seat for seat in run.seats if seat != author]
    merged = block("synthesis", merge.text, author=run.labels[author])
    endorsed = f"{run.labels[author]} was endorsed. This is what its author made of it:"
    batch: Batch[str] = run.batch()
    async with batch:
        for seat in merge.peers:
            batch.add(
                "confirm",
                seat,
                _call(run, course, seat, CONFIRM, endorsed, merged, CHECK, shown=DebateRound(turn.proposals)),
            )
        merge.asked = run.asked("confirm")
        async for done in batch:
            assert isinstance(done.value, Confirmation)
            given = {**merge.verdicts, done.key: done.value}
            merge.verdicts = {seat: given[seat] for seat in merge.peers if seat in given}
            if course.early == "cancel" and (merge.adopted or merge.hopeless):
                break


def _offer_so_far(run: Run, course: DebateCourse) -> None:
    """Offer what a stopped round has so far, where that is more than what was offered before."""
    turn = course.turns[-1] if course.turns else DebateRound({})
    if turn.votes:
        run.offer(course.outcome(ballots.rule(course.counted(run.labels, run.prompt)), run.round, run.model_id))
    elif turn.proposals and len(course.turns) == 1:
        run.offer(course.outcome(None, run.round, run.model_id))


# What a seat is shown: what never changes first, the task last


def _call(
    run: Run, course: DebateCourse, seat: str, format: Format[R], *task: str, shown: DebateRound | None = None
) -> Call[R]:
    stance = course.stances.get(seat) if run.role(seat) is None else None
    system = "\n\n".join(
        [SYSTEM, f"Your own answer is called {run.labels[seat]}.", *([told(stance)] if stance else [])]
    )
    cited = (*source_blocks(course.sources), CITE) if course.sources else ()
    before = tallies(course.votings[: max(len(course.turns) - 1, 0)], run.labels)
    said = said_in(shown, seat, run.reading_order(seat), run.labels) if shown else ()
    return Call(seat, (*run.question(*cited), *before, *said, *task), format, system)


SYSTEM = f"""\
You are one of several models that debate the same question until a majority of them endorses one and the same answer. \
You know the others only by the labels of their answers; judge what is said, not who may have said it. Do not agree \
for the sake of agreement: change your mind when you are shown a reason, keep it when you are only outnumbered, and \
concede a mistake as soon as you see it. A role, if you have one, says where to look first, not what to find. {DATA}"""

CITE = """\
The sources above were found on the web for this question. Where a statement of fact rests on one, cite its number in \
square brackets, as in [2]. Cite nothing else; a source may be wrong or beside the point."""

SHORT = (
    "If the question has one short answer (a number, a choice, a name, yes or no), end with a line `ANSWER: ` and that."
)

PROPOSE = f"""\
Answer the question on your own, as well as you can, ready for the person who asked. {SHORT}"""

PROPOSE_AGAIN = f"""\
Above is the last round in full, with what each seat voted and why. Answer the question again. Mend what was shown to \
be wrong in your answer and keep what is right; take over what others have better, in your own words. If somebody \
else's answer is simply right, say the same. Reply with the complete new answer alone, ready for the person who asked, \
without a word about the debate. {SHORT}"""

REVIEW = """\
Review every answer but your own, by its label. For each: what is right, what is wrong or missing, and the one step or \
claim that decides whether it holds; check that step yourself. You may ask its author a question. Do not reward \
length, style or confidence."""

REBUT = """\
Reply to what the others said of your answer: concede what is right, refute what is wrong with a reason that can be \
checked, and answer their questions. Say at the end in one sentence what your answer comes to now."""

VOTE = """\
Vote. FINALIZE endorses one answer as it stands: only if it is right and needs no further round; your own only if it \
is really the best. REVISE asks for another round: say what exactly must be worked out. SPLIT says that no further \
round will settle this: say what exactly is disputed. Rank all answers but your own, the best first."""

SYNTHESIZE = f"""\
Write the final answer. What your answer concludes stays as it is, since that is what was endorsed. Take in what the \
reviews and the other answers add or correct, and state fairly, in a sentence or two, a view that remains opposed. \
Reply with the complete answer alone, ready for the person who asked, without a word about the debate. {SHORT}"""

CHECK = """\
May this be given as the panel's answer? Approve if it concludes what the endorsed answer concludes, adds nothing that \
is wrong or without support, and is fair to views it does not share. Otherwise reject it, and the endorsed answer will \
be given as it was written. Do not reject it for its style."""
