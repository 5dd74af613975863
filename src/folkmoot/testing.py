"""For authors of providers: a scripted provider, a request for tests, and the contract that every provider keeps."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import get_args

from folkmoot.errors import ProviderError
from folkmoot.providers.base import BaseProvider
from folkmoot.types import JSON, About, Billing, Completion, Message, OnText, Provider, Request, Seat

__all__ = ["Reply", "Script", "ScriptedProvider", "provider_contract", "request"]

Reply = str | Completion | ProviderError
"""The reply of a scripted call: a text, a completion with usage and cost, or a failure."""

Script = Reply | Callable[[Request], Reply | Awaitable[Reply]] | Mapping[str, Reply] | Sequence[Reply]


class ScriptedProvider(BaseProvider):
    """Answers from a script, costs nothing, and keeps every request in `requests`.

    `script` is one reply for all calls; a function of the request, async or not; replies by step, else by phase;
    or a list of replies in the order of the calls. Where the script has nothing the attempt fails as "missing".
    """

    billing: Billing = "free"

    def __init__(self, script: Script, *, concurrency: int | None = None) -> None:
        self.script = script
        self.concurrency = concurrency
        self.requests: list[Request] = []
        self.closed = False

    async def complete(self, request: Request, on_text: OnText) -> Completion:
        self.requests.append(request)
        reply = await self._reply(request, len(self.requests) - 1)
        await asyncio.sleep(0)  # other calls get their turn, as with any real provider
        if isinstance(reply, ProviderError):
            raise reply
        done = Completion(text=reply, usd=0.0) if isinstance(reply, str) else reply
        on_text(done.text)
        return done

    async def _reply(self, request: Request, turn: int) -> Reply:
        script, about = self.script, request.about
        if isinstance(script, str | Completion | ProviderError):
            return script
        if callable(script):
            found = script(request)
            return await found if inspect.isawaitable(found) else found
        if isinstance(script, Mapping):
            reply = script.get(about.step, script.get(about.phase))
        else:
            reply = script[turn] if turn < len(script) else None
        return ProviderError("missing", f"the script has no reply for {about.step}") if reply is None else reply

    async def aclose(self) -> None:
        self.closed = True


def request(
    text: str = "What is 17 * 23?",
    *,
    model: str = "any",
    system: str = "",
    question: str | None = None,
    phase: str = "propose",
    round: int = 1,
    step: str | None = None,
    seat: Seat | None = None,
    format: str = "text",
    example: str = "An answer.",
    seed: int = 0,
    schema: JSON | None = None,
) -> Request:
    """A request with `text` as the prompt, and as the run's question unless `question` says otherwise."""
    seat = seat or Seat(model=f"scripted/{model}", id=f"scripted/{model}")
    step = step or f"r{round}/{phase}/{seat.name}"
    asked = text if question is None else question
    about = About(asked, step, phase, round, seat, format, example, seed)
    return Request(model=model, system=system, messages=(Message("user", (text,)),), about=about, schema=schema)


async def provider_contract(
    open: Callable[[], Provider],
    asked: Request | None = None,
    *,
    attempts: Callable[[], int] | None = None,
    promptly: float = 5.0,  # seconds; generous, so that a busy machine does not fail a provider
) -> None:
    """Assert that the provider that `open` makes keeps what the interface promises, when asked `asked`.

    `asked` must be a request that it can answer. `attempts` counts the attempts that reached whatever the provider
    talks to, e.g. requests that a local server has seen; with it, retries inside the provider are found out.
    A cancelled call must end within `promptly`.
    """
    asked = asked or request()
    before = asyncio.all_tasks()
    provider = open()
    try:
        _has_its_attributes(provider)
        tried = attempts() if attempts else 0
        await _answers(provider, asked)
        if attempts:
            assert attempts() - tried == 1, "complete must make exactly one attempt"
        await _answers_several_at_once(provider, asked)
        await _ends_when_cancelled(provider, asked, promptly, begun=False)
        await _ends_when_cancelled(provider, asked, promptly, begun=True)
        await _answers(provider, asked)  # a cancelled call leaves nothing behind that breaks the next one
    finally:
        await provider.aclose()
    if left := asyncio.all_tasks() - before:
        _, left = await asyncio.wait(left, timeout=promptly)
    assert not left, f"tasks are still running after aclose: {left}"


def _has_its_attributes(provider: Provider) -> None:
    assert provider.billing in get_args(Billing), f"billing is {provider.billing!r}"
    limit = provider.concurrency
    assert limit is None or (isinstance(limit, int) and limit > 0), f"concurrency is {limit!r}"
    assert isinstance(provider.streams, bool), f"streams is {provider.streams!r}"
    assert provider.timeout > 0, f"timeout is {provider.timeout!r}"
    assert isinstance(provider.attachments, frozenset), f"attachments is {provider.attachments!r}"
    assert all("/" in each for each in provider.attachments), f"{provider.attachments!r} are not media types"


async def _answers(provider: Provider, asked: Request) -> Completion:
    pieces: list[str] = []
    try:
        done = await provider.complete(asked, pieces.append)
    except ProviderError as error:
        raise AssertionError(f"the request cannot be answered: {error.kind}: {error}") from error
    assert isinstance(done, Completion), f"complete returned {type(done).__name__}"
    assert done.text.strip(), "an answer without text must be ProviderError('empty', ...)"
    assert done.usd is None or done.usd >= 0
    assert provider.billing != "free" or done.usd == 0.0, "a free call costs 0.0"
    streamed = "".join(pieces).strip()
    assert done.text.strip().startswith(streamed), f"what was streamed is not the answer: {streamed!r}, {done.text!r}"
    assert streamed or not provider.streams, "a provider that streams must call on_text"
    return done


async def _answers_several_at_once(provider: Provider, asked: Request) -> None:
    count = min(provider.concurrency or 2, 2)
    await asyncio.gather(*(_answers(provider, asked) for _ in range(count)))


async def _ends_when_cancelled(provider: Provider, asked: Request, promptly: float, *, begun: bool) -> None:
    """Cancel a call while it is being started or, with `begun`, once its first text was heard."""
    heard = asyncio.Event()
    call = asyncio.create_task(provider.complete(asked, lambda _: heard.set()))
    if begun:
        waiting = asyncio.create_task(heard.wait())
        await asyncio.wait({call, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
    else:
        await asyncio.sleep(0)
    call.cancel()
    _, running = await asyncio.wait({call}, timeout=promptly)
    assert not running, f"a cancelled call still runs after {promptly:g} s"
    with suppress(asyncio.CancelledError):
        call.result()  # one that was faster is no fault
