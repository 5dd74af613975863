"""The tools for provider authors: the script is followed, and the contract notices who breaks it."""

import asyncio
from collections.abc import Callable

import pytest

from folkmoot.errors import ProviderError
from folkmoot.providers.base import BaseProvider
from folkmoot.testing import ScriptedProvider, provider_contract, request
from folkmoot.types import Billing, Completion, OnText, Request


def ask(provider: ScriptedProvider, *requests: Request) -> list[str]:
    async def all_of_them() -> list[str]:
        return [(await provider.complete(each, lambda _: None)).text for each in requests]

    return asyncio.run(all_of_them())


def test_a_script_is_one_text_a_function_a_table_or_a_list() -> None:
    async def later(asked: Request) -> str:
        return asked.model.upper()

    asked = request("2+2", model="m", phase="evaluate", step="r1/evaluate/s1>s2")
    assert ask(ScriptedProvider("4"), asked, asked) == ["4", "4"]
    assert ask(ScriptedProvider(lambda asked: asked.about.phase), asked) == ["evaluate"]
    assert ask(ScriptedProvider(later), asked) == ["M"]
    assert ask(ScriptedProvider({"evaluate": "phase"}), asked) == ["phase"]
    assert ask(ScriptedProvider({"evaluate": "phase", "r1/evaluate/s1>s2": "step"}), asked) == ["step"]
    assert ask(ScriptedProvider(["one", Completion(text="two")]), asked, asked) == ["one", "two"]


def test_a_script_can_hold_failures_and_ends_where_it_ends() -> None:
    provider = ScriptedProvider([ProviderError("rate", "slow down"), "4"])
    with pytest.raises(ProviderError, match="slow down"):
        ask(provider, request())
    assert ask(provider, request()) == ["4"]
    with pytest.raises(ProviderError, match="no reply for r1/propose/s1"):
        ask(provider, request())
    assert len(provider.requests) == 3


def test_a_request_for_tests_is_a_first_answer_to_its_own_text() -> None:
    asked = request("2+2", round=2)
    assert (asked.about.question, asked.messages[0].text, asked.about.step) == ("2+2", "2+2", "r2/propose/s1")
    assert request("wrapped", question="2+2").about.question == "2+2"


def test_a_scripted_provider_keeps_the_contract() -> None:
    opened: list[ScriptedProvider] = []

    def open() -> ScriptedProvider:
        opened.append(ScriptedProvider("391"))
        return opened[-1]

    asyncio.run(provider_contract(open, attempts=lambda: sum(len(each.requests) for each in opened)))
    assert [each.closed for each in opened] == [True]


class Honest(BaseProvider):
    """Keeps the contract; the classes below each break it in one way."""

    billing: Billing = "free"

    async def complete(self, request: Request, on_text: OnText) -> Completion:
        on_text("3")
        await asyncio.sleep(0)
        on_text("91")
        return Completion(text="391", usd=0.0)


class Empty(Honest):
    async def complete(self, request: Request, on_text: OnText) -> Completion:
        return Completion(text=" ", usd=0.0)


class Silent(Honest):
    async def complete(self, request: Request, on_text: OnText) -> Completion:
        return Completion(text="391", usd=0.0)


class Muddled(Honest):
    async def complete(self, request: Request, on_text: OnText) -> Completion:
        done = await super().complete(request, on_text)
        return done.model_copy(update={"text": "something else"})


class Expensive(Honest):
    async def complete(self, request: Request, on_text: OnText) -> Completion:
        return (await super().complete(request, on_text)).model_copy(update={"usd": 0.1})


class Leaking(Honest):
    async def complete(self, request: Request, on_text: OnText) -> Completion:
        self.left = asyncio.create_task(asyncio.Event().wait())
        return await super().complete(request, on_text)


class Failing(Honest):
    async def complete(self, request: Request, on_text: OnText) -> Completion:
        raise ProviderError("auth", "no key")


class Boundless(Honest):
    concurrency = 0


class Misleading(Honest):
    """Makes of its cancellation a failure that would be tried again."""

    async def complete(self, request: Request, on_text: OnText) -> Completion:
        try:
            return await super().complete(request, on_text)
        except asyncio.CancelledError:
            raise ProviderError("server", "lost") from None


@pytest.mark.parametrize(
    "provider, said",
    [
        (Empty, "an answer without text"),
        (Silent, "must call on_text"),
        (Muddled, "is not the answer"),
        (Expensive, "a free call costs 0.0"),
        (Failing, "cannot be answered: auth: no key"),
        (Boundless, "concurrency is 0"),
    ],
)
def test_a_provider_that_breaks_the_contract_is_told_how(provider: Callable[[], BaseProvider], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        asyncio.run(provider_contract(provider))


def test_tasks_that_outlive_a_provider_are_noticed() -> None:
    with pytest.raises(AssertionError, match="still running after aclose"):
        asyncio.run(provider_contract(Leaking, promptly=0.05))


def test_a_swallowed_cancellation_is_noticed() -> None:
    with pytest.raises(ProviderError, match="lost"):
        asyncio.run(provider_contract(Misleading))


def test_retries_inside_a_provider_are_noticed() -> None:
    count = iter(range(0, 100, 2))
    with pytest.raises(AssertionError, match="exactly one attempt"):
        asyncio.run(provider_contract(Honest, attempts=lambda: next(count)))


def test_a_provider_that_keeps_the_contract_passes() -> None:
    asyncio.run(provider_contract(Honest))
