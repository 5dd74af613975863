"""The keys of a server: who may ask, for how much, and what. A key is shown once; only its hash is kept.

```toml
[anna]                           # server-keys.toml, written by `folkmoot serve --new-key anna --budget 5 --per day`
sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
budget = 5.0                     # USD
per = "day"                      # or month; without it, for good
only = ["car-wash"]              # models it may ask, by the OpenAI-compatible endpoints alone
```
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from folkmoot import textfiles
from folkmoot.errors import InputError
from folkmoot.machine.paths import PANEL_NAME, config_folder
from folkmoot.record.store import write_atomically
from folkmoot.types import Record

FILE = "server-keys.toml"
VARIABLE = "FOLKMOOT_SERVER_KEY"
PREFIX = "moot-"

Period = Literal["day", "month"]


class ServerKey(Record):
    """Who may ask."""

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    budget: Annotated[float, Field(gt=0)] | None = None  # USD; None: without limit
    per: Period | None = None  # in which the budget may be spent; None: for good
    only: tuple[str, ...] = ()  # models it may ask; empty: everything, the native API included
    name: str = ""


@dataclass(frozen=True)
class Keyring:
    """Every key there is, read anew for every request: a key that is taken out of the file is out."""

    path: Path
    plain: str | None = None  # a key without limits, from the environment

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Keyring":
        return cls(config_folder(environ) / FILE, environ.get(VARIABLE) or None)

    def keys(self) -> dict[str, ServerKey]:
        """Raises InputError naming the file and what is wrong in it."""
        found = {}
        if self.plain:
            found[VARIABLE] = ServerKey(sha256=_hash(self.plain), name=VARIABLE)
        for name, table in self._tables().items():
            try:
                found[name] = ServerKey.model_validate({**table, "name": name})
            except (ValidationError, TypeError) as error:
                said = error.errors()[0] if isinstance(error, ValidationError) else None
                where = f"{name}.{'.'.join(map(str, said['loc']))}: {said['msg']}" if said else f"{name} is no table"
                raise InputError(f"{self.path}: {where}") from None
        return found

    def find(self, secret: str) -> ServerKey | None:
        """The key that `secret` is. Takes as long for one that is nearly right as for any other."""
        given, found = _hash(secret), None
        for key in self.keys().values():
            if hmac.compare_digest(key.sha256, given):
                found = key
        return found

    def add(self, name: str, *, budget: float | None, per: Period | None, only: tuple[str, ...]) -> str:
        """Make a key and return it. Nobody can ask for it again: its hash is all that is kept."""
        tables = self._tables()
        if not PANEL_NAME.fullmatch(name):
            raise InputError(f"{name!r} cannot be a key's name: letters, digits, `-`, `_` and `.`, at most 64")
        if name in tables:
            raise InputError(f"there is a key called {name!r} already; take its table out of {self.path} to make anew")
        if per and budget is None:
            raise InputError("--per is how often a budget begins anew: give a --budget too")
        secret = PREFIX + secrets.token_urlsafe(32)
        key = ServerKey(sha256=_hash(secret), budget=budget, per=per, only=only)
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        tables[name] = key.model_dump(mode="json", exclude_defaults=True)
        import tomli_w

        write_atomically(self.path, tomli_w.dumps(tables).encode())
        return secret

    def _tables(self) -> dict[str, dict[str, object]]:
        return textfiles.toml(textfiles.read(self.path, absent=""), str(self.path))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
