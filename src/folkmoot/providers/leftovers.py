"""Ends what a program leaves behind: processes that moved to a group of their own, also when we are killed.

Linux only. Every program gets a mark in its environment, which its children inherit wherever they go, and /proc shows
it. When a call ends, whatever still has the mark of the call is killed. A small watcher process does the same for all
of our calls when we have ended, however that was: it reads a pipe that the kernel closes with us. A program that
empties the environment of its children hides them.
"""

import itertools
import os
import secrets
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

MARK = "MOOT_CALL"
_OURS = f"{os.getpid()}-{secrets.token_hex(8)}"
_calls = itertools.count(1)
_watched: list[int] = []  # the end of the pipe that is closed when we end
_lock = threading.Lock()

_WATCHER = """
import os, signal, sys, time
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
while os.read(0, 1):
    pass
for _ in range(100):
    found = False
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.stat("/proc/" + name).st_uid == os.getuid():
                with open("/proc/" + name + "/environ", "rb") as file:
                    if any(each.startswith(sys.argv[1].encode()) for each in file.read().split(b"\\0")):
                        os.kill(int(name), signal.SIGKILL)
                        found = True
        except OSError:
            pass
    if not found:
        break
    time.sleep(0.02)
"""


def mark() -> dict[str, str]:
    """The variable that marks the processes of one call; empty where /proc cannot show it."""
    if sys.platform != "linux":
        return {}
    _watch()
    return {MARK: f"{_OURS}.{next(_calls)}"}


def end(marked: dict[str, str]) -> None:
    """Kill every process that still has this mark."""
    wanted = [f"{name}={value}".encode() for name, value in marked.items()]
    for each in Path("/proc").iterdir() if wanted else ():
        with suppress(OSError):  # it has ended meanwhile
            ours = each.name.isdigit() and each.stat().st_uid == os.getuid()
            if ours and wanted[0] in (each / "environ").read_bytes().split(b"\0"):
                os.kill(int(each.name), signal.SIGKILL)


def _watch() -> None:
    """Start the watcher, once for this process."""
    with _lock:
        if _watched or not sys.executable:
            return
        read, write = os.pipe()
        quiet = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)]
        argv = [sys.executable, "-I", "-S", "-c", _WATCHER, f"{MARK}={_OURS}."]
        with suppress(OSError, NotImplementedError):  # then only what is in the program's own group dies with us
            os.posix_spawn(sys.executable, argv, {}, file_actions=[(os.POSIX_SPAWN_DUP2, read, 0), *quiet], setsid=True)
        os.close(read)
        _watched.append(write)
