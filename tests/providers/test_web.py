"""web/tavily over loopback: what is sent, what comes back, what goes wrong, and no key no run."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from folkmoot.errors import InputError, ProviderError
from folkmoot.formats.sources import read_sources
from folkmoot.machine.config import Config
from folkmoot.machine.seats import parse_models
from folkmoot.providers import open_provider
from folkmoot.providers.base import Settings
from folkmoot.providers.web import as_query
from folkmoot.python.library import run_protocol
from folkmoot.record.store import Home
from folkmoot.running.runs import Machine
from folkmoot.testing import provider_contract, request
from folkmoot.types import Completion, Provider

KEY = "tvly-not-a-real-key"
FOUND = {"results": [{"title": "Leap", "url": "https://a.example", "content": "Every fourth.", "score": 0.9}]}


class Searches:
    """What a fake Tavily was asked, and what it says: a status, a body and headers."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any], str | None]] = []
        self.status, self.body, self.headers = 200, json.dumps(FOUND), {"Content-Type": "application/json"}
        self.url = ""


@contextmanager
def tavily() -> Iterator[Searches]:
    searches = Searches()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            searches.asked.append((self.path, body, self.headers["Authorization"]))
            self.send_response(searches.status)
            for name, value in searches.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(searches.body.encode())))
            self.end_headers()
            self.wfile.write(searches.body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        searches.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield searches
        finally:
            server.shutdown()
            thread.join()


def opened(url: str) -> Provider:
    return open_provider("web", Settings(environ={"TAVILY_API_KEY": KEY, "TAVILY_BASE_URL": url}))


def search(url: str, text: str = "When are leap years?") -> Completion:
    async def ask() -> Completion:
        provider = opened(url)
        try:
            return await provider.complete(request(text, model="tavily"), lambda _: None)
        finally:
            await provider.aclose()

    return asyncio.run(ask())


def test_a_question_is_searched_for_and_the_pages_come_back_as_sources() -> None:
    with tavily() as searches:
        done = search(searches.url)
    assert searches.asked == [
        ("/search", {"query": "When are leap years?", "max_results": 6, "search_depth": "basic"}, f"Bearer {KEY}")
    ]
    assert [each.text for each in read_sources(done.text)] == ["Every fourth."]
    assert (done.model, done.usd) == ("tavily", 0.0)


def test_a_long_question_is_cut_at_a_word_where_a_query_must_end() -> None:
    query = as_query("How many " * 100)
    assert len(query) <= 400 and query.endswith(("How", "many"))
    assert as_query("x" * 900) == "x" * 400
    assert as_query('Why?\n\n<file-0123456789abcdef path="a">\nlong\n</file-0123456789abcdef>') == "Why?"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, '{"detail": {"error": "Unauthorized: missing or invalid API key."}}', "auth"),
        (429, '{"detail": {"error": "too many"}}', "rate"),
        (432, '{"detail": {"error": "plan limit"}}', "request"),
        (400, '{"detail": {"error": "Query is too long."}}', "request"),
        (500, f"the key {KEY} made us stumble", "server"),
        (200, "<html>", "protocol"),
        (200, '{"answer": "42"}', "protocol"),
        (200, '{"results": [{"title": "no address"}]}', "protocol"),
        (200, "[]", "protocol"),
    ],
)
def test_what_goes_wrong_is_told_apart_and_never_shows_the_key(status: int, body: str, kind: str) -> None:
    with tavily() as searches:
        searches.status, searches.body = status, body
        searches.headers["Retry-After"] = "7"
        with pytest.raises(ProviderError) as failure:
            search(searches.url)
    assert failure.value.kind == kind and KEY not in str(failure.value)
    assert failure.value.retry_after == (7.0 if status != 200 else None)


def test_nobody_there_is_a_server_error() -> None:
    with tavily() as searches:
        url = searches.url
    with pytest.raises(ProviderError) as failure:
        search(url)
    assert failure.value.kind == "server"


def test_it_keeps_the_contract_of_providers() -> None:
    with tavily() as searches:
        asyncio.run(
            provider_contract(
                lambda: opened(searches.url), request("When?", model="tavily"), attempts=lambda: len(searches.asked)
            )
        )


def test_it_is_written_like_any_model_and_has_one_engine() -> None:
    assert [seat.model for seat in parse_models(["web/tavily"])] == ["web/tavily"]
    with pytest.raises(InputError, match="the only search engine here is web/tavily"):
        opened("http://127.0.0.1:1").check_model("bing")  # type: ignore[attr-defined]


def test_without_a_key_nothing_is_spent(tmp_path: Path) -> None:
    machine = Machine({}, Config(), Home(tmp_path))
    with pytest.raises(InputError, match="set TAVILY_API_KEY"):
        run_protocol("debate", "When are leap years?", "sim", machine=machine, ground=True)
    assert machine.home.folders() == []


def test_a_grounded_debate_searches_once_and_cites(tmp_path: Path) -> None:
    with tavily() as searches:
        machine = Machine({"TAVILY_API_KEY": KEY, "TAVILY_BASE_URL": searches.url}, Config(), Home(tmp_path))
        models = ["sim/careful?delay=0", "sim/hasty?delay=0"]
        result = run_protocol("debate", "What is 17 * 23?", models, machine=machine, ground=True, quick=True)
    assert len(searches.asked) == 1
    assert result.outcome.details["sources"] == [{"number": 1, "title": "Leap", "url": "https://a.example"}]
    assert result.outcome.details["unresolved_citations"] == []
