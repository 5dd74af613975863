"""What is known about an API vendor: before its SDK is loaded (`Access`) and when it is ready to be asked (`Vendor`).

Everything is read from `Settings.environ` and handed to the SDKs explicitly.
"""

from __future__ import annotations

import warnings
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from folkmoot.errors import InputError
from folkmoot.providers.base import Settings
from folkmoot.providers.catalog import APIS, LOCAL_SERVERS, server_root
from folkmoot.types import Billing

if TYPE_CHECKING:
    import httpx2
    from pydantic_ai.models import Model

_CONNECTIONS = 1000  # at once; google-genai's own limit is 100, which holds large panels up
_CONNECT_SECONDS = 10.0
VIA = "x-folkmoot-via"  # the servers of ours through which a question came, see frontends/server/access.py
_VENDORS = (
    "openai.com", "anthropic.com", "googleapis.com", "azure.com", "amazonaws.com",
    *(str(urlsplit(api.base_url).hostname) for api in APIS.values() if api.base_url and api.name not in LOCAL_SERVERS),
)  # fmt: skip
_OWN_WIRE = {"anthropic": "anthropic", "google": "google", "vertex": "google", "bedrock": "bedrock"}


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
    cached_from: Callable[[str], int | None] = field(default=lambda model: None)  # noqa: ARG005


@dataclass(frozen=True)
class Access:
    """What is known about a vendor before its SDK is loaded."""

    name: str
    label: str
    key: str | None
    base_url: str | None
    billing: Billing
    settings: Settings

    @property
    def environ(self) -> Mapping[str, str]:
        return self.settings.environ

    def http(self) -> httpx2.AsyncClient:
        """The one pool of connections. Its read timeout is the idle timeout: it starts anew with every byte."""
        import httpx2
        from pydantic_ai.models import create_async_httpx2_client

        timeout = httpx2.Timeout(None, connect=_CONNECT_SECONDS, read=self.settings.idle_timeout)
        limits = httpx2.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=100)
        client = create_async_httpx2_client(timeout=timeout, limits=limits)
        client.event_hooks["response"].append(_remember)
        if self.settings.via and self.base_url and not is_vendors(self.base_url):
            client.headers[VIA] = ",".join(self.settings.via)
        return client


def is_vendors(url: str) -> bool:
    """Whether a vendor answers at `url`. Any other server may be one of ours, and must be told what it was asked by.

    >>> is_vendors("https://eu.api.openai.com/v1"), is_vendors("http://127.0.0.1:8484/v1"), is_vendors("gpu:8000")
    (True, False, False)
    """
    host = f".{urlsplit(server_root(url)).hostname or ''}"
    return any(host.endswith(f".{domain}") for domain in _VENDORS)


_opened: ContextVar[list[httpx2.Response]] = ContextVar("opened")


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


def open_vendor(name: str, settings: Settings) -> Vendor:
    """Raises InputError for a missing key or package, before any request."""
    access = access_to(name, settings)
    # Models that take no temperature say so through `warnings`: on stderr, in the middle of a run.
    warnings.filterwarnings("ignore", category=UserWarning, module=r"pydantic_ai\.")
    try:
        module = import_module(f"folkmoot.providers.api.{_OWN_WIRE.get(name, 'openai')}")
    except ImportError as missing:
        extra = APIS[name].extra if name in APIS else None
        how = f"pip install 'folkmoot[{extra}]'" if extra else "pip install folkmoot"
        raise InputError(f"{access.label} needs a package that is not here: {how} ({missing})") from missing
    opener: Callable[[Access], Vendor] = module.open_vendor
    return opener(access)


def access_to(name: str, settings: Settings) -> Access:
    table, environ, api = settings.table, settings.environ, APIS.get(name)
    label = api.label if api else name
    key = table.get("api_key") or None
    if variable := table.get("api_key_env"):
        key = environ.get(variable) or key
        if not key:
            raise InputError(f"{label} needs a key: {variable}, which config.toml names, is not set")
    variables = api.keys if api else ()
    key = key or next((environ[each] for each in variables if environ.get(each)), None)
    if variables and not key:
        raise InputError(f"{label} needs a key: set {' or '.join(variables)}, in the environment or in .env")
    urls = [table.get("base_url"), *(environ.get(each) for each in (api.base_url_vars if api else ()))]
    urls += [api.base_url if api else None, LOCAL_SERVERS.get(name)]
    billing: Billing = table.get("billing") or ("free" if name in LOCAL_SERVERS else "metered")
    return Access(name, label, key, next(filter(None, urls), None), billing, settings)
