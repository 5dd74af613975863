"""The configuration file config.toml (panels, providers, prices), and the credentials of a .env file.

```toml
max_seats = 100                  # of a run; 64 where nothing is said

[panels.default]                 # see panels.py
models = ["anthropic/claude-opus-4-6", "openai/gpt-5.4", "my-server/qwen3"]

[providers.my-server]            # any OpenAI-compatible server
base_url = "http://127.0.0.1:8000/v1"
api_key_env = "MY_SERVER_KEY"    # a variable's name, never the key itself

[providers.my-script]            # any program: prompt on stdin, answer on stdout
command = ["python", "answer.py"]

[prices."my-server/qwen3"]       # USD per million tokens; overrides the price library
input = 0.10
output = 0.40

[weights]                        # weight of a model's vote; 1 if not given
"my-server/qwen3" = 0.5
```
"""

import os
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, ValidationError

from folkmoot import textfiles
from folkmoot.errors import InputError
from folkmoot.machine.explained import dotted, explained
from folkmoot.machine.panels import Panel
from folkmoot.machine.paths import config_folder
from folkmoot.machine.seats import MOST_SEATS
from folkmoot.providers.catalog import AGENTS, APIS
from folkmoot.types import Record

SECRETS = {"api_key"}
"""Keys of a provider's table that are never written into a run's record."""

_CREDENTIAL = re.compile(r"^[A-Z][A-Z0-9_]*(_KEY|_TOKEN|_ACCESS_KEY_ID|_SECRET|_CREDENTIALS)$")
_KNOWN = {name for api in APIS.values() for name in api.keys} | {
    name for agent in AGENTS.values() for name in agent.keys
}
_MODEL = re.compile(r"[^\s/]+/\S+")
_ASSIGNMENT = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*$")


class Price(Record):
    """USD per million tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    input: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    output: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    cached: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None  # input read from the provider's cache


class Config(Record):
    """What config.toml says. Every value in it has been checked."""

    panels: Mapping[str, Panel] = Field(default_factory=dict)
    providers: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)
    prices: Mapping[str, Mapping[str, float]] = Field(default_factory=dict)
    weights: Mapping[str, float] = Field(default_factory=dict)
    max_seats: int = MOST_SEATS  # of a run


class _Written(Record):
    """The file as a whole. What a provider's table may hold depends on the provider: see provider_tables.py."""

    panels: Mapping[str, Panel] = {}
    providers: Mapping[str, dict[str, Any]] = {}
    prices: Mapping[str, Price] = {}
    weights: Mapping[str, Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]] = {}
    max_seats: Annotated[int, Field(gt=0, strict=True)] = MOST_SEATS


def config_path(environ: Mapping[str, str]) -> Path:
    return config_folder(environ) / "config.toml"


def load_config(path: Path) -> Config:
    """Read the configuration; a missing file counts as empty.

    Raises InputError with one line for each problem in the file, which names the file and the key or the place.
    """
    tables = textfiles.toml(textfiles.read(path, absent=""), str(path))
    try:
        written = _Written.model_validate(tables)
    except ValidationError as error:
        raise InputError(*(f"{path}: {each}" for each in explained(error, _Written))) from None
    problems: list[str] = []
    if written.providers:
        from folkmoot.machine.provider_tables import table_problems  # a model for every kind of provider

        problems += [each for name, table in written.providers.items() for each in table_problems(name, table)]
    for section, models in (("prices", written.prices), ("weights", written.weights)):
        problems += [
            f"{dotted((section, each))}: write PROVIDER/MODEL" for each in models if not _MODEL.fullmatch(each)
        ]
    if problems:
        raise InputError(*(f"{path}: {each}" for each in problems))
    return Config(
        panels=written.panels,
        providers=written.providers,
        prices={model: price.model_dump(exclude_none=True) for model, price in written.prices.items()},
        weights=written.weights,
        max_seats=written.max_seats,
    )


def without_secrets(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key not in SECRETS}


def with_credentials(environ: Mapping[str, str], folder: Path, warn: Callable[[str], None]) -> dict[str, str]:
    """`environ` plus the credentials of `folder`/.env: only for names that are not set, never a URL or an option.

    Raises InputError for a file in another encoding than UTF-8 or UTF-16: its keys would be lost.
    """
    path = folder / ".env"
    found = dict(environ)
    if not path.is_file():  # many projects have a folder of this name
        return found
    if not os.access(path, os.R_OK):
        warn(f"{path} cannot be read, so no key is taken from it")
        return found
    text = textfiles.read(path)
    readable_by_others = os.name == "posix" and path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH)
    taken = 0
    for line in text.split("\n"):
        assignment = _ASSIGNMENT.match(line)
        if not assignment:
            continue
        name, value = assignment[1], _unquoted(assignment[2])
        if value and not found.get(name) and (name in _KNOWN or _CREDENTIAL.match(name)):
            found[name] = value
            taken += 1
    if taken and readable_by_others:
        warn(f"{path} holds keys and others on this machine can read it; `chmod 600 .env` mends that")
    return found


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return value.partition(" #")[0].rstrip()
