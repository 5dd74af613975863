"""What one call of an API costs: as billed, or at list price."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from folkmoot.errors import InputError
from folkmoot.providers.catalog import APIS, LOCAL_SERVERS
from folkmoot.providers.prices import Price, list_price
from folkmoot.types import Billing, Usage


class Pricing:
    """The prices of one provider's models."""

    def __init__(self, provider: str, billing: Billing, overrides: Mapping[str, Price]) -> None:
        self._provider, self._billing, self._overrides = provider, billing, overrides
        # A server of one's own sells nothing: the price table, which takes long to load, knows nothing of it.
        self._sold = billing != "free" or (provider in APIS and provider not in LOCAL_SERVERS)
        self._loading: asyncio.Future[None] | None = None

    def load(self, model: str) -> None:
        """Load the price table in a thread, once, so that this happens while the vendor works on the first answer."""
        if self._loading is None and self._billing == "metered":
            self._loading = asyncio.get_running_loop().run_in_executor(None, self._load, model)

    def _load(self, model: str) -> None:
        with suppress(InputError):  # an override without input or output is reported when a price is computed
            list_price(f"{self._provider}/{model}", Usage(output_tokens=1), self._overrides)

    def usd(self, asked: str, answered: str | None, usage: Usage | None, billed: float | None = None) -> float | None:
        """What the call cost: 0.0 where nobody bills it, `billed` where the vendor says so; None if unknown."""
        if self._billing != "metered":
            return 0.0
        if billed is not None:
            return billed
        return None if usage is None else self._list_price(asked, answered, usage)

    def list_usd(self, asked: str, answered: str | None, usage: Usage | None) -> float | None:
        """What a call that cost nothing would have cost at list price; None for a metered one."""
        return None if self._billing == "metered" or usage is None else self._list_price(asked, answered, usage)

    def _list_price(self, asked: str, answered: str | None, usage: Usage) -> float | None:
        for model in dict.fromkeys(filter(None, (answered, asked))):
            name = f"{self._provider}/{model}"
            if self._sold or name in self._overrides:
                usd = list_price(name, usage, self._overrides)
                if usd is not None:
                    return usd
        return None
