"""The seats of a vendor that is asked through its own library, behind pydantic-ai's model layer.

A request goes out as one stream, and comes back as a completion or a ProviderError.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from pydantic_ai.direct import model_request_stream
from pydantic_ai.messages import ModelResponse
from pydantic_ai.models import Model

from folkmoot.errors import ProviderError
from folkmoot.providers.api.errors import provider_error
from folkmoot.providers.api.messages import as_messages, as_parameters, as_settings, new_text
from folkmoot.providers.api.pricing import Pricing
from folkmoot.providers.api.vendor import Vendor, closing_responses
from folkmoot.providers.base import BaseProvider, Settings
from folkmoot.types import Billing, Completion, OnText, Request, Usage


class LibraryProvider(BaseProvider):
    """One vendor, with one pool of connections for all seats."""

    def __init__(self, name: str, settings: Settings, vendor: Vendor) -> None:
        self.name, self.vendor = name, vendor
        self.billing: Billing = vendor.billing
        self.concurrency = vendor.concurrency
        self.attachments = vendor.attachments
        self._pricing = Pricing(name, vendor.billing, settings.prices)
        self._models: dict[str, Model] = {}

    async def complete(self, request: Request, on_text: OnText) -> Completion:
        self._pricing.load(request.model)
        pieces: list[str] = []
        ended: list[ModelResponse] = []
        async with closing_responses(), aclosing(self._stream(request, ended)) as stream:
            async for piece in stream:
                pieces.append(piece)
                on_text(piece)
        return self._completion(request.model, "".join(pieces), ended[0])

    async def aclose(self) -> None:
        await self.vendor.close()

    async def _stream(self, request: Request, ended: list[ModelResponse]) -> AsyncGenerator[str, None]:
        """Yield the answer as it grows; when it is complete, put the whole response into `ended`."""
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
        usd = self._pricing.usd(asked, response.model_name, usage)
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
            list_usd=self._pricing.list_usd(asked, response.model_name, usage),
            finish=finish,
        )


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
