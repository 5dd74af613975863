"""A result as text: the answer for standard output, and a report for people on how it was reached."""

import shlex
from collections.abc import Iterable, Mapping

from folkmoot.counting.earned import earned_text
from folkmoot.formats.base import preview
from folkmoot.naming import named, plain_model
from folkmoot.render.sheets import count_table
from folkmoot.render.wording import Style, cost, counted, duration, one_line, paint, score_table
from folkmoot.types import Candidate, Result

MOST_LISTED = 6  # answers or failures with a line of their own; the others are named together

STATUS = {
    "converged": "Converged in {rounds}",
    "max_rounds_exceeded": "No agreement after {rounds}",
    "single_model": "One seat answered; nobody judged it",
    "insufficient_models": "Too few seats answered in round {round}",
    "over_budget": "Stopped in round {round}: the budget is used up",
    "max_calls": "Stopped in round {round}: no more calls are allowed",
    "cancelled": "Interrupted in round {round}",
    "unfinished": "Unfinished: the record ends in round {round}",
    "failed": "Failed in round {round}",
    "consensus": "A majority endorsed one proposal in {rounds}",
    "deadlock": "Deadlock after {rounds}; the proposal with most support stands",
    "stalled": "Stopped in round {round}: no seat answered any more",
    "answered": "Every seat answered",
    "partial": "Some seats answered",
    "voted": "The seats voted",
    "agreed": "Seats agreed",
    "decided": "The lead is decided",
    "adjudicated": "A judge decided between the answers",
    "undecided": "Undecided",
    "chaired": "A chair wrote the answer",
    "chair_failed": "No chair wrote an answer; the one ranked first stands",
    "unranked": "Nobody ranked the answers",
    "confident": "The arbiter is sure enough after {rounds}",
    "below_threshold": "The arbiter is not sure enough after {rounds}",
    "arbiter_failed": "No arbiter gave a ruling that could be read",
    "no_ruling": "There is no ruling",
    "no_majority": "No majority",
    "ranked": "The arbiter ranked the answers",
    "picked": "The arbiter picked an answer",
}
"""What a status means, in words. A status that is not here is shown as it is, with its rounds."""

RESUME = {
    "unfinished": "",
    "cancelled": "",
    "failed": " --retry-failed",
    "insufficient_models": " --retry-failed",
    "over_budget": " --budget USD",
    "max_calls": " --max-calls N",
    "arbiter_failed": " --retry-failed",
    "stalled": "",
}
"""The flags that `folkmoot resume` needs to get beyond this status."""

MORE_ROUNDS, MOST_ROUNDS = 3, 20


def answer_text(result: Result) -> str:
    """The text for standard output, without a final line break: the answer as the model wrote it, and nothing else.

    Where no answer was chosen: all of them, the best first, each under a line that says whose it is, with its score
    if any was scored. Empty when there is none. On a terminal, pass it through `wording.visible`.
    """
    if result.answer is not None:
        return result.answer
    ids, answers = _ids(result), _ranked(result.outcome.answers)
    judged = any(each.score is not None for each in answers)

    def heading(each: Candidate) -> str:
        score = f" ({_score(each) or 'not scored'})" if judged else ""
        return f"── {ids.get(each.seat, each.seat)}{score} ──"

    return "\n\n".join(f"{heading(each)}\n{each.answer}" for each in answers)


def report_text(result: Result, *, colour: bool, names: Mapping[str, str] = {}) -> str:
    """The report beside the answer: a blank line, then at most one screen.

    `names` maps labels to the ids of seats, for reasons in which seats speak of each other.
    """
    ids = _ids(result)
    also = [each.seat for each in result.outcome.answers]
    parts: tuple[Iterable[str], ...] = (
        [""],
        _headline(result, ids, colour),
        _order(result),
        score_table(result.outcome.scores, ids, result.outcome.leader, also=also, colour=colour)
        or count_table(result.outcome.counts, ids, colour=colour),
        _dissent(result, names),
        _others(result, ids),
        _losses(result, ids, colour),
        _effort(result),
        _further(result),
    )
    return "\n".join(line for part in parts for line in part)


def status_text(result: Result) -> str:
    """How a run ended, in words.

    A status that this module does not know keeps its own name: `deadlock` is "Deadlock after 3 rounds".
    """
    outcome = result.outcome
    rounds = counted(outcome.round, "round")
    if known := STATUS.get(result.status):
        return known.format(rounds=rounds, round=outcome.round)
    return one_line(f"{result.status.replace('_', ' ').capitalize()} after {rounds}")


def _headline(result: Result, ids: Mapping[str, str], colour: bool) -> Iterable[str]:
    outcome = result.outcome
    style: Style = "good" if outcome.met else "warning" if outcome.answers else "bad"
    rule = f" [{one_line(outcome.strategy)}]" if outcome.strategy and outcome.explanation and outcome.scores else ""
    why = "" if result.status == "single_model" or not outcome.explanation else f": {one_line(outcome.explanation)}"
    yield paint(status_text(result), style, colour) + why + rule
    chosen = next((each for each in outcome.answers if each.seat == outcome.winner), None)
    if outcome.winner is not None:
        score = f", mean score {chosen.score:.1f}" if chosen is not None and chosen.score is not None else ""
        title = "Winner" if outcome.met else "Ahead when it ended"
        yield f"{title}: {ids.get(outcome.winner, outcome.winner)}{score}"
    elif outcome.answer is None and outcome.answers:
        yield "No answer was chosen: all of them are above"


def _order(result: Result) -> Iterable[str]:
    """How the seats were ordered, and how often such an agreement was right, where a protocol says so."""
    match result.outcome.details.get("order"):
        case str(order):
            yield f"Order: {one_line(order)}"
    match result.outcome.details.get("confidence"):
        case {"leading": int(), "heard": int()} as confidence if (
            isinstance(confidence, dict) and len(result.outcome.answers) > 1
        ):
            yield f"Confidence: {one_line(earned_text(confidence))}"


def _dissent(result: Result, names: Mapping[str, str]) -> Iterable[str]:
    """Votes against the winner, or what the arbiter says of views that it does not follow."""
    said = result.outcome.details
    against = said.get("dissent") or ()
    for each in against[:MOST_LISTED]:
        reason = f' — "{one_line(preview(named(each["reason"], names)))}"' if each["reason"] else ""
        yield f"Against it: {one_line(each['model_id'])} — {one_line(each['vote'])}{reason}"
    if len(against) > MOST_LISTED:
        yield f"    and {len(against) - MOST_LISTED} more"
    match said.get("synthesis"):
        case {"dissent": str(told)} if told:
            yield f'Dissent, in the arbiter\'s words: "{one_line(preview(named(told, names)))}"'


def _others(result: Result, ids: Mapping[str, str]) -> Iterable[str]:
    """The answers that were not chosen, and who led earlier rounds. Whether two answers disagree is not judged here."""
    outcome = result.outcome
    winner = outcome.winner
    for number, scores in enumerate(outcome.scores, 1):
        ahead = [seat for seat, score in scores.items() if score == max(scores.values())]
        if winner and ahead and winner not in ahead:
            led = " and ".join(ids.get(seat, seat) for seat in ahead)
            yield f"Round {number} was led by {led} ({scores[ahead[0]]:.1f})"
    others = [each for each in _ranked(outcome.answers) if each.seat != winner]
    if outcome.answer is None or not others:
        return
    yield "The other answers:"
    for each in others[:MOST_LISTED]:
        alike = _plain(each.answer) == _plain(outcome.answer)
        said = "word for word the same" if alike else f'"{one_line(preview(each.answer))}"'
        yield f"    {_score(each) or '-':>4}  {ids.get(each.seat, each.seat)} — {said}"
    if rest := others[MOST_LISTED:]:
        yield "    and " + ", ".join(f"{ids.get(each.seat, each.seat)} ({_score(each) or '-'})" for each in rest)


def _losses(result: Result, ids: Mapping[str, str], colour: bool) -> Iterable[str]:
    """Calls without a usable reply, seats that left, and seats that another model answered for."""
    bad, warning = paint("✗", "bad", colour), paint("!", "warning", colour)
    if result.failures:
        yield f"{counted(len(result.failures), 'call')} without a usable reply:"
    for failure in result.failures[:MOST_LISTED]:
        about = failure.step.rpartition("/")[2].partition(">")[2].removesuffix("+repair")
        whom = f" → {ids.get(about, about)}" if about else ""
        where = f"round {failure.round} {failure.phase}" if failure.round else failure.phase
        yield f"    {bad} {where}  {one_line(failure.model_id)}{whom}: {one_line(failure.message, 160)}"
    if len(result.failures) > MOST_LISTED:
        yield f"    and {len(result.failures) - MOST_LISTED} more"
    if result.dropped:
        yield f"{warning} Took no part to the end: {', '.join(one_line(each) for each in result.dropped)}"
    others = [seat for seat in result.seats if seat.mismatch and seat.answered_by]
    for model, answered_by in dict.fromkeys((seat.model, plain_model(seat.answered_by or "")) for seat in others):
        yield f"{warning} {one_line(model)} was answered by another model: {one_line(answered_by)}"


def _effort(result: Result) -> Iterable[str]:
    further = result.attempts - result.inside - result.total_calls - result.repairs
    made = [counted(result.total_calls, "call")]
    if result.inside:
        made.append(f"{counted(result.inside, 'further call')} inside panels")
    if further > 0:
        made.append(counted(further, "further attempt"))
    if result.repairs:
        made.append(counted(result.repairs, "repair"))
    yield " · ".join((", ".join(made), duration(result.elapsed_ms / 1000), _tokens(result), _cost(result)))


def _tokens(result: Result) -> str:
    usage = result.usage
    silent = [seat for seat in result.seats if seat.calls and not seat.usage.output_tokens]
    if not usage.input_tokens + usage.output_tokens:
        return "tokens not reported"
    share = usage.cached_tokens / usage.input_tokens if usage.input_tokens else 0.0
    cached = f" ({share:.0%} from cache)" if usage.cached_tokens else ""
    less = f", {counted(len(silent), 'seat')} not reporting" if silent else ""
    return f"{usage.input_tokens:,} tokens in{cached}, {usage.output_tokens:,} out{less}"


def _cost(result: Result) -> str:
    asked = [seat for seat in result.seats if seat.calls or seat.cost_usd != 0.0]
    if not asked:
        return "nothing spent"
    known = sum(seat.cost_usd or 0.0 for seat in asked)
    unknown = [one_line(seat.model_id) for seat in asked if seat.cost_usd is None]
    covered = any(seat.billing == "subscription" for seat in asked)
    told = known or unknown or covered or result.list_usd
    if not told and any(seat.billing not in ("free", "nested") for seat in asked):
        return "nothing billed"  # the record does not say why
    at_most = result.cost_at_most_usd
    return cost(known, unknown=unknown, at_most=at_most, list_usd=result.list_usd, subscription=covered)


def _further(result: Result) -> Iterable[str]:
    if not result.run_id:
        return
    run = shlex.quote(result.run_id)
    yield f"How it came about: folkmoot show --verbose {run}"
    if result.outcome.met:
        return
    arguments = RESUME.get(result.status)
    if result.status == "max_rounds_exceeded" and result.outcome.round < MOST_ROUNDS:
        arguments = f" --rounds {min(result.outcome.round + MORE_ROUNDS, MOST_ROUNDS)}"
    if arguments is not None:
        yield f"Go on: folkmoot resume {run}{arguments}"


def _ranked(answers: Iterable[Candidate]) -> list[Candidate]:
    """The best first; those that nobody scored last, in seat order."""
    return sorted(answers, key=lambda each: -each.score if each.score is not None else 1.0)


def _score(candidate: Candidate) -> str:
    return "" if candidate.score is None else f"{candidate.score:.1f}"


def _plain(answer: str) -> str:
    return " ".join(answer.split()).casefold()


def _ids(result: Result) -> dict[str, str]:
    return {seat.seat: one_line(seat.model_id) for seat in result.seats}
