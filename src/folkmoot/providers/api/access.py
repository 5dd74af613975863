"""How an API vendor or a server is reached: address, key, billing and HTTP client. No vendor's library is loaded here.

Everything is read from `Settings.environ` and `[providers.NAME]` of config.toml, and handed on explicitly.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from folkmoot.errors import InputError
from folkmoot.providers.base import Settings
from folkmoot.providers.catalog import APIS, LOCAL_SERVERS, address_of, server_root
from folkmoot.types import Billing

if TYPE_CHECKING:
    import ssl

    import httpx2

VIA = "x-folkmoot-via"
"""The header that lists the Folkmoot servers through which a question came, see frontends/server/access.py."""

_CONNECTIONS = 1000  # open at once
_CONNECT_SECONDS = 10.0
_VENDORS = (
    "openai.com", "anthropic.com", "googleapis.com", "azure.com", "amazonaws.com",
    *(str(urlsplit(api.base_url).hostname) for api in APIS.values() if api.base_url and api.name not in LOCAL_SERVERS),
)  # fmt: skip


@dataclass(frozen=True)
class Access:
    """The address, key and settings with which one vendor or server is asked."""

    name: str
    label: str
    key: str | None
    base_url: str | None
    billing: Billing
    settings: Settings

    @property
    def environ(self) -> Mapping[str, str]:
        return self.settings.environ

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that must not occur in any message."""
        return (self.key,) if self.key else ()

    @property
    def account(self) -> str:
        """Names the account that a rate limit holds for, without showing the key."""
        known = "\n".join((self.name, self.base_url or "", self.key or ""))
        return hashlib.sha256(known.encode("utf-8", "surrogatepass")).hexdigest()

    def http(self) -> httpx2.AsyncClient:
        """A new pool of connections. Its read timeout is the idle timeout: it starts anew with every byte received."""
        import httpx2

        timeout = httpx2.Timeout(None, connect=_CONNECT_SECONDS, read=self.settings.idle_timeout)
        limits = httpx2.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=100)
        client = httpx2.AsyncClient(timeout=timeout, limits=limits, verify=self._certificates())
        if self.settings.via and self.base_url and not is_vendors(self.base_url):
            client.headers[VIA] = ",".join(self.settings.via)
        return client

    def _certificates(self) -> ssl.SSLContext:
        """The certificates to trust. Loading them takes longer than a short request, so it is done once, if at all."""
        without_tls = bool(self.base_url) and server_root(str(self.base_url)).startswith("http://")
        if without_tls and not any(name.lower().endswith("_proxy") for name in os.environ):
            import ssl

            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody: there is no TLS at such an address
        return _trusted()


@cache
def _trusted() -> ssl.SSLContext:
    import httpx2

    return httpx2.create_ssl_context()


def is_vendors(url: str) -> bool:
    """Whether a vendor answers at `url`. Any other server may be a Folkmoot server, which must get the header VIA.

    >>> is_vendors("https://eu.api.openai.com/v1"), is_vendors("http://127.0.0.1:8484/v1"), is_vendors("gpu:8000")
    (True, False, False)
    """
    host = f".{urlsplit(server_root(url)).hostname or ''}"
    return any(host.endswith(f".{domain}") for domain in _VENDORS)


def access_to(name: str, settings: Settings) -> Access:
    """The access to provider `name`. Raises InputError where a key is needed and none is set."""
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
    billing: Billing = table.get("billing") or ("free" if name in LOCAL_SERVERS else "metered")
    return Access(name, label, key.strip() if key else None, address_of(name, environ, table), billing, settings)
