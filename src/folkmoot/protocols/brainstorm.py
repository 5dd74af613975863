"""brainstorm: rounds of answers that are told how they were received, and a panel of those the seats dispute most.

After refinery, https://github.com/Lightless-Labs/refinery. Every seat stays to the end, and every round is run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from folkmoot.core.batch import Batch
from folkmoot.core.calling import Call
from folkmoot.core.run import Run
from folkmoot.counting import lineages, sheets
from folkmoot.counting.lineages import BrainstormRound, Lineage
from folkmoot.formats import TEXT
from folkmoot.formats.ratings import IDEA_RATING, Rating
from folkmoot.formats.score_text import HIGHEST
from folkmoot.formats.variants import VARIANT
from folkmoot.prompting import DATA, block
from folkmoot.protocols import Options, protocol
from folkmoot.types import JSON, Candidate, Count, Outcome

Visibility = Literal["blind", "score-only", "own-reviews", "full-visibility"]


class BrainstormOptions(Options):
    rounds: int = Field(5, ge=1, le=20, description="Rounds.", json_schema_extra={"flags": ["-r", "--max-rounds"]})
    panel_size: int = Field(3, ge=1, le=20, description="Answers on the panel.")
    quality_floor: float = Field(
        7.0, ge=0, le=HIGHEST, description="Mean score that is wanted on the panel before dispute counts; 0 for none."
    )
    iteration_strategy: Visibility = Field(
        "score-only", description="What a seat sees of the rounds before when it answers again."
    )
    prompt_variants: Literal["off", "per-model"] = Field(
        "off", description="Whether each seat first puts the question in another way, which all then answer too."
    )


@dataclass(frozen=True)
class BrainstormCourse:
    """A brainstorm as far as it has come."""

    questions: Mapping[Lineage, str]  # by seat, then by variant
    turns: list[BrainstormRound]
    failures: list[JSON]
    counts: list[Count]  # of `turns`

    @property
    def variants(self) -> dict[str, str]:
        return {lineage.variant: text for lineage, text in self.questions.items()}


def calls_per_round(options: BrainstormOptions, seats: int) -> int:
    """Each lineage answers, and every other seat judges it."""
    return seats * seats * (seats + 1 if options.prompt_variants == "per-model" else 1)


def max_calls(options: BrainstormOptions, seats: int) -> int:
    return (seats if options.prompt_variants == "per-model" else 0) + options.rounds * calls_per_round(options, seats)


def foretell(options: BrainstormOptions, seats: int) -> JSON:
    variants = seats + 1 if options.prompt_variants == "per-model" else 1
    return {
        "panel_size": options.panel_size,
        "quality_floor": options.quality_floor or None,
        **_strategies(options),
        "prompt_variant_count": variants,
        "lineage_count": seats * variants,
        "variant_calls": variants - 1,
    }


@protocol(
    "brainstorm", BrainstormOptions, max_calls=max_calls, calls_per_round=calls_per_round, foretell=foretell,
    keeps_all_seats=True,
)  # fmt: skip
async def brainstorm(run: Run, options: BrainstormOptions) -> Outcome:
    """Answer, learn how it was received and answer again; then a panel of good answers that the seats dispute"""
    failures: list[JSON] = []
    asked = await _variants(run, failures) if options.prompt_variants == "per-model" else {"": run.prompt}
    questions = {Lineage(seat, variant): text for seat in run.all_seats for variant, text in asked.items()}
    course = BrainstormCourse(questions, [], failures, [])
    async for _ in run.rounds(options.rounds):
        heard = BrainstormRound()
        try:
            await _hold(run, course, options.iteration_strategy, heard)
        except BaseException:  # whatever stops the first round: what was written in it stands
            if heard.answers and not course.turns:
                run.offer(_outcome(run, options, course, heard.in_order(course.questions, run.all_seats)))
            raise
        run.require(1, "propose", heard.answers)
        turn = heard.in_order(course.questions, run.all_seats)
        course.counts[:] = run.offer(_outcome(run, options, course, turn)).counts
        course.turns.append(turn)
    return run.offered


async def _variants(run: Run, failures: list[JSON]) -> dict[str, str]:
    """The ways to put the question. A variant has the number of the seat that wrote it."""
    batch: Batch[str] = run.batch()
    async with batch:
        for seat in run.all_seats:
            batch.add("reframe", seat, Call(seat, (block("question", run.prompt), REFRAME), VARIANT, SYSTEM))
        written = {done.key: str(done.value) async for done in batch}
    failed = {seat: batch.failed.get(("reframe", seat)) for seat in run.all_seats}
    failures += [lineages.failure_json(why, "brainstorm", 0, run.model_id(seat)) for seat, why in failed.items() if why]
    numbered = {f"variant-{number}": written.get(seat) for number, seat in enumerate(run.all_seats, 1)}
    return {"original": run.prompt} | {variant: text for variant, text in numbered.items() if text is not None}


async def _hold(run: Run, course: BrainstormCourse, sees: Visibility, turn: BrainstormRound) -> None:
    """One round, into `turn`. A seat that has answered judges whatever others have answered."""
    whose = {lineage.key: lineage for lineage in course.questions}
    judged = {lineage.judged_by(judge): (judge, lineage) for lineage in course.questions for judge in run.all_seats}
    batch: Batch[str | tuple[str, ...]] = run.batch()
    async with batch:
        for lineage in course.questions:
            if lineage.seat in run.seats:
                asked = propose(run, course, lineage, sees)
                batch.add("propose", lineage.key, Call(lineage.seat, asked, TEXT, SYSTEM))
        async for done in batch:
            if isinstance(done.value, Rating) and isinstance(done.key, tuple):
                judge, lineage = judged[done.key]
                turn.ratings.setdefault(lineage, {})[judge] = done.value
                continue
            new = whose[done.key]
            due = lineages.due(turn.answers, new)
            turn.answers[new] = str(done.value)
            for judge, lineage in due:
                call = _judgement(judge, course.questions[lineage], turn.answers[lineage])
                batch.add("evaluate", lineage.judged_by(judge), call)
    for lineage in course.questions:
        if why := batch.failed.get(("propose", lineage.key)):
            course.failures.append(lineages.failure_json(why, "propose", run.round, _name(run, lineage)))
    for key, (judge, lineage) in judged.items():
        if why := batch.failed.get(("evaluate", key)):
            who = run.model_id(judge), _name(run, lineage)
            course.failures.append(lineages.failure_json(why, "evaluate", run.round, *who))


def _judgement(judge: str, question: str, answer: str) -> Call[Rating]:
    return Call(judge, (block("question", question), block("answer", answer), EVALUATE), IDEA_RATING, SYSTEM)


def propose(run: Run, course: BrainstormCourse, lineage: Lineage, sees: Visibility) -> tuple[str, ...]:
    """What a seat is asked: the question, what it may see of the rounds before, the instruction."""
    question = course.questions[lineage]
    if sees == "blind" or not any(lineage in turn.answers for turn in course.turns):
        return (*run.question(text=question), PROPOSE)
    past = [_past(run, turn, number, lineage, sees) for number, turn in enumerate(course.turns, 1)]
    return (*run.question(*filter(None, past), text=question), AGAIN[sees])


def _past(run: Run, turn: BrainstormRound, number: int, lineage: Lineage, sees: Visibility) -> str:
    lines: list[str] = []
    if lineage in turn.answers:
        lines += [f"Your answer in round {number}:", block("own", turn.answers[lineage])]
        lines += _received(run, turn, lineage, sees)
    if sees == "full-visibility":
        order = run.reading_order(lineage.seat)
        for other in sorted(turn.answers, key=lambda each: order.index(each.seat)):
            if other != lineage:
                shown = block("answer", turn.answers[other], label=_label(run, other))
                lines += [f"Another answer in round {number}:", shown, *_received(run, turn, other, sees)]
    return "\n".join(lines)


def _received(run: Run, turn: BrainstormRound, lineage: Lineage, sees: Visibility) -> list[str]:
    """How an answer was received."""
    mean = turn.mean(lineage)
    if mean is None:
        return ["Nobody scored it."]
    if sees == "score-only":
        return [f"Its mean score: {mean:.1f} of {HIGHEST}."]
    return [
        block("review", f"Score: {rating.score:g} of {HIGHEST}\n{rating.rationale}", reviewer=run.labels[judge])
        for judge, rating in turn.ratings[lineage].items()
    ]


def _label(run: Run, lineage: Lineage) -> str:
    return f"{run.labels[lineage.seat]} ({lineage.variant})" if lineage.variant else run.labels[lineage.seat]


def _name(run: Run, lineage: Lineage) -> str:
    return lineage.called(run.model_id(lineage.seat))


def _place(run: Run, lineage: Lineage) -> str:
    """What stands for a lineage in tables: its seat, or its name when a seat has several."""
    return _name(run, lineage) if lineage.variant else lineage.seat


def _outcome(run: Run, options: BrainstormOptions, course: BrainstormCourse, turn: BrainstormRound) -> Outcome:
    """The panel of a round, and all answers of it."""
    panel = lineages.chosen(turn, options.panel_size, options.quality_floor)
    judged = lineages.evaluation_status(turn, [idea for _, idea in panel], course.failures, len(run.all_seats))
    lost = course.failures or len(turn.answers) < len(course.questions)
    degraded = bool(lost) or judged in ("partial", "skipped_insufficient_models")
    return Outcome(
        status="degraded" if degraded else "brainstormed",
        met=True,
        answer=lineages.panel_text([(_name(run, lineage), idea) for lineage, idea in panel]),
        answers=tuple(
            Candidate(seat=_place(run, lineage), answer=text, score=turn.mean(lineage))
            for lineage, text in turn.answers.items()
        ),
        round=run.round,
        strategy=lineages.selection_strategy(options.quality_floor),
        explanation=f"a panel of {len(panel)} out of {len(turn.answers)} answers, {judged.replace('_', ' ')}",
        scores=tuple(
            {_place(run, lineage): mean for lineage, mean in each.means().items()} for each in (*course.turns, turn)
        ),
        counts=(*course.counts, _count(run, options, turn, [lineage for lineage, _ in panel])),
        details={
            "degraded": degraded,
            "evaluation_status": judged,
            **_strategies(options),
            "prompt_variant_count": len(course.variants),
            "lineage_count": len(course.questions),
            "prompt_variants": _listed(run, course),
            "panel": [
                lineages.member_json(_name(run, lineage), idea, _by_id(run, turn, lineage)) for lineage, idea in panel
            ],
            "provider_failures": list(course.failures),
            "metadata": {"models_dropped": sorted({each["model_id"] for each in course.failures})},
        },
    )


def _count(run: Run, options: BrainstormOptions, turn: BrainstormRound, chosen: Sequence[Lineage]) -> Count:
    """The scores of a round and the panel that follows; where nobody was asked to judge, who answered."""
    judged = run.asked("evaluate")
    if not judged.steps:
        return sheets.answered(run.asked("propose"), {lineage.key: text for lineage, text in turn.answers.items()})
    return sheets.panel(
        judged,
        {_place(run, lineage): idea for lineage, idea in turn.ideas().items()},
        [_place(run, lineage) for lineage in chosen],
        {
            lineage.judged_by(judge): rating.score
            for lineage, given in turn.ratings.items()
            for judge, rating in given.items()
        },
        lambda key: _place(run, Lineage(*key[1:])),
        explanation=f"{len(chosen)} of {len(turn.answers)} answers are on the panel",
        panel_size=options.panel_size,
        quality_floor=options.quality_floor,
    )


def _listed(run: Run, course: BrainstormCourse) -> list[JSON]:
    writers = {f"variant-{number}": run.model_id(seat) for number, seat in enumerate(run.all_seats, 1)}
    return [
        {"label": label or "original", "prompt": text, "generated_by": writers.get(label)}
        for label, text in course.variants.items()
    ]


def _by_id(run: Run, turn: BrainstormRound, lineage: Lineage) -> dict[str, Rating]:
    return {run.model_id(judge): rating for judge, rating in turn.ratings.get(lineage, {}).items()}


def _strategies(options: BrainstormOptions) -> JSON:
    return {
        "selection_strategy": lineages.selection_strategy(options.quality_floor),
        "iteration_strategy": options.iteration_strategy,
        "prompt_variant_strategy": options.prompt_variants,
    }


SYSTEM = f"""\
You are one of several models that are asked for ideas on the same question. What counts is what is new, true and \
thought through, more than what everybody would agree to. Each answers on its own; then each judges the answers of \
the others without knowing whose they are. {DATA}"""

PROPOSE = """\
Answer the question in a way that the others will not think of and that stands up to scrutiny. Pass over what comes to \
mind first. Reply with the answer itself, ready for the person who asked."""

_AGAIN = """\
Answer the question again, with an idea that goes further: {use} Reply with the complete answer itself, ready for the \
person who asked. It must stand on its own: mention neither earlier answers nor rounds, scores, reviews or feedback."""

AGAIN = {
    "score-only": _AGAIN.format(
        use="see from the scores which of your directions was worth more, and leave those that were not."
    ),
    "own-reviews": _AGAIN.format(
        use="see from the reviews what was found new and what was found wanting, and keep only what earns it."
    ),
    "full-visibility": _AGAIN.format(
        use="look for what none of the answers above has seen, and do not copy any of them."
    ),
}

EVALUATE = """\
Judge the answer above as an idea. New and deep counts for more than safe; but what cannot work, or is not true, is \
not worth much however new. Do not reward length, style or confidence. 9-10: new to you and convincing; 7-8: good, \
with something of its own; 5-6: sound but to be expected; 3-4: thin or doubtful; 1-2: wrong or beside the point."""

REFRAME = """\
Do not answer the question. Put it in another way that has the same goal but leads the mind elsewhere: not a \
paraphrase, but a change of who is concerned, what counts as success, the span of time, the presumed cause, the \
constraints, the level of abstraction, the appetite for risk, or by asking how to bring about the opposite. It must \
hold everything needed to answer it."""
