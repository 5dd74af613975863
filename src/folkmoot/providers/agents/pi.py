"""pi: `pi --mode json`. The model's name has a provider of its own, e.g. anthropic/claude-opus-4-6."""

import json
import re
from pathlib import Path
from typing import ClassVar

from folkmoot.errors import FailureKind, ProviderError
from folkmoot.providers.agents.cli import (
    PLAIN,
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
from folkmoot.providers.agents.subprovider import ManyVendors, split_model
from folkmoot.providers.process import Ran
from folkmoot.types import JSON, OnText, Request, Usage

# What it refuses before it asks any model, it says on stderr alone.
_REFUSALS: dict[str, FailureKind] = {"No API key found": "auth", "Unknown provider": "model"}


class Pi(ManyVendors):
    name = "pi"
    megabytes = 125
    homes = ("PI_CODING_AGENT_DIR",)
    unsupported = frozenset({"temperature", "max_tokens"})
    tools: ClassVar[Tools] = {
        "file_read": ("read", "grep", "find", "ls"),
        "file_write": ("edit", "write"),
        "shell": ("bash",),
    }

    async def prepare(self, request: Request, box: Path) -> Invocation:
        vendor, model = split_model(self.name, request.model)
        env = self.vendor_environment(vendor, PI_OFFLINE="1", PI_TELEMETRY="0", PI_SKIP_VERSION_CHECK="1")
        if self.base_url:
            env["PI_CODING_AGENT_DIR"] = str(box / "home")
            server = {
                "baseUrl": self.base_url,
                "api": self.api,
                "apiKey": f"${self.key_name}" if self.key_name else "none",
                "models": [{"id": model}],
            }
            written(box / "home/models.json", json.dumps({"providers": {vendor: server}}))
            written(box / "home/settings.json", json.dumps({"retry": {"enabled": False}}))
        own = self.tool_names()
        argv = [
            str(self.program), "--mode", "json", "--print", "--no-session", "--no-extensions", "--no-skills",
            "--no-prompt-templates", "--no-themes", "--no-context-files", "--no-approve", "--offline",
            "--provider", vendor, "--model", model,
            "--system-prompt", written(box / "system.md", request.system or PLAIN),
        ]  # fmt: skip
        # It asks nobody before it runs a tool.
        argv += ["--tools", ",".join(own)] if own else ["--no-tools"]
        if request.effort is not None:
            argv += ["--thinking", "off" if request.effort == "none" else request.effort]
        return Invocation(argv, env, one_text(request.messages))

    def reading(self, on_text: OnText) -> "PiReading":
        return PiReading(on_text)


class PiReading(EventReader):
    def __init__(self, on_text: OnText) -> None:
        self._on_text = on_text
        self._last: JSON | None = None  # the last message of the assistant; failed attempts leave one each
        self._usage = Usage()
        self._cost = 0.0
        self._settled = False

    def hear(self, event: JSON) -> None:
        kind = event.get("type")
        if kind == "message_update" and at(event, "assistantMessageEvent", "type") == "text_delta":
            self._on_text(text_at(event, "assistantMessageEvent", "delta"))
        elif kind == "message_end" and at(event, "message", "role") == "assistant":
            self._last = event["message"]
            self._usage += _usage(at(event, "message", "usage"))
            self._cost += cost_at(event, "message", "usage", "cost", "total") or 0.0
        elif kind == "agent_settled":
            self._settled = True

    def judge(self, ran: Ran) -> CliAnswer:
        last = self._last
        if not self._settled or last is None:
            raise _never_began(ran)
        reason = last.get("stopReason")
        if reason not in ("stop", "length"):
            raise _complaint(text_at(last, "errorMessage") or f"it stopped with {reason!r}", self._cost or None)
        if ran.returncode != 0:
            raise failed("pi", ran)
        content = last.get("content")
        parts = content if isinstance(content, list) else []
        texts = [text_at(part, "text") for part in parts if at(part, "type") == "text"]
        # It prints 0 for models whose price it does not know.
        return CliAnswer(
            "".join(texts), self._usage, self._cost or None, text_at(last, "model") or None, reason == "length"
        )


def _never_began(ran: Ran) -> ProviderError:
    kinds: list[FailureKind] = [kind for words, kind in _REFUSALS.items() if words in ran.stderr]
    error = unfinished("pi", ran)
    return ProviderError(kinds[0], str(error)) if kinds else error


def _complaint(message: str, cost: float | None) -> ProviderError:
    # The API's status leads the message: `429: {...}` or `401 {...}`.
    status = re.match(r"(\d{3})\b", message)
    return ProviderError(kind_of_status(int(status[1])) if status else "server", f"pi: {message}", usd=cost)


def _usage(usage: object) -> Usage:
    cached, cache_write = count_at(usage, "cacheRead"), count_at(usage, "cacheWrite")
    return Usage(
        input_tokens=count_at(usage, "input") + cached + cache_write,
        output_tokens=count_at(usage, "output"),
        cached_tokens=cached,
        cache_write_tokens=cache_write,
        reasoning_tokens=count_at(usage, "reasoning"),
    )
