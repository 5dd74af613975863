"""Unit tests: the code of a reply is run with the data set's tests, in a process with limits.

The limits keep a slow, large or endless program from holding up an evaluation. They are no sandbox: a program can read
files and reach the network, so grade code only from models that you would let run code here, or do it in a container.
"""

import contextlib
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from folkmoot.evals.grading.base import Expected, Grade

SECONDS = 10.0  # of a program's own CPU time, and of waiting for it
MEMORY = 1 << 30  # bytes of address space
OUTPUT = 1 << 20  # bytes that a program may write into a file

_FENCE = re.compile(
    r"^[ \t]*(`{3,}|~{3,})[ \t]*(?P<language>[\w+-]*)[^\n]*\n(?P<code>.*?)^[ \t]*\1[ \t]*$", re.M | re.S
)
_DRIVER = """\
import resource, sys
seconds, memory, output = map(int, sys.argv[1:])
for what, most in ((resource.RLIMIT_CPU, seconds), (resource.RLIMIT_AS, memory), (resource.RLIMIT_FSIZE, output)):
    resource.setrlimit(what, (most, most))
names = {"__name__": "solution"}
exec(compile(open("solution.py", encoding="utf-8").read(), "solution.py", "exec"), names)
exec(compile(open("tests.py", encoding="utf-8").read(), "tests.py", "exec"), names)
sys.__stdout__.write("\\n" + sys.stdin.readline())
"""


def code_in(reply: str) -> str:
    """The last fenced block of Python in a reply; else the last one of no language; else the whole reply.

    >>> code_in("First:\\n```python\\nx = 1\\n```\\nOutput:\\n```text\\n1\\n```\\n")
    'x = 1\\n'
    """
    blocks = [(each["language"].lower(), each["code"]) for each in _FENCE.finditer(reply)]
    for wanted in (("python", "py", "python3"), ("",)):
        if found := [code for language, code in blocks if language in wanted]:
            return found[-1]
    return reply


def unit_tests(reply: str, expected: Expected) -> Grade:
    """Right when every accepted text, a Python program of asserts, runs to its end after the reply's code.

    Ending early is not passing: the driver must come to its last line, which repeats a secret from standard input.
    `seconds` in the settings changes the time limit.
    """
    code = code_in(reply)
    seconds = float(expected.settings.get("seconds", SECONDS))
    for tests in expected.accept:
        if problem := _run(code, tests, seconds):
            return Grade(False, code, problem)
    return Grade(True, code)


def _run(code: str, tests: str, seconds: float) -> str:
    """What went wrong, or nothing."""
    secret = secrets.token_hex(16)
    with tempfile.TemporaryDirectory(prefix="folkmoot-tests-") as folder:
        for name, text in (("solution.py", code), ("tests.py", tests), ("driver.py", _DRIVER)):
            Path(folder, name).write_text(text, "utf-8", "replace")
        process = subprocess.Popen(
            [sys.executable, "-I", "driver.py", str(max(1, round(seconds))), str(MEMORY), str(OUTPUT)],
            cwd=folder,
            env={"PATH": os.defpath, "HOME": folder, "LC_ALL": "C.UTF-8"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        try:
            said, complaint = process.communicate(secret, timeout=seconds + 1)
        except subprocess.TimeoutExpired:
            _kill_all(process)
            process.communicate()
            return f"not finished after {seconds:g} s"
        _kill_all(process)
    if process.returncode == 0 and said.endswith("\n" + secret):
        return ""
    if process.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return f"stopped by the limit of {seconds:g} s"
    last = complaint.strip().splitlines()[-1:] or ["the program ended before its tests did"]
    return last[0][:200]


def _kill_all(process: subprocess.Popen[str]) -> None:
    """Kill the program and whatever it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
