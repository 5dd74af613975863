"""A small real model behind llama.cpp's own server on this machine, and the installed `folkmoot` in front of it."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from folkmoot.types import JSON
from tests.frontends.installed import Ended, Installed

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".cache/local/env/bin/python"
SEATS = "llamacpp/smollm2*3"
BRIEF = ("--max-tokens", "300", "--timeout", "400", "-o", "jsonl", "-v")

Serve = Callable[..., "Served"]


@dataclass(frozen=True)
class Run:
    """One finished run: what the command printed, and what stands in the run's folder."""

    ended: Ended
    home: Path

    @cached_property
    def events(self) -> list[JSON]:
        return [json.loads(line) for line in self.ended.out.splitlines()]

    @property
    def result(self) -> JSON:
        return self.events[-1]

    def steps(self, event: str) -> list[str]:
        return [each["step"] for each in self.events if each["event"] == event]

    @cached_property
    def journal(self) -> list[JSON]:
        lines = (self.home / "runs" / self.result["run_id"] / "journal.jsonl").read_text("utf-8").splitlines()
        return [json.loads(line) for line in lines]

    @cached_property
    def requests(self) -> dict[str, JSON]:
        """What was sent, by step."""
        return {line["step"]: line["request"] for line in self.journal if line["kind"] == "started"}

    @cached_property
    def replies(self) -> dict[str, str]:
        """What came back, by step."""
        finished = (line for line in self.journal if line["kind"] == "finished")
        return {line["step"]: line["completion"]["text"] for line in finished if line.get("completion")}

    @property
    def judgements(self) -> list[str]:
        """The steps that asked for a judgement, which the server held to a schema. Repairs are not among them."""
        return [
            step for step, request in self.requests.items() if request.get("schema") and not step.endswith("+repair")
        ]

    def instructions(self, step: str) -> str:
        """The parts of a step's prompt that are ours, without the question and what other seats wrote."""
        parts = [part for _, parts in self.requests[step]["messages"] for part in parts if isinstance(part, str)]
        return "\n".join(part for part in parts if not re.match(r"<[a-z]+-[0-9a-f]{16}", part))


@dataclass
class Served:
    """A running server, and a home whose `llamacpp` it is."""

    process: subprocess.Popen[str]
    folkmoot: Installed

    def run(self, *words: str) -> Run:
        return Run(self.folkmoot(*words, "-m", SEATS, *BRIEF), self.folkmoot.home)


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Starts a server with these flags of serve.py, on a free port. All of them end with the session."""
    servers: list[subprocess.Popen[str]] = []

    def start(*flags: str) -> Served:
        if not PYTHON.exists():
            pytest.fail("there is no model here: run tests/local/install first")
        command = [str(PYTHON), str(ROOT / "tests/local/serve.py"), "--port", "0", "--until-eof", *flags]
        process = subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        servers.append(process)
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), f"serve.py ended with {process.wait()}"
        folkmoot = Installed(tmp_path_factory.mktemp("home"), {})
        folkmoot.configure(f'[providers.llamacpp]\nbase_url = "{address}/v1"\n')
        return Served(process, folkmoot)

    yield start
    for process in servers:
        process.communicate(timeout=30)  # closes its standard input
