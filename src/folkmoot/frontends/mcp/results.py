"""The results of tools: structured content for programs, and text for models, the answer first."""

from collections.abc import Iterable
from typing import Literal

from mcp import types
from pydantic import BaseModel, Field

from folkmoot.render.text import RESUME, answer_text, status_text
from folkmoot.render.wording import counted, money, one_line
from folkmoot.types import JSON, Record, Result

URI = "folkmoot://runs"
PREVIEW = 400  # letters of an answer that was not chosen

State = Literal["running", "ended", "cancelled", "unfinished"]


class OtherAnswer(Record):
    model: str
    answer: str
    score: float | None = Field(None, description="Mean score of the judges; null: nobody scored it")


class RunAnswer(Record):
    """The result of a panel."""

    answer: str | None = Field(description="null where none was chosen: `others` then holds all of them, whole")
    status: str
    met: bool = Field(
        description="Whether the protocol's own rule was met; if not, do not present the answer as agreed"
    )
    explanation: str
    winner: str | None = Field(description="The model whose answer it is; null where it was merged or none was chosen")
    others: tuple[OtherAnswer, ...] = Field(
        description="The other answers, shortened: whether they disagree is yours to judge"
    )
    seats: tuple[str, ...]
    dropped: tuple[str, ...] = Field(description="Seats that took no part to the end")
    failures: tuple[str, ...] = Field(description="Calls without a usable reply")
    degraded: bool = Field(description="Whether a seat or a reply was lost")
    protocol: str
    rounds: int
    calls: int
    cost_usd: float | None = Field(description="null: a price is unknown")
    seconds: float
    run_id: str
    go_on: str | None = Field(description="How to get further, where that is possible")


class RunState(Record):
    """The state of a run."""

    run_id: str
    state: State
    lines: tuple[str, ...] = Field((), description="What happened since `cursor`")
    cursor: int = Field(0, description="Give it to the next folkmoot_poll")
    calls: int = Field(0, description="Calls that have ended")
    note: str = ""
    result: RunAnswer | None = None


def run_answer(result: Result) -> RunAnswer:
    outcome = result.outcome
    ids = {seat.seat: seat.model_id for seat in result.seats}
    chosen = _plain(result.answer or "")
    rest = [each for each in outcome.answers if each.seat != outcome.winner and _plain(each.answer) != chosen]
    return RunAnswer(
        answer=result.answer,
        status=result.status,
        met=outcome.met,
        explanation=outcome.explanation,
        winner=ids.get(outcome.winner or ""),
        others=tuple(
            OtherAnswer(
                model=ids.get(each.seat, each.seat),
                answer=each.answer if result.answer is None else _shortened(each.answer),
                score=each.score,
            )
            for each in rest
        ),
        seats=tuple(ids.values()),
        dropped=result.dropped,
        failures=tuple(one_line(f"{each.step} {each.model_id}: {each.message}") for each in result.failures),
        degraded=result.degraded,
        protocol=result.protocol,
        rounds=outcome.round,
        calls=result.total_calls,
        cost_usd=result.cost_usd,
        seconds=result.elapsed_ms / 1000,
        run_id=result.run_id,
        go_on=_go_on(result),
    )


def answered(result: Result) -> types.CallToolResult:
    """A run's result as that of a tool; an error where nobody gave any answer."""
    shown = run_answer(result)
    text = "\n\n".join(part for part in (answer_text(result), _standing(result, shown)) if part)
    failed = result.exit_code in (1, 3) and not result.outcome.answers
    return tool_result(text, shown, is_error=failed)


def state_result(state: RunState, result: Result | None = None) -> types.CallToolResult:
    """Where a run stands as the result of a tool: its answer, once there is one, else what happened."""
    if result is not None:
        text = answered(result).content
        return types.CallToolResult(content=text, structured_content=plain(state))
    told = [
        *state.lines,
        f"{state.run_id} is {state.state}: {counted(state.calls, 'call')} so far. {state.note}".strip(),
    ]
    return tool_result("\n".join(told), state)


def refused(problems: Iterable[str]) -> types.CallToolResult:
    """Return an input error as a tool result, one line for each problem."""
    return types.CallToolResult(content=[types.TextContent(text="\n".join(problems))], is_error=True)


def tool_result(text: str, structured: BaseModel, *, is_error: bool = False) -> types.CallToolResult:
    return types.CallToolResult(
        content=[types.TextContent(text=text)], structured_content=plain(structured), is_error=is_error
    )


def plain(structured: BaseModel) -> JSON:
    return structured.model_dump(mode="json")


def _standing(result: Result, shown: RunAnswer) -> str:
    """Return the verdict in a few lines: the facts that a reader must not leave out."""
    outcome = result.outcome
    why = f": {one_line(outcome.explanation)}" if outcome.explanation else ""
    lines = [f"[folkmoot] {status_text(result)}{why}" + ("" if outcome.met else " (the rule was not met)")]
    if shown.winner is not None:
        lines.append(f"Answer by {one_line(shown.winner)}")
    if shown.answer is not None:
        lines += [
            f"Not chosen: {one_line(each.model)}{_scored(each)}: {one_line(each.answer)}" for each in shown.others
        ]
    lines += [f"Lost: {each}" for each in shown.failures]
    if shown.dropped:
        lines.append(f"Took no part to the end: {', '.join(one_line(each) for each in shown.dropped)}")
    cost = "price unknown" if shown.cost_usd is None else money(shown.cost_usd) if shown.cost_usd else "nothing billed"
    lines.append(f"{counted(shown.calls, 'call')}, {cost}; whole record: {URI}/{shown.run_id}")
    if shown.go_on:
        lines.append(f"To go on: {shown.go_on}")
    return "\n".join(lines)


def _go_on(result: Result) -> str | None:
    flags = RESUME.get(result.status)
    if flags is None or result.outcome.met or not result.run_id:
        return None
    return f"folkmoot_start(resume={result.run_id!r}) or, in a terminal: folkmoot resume {result.run_id}{flags}"


def _scored(other: OtherAnswer) -> str:
    return "" if other.score is None else f" ({other.score:.1f})"


def _shortened(text: str) -> str:
    return text if len(text) <= PREVIEW else f"{text[: PREVIEW - 1]}…"


def _plain(answer: str) -> str:
    return " ".join(answer.split()).casefold()
