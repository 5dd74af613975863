"""ask: as few seats as it takes. The best two answer; only where they disagree the others do, then a judge.

A vote is worth more than a debate, and two good seats that agree are worth nearly as much as the whole panel.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from folkmoot.core.batch import Batch
from folkmoot.core.calling import Call
from folkmoot.core.run import Run
from folkmoot.counting import sheets
from folkmoot.counting import votes as voting
from folkmoot.counting.calibration import Calibration, read_calibration
from folkmoot.counting.earned import earned
from folkmoot.counting.poll import (
    Poll,
    PolledPanel,
    choose_judge,
    conclusion,
    conclusions,
    explained,
    panel_of,
    seat_of,
    votes_of,
)  # fmt: skip
from folkmoot.counting.value import AskingPlan, ValueTable, read_values, told
from folkmoot.errors import CallFailed, InputError, Stopped
from folkmoot.formats.keyed import Keyed, keyed_for
from folkmoot.formats.verdict import Verdict, verdict_for
from folkmoot.prompting import block
from folkmoot.protocols import FromFile, Options, protocol
from folkmoot.protocols.vote import SYSTEM, Early, answer_call, candidates, compare, label_of, shown_groups
from folkmoot.types import JSON, Count, Outcome


class AskOptions(Options):
    agree: int = Field(
        2, ge=2, le=64, description="Seats that are asked first, the best ones; if they agree, it is done."
    )
    exact: bool = Field(False, description="Stop only when the lead cannot be overtaken by the seats not yet asked.")
    epsilon: float | None = Field(
        None, gt=0, lt=1, description="Choose --agree so that at most this share of runs differs from the whole panel."
    )
    calibration: Annotated[Calibration | None, FromFile(read_calibration)] = Field(
        None, description="FILE that says what earlier runs of this panel showed: order, weights, and for --epsilon."
    )
    value: Annotated[ValueTable | None, FromFile(read_values)] = Field(
        None,
        description="FILE that says what models are worth: whom to ask first, and who is asked twice. Otherwise the "
        "runs that you marked say it, where they can.",
    )
    adjudicate: Literal["once", "off"] = Field(
        "once",
        description="Where answer keys do not decide: ask whether texts say the same, and then a judge; or neither.",
    )
    judge: str | None = Field(
        None,
        description="Model that judges; otherwise the best seat without a leading answer.",
        json_schema_extra={"duty": "judge"},
    )
    debate: bool = Field(False, description="Let the seats answer once more where nothing else decides.")
    synthesize: bool = Field(False, description="Merge the agreeing answers, if they are longer texts.")
    early: Early = Field(
        "cancel", description="Once the lead cannot be overtaken: off, cancel or finish the open calls."
    )

    @model_validator(mode="after")
    def _certified(self) -> "AskOptions":
        if self.epsilon is not None and self.calibration is None:
            raise ValueError(
                "--epsilon needs --calibration FILE: nothing is known of how often this panel would differ"
            )
        if self.epsilon is not None and self.exact:
            raise ValueError("--exact and --epsilon are two rules; give one of them")
        if self.value is not None and not self.by_value:
            raise ValueError("--value plans who is asked; leave out --agree, --exact, --epsilon and --calibration")
        return self

    @property
    def by_value(self) -> bool:
        """Whether a plan may say who is asked: no other rule was chosen."""
        return self.agree == 2 and not self.exact and self.epsilon is None and self.calibration is None


def max_calls(options: AskOptions, seats: int) -> int:
    if seats == 1:
        return 1
    helped = options.adjudicate == "once"  # twice compared, before and after the others are asked, and once judged
    return seats + 3 * helped + (seats + helped) * options.debate + options.synthesize


@protocol("ask", AskOptions, max_calls=max_calls, calls_per_round=lambda options, seats: min(options.agree, seats))
async def ask(run: Run, options: AskOptions) -> Outcome:
    """Ask the best two seats, and the others only where these disagree"""
    weights = {seat: run.weight(seat) for seat in (*run.all_seats, *run.seats_for("judge"))}
    models = {seat: run.model_id(seat) for seat in run.all_seats}
    agree = None if options.exact else options.agree
    if options.value is not None and options.value.plan is not None:
        poll = Poll(
            _planned(options.value.plan, weights, run.all_seats),
            agreement=options.value.agreement,
            source=options.value.source,
        )
    else:
        poll = Poll(panel_of(models, weights, options.calibration, agree, options.epsilon))
    if len(models) > 1 and options.by_value:
        poll.further["order"] = told(options.value)
    async for round in run.rounds(2 if options.debate else 1):
        if round == 1:
            await _hear(run, options, poll)
            if not poll.decided and options.adjudicate == "once" and len(poll.answers) > 1:
                await _adjudicate(run, poll)
        else:
            await _debate(run, options, poll)
        _offer(run, poll, _status(run, poll))
        if poll.decided or len(poll.answers) < 2:
            break
    if options.synthesize and poll.decided:
        await _synthesize(run, poll)
    return run.offered


def _planned(plan: AskingPlan, weights: Mapping[str, float], seats: Sequence[str]) -> PolledPanel:
    """The panel as a plan has it. `weights` are those of seats beside it, such as a judge.

    Raises InputError for a plan that lacks one of `seats`, or gives a vote no weight.
    """
    if lacking := [seat for seat in seats if seat not in plan.order or not plan.weights.get(seat, 0) > 0]:
        raise InputError(f"value: the plan is of other seats: it has no place or no weight for {', '.join(lacking)}")
    return PolledPanel(plan.order, {**weights, **plan.weights}, 2, plan.waves)


async def _hear(run: Run, options: AskOptions, poll: Poll) -> None:
    """Ask in waves: the first seats; then, if they disagree, all the others, or as few as could settle it."""
    if poll.panel.waves:
        await _hear_by_plan(run, options, poll)
        return
    agree = poll.panel.agree
    waiting = [seat for seat in poll.panel.order if seat in run.seats]
    while waiting:
        if agree is None:
            count = voting.enough(poll.votes, waiting, poll.measure, poll.order)
        else:
            count = agree - len(poll.votes) if len(poll.votes) < agree else len(waiting)
        wave, waiting = waiting[:count], waiting[count:]
        await _wave(run, options, poll, wave, waiting)
        gated = agree is not None and len(poll.votes) >= agree
        if gated and len(waiting) > 1:  # a comparison costs as much as one more seat
            await _compare(run, options, poll, "compare")
        if gated and len(poll.ranked) == 1:
            break
        if poll.settled(waiting):
            break
    run.require(1, "answer", poll.answers)
    poll.further["not_asked"] = [run.model_id(seat) for seat in waiting]
    if not waiting and not poll.settled(()):
        await _compare(run, options, poll, "compare-all")


async def _hear_by_plan(run: Run, options: AskOptions, poll: Poll) -> None:
    """Ask one wave of the plan after the other until it is decided; for a seat that fails, the next one stands in."""
    waves = list(poll.panel.waves)
    waiting = [seat for seat in poll.panel.order if seat in run.seats]
    while waiting and not poll.decided:
        count = waves.pop(0) if waves else poll.panel.waves[0] - len(poll.votes)
        if count < 1:
            break
        wave, waiting = waiting[:count], waiting[count:]
        await _wave(run, options, poll, wave, waiting if waves else ())
        if not poll.decided and len(poll.answers) > 1:
            await _compare(run, options, poll, "compare")
    run.require(1, "answer", poll.answers)
    poll.further["not_asked"] = [run.model_id(seat) for seat in waiting]


async def _compare(run: Run, options: AskOptions, poll: Poll, phase: str) -> None:
    """Join the groups that say the same, unless all of them were compared before."""
    texts = {ballot: name for ballot, name in poll.votes.items() if ballot in poll.answers}
    groups = set(texts.values())
    if options.adjudicate == "once" and not groups <= poll.compared:
        poll.compared = groups
        readers = [seat for seat in poll.panel.order if seat in poll.answers]
        same, counts = await compare(run, poll.answers, texts, readers, phase)
        poll.joined += same
        poll.compared_in += counts


async def _wave(run: Run, options: AskOptions, poll: Poll, wave: Sequence[str], waiting: Sequence[str]) -> None:
    over = False
    batch: Batch[str] = run.batch()
    try:
        async with batch:
            for seat in wave:
                batch.add("answer", seat, answer_call(run, seat))
            async for done in batch:
                assert isinstance(done.value, Keyed)
                poll.answers[done.key] = done.value
                still = [seat for seat in wave if seat not in poll.answers and ("answer", seat) not in batch.failed]
                over = over or (bool(still) and options.early != "off" and poll.settled([*still, *waiting]))
                _offer(run, poll, "decided" if over else "asking")
                if over and options.early == "cancel":
                    poll.further["not_waited_for"] = [run.model_id(seat) for seat in still]
                    break
    except Stopped:
        if not over:  # a decision on record stands, whatever stops the run
            raise


async def _adjudicate(run: Run, poll: Poll) -> None:
    """One judge compares one answer of each group; its verdict counts as one more vote of its weight."""
    bench = choose_judge(poll.ranked, [seat for seat in poll.panel.order if seat in run.seats], run.seats_for("judge"))
    if bench is None:
        return
    judge, shown = bench
    seats = [seat for seat in run.reading_order(judge) if seat in shown]
    labels = {run.labels[seat]: seat for seat in seats}
    blocks = (block("answer", poll.answers[seat].text, label=label) for label, seat in labels.items())
    parts = (block("question", run.prompt), *blocks, ADJUDICATE)
    try:
        verdict: Verdict = await run.call("adjudicate", Call(judge, parts, verdict_for(list(labels)), SYSTEM))
    except CallFailed:
        return
    chosen = labels[verdict.label] if verdict.label else None
    poll.further["judge"] = {
        "model": run.model_id(judge), "chose": run.model_id(chosen) if chosen else None, "reason": verdict.reason,
    }  # fmt: skip
    if chosen is not None:
        poll.verdict = (f"verdict/{judge}", poll.votes[chosen])


async def _debate(run: Run, options: AskOptions, poll: Poll) -> None:
    """Everybody outside the leading group, and one defender of it, answer again having seen the other conclusions.

    What a seat said first keeps counting, so that whoever merely gives in does not turn the vote.
    """
    first = {ballot: name for ballot, name in poll.votes.items() if "/" not in ballot}
    shown: dict[str, str] = {}
    for seat, name in first.items():
        shown.setdefault(name, seat)
    if not first:
        return
    leading = poll.ranked[0].name
    called = [seat for seat, name in first.items() if seat in run.seats and (name != leading or seat == shown[name])]
    calls: dict[str, Call[Keyed]] = {}
    for seat in called:
        others = [each for each in run.reading_order(seat) if each in shown.values() and first[each] != first[seat]]
        blocks = (block("answer", poll.answers[each].text, label=run.labels[each]) for each in others)
        own = block("own", poll.answers[seat].text)
        parts = run.question("Your answer:", own, "Answers of others that differ:", *blocks)
        calls[seat] = Call(seat, (*parts, DEBATE), keyed_for(run.prompt), SYSTEM)
    replies = await run.call_all("debate", calls)
    poll.answers |= {f"debate/{seat}": reply for seat, reply in replies.items()}
    await _compare(run, options, poll, "compare")


async def _synthesize(run: Run, poll: Poll) -> None:
    """Merge what the agreeing seats wrote, if these are longer texts; kept only if it still concludes the same."""
    group = poll.ranked[0]
    sources = [ballot for ballot in group.members if ballot in poll.answers]
    author = next((seat_of(ballot) for ballot in sources if seat_of(ballot) in run.seats), None)
    said, key = poll.answers[sources[0]].said, poll.answers[sources[0]].key
    if author is None or said is None or key is None or not key.open or len(sources) < 2:
        return
    blocks = (block("answer", poll.answers[each].text, label=label_of(run, each)) for each in sources)
    parts = (block("question", run.prompt), *blocks, block("conclusion", said), SYNTHESIZE)
    try:
        merged = await run.call("synthesize", Call(author, parts, keyed_for(run.prompt), SYSTEM))
    except (CallFailed, Stopped):  # what was decided stands
        return
    concluded = voting.joined(votes_of({author: merged}, [author]), poll.joined).get(author)
    poll.further["synthesized"] = concluded == group.name
    outcome = _outcome(run, poll, _status(run, poll))
    run.offer(outcome.model_copy(update={"answer": merged.text}) if concluded == group.name else outcome)


def _status(run: Run, poll: Poll) -> str:
    if len(run.all_seats) == 1 or (poll.panel.waves == (1,) and len(poll.answers) == 1):
        return "single_model"
    if not poll.decided:
        return "undecided"
    if poll.verdict is not None and "debate" not in {each.partition("/")[0] for each in poll.answers}:
        return "adjudicated"
    return "agreed" if len(poll.ranked) == 1 else "decided"


def _offer(run: Run, poll: Poll, status: str) -> None:
    run.offer(_outcome(run, poll, status))


def _outcome(run: Run, poll: Poll, status: str) -> Outcome:
    ranked = poll.ranked
    best = poll.leader
    met = status not in ("undecided", "asking")
    first = {seat: answer for seat, answer in poll.answers.items() if "/" not in seat}
    abstained = sum(answer.abstains for answer in first.values())
    explanation = explained(ranked) + (f"; {abstained} of {len(first)} gave no answer" if abstained else "")
    return Outcome(
        status=status,
        met=met,
        winner=seat_of(best) if met else None,
        answer=poll.answers[best].text if met else None,
        answers=candidates(run, first),
        round=run.round,
        strategy=_strategy(poll.panel),
        explanation=explanation if status != "asking" else "",
        leader=seat_of(best),
        counts=(*poll.compared_in, _count(run, poll, met)),
        details={
            "groups": shown_groups(run, ranked, poll.answers),
            **({"confidence": _confidence(poll)} if status != "asking" else {}),
            **poll.further,
        },
    )


def _confidence(poll: Poll) -> JSON:
    """How often a leading answer with such an agreement behind it was right, where that is known of this plan.

    A judge or a debate is in no table, so what they decide has a word and no number.
    """
    alone = [ballot for ballot in poll.answers if "/" not in ballot]
    members = poll.ranked[0].members if poll.ranked else ()
    leading = max(1, sum(ballot in alone for ballot in members))
    helped = poll.verdict is not None or len(poll.answers) > len(alone)
    return earned(() if helped else poll.agreement, leading, len(alone), poll.source)


def _strategy(panel: PolledPanel) -> str:
    if panel.waves:
        return "value"
    return "exact" if panel.agree is None else f"agree-{panel.agree}"


def _count(run: Run, poll: Poll, met: bool) -> Count:
    """The votes: first answers, those of a debate, and a judge's verdict, each by its weight."""
    said, weights = conclusions(poll.answers), poll.panel.weights
    cast = sheets.ballots(run.asked("answer", 1), said, weights)
    cast += sheets.ballots(run.asked("adjudicate", 1), _verdict(poll), weights)
    later = {seat_of(ballot): text for ballot, text in said.items() if "/" in ballot}
    cast += sheets.ballots(run.asked("debate"), later, weights)
    return sheets.plurality(
        run.asked("answer"), cast, poll.ranked, lambda group: conclusion(_answer_in(poll, group.members), poll.answers),
        seat_of, met=met, explanation=explained(poll.ranked), agree=poll.panel.agree,
    )  # fmt: skip


def _verdict(poll: Poll) -> dict[str, str]:
    """What the judge chose, by its seat; nothing where no judge gave a readable verdict."""
    if poll.verdict is None:
        return {}
    ballot, _ = poll.verdict
    members = [each for each, group in poll.votes.items() if group == poll.votes[ballot]]
    return {seat_of(ballot): conclusion(_answer_in(poll, members), poll.answers)}


def _answer_in(poll: Poll, members: Sequence[str]) -> str:
    """The first ballot of a group that is an answer: a judge's verdict is a ballot, too."""
    return next(each for each in members if each in poll.answers)


ADJUDICATE = """\
These answers contradict each other. Work the question out for yourself first. Then go through each answer and find \
the step at which it goes wrong, if there is one: check the claims, recompute the numbers, reread what was asked. \
Which answer is right? Neither length, style, confidence nor the order of the answers counts."""

DEBATE = """\
Answer the question once more. Keep your conclusion unless you can name the very step in your own answer that is \
wrong; that others conclude differently, however many or however sure they are, is no reason to change it. If you keep \
it, name the step at which each of the other answers goes wrong. If you find your own mistake, say which step it was \
and give the right conclusion. Write a complete answer that can be read without the others."""

SYNTHESIZE = """\
The answers above come to the same conclusion. Write one answer from them for the person who asked: keep what is right \
and useful in any of them, leave out repetition, add no claim that none of them makes, and do not mention that there \
were several. Your last line repeats the conclusion above word for word, after `ANSWER: `."""
