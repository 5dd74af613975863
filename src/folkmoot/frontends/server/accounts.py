"""The spending of each key. A call is reserved before and settled after it, across runs and restarts."""

import contextlib
import logging
import os
import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from folkmoot.core.limits import Limits, Purse, Reservation
from folkmoot.frontends.server.keyring import ServerKey
from folkmoot.frontends.server.refusals import ONCE, Refusal
from folkmoot.providers.prices import list_price
from folkmoot.record.store import Home
from folkmoot.types import Usage

log = logging.getLogger(__name__)

FILE = "server.db"
MOST_SEATS = 1000  # of all runs, of which it is known how long their replies are
WAIT = 2.0  # seconds for another server to be done with the file; nothing else is served meanwhile
SCHEMA = """
CREATE TABLE IF NOT EXISTS server (id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS spent (key TEXT, period TEXT, usd REAL NOT NULL, PRIMARY KEY (key, period));
"""


class Accounts:
    """The accounts of all keys, in a small SQLite file beside the runs. Several servers may share it."""

    def __init__(self, home: Home, prices: Mapping[str, Mapping[str, float]], wait: float = WAIT) -> None:
        self._home, self._prices, self._wait = home, prices, wait
        self._open: dict[str, Account] = {}
        with self._base() as base:
            base.executescript(SCHEMA)
            base.execute("INSERT INTO server SELECT ? WHERE NOT EXISTS (SELECT 1 FROM server)", (secrets.token_hex(8),))
            self.server_id: str = base.execute("SELECT id FROM server").fetchone()[0]

    def open(self, key: ServerKey) -> "Account | None":
        """The account of a key; None for a key without a budget. Raises Refusal when nothing is left on it."""
        if key.budget is None:
            return None
        account = self._open.get(key.name)
        if account is None or account.key != key:
            account = self._open[key.name] = Account(key, self)
        if account.left() <= 0:
            again = {"day": " until tomorrow (UTC)", "month": " until next month (UTC)"}.get(key.per or "", "")
            message = f"the key {key.name} has spent its budget of ${key.budget:.2f}{again}"
            raise Refusal(429, message, kind="insufficient_quota", code="insufficient_quota", headers=ONCE)
        return account

    def price(self, model: str, usage: Usage) -> float | None:
        return list_price(model, usage, overrides=self._prices) if model else None

    def spent(self, key: ServerKey) -> float:
        """USD in the current period."""
        with self._base() as base:
            ask = "SELECT usd FROM spent WHERE key = ? AND period = ?"
            row = base.execute(ask, (key.name, _period(key))).fetchone()
        return row[0] if row else 0.0

    def add(self, key: ServerKey, usd: float) -> None:
        with self._base() as base:
            base.execute(
                "INSERT INTO spent VALUES (?, ?, ?) ON CONFLICT (key, period) DO UPDATE SET usd = usd + excluded.usd",
                (key.name, _period(key), usd),
            )

    @contextlib.contextmanager
    def _base(self) -> Iterator[sqlite3.Connection]:
        self._home.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._home.path / FILE
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        with contextlib.closing(sqlite3.connect(path, timeout=self._wait, isolation_level=None)) as base:
            yield base


class Account(Purse):
    """What one key may spend: the purse behind the purses of its runs."""

    def __init__(self, key: ServerKey, accounts: Accounts) -> None:
        super().__init__(Limits(budget=key.budget), accounts.price)
        self.key, self._accounts = key, accounts
        self._owed = 0.0  # spent, and not yet written down

    def _look(self) -> None:
        """Read what other servers have spent. If the file cannot be read, the last value is used."""
        with contextlib.suppress(sqlite3.Error):
            self.spent = self._accounts.spent(self.key) + self._owed

    def left(self) -> float:
        """USD that are neither spent nor set aside for calls that are being made."""
        self._look()
        return (self.key.budget or 0.0) - self.spent - sum(self._reserved.values())

    def _reserve(self, step: str, seat: str, model: str, tokens: int, limit: int | None) -> Reservation | None:
        self._look()
        return super()._reserve(step, seat, model, tokens, limit)

    def settle(self, step: str, seat: str, usd: float | None, usage: Usage | None) -> None:
        before = self.spent
        super().settle(step, seat, usd, usage)
        for forgotten in list(self._outputs)[:-MOST_SEATS]:
            del self._outputs[forgotten]
        self._owed += self.spent - before
        if self._owed > 0:
            try:
                self._accounts.add(self.key, self._owed)
            except sqlite3.Error as error:  # a paid reply must not be lost for it: the next call writes it down
                log.warning("what the key %s has spent could not be written down yet: %s", self.key.name, error)
            else:
                self._owed = 0.0


def _period(key: ServerKey) -> str:
    now = datetime.now(UTC)
    return {"day": f"{now:%Y-%m-%d}", "month": f"{now:%Y-%m}"}.get(key.per or "", "")
