"""Gemini CLI: `gemini -o stream-json`, with settings in a home or workspace of the call's own."""

import json
import re
from pathlib import Path
from typing import ClassVar

from folkmoot.errors import FailureKind, InputError, ProviderError
from folkmoot.providers.agents.cli import (
    FILE_TOOLS,
    PLAIN,
    AgentCli,
    CliAnswer,
    EventReader,
    Invocation,
    Tools,
    at,
    count_at,
    failed,
    kind_of_status,
    one_text,
    text_at,
    unfinished,
    written,  # fmt: skip
)
from folkmoot.providers.base import Settings
from folkmoot.providers.process import Ran
from folkmoot.types import JSON, OnText, Request, Usage

_SETTINGS: JSON = {
    "privacy": {"usageStatisticsEnabled": False},
    "telemetry": {"enabled": False},
    "general": {
        "enableAutoUpdate": False,
        "enableAutoUpdateNotification": False,
        "checkpointing": {"enabled": False},
        "maxAttempts": 1,
        "retryFetchErrors": False,
    },
    "mcp": {"allowed": []},
    "skills": {"enabled": False},
    "hooksConfig": {"enabled": False},
    "experimental": {"enableAgents": False},
    "context": {"fileName": "NO_SUCH_CONTEXT.md", "includeDirectoryTree": False, "discoveryMaxDirs": 0},
}
_LOGGED_IN_WITH_KEY: JSON = {
    "security": {"auth": {"selectedType": "gemini-api-key"}, "folderTrust": {"enabled": False}}
}
# Exit codes of its own, and statuses of the API modulo 256.
_EXIT_CODES: dict[int, FailureKind] = {41: "auth", 144: "request", 145: "auth", 147: "auth", 148: "model", 173: "rate"}


class Gemini(AgentCli):
    name = "gemini-cli"
    megabytes = 240
    unsupported = frozenset({"temperature", "max_tokens", "effort"})
    tools: ClassVar[Tools] = {
        "web_fetch": ("web_fetch",),
        "web_search": ("google_web_search",),
        "file_read": ("read_file", "list_directory", "glob", "grep_search"),
        "file_write": ("write_file", "replace"),
        "shell": ("run_shell_command",),
    }

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        if self.key is None and FILE_TOOLS.intersection(self.allowed):
            # Its settings would have to be written into the caller's folder.
            raise InputError("gemini-cli can use files and a shell only with GEMINI_API_KEY, not with a stored log-in")

    async def prepare(self, request: Request, box: Path) -> Invocation:
        own = self.tool_names()
        settings = _SETTINGS | {
            "tools": {"core": own},
            "model": {"skipNextSpeakerCheck": True} | ({} if own else {"maxSessionTurns": 1}),
        }
        env = self.environment(
            GEMINI_SYSTEM_MD=written(box / "system.md", request.system or PLAIN),
            GEMINI_CLI_NO_RELAUNCH="true",
            GEMINI_CLI_TRUST_WORKSPACE="true",
        )
        if self.key is None:
            written(box / "cwd/.gemini/settings.json", json.dumps(settings))
        else:
            # Several calls on one home wait for each other's lock, 15 s for four.
            env |= {"GEMINI_CLI_HOME": str(box / "home"), "GEMINI_API_KEY": self.environ[self.key]}
            if base_url := self.environ.get("GOOGLE_GEMINI_BASE_URL"):
                env["GOOGLE_GEMINI_BASE_URL"] = base_url
            written(box / "home/.gemini/settings.json", json.dumps(settings | _LOGGED_IN_WITH_KEY))
        argv = [str(self.program), "-m", request.model, "-o", "stream-json"]
        if own:
            argv += ["--approval-mode", "yolo"]  # nobody is there to ask; `tools.core` is the limit
        return Invocation(argv, env, one_text(request.messages))

    def reading(self, on_text: OnText) -> "GeminiReading":
        return GeminiReading(on_text)


class GeminiReading(EventReader):
    def __init__(self, on_text: OnText) -> None:
        self._on_text = on_text
        self._texts: list[str] = []
        self._result: JSON | None = None
        self._complaint = ""

    def hear(self, event: JSON) -> None:
        kind = event.get("type")
        if kind == "message" and event.get("role") == "assistant":
            self._texts.append(text_at(event, "content"))
            self._on_text(self._texts[-1])
        elif kind == "tool_use":
            self._texts.clear()  # what was said before a tool is not the answer
        elif kind == "error":
            self._complaint = text_at(event, "message")
        elif kind == "result":
            self._result = event

    def judge(self, ran: Ran) -> CliAnswer:
        result = self._result
        if result is None:
            kind = _EXIT_CODES.get(ran.returncode)
            error = unfinished("gemini", ran)
            raise error if kind is None else ProviderError(kind, str(error))
        if result.get("status") != "success":
            message = text_at(result, "error", "message") or self._complaint or "no reason given"
            raise ProviderError(self._kind(message, ran), f"gemini: {message}")
        if ran.returncode != 0:
            raise failed("gemini", ran)
        return CliAnswer("".join(self._texts), _usage(result.get("stats")), model=_model(result.get("stats")))

    def _kind(self, message: str, ran: Ran) -> FailureKind:
        if ran.returncode == 0:
            return "protocol" if self._texts else "empty"
        if "API_KEY_INVALID" in message:  # Google's reason; the status is 400
            return "auth"
        if "ModelNotFoundError" in ran.stderr:  # its own class, and the only trace of a 404
            return "model"
        # The API's own error mostly stands as JSON in the message; the exit code is its status modulo 256.
        status = re.search(r'"code":\s*(\d{3})\b', message.replace('\\"', '"'))
        return kind_of_status(int(status[1])) if status else _EXIT_CODES.get(ran.returncode, "server")


def _usage(stats: object) -> Usage:
    given, written_tokens = count_at(stats, "input_tokens"), count_at(stats, "output_tokens")
    thoughts = max(0, count_at(stats, "total_tokens") - given - written_tokens)  # counted in the total alone
    return Usage(
        input_tokens=given,
        output_tokens=written_tokens + thoughts,
        cached_tokens=count_at(stats, "cached"),
        reasoning_tokens=thoughts,
    )


def _model(stats: object) -> str | None:
    models = at(stats, "models")
    return next(iter(models)) if isinstance(models, dict) and len(models) == 1 else None
