"""brainstorm: rounds of answers that are told how they were received, and a panel of those the seats dispute most.

After refinery, https://github.com/Lightless-Labs/refinery. Every seat stays to the end, and every round is run.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from pydantic import Field

from folkmoot import diversity
from folkmoot.calling import Call
from folkmoot.diversity import Idea
from folkmoot.errors import CallFailed
from folkmoot.formats import TEXT
from folkmoot.formats.ratings import IDEA_RATING, Rating
from folkmoot.formats.variants import VARIANT
from folkmoot.prompting import DATA, block
from folkmoot.protocols import Options, protocol
from folkmoot.run import Batch, Run
from folkmoot.types import JSON, Candidate, Outcome

Visibility = Literal["blind", "score-only", "own-reviews", "full-visibility"]
PREVIEW = 2000  # characters kept of a reply that could not be read


class BrainstormOptions(Options):
    rounds: int = Field(5, ge=1, le=20, description="Rounds.", json_schema_extra={"flags": ["-r", "--max-rounds"]})
    panel_size: int = Field(3, ge=1, le=20, description="Answers on the panel.")
    quality_floor: float = Field(
        7.0, ge=0, le=10, description="Mean score that is wanted on the panel before dispute counts; 0 for none."
    )
    iteration_strategy: Visibility = Field(
        "score-only", description="What a seat sees of the rounds before when it answers again."
    )
    prompt_variants: Literal["off", "per-model"] = Field(
        "off", description="Whether each seat first puts the question in another way, which all then answer too."
    )


class Lineage(NamedTuple):
    """One seat's line of answers to one way of putting the question."""

    seat: str
    variant: str = ""  # original, variant-2, ...; empty when the question is put in one way only

    @property
    def key(self) -> str | tuple[str, str]:
        return (self.seat, self.variant) if self.variant else self.seat

    def judged_by(self, judge: str) -> tuple[str, ...]:
        return (judge, self.seat, self.variant) if self.variant else (judge, self.seat)


@dataclass
class Turn:
    """What one round came to."""

    answers: dict[Lineage, str]
    ratings: dict[tuple[str, Lineage], Rating]  # (judge, whose)

    def of(self, lineage: Lineage) -> dict[str, Rating]:
        """What each judge gave it."""
        return {judge: rating for (judge, whose), rating in self.ratings.items() if whose == lineage}

    def mean(self, lineage: Lineage) -> float | None:
        given = [rating.score for rating in self.of(lineage).values()]
        return diversity.mean(given) if given else None


@dataclass(frozen=True)
class Course:
    """A brainstorm as far as it has come. `questions` are in order of the seats, then of the variants."""

    questions: Mapping[Lineage, str]
    turns: list[Turn]
    failures: list[JSON]


def calls_per_round(options: BrainstormOptions, seats: int) -> int:
    """Each lineage answers, and every other seat judges it."""
    return seats * seats * (seats + 1 if options.prompt_variants == "per-model" else 1)


def max_calls(options: BrainstormOptions, seats: int) -> int:
    return (seats if options.prompt_variants == "per-model" else 0) + options.rounds * calls_per_round(options, seats)


def foretell(options: BrainstormOptions, seats: int) -> JSON:
    variants = seats + 1 if options.prompt_variants == "per-model" else 1
    return {
        "panel_size": options.panel_size,
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
    course = Course(await _questions(run, options, failures), [], failures)
    async for _ in run.rounds(options.rounds):
        turn = Turn({}, {})
        try:
            await _hold(run, course, options.iteration_strategy, turn)
        except BaseException:  # whatever stops the first round: what was written in it stands
            if turn.answers and not course.turns:
                run.offer(_outcome(run, options, course, turn))
            raise
        run.require(1, "propose", turn.answers)
        course.turns.append(turn)
        run.offer(_outcome(run, options, course, turn))
    return run.offered


async def _questions(run: Run, options: BrainstormOptions, failures: list[JSON]) -> dict[Lineage, str]:
    """What each lineage answers. Variants are numbered like the seats that wrote them."""
    if options.prompt_variants == "off":
        return {Lineage(seat): run.prompt for seat in run.all_seats}
    batch: Batch[str] = run.batch()
    async with batch:
        for seat in run.all_seats:
            batch.add("reframe", seat, Call(seat, (block("question", run.prompt), REFRAME), VARIANT, SYSTEM))
        written = {done.key: str(done.value) async for done in batch}
    asked = {"original": run.prompt}
    for number, seat in enumerate(run.all_seats, 1):
        if seat in written:
            asked[f"variant-{number}"] = written[seat]
        elif failure := batch.failed.get(("reframe", seat)):
            failures.append(_failure(run, failure, "brainstorm", seat))
    return {Lineage(seat, variant): text for seat in run.all_seats for variant, text in asked.items()}


async def _hold(run: Run, course: Course, sees: Visibility, turn: Turn) -> None:
    """One round, into `turn`. A seat that has answered judges whatever others have answered."""
    whose = {lineage.key: lineage for lineage in course.questions}
    judged = {lineage.judged_by(judge): (judge, lineage) for lineage in course.questions for judge in run.all_seats}
    answers: dict[Lineage, str] = {}
    batch: Batch[str | tuple[str, ...]] = run.batch()
    async with batch:
        for lineage in course.questions:
            asked = propose(run, course, lineage, sees)
            batch.add("propose", lineage.key, Call(lineage.seat, asked, TEXT, SYSTEM))
        async for done in batch:
            if isinstance(done.value, Rating) and isinstance(done.key, tuple):
                turn.ratings[judged[done.key]] = done.value
                continue
            lineage = whose[done.key]
            for judge, author in _due(answers, lineage):
                text = answers.get(author, str(done.value))
                batch.add("evaluate", author.judged_by(judge), _judgement(judge, course.questions[author], text))
            answers[lineage] = turn.answers[lineage] = str(done.value)
    turn.answers = {lineage: answers[lineage] for lineage in course.questions if lineage in answers}
    turn.ratings = {pair: turn.ratings[pair] for pair in judged.values() if pair in turn.ratings}
    for lineage in course.questions:
        if failure := batch.failed.get(("propose", lineage.key)):
            course.failures.append(_failure(run, failure, "propose", lineage.seat))
    for key, (judge, lineage) in judged.items():
        if failure := batch.failed.get(("evaluate", key)):
            course.failures.append(_failure(run, failure, "evaluate", judge, lineage))


def _due(answers: Iterable[Lineage], new: Lineage) -> list[tuple[str, Lineage]]:
    """Who may judge what, now that `new` has answered: nobody judges themselves, nor before they have answered."""
    there = list(answers)
    owners = dict.fromkeys(lineage.seat for lineage in there)
    theirs = [] if new.seat in owners else [(new.seat, lineage) for lineage in there]
    return [(judge, new) for judge in owners if judge != new.seat] + theirs


def _judgement(judge: str, question: str, answer: str) -> Call[Rating]:
    return Call(judge, (block("question", question), block("answer", answer), EVALUATE), IDEA_RATING, SYSTEM)


def propose(run: Run, course: Course, lineage: Lineage, sees: Visibility) -> tuple[str, ...]:
    """What a seat is asked: the question, what it may see of the rounds before, the instruction."""
    question = block("question", course.questions[lineage])
    added = (run.added_context,) if run.added_context else ()
    if sees == "blind" or not any(lineage in turn.answers for turn in course.turns):
        return (question, *added, PROPOSE)
    past = [_past(run, turn, number, lineage, sees) for number, turn in enumerate(course.turns, 1)]
    return (question, *filter(None, past), *added, AGAIN[sees])


def _past(run: Run, turn: Turn, number: int, lineage: Lineage, sees: Visibility) -> str:
    lines: list[str] = []
    if lineage in turn.answers:
        lines += [f"Your answer in round {number}:", block("own", turn.answers[lineage])]
        lines += _received(run, turn, lineage, sees)
    if sees == "full-visibility":
        order = run.reading_order(lineage.seat)
        for other in sorted(turn.answers, key=lambda each: order.index(each.seat)):
            if other != lineage:
                lines += [f"Another answer in round {number}:", block("answer", turn.answers[other], label=_label(run, other))]
                lines += _received(run, turn, other, sees)
    return "\n".join(lines)


def _received(run: Run, turn: Turn, lineage: Lineage, sees: Visibility) -> list[str]:
    """How an answer was received."""
    mean = turn.mean(lineage)
    if mean is None:
        return ["Nobody scored it."]
    if sees == "score-only":
        return [f"Its mean score: {mean:.1f} of 10."]
    return [
        block("review", f"Score: {rating.score:g} of 10\n{rating.rationale}", reviewer=run.labels[judge])
        for judge, rating in turn.of(lineage).items()
    ]


def _label(run: Run, lineage: Lineage) -> str:
    return f"{run.labels[lineage.seat]} ({lineage.variant})" if lineage.variant else run.labels[lineage.seat]


def lineage_id(model_id: str, variant: str) -> str:
    """What reports call a lineage.

    >>> lineage_id("pi/zai/glm-5", "variant-2"), lineage_id("sim/bold", "")
    ('pi/zai_glm-5+variant-2', 'sim/bold')
    """
    provider, _, model = model_id.partition("/")
    return f"{provider}/{model.replace('/', '_')}+{variant}" if variant else model_id


def evaluation_status(seats: int, owners: int, *, failed: bool, unjudged: bool) -> str:
    """How far the panel was judged, in refinery's words.

    `owners` have an answer in the last round; `failed`: any call did; `unjudged`: a judge failed, or nobody scored
    one of the panel.

    >>> evaluation_status(1, 1, failed=False, unjudged=True), evaluation_status(3, 1, failed=True, unjudged=True)
    ('skipped_single_model', 'skipped_insufficient_models')
    >>> evaluation_status(3, 3, failed=True, unjudged=True), evaluation_status(3, 3, failed=True, unjudged=False)
    ('partial', 'peer_evaluated')
    """
    if owners < 2:
        return "skipped_single_model" if seats == 1 and not failed else "skipped_insufficient_models"
    return "partial" if unjudged else "peer_evaluated"


def _outcome(run: Run, options: BrainstormOptions, course: Course, turn: Turn) -> Outcome:
    """The panel of a round, and all answers of it."""
    names = {lineage: lineage_id(run.model_id(lineage.seat), lineage.variant) for lineage in turn.answers}
    by_name = {name: lineage for lineage, name in names.items()}
    ideas = [
        Idea(name, turn.answers[each], tuple(rating.score for rating in turn.of(each).values()))
        for each, name in names.items()
    ]
    panel = diversity.panel(ideas, options.panel_size, options.quality_floor)
    unjudged = not all(idea.scores for idea in panel) or any(each["phase"] == "evaluate" for each in course.failures)
    owners = len({lineage.seat for lineage in turn.answers})
    judged = evaluation_status(len(run.all_seats), owners, failed=bool(course.failures), unjudged=unjudged)
    incomplete = len(turn.answers) < len(course.questions)
    degraded = bool(course.failures) or incomplete or judged in ("partial", "skipped_insufficient_models")
    tables = [*course.turns] if turn in course.turns else [*course.turns, turn]
    return Outcome(
        status="degraded" if degraded else "brainstormed",
        met=True,
        answer="\n\n".join(f"── {number}. {_headline(idea)} ──\n{idea.text}" for number, idea in enumerate(panel, 1)),
        answers=tuple(Candidate(seat=_seat(each), answer=text, score=turn.mean(each)) for each, text in turn.answers.items()),
        round=run.round,
        strategy=selection_strategy(options.quality_floor),
        explanation=f"a panel of {len(panel)} out of {len(ideas)} answers, {judged.replace('_', ' ')}",
        scores=...,
        details={
            "degraded": degraded,
            "evaluation_status": judged,
            **_strategies(options),
            "prompt_variant_count": len({lineage.variant for lineage in course.questions}),
            "panel": [_member(run, idea, turn.of(by_name[idea.name])) for idea in panel],
            "provider_failures": list(course.failures),
            "metadata": {"models_dropped": sorted({each["model_id"] for each in course.failures})},
        },
    )
