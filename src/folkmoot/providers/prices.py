"""What calls cost at list price, and how long texts are.

Prices come from the table inside the installed `genai-prices`, never from the network, or from the user, who is right.
A price that is not known is None, never 0.
"""

from collections.abc import Mapping

from folkmoot.errors import InputError
from folkmoot.providers.catalog import LOCAL_SERVERS
from folkmoot.types import Usage

Price = Mapping[str, float]
"""USD per million tokens under `input`, `output` and, where it differs from `input`, `cached`."""

_PRICED_AS = {"claude-code": "anthropic", "codex-cli": "openai", "gemini-cli": "google", "vertex": "google"}
_ROUTERS = frozenset({"opencode", "pi", "embed"})  # what follows is a provider and a model of theirs
_UNBILLED = ("embed/words", *(f"embed/{server}/" for server in LOCAL_SERVERS))  # computed on this machine
_NAMED_THERE = {"xai": "x-ai", "bedrock": "aws"}  # ours: the name in genai-prices


def list_price(model: str, usage: Usage, overrides: Mapping[str, Price] | None = None) -> float | None:
    """What `usage` costs in USD at the list price of `model`, a `provider/model` id; None if that is not known.

    A seat of an agent CLI is priced as the vendor's API would be. `overrides` maps `provider/model` to a price, and
    one for the vendor's id holds for its agent CLI too. Raises InputError for an override without input or output.

    >>> list_price("mine/small", Usage(input_tokens=1_000_000), {"mine/small": {"input": 0.2, "output": 0.8}})
    0.2
    """
    priced_as = vendor_model(model)
    for name in (model, priced_as):
        if overrides and name in overrides:
            return _own_price(name, overrides[name], usage)
    if model.startswith(_UNBILLED):
        return 0.0
    provider, _, bare = priced_as.partition("/")
    return _published_price(_NAMED_THERE.get(provider, provider), bare, usage) if bare else None


def vendor_model(model: str) -> str:
    """The id under which a vendor sells `model` by the token.

    >>> vendor_model("claude-code/claude-opus-4-6"), vendor_model("pi/openai/gpt-5.4")
    ('anthropic/claude-opus-4-6', 'openai/gpt-5.4')
    """
    provider, _, bare = model.partition("/")
    if provider in _ROUTERS:
        return vendor_model(bare) if "/" in bare else model
    return f"{_PRICED_AS.get(provider, provider)}/{bare}"


def vendor_of(model: str) -> str | None:
    """The vendor of a bare model id that the price table knows, by our name for it.

    >>> vendor_of("gpt-5.4"), vendor_of("no-such-model")
    ('openai', None)
    """
    from genai_prices.data_snapshot import get_snapshot

    try:
        vendor, _ = get_snapshot().find_provider_model(model, None, None, None)
    except LookupError:
        return None
    return next((ours for ours, theirs in _NAMED_THERE.items() if theirs == vendor.id), vendor.id)


def priced_models(provider: str) -> list[str]:
    """The ids of a provider's models of which the table has a price, without embeddings and what is withdrawn."""
    from genai_prices.data_snapshot import get_snapshot

    name = _PRICED_AS.get(provider, provider)
    there = _NAMED_THERE.get(name, name)
    vendors = [each for each in get_snapshot().providers if each.id == there]
    return [
        each.id for vendor in vendors for each in vendor.models
        if not each.deprecated and "embed" not in each.id.casefold()
    ]  # fmt: skip


def estimate_tokens(text: str) -> int:
    """About how many tokens `text` has: a quarter of its characters, rounded up.

    English comes out a little high, code and most other languages too low.

    >>> estimate_tokens("twelve chars")
    3
    """
    return -(-len(text) // 4)


def _own_price(name: str, price: Price, usage: Usage) -> float:
    missing = [key for key in ("input", "output") if key not in price]
    if missing:
        raise InputError(f"the price of {name} lacks {' and '.join(missing)} (USD per million tokens)")
    fresh = usage.input_tokens - usage.cached_tokens
    cached = usage.cached_tokens * price.get("cached", price["input"])
    return (fresh * price["input"] + cached + usage.output_tokens * price["output"]) / 1e6


def _published_price(provider: str, model: str, usage: Usage) -> float | None:
    # Imported here: it takes 0.1 s, and its table as much again at the first price.
    from genai_prices import Usage as Tokens
    from genai_prices import calc_price

    tokens = Tokens(
        input_tokens=usage.input_tokens,
        cache_read_tokens=usage.cached_tokens or None,
        cache_write_tokens=usage.cache_write_tokens or None,
        output_tokens=usage.output_tokens,
    )
    try:
        price = float(calc_price(tokens, model, provider_id=provider).total_price)
    except (LookupError, ValueError):  # ValueError: counts that contradict each other, e.g. more cached than there are
        return None
    if price == 0 and (usage.input_tokens or usage.output_tokens) and not model.endswith(":free"):
        return None  # the table knows the model but not what it costs
    return price
