"""Codex CLI: `codex exec --json`. It prints nothing while the model thinks, and the answer as a whole."""

import asyncio
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from folkmoot.errors import ProviderError
from folkmoot.providers.agents.cli import (
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
    parsed,
    text_at,
    unfinished,
    written,  # fmt: skip
)
from folkmoot.providers.base import Settings
from folkmoot.providers.process import Ran, run_program
from folkmoot.types import JSON, OnText, Request, Usage

_OPENAI = "https://api.openai.com/v1"

_LEAN = {
    "include_permissions_instructions": False,
    "include_apps_instructions": False,
    "include_environment_context": False,
    "include_collaboration_mode_instructions": False,
    "skills.bundled.enabled": False,
    "skills.include_instructions": False,
    "project_doc_max_bytes": 0,
    "analytics.enabled": False,
    "check_for_update_on_startup": False,
    "history.persistence": "none",
    "model_reasoning_summary": "none",  # nobody reads it, and OpenAI refuses it to unverified organisations
    "tools.experimental_request_user_input.enabled": False,
}
_SHELL = ("shell_tool", "unified_exec", "shell_snapshot")
_FEATURES = (
    *_SHELL, "unbounded_connection_retries", "multi_agent", "goals", "view_image", "plugins", "remote_plugin", "apps",
    "skill_search", "sleep_tool", "tool_suggest", "image_generation", "browser_use", "computer_use", "hooks",
    "workspace_dependencies", "in_app_browser", "daemon_auto_start",
)  # fmt: skip
# What makes a model of the bundled catalog bring tools and roles of its own, which no setting turns off.
_HEAVY = ("tool_mode", "multi_agent_version", "apply_patch_tool_type", "model_messages", "default_service_tier")
_PLAIN_MODEL = {
    "experimental_supported_tools": [],
    "supports_search_tool": False,
    "use_responses_lite": False,
    "support_verbosity": False,  # it would ask for terse answers
}


class Codex(AgentCli):
    name = "codex-cli"
    megabytes = 165
    streams = False
    unsupported = frozenset({"temperature", "max_tokens"})
    tools: ClassVar[Tools] = {
        "web_fetch": ("web_search",),
        "web_search": ("web_search",),
        "file_read": ("shell",),  # it reads by commands; its sandbox lets them write only with file_write
        "file_write": ("shell",),
        "shell": ("shell",),
    }

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.program = _native(self.program)
        self._catalog: JSON | None = None
        self._catalog_read = asyncio.Lock()

    async def prepare(self, request: Request, box: Path) -> Invocation:
        own = self.tool_names()
        config: dict[str, Any] = _LEAN | {
            "model_instructions_file": written(box / "system.md", request.system or PLAIN),
            "web_search": "live" if "web_search" in own else "disabled",
        }
        # As settings, because an unknown name is ignored there; --disable refuses it.
        off = [name for name in _FEATURES if not ("shell" in own and name in _SHELL)]
        config |= {f"features.{name}": False for name in off}
        if request.effort is not None:
            config["model_reasoning_effort"] = request.effort
        env = self.environment("CODEX_HOME")
        if self.key is not None:
            (box / "home").mkdir()
            env["CODEX_HOME"] = str(box / "home")
            # The built-in provider ignores OPENAI_BASE_URL and tries WebSockets first.
            config |= {
                "model_provider": "keyed",
                "model_providers.keyed.name": "keyed",
                "model_providers.keyed.base_url": self.environ.get("OPENAI_BASE_URL") or _OPENAI,
                "model_providers.keyed.env_key": self.key,
                "model_providers.keyed.wire_api": "responses",
                "model_providers.keyed.request_max_retries": 0,
                "model_providers.keyed.stream_max_retries": 0,
                "model_providers.keyed.stream_idle_timeout_ms": round(self.timeout * 1000),
            }
        if not self.allowed and (lean := await self._lean_catalog(request.model, env)) is not None:
            config["model_catalog_json"] = written(box / "models.json", json.dumps(lean))
        argv = [
            str(self.program), "exec", "--json", "--skip-git-repo-check", "--ephemeral", "--ignore-user-config",
            "--ignore-rules", "--color", "never", "--model", request.model,
            "--sandbox", "workspace-write" if "file_write" in self.allowed else "read-only",
        ]  # fmt: skip
        for key, value in config.items():
            argv += ["-c", f"{key}={json.dumps(value)}"]  # JSON's strings, numbers and booleans are TOML's
        if request.schema is not None and (strict := strict_schema(request.schema)) is not None:
            argv += ["--output-schema", written(box / "schema.json", json.dumps(strict))]
        return Invocation([*argv, "-"], env, one_text(request.messages))

    async def _lean_catalog(self, model: str, env: Mapping[str, str]) -> JSON | None:
        """The CLI's own description of `model` without its tools and roles; None if it does not know the model."""
        async with self._catalog_read:
            if self._catalog is None:
                ran = await run_program(
                    [str(self.program), "debug", "models", "--bundled"],
                    stdin="", env=env, idle_timeout=20.0, shutdown=self.settings.shutdown, on_line=lambda _: None,
                )  # fmt: skip
                self._catalog = parsed(ran.stdout) or {}
        known = self._catalog.get("models")
        for entry in known if isinstance(known, list) else []:
            if at(entry, "slug") == model:
                kept = {key: value for key, value in entry.items() if key not in _HEAVY}
                return {"models": [kept | _PLAIN_MODEL]}
        return None

    def reading(self, on_text: OnText) -> "CodexReading":
        return CodexReading(on_text)


def _native(program: Path) -> Path:
    """The program itself, where `program` is npm's wrapper, which would only start it as a child."""
    package = program.resolve().parent.parent
    for folder in (package / "node_modules/@openai", package.parent):
        for found in sorted(folder.glob("codex-*/vendor/*/bin/codex")):
            return found
    return program


class CodexReading(EventReader):
    def __init__(self, on_text: OnText) -> None:
        self._on_text = on_text
        self._text = ""
        self._completed: JSON | None = None
        self._failure: str | None = None
        self._notice = ""

    def hear(self, event: JSON) -> None:
        kind = event.get("type")
        if kind == "item.completed" and at(event, "item", "type") == "agent_message":
            self._text = text_at(event, "item", "text")
        elif kind == "turn.completed":
            self._completed = event
        elif kind == "turn.failed":
            self._failure = text_at(event, "error", "message") or "the turn failed"
        elif kind == "error":  # also what it says before it tries again
            self._notice = text_at(event, "message")

    def judge(self, ran: Ran) -> CliAnswer:
        if self._failure is not None:
            raise _complaint(self._failure)
        if self._completed is None:
            raise _complaint(self._notice) if self._notice else unfinished("codex", ran)
        if ran.returncode != 0:
            raise failed("codex", ran)
        if self._text:
            self._on_text(self._text)
        used = self._completed.get("usage")
        return CliAnswer(
            self._text,
            Usage(
                input_tokens=count_at(used, "input_tokens"),
                output_tokens=count_at(used, "output_tokens"),
                cached_tokens=count_at(used, "cached_input_tokens"),
                cache_write_tokens=count_at(used, "cache_write_input_tokens"),
                reasoning_tokens=count_at(used, "reasoning_output_tokens"),
            ),
        )


def _complaint(message: str) -> ProviderError:
    # Codex gives the status of the API in its own sentence and nowhere else.
    status = re.search(r"(?:unexpected status|last status:) (\d{3})\b", message)
    if status is not None:
        return ProviderError(kind_of_status(int(status[1])), f"codex: {message}")
    refusal = parsed(message)  # a 400 is passed on as the API's own JSON
    if refusal is not None:
        unknown = at(refusal, "error", "code") == "model_not_found"
        return ProviderError("model" if unknown else "request", f"codex: {message}")
    keyless = message.startswith("Missing environment variable")
    return ProviderError("auth" if keyless else "server", f"codex: {message}")


def strict_schema(schema: JSON) -> JSON | None:
    """`schema` as OpenAI's strict mode wants it: every key required and no others; None where that cannot be.

    >>> strict_schema({"type": "object", "properties": {"a": {"type": "string", "default": ""}}})
    {'type': 'object', 'properties': {'a': {'type': 'string'}}, 'required': ['a'], 'additionalProperties': False}
    >>> strict_schema({"type": "object", "additionalProperties": {"type": "number"}}) is None
    True
    """
    try:
        strict = _strict(schema)
    except _Open:
        return None
    assert isinstance(strict, dict)
    return strict


class _Open(Exception):
    """A schema whose objects may have keys it does not name."""


def _strict(schema: object) -> object:
    if isinstance(schema, list):
        return [_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}  # nothing may stand beside it
    strict = {
        key: {name: _strict(each) for name, each in value.items()}
        if key in ("properties", "$defs") and isinstance(value, dict)
        else _strict(value)
        for key, value in schema.items()
        if key not in ("default", "title")
    }
    if schema.get("type") == "object":
        if "properties" not in schema:
            raise _Open
        strict |= {"required": list(schema["properties"]), "additionalProperties": False}
    return strict
