"""The installed command `folkmoot serve`."""

import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.frontends.installed import Installed
from tests.frontends.server.served import over
from tests.loopback import LoopbackModels, Reply


@pytest.fixture
def folkmoot(tmp_path: Path) -> Installed:
    return Installed(tmp_path, {})


@contextmanager
def started(folkmoot: Installed, *arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    process = folkmoot.start("serve", "--port", "0", *arguments)
    assert process.stderr is not None and process.stdout is not None
    try:
        said = "".join(process.stderr.readline() for _ in range(3))
        found = re.search(r"http://[^/\s]+", said)
        assert found, said + process.stderr.read()
        yield found[0], process
    finally:
        process.kill()
        process.communicate()


def test_it_says_where_it_is_and_how_to_use_it(folkmoot: Installed) -> None:
    with started(folkmoot) as (url, _):
        assert httpx2.get(f"{url}/v1/models").status_code == 200
        assert "Folkmoot" in httpx2.get(url).text


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_and_its_runs_which_can_be_resumed(
    folkmoot: Installed, number: signal.Signals, code: int
) -> None:
    hangs = {"hang": True}
    with LoopbackModels(lambda _: Reply("ANSWER: 391", hang=hangs["hang"])) as models:
        folkmoot.configure(over(models))
        with started(folkmoot) as (url, process):
            body = {"prompt": "What is 17 * 23?", "protocol": "fanout", "models": ["loop/a"]}
            id = httpx2.post(f"{url}/api/v1/runs", json=body).json()["id"]
            with httpx2.stream("GET", f"{url}/api/v1/runs/{id}/events") as watching:
                assert models.wait(lambda each: len(each.asked) == 1)
                process.send_signal(number)
                told = watching.read().decode()
            out, err = process.communicate(timeout=20)
            assert process.returncode == code and "Traceback" not in err + out, err
        assert "event: end" in told and models.wait(lambda each: each.left == 1)
        hangs["hang"] = False
        assert folkmoot("resume", id, "-q").code == 0


def test_it_does_not_start_where_others_could_spend(folkmoot: Installed) -> None:
    refused = folkmoot("serve", "--host", "0.0.0.0", "--port", "0")
    assert refused.code == 4 and "--new-key" in refused.err


def test_a_port_that_is_taken_is_an_input_error(folkmoot: Installed) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = folkmoot("serve", "--port", str(taken.getsockname()[1]))
    assert refused.code == 4 and "--port" in refused.err


def test_a_key_is_made_shown_once_and_taken(folkmoot: Installed) -> None:
    made = folkmoot("serve", "--new-key", "anna", "--budget", "5", "--per", "day")
    assert made.code == 0 and "once" in made.err
    key = made.out.strip()
    with started(folkmoot, "--host", "0.0.0.0") as (url, _):
        url = url.replace("0.0.0.0", "127.0.0.1")
        assert httpx2.get(f"{url}/v1/models").status_code == 401
        assert httpx2.get(f"{url}/v1/models", headers={"authorization": f"Bearer {key}"}).status_code == 200


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("--budget", "5"), "--new-key"),
        (("--new-key", "a/b"), "a/b"),
        (("--new-key", "anna", "--budget", "-1"), "--budget"),
        (("--new-key", "anna", "--per", "day"), "--budget"),
        (("--new-key", "anna", "--only", "nope"), "nope"),
        (("--new-key", "anna", "--budget", "inf"), "--budget must be more than 0, and a number"),
    ],
)
def test_a_key_that_cannot_be_made_is_an_input_error(
    folkmoot: Installed, arguments: tuple[str, ...], said: str
) -> None:
    refused = folkmoot("serve", *arguments)
    assert refused.code == 4 and said in refused.err and not (folkmoot.home / "server-keys.toml").exists()
