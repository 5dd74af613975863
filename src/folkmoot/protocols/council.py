"""council: every seat answers, each ranks the others' answers without knowing whose they are, and a chair writes.

After llm-council, https://github.com/karpathy/llm-council, but nobody ranks itself, the chair reads no names, and the
answer that is ranked first is settled by counting before the chair has written a word.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field, field_validator

from folkmoot.core.batch import Batch
from folkmoot.core.calling import Call
from folkmoot.core.run import Run
from folkmoot.counting import rankings, sheets
from folkmoot.counting.judging import RULES, order_of
from folkmoot.counting.rankings import Standing
from folkmoot.errors import CallFailed
from folkmoot.formats import TEXT
from folkmoot.formats.ranking import Ranking, ranking_for
from folkmoot.prompting import DATA, block
from folkmoot.protocols import Options, protocol
from folkmoot.types import JSON, Candidate, Outcome, Record

MOST_CHAIRS = 3  # asked one after the other, until one answers


class Preset(Record):
    """Values of the options of the same names, which `--preset NAME` stands for."""

    stance: tuple[str, ...] = ()  # dealt to the seats in turn
    judge_by: str = ""
    brief: str = ""  # what the chair is to write


PRESETS: Mapping[str, Preset] = {
    "redteam": Preset(
        stance=(
            (
                "Attack what is put before you. Find how it fails: what "
                "is wrong, what it takes for granted, who could abuse it."
            ),
        ),
        judge_by=(
            "how serious and how well founded the objections are; an objection that does not hold is worth nothing"
        ),
        brief=(
            "List the objections that hold, the most serious first. "
            "For each: what happens, why, and what would prevent it."
        ),
    ),
    "premortem": Preset(
        stance=(
            (
                "It is a year from now, and this has failed. Tell how "
                "it came to that, as somebody who was there and saw it coming."
            ),
        ),
        judge_by="how likely the story is, and whether one could have known it in time",
        brief=(
            "Give the likeliest causes of failure, the likeliest first; for "
            "each its first sign, and what to do about it now."
        ),
    ),
    "oxford": Preset(
        stance=(
            "Argue for the motion, as well as it can honestly be done.",
            "Argue against the motion, as well as it can honestly be done.",
        ),
        judge_by="the strength of the argument, whichever side it is on",
        brief=(
            "Set out the best case for and the best case against. "
            "Then say which side carries it, and what would turn that."
        ),
    ),
}


class CouncilOptions(Options):
    chair: tuple[str, ...] = Field(
        (),
        description="Who writes the answer; where one fails, the next. If not given, the first seat's model.",
        json_schema_extra={"duty": "chair", "else": "first"},
    )
    preset: str | None = Field(None, description=f"Stances and tasks by name: {', '.join(PRESETS)}.")
    stance: tuple[str, ...] = Field((), description="How to answer, dealt to the seats in turn.")
    judge_by: str | None = Field(None, description="What the ranking goes by, instead of right, complete and clear.")
    brief: str | None = Field(None, description="What the chair is to write, instead of the best answer.")
    rule: Literal["mean", "tops", "borda"] = Field(
        "mean", description="Which answer is ranked first: by mean place, by whom most put first, or by Borda points."
    )
    early: Literal["off", "cancel", "finish"] = Field(
        "cancel",
        description="Once no further ranking can change the order: wait all the same (off), give up the open calls "
        "(cancel), or let them finish and report them too (finish).",
    )

    @field_validator("preset")
    @classmethod
    def _exists(cls, name: str | None) -> str | None:
        if name is not None and name not in PRESETS:
            raise ValueError(f"there are {', '.join(PRESETS)}")
        return name

    @property
    def way(self) -> Preset:
        """The preset's values, where they are not given themselves."""
        known = PRESETS[self.preset] if self.preset else Preset()
        given = {name: value for name in Preset.model_fields if (value := getattr(self, name))}
        return known.model_copy(update=given)


def max_calls(options: CouncilOptions, seats: int) -> int:  # noqa: ARG001
    """Answers, rankings (two answers need none), chairs."""
    return 1 if seats == 1 else seats + (seats if seats > 2 else 0) + MOST_CHAIRS


@dataclass(frozen=True)
class Ranked:
    """The answers, and how they were ranked."""

    answers: Mapping[str, str]
    given: Mapping[str, Ranking]  # by judge
    table: Sequence[Standing]  # the best first
    rule: str = "mean"
    totals: Mapping[str, tuple[float, ...]] = field(default_factory=dict)  # by another rule than the mean place

    @property
    def asked(self) -> int:
        return len(self.answers) if len(self.answers) > 2 else 0


def calls_per_round(options: CouncilOptions, seats: int) -> int:
    return 1 if seats == 1 else max_calls(options, seats) - MOST_CHAIRS + 1


@protocol("council", CouncilOptions, max_calls=max_calls, calls_per_round=calls_per_round)
async def council(run: Run, options: CouncilOptions) -> Outcome:
    """Answer, rank each other's answers anonymously, and let a chair write from them"""
    async for _ in run.rounds(1):
        answers = await _answer(run, options.way.stance)
        run.require(min(2, len(run.all_seats)), "propose", answers)
        if len(run.all_seats) > 1:
            ranked = (
                await _rank(run, options, answers) if len(answers) > 2 else _counted(run, answers, {}, options.rule)
            )
            await _write(run, options.way, ranked)
    return run.offered


async def _answer(run: Run, stances: Sequence[str]) -> dict[str, str]:
    answers: dict[str, str] = {}
    batch: Batch[str] = run.batch()
    try:
        async with batch:
            for seat in run.seats:
                stance = (stances[run.all_seats.index(seat) % len(stances)],) if stances else ()
                parts = (*run.question(), *stance, PROPOSE)
                batch.add("propose", seat, Call(seat, parts, TEXT, SYSTEM))
            async for done in batch:
                answers[done.key] = str(done.value)
    finally:  # whatever stops it: what was written stands
        answers = {seat: answers[seat] for seat in run.all_seats if seat in answers}
        if answers:
            run.offer(_answered(run, answers))
    return answers


async def _rank(run: Run, options: CouncilOptions, answers: Mapping[str, str]) -> Ranked:
    given: dict[str, Ranking] = {}
    judges = [seat for seat in run.seats if seat in answers]
    batch: Batch[str] = run.batch()
    async with batch:
        for judge in judges:
            batch.add("rank", judge, _comparison(run, judge, answers, options.way.judge_by))
        async for done in batch:
            assert isinstance(done.value, Ranking)
            given[done.key] = done.value
            run.offer(
                _outcome(run, _counted(run, answers, given, options.rule), "ranking", "the chair has not written yet")
            )
            waiting = [seat for seat in judges if seat not in given and ("rank", seat) not in batch.failed]
            by_places = options.rule != "tops"  # of equally long rankings Borda's order is that of the mean places
            if (
                options.early == "cancel"
                and by_places
                and rankings.settled(_orders(run, given), waiting, list(answers), _weights(run))
            ):
                break
    return _counted(run, answers, {seat: given[seat] for seat in judges if seat in given}, options.rule)


async def _write(run: Run, way: Preset, ranked: Ranked) -> None:
    """The first chair that answers writes; where none does, the answer ranked first stands as it was written."""
    failed: list[JSON] = []
    for chair in run.seats_for("chair")[:MOST_CHAIRS]:
        parts = (block("question", run.prompt), *_shown(run, chair, ranked.answers), *_verdict(run, ranked))
        try:
            text = await run.call("synthesize", Call(chair, (*parts, way.brief or WRITE, KEEP), TEXT, CHAIR))
        except CallFailed as failure:
            failed.append({"model_id": run.model_id(chair), "message": str(failure)})
            continue
        met = bool(ranked.given) or not ranked.asked
        outcome = _outcome(run, ranked, "chaired" if met else "unranked", f"written by {run.model_id(chair)}")
        told = {"chair": {"model_id": run.model_id(chair), "failed": failed}, **outcome.details}
        run.offer(outcome.model_copy(update={"met": met, "answer": text, "details": told}))
        return
    outcome = _outcome(run, ranked, "chair_failed", "no chair answered, so the best answer stands as it was written")
    told = {"chair": {"model_id": None, "failed": failed}, **outcome.details}
    first = outcome.leader or ""
    run.offer(outcome.model_copy(update={"winner": first, "answer": ranked.answers[first], "details": told}))


def _comparison(run: Run, judge: str, answers: Mapping[str, str], judge_by: str) -> Call[Ranking]:
    others = {seat: text for seat, text in answers.items() if seat != judge}
    labels = [run.labels[seat] for seat in run.reading_order(judge) if seat in others]
    parts = (block("question", run.prompt), *_shown(run, judge, others), RANK.format(by=judge_by or RIGHT))
    return Call(judge, parts, ranking_for(labels, run.left_out), SYSTEM)


def _shown(run: Run, reader: str, answers: Mapping[str, str]) -> list[str]:
    order = [seat for seat in run.reading_order(reader) if seat in answers]
    return [block("answer", answers[seat], label=run.labels[seat]) for seat in order]


def _verdict(run: Run, ranked: Ranked) -> list[str]:
    """What the chair reads of the rankings: the reasons of each, and the order that comes of them."""
    if not ranked.given:
        return []
    reasons = [
        block("review", f"{each.comparison}\n\n{' > '.join(each.order)}".strip(), reviewer=run.labels[judge])
        for judge, each in ranked.given.items()
    ]
    order = [
        f"{place}. {run.labels[each.seat]}" + (f" (mean place {each.mean_rank:.2f})" if each.mean_rank else "")
        for place, each in enumerate(ranked.table, 1)
    ]
    return ["How the authors ranked each other's answers:", *reasons, "All rankings together:\n" + "\n".join(order)]


def _counted(run: Run, answers: Mapping[str, str], given: Mapping[str, Ranking], rule: str) -> Ranked:
    authors, weights, orders = list(answers), _weights(run), _orders(run, given)
    table = rankings.standings(orders, authors, weights)
    if rule == "mean":
        return Ranked(answers, dict(given), table)
    totals = RULES[rule](_places(orders), authors, weights)
    standing = {each.seat: each for each in table}
    return Ranked(answers, dict(given), [standing[seat] for seat in order_of(totals, authors)], rule, totals)


def _places(orders: Mapping[str, Sequence[str]]) -> dict[tuple[str, str], float]:
    """(judge, author) -> the place, as a number that is higher for the better one."""
    return {(judge, seat): -float(place) for judge, order in orders.items() for place, seat in enumerate(order, 1)}


def _orders(run: Run, given: Mapping[str, Ranking]) -> dict[str, list[str]]:
    author = {label: seat for seat, label in run.labels.items()}
    return {judge: [author[label] for label in each.order] for judge, each in given.items()}


def _weights(run: Run) -> dict[str, float]:
    return {seat: run.weight(seat) for seat in run.all_seats}


def _answered(run: Run, answers: Mapping[str, str]) -> Outcome:
    alone = len(run.all_seats) == 1
    first = next(iter(answers)) if alone else None
    return Outcome(
        status="single_model" if alone else "answered",
        met=alone,
        winner=first,
        answer=answers[first] if first else None,
        answers=tuple(Candidate(seat=seat, answer=text) for seat, text in answers.items()),
        round=run.round,
        strategy="mean-rank",
        explanation="one seat, nobody to rank it" if alone else "nobody has ranked the answers yet",
        leader=first,
        counts=(sheets.answered(run.asked("propose"), answers),),
    )


def _outcome(run: Run, ranked: Ranked, status: str, why: str) -> Outcome:
    """The order as it is. The leader is a matter of counting, whatever a chair makes of it."""
    first, asked = ranked.table[0], ranked.asked
    counted = places = "nobody ranked the answers" if asked else "two answers, which leaves nothing to rank"
    if first.mean_rank is not None:
        places = f"mean place {first.mean_rank:.2f} of {asked - 1} in {len(ranked.given)} of {asked} rankings"
        counted = f"ranked first: {run.model_id(first.seat)}, {places}"
    names = {run.labels[seat]: run.model_id(seat) for seat in ranked.answers}
    best = {"model_id": run.model_id(first.seat), "answer": ranked.answers[first.seat]}
    details: JSON = {
        "ranked_first": best if ranked.given else None,
        "aggregate_rankings": [
            {"model_id": run.model_id(seat), "average_rank": mean, "borda": borda, "rankings_count": count}
            for seat, mean, borda, count in ranked.table
        ],
        "rankings": [
            {
                "model_id": run.model_id(judge),
                "ranking": [names[label] for label in each.order],
                "comparison": each.comparison,
            }
            for judge, each in ranked.given.items()
        ],
        "rankings_asked": asked,
    }
    answered = _answered(run, ranked.answers)
    counts = answered.counts
    if asked:
        orders = _orders(run, ranked.given)
        if ranked.rule != "mean":
            first_to_last = [each.seat for each in ranked.table]
            given = _places(orders)
            counts += (
                sheets.by_judges(run.asked("rank"), ranked.rule, given, ranked.totals, first_to_last, _weights(run)),
            )
        counts += (sheets.mean_place(run.asked("rank"), orders, ranked.table, _weights(run), explanation=places),)
    told = {"status": status, "leader": first.seat, "explanation": f"{why}; {counted}", "details": details}
    return answered.model_copy(update={**told, "counts": counts})


SYSTEM = f"""\
You are one of several models that were given the same question. Each answers on its own; then each ranks the answers \
of the others without knowing whose they are; then one writes the final answer from all of them. {DATA}"""

PROPOSE = "Answer the question as well as you can. Reply with the answer itself, ready for the person who asked."

RIGHT = "which is right, then which is complete, then which is clear"

RANK = """\
Rank the answers above by this: {by}. Work the question out for yourself first, and look in each answer for what it \
gets wrong and what it alone sees. Neither length, style, confidence nor the order of the answers counts."""

CHAIR = f"""\
You write the final answer to a question that several models have answered. They have ranked each other's answers; \
you know neither which model wrote what nor which one you are. {DATA}"""

WRITE = """\
Write the best answer to the question that can be made of this. Begin with the answer that was ranked first, and \
depart from it where another one or a review shows that it is wrong or lacks something; a claim that most of them make \
is not right for that reason alone. Where you cannot settle a contradiction that matters, say so."""

KEEP = """\
Reply with the answer itself, in the form that the question asks for, ready for the person who asked; mention neither \
labels nor rankings nor that there were several answers."""
