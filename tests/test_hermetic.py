"""The suite minds nothing but itself: neither what is set up on this machine, nor a test that never ends."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest

from folkmoot.providers.catalog import AGENTS, APIS, LOCAL_SERVERS

TOP = Path(__file__).parents[1]
PYTEST = [sys.executable, "-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider"]


class ModelServer(BaseHTTPRequestHandler):
    """Has one model, answers everything, and notes that it was asked."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(f"{self.command} {self.path} on {self.server.server_address}")
        body = b'{"object": "list", "data": [{"id": "qwen3", "object": "model"}]}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def model_servers() -> Iterator[list[str]]:
    """A server on each port that is probed and still free; yields the requests that reach them."""
    asked: list[str] = []
    handler = type("Noting", (ModelServer,), {"asked": asked})
    with ExitStack() as stack:
        for url in LOCAL_SERVERS.values():
            try:
                server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", urlsplit(url).port or 0), handler))
            except OSError:  # a real one is there already
                continue
            Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
        yield asked


def equipped(root: Path) -> dict[str, str]:
    """The environment of a machine with every agent CLI, logged in, and with keys of every vendor."""
    (root / "bin").mkdir()
    for agent in AGENTS.values():
        program = root / "bin" / agent.binary
        program.write_text(f"#!/bin/sh\necho {agent.binary} >> '{root}/called'\necho 99.9.9\n")
        program.chmod(0o755)
        for file in agent.stored:
            path = root / "home" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text('{"a": "b", "oauthAccount": {}}')
    names = [*(key for api in APIS.values() for key in api.keys), *(key for cli in AGENTS.values() for key in cli.keys)]
    keys = dict.fromkeys(names, "k")
    plain = {name: value for name, value in os.environ.items() if not name.endswith("_BASE_URL")}  # see conftest.py
    return plain | keys | {"HOME": str(root / "home"), "PATH": f"{root / 'bin'}:{os.environ['PATH']}"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "tests",
    [
        ["tests/machine/test_discovery.py", "tests/checkup"],
        ["tests/frontends/test_cli.py", "-k", "set_up or default_panel"],
    ],
)
def test_tests_that_look_around_find_no_server_key_or_agent_of_this_machine(tests: list[str], tmp_path: Path) -> None:
    with model_servers() as asked:
        ended = subprocess.run(
            [*PYTEST, *tests], cwd=TOP, env=equipped(tmp_path), capture_output=True, text=True, timeout=200
        )
    assert ended.returncode == 0, ended.stdout
    assert asked == []
    assert not (tmp_path / "called").exists()


def test_a_test_without_an_end_is_ended(tmp_path: Path) -> None:
    (tmp_path / "test_endless.py").write_text("from threading import Event\n\ndef test_waits():\n    Event().wait()\n")
    ended = subprocess.run(
        [*PYTEST, "-c", str(TOP / "pyproject.toml"), "--rootdir", str(tmp_path), "-o", "timeout=0.5", str(tmp_path)],
        cwd=tmp_path, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ended.returncode == 1 and "Timeout (>0.5s)" in ended.stdout


def test_every_test_has_a_limit(pytestconfig: pytest.Config) -> None:
    assert 0 < float(pytestconfig.getini("timeout")) <= 300
