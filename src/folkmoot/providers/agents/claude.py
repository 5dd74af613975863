"""Claude Code: `claude -p`, one result event at the end, deltas on the way."""

import json
from pathlib import Path
from typing import ClassVar

from folkmoot.errors import FailureKind, ProviderError
from folkmoot.providers.agents.cli import (
    PLAIN,
    AgentCli,
    CliAnswer,
    EventReader,
    Invocation,
    Tools,
    at,
    cost_at,
    count_at,
    failed,
    kind_of_status,
    one_text,
    text_at,
    unfinished,
    written,  # fmt: skip
)
from folkmoot.providers.process import Ran
from folkmoot.types import JSON, Billing, OnText, Request, Usage

API_KEY = "ANTHROPIC_API_KEY"


class Claude(AgentCli):
    name = "claude-code"
    megabytes = 190
    # A reply that reaches CLAUDE_CODE_MAX_OUTPUT_TOKENS is an error to it, not a shorter answer.
    unsupported = frozenset({"temperature", "max_tokens"})
    tools: ClassVar[Tools] = {
        "web_fetch": ("WebFetch",),
        "web_search": ("WebSearch",),
        "file_read": ("Read", "Glob", "Grep"),
        "file_write": ("Edit", "Write"),
        "shell": ("Bash",),
    }

    def _billing(self) -> Billing:
        return "metered" if self.key == API_KEY else "subscription"

    async def prepare(self, request: Request, box: Path) -> Invocation:
        own = ",".join(self.tool_names())
        argv = [
            str(self.program), "-p", "--output-format", "stream-json", "--verbose", "--include-partial-messages",
            "--model", request.model, "--tools", own, "--strict-mcp-config", "--no-session-persistence",
            "--disable-slash-commands", "--system-prompt-file", written(box / "system.md", request.system or PLAIN),
        ]  # fmt: skip
        # --bare sends least, but knows API keys only.
        argv += ["--bare"] if self.key == API_KEY else ["--setting-sources", ""]
        if own:
            argv += ["--allowedTools", own]
        if request.effort is not None:
            argv += ["--effort", "low" if request.effort in ("none", "minimal") else request.effort]
        if request.schema is not None:
            argv += ["--json-schema", json.dumps(request.schema)]
        return Invocation(argv, self._environment(request, box), _never_a_command(one_text(request.messages)))

    def _environment(self, request: Request, box: Path) -> dict[str, str]:
        env = self.environment(
            "ANTHROPIC_BASE_URL",
            "CLAUDE_CONFIG_DIR",
            CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
            CLAUDE_CODE_MAX_RETRIES="0",  # whoever asked decides whether to try again, and counts
            CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK="1",  # a second request, for the same reason
            CLAUDE_CODE_ATTRIBUTION_HEADER="0",
            DISABLE_AUTOUPDATER="1",
        )
        if request.effort == "none":
            env["CLAUDE_CODE_DISABLE_THINKING"] = "1"
        if self.key is not None:
            env["CLAUDE_CONFIG_DIR"] = str(box / "home")
        return env

    def reading(self, on_text: OnText) -> "ClaudeReading":
        return ClaudeReading(on_text)


def _never_a_command(prompt: str) -> str:
    # `/word` is a command of the CLI, also with --disable-slash-commands, and reported as a success.
    return f"Prompt: {prompt}" if prompt.lstrip().startswith("/") else prompt


class ClaudeReading(EventReader):
    def __init__(self, on_text: OnText) -> None:
        self._on_text = on_text
        self._result: JSON | None = None
        self._model: str | None = None
        self._replies = 0  # of the model; it asks again by itself when it dislikes one
        self._error = ""  # the word with which an assistant event names its failure
        self._said = ""  # the text of the last message
        self._message: object = None  # its id

    def hear(self, event: JSON) -> None:
        kind = event.get("type")
        if kind == "stream_event":
            self._replies += at(event, "event", "type") == "message_start"
            if self._replies == 1 and at(event, "event", "delta", "type") == "text_delta":
                self._on_text(text_at(event, "event", "delta", "text"))
        elif kind == "assistant":
            self._error = text_at(event, "error")
            self._model = text_at(event, "message", "model") or self._model
            self._keep(at(event, "message", "id"), at(event, "message", "content"))
        elif kind == "result":
            self._result = event

    def _keep(self, message: object, content: object) -> None:
        """Keep what the last message says: a message may come in several events, each with one block."""
        blocks = content if isinstance(content, list) else []
        text = "".join(text_at(block, "text") for block in blocks if at(block, "type") == "text")
        if text:
            goes_on = message is not None and message == self._message
            self._said = self._said + text if goes_on else text
        self._message = message

    def judge(self, ran: Ran) -> CliAnswer:
        result = self._result
        if result is None:
            raise unfinished("claude", ran)
        cost = _cost(result)
        if result.get("is_error") is not False or result.get("subtype") != "success":
            raise ProviderError(self._kind(result), _complaint(result), usd=cost)
        if ran.returncode != 0:
            raise failed("claude", ran)
        if count_at(result, "num_turns") < 1:
            raise ProviderError("protocol", "claude answered by itself, without asking the model")
        text = _text(result) or self._said  # the result is empty now and then, although the message was not
        return CliAnswer(text, _usage(result), cost, self._model, result.get("stop_reason") == "max_tokens")

    def _kind(self, result: JSON) -> FailureKind:
        status = count_at(result, "api_error_status")
        if status:
            return kind_of_status(status)
        words: dict[str, FailureKind] = {
            "authentication_failed": "auth", "billing_error": "auth", "rate_limit": "rate",
            "invalid_request": "request", "model_not_found": "model", "server_error": "server",
            "max_output_tokens": "request",
        }  # fmt: skip
        return words.get(self._error, "protocol")


def _text(result: JSON) -> str:
    structured = result.get("structured_output")
    return text_at(result, "result") if structured is None else json.dumps(structured, ensure_ascii=False)


def _complaint(result: JSON) -> str:
    errors = result.get("errors")
    said = text_at(result, "result") or "; ".join(map(str, errors if isinstance(errors, list) else []))
    return f"claude: {said or result.get('subtype')}"


def _cost(result: JSON) -> float | None:
    """What it says the call cost, unless it made up a price for a model it does not know."""
    models = at(result, "modelUsage")
    made_up = isinstance(models, dict) and any(at(model, "costBasis") == "unknown" for model in models.values())
    return None if made_up else cost_at(result, "total_cost_usd")


def _usage(result: JSON) -> Usage:
    cached = count_at(result, "usage", "cache_read_input_tokens")
    cache_write = count_at(result, "usage", "cache_creation_input_tokens")
    return Usage(
        input_tokens=count_at(result, "usage", "input_tokens") + cached + cache_write,  # Anthropic counts them apart
        output_tokens=count_at(result, "usage", "output_tokens"),
        cached_tokens=cached,
        cache_write_tokens=cache_write,
        reasoning_tokens=count_at(result, "usage", "output_tokens_details", "thinking_tokens"),
    )
