"""vote: every seat answers once, and the answer that most seats give wins."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Literal

from pydantic import Field

from folkmoot.core.batch import Batch
from folkmoot.core.calling import Call
from folkmoot.core.run import Run
from folkmoot.counting import sheets
from folkmoot.counting import votes as voting
from folkmoot.counting.poll import conclusion, conclusions, keys_of, open_groups, seat_of, votes_of
from folkmoot.counting.votes import Group, Measure
from folkmoot.errors import CallFailed, Stopped
from folkmoot.formats.answer_keys import Key, may_mean
from folkmoot.formats.keyed import Keyed, keyed_for
from folkmoot.formats.same import same_for
from folkmoot.prompting import DATA, block
from folkmoot.protocols import Options, protocol
from folkmoot.types import JSON, Candidate, Count, Outcome

Early = Literal["off", "cancel", "finish"]


class VoteOptions(Options):
    ties: Literal["seat", "weight"] = Field(
        "seat", description="What settles equal counts: the earlier seat, or the larger sum of weights."
    )
    early: Early = Field(
        "cancel",
        description="Once the lead cannot be overtaken: wait all the same (off), give up the open calls (cancel), or "
        "let them finish and show their answers too (finish).",
    )


def max_calls(options: VoteOptions, seats: int) -> int:  # noqa: ARG001
    return seats + 1 if seats > 1 else 1


@protocol("vote", VoteOptions, max_calls=max_calls)
async def vote(run: Run, options: VoteOptions) -> Outcome:
    """Ask all seats once and take the answer that most of them give"""
    seats = run.all_seats
    measure = voting.by_count(weights(run, seats), ties_by_weight=options.ties == "weight")
    answers: dict[str, Keyed] = {}
    async for _ in run.rounds(1):
        asked = run.seats
        over = False
        batch: Batch[str] = run.batch()
        try:
            async with batch:
                for seat in asked:
                    batch.add("answer", seat, answer_call(run, seat))
                async for done in batch:
                    assert isinstance(done.value, Keyed)
                    answers[done.key] = done.value
                    waiting = [seat for seat in asked if seat not in answers and ("answer", seat) not in batch.failed]
                    if waiting and options.early != "off":
                        over = over or _over(answers, waiting, measure, seats)
                    ranked = voting.groups(votes_of(answers, seats), measure, seats)
                    run.offer(_outcome(run, options, answers, ranked, "voted" if over else "asking"))
                    if over and options.early == "cancel":
                        break
        except Stopped:
            if not over:  # a decision on record stands, whatever stops the run
                raise
        run.require(1, "answer", answers)
        votes = votes_of(answers, seats)
        compared: tuple[Count, ...] = ()
        if not _over(answers, [], measure, seats):
            same, compared = await compare(run, answers, votes, list(votes))
            votes = voting.joined(votes, same)
        ranked = voting.groups(votes, measure, seats)
        run.offer(_outcome(run, options, answers, ranked, "voted", compared))
    return run.offered


def _over(answers: Mapping[str, Keyed], waiting: Sequence[str], measure: Measure, seats: Sequence[str]) -> bool:
    votes = votes_of(answers, seats)
    return voting.unbeatable(votes, waiting, measure, seats, joinable=open_groups(answers, votes))


def _outcome(
    run: Run,
    options: VoteOptions,
    answers: Mapping[str, Keyed],
    ranked: Sequence[Group],
    status: str,
    compared: tuple[Count, ...] = (),
) -> Outcome:
    """The largest group wins. Where every answer is an abstention, nobody does."""
    counted = status == "voted" and bool(ranked)
    members = ranked[0].members if ranked else ()
    leader = max(members, key=run.weight) if members else next(iter(answers))  # among equals the earlier seat
    asked, others = run.asked("answer"), len(voting.tied(ranked)) - 1
    abstained = sum(answer.abstains for answer in answers.values())
    explanation = f"{len(members)} of {len(asked.steps)} seats" + (f", tied with {others} other" * (others > 0))
    explanation += f"; {abstained} gave no answer" * (abstained > 0)
    count = sheets.plurality(
        asked, sheets.ballots(asked, conclusions(answers)), ranked, lambda group: conclusion(group.members[0], answers),
        seat_of, met=None, explanation=explanation, ties=options.ties,
    )  # fmt: skip
    return Outcome(
        status="undecided" if status == "voted" and not ranked else status,
        met=counted,
        winner=leader if counted else None,
        answer=answers[leader].text if counted else None,
        answers=candidates(run, answers),
        round=1,
        strategy="plurality",
        explanation=explanation if status == "voted" else "",
        leader=leader,
        counts=(*compared, count),
        details={"groups": shown_groups(run, ranked, answers)},
    )


# What `ask` shares


def weights(run: Run, seats: Sequence[str]) -> dict[str, float]:
    return {seat: run.weight(seat) for seat in seats}


def answer_call(run: Run, seat: str) -> Call[Keyed]:
    """The question, alone: nobody sees anybody."""
    return Call(seat, (*run.question(), ANSWER), keyed_for(run.prompt), SYSTEM)


async def compare(
    run: Run, answers: Mapping[str, Keyed], votes: Mapping[str, str], readers: Sequence[str], phase: str = "compare"
) -> tuple[list[list[str]], tuple[Count, ...]]:
    """Ask the first of `readers` which groups say the same. Return those groups, for `voting.joined`, and the count.

    One call over one answer of each group; none if all keys are closed, as 7 and 8 are. Without a readable reply no
    group says the same as another.
    """
    shown: dict[str, str] = {}  # group -> the first answer in it
    for ballot, name in votes.items():
        shown.setdefault(name, ballot)
    present = [reader for reader in readers if reader in run.seats]
    if not open_groups(answers, votes) or not present:
        return [], ()
    reader = present[0]
    place = {seat: at for at, seat in enumerate(run.reading_order(reader))}
    ordered = sorted(shown, key=lambda name: place[seat_of(shown[name])])
    labels = {label_of(run, shown[name]): name for name in ordered}
    blocks = (block("answer", answers[shown[name]].text, label=label) for label, name in labels.items())
    parts = (block("question", run.prompt), *blocks, COMPARE)
    try:
        partition = await run.call(phase, Call(reader, parts, same_for(list(labels)), SYSTEM))
    except CallFailed:
        return [], (sheets.same_conclusion(run.asked(phase), None),)
    keys = keys_of(answers, votes)
    # two numbers are two conclusions, whatever a model says
    possible = [
        part for part in partition if all(may_mean(keys[labels[a]], keys[labels[b]]) for a, b in combinations(part, 2))
    ]
    same = [sorted((labels[label] for label in part), key=lambda name: _openness(keys[name])) for part in possible]
    said = [[conclusion(shown[name], answers) for name in part] for part in same]
    return same, (sheets.same_conclusion(run.asked(phase), said),)


def _openness(key: Key | None) -> int:
    """A group is named by its most definite answer: a value before words, words before a text without a conclusion."""
    return 2 if key is None else int(key.open)


def label_of(run: Run, ballot: str) -> str:
    return run.labels[seat_of(ballot)] + (" revised" if "/" in ballot else "")


def candidates(run: Run, answers: Mapping[str, Keyed]) -> tuple[Candidate, ...]:
    return tuple(Candidate(seat=seat, answer=answers[seat].text) for seat in run.all_seats if seat in answers)


def shown_groups(run: Run, ranked: Sequence[Group], answers: Mapping[str, Keyed]) -> list[JSON]:
    """The groups as results report them, the leading one first."""
    return [
        {
            "answer": answers[group.members[0]].said,
            "models": list(dict.fromkeys(run.model_id(seat_of(each)) for each in group.members if each in answers)),
            "votes": group.size[0],
        }
        for group in ranked
    ]


SYSTEM = f"You are one of several models that were given the same question. {DATA}"

ANSWER = """\
Answer the question on your own, as well as you can, ready for the person who asked. Work out what can be worked out, \
and check the result before you state it."""

COMPARE = """\
Which of the answers above come to the same conclusion for the person who asked? What counts is what they conclude, \
not how they put it or how they got there; two answers are the same only if acting on either would come to the same. \
Do not judge which of them is right."""
