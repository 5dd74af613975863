"""converge: every seat answers, all judge each other, and again until one answer is agreed to be the best.

After refinery, https://github.com/Lightless-Labs/refinery, by the rules of its README.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field, model_validator

from folkmoot.core.batch import Batch
from folkmoot.core.calling import Call
from folkmoot.core.run import Run
from folkmoot.counting import sheets, tally
from folkmoot.counting.closing import RoundScores, closing_rule
from folkmoot.counting.judging import RULES, order_of
from folkmoot.formats import REVIEW, TEXT, Review, scores_for
from folkmoot.formats.score_text import HIGHEST, LOWEST
from folkmoot.prompting import DATA, block
from folkmoot.protocols import Options, protocol
from folkmoot.types import Candidate, Count, Outcome

Visibility = Literal["blind", "score-only", "own-reviews", "full-visibility"]
Pair = tuple[str, str]


class ConvergeOptions(Options):
    threshold: float = Field(
        8.0,
        ge=LOWEST,
        le=HIGHEST,
        description="Mean score the best answer must reach.",
        json_schema_extra={"flags": ["-t"]},
    )
    rounds: int = Field(5, ge=1, le=20, description="Most rounds.", json_schema_extra={"flags": ["-r", "--max-rounds"]})
    stability_rounds: int = Field(
        2, ge=1, le=20, description="Rounds in a row that the same seat must lead.", json_schema_extra={"flags": ["-s"]}
    )
    iteration_strategy: Visibility = Field(
        "full-visibility", description="What a seat sees of the rounds before when it answers again."
    )
    scoring: Literal["pairwise", "batch"] = Field(
        "pairwise", description="One call per judge and answer, or one call per judge over all answers."
    )
    rule: Literal["mean", "tops", "borda"] = Field(
        "mean", description="Who leads: the best mean score, whom most judges put first, or who beats most others."
    )
    closing: str = Field("vote-threshold", description="The registered rule that ends the run.")

    @model_validator(mode="after")
    def _stable_within_rounds(self) -> "ConvergeOptions":
        if self.stability_rounds > self.rounds:
            raise ValueError(f"stability_rounds ({self.stability_rounds}) is more than rounds ({self.rounds})")
        closing_rule(self.closing, self.threshold, self.stability_rounds)  # known, or an InputError before anything
        return self


@dataclass
class Heard:
    """What the seats may see of earlier rounds."""

    sees: Visibility
    own: dict[str, list[str]] = field(default_factory=dict)  # seat -> its answer and the reviews of it, round by round
    answers: Mapping[str, str] = field(default_factory=dict)  # of the last round


def calls_per_round(options: ConvergeOptions, seats: int) -> int:
    if seats == 1:
        return 1
    return seats * seats if options.scoring == "pairwise" else 2 * seats


def max_calls(options: ConvergeOptions, seats: int) -> int:
    return 1 if seats == 1 else options.rounds * calls_per_round(options, seats)


@protocol("converge", ConvergeOptions, max_calls=max_calls, calls_per_round=calls_per_round)
async def converge(run: Run, options: ConvergeOptions) -> Outcome:
    """Answer, judge each other and revise until one answer leads with a high score"""
    if len(run.all_seats) == 1:
        return await _alone(run)
    rule = closing_rule(options.closing, options.threshold, options.stability_rounds)
    heard = Heard(options.iteration_strategy)
    leaders: list[str | None] = []
    scores: list[Mapping[str, float]] = []
    counts: list[Count] = []
    async for round in run.rounds(options.rounds):
        run.require(2, "propose", run.seats)
        answers, reviews = await _PHASES[options.scoring](run, heard)
        given = {pair: review.score for pair, review in reviews.items()}
        means = tally.mean_scores(given, answers)
        scores.append(means)
        previous = leaders[-1] if leaders else None
        totals = RULES[options.rule](given, list(answers), {})
        by_rule = order_of(totals, list(answers), previous)
        leaders.append(tally.leader(means, previous) if options.rule == "mean" else by_rule[0] if totals else None)
        decision = rule.check(RoundScores(round, means, leaders[-1], tally.streak(leaders)))
        winner = leaders[-1] if decision.met else None
        counts.append(
            sheets.mean_score(
                run.asked("evaluate"), given, means, list(answers), leader=leaders[-1], decision=decision,
                closing=rule.name, threshold=options.threshold, stability_rounds=options.stability_rounds,
            )
        )  # fmt: skip
        if options.rule != "mean":
            counts.append(sheets.by_judges(run.asked("evaluate"), options.rule, given, totals, by_rule, {}))
        run.offer(
            Outcome(
                status="converged" if decision.met else "max_rounds_exceeded",
                met=decision.met,
                winner=winner,
                answer=answers[winner] if winner else None,
                answers=tuple(Candidate(seat=seat, answer=answers[seat], score=means.get(seat)) for seat in answers),
                round=round,
                strategy=rule.name,
                explanation=decision.explanation,
                leader=leaders[-1],
                scores=tuple(scores),
                counts=tuple(counts),
            )
        )
        if decision.met:
            break
        hear(run, heard, round, answers, reviews, means)
    return run.offered


async def _alone(run: Run) -> Outcome:
    (seat,) = run.all_seats
    async for _ in run.rounds(1):
        answer = await run.call("propose", Call(seat, propose(run, seat, Heard("blind")), TEXT, SYSTEM))
        run.offer(
            Outcome(
                status="single_model", met=True, winner=seat, answer=answer, round=1, strategy="single-model",
                answers=(Candidate(seat=seat, answer=answer),), explanation="one seat, nobody to judge it", leader=seat,
                counts=(sheets.answered(run.asked("propose"), {seat: answer}),),
            )
        )  # fmt: skip
    return run.offered


async def _pairwise(run: Run, heard: Heard) -> tuple[dict[str, str], dict[Pair, Review]]:
    """Propose and evaluate. A judge starts on an answer as soon as both have answered."""
    answers: dict[str, str] = {}
    reviews: dict[Pair, Review] = {}
    batch: Batch[str | Pair] = run.batch()
    async with batch:
        for seat in run.seats:
            batch.add("propose", seat, Call(seat, propose(run, seat, heard), TEXT, SYSTEM))
        async for done in batch:
            if isinstance(done.key, tuple) and isinstance(done.value, Review):
                reviews[done.key] = done.value
            elif isinstance(done.key, str) and isinstance(done.value, str):
                for peer in answers:
                    batch.add("evaluate", (peer, done.key), _judgement(run, peer, done.value, done.key))
                    batch.add("evaluate", (done.key, peer), _judgement(run, done.key, answers[peer], peer))
                answers[done.key] = done.value
                _keep(run, answers)
    run.require(2, "propose", answers)
    return _in_order(run, answers), {pair: reviews[pair] for pair in _pairs(run, answers) if pair in reviews}


async def _batch(run: Run, heard: Heard) -> tuple[dict[str, str], dict[Pair, Review]]:
    """Propose, then evaluate: every judge scores all other answers in one call."""
    answers: dict[str, str] = {}
    batch: Batch[str] = run.batch()
    async with batch:
        for seat in run.seats:
            batch.add("propose", seat, Call(seat, propose(run, seat, heard), TEXT, SYSTEM))
        async for done in batch:
            answers[done.key] = str(done.value)
            _keep(run, answers)
    run.require(2, "propose", answers)
    answers = _in_order(run, answers)
    judged = await run.call_all("evaluate", {judge: _comparison(run, judge, answers) for judge in answers})
    author = {label: seat for seat, label in run.labels.items()}
    reviews = {(judge, author[label]): review for judge, given in judged.items() for label, review in given.items()}
    return answers, {pair: reviews[pair] for pair in _pairs(run, answers) if pair in reviews}


def _keep(run: Run, answers: Mapping[str, str]) -> None:
    """Offer the answers of the first round as they come: should the run be stopped, they were paid for."""
    if run.offered.scores:
        return
    found = tuple(Candidate(seat=seat, answer=text) for seat, text in _in_order(run, answers).items())
    run.offer(Outcome(status="max_rounds_exceeded", met=False, answers=found, round=run.round))


_PHASES = {"pairwise": _pairwise, "batch": _batch}


def _in_order(run: Run, answers: Mapping[str, str]) -> dict[str, str]:
    return {seat: answers[seat] for seat in run.all_seats if seat in answers}


def _pairs(run: Run, answers: Mapping[str, str]) -> list[Pair]:
    """(judge, author) in seat order; nobody judges themselves."""
    seats = [seat for seat in run.all_seats if seat in answers]
    return [(judge, author) for judge in seats for author in seats if judge != author]


def _judgement(run: Run, judge: str, answer: str, author: str) -> Call[Review]:
    parts = (block("question", run.prompt), block("answer", answer, label=run.labels[author]), EVALUATE)
    return Call(judge, parts, REVIEW, SYSTEM)


def _comparison(run: Run, judge: str, answers: Mapping[str, str]) -> Call[dict[str, Review]]:
    others = [seat for seat in run.reading_order(judge) if seat in answers and seat != judge]
    shown = tuple(block("answer", answers[seat], label=run.labels[seat]) for seat in others)
    parts = (block("question", run.prompt), *shown, EVALUATE_ALL)
    return Call(judge, parts, scores_for([run.labels[seat] for seat in others]), SYSTEM)


def propose(run: Run, seat: str, heard: Heard) -> tuple[str, ...]:
    """What a seat is asked: the question, what it may see of the rounds before, the instruction."""
    own = heard.own.get(seat)
    if not own or heard.sees == "blind":
        return (*run.question(), PROPOSE)
    if heard.sees != "full-visibility":
        return (*run.question(*own), REVISE)
    peers = (
        block("answer", heard.answers[peer], label=run.labels[peer])
        for peer in run.reading_order(seat)
        if peer != seat and peer in heard.answers
    )
    return (*run.question(*own, "The other answers of the last round:", *peers), REVISE)


def hear(
    run: Run,
    heard: Heard,
    round: int,
    answers: Mapping[str, str],
    reviews: Mapping[Pair, Review],
    means: Mapping[str, float],
) -> None:
    """Add a round to what the seats may see. Earlier parts stay as they were, so that prompts only grow."""
    heard.answers = answers
    for seat, answer in answers.items():
        lines = [f"Your answer in round {round}:", block("own", answer)]
        if seat not in means:
            lines.append("Nobody scored it.")
        elif heard.sees == "score-only":
            lines.append(f"Its mean score: {means[seat]:.1f} of {HIGHEST}.")
        else:
            lines.append("What the others said of it:")
            lines += [
                block("review", critique(review), reviewer=run.labels[judge])
                for (judge, author), review in reviews.items()
                if author == seat
            ]
        heard.own.setdefault(seat, []).append("\n".join(lines))


def critique(review: Review) -> str:
    """A review as its author's peers read it."""
    lists = (("Strengths", review.strengths), ("Weaknesses", review.weaknesses), ("Suggestions", review.suggestions))
    return "\n".join(
        [
            f"Score: {review.score:g} of {HIGHEST}",
            review.overall_assessment,
            *(f"{title}:\n" + "\n".join(f"- {each}" for each in items) for title, items in lists if items),
        ]
    )


SYSTEM = f"""\
You are one of several models that were given the same question. Each answers on its own; then each judges the answers \
of the others, without knowing whose they are, and may improve its own. What counts is that the best answer is right, \
complete and clear. {DATA}"""

PROPOSE = "Answer the question as well as you can. Reply with the answer itself, ready for the person who asked."

REVISE = """\
Answer the question again. Check every objection above: mend what is really wrong in your answer and keep what is \
right. If another answer is better, say what is right in your own words; if you still think yours is right, keep it, \
whoever disagrees. Reply with the complete new answer itself, ready for the person who asked, and do not mention \
earlier answers, reviews or scores."""

BANDS = """\
9-10: right, complete and clear; 7-8: right with small flaws; 5-6: partly right or with serious gaps; \
3-4: mostly wrong or shallow; 1-2: wrong or beside the point."""

EVALUATE = f"""\
Judge the answer above: is it right, complete, clear and to the point? Work out for yourself what a right answer must \
say before you look for faults. Do not reward length, style or confidence. {BANDS}"""

EVALUATE_ALL = f"""\
Judge each of the answers above: is it right, complete, clear and to the point? Work out for yourself what a right \
answer must say before you look for faults. Compare the answers with each other, and do not let their order matter. \
Do not reward length, style or confidence. {BANDS}"""
