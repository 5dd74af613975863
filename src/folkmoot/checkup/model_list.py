"""The list that `folkmoot models` prints: usable models with prices, saved panels, and what cannot be used."""

from collections.abc import Iterable

from folkmoot.errors import InputError
from folkmoot.machine.discovery import Gap, Offer, survey
from folkmoot.machine.seats import parse_models
from folkmoot.providers.catalog import APIS
from folkmoot.providers.prices import list_price, priced_models
from folkmoot.running.planning import DEFAULT_PROTOCOL
from folkmoot.running.runs import Machine
from folkmoot.types import Billing, Record, Usage

_TOKENS = 1000  # few, because some prices rise with the length of the prompt


class Priced(Record):
    """A model and its list price in USD per million tokens; None: not known."""

    model: str
    input_usd: float | None = None
    output_usd: float | None = None


class Usable(Record):
    """A provider that can be asked here, and its models."""

    provider: str
    login: str
    billing: Billing
    models: tuple[Priced, ...]
    form: str  # how any other model is written
    known: int  # models of which the price table knows a price
    remark: str
    hint: str


class PanelLine(Record):
    """A saved panel."""

    name: str
    description: str


class Unusable(Record):
    """A provider that cannot be asked here."""

    provider: str
    why: str
    mend: str


class LineUp(Record):
    """The whole list, in the order in which it is printed."""

    offers: tuple[Usable, ...]
    panels: tuple[PanelLine, ...]
    gaps: tuple[Unusable, ...]


def line_up(machine: Machine, search: str | None = None) -> LineUp:
    """What there is on this machine; with `search` only what has that in its name, priced models of vendors too."""
    wanted = (search or "").casefold()
    found = survey(machine.environ, machine.config.providers)
    offers = [_usable(each, machine, wanted) for each in found if isinstance(each, Offer)]
    return LineUp(
        offers=tuple(
            each for each in offers
            if not wanted or each.models or wanted in each.provider.casefold()
        ),
        panels=tuple(each for each in _panels(machine) if wanted in f"{each.name} {each.description}".casefold()),
        gaps=tuple(
            Unusable(provider=each.provider, why=each.why, mend=each.mend)
            for each in found if isinstance(each, Gap) and wanted in each.provider.casefold()
        ),
    )  # fmt: skip


def _usable(offer: Offer, machine: Machine, wanted: str) -> Usable:
    known = _known(offer.provider) if offer.provider in APIS else []
    names: Iterable[str] = offer.models
    if wanted:
        names = [name for name in dict.fromkeys((*offer.models, *known)) if wanted in name.casefold()]
    prices = machine.config.prices

    def priced(model: str) -> Priced:
        if offer.billing == "free":
            return Priced(model=model, input_usd=0.0, output_usd=0.0)
        reading = list_price(model, Usage(input_tokens=_TOKENS), prices)
        writing = list_price(model, Usage(output_tokens=_TOKENS), prices)
        return Priced(model=model, input_usd=_per_million(reading), output_usd=_per_million(writing))

    return Usable(
        provider=offer.provider,
        login=offer.login,
        billing=offer.billing,
        models=tuple(priced(name) for name in names),
        form=offer.form,
        known=len(known),
        remark=offer.remark,
        hint=offer.hint,
    )


def _known(provider: str) -> list[str]:
    """The models of a vendor that the price table knows, as far as --models takes them."""
    ids = priced_models(provider)
    if APIS[provider].family == "google":  # it sells others' models too, but not in the way they are asked for here
        ids = [id for id in ids if id.startswith(("gemini", "gemma"))]
    return [name for name in (f"{provider}/{id}" for id in ids) if _can_be_named(name)]


def _can_be_named(model: str) -> bool:
    if not set(model) & set(":,* "):
        return True
    try:
        return [seat.model for seat in parse_models([model])] == [model]
    except InputError:
        return False


def _per_million(usd: float | None) -> float | None:
    return None if usd is None else round(usd * 1_000_000 / _TOKENS, 6)


def _panels(machine: Machine) -> list[PanelLine]:
    lines = []
    for name in machine.panels:
        try:
            panel = machine.panels[name]
        except InputError as error:
            lines.append(PanelLine(name=name, description=f"cannot be read: {error}"))
            continue
        seats = ", ".join(seat.model for seat in panel.everybody)
        said = panel.description or f"{panel.protocol or DEFAULT_PROTOCOL}: {seats}"
        lines.append(PanelLine(name=name, description=said))
    return lines
