"""The installed command over standard input and output and over HTTP, as clients start it and reach it."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from folkmoot.core import journal
from folkmoot.record.store import Home
from tests.frontends.installed import COMMAND, Installed
from tests.frontends.mcp.clients import ERAS, QUICK, SLOW, Told, data_of, installed, text_of

pytestmark = pytest.mark.slow

QUESTION = {"prompt": "What is 17 * 23?", "models": QUICK}
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "0"}},
}


@pytest.mark.parametrize("era", ERAS)
def test_the_command_answers_the_client_that_started_it(era: str, tmp_path: Path) -> None:
    told = Told()

    async def asked() -> None:
        async with Client(installed(tmp_path), mode=era) as client:
            assert "folkmoot_ask" in {tool.name for tool in (await client.list_tools()).tools}
            said = await client.call_tool("folkmoot_vote", QUESTION, progress_callback=told)
            assert text_of(said).startswith(data_of(said)["answer"])
            refused = await client.call_tool("folkmoot_vote", {**QUESTION, "files": ["/etc/passwd"]})
            assert "is outside" in text_of(refused)

    asyncio.run(asked())
    assert told.values == sorted(set(told.values))
    assert told.lines
    assert len(Home(tmp_path).folders()) == 1


def test_a_client_that_closes_our_input_ends_the_spending(tmp_path: Path) -> None:
    async def asked() -> None:
        async with Client(installed(tmp_path)) as client:
            await client.call_tool("folkmoot_start", {**QUESTION, "models": SLOW})

    asyncio.run(asked())
    (folder,) = Home(tmp_path).folders()
    assert not journal.held(folder.journal)
    assert folder.result() is None, "it can be resumed"


@pytest.mark.parametrize("number, code", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_command_without_a_word(number: signal.Signals, code: int, tmp_path: Path) -> None:
    with subprocess.Popen(
        [COMMAND, "mcp"], env=Installed(tmp_path, {}).environment(), cwd=tmp_path, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdin and process.stdout and process.stderr
        process.stdin.write(json.dumps(HELLO) + "\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["result"]["serverInfo"]["name"] == "folkmoot"
        process.send_signal(number)
        assert process.wait(20) == code  # although its input is still open
        assert process.stderr.read() == ""


def test_some_protocols_can_be_left_out(tmp_path: Path) -> None:
    async def asked() -> None:
        async with Client(installed(tmp_path, "--tools", "ask,vote")) as client:
            names = {tool.name for tool in (await client.list_tools()).tools}
            assert names == {
                "folkmoot_ask", "folkmoot_vote", "ensemble_debate", "folkmoot_start", "folkmoot_poll", "folkmoot_cancel"
            }  # fmt: skip

    asyncio.run(asked())
    ended = Installed(tmp_path, {})("mcp", "--tools", "seance")
    assert (ended.code, ended.out) == (4, "")
    assert "no protocol is called 'seance'" in ended.err


@contextlib.contextmanager
def http_server(home: Path, *arguments: str, **environ: str) -> Iterator[str]:
    """The address of `folkmoot mcp --http` on a free port."""
    process = subprocess.Popen(
        [COMMAND, "mcp", "--http", "--port", "0", *arguments], cwd=home, text=True, stderr=subprocess.PIPE,
        env=Installed(home, environ).environment(),
    )  # fmt: skip
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        assert line.startswith("folkmoot: MCP at http://"), line
        yield line.split()[-1]
    finally:
        process.terminate()
        process.wait(20)
        process.stderr.close()


@pytest.mark.parametrize("era", ERAS)
def test_http_serves_several_clients_at_once(era: str, tmp_path: Path) -> None:
    async def one(url: str) -> str:
        told = Told()
        async with Client(url, mode=era) as client:
            said = await client.call_tool("folkmoot_vote", QUESTION, progress_callback=told)
            refused = await client.call_tool("folkmoot_vote", {**QUESTION, "files": ["config.toml"]})
            assert "sends no files" in text_of(refused), "what is on the server is not the client's"
        assert told.lines
        return str(data_of(said)["run_id"])

    async def both(url: str) -> list[str]:
        return list(await asyncio.gather(one(url), one(url)))

    with http_server(tmp_path) as url:
        runs = asyncio.run(both(url))
    assert {folder.id for folder in Home(tmp_path).folders()} == set(runs)
    assert len(runs) == 2


@pytest.mark.parametrize("era", ERAS)
def test_a_client_that_gives_up_over_http_ends_the_spending(era: str, tmp_path: Path) -> None:
    async def asked(url: str) -> None:
        async with Client(url, mode=era) as client:
            begun = asyncio.Event()

            async def told(progress: float, total: float | None, message: str | None) -> None:  # noqa: ARG001
                begun.set()

            given = {**QUESTION, "models": SLOW}
            call = asyncio.create_task(client.call_tool("folkmoot_fanout", given, progress_callback=told))
            await asyncio.wait_for(begun.wait(), 20)
            call.cancel()
            await asyncio.wait({call})
            (folder,) = Home(tmp_path).folders()
            poll = data_of(await client.call_tool("folkmoot_poll", {"run_id": folder.id, "wait_seconds": 25}))
            assert poll["state"] == "cancelled"

    with http_server(tmp_path) as url:
        asyncio.run(asked(url))


def status_of(url: str, **headers: str) -> int:
    request = urllib.request.Request(
        url, json.dumps(PING).encode(),
        {"Content-Type": "application/json", "Accept": "application/json, text/event-stream",
         **{name.replace("_", "-"): value for name, value in headers.items()}},
    )  # fmt: skip
    try:
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_a_web_page_cannot_reach_the_server_through_a_browser(tmp_path: Path) -> None:
    with http_server(tmp_path) as url:
        port = url.split(":")[2].split("/")[0]
        assert status_of(url, Host=f"evil.example:{port}") == 421, "DNS rebinding"
        assert status_of(url, Origin="https://evil.example") == 403
        assert status_of(url, Origin=f"http://localhost:{port}") == 403
        assert status_of(url, Host=f"localhost:{port}") not in (401, 403, 421)


def test_with_a_token_only_those_come_in_who_send_it(tmp_path: Path) -> None:
    async def listed(url: str) -> int:
        async with (
            httpx2.AsyncClient(headers={"Authorization": "Bearer s3cret"}) as http,
            Client(streamable_http_client(url, http_client=http)) as client,
        ):
            return len((await client.list_tools()).tools)

    with http_server(tmp_path, FOLKMOOT_MCP_TOKEN="s3cret") as url:
        assert status_of(url) == 401
        assert status_of(url, Authorization="Bearer wrong") == 401
        assert status_of(url, Authorization="Bearer s3cret") != 401
        assert asyncio.run(listed(url)) > 10


def test_an_address_that_others_can_reach_needs_a_token(tmp_path: Path) -> None:
    ended = Installed(tmp_path, {})("mcp", "--http", "--host", "0.0.0.0", "--port", "0")
    assert ended.code == 4
    assert ended.err == "folkmoot: --host 0.0.0.0 can be reached by others: give a token in FOLKMOOT_MCP_TOKEN\n"


def test_a_port_that_is_taken_is_an_input_error(tmp_path: Path) -> None:
    with http_server(tmp_path) as url:
        port = url.split(":")[2].split("/")[0]
        ended = Installed(tmp_path, {})("mcp", "--http", "--port", port)
    assert ended.code == 4
    assert f"127.0.0.1:{port}: Address already in use" in ended.err


def test_help_does_not_load_the_library(tmp_path: Path) -> None:
    ended = subprocess.run(
        [COMMAND.with_name("python"), "-X", "importtime", COMMAND, "mcp", "--help"],
        env={"PATH": os.environ["PATH"], "FOLKMOOT_HOME": str(tmp_path)}, capture_output=True, text=True,
    )  # fmt: skip
    assert ended.returncode == 0
    assert "--http" in ended.stdout
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in ended.stderr.splitlines()}
    assert loaded & {"mcp", "mcp_types", "starlette", "uvicorn", "pydantic_ai"} == set()


def test_without_the_library_one_line_says_what_to_install(tmp_path: Path) -> None:
    program = "import sys; sys.modules['mcp'] = None; from folkmoot.frontends.cli import main; main()"
    ended = subprocess.run(
        [COMMAND.with_name("python"), "-c", program, "mcp"],
        env={"PATH": os.environ["PATH"], "FOLKMOOT_HOME": str(tmp_path)}, capture_output=True, text=True,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (
        4,
        "folkmoot: the MCP server needs its library: pip install 'folkmoot[mcp]'\n",
    )
