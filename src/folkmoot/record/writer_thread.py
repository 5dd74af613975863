"""A thread that writes Markdown pages and the index, so that a run does not wait for them.

Python joins the thread at exit, after everything that was queued is done.
"""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVarTuple

Ts = TypeVarTuple("Ts")

_log = logging.getLogger("folkmoot")
_writer = ThreadPoolExecutor(1, thread_name_prefix="folkmoot-writer")  # starts its thread with the first task


def later(function: Callable[[*Ts], object], *args: *Ts) -> None:
    """Queue a call for the writer thread. Calls run one after another; a failure is only logged."""
    try:
        _writer.submit(lambda: _logged(function, *args))
    except RuntimeError:  # the interpreter is exiting and the queue is closed
        _logged(function, *args)


def flush() -> None:
    """Return once everything queued so far is done. Not for use inside a queued call."""
    try:
        done = _writer.submit(int)
    except RuntimeError:  # exiting: the queue is worked off already
        return
    done.result()


def _logged(function: Callable[[*Ts], object], *args: *Ts) -> None:
    try:
        function(*args)
    except OSError as error:
        _log.warning("the record for people could not be written: %s", error)
    except Exception:  # an error here must not end the run
        _log.exception("the record for people could not be written")
