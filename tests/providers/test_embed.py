"""Embeddings: from an OpenAI-compatible server, from a model of `llm`, from counted words."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import llm
import pytest
from llm.models import EmbeddingModel
from llm.plugins import pm

from folkmoot.counting.clusters import cosine_distance
from folkmoot.errors import InputError, ProviderError, Unparseable
from folkmoot.formats.vector import VECTOR, read_vector, write_vector
from folkmoot.machine.seats import parse_models
from folkmoot.providers import open_provider
from folkmoot.providers.base import Settings
from folkmoot.providers.embed import count_words
from folkmoot.providers.prices import list_price
from folkmoot.testing import provider_contract, request
from folkmoot.types import Completion, Usage

Answer = tuple[int, Any]


@contextmanager
def server(answer: Callable[[Mapping[str, Any]], Answer]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An embedding server on 127.0.0.1: its address, and what it was asked."""
    asked: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            asked.append({"path": self.path, "authorization": self.headers["authorization"], **body})
            status, found = answer(body)
            sent = found.encode() if isinstance(found, str) else json.dumps(found).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(sent)))
            self.send_header("retry-after", "7")
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.server_port}/v1", asked
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


def embedded(body: Mapping[str, Any]) -> Answer:
    vector = [float(len(body["input"][0])), 0.5]
    return 200, {
        "object": "list", "model": f"{body['model']}-v1", "usage": {"prompt_tokens": 9, "total_tokens": 9},
        "data": [{"object": "embedding", "index": 0, "embedding": vector}],
    }  # fmt: skip


def ask(
    model: str,
    environ: Mapping[str, str] | None = None,
    table: Mapping[str, Any] | None = None,
    *,
    text: str = "It is 391.",
) -> Completion:
    async def asked() -> Completion:
        provider = open_provider("embed", Settings(environ=environ or {}, table=table or {}))
        try:
            return await provider.complete(request(text, model=model), lambda _: None)
        finally:
            await provider.aclose()

    return asyncio.run(asked())


def test_a_vendors_model_is_asked_over_openais_wire_and_priced() -> None:
    with server(embedded) as (url, asked):
        environ = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": url}
        done = ask("openai/text-embedding-3-small", environ)
        assert ask("text-embedding-3-small", environ).text == done.text == "[10.0, 0.5]"
    assert asked[0] == {
        "path": "/v1/embeddings", "authorization": "Bearer sk-test", "model": "text-embedding-3-small",
        "input": ["It is 391."], "encoding_format": "float",
    }  # fmt: skip
    assert (done.model, done.usage) == ("text-embedding-3-small-v1", Usage(input_tokens=9))
    assert done.usd == pytest.approx(9 * 0.02e-6)


def test_a_server_of_the_configuration_is_asked_for_models_of_any_name() -> None:
    with server(embedded) as (url, asked):
        table = {"base_url": url, "api_key_env": "MY_KEY"}
        ask("BAAI/bge-m3", {"MY_KEY": "secret"}, table)
    assert (asked[0]["model"], asked[0]["authorization"]) == ("BAAI/bge-m3", "Bearer secret")


def test_a_local_server_costs_nothing_and_needs_no_key() -> None:
    with server(embedded) as (url, asked):
        done = ask("ollama/nomic-embed-text", {"OLLAMA_BASE_URL": url})
    assert (asked[0]["model"], asked[0]["authorization"], done.usd) == ("nomic-embed-text", None, 0.0)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, "request"), (401, "auth"), (403, "auth"), (404, "model"), (408, "server"), (429, "rate"), (500, "server"),
     (503, "server")],
)  # fmt: skip
def test_a_refusal_is_told_by_its_status_and_without_the_key(status: int, kind: str) -> None:
    environ = {"OPENAI_API_KEY": "sk-test"}
    refused = server(lambda _: (status, {"error": {"message": "no, sk-test"}}))
    with refused as (url, _), pytest.raises(ProviderError) as caught:
        ask("openai/any", environ | {"OPENAI_BASE_URL": url})
    assert (caught.value.kind, caught.value.retry_after) == (kind, 7)
    assert str(caught.value).startswith(f"OpenAI answered {status}") and "sk-test" not in str(caught.value)


@pytest.mark.parametrize(
    "found",
    ["", "<html>", "[]", {}, {"data": []}, {"data": [{"embedding": "AAAA"}]}, {"data": [{"embedding": [0, 0]}]}],
)
def test_what_is_no_embedding_is_refused(found: object) -> None:
    with server(lambda _: (200, found)) as (url, _), pytest.raises(ProviderError, match="no embedding") as caught:
        ask("openai/any", {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": url})
    assert caught.value.kind == "protocol"


def test_a_server_that_is_not_there_may_come_back() -> None:
    with server(embedded) as (url, _):
        pass
    with pytest.raises(ProviderError) as caught:
        ask("ollama/any", {"OLLAMA_BASE_URL": url})
    assert caught.value.kind == "server"


def test_the_provider_keeps_its_contract() -> None:
    with server(embedded) as (url, asked):
        settings = Settings(environ={"OLLAMA_BASE_URL": url})

        def opened() -> Any:
            return open_provider("embed", settings)

        asyncio.run(provider_contract(opened, request("391", model="ollama/any"), attempts=lambda: len(asked)))
    asyncio.run(provider_contract(opened, request("391", model="words")))


@pytest.mark.parametrize(
    ("model", "said"),
    [("openai/any", "OPENAI_API_KEY"), ("any", "OPENAI_API_KEY"), ("chutes/any", "CHUTES_API_TOKEN"),
     ("llm/no-such-model", "llm has no embedding model 'no-such-model'"),
     ("anthropic/any", "serves no embeddings"), ("nobody/any", r"\[providers.embed\]")],
)  # fmt: skip
def test_a_model_that_cannot_be_asked_is_known_before_anything_runs(model: str, said: str) -> None:
    provider: Any = open_provider("embed", Settings(environ={}))
    with pytest.raises(InputError, match=said):
        provider.check_model(model)


def test_words_are_counted_without_a_model_or_a_network() -> None:
    same, other, far = (count_words(text) for text in ("Take the car.", "the car, take it", "Walk instead!"))
    assert cosine_distance(same, other) < 0.2 < cosine_distance(same, far)
    assert read_vector(ask("words").text) == read_vector(write_vector(count_words("It is 391.")))
    assert any(count_words("!?"))


class Letters(EmbeddingModel):
    """Counts three letters; fails on a text without any."""

    model_id = "letters"

    def embed_batch(self, items: Iterable[str | bytes], *, key: str | None = None) -> Iterator[list[float]]:
        for text in map(str, items):
            if not set(text) & set("abc"):
                raise RuntimeError("no letters")
            yield [float(text.count(letter)) for letter in "abc"]


class Plugin:
    @llm.hookimpl
    def register_embedding_models(self, register: Callable[..., None]) -> None:
        register(Letters(), aliases=("abc",))


@pytest.fixture
def letters() -> Iterator[None]:
    plugin = Plugin()
    pm.register(plugin)
    try:
        yield
    finally:
        pm.unregister(plugin)


@pytest.mark.usefixtures("letters")
def test_an_embedding_model_of_llm_gives_the_vector_under_its_id_or_an_alias() -> None:
    assert read_vector(ask("llm/letters", text="abba").text) == read_vector(ask("llm/abc", text="abba").text)
    assert json.loads(ask("llm/letters", text="abba").text) == [2.0, 2.0, 0.0]
    assert ask("llm/letters", text="abba").usd is None  # llm does not say what it cost


@pytest.mark.usefixtures("letters")
def test_what_goes_wrong_inside_a_plugin_is_a_failure_of_the_call() -> None:
    with pytest.raises(ProviderError, match="letters: RuntimeError: no letters"):
        ask("llm/letters", text="xyz")


def test_models_are_written_with_tags_and_paths() -> None:
    written = ["embed/ollama/all-minilm:33", "embed/llm/sentence-transformers/all-MiniLM-L6-v2", "embed/words"]
    assert [seat.model for seat in parse_models(written)] == written


def test_what_is_computed_here_is_known_to_cost_nothing() -> None:
    tokens = Usage(input_tokens=1_000_000)
    assert [list_price(f"embed/{each}", tokens) for each in ("words", "ollama/x")] == [0.0, 0.0]
    assert list_price("embed/openai/text-embedding-3-small", tokens) == pytest.approx(0.02)
    assert list_price("embed/openai/no-such-model", tokens) is None


@pytest.mark.parametrize(
    "reply", ["", "391", "{}", "[]", "[0, 0]", '["1"]', "[true, 1]", "[NaN]", "[1e999]", "[[1]]", f"[1{'0' * 400}]"]
)
def test_a_vector_that_is_not_there_is_not_invented(reply: str) -> None:
    with pytest.raises(Unparseable):
        read_vector(reply)


def test_a_vector_is_read_as_it_was_written() -> None:
    assert VECTOR.parse(VECTOR.example) == (0.6, 0.8)
    assert read_vector(write_vector([0.1234567891, -2, 3e-12])) == (0.1234568, -2.0, 3e-12)
