"""What a table `[providers.NAME]` of config.toml may hold, by the kind of provider that NAME is.

Every table is checked when the file is read, also those of providers that nobody asks: a mistake is reported before
anything is spent. No vendor's library is loaded for it.
"""

import json
import re
import shlex
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib.metadata import entry_points
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field, SecretStr, ValidationError

from folkmoot.machine.explained import dotted, explained
from folkmoot.providers import provider_names
from folkmoot.providers.catalog import AGENTS, APIS, LOCAL_SERVERS
from folkmoot.types import Record

DOORS = ("opencode", "pi")  # agent CLIs that lead to many vendors


def _address(text: str) -> str:
    """The address of a server: http://HOST:PORT/PATH, or HOST:PORT as `OLLAMA_HOST` has it."""
    scheme, separator, _ = text.partition("://")
    try:
        parts = urlsplit(text if separator else f"http://{text}")
        usable = bool(parts.hostname) and parts.port != 0 and re.fullmatch(r"[!-~]+", text) is not None
    except ValueError:  # of a port that is no number
        usable = False
    if not usable or (separator and scheme not in ("http", "https")):
        given = "" if "@" in text else f", not {json.dumps(text, ensure_ascii=False)}"  # before an @ stands a password
        raise ValueError(f'must be an address such as "http://127.0.0.1:8000/v1"{given}')
    return text


def _variable(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text):
        # What stands here may be the key itself, so it is not repeated.
        raise ValueError("must be the name of an environment variable, e.g. MY_SERVER_KEY, not the key itself")
    return text


def _key(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]+", secret.get_secret_value()):
        raise ValueError("must be a key: printable ASCII without blanks")
    return secret


def _words(command: object) -> object:
    try:
        words = shlex.split(command) if isinstance(command, str) else command
    except ValueError as error:
        raise ValueError(f"cannot be split into words: {error}") from None
    if not isinstance(words, list) or not words or not all(isinstance(word, str) and word for word in words):
        raise ValueError('must be a text or a list of texts, e.g. ["python", "answer.py"]')
    return command


Address = Annotated[str, AfterValidator(_address)]
Variable = Annotated[str, AfterValidator(_variable)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Calls = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Table(Record):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Paced(_Table):
    """What everything takes that is asked over a network or as a program: how much may go to it."""

    requests_per_minute: Annotated[int, Field(ge=1)] | None = None
    tokens_per_minute: Annotated[int, Field(ge=1)] | None = None


class _Billed(_Paced):
    billing: Literal["metered", "subscription", "free"] | None = None


class ServerTable(_Billed):
    """An API, a local server, or a server of one's own."""

    base_url: Address | None = None
    api_key_env: Variable | None = None
    api_key: Annotated[SecretStr, AfterValidator(_key)] | None = None
    wire: Literal["chat", "responses"] | None = None
    json_schema: bool | None = None


class AgentTable(_Billed):
    """An agent CLI."""

    program: Annotated[str, Field(min_length=1)] | None = None
    concurrency: Calls | None = None
    login: str | None = None


class Door(_Billed):
    """An agent CLI that leads to many vendors."""

    program: Annotated[str, Field(min_length=1)] | None = None
    concurrency: Calls | None = None
    base_url: Address | None = None
    api: Literal["openai-completions", "openai-responses", "anthropic-messages"] | None = None
    api_key_env: Variable | None = None


class CommandTable(_Paced):
    """A program that reads a prompt and writes an answer."""

    command: Annotated[object, AfterValidator(_words)]
    timeout: Seconds | None = None
    concurrency: Calls | None = None
    env: list[Variable] | None = None


class Sim(_Table):
    """Simulated seats."""

    skill: Share | None = None
    gain: Share | None = None
    loss: Share | None = None
    conformity: Share | None = None
    patience: Annotated[int, Field(ge=0, le=100)] | None = None
    fail: Share | None = None
    delay: Annotated[float, Field(ge=0, le=600)] | None = None


class HumanTable(_Table):
    """People. `deadline` is in seconds, for one question."""

    deadline: Annotated[float, Field(gt=0, le=30 * 24 * 3600)] | None = None


class NoSettings(_Table):
    """A provider that has nothing to set."""


_OTHERS: Mapping[str, type[_Table]] = {
    "sim": Sim, "human": HumanTable, "recorded": NoSettings, "replay": NoSettings, "web": NoSettings, "llm": NoSettings,
}  # fmt: skip


def table_problems(name: str, table: Mapping[str, Any]) -> list[str]:
    """What is wrong with [providers.NAME], one line for each key, without the file's name."""
    where = dotted(("providers", name))
    if not name or re.search(r"[\s,*/?#]", name):
        return [
            f"{where}: a provider's name stands before the slash of `--models`; it cannot have blanks or any of `,*/?#`"
        ]
    kind = _kind(name, table)
    if kind is None:
        return _nothing_known(where, name, table)
    try:
        checked = kind.model_validate(table)
    except ValidationError as error:
        return [f"{where}.{each}" for each in explained(error, kind)]
    login = checked.login if isinstance(checked, AgentTable) else None
    if login is not None and login not in (choices := ("stored", *AGENTS[name].keys)):
        return [f"{where}.login: must be one of {', '.join(choices)}, not {json.dumps(login)}"]
    return []


def _kind(name: str, table: Mapping[str, Any]) -> type[_Table] | None:
    """The kind of provider. None: one of an installed package, which checks its table itself, or no provider at all."""
    if "command" in table:
        return CommandTable
    if name in AGENTS:
        return Door if name in DOORS else AgentTable
    if name in APIS or name in LOCAL_SERVERS or name == "embed":
        return ServerTable
    if name in _OTHERS:
        return _OTHERS[name]
    return ServerTable if "base_url" in table and name not in _installed() else None


def _nothing_known(where: str, name: str, table: Mapping[str, Any]) -> list[str]:
    if name in _installed():
        return []
    meant = get_close_matches(name, provider_names(), 1)
    keys = [key for each in table for key in get_close_matches(each, ("base_url", "command"), 1)]
    hint = f'; did you mean "{meant[0]}"?' if meant else f"; did you mean {keys[0]}?" if keys else ""
    return [f"{where}: needs base_url, for a server, or command, for a program{hint}"]


@cache
def _installed() -> frozenset[str]:
    return frozenset(entry.name for entry in entry_points(group="folkmoot.providers"))
