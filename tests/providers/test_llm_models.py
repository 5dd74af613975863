"""Models of `llm` as seats: its own OpenAI models against a local server, and models that a plugin registers."""

import asyncio
import base64
import hashlib
import json
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from typing import Any

import llm
import pytest
from llm.plugins import pm

from folkmoot.errors import FailureKind, InputError, ProviderError
from folkmoot.machine.seats import parse_models
from folkmoot.providers import open_provider
from folkmoot.providers.base import Settings
from folkmoot.providers.llm_errors import provider_error
from folkmoot.providers.llm_models import LlmModels
from folkmoot.python.library import run_protocol
from folkmoot.testing import provider_contract
from folkmoot.types import Attachment, Message
from tests.loopback import Asked, LoopbackModels, Reply
from tests.providers.api_calls import KEY, complete, request

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("OPENAI_API_KEY", "LLM_LOAD_PLUGINS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LLM_USER_PATH", str(tmp_path))
    monkeypatch.setenv("FOLKMOOT_HOME", str(tmp_path))
    return tmp_path


def extra(home: Path, url: str, **more: Any) -> None:
    """A model of llm's own plugin, `local`, also called `chatty`, at the address of a server."""
    model = {"model_id": "local", "model_name": "gpt-4o", "aliases": ["chatty"], "api_base": f"{url}/v1", **more}
    (home / "extra-openai-models.yaml").write_text(json.dumps([model]))  # JSON is YAML


def opened(**environ: str) -> LlmModels:
    found = open_provider("llm", Settings(environ, idle_timeout=20.0))
    assert isinstance(found, LlmModels)
    return found


@pytest.fixture
def plugin() -> Iterator[Callable[..., None]]:
    """Registers models, or pairs of a blocking one and its asynchronous twin, as a plugin does, while the test runs."""
    named: list[str] = []

    def register(*models: Any) -> None:
        class Plugin:
            __name__ = "TestPlugin"

            @llm.hookimpl
            def register_models(self, register: Callable[..., None]) -> None:
                for model in models:
                    register(*(model if isinstance(model, tuple) else (model,)))

        named.append(f"test-plugin-{len(named)}")
        pm.register(Plugin(), name=named[-1])

    yield register
    for name in named:
        pm.unregister(name=name)


def test_a_server_that_may_be_one_of_ours_is_told_the_way_a_question_came(home: Path) -> None:
    with LoopbackModels() as server:
        extra(home, server.url)
        found = open_provider("llm", Settings({}, idle_timeout=20.0, via=("one", "two")))
        complete(found, request("Hello?", model="local"))
        complete(opened(), request("Hello?", model="local"))
    assert [asked.headers.get("x-folkmoot-via") for asked in server.asked] == ["one,two", None]


class Slow(llm.Model):
    """A model that blocks: it says one word, waits to be let on, and says another."""

    model_id = "slow"
    can_stream = True

    def __init__(self) -> None:
        self.on, self.asked, self.left = threading.Event(), threading.Event(), threading.Event()

    def execute(
        self, prompt: llm.Prompt, stream: bool, response: llm.Response, conversation: llm.Conversation | None
    ) -> Iterator[str]:
        self.asked.set()
        try:
            yield "One"
            self.on.wait(10)
            yield " two."
        finally:
            self.left.set()


class Failing(llm.Model):
    model_id = "failing"

    def __init__(self, error: Exception) -> None:
        self.error = error

    def execute(
        self, prompt: llm.Prompt, stream: bool, response: llm.Response, conversation: llm.Conversation | None
    ) -> Iterator[str]:
        raise self.error


# Which models


def test_the_models_of_llm_keep_the_contract_of_providers(home: Path) -> None:
    with LoopbackModels() as server:
        extra(home, server.url)
        asyncio.run(provider_contract(opened, request(model="local"), attempts=lambda: len(server.asked)))


def test_a_model_that_blocks_keeps_it_too(plugin: Callable[..., None]) -> None:
    slow = Slow()
    slow.on.set()
    plugin(slow)
    asyncio.run(provider_contract(opened, request(model="slow")))


def test_a_model_is_found_by_its_id_and_its_aliases_and_another_is_refused_with_what_is_like_it(home: Path) -> None:
    extra(home, "http://127.0.0.1:1")
    provider = opened()
    provider.check_model("local")
    provider.check_model("chatty")
    with pytest.raises(InputError, match=r"llm has no model 'loca'; did you mean llm/local"):
        provider.check_model("loca")
    with pytest.raises(InputError, match="llm has no model 'xyzzy'; see `llm models`"):
        provider.check_model("xyzzy")


@pytest.mark.parametrize(
    ("name", "said"), [("trio", "write panel/trio"), ("folkmoot/vote", "a panel with the protocol vote, as panel/NAME")]
)
def test_a_panel_is_no_seat_by_way_of_llm(home: Path, name: str, said: str) -> None:
    (home / "panels").mkdir()
    (home / "panels" / "trio.toml").write_text('protocol = "vote"\nmodels = ["sim/careful"]\n')
    with pytest.raises(InputError, match=said):
        opened().check_model(name)


def test_a_bare_name_that_llm_knows_is_a_seat_of_llm(home: Path) -> None:
    extra(home, "http://127.0.0.1:1")
    assert [seat.model for seat in parse_models(["chatty*2", "local", "llm/local"])] == ["llm/local"] * 4
    assert parse_models(["claude"])[0].model.startswith("anthropic/")


def test_without_llm_what_to_install_is_said_and_bare_names_mean_what_else_they_mean(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "llm", None)  # as where it is not installed
    with pytest.raises(InputError, match=r"pip install 'folkmoot\[llm\]'"):
        open_provider("llm", Settings({}))
    assert parse_models(["gpt-5.4"])[0].model == "openai/gpt-5.4"


# Keys


def test_a_model_without_its_key_is_refused_before_anything_is_asked() -> None:
    with pytest.raises(InputError, match="llm/gpt-4o needs a key: llm keys set openai, or set OPENAI_API_KEY"):
        opened().check_model("gpt-4o")


def test_keys_come_from_llm_first_and_then_from_the_environment_and_dot_env(home: Path) -> None:
    with LoopbackModels() as server:
        extra(home, server.url, api_key_name="openai")
        complete(opened(OPENAI_API_KEY="from-dot-env"), request(model="local"))
        (home / "keys.json").write_text(json.dumps({"openai": "stored"}))
        complete(opened(OPENAI_API_KEY="from-dot-env"), request(model="local"))
    assert [asked.headers["authorization"] for asked in server.asked] == ["Bearer from-dot-env", "Bearer stored"]


# What is sent and what comes back


def test_system_history_and_question_arrive_in_order_and_the_answer_comes_in_pieces(home: Path) -> None:
    turns = (Message("user", ("One?",)), Message("assistant", ("Yes.",)), Message("user", ("Two?",)))
    pieces: list[str] = []
    with LoopbackModels(lambda _: "Drive, because the car has to be there.") as server:
        extra(home, server.url)
        completion = complete(opened(), request(model="local", system="Be brief.", messages=turns), pieces.append)
    assert completion.text == "Drive, because the car has to be there." == "".join(pieces)
    assert len(pieces) > 1
    said = [(each["role"], each["content"]) for each in server.asked[0].body["messages"]]
    assert said == [("system", "Be brief."), ("user", "One?"), ("assistant", "Yes."), ("user", "Two?")]


def test_usage_and_the_price_at_the_vendor_are_told(home: Path) -> None:
    with LoopbackModels(lambda _: Reply("Drive.", input=1000, cached=400, output=100, reasoning=30)) as server:
        extra(home, server.url, api_key_name="openai")
        completion = complete(opened(OPENAI_API_KEY=KEY), request(model="local"))
    usage = completion.usage
    assert usage is not None
    assert (usage.input_tokens, usage.cached_tokens, usage.output_tokens, usage.reasoning_tokens) == (
        1000,
        400,
        100,
        30,
    )
    assert completion.usd == pytest.approx(0.003)  # gpt-4o: 2.50 in, 1.25 cached, 10 out
    assert completion.model is None  # the one that was asked


def test_what_a_model_without_a_vendors_key_costs_is_not_known(home: Path) -> None:
    with LoopbackModels() as server:
        extra(home, server.url)
        assert complete(opened(), request(model="local")).usd is None
        prices = {"llm/local": {"input": 1.0, "output": 1.0}}
        priced = open_provider("llm", Settings({}, prices=prices))
        assert complete(priced, request(model="local")).usd


def test_another_model_that_answers_is_named_and_a_cut_answer_says_so(home: Path) -> None:
    with LoopbackModels(lambda _: Reply("Drive, be", model="gpt-3", finish="length")) as server:
        extra(home, server.url)
        completion = complete(opened(), request(model="local"))
    assert (completion.model, completion.finish) == ("gpt-3", "length")


def test_settings_of_a_seat_go_before_the_models_default_options(home: Path) -> None:
    (home / "model_options.json").write_text(json.dumps({"local": {"temperature": 0.9, "top_p": 0.5}}))
    with LoopbackModels() as server:
        extra(home, server.url, reasoning=True)
        asked = request(model="local", temperature=0.1, effort="high", max_tokens=50, cap=20)
        complete(opened(), asked)
    body = server.asked[0].body
    assert (body["temperature"], body["top_p"], body["reasoning_effort"], body["max_tokens"]) == (0.1, 0.5, "high", 20)


def test_a_setting_that_a_model_has_no_option_for_is_an_error_and_not_left_out(
    home: Path, plugin: Callable[..., None]
) -> None:
    extra(home, "http://127.0.0.1:1")
    plugin(Slow())
    provider = opened()
    assert provider.unsupported_by("local") == {"effort"}
    assert provider.unsupported_by("slow") == {"temperature", "effort", "max_tokens"}
    with pytest.raises(ProviderError, match="llm/slow has no option for effort") as raised:
        complete(provider, request(model="slow", effort="high"))
    assert raised.value.kind == "request"


def test_an_attachment_is_sent_to_a_model_that_takes_it_and_refused_by_another(home: Path) -> None:
    image = Attachment("a.png", "image/png", hashlib.sha256(PNG).hexdigest(), PNG)
    with LoopbackModels() as server:
        extra(home, server.url, vision=True)
        assert opened().attachments_of("local") >= {"image/png", "application/pdf"}
        complete(opened(), request(model="local", attachments=(image,)))
        extra(home, server.url)
        with pytest.raises(ProviderError, match="llm/local takes no image/png attachments"):
            complete(opened(), request(model="local", attachments=(image,)))
    assert base64.b64encode(PNG).decode() in json.dumps(server.asked[0].body)
    assert len(server.asked) == 1


@pytest.mark.parametrize("supported", [True, False])
def test_a_schema_goes_to_models_that_can_be_held_to_one(home: Path, supported: bool) -> None:
    schema = {"type": "object", "properties": {"score": {"type": "number"}}}
    with LoopbackModels() as server:
        extra(home, server.url, supports_schema=supported)
        complete(opened(), request(model="local", schema=schema))
    assert ("response_format" in server.asked[0].body) is supported


# What goes wrong

STATUSES: dict[int, FailureKind] = {
    400: "request", 401: "auth", 403: "auth", 404: "model", 408: "server", 422: "request", 429: "rate", 500: "server",
    503: "server",
}  # fmt: skip


def test_a_status_says_what_went_wrong_and_nothing_is_tried_twice(home: Path) -> None:
    async def kinds(provider: LlmModels) -> dict[int, FailureKind]:
        found = {}
        for status in STATUSES:
            with pytest.raises(ProviderError) as raised:
                await provider.complete(request(str(status), model="local"), lambda _: None)
            found[status] = raised.value.kind
        await provider.aclose()
        return found

    def refuse(asked: Asked) -> Reply:
        return Reply("no", status=int(asked.text))

    with LoopbackModels(refuse) as server:
        extra(home, server.url)
        assert asyncio.run(kinds(opened())) == STATUSES
        assert len(server.asked) == len(STATUSES)


def test_a_rate_limit_tells_how_long_to_wait_and_an_empty_account_is_permanent(home: Path) -> None:
    def refuse(asked: Asked) -> Reply:
        code = "insufficient_quota" if asked.text == "pay" else None
        return Reply("slow down", status=429, headers={"retry-after": "7"}, error_code=code)

    with LoopbackModels(refuse) as server:
        extra(home, server.url)
        with pytest.raises(ProviderError) as limited:
            complete(opened(), request(model="local"))
        with pytest.raises(ProviderError) as empty:
            complete(opened(), request("pay", model="local"))
    assert (limited.value.kind, limited.value.retry_after) == ("rate", 7.0)
    assert (empty.value.kind, empty.value.permanent) == ("request", True)


def test_an_error_is_one_line_without_the_key(home: Path) -> None:
    with LoopbackModels(lambda _: Reply(f"bad key\n{KEY} " + "x" * 1000, status=401)) as server:
        extra(home, server.url, api_key_name="openai")
        with pytest.raises(ProviderError) as raised:
            complete(opened(OPENAI_API_KEY=KEY), request(model="local"))
    assert str(raised.value).startswith("llm/local: ")
    assert KEY not in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1
    assert len(str(raised.value)) < 400


class APIConnectionError(Exception):
    """Called as in the libraries of vendors."""


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (llm.NeedsKeyException("no key"), "auth"),
        (llm.ModelError("overloaded"), "server"),
        (ConnectionResetError("gone"), "server"),
        (TimeoutError("slow"), "server"),
        (APIConnectionError("no route"), "server"),
        (ValueError("no such option"), "request"),
        (NotImplementedError("no system prompts"), "request"),
        (KeyError("choices"), "protocol"),
        (RuntimeError("429 Too Many Requests"), "protocol"),  # words are not read
    ],
)
def test_an_error_without_a_status_is_known_by_its_type(error: Exception, kind: FailureKind) -> None:
    assert provider_error(error, "llm/x", None).kind == kind


def test_what_a_plugin_raises_is_a_providers_error_and_what_a_listener_raises_is_not(
    plugin: Callable[..., None],
) -> None:
    slow = Slow()
    slow.on.set()
    plugin(slow, Failing(KeyError("choices")))
    with pytest.raises(ProviderError, match="llm/failing: 'choices'"):
        complete(opened(), request(model="failing"))

    def listen(text: str) -> None:
        raise ZeroDivisionError(text)

    with pytest.raises(ZeroDivisionError):
        complete(opened(), request(model="slow"), listen)


def test_an_answer_without_text_is_none(home: Path) -> None:
    with LoopbackModels(lambda _: Reply("")) as server:
        extra(home, server.url)
        with pytest.raises(ProviderError) as raised:
            complete(opened(), request(model="local"))
    assert raised.value.kind == "empty"


def test_a_stream_that_falls_silent_is_idle(home: Path) -> None:
    with LoopbackModels(lambda _: Reply("Drive, because the car has to be there. " * 10, stall=True)) as server:
        extra(home, server.url)
        with pytest.raises(ProviderError) as raised:
            complete(open_provider("llm", Settings({}, idle_timeout=0.3)), request(model="local"))
    assert raised.value.kind == "idle"


def test_cancelling_a_call_closes_its_connection(home: Path) -> None:
    async def call(server: LoopbackModels) -> None:
        calling = asyncio.create_task(opened().complete(request(model="local"), lambda _: None))
        assert await asyncio.to_thread(server.wait, lambda it: bool(it.asked))
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        assert await asyncio.to_thread(server.wait, lambda it: it.left == 1)

    with LoopbackModels(lambda _: Reply(hang=True)) as server:
        extra(home, server.url)
        asyncio.run(call(server))


def test_a_model_that_blocks_is_left_at_once_when_cancelled_and_ends_with_its_next_piece(
    plugin: Callable[..., None],
) -> None:
    slow = Slow()
    plugin(slow)

    async def call() -> None:
        calling = asyncio.create_task(opened().complete(request(model="slow"), lambda _: None))
        assert await asyncio.to_thread(slow.asked.wait, 10)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        slow.on.set()
        assert await asyncio.to_thread(slow.left.wait, 10)

    asyncio.run(call())


def test_what_a_plugin_leaves_to_the_garbage_collector_is_closed_while_there_is_a_loop(
    plugin: Callable[..., None],
) -> None:
    closed: list[bool] = []

    class Client:
        """As vendors' libraries have it: held in a circle, and closed by a task."""

        def __init__(self) -> None:
            self.itself = self

        async def aclose(self) -> None:
            await asyncio.sleep(0)
            closed.append(True)

        def __del__(self) -> None:
            asyncio.get_running_loop().create_task(self.aclose())

    class Leaving(llm.AsyncModel):
        model_id = "leaving"

        async def execute(
            self,
            prompt: llm.Prompt,
            stream: bool,
            response: llm.AsyncResponse,
            conversation: llm.AsyncConversation | None,
        ) -> AsyncGenerator[str, None]:
            Client()
            yield "391"

    sync = Slow()
    sync.model_id = "leaving"
    plugin((sync, Leaving()))
    complete(opened(), request(model="leaving"))
    assert closed == [True]


# A run with such seats


def test_a_run_asks_models_of_llm_and_says_so_where_one_asks_a_panel_again(
    home: Path, plugin: Callable[..., None]
) -> None:
    class Wrapper(llm.Model):
        model_id = "wrapper"

        def execute(
            self, prompt: llm.Prompt, stream: bool, response: llm.Response, conversation: llm.Conversation | None
        ) -> Iterator[str]:
            yield llm.get_model("folkmoot/fanout").prompt(str(prompt.prompt), models="llm/wrapper").text()

    plugin(Wrapper())
    with LoopbackModels(lambda _: "391") as server:
        extra(home, server.url)
        result = run_protocol("fanout", "What is 17 * 23?", "llm/local,llm/wrapper", retries=0)
    assert [each.answer for each in result.outcome.answers] == ["391"]
    assert "was asked by a seat of one of its own runs" in result.failures[0].message
