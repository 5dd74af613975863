"""Any model of `llm` as a seat, `llm/<id>`: those of its plugins too, with its keys, aliases and default options.

One call is one prompt to the model, in a conversation that holds what was said before. A model that is not asynchronous
is asked in a thread.
"""

import asyncio
import contextvars
import copy
import difflib
import gc
import inspect
import json
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from folkmoot.errors import InputError, ProviderError
from folkmoot.providers.base import BaseProvider, Settings
from folkmoot.providers.catalog import APIS
from folkmoot.providers.llm_errors import provider_error
from folkmoot.providers.llm_events import each_within, events_of
from folkmoot.providers.prices import list_price
from folkmoot.types import IMAGES, PDF, Completion, OnText, Request, Usage

if TYPE_CHECKING:
    from llm.models import ModelWithAliases
    from llm.parts import Message

answering_for_a_run: contextvars.ContextVar[bool] = contextvars.ContextVar("answering_for_a_run", default=False)
"""Set while a model of `llm` answers for a seat. A panel that is asked then would be asking itself, or others would."""

_OPTIONS = {
    "temperature": ("temperature",),
    "effort": ("reasoning_effort", "thinking_effort", "effort"),
    "max_tokens": ("max_tokens", "max_output_tokens", "max_completion_tokens", "num_predict"),
}
"""A seat's setting -> what plugins call that option, the first that a model has."""

_VENDORS = {"claude": "anthropic", "gemini": "google", "grok": "xai"}
"""Names of keys in `llm` -> our name for the vendor, where it is another."""

_LAYERS = 2  # of what holds a connection
_PATIENCE = 2.0  # seconds for connections to close


def open_provider(_name: str, settings: Settings) -> "LlmModels":
    """Raises InputError where `llm` is not installed."""
    return LlmModels(settings, installed_models())


def installed_models() -> dict[str, "ModelWithAliases"]:
    """Every model of `llm` by its id and its aliases; ours are not among them.

    Raises InputError where `llm` is not installed.
    """
    if not _is_installed():
        raise InputError("llm/... needs a package that is not here: pip install 'folkmoot[llm]'")
    import llm

    found: dict[str, ModelWithAliases] = {}
    for each in llm.get_models_with_aliases():
        model = each.model or each.async_model
        found |= dict.fromkeys((*each.aliases, model.model_id), each)
    return found


def model_id(name: str) -> str | None:
    """The id of the model that `llm` knows as `name`; None for none, for one of ours, or without `llm`."""
    if not _is_installed():
        return None
    found = installed_models().get(name)
    return None if found is None or is_ours(found) else _either(found).model_id


def _is_installed() -> bool:
    spec = find_spec("llm")
    return spec is not None and spec.origin is not None  # a folder that is called so has no origin


def is_ours(model: "ModelWithAliases") -> bool:
    """Whether it is a panel or a protocol of Folkmoot."""
    return type(_either(model)).__module__.partition(".")[0] == "folkmoot"


def _either(model: "ModelWithAliases") -> Any:
    return model.async_model or model.model


class LlmModels(BaseProvider):
    """The models of one installation of `llm`. They are looked up once: its plugins cannot be loaded by two threads."""

    attachments = IMAGES | PDF

    def __init__(self, settings: Settings, models: Mapping[str, "ModelWithAliases"]) -> None:
        self.settings, self._models = settings, models

    def check_name(self, name: str) -> None:
        """Raises InputError for a model that is not there, or that is a panel."""
        found = self._models.get(name)
        if found is None:
            near = difflib.get_close_matches(name, self._models, n=3)
            hint = f"did you mean {' or '.join(f'llm/{each}' for each in near)}?" if near else "see `llm models`"
            raise InputError(f"llm has no model {name!r}; {hint}")
        if is_ours(found):
            panel = name.removeprefix("folkmoot/")
            instead = f"panel/{name}" if panel == name else f"a panel with the protocol {panel}, as panel/NAME"
            raise InputError(f"llm/{name} is Folkmoot itself; as a seat, write {instead}")

    def check_model(self, name: str) -> None:
        """Raises InputError for what cannot be asked: also for a model that lacks its key."""
        self.check_name(name)
        model = _either(self._models[name])
        if model.needs_key and not self._key(model):
            variable = f", or set {model.key_env_var}" if model.key_env_var else ""
            raise InputError(f"llm/{name} needs a key: llm keys set {model.needs_key}{variable}")

    def attachments_of(self, name: str) -> frozenset[str]:
        """The media types that one model takes."""
        return self.attachments & frozenset(_either(self._models[name]).attachment_types)

    def unsupported_by(self, name: str) -> frozenset[str]:
        """The settings of a seat that one model has no option for."""
        fields = _either(self._models[name]).Options.model_fields
        return frozenset(setting for setting, names in _OPTIONS.items() if not set(names) & set(fields))

    async def complete(self, request: Request, on_text: OnText) -> Completion:
        self._check(request)
        model = _either(self._models[request.model])
        pieces: list[str] = []
        ended: list[Any] = []
        token = answering_for_a_run.set(True)
        try:
            async with aclosing(self._stream(model, request, ended)) as stream:
                async for piece in stream:
                    pieces.append(piece)
                    on_text(piece)
        finally:
            answering_for_a_run.reset(token)
        return self._completion(model, request, "".join(pieces), ended[0])

    async def _stream(self, model: Any, request: Request, ended: list[Any]) -> AsyncGenerator[str, None]:
        """The answer as it grows; when it is complete, what `llm` calls the response is put into `ended`."""
        key = self._key(model)
        clients: list[Any] = []
        try:
            response = self._response(_asking_once(model, clients, self.settings.via), request, key)
            idle = self.settings.idle_timeout if response.stream else None
            async with aclosing(events_of(response)) as events:
                async for event in each_within(events, idle):
                    if event.type == "text" and event.chunk:
                        yield event.chunk
            ended.append(response)
        except ProviderError:
            raise
        except Exception as error:  # whatever a plugin may raise: the engine knows ProviderError and nothing else
            raise provider_error(error, f"llm/{request.model}", key) from error
        finally:
            for client in clients:
                if inspect.isawaitable(closing := client.close()):
                    await closing

    async def aclose(self) -> None:
        """Close what plugins left open, while there is a loop: many leave their clients to the garbage collector.

        It closes a stream first, and then the client that the stream held.
        """
        before = asyncio.all_tasks()
        for _ in range(_LAYERS):
            gc.collect()
            await asyncio.sleep(0)
            if closing := asyncio.all_tasks() - before:
                await asyncio.wait(closing, timeout=_PATIENCE)

    def _check(self, request: Request) -> None:
        """What a resumed run may have lost since, and what one model alone cannot take. Raises ProviderError."""
        try:
            self.check_model(request.model)
        except InputError as error:
            raise ProviderError("missing", str(error)) from None
        if lacking := {each.media_type for each in request.attachments} - self.attachments_of(request.model):
            raise ProviderError("request", f"llm/{request.model} takes no {' or '.join(sorted(lacking))} attachments")
        given = {name for name in _OPTIONS if getattr(request, name) is not None}
        if ignored := given & self.unsupported_by(request.model):
            raise ProviderError("request", f"llm/{request.model} has no option for {' or '.join(sorted(ignored))}")

    def _response(self, model: Any, request: Request, key: str | None) -> Any:
        """What `llm` calls a response: the prompt, not yet sent."""
        import llm

        *earlier, question = request.messages
        conversation = model.conversation()
        if earlier:
            conversation.loaded_messages = _messages(request)
        keyed = {"key": key} if isinstance(model, llm.KeyModel | llm.AsyncKeyModel) else {}
        return conversation.prompt(
            question.text,
            system=request.system or None,
            attachments=[llm.Attachment(type=each.media_type, content=each.content) for each in request.attachments],
            schema=request.schema if model.supports_schema else None,
            stream=model.can_stream,
            options=self._options(model, request),
            **keyed,
        )

    def _options(self, model: Any, request: Request) -> dict[str, Any]:
        """What `llm models options set` says of the model, then what was set for the seat."""
        import llm

        found: dict[str, Any] = {}
        home: Path = llm.user_dir()  # type: ignore[no-untyped-call]
        with suppress(OSError, ValueError, AttributeError):  # `llm` itself takes a broken file for none
            found = dict(json.loads((home / "model_options.json").read_text("utf-8")).get(model.model_id, {}))
        given = {"temperature": request.temperature, "effort": request.effort, "max_tokens": request.output_limit}
        for setting, value in given.items():
            name = next((each for each in _OPTIONS[setting] if each in model.Options.model_fields), None)
            if value is not None and name is not None:
                found[name] = value
        return found

    def _key(self, model: Any) -> str | None:
        """A key as `llm` finds it: its own store first, then the environment, with what .env says."""
        import llm

        if not model.needs_key:
            return None
        found: str | None = model.key or llm.get_key(alias=model.needs_key, env=model.key_env_var)
        return found or self.settings.environ.get(model.key_env_var or "")

    def _completion(self, model: Any, request: Request, text: str, response: Any) -> Completion:
        if not text.strip():
            raise ProviderError("empty", f"llm/{request.model} answered without text")
        usage = _usage(response)
        said = response.response_json if isinstance(response.response_json, dict) else {}
        answered = response.resolved_model or said.get("model")
        own = getattr(model, "model_name", None) or model.model_id
        return Completion(
            text=text,
            model=str(answered) if answered and answered != own else None,
            usage=usage,
            usd=self._usd(model, request.model, usage),
            finish="length" if said.get("finish_reason") == "length" else "stop",
        )

    def _usd(self, model: Any, name: str, usage: Usage | None) -> float | None:
        if usage is None:
            return None
        own = f"llm/{name}"
        if own in self.settings.prices:
            return list_price(own, usage, self.settings.prices)
        key = str(model.needs_key or "")
        vendor = _VENDORS.get(key, key)
        bare = (getattr(model, "model_name", None) or model.model_id).rpartition("/")[2]
        return list_price(f"{vendor}/{bare}", usage) if vendor in APIS else None


def _asking_once(model: Any, clients: list[Any], via: Sequence[str]) -> Any:
    """`model`, or where it is one of llm's OpenAI classes a copy, whose clients ask once and are put into `clients`.

    By itself such a model asks three times, which is for the run to decide, and leaves its connections open. A server
    that may be one of ours is told the way that a question came.
    """
    from folkmoot.providers.api.access import VIA, is_vendors

    make = getattr(model, "get_client", None)
    if make is None:
        return model

    told = {VIA: ",".join(via)} if via and model.api_base and not is_vendors(model.api_base) else None

    def get_client(*given: Any, **named: Any) -> Any:
        client = make(*given, **named).with_options(max_retries=0, default_headers=told)
        clients.append(client)
        return client

    own = copy.copy(model)
    own.get_client = get_client
    return own


def _messages(request: Request) -> list["Message"]:
    """What was said before the question, as `llm` keeps it."""
    from llm.parts import Message, TextPart

    before = [("system", request.system)] if request.system else []
    before += [(each.role, each.text) for each in request.messages[:-1]]
    return [Message(role=role, parts=[TextPart(text=text)]) for role, text in before]


def _usage(response: Any) -> Usage | None:
    """Tokens as plugins report them; the details have the names of OpenAI, Anthropic or Google."""
    if response.input_tokens is None and response.output_tokens is None:
        return None
    counts = dict(_counts(response.token_details or {}))
    return Usage(
        input_tokens=response.input_tokens or 0,
        output_tokens=response.output_tokens or 0,
        cached_tokens=_first(counts, "cached_tokens", "cache_read_input_tokens", "cachedContentTokenCount"),
        cache_write_tokens=_first(counts, "cache_creation_input_tokens"),
        reasoning_tokens=_first(counts, "reasoning_tokens", "thoughtsTokenCount"),
    )


def _counts(details: Mapping[str, Any]) -> Iterable[tuple[str, int]]:
    for name, value in details.items():
        if isinstance(value, Mapping):
            yield from _counts(value)
        elif isinstance(value, int):
            yield name, value


def _first(counts: Mapping[str, int], *names: str) -> int:
    return next((counts[name] for name in names if name in counts), 0)
