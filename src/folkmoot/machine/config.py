"""config.toml: panels, further providers, prices. And the credentials that a .env file supplies.

```toml
[panels.default]                 # see panels.py
models = ["anthropic/claude-opus-4-6", "openai/gpt-5.4", "my-server/qwen3"]

[providers.my-server]            # any OpenAI-compatible server
base_url = "http://127.0.0.1:8000/v1"
api_key_env = "MY_SERVER_KEY"    # a variable's name, never the key itself

[providers.my-script]            # any program: prompt on stdin, answer on stdout
command = ["python", "answer.py"]

[prices."my-server/qwen3"]       # USD per million tokens, where you know better than the price library
input = 0.10
output = 0.40

[weights]                        # how many votes a model's vote counts as, where it is not one
"my-server/qwen3" = 0.5
```
"""

import os
import re
import stat
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from folkmoot.errors import InputError
from folkmoot.machine.panels import Panel
from folkmoot.machine.paths import config_folder
from folkmoot.providers.catalog import AGENTS, APIS
from folkmoot.types import Record

SECRETS = {"api_key"}
"""Keys of a provider's table that are never written into a run's record."""

_CREDENTIAL = re.compile(r"^[A-Z][A-Z0-9_]*(_KEY|_TOKEN|_ACCESS_KEY_ID|_SECRET|_CREDENTIALS)$")
_KNOWN = {name for api in APIS.values() for name in api.keys} | {
    name for agent in AGENTS.values() for name in agent.keys
}
_ASSIGNMENT = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*$")


class Config(Record):
    panels: Mapping[str, Panel] = Field(default_factory=dict)
    providers: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)
    prices: Mapping[str, Mapping[str, float]] = Field(default_factory=dict)
    weights: Mapping[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(default_factory=dict)


def config_path(environ: Mapping[str, str]) -> Path:
    return config_folder(environ) / "config.toml"


def load_config(path: Path) -> Config:
    """The configuration; an absent file is an empty one. Raises InputError naming the file and the wrong key."""
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return Config()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: {error}") from None
    try:
        return Config.model_validate(table)
    except ValidationError as error:
        problems = (f"{path}: {'.'.join(str(key) for key in each['loc'])}: {each['msg']}" for each in error.errors())
        raise InputError(*problems) from None


def without_secrets(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key not in SECRETS}


def with_credentials(environ: Mapping[str, str], folder: Path, warn: Callable[[str], None]) -> dict[str, str]:
    """`environ` plus the credentials of `folder`/.env: only for names that are not set, never a URL or an option."""
    path = folder / ".env"
    found = dict(environ)
    try:
        text = path.read_text("utf-8")
        readable_by_others = os.name == "posix" and path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH)
    except (OSError, UnicodeDecodeError):
        return found
    taken = 0
    for line in text.splitlines():
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
