"""What a key has spent, while another process holds the file in which that is written down."""

import contextlib
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from folkmoot.core.limits import Reservation
from folkmoot.frontends.server.accounts import FILE, Accounts
from folkmoot.frontends.server.keyring import ServerKey
from folkmoot.record.store import Home

KEY = ServerKey(name="anna", sha256="0" * 64, budget=1.0)


@contextlib.contextmanager
def held(home: Home) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(home.path / FILE, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


def test_what_is_spent_while_the_file_is_held_is_written_down_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home = Home(tmp_path)
    accounts = Accounts(home, {}, wait=0.0)
    account = accounts.open(KEY)
    assert account is not None
    account.settle("run: r1/answer/s1", "run: s1", 0.25, None)
    with held(home), caplog.at_level(logging.WARNING):
        account.settle("run: r1/answer/s2", "run: s2", 0.5, None)
        assert account.left() == pytest.approx(0.25)
        assert account.reserve("run: r1/answer/s3", "run: s3", "", 10, None) == Reservation(0.0, None)
    assert "could not be written down yet" in caplog.text
    assert Accounts(home, {}).spent(KEY) == pytest.approx(0.25)
    account.settle("run: r1/answer/s3", "run: s3", 0.125, None)
    assert Accounts(home, {}).spent(KEY) == pytest.approx(0.875)
    assert account.left() == pytest.approx(0.125)


def test_seats_of_runs_long_past_are_forgotten(tmp_path: Path) -> None:
    account = Accounts(Home(tmp_path), {}).open(KEY)
    assert account is not None
    for number in range(1100):
        account._outputs[f"run {number}: s1", "answer"] = [1]
    account.settle("run: r1/answer/s1", "run: s1", 0.0, None)
    assert len(account._outputs) == 1000
