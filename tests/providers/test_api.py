"""API providers against a server that speaks the vendors' wire formats: what comes back, and what goes wrong."""

import asyncio
import json
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from folkmoot.errors import FailureKind, ProviderError
from folkmoot.providers import open_provider
from folkmoot.providers.base import Settings
from folkmoot.types import Completion, Message, Request
from tests.loopback import Asked, LoopbackModels, Reply
from tests.providers.api_calls import KEY, WIRES, Wire, complete, every_wire, openai_environ, request


def answered(wire: Wire, reply: Reply | Callable[[Asked], Reply], asked: Request | None = None) -> Completion:
    with LoopbackModels(reply if callable(reply) else lambda _: reply) as server:
        return complete(wire.open(server.url), asked or request(model=wire.model))


def failure(wire: Wire, reply: Reply, idle: float | None = 20.0) -> ProviderError:
    """What one attempt raises; exactly one request was made for it."""
    with LoopbackModels(lambda _: reply) as server:
        with pytest.raises(ProviderError) as raised:
            complete(wire.open(server.url, idle), request(model=wire.model))
        assert len(server.asked) == 1
    return raised.value


# What comes back


@every_wire
def test_the_system_prompt_and_the_question_arrive_and_the_answer_comes_back_in_pieces(wire: Wire) -> None:
    pieces: list[str] = []
    with LoopbackModels(lambda asked: Reply(f"{asked.system} | {asked.text}")) as server:
        asked = request("Files.", "Drive or walk?", model=wire.model, system="Be brief.")
        completion = complete(wire.open(server.url), asked, pieces.append)
    assert completion.text == "Be brief. | Files.\n\nDrive or walk?"
    assert len(pieces) > 1
    assert "".join(pieces) == completion.text
    assert server.asked[0].stream


@every_wire
def test_earlier_turns_keep_their_roles(wire: Wire) -> None:
    turns = (Message("user", ("One?",)), Message("assistant", ("Yes.",)), Message("user", ("Two?",)))
    with LoopbackModels() as server:
        completion = complete(wire.open(server.url), request(model=wire.model, messages=turns))
    assert completion.text == "echo: Two?"
    body = json.dumps(server.asked[0].body)
    assert body.index("One?") < body.index("Yes.") < body.index("Two?")
    assert '"assistant"' in body or '"model"' in body


@every_wire
def test_usage_counts_cached_and_reasoning_tokens_within_the_totals(wire: Wire) -> None:
    usage = answered(wire, Reply("Drive.", input=100, cached=60, output=30, reasoning=10)).usage
    assert usage is not None
    assert (usage.input_tokens, usage.cached_tokens) == (100, 60)
    assert (usage.output_tokens, usage.reasoning_tokens) == (30, 10)


@every_wire
def test_thoughts_are_not_part_of_the_answer(wire: Wire) -> None:
    assert answered(wire, Reply("Drive.", thought="The car has to be there.")).text == "Drive."


@every_wire
def test_the_model_that_really_answered_is_named(wire: Wire) -> None:
    assert answered(wire, Reply("Drive.", model="another-model")).model == "another-model"


@every_wire
def test_a_truncated_answer_says_so(wire: Wire) -> None:
    assert answered(wire, Reply("Drive, because", finish="length")).finish == "length"
    assert answered(wire, Reply("Drive.")).finish == "stop"


@every_wire
def test_a_call_is_priced_by_the_model_that_was_asked_if_the_answering_one_is_unknown(wire: Wire) -> None:
    known = answered(wire, Reply("Drive.", input=1000, output=100)).usd
    alias = answered(wire, Reply("Drive.", input=1000, output=100, model="internal-alias")).usd
    assert known
    assert alias == known


def test_a_model_without_a_known_price_has_none() -> None:
    completion = answered(WIRES["chat"], Reply("Drive."), request(model="gpt-99"))
    assert completion.usd is None
    assert completion.usage is not None


def test_prices_of_the_user_hold() -> None:
    prices = {"openai/gpt-99": {"input": 2.0, "output": 10.0}}
    with LoopbackModels(lambda _: Reply("Drive.", input=1000, output=100)) as server:
        provider = open_provider("openai", Settings(openai_environ(server.url), prices=prices))
        assert complete(provider, request(model="gpt-99")).usd == pytest.approx(0.003)


# While it streams


@every_wire
def test_text_arrives_before_the_answer_is_complete_and_cancelling_closes_the_connection(wire: Wire) -> None:
    async def call(url: str) -> list[str]:
        pieces: list[str] = []
        heard = asyncio.Event()

        def listen(text: str) -> None:
            pieces.append(text)
            heard.set()

        provider = wire.open(url)
        calling = asyncio.create_task(provider.complete(request(model=wire.model), listen))
        await asyncio.wait_for(heard.wait(), 10)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        assert await asyncio.to_thread(server.wait, lambda it: it.left == 1)  # before the provider is closed
        await provider.aclose()
        return pieces

    text = "Drive, because the car has to be there. " * 10
    with LoopbackModels(lambda _: Reply(text, stall=True)) as server:
        pieces = asyncio.run(call(server.url))
    assert text.startswith("".join(pieces))


@every_wire
def test_cancelling_a_call_that_has_no_reply_yet_closes_the_connection(wire: Wire) -> None:
    async def call(url: str) -> None:
        provider = wire.open(url)
        calling = asyncio.create_task(provider.complete(request(model=wire.model), lambda _: None))
        assert await asyncio.to_thread(server.wait, lambda it: bool(it.asked))
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        assert await asyncio.to_thread(server.wait, lambda it: it.left == 1)
        await provider.aclose()

    with LoopbackModels(lambda _: Reply(hang=True)) as server:
        asyncio.run(call(server.url))


@every_wire
def test_a_stream_that_falls_silent_is_idle(wire: Wire) -> None:
    error = failure(wire, Reply("Drive, because the car has to be there. " * 10, stall=True), idle=0.2)
    assert error.kind == "idle"
    assert not error.permanent


@pytest.mark.parametrize("name", ["chat", "google"])
def test_every_piece_of_a_stream_resets_the_idle_timeout(name: str) -> None:
    slow = Reply("Drive, because the car has to be there.", chunk=4, chunk_delay=0.06)
    with LoopbackModels(lambda _: slow) as server:
        completion = complete(WIRES[name].open(server.url, idle=0.4), request(model=WIRES[name].model))
    assert completion.text == slow.text


def test_what_a_listener_raises_is_not_a_providers_error() -> None:
    def listen(text: str) -> None:
        raise ZeroDivisionError(text)

    with LoopbackModels() as server, pytest.raises(ZeroDivisionError):
        complete(WIRES["chat"].open(server.url), request(model="gpt-5.4"), listen)


# What goes wrong

STATUSES: dict[int, FailureKind] = {
    400: "request", 401: "auth", 403: "auth", 404: "model", 408: "server", 413: "request", 422: "request",
    429: "rate", 500: "server", 502: "server", 503: "server", 529: "server",
}  # fmt: skip


@every_wire
def test_a_status_says_what_went_wrong_and_nothing_is_tried_twice(wire: Wire) -> None:
    async def kinds(url: str) -> dict[int, FailureKind]:
        found = {}
        provider = wire.open(url)
        for status in STATUSES:
            with pytest.raises(ProviderError) as raised:
                await provider.complete(request(str(status), model=wire.model), lambda _: None)
            found[status] = raised.value.kind
            assert str(status) in str(raised.value)
        await provider.aclose()
        return found

    with LoopbackModels(lambda asked: Reply("no", status=int(asked.text))) as server:
        assert asyncio.run(kinds(server.url)) == STATUSES
        assert len(server.asked) == len(STATUSES)


@every_wire
def test_an_error_is_one_line_that_names_the_vendor_and_no_key(wire: Wire) -> None:
    message = str(failure(wire, Reply(f"bad key\n{KEY} " + "x" * 1000, status=401)))
    assert message.startswith(("OpenAI answered 401: bad key", "Anthropic answered 401", "Google answered 401"))
    assert KEY not in message
    assert "\n" not in message
    assert len(message) < 400


@every_wire
def test_how_long_to_wait_is_read_in_seconds_or_as_a_date(wire: Wire) -> None:
    assert failure(wire, Reply("slow down", status=429, headers={"retry-after": "7"})).retry_after == 7.0
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    wait = failure(wire, Reply("slow down", status=429, headers={"retry-after": date})).retry_after
    assert wait is not None
    assert 30 < wait <= 61


@pytest.mark.parametrize("name", ["chat", "responses"])
def test_an_empty_account_is_permanent_although_it_comes_as_a_rate_limit(name: str) -> None:
    error = failure(WIRES[name], Reply("pay first", status=429, error_code="insufficient_quota"))
    assert (error.kind, error.permanent) == ("request", True)


@every_wire
def test_a_cut_stream_is_not_an_answer(wire: Wire) -> None:
    assert failure(wire, Reply("Drive, because the car has to be there. " * 10, cut=True)).kind == "server"


@every_wire
def test_a_stream_that_ends_without_saying_so_is_not_an_answer(wire: Wire) -> None:
    assert failure(wire, Reply("Drive, because the car has to be there. " * 10, unfinished=True)).kind == "server"


@every_wire
def test_a_page_is_not_an_answer(wire: Wire) -> None:
    assert failure(wire, Reply(raw_body="<html>log in to the network</html>")).kind == "protocol"


@every_wire
def test_an_answer_without_text_is_empty(wire: Wire) -> None:
    assert failure(wire, Reply("")).kind == "empty"
    cut_short = failure(wire, Reply(" \n", thought="Hm.", finish="length", input=1000, output=500, reasoning=500))
    assert cut_short.kind == "empty"
    assert cut_short.usd  # it was thought about, and that is billed


@every_wire
def test_a_refused_connection_is_the_servers_fault(wire: Wire) -> None:
    with socket.socket() as taken:  # bound and not listening
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(ProviderError) as raised:
            complete(wire.open(f"http://127.0.0.1:{taken.getsockname()[1]}"), request(model=wire.model))
    assert raised.value.kind == "server"
