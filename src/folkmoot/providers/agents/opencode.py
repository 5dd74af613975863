"""opencode: `opencode run --format json`. The model's name has a provider of its own, e.g. anthropic/claude-opus-4-6.

Its log-ins and keys are its own business, unless the configuration here gives it a `base_url`.
"""

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

_PACKAGES = {
    "openai-completions": "@ai-sdk/openai-compatible",
    "openai-responses": "@ai-sdk/openai",
    "anthropic-messages": "@ai-sdk/anthropic",
}


class Opencode(ManyVendors):
    name = "opencode"
    megabytes = 800
    homes = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")
    streams = False
    unsupported = frozenset({"max_tokens", "effort"})
    tools: ClassVar[Tools] = {
        "web_fetch": ("webfetch",),
        "web_search": ("websearch",),
        "file_read": ("read", "glob", "grep", "list"),
        "file_write": ("edit", "write"),
        "shell": ("bash",),
    }

    async def prepare(self, request: Request, box: Path) -> Invocation:
        vendor, model = split_model(self.name, request.model)
        written(box / "system.md", request.system or PLAIN)
        own = self.tool_names()
        agent: JSON = {
            "mode": "primary",
            # By reference: the configuration's own text is searched for {env:...} and {file:...}.
            "prompt": "{file:" + str(box / "system.md") + "}",
            "permission": {"*": "deny"} | dict.fromkeys(own, "allow"),
            "tools": {"*": False} | dict.fromkeys(own, True),
        }
        if request.temperature is not None:
            agent["temperature"] = request.temperature
        config: JSON = {"autoupdate": False, "share": "disabled", "snapshot": False, "agent": {"seat": agent}}
        config["small_model"] = request.model
        env = self.vendor_environment(
            vendor,
            OPENCODE_DISABLE_AUTOUPDATE="1",
            OPENCODE_DISABLE_MODELS_FETCH="1",
            OPENCODE_DISABLE_LSP_DOWNLOAD="1",
            OPENCODE_DISABLE_CLAUDE_CODE="1",
            OPENCODE_DISABLE_PROJECT_CONFIG="1",
            OPENCODE_DISABLE_EXTERNAL_SKILLS="1",
            OPENCODE_PURE="1",
            npm_config_registry="http://127.0.0.1:9/",  # nobody is there: it would install a helper into HOME
        )
        if self.base_url:
            options = {"baseURL": self.base_url, "apiKey": "{env:" + self.key_name + "}" if self.key_name else "none"}
            config["provider"] = {
                vendor: {"npm": _PACKAGES[self.api], "options": options, "models": {model: {"temperature": True}}},
            }
            env = {name: value for name, value in env.items() if name not in self.homes}
            env |= {"HOME": str(box / "home"), "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1"}
            (box / "home").mkdir()
        env["OPENCODE_CONFIG"] = written(box / "opencode.json", json.dumps(config))
        argv = [
            str(self.program), "run", "--format", "json", "--pure", "--print-logs", "--log-level", "ERROR",
            "--title", "seat",  # without one it asks a small model for a title
            "--agent", "seat", "-m", request.model,
        ]  # fmt: skip
        return Invocation(argv, env, one_text(request.messages))

    def reading(self, on_text: OnText) -> "OpencodeReading":
        return OpencodeReading(on_text, tools=bool(self.allowed))


class OpencodeReading(EventReader):
    def __init__(self, on_text: OnText, tools: bool = False) -> None:
        self._on_text = on_text
        self._tools = tools
        self._texts: list[str] = []
        self._usage = Usage()
        self._cost = 0.0
        self._reason = ""  # of the last step
        self._steps = 0
        self._error: object = None

    def hear(self, event: JSON) -> bool:
        kind = event.get("type")
        if kind == "text":
            self._texts.append(text_at(event, "part", "text"))
        elif kind == "error":
            self._error = event.get("error") or {}
        elif kind == "step_finish":
            self._finish_step(event)
        # Told nothing it understands, opencode asks again a dozen times a second, for ever.
        return self._steps > 1

    def _finish_step(self, event: JSON) -> None:
        self._reason = text_at(event, "part", "reason")
        self._usage += _usage(at(event, "part", "tokens"))
        self._cost += cost_at(event, "part", "cost") or 0.0
        if self._tools and self._reason == "tool-calls":
            self._texts.clear()  # what was said before a tool is not the answer
        else:
            self._steps += 1

    def judge(self, ran: Ran) -> CliAnswer:
        if self._error is not None:
            raise self._complaint(self._error, ran)
        if self._steps > 1:
            raise self._failed("protocol", "it went on after its first step, and was ended")
        if not self._reason:
            raise unfinished("opencode", ran)
        if self._reason not in ("stop", "length"):
            raise self._failed("protocol", f"it finished with {self._reason!r} instead of an answer")
        if ran.returncode != 0:
            raise failed("opencode", ran)
        text = "".join(self._texts)
        if text:
            self._on_text(text)
        # It prints 0 for models whose price it does not know.
        return CliAnswer(text, self._usage, self._cost or None, cut_short=self._reason == "length")

    def _complaint(self, error: object, ran: Ran) -> ProviderError:
        # An unknown model is an "unexpected server error" on stdout; only its log knows better.
        unknown_model = re.search(r"ProviderModelNotFoundError: ([^\"\n)]*)", ran.stderr)
        if unknown_model is not None:
            return self._failed("model", unknown_model[1])
        message = text_at(error, "data", "message") or text_at(error, "name") or "no reason given"
        status = count_at(error, "data", "statusCode")
        if status:
            return self._failed(kind_of_status(status), message)
        return self._failed("auth" if text_at(error, "name") == "ProviderAuthError" else "server", message)

    def _failed(self, kind: FailureKind, message: str) -> ProviderError:
        return ProviderError(kind, f"opencode: {message}", usd=self._cost or None)


def _usage(tokens: object) -> Usage:
    cached, cache_write = count_at(tokens, "cache", "read"), count_at(tokens, "cache", "write")
    reasoning = count_at(tokens, "reasoning")
    return Usage(
        input_tokens=count_at(tokens, "input") + cached + cache_write,
        output_tokens=count_at(tokens, "output") + reasoning,
        cached_tokens=cached,
        cache_write_tokens=cache_write,
        reasoning_tokens=reasoning,
    )
