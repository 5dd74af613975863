"""Parse what a user writes after --models, `openai/gpt-5.4*2,claude-code`, into the seats of a run."""

import difflib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from folkmoot.errors import InputError
from folkmoot.machine.panels import Panel, PanelSeat, missing
from folkmoot.providers.catalog import AGENTS, ALIASES, APIS, KEYS, LOCAL_SERVERS, SIM_SEATS
from folkmoot.types import Seat

T = TypeVar("T")

TAGGED = {"ollama", "llm", "embed", "bedrock", *LOCAL_SERVERS}
"""Providers whose model names carry a tag after a colon, so that `:3` is no count."""

BUILT_IN = {*APIS, *AGENTS, "sim", "recorded", "replay", "panel", "human", "llm"}

MOST_BY_COLON = 64
MOST_SEATS = 64  # of a run, unless config.toml says otherwise


def parse_models(
    written: Iterable[str],
    *,
    panels: Mapping[str, Panel] | None = None,
    servers: Iterable[str] = (),
    count: int = 1,
    most: int = MOST_SEATS,
) -> tuple[Seat, ...]:
    """Return the seats for the values of `--models`, which may be comma-separated or repeated.

    `servers` are the provider names of config.toml, and `count` is how many seats a name without a number of its own
    takes. A panel with a protocol takes one seat, as `panel/NAME` always does; one without stands for its seats.
    Raises InputError with every problem at once, and for more than `most` seats before any of them is looked up.
    """
    words = [word for word in (part.strip() for each in written for part in each.split(",")) if word]
    at_most(len(words), most)
    found = _gathered(_Resolver(panels or {}, set(servers), count, most).seats, words)
    at_most(len(found), most)
    if not found:
        raise InputError("--models names no model")
    return numbered(found)


def at_most(seats: int, most: int) -> None:
    """Raises InputError for more seats than a run may have."""
    if seats > most:
        raise InputError(f"{seats:,} seats are asked for, and a run may have {most}: max_seats in config.toml says so")


def panel_seats(
    panel: Panel, *, panels: Mapping[str, Panel] | None = None, servers: Iterable[str] = (), most: int = MOST_SEATS
) -> tuple[Seat, ...]:
    """Return the seats of a panel with its settings. Raises InputError with every problem at once."""
    at_most(len(panel.everybody), most)
    found = _Resolver(panels or {}, set(servers), 1, most).lines(panel)
    at_most(len(found), most)
    return numbered(found)


def _gathered(find: Callable[[T], list[Seat]], asked: Iterable[T]) -> list[Seat]:
    """Collect the results of `find`, and its errors in one InputError."""
    found: list[Seat] = []
    problems: list[str] = []
    for each in asked:
        try:
            found += find(each)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(*dict.fromkeys(problems))
    return found


def seats_of(models: Sequence[str], **common: Any) -> tuple[Seat, ...]:
    """One seat per model, in order, with the ids that results use.

    >>> [seat.id for seat in seats_of(["a/x", "b/y", "a/x"])]
    ['a/x#1', 'b/y', 'a/x#2']
    """
    return numbered([Seat(model=model, **common) for model in models])


def numbered(seats: Sequence[Seat]) -> tuple[Seat, ...]:
    """The seats with the numbers and ids they have in this order."""
    many = Counter(seat.model for seat in seats)
    seen: Counter[str] = Counter()
    found: list[Seat] = []
    for number, seat in enumerate(seats, 1):
        seen[seat.model] += 1
        id = f"{seat.model}#{seen[seat.model]}" if many[seat.model] > 1 else seat.model
        found.append(seat.model_copy(update={"number": number, "id": id}))
    return tuple(found)


def with_duties(members: Sequence[Seat], duties: Mapping[str, Sequence[Seat]]) -> tuple[Seat, ...]:
    """Return the panel's seats followed by those with another duty, e.g. {"chair": ...}, numbered in order."""
    extra = [(duty, seat) for duty, seats in duties.items() for seat in seats]
    numbered = (
        seat.model_copy(update={"number": number, "duty": duty, "id": f"{seat.model}#{duty}"})
        for number, (duty, seat) in enumerate(extra, len(members) + 1)
    )
    return (*members, *numbered)


def weighted(seats: Sequence[Seat], weights: Mapping[str, float]) -> tuple[Seat, ...]:
    """The seats with the weights that config.toml gives their models, where nobody gave them another."""
    return tuple(
        seat.model_copy(update={"weight": weights[seat.model]}) if seat.weight == 1 and seat.model in weights else seat
        for seat in seats
    )


def find_seat(seats: Sequence[Seat], written: str) -> Seat:
    """Find the seat that a flag names: by number (2 or s2), id, or a part of the id that no other seat has."""
    short = ALIASES.get(written) or KEYS.get(written)  # what --models takes for a model
    exact = [seat for seat in seats if written in (str(seat.number), seat.name, seat.id) or seat.model == short]
    found = exact or [seat for seat in seats if written and written in seat.id]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(f"{seat.number} {seat.id}" for seat in seats)
    raise InputError(f"{written!r} means {'several seats' if found else 'no seat'} of this panel: {listed}")


class _Resolver:
    def __init__(self, panels: Mapping[str, Panel], servers: set[str], count: int, most: int) -> None:
        self.panels, self.servers, self.count, self.most = panels, servers, count, most
        self._within: list[str] = []  # panels being resolved

    def seats(self, word: str) -> list[Seat]:
        """The seats of one word: `name`, `provider/model`, `name*3`, `name:3`, `key=model-id`."""
        name, count = self._counted(word)
        found = self._named(name)
        at_most(len(found) * count, self.most)
        return found * count

    def lines(self, panel: Panel) -> list[Seat]:
        """A panel's seats. What it says of a seat goes before what a panel inside it says."""
        return _gathered(self._line, panel.everybody)

    def of_panel(self, name: str) -> list[Seat]:
        """The seats of a panel, which may name other panels but not itself."""
        if name in self._within:
            raise InputError(f"the panel {name!r} is inside itself: {' > '.join([*self._within, name])}")
        self._within.append(name)
        try:
            return self.lines(self.panels[name])
        finally:
            self._within.pop()

    def _line(self, line: PanelSeat) -> list[Seat]:
        return [seat.model_copy(update=line.settings) for seat in self.seats(line.model)]

    def _counted(self, word: str) -> tuple[str, int]:
        name, star, number = word.rpartition("*")
        if star:
            if not number.isdigit() or len(number) > 9 or int(number) < 1:
                raise InputError(f"{word!r}: after * stands how many seats, from 1 to 1000")
            return name, int(number)
        name, colon, number = word.rpartition(":")
        if not colon or not number.isdigit() or "/" in number:
            return word, self.count
        provider = name.partition("/")[0]
        if provider in TAGGED or (provider in self.servers and provider not in BUILT_IN):
            return word, self.count
        if not 1 <= int(number) <= MOST_BY_COLON:
            raise InputError(f"{word!r} may be a model with a tag or {number} seats; write {name}*{number} for seats")
        return name, int(number)

    def _named(self, name: str) -> list[Seat]:
        if name in self.panels:
            if self.panels[name].protocol is None:
                return self.of_panel(name)
            return [Seat(model=f"panel/{name}")]
        return [Seat(model=model) for model in self._models(name)]

    def _models(self, name: str) -> list[str]:
        key, equals, model = name.partition("=")
        if equals and "?" not in key and key in KEYS:
            return [f"{KEYS[key].partition('/')[0]}/{model.partition('/')[2] or model}"]
        if "/" in name:
            return [self._qualified(name)]
        if name == "sim":
            return list(SIM_SEATS[:3])
        if found := ALIASES.get(name) or KEYS.get(name):
            return [found]
        if name in AGENTS:
            raise InputError(f"{name} needs a model: {name}/PROVIDER/MODEL; `{name} --help` tells how to list them")
        if found := _known_model(name) or _llm_model(name):
            return [found]
        raise InputError(f"{name!r} is no model; {self._suggest(name)}")

    def _qualified(self, name: str) -> str:
        provider, _, model = name.partition("/")
        if not provider or not model:
            raise InputError(f"{name!r}: a model is written provider/model")
        if provider in ("pi", "opencode") and not all(model.partition("/")[::2]):
            raise InputError(f"{name!r}: {provider} models are written {provider}/PROVIDER/MODEL")
        if provider == "panel" and model not in self.panels:
            raise InputError(missing(model, self.panels))
        if provider not in self._providers():
            raise InputError(f"{name!r}: {provider!r} is no provider; {self._suggest(provider)}")
        return name

    def _providers(self) -> list[str]:
        from folkmoot.providers import provider_names  # entry points are looked up only here

        return [*provider_names(), "panel", *self.servers]

    def _suggest(self, word: str) -> str:
        known = [*self.panels, *ALIASES, *KEYS, *self._providers()]
        near = difflib.get_close_matches(word, known, n=3, cutoff=0.6)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        here = ", ".join(dict.fromkeys((*APIS, *AGENTS, "sim", "recorded", *self.servers)))
        return f"{hint}a model is written provider/model, e.g. openai/gpt-5.4; the providers here are: {here}"


def _llm_model(name: str) -> str | None:
    """llm/model for the id or an alias of a model of `llm`, where that is installed."""
    from folkmoot.providers.llm_models import model_id

    found = model_id(name)
    return f"llm/{found}" if found else None


def _known_model(name: str) -> str | None:
    """provider/model for a bare model id that the price library knows from one of our vendors."""
    from folkmoot.providers.prices import vendor_of

    vendor = vendor_of(name)
    return f"{vendor}/{name}" if vendor in APIS else None
