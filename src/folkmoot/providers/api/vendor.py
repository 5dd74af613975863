"""A vendor that is asked through its own library: what is known of it when it is ready to be asked.

These are Anthropic, Google, Vertex AI, Bedrock, and OpenAI's responses interface.
"""

from __future__ import annotations

import warnings
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING

from folkmoot.errors import InputError
from folkmoot.providers.api.access import Access
from folkmoot.providers.api.schemas import BARE
from folkmoot.providers.catalog import APIS
from folkmoot.types import Billing

if TYPE_CHECKING:
    import httpx2
    from pydantic_ai.models import Model

_MODULES = {"anthropic": "anthropic", "google": "google", "vertex": "google", "bedrock": "bedrock"}


@dataclass
class Vendor:
    """A vendor that is ready to be asked."""

    label: str
    model: Callable[[str], Model]
    close: Callable[[], Awaitable[None]]
    secrets: tuple[str, ...]  # must not occur in any message
    billing: Billing = "metered"
    attachments: frozenset[str] = frozenset()
    concurrency: int | None = None
    effort_fixes_temperature: bool = False  # whether a request with effort must not name a temperature
    enforces_schema: Callable[[str], bool] = field(default=lambda model: True)  # noqa: ARG005
    keywords: frozenset[str] = BARE  # the optional ones of a schema that it takes
    cached_from: Callable[[str], int | None] = field(default=lambda model: None)  # noqa: ARG005


_opened: ContextVar[list[httpx2.Response]] = ContextVar("opened")


def closable(http: httpx2.AsyncClient) -> httpx2.AsyncClient:
    """`http`, whose responses `closing_responses` will close."""
    http.event_hooks["response"].append(_remember)
    return http


async def _remember(response: httpx2.Response) -> None:
    _opened.get([]).append(response)


@asynccontextmanager
async def closing_responses() -> AsyncGenerator[None, None]:
    """Close every HTTP response that the block received, however it ends.

    A cancelled call must stop being billed at once, but SDKs read through nested generators, and where cancellation
    meets them between two pieces they leave the innermost, which holds the connection, to the garbage collector.
    """
    responses: list[httpx2.Response] = []
    token = _opened.set(responses)
    try:
        yield
    finally:
        _opened.reset(token)
        for response in responses:
            await response.aclose()


def has_library(name: str) -> bool:
    """Whether the vendor `name` is asked through its own library, whatever config.toml says."""
    return name in _MODULES


def open_vendor(access: Access) -> Vendor:
    """Raises InputError for a package that is missing, before any request."""
    # Models that take no temperature say so through `warnings`: on stderr, in the middle of a run.
    warnings.filterwarnings("ignore", category=UserWarning, module=r"pydantic_ai\.")
    try:
        module = import_module(f"folkmoot.providers.api.{_MODULES.get(access.name, 'responses')}")
    except ImportError as missing:
        extra = APIS[access.name].extra if access.name in APIS else None
        how = f"pip install 'folkmoot[{extra}]'" if extra else "pip install folkmoot"
        raise InputError(f"{access.label} needs a package that is not here: {how} ({missing})") from missing
    opener: Callable[[Access], Vendor] = module.open_vendor
    return opener(access)
