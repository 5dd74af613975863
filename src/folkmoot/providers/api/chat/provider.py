"""One vendor's or server's seats over chat completions: a request goes out as one stream."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import quote

import httpx2

from folkmoot._version import __version__
from folkmoot.errors import InputError, ProviderError
from folkmoot.providers.api.access import Access
from folkmoot.providers.api.chat.body import as_body
from folkmoot.providers.api.chat.dialects import COMMON, DIALECTS, Dialect, Enforces
from folkmoot.providers.api.chat.failures import ServerRefused, as_line, no_answer, refusal
from folkmoot.providers.api.chat.lines import Events
from folkmoot.providers.api.chat.reading import Reading
from folkmoot.providers.api.chat.refusals import Refusals, is_vague
from folkmoot.providers.api.pricing import Pricing
from folkmoot.providers.base import BaseProvider
from folkmoot.providers.catalog import server_root
from folkmoot.types import JSON, Billing, Completion, OnText, Request

# Seconds that a complete answer waits for more: for its usage, and for the end of the stream, so that the connection
# can be used again.
_AFTER_FINISH, _AFTER_DONE = 5.0, 0.25
_MOST_OF_AN_ERROR = 2**20  # bytes


@dataclass(frozen=True)
class Endpoint:
    """Where completions are asked for: `url` may hold `{model}`."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def url_for(self, model: str) -> str:
        return self.url.replace("{model}", quote(model, safe=""))


def open_chat(access: Access) -> "ChatProvider":
    """Raises InputError where the address is missing, or the key cannot be sent."""
    if access.key and not (access.key.isascii() and access.key.isprintable()):
        raise InputError(f"{access.label}'s key holds characters that no HTTP header can carry: copy it again")
    return ChatProvider(access, DIALECTS.get(access.name, COMMON), _endpoint(access))


def _endpoint(access: Access) -> Endpoint:
    bearer = {"authorization": f"Bearer {access.key}"} if access.key else {}
    if access.name != "azure":
        root = server_root(access.base_url or "https://api.openai.com/v1").removesuffix("/chat/completions")
        own = access.name == "openai"  # nobody else is told the organization
        named = {"openai-organization": "OPENAI_ORG_ID", "openai-project": "OPENAI_PROJECT_ID"} if own else {}
        told = {header: access.environ[name] for header, name in named.items() if access.environ.get(name)}
        return Endpoint(f"{root}/chat/completions", {**bearer, **told})
    if not access.base_url:
        raise InputError("Azure OpenAI needs an address: set AZURE_OPENAI_ENDPOINT, e.g. https://NAME.openai.azure.com")
    endpoint, version = access.base_url.rstrip("/"), access.environ.get("OPENAI_API_VERSION")
    if endpoint.endswith("/v1"):
        return Endpoint(f"{endpoint}/chat/completions", bearer)
    if not version:  # the interface without dated versions
        return Endpoint(f"{endpoint}/openai/v1/chat/completions", bearer)
    path = f"/openai/deployments/{{model}}/chat/completions?api-version={quote(version)}"
    return Endpoint(endpoint + path, {"api-key": access.key} if access.key else {})


class ChatProvider(BaseProvider):
    """One vendor or server, with one pool of connections for all seats."""

    def __init__(self, access: Access, dialect: Dialect, endpoint: Endpoint) -> None:
        self.name, self.label = access.name, access.label
        self.billing: Billing = access.billing
        self.attachments = dialect.attachments
        self._dialect, self._endpoint = dialect, endpoint
        said = access.settings.table.get("json_schema")
        self._said_to_enforce: Enforces = said if isinstance(said, bool) else None
        self._secrets = access.secrets
        self._pricing = Pricing(access.name, access.billing, access.settings.prices)
        self._refusals = Refusals(endpoint.url)
        self._http = access.http()
        self._headers = self._http.headers.copy()
        self._headers.update({
            "content-type": "application/json",
            "accept": "application/json",
            "accept-encoding": "identity",  # pieces are small, and are read as they come
            "user-agent": f"folkmoot/{__version__}",
            **endpoint.headers,
        })  # fmt: skip
        self._timeout = {"timeout": self._http.timeout.as_dict()}
        self._address = cache(lambda model: httpx2.URL(endpoint.url_for(model)))

    async def complete(self, request: Request, on_text: OnText) -> Completion:
        self._pricing.load(request.model)
        try:
            return self._completion(request, await self._answer(request, on_text))
        except ProviderError as error:
            raise without_secrets(error, self._secrets) from error.__cause__

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _answer(self, request: Request, on_text: OnText) -> Reading:
        """Ask, and ask again without a field that the server refuses: a refused request costs nothing."""
        model = request.model
        suspected: ServerRefused | None = None  # a refusal that names no field, after which the schema was left out
        while True:
            enforces = self._enforces(model)
            body = as_body(request, self._dialect, enforces, self._refusals)
            try:
                return await self._ask(model, body, on_text)
            except ServerRefused as refused:
                field = self._refusals.named_by(refused, body)
                if field is None and enforces is None and "response_format" in body and is_vague(refused):
                    field, suspected = "response_format", refused
                elif suspected is not None and suspected.status == refused.status:
                    self._refusals.withdraw(model, "response_format")  # the schema was not to blame
                if field is None or self._refusals.has(model, field):
                    raise
                self._refusals.add(model, field)

    def _enforces(self, model: str) -> Enforces:
        return self._dialect.enforces(model) if self._said_to_enforce is None else self._said_to_enforce

    async def _ask(self, model: str, body: JSON, on_text: OnText) -> Reading:
        """One HTTP request. Raises Refused for an error that came before any text of the answer."""
        reading, events = Reading(self.label), Events()
        clock = asyncio.get_running_loop().time
        try:
            async with asyncio.timeout(None) as patience, aclosing(self._pieces(model, body)) as pieces:
                async for piece in pieces:
                    for name, value in events.feed(piece):
                        if new := reading.hear(name, value):
                            on_text(new)
                        if reading.ended:
                            patience.reschedule(clock() + (_AFTER_DONE if reading.done else _AFTER_FINISH))
        except TimeoutError:
            if not patience.expired():
                raise
        except ProviderError as error:
            if not reading.ended:
                raise _unrepeatable(error) if reading.text else error from error.__cause__
        for name, value in events.end():
            on_text(reading.hear(name, value))
        if not reading.complete and not reading.text:
            self._read_rest(reading, events.rest(), on_text)
        return reading

    async def _pieces(self, model: str, body: JSON) -> AsyncGenerator[bytes, None]:
        """The body of the response as it arrives. Raises ProviderError for whatever goes wrong on the way."""
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        try:
            # Not by `stream`, which would parse the address and the headers for every call.
            request = httpx2.Request(
                "POST", self._address(model), content=content, headers=self._headers, extensions=self._timeout
            )
            async with aclosing(await self._http.send(request, stream=True)) as response:
                if response.status_code >= 300:
                    raise refusal(self.label, response.status_code, response.headers, await _beginning(response))
                encoded = "content-encoding" in response.headers
                async for piece in response.aiter_bytes() if encoded else response.aiter_raw():
                    yield piece
        except httpx2.ReadTimeout as error:
            raise ProviderError("idle", f"{self.label} fell silent") from error
        except (httpx2.UnsupportedProtocol, httpx2.InvalidURL, httpx2.LocalProtocolError) as error:
            raise ProviderError("request", f"{self.label}: {error}") from error
        except httpx2.DecodingError as error:
            raise ProviderError("protocol", f"{self.label}: the reply cannot be decompressed: {error}") from error
        except (httpx2.HTTPError, httpx2.StreamError, OSError) as error:
            raise ProviderError("server", f"{self.label}: {error or type(error).__name__}") from error

    def _read_rest(self, reading: Reading, rest: bytes, on_text: OnText) -> None:
        """Read a whole document where a stream was asked for. Raises ProviderError where it is no completion."""
        text = rest.decode("utf-8", "replace").strip()
        try:
            found = json.loads(text) if text else None
        except (ValueError, RecursionError):
            raise no_answer(self.label, text) from None
        if found is not None:
            on_text(reading.hear("", found))
        if not reading.complete and (reading.strays or isinstance(found, str | int | float)):
            raise no_answer(self.label, reading.strays or text)

    def _completion(self, request: Request, reading: Reading) -> Completion:
        usage, text = reading.tokens.usage(), reading.text
        billed = reading.tokens.billed if self._dialect.bills else None
        usd = self._pricing.usd(request.model, reading.model, usage, billed)
        if reading.finish == "filtered":
            raise ProviderError("empty", f"{self.label}'s content filter withheld the answer", usd=usd)
        if reading.finish == "broken":
            raise ProviderError("server", f"{self.label} broke the answer off: {reading.reason}", usd=usd)
        if not reading.complete:
            raise ProviderError("server", f"{self.label}'s stream ended before the answer did", usd=usd)
        if not text.strip():
            if request.schema is not None and self._enforces(request.model) is None:
                self._refusals.add(request.model, "response_format")  # the next attempt goes without
            raise ProviderError("empty", f"{self.label} {_why_empty(reading)}", usd=usd)
        return Completion(
            text=text,
            model=reading.model,
            usage=usage,
            usd=usd,
            list_usd=self._pricing.list_usd(request.model, reading.model, usage),
            finish="length" if reading.finish == "length" else "stop",
        )


def without_secrets(error: ProviderError, secrets: tuple[str, ...]) -> ProviderError:
    """`error`, or the same one without what must not occur in a message."""
    message = str(error)
    if not any(secret in message for secret in secrets):
        return error
    for secret in secrets:
        message = message.replace(secret, "***")
    return ProviderError(error.kind, message, retry_after=error.retry_after, usd=error.usd)


def _unrepeatable(error: ProviderError) -> ProviderError:
    """`error` as the failure of an answer that had begun, and may be billed: nothing is asked again on its account."""
    return ProviderError(error.kind, str(error), retry_after=error.retry_after, usd=error.usd)


def _why_empty(reading: Reading) -> str:
    if reading.refusal.strip():
        return f"refused: {as_line(reading.refusal)[:300]}"
    return "answered without text" + (" within the limit on its length" if reading.finish == "length" else "")


async def _beginning(response: httpx2.Response) -> bytes:
    """The body of an error, as far as it is of use."""
    found = bytearray()
    async for piece in response.aiter_bytes():
        found += piece
        if len(found) > _MOST_OF_AN_ERROR:
            break
    return bytes(found[:_MOST_OF_AN_ERROR])
