"""Four vendors to be asked, one for each wire format, and how a test asks one."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from folkmoot.providers import open_provider
from folkmoot.providers.base import Settings
from folkmoot.types import About, Completion, Message, OnText, Provider, Request, Seat

KEY = "sk-very-secret-0123456789"


@dataclass(frozen=True)
class Wire:
    """One wire format and the vendor that stands for it."""

    provider: str
    model: str
    environ: Callable[[str], Mapping[str, str]]  # by the server's address
    table: Mapping[str, Any]

    def open(self, url: str, idle: float | None = 20.0) -> Provider:
        return open_provider(self.provider, Settings(self.environ(url), idle_timeout=idle, table=self.table))


def openai_environ(url: str) -> Mapping[str, str]:
    return {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{url}/v1"}


WIRES = {
    "chat": Wire("openai", "gpt-5.4", openai_environ, {}),
    "responses": Wire("openai", "gpt-5.4", openai_environ, {"wire": "responses"}),
    "anthropic": Wire(
        "anthropic", "claude-opus-4-6", lambda url: {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": url}, {}
    ),
    "google": Wire(
        "google", "gemini-3.1-pro-preview", lambda url: {"GEMINI_API_KEY": KEY, "GOOGLE_GEMINI_BASE_URL": url}, {}
    ),
}
every_wire = pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)


def request(*parts: str, model: str = "m", system: str = "", **more: Any) -> Request:
    seat = Seat(model=f"x/{model}")
    about = About(
        question="", step="r1/propose/s1", phase="propose", round=1, seat=seat, format="text", example="", seed=0
    )
    asked = Request(model, system, (Message("user", parts or ("Drive or walk?",)),), about)
    return replace(asked, **more)


def complete(provider: Provider, asked: Request, on_text: OnText = lambda _: None) -> Completion:
    """One call, and the provider closed after it."""

    async def call() -> Completion:
        try:
            return await provider.complete(asked, on_text)
        finally:
            await provider.aclose()

    return asyncio.run(call())
