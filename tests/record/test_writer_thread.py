"""The background thread: one task after another, all of them, whatever they do."""

import subprocess
import sys
from pathlib import Path

import pytest

from folkmoot.record.writer_thread import flush, later


def test_tasks_are_done_in_order_and_one_that_fails_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    done: list[int] = []

    def fail() -> None:
        raise ZeroDivisionError

    for task in range(5):
        later(done.append, task)
        later(fail)
    flush()
    assert done == [0, 1, 2, 3, 4]
    assert [each.exc_info and each.exc_info[0] for each in caplog.records] == [ZeroDivisionError] * 5


def test_the_queue_is_finished_at_exit(tmp_path: Path) -> None:
    program = (
        "import atexit, sys, time; from pathlib import Path; from folkmoot.record.writer_thread import later\n"
        "def late(): later(Path(sys.argv[2]).write_text, 'late')\n"
        "atexit.register(late)\n"
        "later(time.sleep, 0.2); later(Path(sys.argv[1]).write_text, 'done')\n"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path / "one", tmp_path / "two"], check=True)
    assert ((tmp_path / "one").read_text(), (tmp_path / "two").read_text()) == ("done", "late")
