"""OpenAI, vendors that speak like it, Azure, and OpenAI-compatible servers of one's own."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

import httpx2
from openai import AsyncAzureOpenAI, AsyncOpenAI, omit
from openai.resources.chat import AsyncChat, AsyncCompletions
from openai.types.chat import ChatCompletionChunk
from openai.types.responses import ResponseStreamEvent
from pydantic import BaseModel, ValidationError
from pydantic_ai.models import Model
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel, OpenAIResponsesModelSettings
from pydantic_ai.models.openrouter import OpenRouterModel
from pydantic_ai.profiles import ModelProfile
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers.azure import AzureProvider
from pydantic_ai.providers.deepseek import DeepSeekProvider
from pydantic_ai.providers.ollama import OllamaProvider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider
from pydantic_ai.providers.openrouter import OpenRouterProvider
from pydantic_ai.providers.vllm import VLLMProvider

from folkmoot.errors import InputError
from folkmoot.providers.api.vendor import Access, Vendor
from folkmoot.providers.catalog import server_root
from folkmoot.types import IMAGES, PDF


class _QuickCompletions(AsyncCompletions):
    """Sends the messages as they are: the SDK would transform them field by field into what they are already."""

    async def create(self, **asked: Any) -> Any:
        wire = {name: asked[name] for name in ("messages", "response_format") if asked.get(name)}
        asked["extra_body"] = {**(asked.get("extra_body") or {}), **wire}
        return await super().create(**asked | {"messages": [], "response_format": omit})


class _QuickChat(AsyncChat):
    @cached_property
    def completions(self) -> AsyncCompletions:
        return _QuickCompletions(self._client)


class _QuickOpenAI(AsyncOpenAI):
    """The SDK's client, reading the pieces of a stream twenty times as fast: 2 instead of 46 microseconds each.

    The SDK builds its objects leniently, field by field, in Python. A piece that is as the documentation says is read
    by pydantic at once; any other one is left to the SDK.
    """

    @cached_property
    def chat(self) -> AsyncChat:
        return _QuickChat(self)

    def _process_response_data(self, *, data: object, cast_to: type[Any], response: httpx2.Response) -> Any:
        kind = data.get("type") if isinstance(data, dict) else None
        model = ChatCompletionChunk if cast_to is ChatCompletionChunk else _QUICK_EVENTS.get(kind)
        if model is not None:
            try:
                return model.model_validate(data)
            except ValidationError:
                pass
        return super()._process_response_data(data=data, cast_to=cast_to, response=response)


# The events of the Responses API by their `type`.
_QUICK_EVENTS: dict[object, type[BaseModel]] = {
    get_args(event.model_fields["type"].annotation)[0]: event for event in get_args(get_args(ResponseStreamEvent)[0])
}


def _openai_client(access: Access, base_url: str) -> AsyncOpenAI:
    http = access.http()
    key = access.key or "none"  # the SDK wants one, local servers do not
    client = _QuickOpenAI(api_key=key, base_url=base_url, http_client=http, timeout=http.timeout, max_retries=0)
    # The SDK takes these from the process's environment, for whatever server it talks to.
    own = access.name == "openai"
    client.organization = access.environ.get("OPENAI_ORG_ID") if own else None
    client.project = access.environ.get("OPENAI_PROJECT_ID") if own else None
    return client


def open_vendor(access: Access) -> Vendor:
    if access.name == "azure":
        return _azure(access)
    base_url = server_root(access.base_url or "https://api.openai.com/v1")
    client = _openai_client(access, base_url)
    return _openai_vendor(access, client, _wire(access, base_url))


def _wire(access: Access, base_url: str) -> str:
    # OpenAI itself is asked through the Responses API: only there do its reasoning models take every setting and say
    # what they do. Proxies and other servers that carry OpenAI's name or wire reliably have only chat completions.
    wire = access.settings.table.get("wire")
    if wire not in (None, "chat", "responses"):
        raise InputError(f"{access.label}: wire = {wire!r} in config.toml is neither 'chat' nor 'responses'")
    host = urlsplit(base_url).hostname or ""  # eu.api.openai.com and its like are OpenAI's too
    return wire or ("responses" if f".{host}".endswith(".api.openai.com") else "chat")


def _openai_vendor(access: Access, client: AsyncOpenAI, wire: str) -> Vendor:
    enforces = access.settings.table.get("json_schema") is True
    dialect = _DIALECTS.get(access.name) or _Dialect(enforces_schema=lambda _: enforces)
    provider = OpenAICompatibleProvider(access.name, openai_client=client, profile=dialect.knowledge)

    def model(name: str) -> Model:
        if wire == "responses":
            return OpenAIResponsesModel(name, provider=provider, profile=_REPLIES_ONLY, settings=_NOT_STORED)
        return dialect.model(name, provider=provider, profile=_chat_profile(dialect))

    return Vendor(
        label=access.label,
        model=model,
        close=client.close,
        secrets=(access.key,) if access.key else (),
        billing=access.billing,
        attachments=dialect.attachments,
        enforces_schema=dialect.enforces_schema,
    )


# OpenAI would keep responses for 30 days, unlike chat completions.
_NOT_STORED = OpenAIResponsesModelSettings(openai_store=False)
# Reasoning is never sent back to it, so its encrypted form is of no use.
_REPLIES_ONLY = OpenAIModelProfile(openai_supports_encrypted_reasoning_content=False)


class _MistralChatModel(OpenAIChatModel):
    """Mistral's API answers 422 to fields it does not know, and reports usage without being asked."""

    def _get_stream_options(self, model_settings: Any) -> Any:
        return omit


def _openai_enforces(model: str) -> bool:
    """Structured outputs came with gpt-4o-2024-08-06; https://platform.openai.com/docs/guides/structured-outputs."""
    older = ("gpt-3.5", "gpt-4-", "gpt-4o-2024-05-13", "chatgpt-", "o1-mini", "o1-preview")
    return model != "gpt-4" and not model.startswith(older)


def _beginning(*families: str) -> Callable[[str], bool]:
    return lambda model: model.startswith(families)


def _of(family: str) -> Callable[[str], ModelProfile | None]:
    return lambda model: OpenAICompatibleProvider.model_profile(f"{family}/{model}")


@dataclass(frozen=True)
class _Dialect:
    """How one vendor's chat completions differ from the others'."""

    knowledge: Callable[[str], ModelProfile | None] = OpenAICompatibleProvider.model_profile  # pydantic-ai's, by model
    model: type[OpenAIChatModel] = OpenAIChatModel
    limit_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    attachments: frozenset[str] = IMAGES
    enforces_schema: Callable[[str], bool] = lambda _: True


_OPENAI = _Dialect(OpenAIProvider.model_profile, limit_field="max_completion_tokens", enforces_schema=_openai_enforces)
_DIALECTS = {
    "openai": replace(_OPENAI, attachments=IMAGES | PDF),
    "azure": replace(_OPENAI, knowledge=AzureProvider.model_profile),
    "openrouter": _Dialect(
        OpenRouterProvider.model_profile,
        model=OpenRouterModel,
        attachments=IMAGES | PDF,
        # A schema for a model that takes none fails there: only families of which all take one.
        enforces_schema=_beginning("openai/gpt-5", "google/gemini", "anthropic/", "x-ai/", "mistralai/"),
    ),
    "deepseek": _Dialect(
        DeepSeekProvider.model_profile, attachments=frozenset(), enforces_schema=lambda _: False
    ),  # JSON of any shape at most
    "mistral": _Dialect(_of("mistralai"), model=_MistralChatModel),
    "groq": _Dialect(
        _of("groq"),
        attachments=IMAGES - {"image/gif"},
        enforces_schema=_beginning("openai/gpt-oss", "moonshotai/kimi-k2", "meta-llama/llama-4"),
    ),
    "xai": _Dialect(_of("x-ai"), attachments=frozenset({"image/png", "image/jpeg"})),
    # Models in Ollama's cloud accept a schema and do not obey it.
    "ollama": _Dialect(OllamaProvider.model_profile, enforces_schema=lambda model: not model.endswith("-cloud")),
    "vllm": _Dialect(VLLMProvider.model_profile),
    "lmstudio": _Dialect(),
    "llamacpp": _Dialect(),
}


def _chat_profile(dialect: _Dialect) -> OpenAIModelProfile:
    return OpenAIModelProfile(
        openai_chat_streaming_requires_finish_reason=True,  # a cut stream is not an answer
        openai_chat_supports_max_completion_tokens=dialect.limit_field == "max_completion_tokens",
    )


def _azure(access: Access) -> Vendor:
    if not access.base_url:
        raise InputError("Azure OpenAI needs an address: set AZURE_OPENAI_ENDPOINT, e.g. https://NAME.openai.azure.com")
    endpoint, version = access.base_url.rstrip("/"), access.environ.get("OPENAI_API_VERSION")
    if endpoint.endswith("/v1"):
        return _openai_vendor(access, _openai_client(access, endpoint), _wire(access, endpoint))
    if not version:  # the interface without dated versions
        endpoint += "/openai/v1"
        return _openai_vendor(access, _openai_client(access, endpoint), _wire(access, endpoint))
    http = access.http()
    client = AsyncAzureOpenAI(
        azure_endpoint=endpoint, api_key=access.key, api_version=version, http_client=http,
        timeout=http.timeout, max_retries=0,
    )  # fmt: skip
    client.organization = client.project = None
    return _openai_vendor(access, client, _wire(access, endpoint))
