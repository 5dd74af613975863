"""Embeddings: seats that turn a text into a vector. They are never asked a question.

`embed/openai/text-embedding-3-small` asks a vendor or a local server of catalog.py that speaks OpenAI's
`/v1/embeddings`, `embed/<model>` the server that [providers.embed] of config.toml names (else OpenAI),
`embed/llm/<id>` an embedding model of `llm`, as `llm embed-models` lists them, `embed/words` counts words: no model,
no network.
"""

import asyncio
import json
import math
import re
import zlib
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from folkmoot.errors import FailureKind, InputError, ProviderError, Unparseable
from folkmoot.formats.vector import read_vector, write_vector
from folkmoot.providers.base import BaseProvider, Settings, estimate_usage
from folkmoot.providers.catalog import APIS, LOCAL_SERVERS, server_root
from folkmoot.providers.prices import list_price
from folkmoot.types import IMAGES, JSON, PDF, Completion, OnText, Request, Usage

if TYPE_CHECKING:
    import httpx2

_WIDTH = 512  # of the vectors that count words
_SERVERS = {api.name for api in APIS.values() if api.base_url or api.name == "openai"} | set(LOCAL_SERVERS)
_KINDS: dict[int, FailureKind] = {401: "auth", 403: "auth", 404: "model", 408: "server", 429: "rate"}

# Its one embedding model, whose name need not be sent; https://chutes.ai
_CHUTES_URL, _CHUTES_KEY = "https://chutes-qwen-qwen3-embedding-8b.chutes.ai/v1", "CHUTES_API_TOKEN"


def open_provider(name: str, settings: Settings) -> "Embeddings":
    """Opens nothing yet: which server is asked depends on the model."""
    return Embeddings(name, settings)


@dataclass(frozen=True)
class EmbeddingServer:
    """Where an embedding is asked for."""

    label: str
    url: str  # up to and with /v1
    key: str | None
    model: str
    priced_as: str  # provider/model
    client: "httpx2.AsyncClient"


class Embeddings(BaseProvider):
    """Answers with the vector of the last message, as a JSON list."""

    streams = False
    timeout = 60.0
    attachments = IMAGES | PDF  # none of them concerns an answer's vector

    def __init__(self, name: str, settings: Settings) -> None:
        self.name, self.settings = name, settings
        self._servers: dict[str, EmbeddingServer] = {}

    def check_model(self, model: str) -> None:
        """Raises InputError for a model that cannot be asked: no key, no such model of `llm`."""
        if model.startswith("llm/"):
            llm_embedding_model(model.removeprefix("llm/"))
        elif model != "words":
            self._server(model)

    async def complete(self, request: Request, on_text: OnText) -> Completion:
        text = request.messages[-1].text
        try:
            if request.model == "words":
                done = Completion(text=write_vector(count_words(text)), usage=estimate_usage(request, ""), usd=0.0)
            elif request.model.startswith("llm/"):
                vector = await asyncio.to_thread(_embed_with_llm, request.model.removeprefix("llm/"), text)
                done = Completion(text=write_vector(vector), usage=estimate_usage(request, ""))
            else:
                done = await self._ask(self._server(request.model), text)
        except InputError as error:
            raise ProviderError("missing", str(error)) from error
        on_text(done.text)
        return done

    async def aclose(self) -> None:
        for server in self._servers.values():
            await server.client.aclose()

    def _server(self, model: str) -> EmbeddingServer:
        """Raises InputError where nobody serves `model`, or its key is missing."""
        if model not in self._servers:
            self._servers[model] = self._find_server(model)
        return self._servers[model]

    def _find_server(self, model: str) -> EmbeddingServer:
        from folkmoot.providers.api.access import access_to  # with it comes an HTTP client

        head, slash, rest = model.partition("/")
        plain = replace(self.settings, table={})
        if slash and head == "chutes":
            key = self.settings.environ.get(_CHUTES_KEY)
            if not key:
                raise InputError(f"Chutes needs a key: set {_CHUTES_KEY}, in the environment or in .env")
            client = access_to(self.name, plain).http()
            return EmbeddingServer("Chutes", _CHUTES_URL, key, rest, model, client)
        if self.settings.table.get("base_url") and not (slash and head in _SERVERS):
            access, rest = access_to(self.name, self.settings), model
        elif slash and head not in _SERVERS:
            raise InputError(
                f"{self.name}/{model}: {head!r} serves no embeddings that are known here; give its base_url under "
                f"[providers.{self.name}] in config.toml, or take one of {', '.join(sorted(_SERVERS))}"
            )
        else:
            head, rest = (head, rest) if slash else ("openai", model)
            access = access_to(head, plain)

        url = server_root(access.base_url or "https://api.openai.com/v1")
        return EmbeddingServer(access.label, url, access.key, rest, f"{self.name}/{head}/{rest}", access.http())

    async def _ask(self, server: EmbeddingServer, text: str) -> Completion:
        import httpx2

        headers = {"Authorization": f"Bearer {server.key}"} if server.key else {}
        asked = {"model": server.model, "input": [text], "encoding_format": "float"}
        try:
            response = await server.client.post(f"{server.url}/embeddings", json=asked, headers=headers)
        except httpx2.ReadTimeout:
            raise ProviderError("idle", f"{server.label} fell silent") from None
        except httpx2.HTTPError as error:
            raise ProviderError("server", f"{server.label}: {error or type(error).__name__}") from error
        if response.status_code != 200:
            raise _refused(server, response)
        try:
            found = response.json()
            vector = found["data"][0]["embedding"]
            read_vector(json.dumps(vector))
        except (ValueError, KeyError, IndexError, TypeError, Unparseable) as error:
            raise ProviderError("protocol", f"{server.label} answered with something that is no embedding") from error
        usage = Usage(input_tokens=_tokens(found, text))
        free = server.priced_as.split("/")[1] in LOCAL_SERVERS
        usd = 0.0 if free else list_price(server.priced_as, usage, self.settings.prices)
        answered = found.get("model")
        return Completion(
            text=write_vector(vector), model=answered if isinstance(answered, str) else None, usage=usage, usd=usd
        )


def llm_embedding_model(name: str) -> Any:
    """The embedding model of `llm` with this id or alias. Raises InputError where `llm` or the model is missing."""
    try:
        import llm
    except ImportError:
        raise InputError("embedding models of llm need the package: pip install 'folkmoot[llm]'") from None
    try:
        return llm.get_embedding_model(name)  # type: ignore[no-untyped-call]
    except llm.UnknownModelError:
        raise InputError(f"llm has no embedding model {name!r}; `llm embed-models` lists what it has") from None


def _embed_with_llm(name: str, text: str) -> list[float]:
    """Runs in a thread, because these models block. Raises ProviderError for whatever goes wrong in them."""
    try:
        return [float(each) for each in llm_embedding_model(name).embed(text)]
    except InputError:
        raise
    except Exception as error:  # a plugin's own code
        raise ProviderError("server", f"llm's {name}: {type(error).__name__}: {error}") from error


def count_words(text: str) -> list[float]:
    """How often each word occurs, the more the less it adds; words share the places of a vector by their checksum.

    >>> sum(1 for each in count_words("to be or not to be") if each)
    4
    """
    words = re.findall(r"\w+", text.casefold()) or [text]
    vector = [0.0] * _WIDTH
    for word, times in Counter(words).items():
        vector[zlib.crc32(word.encode("utf-8", "surrogatepass")) % _WIDTH] += 1 + math.log(times)
    return vector


def _tokens(found: JSON, text: str) -> int:
    said = (found.get("usage") or {}).get("prompt_tokens")
    return said if isinstance(said, int) else -(-len(text) // 4)


def _refused(server: EmbeddingServer, response: "httpx2.Response") -> ProviderError:
    status = response.status_code
    kind: FailureKind = _KINDS.get(status, "server" if status >= 500 else "request")
    said = " ".join(response.text.split())[:300]
    message = f"{server.label} answered {status}: {said}"
    wait = response.headers.get("retry-after", "")
    seconds = float(wait) if wait.isdigit() else None
    return ProviderError(kind, message.replace(server.key, "***") if server.key else message, retry_after=seconds)
