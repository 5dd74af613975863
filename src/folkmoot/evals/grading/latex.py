"""Equality of formulas: `\\frac12`, `0.5` and `\\dfrac{1}{2}` are one answer. By math-verify, in a process of its own.

math-verify and sympy can run for ever on a formula like 9^{9^9}, and their own time limit works in a main thread only.
So they live in a worker process, which is killed when it takes too long and started again for the next formula.
"""

import contextlib
import json
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from importlib.util import find_spec

from folkmoot.errors import InputError
from folkmoot.evals.grading.base import Expected, Grade, conclusion
from folkmoot.formats.answer_keys import key_of

SECONDS = 10.0  # for one comparison

_WORKER = r"""
import json, sys, warnings, logging
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify
reading = [LatexExtractionConfig(), ExprExtractionConfig()]
def read(text):
    bare = text.strip().strip("$")
    for written in ("$" + bare + "$", text):
        found = parse(written, reading, parsing_timeout=None)
        if found:
            return found
    return []
print("ready", flush=True)
for line in sys.stdin:
    gold, said = json.loads(line)
    try:
        same = bool(verify(read(gold), read(said), timeout_seconds=None))
    except Exception:
        same = False
    print(json.dumps(same), flush=True)
"""


@dataclass
class _Worker:
    process: subprocess.Popen[str] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def same(self, gold: str, said: str) -> bool | None:
        """Whether the two are equal; None when that took too long."""
        with self.lock:
            process = self._started()
            assert process.stdin is not None and process.stdout is not None
            late = threading.Timer(SECONDS, process.kill)
            late.start()
            try:
                process.stdin.write(json.dumps([gold, said]) + "\n")
                process.stdin.flush()
                line = process.stdout.readline()
            except BrokenPipeError:
                line = ""
            finally:
                late.cancel()
            if not line:
                self.close()
                return None
            return bool(json.loads(line))

    def _started(self) -> subprocess.Popen[str]:
        if self.process is None:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, text=True, encoding="utf-8",
            )  # fmt: skip
            assert self.process.stdout is not None
            self.process.stdout.readline()
        return self.process

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            for stream in (self.process.stdin, self.process.stdout):
                if stream is not None:
                    with contextlib.suppress(BrokenPipeError):
                        stream.close()
            self.process.wait()
            self.process = None


_worker = _Worker()


def close() -> None:
    """End the worker process, if there is one."""
    _worker.close()


def latex(reply: str, expected: Expected) -> Grade:
    """A formula equal to an accepted one. Raises InputError when math-verify is not installed."""
    if find_spec("math_verify") is None:
        raise InputError("the grader latex needs math-verify: pip install 'folkmoot[eval]'")
    found = conclusion(reply)
    if found is None:
        return Grade(False, None, "the reply states no answer")
    said, _ = found
    key = key_of(said, expected.question)
    if key is not None and any(key == key_of(each, expected.question) for each in expected.accept):
        return Grade(True, said)
    late = False
    for each in expected.accept:
        same = _worker.same(each, said)
        if same:
            return Grade(True, said)
        late = late or same is None
    return Grade(False, said, f"compared for more than {SECONDS:g} s" if late else "")
