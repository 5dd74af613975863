"""consortium: members answer, an arbiter synthesizes and says how sure it is; and again until it is sure enough.

After llm-consortium, https://github.com/irthomasthomas/llm-consortium, with the flags of both its generations.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from folkmoot.core.calling import Call
from folkmoot.core.run import Run
from folkmoot.counting import sheets
from folkmoot.counting.clusters import geometric_confidence
from folkmoot.counting.rulings import ConsortiumRound, Rule, details
from folkmoot.counting.strategies import Strategy, embedding_model, strategy_of
from folkmoot.errors import CallFailed, Unparseable
from folkmoot.formats.arbiter import JUDGEMENTS, Ruling
from folkmoot.formats.confidence import CONFIDENT, as_confidence
from folkmoot.formats.vector import VECTOR, Vector
from folkmoot.prompting import DATA, block
from folkmoot.protocols import Options, protocol
from folkmoot.types import Candidate, Count, Outcome


class ConsortiumOptions(Options):
    arbiter: tuple[str, ...] = Field(
        (),
        description="Model that synthesizes and judges; the next is asked where one fails. Otherwise the first seat's.",
        json_schema_extra={"duty": "arbiter", "else": "first"},
    )
    confidence_threshold: float = Field(
        0.8, description="Confidence the synthesis must reach: 0 to 1, or a percentage."
    )
    rounds: int = Field(
        3,
        ge=1,
        le=50,
        description="Most rounds.",
        json_schema_extra={"flags": ["-r", "--max-iterations", "--max-rounds"]},
    )
    min_iterations: int = Field(
        1,
        ge=1,
        le=50,
        description="Fewest rounds.",
        json_schema_extra={"flags": ["--min-rounds", "--minimum-iterations"]},
    )
    judging_method: Literal["default", "rank", "pick-one"] = Field(
        "default", description="The arbiter writes a synthesis, ranks the answers, or picks one of them."
    )
    strategy: Literal["default", "voting", "elimination", "role", "semantic"] = Field(
        "default", description="Whose answers it sees, who is asked again, who plays a role."
    )
    strategy_param: tuple[str, ...] = Field((), description="KEY=VALUE for the strategy; a repeated key makes a list.")
    context: Literal["auto", "manual"] = Field(
        "auto",
        description="Whether everybody is shown what they themselves wrote in the round before.",
        json_schema_extra={"values": {"--auto-context": "auto", "--manual-context": "manual"}},
    )
    embedding_backend: Literal["openai", "sentence-transformers", "chutes", "words"] | None = Field(
        None, description="What turns answers into vectors, for the strategy semantic."
    )
    embedding_model: str | None = Field(
        None, description="Its model: a vendor's, a local server's, or llm/ID.", json_schema_extra={"duty": "embed"}
    )
    clustering_algorithm: Literal["dbscan"] | None = Field(None, description="For the strategy semantic.")
    cluster_eps: float | None = Field(None, description="Cosine distance of answers that lie close together.")
    cluster_min_samples: int | None = Field(None, description="Answers that make a cluster.")

    @field_validator("arbiter", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        written = [value] if isinstance(value, str) else value or ()
        return tuple(name.strip() for each in written for name in str(each).split(",") if name.strip())

    @field_validator("confidence_threshold")
    @classmethod
    def _share(cls, value: float) -> float:
        try:
            return as_confidence(value)
        except Unparseable as error:
            raise ValueError(f"{error}, nor a percentage above 10") from None

    @model_validator(mode="before")
    @classmethod
    def _named_by_backend(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        model = embedding_model(value.get("embedding_backend"), value.get("embedding_model"))
        judging = "rank" if value.get("strategy") == "elimination" else value.get("judging_method", "default")
        return value | {"embedding_model": model, "judging_method": judging}

    @model_validator(mode="after")
    def _fits_together(self) -> "ConsortiumOptions":
        if self.min_iterations > self.rounds:
            raise ValueError(f"min_iterations ({self.min_iterations}) is more than rounds ({self.rounds})")
        if self.rules.needs_vectors and not self.embedding_model:
            raise ValueError(
                f"the strategy {self.strategy} needs --embedding-model: openai/text-embedding-3-small, llm/ID for a "
                "model of llm, or words, which counts words and needs no model"
            )
        return self

    @cached_property
    def rules(self) -> Strategy:
        given = {
            "clustering_algorithm": self.clustering_algorithm,
            "eps": self.cluster_eps,
            "min_samples": self.cluster_min_samples,
        }
        return strategy_of(self.strategy, self.strategy_param, {k: v for k, v in given.items() if v is not None})


def calls_per_round(options: ConsortiumOptions, seats: int) -> int:
    return seats * (2 if options.embedding_model else 1) + max(1, len(options.arbiter))


def max_calls(options: ConsortiumOptions, seats: int) -> int:
    return options.rounds * calls_per_round(options, seats)


@protocol("consortium", ConsortiumOptions, max_calls=max_calls, calls_per_round=calls_per_round, reads_stdin=True)
async def consortium(run: Run, options: ConsortiumOptions) -> Outcome:
    """Answer, let an arbiter synthesize and say how sure it is, and go on until it is sure"""
    strategy = options.rules
    stances = strategy.stances(run.all_seats, run.rng("stances"))
    turns: list[ConsortiumRound] = []
    gone: tuple[str, ...] = ()
    async for round in run.rounds(options.rounds):
        asked = [seat for seat in run.seats if seat not in gone]
        calls = {}
        for seat in asked:
            system = "\n\n".join(filter(None, (MEMBER, stances.get(seat))))
            calls[seat] = Call(seat, propose(run, seat, turns, options), CONFIDENT, system)
        answers = await run.call_all("propose", calls, need=1)
        texts = {seat: answer.text for seat, answer in answers.items()}
        vectors = await _embed(run, texts)
        selection = strategy.select(texts, {seat: run.weight(seat) for seat in asked}, vectors)
        tight = geometric_confidence(list(vectors.values())) if vectors else None
        turn = ConsortiumRound(tuple(asked), answers, selection, tight)
        turns.append(turn)
        if selection.groups:
            weights = {seat: run.weight(seat) for seat in asked}
            turn.counts.append(
                sheets.likeness(
                    run.asked("propose"), selection.groups, selection.seats, weights, explanation=selection.why,
                    strategy=options.strategy,
                )
            )  # fmt: skip
        else:
            turn.counts.append(sheets.answered(run.asked("propose"), answers))
        if round == 1:
            run.offer(_outcome(run, options, turns))  # no ruling yet, but what was paid for is not lost
        if not selection.seats:
            return run.offer(_outcome(run, options, turns, "no_majority", selection.why))
        await _arbitrate(run, options, turns)
        turn.counts += _count(run, options, turns)
        if turn.ruling is None:
            return run.offer(_outcome(run, options, turns, "arbiter_failed", "no arbiter gave a ruling"))
        turn.eliminated = strategy.leaving(turn.ranked, asked, round)
        gone += turn.eliminated
        if round < options.rounds and strategy.unfinished([seat for seat in asked if seat not in gone]):
            run.offer(_outcome(run, options, turns, "max_rounds_exceeded"))
        elif run.offer(_outcome(run, options, turns)).met:
            break
    return run.offered


async def _embed(run: Run, texts: Mapping[str, str]) -> dict[str, Vector]:
    """The vector of each answer that could be embedded, where a seat does that."""
    vectors: dict[str, Vector] = {}
    for seat in run.seats_for("embed")[:1]:
        calls = {(seat, author): Call(seat, (text,), VECTOR) for author, text in texts.items()}
        vectors = {author: vector for (_, author), vector in (await run.call_all("embed", calls)).items()}
    width = len(next(iter(vectors.values()), ()))
    return {author: vector for author, vector in vectors.items() if len(vector) == width}


async def _arbitrate(run: Run, options: ConsortiumOptions, turns: Sequence[ConsortiumRound]) -> None:
    """Let the arbiter rule on the last turn; the next one where it fails. One answer alone is not ranked."""
    turn = turns[-1]
    heard = turn.selection.seats
    if options.judging_method != "default" and len(heard) == 1:
        turn.ruling, turn.ranked = Ruling(), heard
        return
    author = {run.labels[seat]: seat for seat in heard}
    for arbiter in run.seats_for("arbiter")[: max(1, len(options.arbiter))]:
        shown = [seat for seat in run.reading_order(arbiter) if seat in heard]
        format = JUDGEMENTS[options.judging_method]([run.labels[seat] for seat in shown])
        try:
            turn.ruling = await run.call("arbitrate", Call(arbiter, _case(run, turns, shown, options), format, ARBITER))
        except CallFailed as failure:
            turn.unread = failure.reply or turn.unread
            continue
        turn.arbiter, turn.ranked = arbiter, tuple(author[label] for label in turn.ruling.ranking)
        return


def _count(run: Run, options: ConsortiumOptions, turns: Sequence[ConsortiumRound]) -> Iterator[Count]:
    """The arbiter's ruling on the last turn; none where one answer alone was left, which nobody ranks."""
    asked, turn, rule = run.asked("arbitrate"), turns[-1], _rule(options)
    met, _, said = rule.decide(turns)
    if not asked.steps:
        return
    if options.judging_method != "default":
        yield sheets.order(asked, turn.ranked, turn.selection.seats, explanation=said)
        return
    given = {turn.arbiter: turn.ruling.confidence} if turn.arbiter and turn.ruling else {}
    yield sheets.confidence(
        asked, given, met=met, explanation=said, threshold=rule.threshold, min_iterations=rule.min_iterations
    )


def _rule(options: ConsortiumOptions) -> Rule:
    return Rule(options.judging_method, options.confidence_threshold, options.min_iterations)


def _outcome(
    run: Run, options: ConsortiumOptions, turns: Sequence[ConsortiumRound], status: str | None = None, why: str = ""
) -> Outcome:
    """What stands after these turns; with a `status`, the rule is not met."""
    rule = _rule(options)
    met, by_rule, said = rule.decide(turns)
    at = rule.best(turns)
    best = turns[-1] if at is None else turns[at]
    stances = options.rules.stances(run.all_seats, run.rng("stances"))
    ids = {seat: run.model_id(seat) for seat in (*run.all_seats, *(turn.arbiter for turn in turns if turn.arbiter))}
    return Outcome(
        status=status or by_rule,
        met=met and status is None,
        winner=best.winner,
        answer=best.answer,
        answers=tuple(Candidate(seat=seat, answer=each.text) for seat, each in best.answers.items()),
        round=len(turns),
        strategy=options.strategy,
        explanation=why or "; ".join(filter(None, (said, best.selection.why))),
        leader=best.winner,
        counts=tuple(count for turn in turns for count in turn.counts),
        details=details(
            turns, best, ids, run.labels,
            context_mode=options.context, config=options.model_dump(mode="json"),
            stances={ids[seat]: stance for seat, stance in stances.items()},
        ),
    )  # fmt: skip


def propose(run: Run, seat: str, turns: Sequence[ConsortiumRound], options: ConsortiumOptions) -> tuple[str, ...]:
    """What a member is asked: the question; from round 2 on, what the arbiter made of the round before."""
    if not turns or (ruling := turns[-1].ruling) is None:
        return (*run.question(), PROPOSE)
    parts: list[str] = []
    if options.context == "auto" and seat in turns[-1].answers:
        parts.append("Your answer in the round before:\n" + block("own", turns[-1].answers[seat].text))
    if ruling.synthesis:
        parts.append("What an arbiter made of all answers:\n" + block("synthesis", ruling.synthesis))
        parts += [block("dissent", ruling.dissent)] if ruling.dissent else []
    else:
        parts.append("The answer that an arbiter found best:\n" + block("synthesis", turns[-1].answer or ""))
    if ruling.refinement_areas:
        parts.append("What it would have looked into:\n" + block("areas", "\n".join(ruling.refinement_areas)))
    return (*run.question(*parts), REFINE)


def _case(
    run: Run, turns: Sequence[ConsortiumRound], shown: Sequence[str], options: ConsortiumOptions
) -> tuple[str, ...]:
    """What the arbiter reads: the question, its own last ruling, the answers."""
    before = turns[-2].ruling if len(turns) > 1 and options.context == "auto" else None
    parts = [block("question", run.prompt)]
    if before is not None and before.synthesis:
        parts.append("Your synthesis of the round before:\n" + block("own", before.synthesis))
    for seat in shown:
        answer = turns[-1].answers[seat]
        sure = {} if answer.confidence is None else {"confidence": f"{answer.confidence:g}"}
        parts.append(block("answer", answer.text, label=run.labels[seat], **sure))
    return (*parts, INSTRUCTIONS[options.judging_method])


MEMBER = f"""\
You are one of several members of a panel that were given the same question. Each answers on its own; an arbiter reads \
all answers, without knowing whose they are, and may ask for another round. What counts is that the answer which \
comes out of it is right, complete and clear. {DATA}"""

PROPOSE = """\
Answer the question as well as you can. Find out what it really asks, look at it from more than one side, and check \
your answer before you give it. Write the answer itself, ready for the person who asked."""

REFINE = """\
Answer the question again, better than it has been answered so far. Take over what is right above, in your own words; \
mend what is wrong or missing, and look into whatever was left open. If you find that what stands above is wrong, say \
what is right instead, whoever disagrees. Write the complete answer itself, ready for the person who asked, and do \
not mention earlier answers."""

ARBITER = f"""\
You are the arbiter of a panel whose members were given the same question and answered it on their own. You do not \
know who wrote which answer, and it does not matter. You find out what is right, not what most of them say. A \
confidence that stands beside an answer is its author's own opinion of it and proves nothing. {DATA}"""

SYNTHESIZE = """\
Read the answers above. Work out for yourself what a right answer must say; then compare: what does each see that the \
others miss, where do they agree, and where they contradict each other, which of them is right? Write the best answer \
that can be given, as a synthesis of them or, where one is clearly best, as that one improved. It must read as an \
answer to the person who asked, in the form that the question calls for, without a word about answers, members or \
rounds. Say honestly how sure you are, and what another round should look into."""

RANK = """\
Read the answers above and put them in order, the best first. What counts, in this order: is it true and does it \
follow; does it answer what was asked, completely; is it useful; is it clear. Neither length nor style nor confidence \
makes an answer better."""

PICK = """\
Read the answers above and pick the one that you would give to the person who asked. What counts, in this order: is it \
true and does it follow; does it answer what was asked, completely; is it useful; is it clear. Neither length nor \
style nor confidence makes an answer better."""

INSTRUCTIONS = {"default": SYNTHESIZE, "rank": RANK, "pick-one": PICK}
