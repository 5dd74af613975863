"""Every protocol from end to end over loopback servers that speak the vendors' real wire formats, streaming."""

import asyncio
from pathlib import Path
from typing import Any

from folkmoot import events
from folkmoot.execute import checked, execute
from folkmoot.providers import open_provider
from folkmoot.providers.base import Settings
from folkmoot.record.store import RunFolder
from folkmoot.types import Completion, OnText, Provider, Request
from tests.loopback import Asked, LoopbackModels, Reply
from tests.play import lines, replayed, spec_for
from tests.protocols.cases import EVERY, TRAP, quarrelling, told
from tests.providers.api_calls import KEY, WIRES

SEATS = ("mine/llama3:8b", "anthropic/claude-opus-4-6", "google/gemini-3.1-pro-preview", "mine/qwen3")


class Overheard:
    """A provider, and what it was asked: by the text that must arrive at the server as it is."""

    def __init__(self, provider: Provider, asked: dict[tuple[str, str], Request]) -> None:
        self.provider, self.asked = provider, asked
        self.billing, self.concurrency, self.streams = provider.billing, provider.concurrency, provider.streams
        self.timeout, self.attachments = provider.timeout, provider.attachments

    async def complete(self, request: Request, on_text: OnText) -> Completion:
        self.asked[request.model, request.messages[-1].text] = request
        return await self.provider.complete(request, on_text)

    async def aclose(self) -> None:
        await self.provider.aclose()


def opened(url: str, asked: dict[tuple[str, str], Request]) -> dict[str, Provider]:
    """A server of the user's own that speaks OpenAI's chat format, and two vendors."""
    mine = Settings({"MY_KEY": KEY}, table={"base_url": f"{url}/v1", "api_key_env": "MY_KEY"})
    found = {"mine": open_provider("mine", mine)}
    return {
        name: Overheard(provider, asked)
        for name, provider in (found | {name: WIRES[name].open(url) for name in ("anthropic", "google")}).items()
    }


@EVERY
def test_every_protocol_runs_over_the_wire_formats_of_three_vendors(name: str, tmp_path: Path) -> None:
    asked: dict[tuple[str, str], Request] = {}
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    fewer: dict[str, Any] = {"rounds": 2} if name == "brainstorm" else {}
    spec = spec_for(name, SEATS, prompt=TRAP, **fewer)
    folder.save(spec)

    def answer(arrived: Asked) -> Reply:
        """What a simulated seat would say, to the very request that was sent: text and system prompt are whole."""
        request = asked[arrived.model, arrived.text]
        assert arrived.system == request.system and arrived.stream
        said = quarrelling(request)
        assert isinstance(said, str)
        return Reply(said, chunk=7, thought="Let me see.", input=50, output=40)

    async def run(url: str) -> None:
        providers = opened(url, asked)
        try:
            await execute(checked(spec), providers, folder=folder, listeners=[heard.append])
        finally:
            for provider in providers.values():
                await provider.aclose()

    heard: list[events.Event] = []
    with LoopbackModels(answer) as server:
        asyncio.run(run(server.url))
    result = folder.result()
    assert result is not None and result.failures == () and result.repairs == 0
    assert result.outcome.answers and result.exit_code in (0, 2)
    assert len(lines(folder, "started")) >= len(server.asked) >= result.total_calls  # a decision cancels open calls
    _streams_what_it_says(heard)
    assert all(seat.usage.output_tokens == 40 * seat.calls for seat in result.seats)
    assert told(replayed(folder)) == told(result)


def _streams_what_it_says(heard: list[events.Event]) -> None:
    texts: dict[str, str] = {}
    for event in heard:
        if isinstance(event, events.TextDelta):
            texts[event.step] = texts.get(event.step, "") + event.text
        elif isinstance(event, events.CallFinished):
            assert texts[event.step] == event.text
