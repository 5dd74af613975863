"""The real agent CLIs against a model on loopback: what they send, what they cost, how they fail and how they end.

`tests/agents/install` brings the programs. The suite takes about two minutes on two cores.
"""

import asyncio
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from folkmoot import testing
from folkmoot.errors import ProviderError
from folkmoot.providers.agents import AgentCli, open_provider
from folkmoot.providers.base import Settings, Shutdown
from folkmoot.types import JSON, Completion, Message, Request, Usage
from tests.loopback import Asked, LoopbackModels, Reply, echo

pytestmark = pytest.mark.agents

PROGRAMS = Path(__file__).parents[2] / ".cache/agents/node_modules/.bin"
MODELS = {
    "claude-code": "claude-loopback",
    "codex-cli": "gpt-loopback",
    "gemini-cli": "gemini-loopback",
    "opencode": "loopback/m1",
    "pi": "loopback/m1",
}
KEYS = {
    "ANTHROPIC_API_KEY": "key-of-anthropic",
    "OPENAI_API_KEY": "key-of-openai",
    "GEMINI_API_KEY": "key-of-google",
    "LOOPBACK_KEY": "key-of-loopback",
}
ADDED_TOKENS = 150  # to system prompt and question, at most, with a key
LOGGED_IN_TOKENS = 350  # the same for claude with a subscription
CLIS = pytest.mark.parametrize("cli", MODELS)
CONTEXT = ("system", "systemInstruction", "instructions", "messages", "input", "contents", "tools")


@dataclass
class Place:
    """A home and a folder for temporary files that belong to one test."""

    root: Path
    shutdown: Shutdown = field(default_factory=lambda: Shutdown(hurry=True))

    def __post_init__(self) -> None:
        if not PROGRAMS.exists():
            pytest.fail("the agent CLIs are not installed: run tests/agents/install first")
        for name in ("home", "tmp"):
            (self.root / name).mkdir()

    def open(self, cli: str, server: LoopbackModels, **environ: str) -> AgentCli:
        base = {
            "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
            "HOME": str(self.root / "home"),
            "TMPDIR": str(self.root / "tmp"),
            "ANTHROPIC_BASE_URL": server.url,
            "OPENAI_BASE_URL": f"{server.url}/v1",
            "GOOGLE_GEMINI_BASE_URL": server.url,
        }
        own_server = {"base_url": f"{server.url}/v1", "api_key_env": "LOOPBACK_KEY"}
        table = own_server if cli in ("opencode", "pi") else {}
        return open_provider(cli, Settings(environ=base | KEYS | environ, table=table, shutdown=self.shutdown))

    def processes(self) -> list[str]:
        """The programs that run in this place: those that have its folder for temporary files."""
        mark = f"TMPDIR={self.root}".encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (process / "environ").read_bytes():
                    found.append((process / "comm").read_text().strip())
            except OSError:
                continue  # it has ended, or is not ours
        return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def ask(cli: str, text: str = "say hi", system: str = "Be brief.", **changes: object) -> Request:
    return replace(testing.request(text, model=MODELS[cli], system=system), **changes)  # type: ignore[arg-type]


def complete(provider: AgentCli, request: Request) -> Completion:
    return asyncio.run(provider.complete(request, lambda _: None))


def failure(provider: AgentCli, request: Request) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        complete(provider, request)
    return caught.value


def added_tokens(asked: Asked, request: Request) -> float:
    """What stands in a request besides system prompt and question, at four bytes a token."""
    context = json.dumps({key: value for key, value in asked.body.items() if key in CONTEXT})
    return (len(context) - len(request.system) - len(request.messages[-1].text)) / 4


def plainly(text: str = "Hello.") -> Callable[[Asked], Reply]:
    return lambda _: Reply(text, input=50, cached=5, output=30, reasoning=20)


@CLIS
def test_a_cli_keeps_the_contract_of_providers(cli: str, place: Place) -> None:
    with LoopbackModels(plainly()) as server:
        asyncio.run(
            testing.provider_contract(
                lambda: place.open(cli, server), ask(cli), attempts=lambda: len(server.asked), promptly=10.0
            )
        )
    assert place.processes() == []


@CLIS
def test_a_question_arrives_as_it_is_with_little_around_it(cli: str, place: Place) -> None:
    prompt = "--help @/etc/hostname {env:HOME} {file:/etc/hostname}\n!ls\n```\n$(id) \\ \"é\" '日本'\n```\nEnd."
    request = ask(cli, prompt, 'Obey. {env:HOME} "é" \\ {file:/etc/hostname}')
    with LoopbackModels(plainly()) as server:
        answer = complete(place.open(cli, server), request)
    assert answer.text == "Hello."
    assert answer.usage == Usage(input_tokens=50, output_tokens=30, cached_tokens=5, reasoning_tokens=20)
    (asked,) = server.asked
    assert asked.model == MODELS[cli].removeprefix("loopback/")
    assert asked.text.endswith(prompt)
    assert request.system in asked.system
    assert added_tokens(asked, request) <= ADDED_TOKENS
    assert not asked.body.get("tools") or asked.body["tools"] == [{"functionDeclarations": []}]
    assert server.others == []
    assert list((place.root / "home").iterdir()) == []
    assert list((place.root / "tmp").iterdir()) == []


@CLIS
def test_a_refused_key_is_a_permanent_failure_that_does_not_show_the_key(cli: str, place: Place) -> None:
    refusal = Reply(f"not with {list(KEYS.values())}", status=401, error_code="authentication_error")
    with LoopbackModels(lambda _: refusal) as server:
        provider = place.open(cli, server)
        error = failure(provider, ask(cli))
    assert error.kind == "auth"
    assert error.permanent
    assert KEYS[provider.login] not in str(error)


@CLIS
def test_an_unknown_model_is_a_permanent_failure(cli: str, place: Place) -> None:
    with LoopbackModels(lambda _: Reply("no such model", status=404, error_code="not_found_error")) as server:
        assert failure(place.open(cli, server), ask(cli)).kind == "model"


@CLIS
def test_too_many_requests_pass(cli: str, place: Place) -> None:
    with LoopbackModels() as server:
        server.reply = lambda _: Reply("slow down", status=429) if len(server.asked) == 1 else Reply("at last")
        provider = place.open(cli, server)
        if cli != "opencode":  # which tries again by itself, whatever it is told
            assert failure(provider, ask(cli)).kind == "rate"
            assert len(server.asked) == 1
        assert complete(provider, ask(cli)).text == "at last"


@CLIS
def test_a_cut_answer_is_not_an_answer(cli: str, place: Place) -> None:
    long = "This is an answer that never comes to its end, because the line is cut."
    # opencode asks again for ever when the line is cut, and takes a proper end for a step.
    cut = Reply(long, unfinished=True) if cli == "opencode" else Reply(long, cut=True)
    with LoopbackModels(lambda _: cut) as server:
        error = failure(place.open(cli, server), ask(cli))
    assert error.kind in ("server", "protocol")
    assert not error.permanent


@CLIS
def test_a_silent_model_is_left_at_once_and_nothing_stays(cli: str, place: Place) -> None:
    async def give_up(provider: AgentCli, server: LoopbackModels) -> float:
        call = asyncio.create_task(provider.complete(ask(cli), lambda _: None))
        assert await asyncio.to_thread(server.wait, lambda server: len(server.asked) == 1, 30.0)
        assert place.processes()
        started = time.monotonic()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        return time.monotonic() - started

    with LoopbackModels(lambda _: Reply(hang=True)) as server:
        seconds = asyncio.run(give_up(place.open(cli, server), server))
        assert server.wait(lambda server: server.left == 1)
    assert seconds < 1.5
    assert place.processes() == []
    assert list((place.root / "tmp").iterdir()) == []


@CLIS
def test_four_at_once_do_not_mix_their_answers(cli: str, place: Place) -> None:
    async def four(provider: AgentCli) -> list[str]:
        calls = (provider.complete(ask(cli, f"question {n}"), lambda _: None) for n in range(4))
        return [answer.text.splitlines()[-1] for answer in await asyncio.gather(*calls)]

    with LoopbackModels(lambda asked: asked.text.splitlines()[-1]) as server:
        assert asyncio.run(four(place.open(cli, server))) == [f"question {n}" for n in range(4)]


@pytest.mark.parametrize("cli", sorted(MODELS.keys() - {"opencode"}))
def test_a_prompt_of_600_kb_arrives(cli: str, place: Place) -> None:
    with LoopbackModels(plainly()) as server:
        assert complete(place.open(cli, server), ask(cli, "moot " * 120_000 + "end")).text == "Hello."
    assert len(server.asked[0].text) > 600_000


SCHEMA: JSON = {
    "type": "object",
    "properties": {"score": {"type": "number"}, "why": {"type": "string", "default": ""}},
    "required": ["score"],
}


@pytest.mark.parametrize("cli", ["claude-code", "codex-cli"])
def test_a_schema_is_enforced(cli: str, place: Place) -> None:
    with LoopbackModels(plainly('{"score": 8, "why": "né"}')) as server:
        answer = complete(place.open(cli, server), ask(cli, schema=SCHEMA))
    assert json.loads(answer.text) == {"score": 8, "why": "né"}
    assert '"score"' in json.dumps(server.asked[0].body.get("tools") or server.asked[0].body["text"])


def test_claude_passes_on_what_looks_like_a_command(place: Place) -> None:
    with LoopbackModels(echo) as server:
        assert complete(place.open("claude-code", server), ask("claude-code", "/compact")).text.endswith("/compact")


def test_claude_with_a_subscription_sends_little_more_and_costs_nothing(place: Place) -> None:
    request = ask("claude-code")
    with LoopbackModels(plainly()) as server:
        provider = place.open("claude-code", server, CLAUDE_CODE_OAUTH_TOKEN="token-of-anthropic")
        assert provider.login == "CLAUDE_CODE_OAUTH_TOKEN"
        assert complete(provider, request).usd == 0.0
    (asked,) = server.asked
    assert asked.headers["authorization"] == "Bearer token-of-anthropic"
    assert added_tokens(asked, request) <= LOGGED_IN_TOKENS


def test_claude_without_a_log_in_says_so(place: Place) -> None:
    with LoopbackModels() as server:
        assert failure(place.open("claude-code", server, ANTHROPIC_API_KEY=""), ask("claude-code")).kind == "auth"
    assert server.asked == []


@pytest.mark.parametrize("model", ["gpt-5.5", "gpt-6-sol"])
def test_codex_sends_little_to_the_models_it_knows_too(model: str, place: Place) -> None:
    request = ask("codex-cli", model=model)
    with LoopbackModels(plainly()) as server:
        complete(place.open("codex-cli", server), request)
    assert server.asked[0].body["tools"] == []
    assert added_tokens(server.asked[0], request) <= ADDED_TOKENS


@pytest.mark.parametrize("cli, where", [("claude-code", "output_config"), ("codex-cli", "reasoning")])
def test_an_effort_is_passed_on(cli: str, where: str, place: Place) -> None:
    with LoopbackModels(plainly()) as server:
        complete(place.open(cli, server), ask(cli, effort="low"))
    assert server.asked[0].body[where]["effort"] == "low"


def test_opencode_passes_on_a_temperature(place: Place) -> None:
    with LoopbackModels(plainly()) as server:
        complete(place.open("opencode", server), ask("opencode", temperature=0.25))
    assert server.asked[0].body["temperature"] == 0.25


def test_opencode_is_ended_when_it_runs_away(place: Place) -> None:
    page = Reply(raw_body="<html>please log in to the network</html>", headers={"content-type": "text/html"})
    with LoopbackModels(lambda _: page) as server:
        assert failure(place.open("opencode", server), ask("opencode")).kind == "protocol"
    assert len(server.asked) < 10


def test_earlier_turns_reach_the_model(place: Place) -> None:
    turns = (Message("user", ("I am Ada.",)), Message("assistant", ("Hello, Ada.",)), Message("user", ("Who am I?",)))
    with LoopbackModels(plainly()) as server:
        complete(place.open("pi", server), ask("pi", messages=turns))
    assert [turn.text in server.asked[0].text for turn in turns] == [True] * 3
