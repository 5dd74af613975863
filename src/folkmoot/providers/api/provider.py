"""One vendor's seats: a request goes out as one stream, and comes back as a completion or a ProviderError."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

from pydantic_ai.direct import model_request_stream
from pydantic_ai.messages import ModelResponse
from pydantic_ai.models import Model

from folkmoot.errors import InputError, ProviderError
from folkmoot.providers.api.errors import provider_error
from folkmoot.providers.api.messages import as_messages, as_parameters, as_settings, new_text
from folkmoot.providers.api.vendor import Vendor, closing_responses
from folkmoot.providers.base import BaseProvider, Settings
from folkmoot.providers.prices import list_price
from folkmoot.types import Billing, Completion, OnText, Request, Usage


class ApiProvider(BaseProvider):
    """One vendor, with one pool of connections for all seats."""

    def __init__(self, name: str, settings: Settings, vendor: Vendor) -> None:
        self.name, self.vendor, self.prices = name, vendor, settings.prices
        self.billing: Billing = vendor.billing
        self.concurrency = vendor.concurrency
        self.attachments = vendor.attachments
        self._models: dict[str, Model] = {}
        self._prices_loading: asyncio.Future[None] | None = None

    async def complete(self, request: Request, on_text: OnText) -> Completion:
        if self._prices_loading is None and self.billing == "metered":
            # The price table takes a quarter of a second to load: better while the vendor thinks than afterwards.
            loop = asyncio.get_running_loop()
            self._prices_loading = loop.run_in_executor(None, self._load_prices, request.model)
        pieces: list[str] = []
        ended: list[ModelResponse] = []
        async with closing_responses(), aclosing(self._stream(request, ended)) as stream:
            async for piece in stream:
                pieces.append(piece)
                on_text(piece)
        return self._completion(request.model, "".join(pieces), ended[0])

    def _load_prices(self, model: str) -> None:
        with suppress(InputError):  # of the user's own prices: said where a price is needed
            list_price(f"{self.name}/{model}", Usage(output_tokens=1), self.prices)

    async def aclose(self) -> None:
        await self.vendor.close()

    async def _stream(self, request: Request, ended: list[ModelResponse]) -> AsyncGenerator[str, None]:
        """The answer as it grows; when it is complete, what the vendor said about it is put into `ended`."""
        try:
            model = self._model(request.model)
            async with model_request_stream(
                model,
                as_messages(request, self.vendor),
                model_settings=as_settings(request, self.vendor),
                model_request_parameters=as_parameters(request, model, self.vendor),
                instrument=False,
            ) as stream:
                async for event in stream:
                    if piece := new_text(event):
                        yield piece
                ended.append(stream.get())
        except Exception as error:  # whatever five SDKs may raise: the engine knows ProviderError and nothing else
            raise provider_error(error, self.vendor.label, self.vendor.secrets) from error

    def _model(self, name: str) -> Model:
        if name not in self._models:
            self._models[name] = self.vendor.model(name)
        return self._models[name]

    def _completion(self, asked: str, text: str, response: ModelResponse) -> Completion:
        label, finish = self.vendor.label, response.finish_reason
        usage = _usage(response)
        usd = self._usd(asked, response, usage)
        if finish == "content_filter":
            raise ProviderError("empty", f"{label}'s content filter withheld the answer", usd=usd)
        if finish not in ("stop", "length"):
            raise ProviderError("server", f"{label}'s stream ended before the answer did", usd=usd)
        if not text.strip():
            why = " within the limit on its length" if finish == "length" else ""
            raise ProviderError("empty", f"{label} answered without text{why}", usd=usd)
        return Completion(
            text=text,
            model=response.model_name,
            usage=usage,
            usd=usd,
            list_usd=None if self.billing == "metered" or usage is None else self._list_price(asked, response, usage),
            finish=finish,
        )

    def _usd(self, asked: str, response: ModelResponse, usage: Usage | None) -> float | None:
        if self.billing != "metered":
            return 0.0
        billed = (response.provider_details or {}).get("cost")  # OpenRouter says what it charges
        if isinstance(billed, int | float) and not isinstance(billed, bool):
            return float(billed)
        return None if usage is None else self._list_price(asked, response, usage)

    def _list_price(self, asked: str, response: ModelResponse, usage: Usage) -> float | None:
        for model in dict.fromkeys((response.model_name, asked)):
            if model and (usd := list_price(f"{self.name}/{model}", usage, self.prices)) is not None:
                return usd
        return None


def _usage(response: ModelResponse) -> Usage | None:
    given = response.usage
    if not given.has_values():
        return None
    return Usage(
        input_tokens=given.input_tokens,
        output_tokens=given.output_tokens,
        cached_tokens=given.cache_read_tokens,
        cache_write_tokens=given.cache_write_tokens,
        reasoning_tokens=given.output_reasoning_tokens or given.details.get("reasoning_tokens", 0),
    )
