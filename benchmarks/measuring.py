"""What the benchmarks share: a provider that does nothing, a model server in a process of its own, and a table."""

import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from folkmoot.execute import checked, execute
from folkmoot.machine.seats import seats_of
from folkmoot.providers.base import BaseProvider
from folkmoot.record.store import Home, RunSpec
from folkmoot.types import Billing, Completion, OnText, Provider, Request, Result
from tests.loopback import Asked, LoopbackModels, Reply

QUESTION = "I want to wash my car. The car wash is 50 metres away. Should I walk or drive?"
SENTENCE = "Drive, because the car has to be at the car wash. "

AGREEING = {"threshold": 8, "stability_rounds": 2}  # with scores of 9: converged after exactly two rounds


class Idle(BaseProvider):
    """Answers at once, with texts of about `size` characters, no two the same; judges give 9."""

    billing: Billing = "free"
    streams = False

    def __init__(self, size: int = 200) -> None:
        self._size = size

    async def complete(self, request: Request, on_text: OnText) -> Completion:
        said = f"{request.about.step}: {answer(self._size)}"
        return Completion(text=said if request.about.format == "text" else review(self._size, said), usd=0.0)


def answer(size: int) -> str:
    return (SENTENCE * (size // len(SENTENCE) + 1))[:size].strip()


def review(size: int, said: str = SENTENCE * 100) -> str:
    """A review with the score 9, of about `size` characters, that says as much of `said` as fits."""
    rest = '"strengths": ["clear"], "weaknesses": [], "suggestions": [], "score": 9}'
    return f'{{"overall_assessment": "{said[: max(size - len(rest), 10)]}", {rest}'


def asking(protocol: str, seats: int, **options: Any) -> RunSpec:
    """A run of `seats` seats of the provider `idle`."""
    return checked(
        RunSpec(protocol=protocol, options=options, prompt=QUESTION, seats=seats_of(["idle/model"] * seats))
    ).spec


async def durable(spec: RunSpec, home: Home, providers: Mapping[str, Provider]) -> Result:
    """A run as the command line does it: a folder of its own, run.json, a synced journal, result.json."""
    folder = home.create(spec.prompt)
    folder.save(spec)
    return await execute(checked(spec), providers, folder=folder)


@contextmanager
def temporary_home() -> Iterator[Home]:
    """A home on a real disk: TMPDIR must not be in memory, or syncing costs nothing."""
    with tempfile.TemporaryDirectory(prefix="folkmoot-bench-", ignore_cleanup_errors=True) as folder:
        yield Home(Path(folder))


@contextmanager
def model_server(delay: float = 0.0, size: int = 240) -> Iterator[str]:
    """The address of an OpenAI-compatible server in another process; each reply starts after `delay` seconds.

    It streams `size` characters in pieces of 12.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, delay, size), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("enough")
        process.join(10)


def _serve(connection: "Connection[Any, Any]", delay: float, size: int) -> None:
    said = Reply(answer(size), delay=delay), Reply(review(size), delay=delay)

    def reply(asked: Asked) -> Reply:
        return said["Judge the answer above" in asked.text]

    with LoopbackModels(reply) as server:
        connection.send(server.url)
        connection.recv()


def environment(home: Home, **more: str) -> dict[str, str]:
    """The variables of a process that sees this home, and nothing of the user's keys and configuration."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "LANG") if name in os.environ}
    return {**kept, "HOME": str(home.path), "FOLKMOOT_HOME": str(home.path), "NO_COLOR": "1", **more}


def interpreter_seconds(times: int = 7) -> float:
    """How long Python takes to start and to end, doing nothing."""
    return median([process_seconds([sys.executable, "-c", "pass"]) for _ in range(times)])


def cpu_seconds(argv: Sequence[str], env: Mapping[str, str] | None = None) -> float:
    """CPU of a process and its children, the kernel's part included; it must succeed."""
    import resource

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process_seconds(argv, env)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def process_seconds(argv: Sequence[str], env: Mapping[str, str] | None = None, cwd: Path | None = None) -> float:
    """Wall clock of a process, which must succeed."""
    import subprocess

    began = time.perf_counter()
    done = subprocess.run(argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    if done.returncode != 0:
        sys.exit(f"{argv} returned {done.returncode}\n{done.stdout}{done.stderr}")
    return seconds


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def show(what: str, target: str, values: Sequence[float], unit: str = "", *, digits: int = 2) -> None:
    """A row of the table: the median, and how far the single measurements lie apart."""
    spread = f" ({min(values):.{digits}f} to {max(values):.{digits}f}, n={len(values)})" if len(values) > 1 else ""
    print(f"| {what} | {target} | {median(values):.{digits}f}{unit}{spread} |", flush=True)
