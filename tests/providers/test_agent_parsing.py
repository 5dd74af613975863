"""How the events of the agent CLIs are read: what they really print, and what must not become an answer."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from folkmoot.errors import FailureKind, ProviderError
from folkmoot.providers.agents.claude import ClaudeReading
from folkmoot.providers.agents.cli import CliAnswer, EventReader, one_text, parsed
from folkmoot.providers.agents.codex import CodexReading, strict_schema
from folkmoot.providers.agents.gemini import GeminiReading
from folkmoot.providers.agents.opencode import OpencodeReading
from folkmoot.providers.agents.pi import PiReading
from folkmoot.providers.process import Ran
from folkmoot.types import JSON, Message, OnText, Usage

TRANSCRIPTS = Path(__file__).parent.parent / "transcripts" / "agents"

READINGS: dict[str, Callable[[OnText], EventReader]] = {
    "claude-code": ClaudeReading,
    "codex-cli": CodexReading,
    "gemini-cli": GeminiReading,
    "opencode": OpencodeReading,
    "pi": PiReading,
}


def judged(cli: str, lines: Iterable[str | JSON], returncode: int = 0, stderr: str = "") -> tuple[CliAnswer, str]:
    """The answer that `cli` gives by printing `lines`, and the text it streamed."""
    heard: list[str] = []
    reading = READINGS[cli](heard.append)
    for line in lines:
        event = parsed(line) if isinstance(line, str) else line
        if event is not None and reading.hear(event):
            break
    return reading.judge(Ran("", stderr, returncode)), "".join(heard)


def replayed(cli: str, case: str) -> tuple[CliAnswer, str]:
    """The same for a transcript; its last line says how the program ended."""
    *lines, last = (TRANSCRIPTS / f"{cli}-{case}.jsonl").read_text(encoding="utf-8").splitlines()
    ended = json.loads(last)["ended"]
    return judged(cli, lines, ended["returncode"], ended["stderr"])


@pytest.mark.parametrize("cli", READINGS)
def test_an_answer_is_read_with_its_usage(cli: str) -> None:
    answer, streamed = replayed(cli, "answer")
    assert answer.text == streamed == "Hello from **folkmoot**: 2 + 2 = 4."
    assert answer.usage == Usage(input_tokens=50, output_tokens=30, cached_tokens=5, reasoning_tokens=20)
    assert answer.cost is None  # no CLI knows what this model costs
    assert not answer.cut_short


@pytest.mark.parametrize("cli, model", [("claude-code", "other-model"), ("gemini-cli", "other-model"), ("pi", "m1")])
def test_the_model_that_answered_is_named_where_the_cli_says_it(cli: str, model: str) -> None:
    assert replayed(cli, "answer")[0].model == model


@pytest.mark.parametrize("cli", sorted(READINGS.keys() - {"gemini-cli"}))
def test_a_failed_attempt_that_the_cli_repeats_by_itself_is_no_failure(cli: str) -> None:
    answer, streamed = replayed(cli, "retried")
    assert answer.text == streamed == "after all"


FAILURES: dict[str, dict[str, FailureKind]] = {
    "claude-code": {
        "401": "auth", "404": "model", "400": "request", "429": "rate", "500": "server", "cut": "server",
        "unfinished": "server", "html": "protocol", "length": "request", "killed": "protocol", "no-login": "auth",
        "command": "protocol",
    },
    "codex-cli": {
        "401": "auth", "404": "model", "400": "request", "429": "rate", "500": "server", "cut": "server",
        "unfinished": "server", "html": "server", "length": "server", "killed": "protocol",
    },
    "gemini-cli": {
        "401": "auth", "404": "model", "400": "request", "429": "rate", "500": "server", "cut": "server",
        "unfinished": "protocol", "html": "server", "empty": "empty", "killed": "protocol", "no-login": "auth",
    },
    "opencode": {
        "401": "auth", "404": "model", "400": "request", "429": "rate", "unfinished": "protocol", "html": "protocol",
        "killed": "protocol",
    },
    "pi": {
        "401": "auth", "404": "model", "400": "request", "429": "rate", "500": "server", "cut": "server",
        "unfinished": "server", "html": "server", "killed": "protocol",
    },
}  # fmt: skip


@pytest.mark.parametrize("cli, case", [(cli, case) for cli, cases in FAILURES.items() for case in cases])
def test_a_failure_is_known_for_what_it_is(cli: str, case: str) -> None:
    with pytest.raises(ProviderError) as caught:
        replayed(cli, case)
    assert caught.value.kind == FAILURES[cli][case]
    assert str(caught.value).startswith(cli.removesuffix("-cli").removesuffix("-code"))


@pytest.mark.parametrize("cli", sorted(READINGS.keys() - {"gemini-cli"}))
def test_an_empty_reply_is_read_as_empty(cli: str) -> None:
    assert replayed(cli, "empty")[0].text == ""


@pytest.mark.parametrize("cli", ["opencode", "pi"])
def test_an_answer_cut_by_the_limit_says_so(cli: str) -> None:
    answer, _ = replayed(cli, "length")
    assert (answer.text, answer.cut_short) == ("This was cut by the li", True)


@pytest.mark.parametrize("cli", READINGS)
@pytest.mark.parametrize("case", ["answer", "401", "cut", "empty", "killed"])
def test_noise_between_the_events_changes_nothing(cli: str, case: str) -> None:
    *lines, last = (TRANSCRIPTS / f"{cli}-{case}.jsonl").read_text(encoding="utf-8").splitlines()
    noise = [
        "",
        "Warning: {not json",
        "[1, 2]",
        "null",
        '{"type": "ui_invalidate"}',
        '{"type": null}',
        "{}",
        '{"type": []}',
    ]
    ended = json.loads(last)["ended"]

    def outcome(lines: list[str]) -> object:
        try:
            return judged(cli, lines, ended["returncode"])
        except ProviderError as error:
            return error.kind

    assert outcome([each for line in lines for each in (*noise, line)] + noise) == outcome(lines)


CLAUDE = {"type": "result", "subtype": "success", "is_error": False, "num_turns": 1, "result": "42"}
CODEX = {"type": "item.completed", "item": {"type": "agent_message", "text": "42"}}
CODEX_DONE = {"type": "turn.completed", "usage": {}}
GEMINI = {"type": "message", "role": "assistant", "content": "42", "delta": True}
GEMINI_DONE = {"type": "result", "status": "success", "stats": {}}
OPENCODE = {"type": "text", "part": {"text": "42"}}
OPENCODE_DONE = {"type": "step_finish", "part": {"reason": "stop"}}
PI = {
    "type": "message_end",
    "message": {"role": "assistant", "content": [{"type": "text", "text": "42"}], "stopReason": "stop"},
}
PI_DONE = {"type": "agent_settled"}
GOOD: dict[str, list[JSON]] = {
    "claude-code": [CLAUDE],
    "codex-cli": [CODEX, CODEX_DONE],
    "gemini-cli": [GEMINI, GEMINI_DONE],
    "opencode": [OPENCODE, OPENCODE_DONE],
    "pi": [PI, PI_DONE],
}


@pytest.mark.parametrize("cli", GOOD)
def test_the_least_that_makes_an_answer(cli: str) -> None:
    assert judged(cli, GOOD[cli])[0].text == "42"


@pytest.mark.parametrize("cli", GOOD)
@pytest.mark.parametrize("returncode", [1, 130, -15])
def test_a_good_answer_with_a_bad_exit_code_is_not_an_answer(cli: str, returncode: int) -> None:
    with pytest.raises(ProviderError):
        judged(cli, GOOD[cli], returncode)


@pytest.mark.parametrize("cli", GOOD)
@pytest.mark.parametrize("returncode", [0, 1, 143, -9])
def test_no_final_event_is_not_an_answer_whatever_the_exit_code(cli: str, returncode: int) -> None:
    with pytest.raises(ProviderError) as caught:
        judged(cli, GOOD[cli][:-1], returncode, "Warning: old terminal\nsegmentation fault")
    assert caught.value.kind == "protocol"
    assert "segmentation fault" in str(caught.value)


@pytest.mark.parametrize(
    "cli, lines",
    [
        ("claude-code", [CLAUDE | {"is_error": True}]),
        ("claude-code", [CLAUDE | {"is_error": None}]),
        ("claude-code", [CLAUDE | {"subtype": "error_max_turns"}]),
        ("claude-code", [CLAUDE | {"num_turns": 0}]),
        ("claude-code", [{"type": "assistant", "message": {"content": [{"type": "text", "text": "42"}]}}]),
        ("codex-cli", [CODEX, {"type": "turn.failed", "error": {"message": "stream closed"}}]),
        ("codex-cli", [CODEX, CODEX_DONE, {"type": "turn.failed"}]),
        ("codex-cli", [CODEX, {"type": "error", "message": "Reconnecting... 1/5"}]),
        ("gemini-cli", [GEMINI, {"type": "result", "status": "error"}]),
        ("gemini-cli", [GEMINI, {"type": "result"}]),
        ("opencode", [OPENCODE, OPENCODE_DONE, {"type": "error", "error": {"name": "APIError"}}]),
        ("opencode", [OPENCODE, OPENCODE_DONE, {"type": "error"}]),
        ("opencode", [OPENCODE, {"type": "step_finish", "part": {"reason": "unknown"}}]),
        ("opencode", [OPENCODE, {"type": "step_finish", "part": {"reason": "tool-calls"}}]),
        ("opencode", [OPENCODE, OPENCODE_DONE, OPENCODE, OPENCODE_DONE]),
        ("pi", [{**PI, "message": {**PI["message"], "stopReason": "error"}}, PI_DONE]),  # type: ignore[dict-item]
        ("pi", [{**PI, "message": {**PI["message"], "stopReason": "aborted"}}, PI_DONE]),  # type: ignore[dict-item]
        ("pi", [{**PI, "message": {**PI["message"], "role": "user"}}, PI_DONE]),  # type: ignore[dict-item]
        ("pi", [PI_DONE]),
    ],
)
def test_a_text_without_a_good_end_is_not_an_answer(cli: str, lines: list[JSON]) -> None:
    with pytest.raises(ProviderError):
        judged(cli, lines)


@pytest.mark.parametrize("nonsense", [None, 7, "x", {"a": 1}, [None, 7]])
def test_a_message_of_pi_of_another_shape_is_survived(nonsense: object) -> None:
    for key in _message(PI):
        event = PI | {"message": _message(PI) | {key: nonsense}}
        try:
            assert judged("pi", [event, PI_DONE])[0].text in ("", "42")
        except ProviderError:
            assert key in ("stopReason", "role")


@pytest.mark.parametrize("cli", GOOD)
@pytest.mark.parametrize("nonsense", [None, 7, "x", [], {"a": []}])
def test_events_of_another_shape_are_survived(cli: str, nonsense: object) -> None:
    keys = {key for event in GOOD[cli] for key in event} | {"error", "event", "errors", "modelUsage", "usage"}
    for event in GOOD[cli]:
        for key in keys - {"type"}:
            try:
                answer, _ = judged(cli, [event | {key: nonsense}, *GOOD[cli][-1:]])
            except ProviderError:
                continue
            assert isinstance(answer.text, str)


def test_claudes_answer_stands_in_its_last_message_where_the_result_is_empty() -> None:
    def message(id: str, *texts: str) -> JSON:
        return {"type": "assistant", "message": {"id": id, "content": [{"type": "text", "text": t} for t in texts]}}

    empty = CLAUDE | {"result": ""}
    assert judged("claude-code", [message("m1", "It is 42."), empty])[0].text == "It is 42."
    assert (
        judged("claude-code", [message("m1", "Let me see."), message("m2", "It is "), message("m2", "42."), empty])[
            0
        ].text
        == "It is 42."
    )
    assert judged("claude-code", [message("m1", "It is 41."), CLAUDE])[0].text == "42"


def test_claude_hands_over_structured_output_as_json() -> None:
    answer, _ = judged("claude-code", [CLAUDE | {"structured_output": {"score": 8, "why": "né"}, "result": "done"}])
    assert answer.text == '{"score": 8, "why": "né"}'


@pytest.mark.parametrize("basis, cost", [("list", 0.25), ("unknown", None)])
def test_claude_is_not_believed_a_price_it_made_up(basis: str, cost: float | None) -> None:
    printed = CLAUDE | {"total_cost_usd": 0.25, "modelUsage": {"m": {"costBasis": basis}}}
    assert judged("claude-code", [printed])[0].cost == cost


def test_claude_streams_its_first_reply_only() -> None:
    def event(**inner: object) -> JSON:
        return {"type": "stream_event", "event": inner}

    start, delta = (
        event(type="message_start"),
        event(type="content_block_delta", delta={"type": "text_delta", "text": "4"}),
    )
    assert judged("claude-code", [start, delta, start, delta, CLAUDE])[1] == "4"


def test_codex_takes_the_last_message() -> None:
    thinking_aloud = {"type": "item.completed", "item": {"type": "agent_message", "text": "let me see"}}
    assert judged("codex-cli", [thinking_aloud, CODEX, CODEX_DONE])[0].text == "42"


@pytest.mark.parametrize(
    "message, kind",
    [
        ("unexpected status 403 Forbidden: no", "auth"),
        ("exceeded retry limit, last status: 529 , request id: 1", "server"),
        ("Missing environment variable: `OPENAI_API_KEY`.", "auth"),
        ('{"error": {"code": "model_not_found", "message": "no"}}', "model"),
        ('{"detail": "The model is not supported"}', "request"),
        ("stream disconnected before completion: 404 bananas", "server"),
    ],
)
def test_codex_failures_are_known_by_the_status_it_quotes(message: str, kind: str) -> None:
    with pytest.raises(ProviderError) as caught:
        judged("codex-cli", [{"type": "turn.failed", "error": {"message": message}}], 1)
    assert caught.value.kind == kind


def test_opencode_adds_up_its_steps_and_keeps_what_follows_the_tools() -> None:
    reading = OpencodeReading(lambda _: None, tools=True)
    step = {"type": "step_finish", "part": {"reason": "tool-calls", "cost": 0.5, "tokens": {"input": 3, "output": 2}}}
    stop = {"type": "step_finish", "part": {"reason": "stop", "cost": 0.25, "tokens": {"input": 5, "output": 1}}}
    for event in ({"type": "text", "part": {"text": "looking"}}, step, OPENCODE, stop):
        assert not reading.hear(event)
    assert reading.judge(Ran("", "", 0)) == CliAnswer("42", Usage(input_tokens=8, output_tokens=3), 0.75)


def test_opencode_is_ended_at_its_second_step() -> None:
    reading = OpencodeReading(lambda _: None)
    unknown = {"type": "step_finish", "part": {"reason": "unknown"}}
    assert [bool(reading.hear(unknown)) for _ in range(2)] == [False, True]


def test_pi_counts_failed_attempts_as_used() -> None:
    used = {"usage": {"input": 10, "output": 1, "cost": {"total": 0.5}}}
    attempt = {"type": "message_end", "message": {"role": "assistant", "stopReason": "error", **used}}
    answer, _ = judged("pi", [attempt, {"type": "message_end", "message": {**_message(PI), **used}}, PI_DONE])
    assert answer == CliAnswer("42", Usage(input_tokens=20, output_tokens=2), 1.0)


def _message(event: JSON) -> JSON:
    found: JSON = event["message"]
    return found


def test_an_optional_key_becomes_required_where_schemas_are_strict() -> None:
    schema = {
        "type": "object",
        "title": "Review",
        "properties": {
            "title": {"type": "string", "default": ""},
            "items": {"type": "array", "items": {"$ref": "#/$defs/Item", "description": "one"}},
        },
        "$defs": {"Item": {"type": "object", "properties": {"a": {"type": "integer"}}}},
    }
    assert strict_schema(schema) == {
        "type": "object",
        "properties": {"title": {"type": "string"}, "items": {"type": "array", "items": {"$ref": "#/$defs/Item"}}},
        "$defs": {
            "Item": {
                "type": "object",
                "properties": {"a": {"type": "integer"}},
                "required": ["a"],
                "additionalProperties": False,
            }
        },
        "required": ["title", "items"],
        "additionalProperties": False,
    }


def test_a_conversation_is_one_text_that_begins_with_a_heading() -> None:
    turns = (Message("user", ("/help", "me")), Message("assistant", ("no",)), Message("user", ("why?",)))
    assert one_text(turns) == "# User\n\n/help\n\nme\n\n# Assistant\n\nno\n\n# User\n\nwhy?"
    assert one_text(turns[:1]) == "/help\n\nme"
