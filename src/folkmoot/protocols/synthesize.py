"""synthesize: converge, merge the answers that are good enough, and judge the merges against what went into them.

After refinery, https://github.com/Lightless-Labs/refinery, whose judges do not see what was merged.
"""

from collections.abc import Mapping

from pydantic import Field, model_validator

from folkmoot.core.batch import Batch
from folkmoot.core.calling import Call
from folkmoot.core.run import Run
from folkmoot.counting import sheets, tally
from folkmoot.formats import TEXT
from folkmoot.formats.ratings import MERGE_RATING, Rating
from folkmoot.formats.score_text import HIGHEST, LOWEST
from folkmoot.prompting import DATA, block
from folkmoot.protocols import Options, protocol
from folkmoot.protocols.converge import ConvergeOptions, converge
from folkmoot.protocols.converge import max_calls as converge_calls
from folkmoot.types import JSON, Candidate, Outcome

Pair = tuple[str, str]


class SynthesizeOptions(Options):
    threshold: float = Field(
        8.0,
        ge=LOWEST,
        le=HIGHEST,
        description="Mean score at which the answers count as agreed on.",
        json_schema_extra={"flags": ["-t"]},
    )
    converge_rounds: int = Field(2, ge=1, le=20, description="Most rounds before the answers are merged.")
    synthesis_threshold: float | None = Field(
        None, ge=LOWEST, le=HIGHEST, description="Mean score an answer needs to be merged; the threshold if not given."
    )
    stability_rounds: int = Field(
        2, ge=1, le=20, description="Rounds in a row that the same seat must lead.", json_schema_extra={"flags": ["-s"]}
    )

    @model_validator(mode="after")
    def _stable_within_rounds(self) -> "SynthesizeOptions":
        if self.stability_rounds > self.converge_rounds:
            raise ValueError(
                f"stability_rounds ({self.stability_rounds}) is more than converge_rounds ({self.converge_rounds})"
            )
        return self

    @property
    def converging(self) -> ConvergeOptions:
        return ConvergeOptions(
            threshold=self.threshold, rounds=self.converge_rounds, stability_rounds=self.stability_rounds
        )


def calls_per_round(options: SynthesizeOptions, seats: int) -> int:  # noqa: ARG001
    return seats * seats


def max_calls(options: SynthesizeOptions, seats: int) -> int:
    """Those of converge; then every seat merges, and judges every other merge."""
    return converge_calls(options.converging, seats) + (seats * seats if seats > 1 else 0)


def foretell(options: SynthesizeOptions, seats: int) -> JSON:
    converging = converge_calls(options.converging, seats)
    return {
        "converge_rounds": options.converge_rounds,
        "converge_calls": converging,
        "synthesis_calls": max_calls(options, seats) - converging,
    }


@protocol("synthesize", SynthesizeOptions, max_calls=max_calls, calls_per_round=calls_per_round, foretell=foretell)
async def synthesize(run: Run, options: SynthesizeOptions) -> Outcome:
    """Converge, then merge the best answers into one and let the seats judge the merges"""
    before = await converge(run.scope("converge", _so_far), options.converging)
    if before.status == "single_model":
        return run.offer(before)  # there is nothing to merge
    floor = options.threshold if options.synthesis_threshold is None else options.synthesis_threshold
    scores = {each.seat: each.score for each in before.answers if each.score is not None}
    before = before.model_copy(update={"counts": (*before.counts, sheets.at_least(before.round, scores, floor))})
    sources = {each.seat: each for each in before.answers if scores.get(each.seat, -1.0) >= floor}
    if not sources:
        return run.offer(_so_far(before, "no_qualifying_answers", f"no answer has a mean score of {floor:g} or more"))
    texts = {seat: each.answer for seat, each in sources.items()}
    async for _ in run.rounds(before.round + 1, after=before.round):
        merges, ratings = await _merge(run, texts)
        given = {pair: rating.score for pair, rating in ratings.items()}
        means = tally.mean_scores(given, merges)
        winner = next(iter(merges)) if len(merges) == 1 else tally.leader(means, previous=None)
        count = sheets.mean_score(run.asked("evaluate"), given, means, list(merges), leader=winner)
        counted = before.model_copy(update={"counts": (*before.counts, count)})
        run.offer(_decided(run, counted, sources, merges, means, winner))
    return run.offered


async def _merge(run: Run, sources: Mapping[str, str]) -> tuple[dict[str, str], dict[Pair, Rating]]:
    """Every seat merges; it judges another's merge as soon as both are there."""
    merges: dict[str, str] = {}
    ratings: dict[Pair, Rating] = {}
    batch: Batch[str | Pair] = run.batch()
    async with batch:
        for seat in run.seats:
            batch.add("synthesize", seat, Call(seat, (*_shown(run, seat, sources), MERGE), TEXT, SYSTEM))
        async for done in batch:
            if isinstance(done.key, tuple) and isinstance(done.value, Rating):
                ratings[done.key] = done.value
            elif isinstance(done.key, str) and isinstance(done.value, str):
                for peer in merges:
                    batch.add("evaluate", (peer, done.key), _judgement(run, peer, sources, done.value))
                    batch.add("evaluate", (done.key, peer), _judgement(run, done.key, sources, merges[peer]))
                merges[done.key] = done.value
    order = [seat for seat in run.all_seats if seat in merges]
    pairs = [(judge, author) for judge in order for author in order if judge != author]
    return {seat: merges[seat] for seat in order}, {pair: ratings[pair] for pair in pairs if pair in ratings}


def _decided(
    run: Run,
    before: Outcome,
    sources: Mapping[str, Candidate],
    merges: Mapping[str, str],
    means: Mapping[str, float],
    winner: str | None,
) -> Outcome:
    """The best merge. One alone wins unjudged; where none can be chosen, the best answer before stands verbatim."""
    details: JSON = {
        "sources": [
            {"model_id": run.model_id(seat), "answer": each.answer, "mean_score": each.score}
            for seat, each in sources.items()
        ]
    }
    merged = tuple(Candidate(seat=seat, answer=text, score=means.get(seat)) for seat, text in merges.items())
    if winner is None:
        status, why = ("synthesis_eval_failed", "nobody judged") if merges else ("synthesis_failed", "nobody wrote")
        best = next(each for each in before.answers if each.seat == before.leader)
        return _so_far(
            before, status, f"{why} a synthesis; the best answer before stands as it was written"
        ).model_copy(
            update={
                "winner": before.leader,
                "answer": best.answer,
                "details": {**details, "syntheses": _listed(run, merged)},
            }
        )
    said = f"scored {means[winner]:.1f}" if winner in means else "was the only one, so nobody judged it"
    counted = f"{len(sources)} answer{'' if len(sources) == 1 else 's'}"
    return before.model_copy(
        update={
            "status": "synthesized", "met": True, "winner": winner, "answer": merges[winner], "answers": merged,
            "strategy": "synthesize", "leader": winner, "details": details,
            "explanation": f"{counted} merged by {len(merges)} of {len(run.all_seats)} seats; the best merge {said}",
        }
    )  # fmt: skip


def _listed(run: Run, merged: tuple[Candidate, ...]) -> list[JSON]:
    return [{"model_id": run.model_id(each.seat), "answer": each.answer, "mean_score": each.score} for each in merged]


def _so_far(before: Outcome, status: str = "not_synthesized", why: str = "nothing is merged yet") -> Outcome:
    """The outcome of converge as a provisional outcome of synthesize: no winner and no answer yet."""
    if before.status == "single_model":
        return before
    chosen = {"winner": None, "answer": None, "met": False}
    return before.model_copy(update={**chosen, "status": status, "strategy": "synthesize", "explanation": why})


def _shown(run: Run, reader: str, sources: Mapping[str, str]) -> tuple[str, ...]:
    order = [seat for seat in run.reading_order(reader) if seat in sources]
    return (block("question", run.prompt), *(block("answer", sources[seat], label=run.labels[seat]) for seat in order))


def _judgement(run: Run, judge: str, sources: Mapping[str, str], merge: str) -> Call[Rating]:
    return Call(judge, (*_shown(run, judge, sources), block("synthesis", merge), EVALUATE), MERGE_RATING, SYSTEM)


SYSTEM = f"""\
You are one of several models that were given the same question. The best of their answers are to become one answer: \
each model writes a merge of its own, and then judges the merges of the others without knowing whose they are. What \
counts is that the answer which comes out of it is right, complete and clear. {DATA}"""

MERGE = """\
Write one answer to the question out of the answers above. Keep what each of them sees that the others miss. Where \
they contradict each other, find out which is right and say that, instead of both. Leave out what is wrong or said \
twice. It must read as if written at one go, in the form that the question asks for. Reply with the answer itself, \
ready for the person who asked; do not mention that there were several."""

EVALUATE = """\
Judge the synthesis above: an answer to the question that was to be made of the answers above. Compare it with each \
of them: does it keep what matters, does it add nothing that is wrong, and where they disagree, does it side with the \
one that is right? Do not reward length, style or confidence."""
