"""The protocols: one async function each, in one file each, found by name.

A module of this package, or an entry point in the group `folkmoot.protocols`, that calls `protocol` adds one; every
frontend lists what is registered.
"""

import pkgutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from folkmoot.core.run import Run
from folkmoot.errors import InputError
from folkmoot.types import JSON, Outcome, Seat


class Options(BaseModel):
    """What a protocol can be told. A field is a flag, a key of a panel and of the HTTP body; its description is help.

    `json_schema_extra={"flags": ["-t"]}` gives a field further spellings on the command line, `{"values": {"--no-x":
    "off"}}` one of its values a flag of its own. `{"duty": "chair"}` says that it names models which get a seat of
    their own beside the panel, found with `run.seats_for("chair")`; with `"else": "first"` beside it, the first seat's
    model gets that seat where nobody is named. A flag with a duty seats its `"model"` when it is set.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class FromFile:
    """In an option's Annotated type: whoever owns the machine may name a file that holds the value.

    `read` makes the value of a path; it raises InputError, which names the file.
    """

    read: Callable[[Path], BaseModel]


T = TypeVar("T", bound=Options)


@dataclass(frozen=True)
class Registered:
    """A protocol and what the frontends need to know of it."""

    name: str
    options: type[Options]
    decide: Callable[[Run, Any], Awaitable[Outcome]]
    summary: str
    max_calls: Callable[[Any, int], int]  # (options, seats) -> calls that no run exceeds
    calls_per_round: Callable[[Any, int], int]
    keeps_all_seats: bool = False  # whether a seat is asked again whatever happened to it
    foretell: Callable[[Any, int], JSON] | None = None  # (options, seats) -> what else a dry run shows
    reads_stdin: bool = False  # whether what is piped in is added to the prompt, unless the user says otherwise


def duties(options: Options) -> dict[str, tuple[str, ...]]:
    """The models that options name for a duty beside the panel: duty -> what was written."""
    found: dict[str, tuple[str, ...]] = {}
    for name, field in type(options).model_fields.items():
        extra = field.json_schema_extra
        value = getattr(options, name)
        if isinstance(extra, dict) and (duty := extra.get("duty")) and value and value is not True:
            found[str(duty)] = (value,) if isinstance(value, str) else tuple(value)
    return found


def stand_ins(options: Options, seats: Sequence[Seat]) -> tuple[Seat, ...]:
    """The seats there must be beside `seats`, for duties for which nobody was named.

    One that falls to the first seat's model keeps that seat's settings, but neither its role nor its weight: those
    belong to the member.
    """
    first = next((seat for seat in seats if seat.duty == "member"), None)
    taken = {seat.duty for seat in seats}
    found: list[Seat] = []
    for name, field in type(options).model_fields.items():
        extra = field.json_schema_extra
        if not isinstance(extra, dict) or first is None or (duty := str(extra.get("duty"))) in taken:
            continue
        number = len(seats) + len(found) + 1
        if extra.get("else") == "first":
            own = {"number": number, "duty": duty, "id": f"{first.model}#{duty}", "role": None, "weight": 1.0}
            found.append(first.model_copy(update=own))
        elif getattr(options, name) is True and (model := extra.get("model")):
            found.append(Seat(model=str(model), number=number, id=str(model), duty=duty))
    return tuple(found)


_REGISTRY: dict[str, Registered] = {}


def protocol(
    name: str,
    options: type[T],
    *,
    max_calls: Callable[[T, int], int],
    calls_per_round: Callable[[T, int], int] | None = None,
    keeps_all_seats: bool = False,
    foretell: Callable[[T, int], JSON] | None = None,
    reads_stdin: bool = False,
) -> Callable[[Callable[[Run, T], Awaitable[Outcome]]], Callable[[Run, T], Awaitable[Outcome]]]:
    """Register an async function `(run, options) -> Outcome`. The first line of its docstring is its help."""

    def register(decide: Callable[[Run, T], Awaitable[Outcome]]) -> Callable[[Run, T], Awaitable[Outcome]]:
        summary = (decide.__doc__ or "").strip().splitlines()[0].rstrip(".")
        _REGISTRY[name] = Registered(
            name,
            options,
            decide,
            summary,
            max_calls,
            calls_per_round or max_calls,
            keeps_all_seats,
            foretell,
            reads_stdin,
        )
        return decide

    return register


def protocol_names() -> tuple[str, ...]:
    """Every name there is, without loading any: the modules of this package, then entry points."""
    here = (module.name for module in pkgutil.iter_modules(__path__))
    added = (entry.name for entry in entry_points(group="folkmoot.protocols"))
    return tuple(dict.fromkeys((*here, *_REGISTRY, *added)))


def find_protocol(name: str) -> Registered:
    """The protocol called `name`. Raises InputError when there is none."""
    if name not in _REGISTRY:
        if name in (module.name for module in pkgutil.iter_modules(__path__)):
            import_module(f"{__name__}.{name}")
        else:
            for entry in entry_points(group="folkmoot.protocols", name=name):
                entry.load()
    if name not in _REGISTRY:
        raise InputError(f"no protocol is called {name!r}; there are: {', '.join(protocol_names())}")
    return _REGISTRY[name]


def check_options(registered: Registered, given: Mapping[str, Any]) -> Options:
    """The options of a protocol. Raises InputError with one line for each that is wrong."""
    try:
        return registered.options.model_validate(given)
    except ValidationError as error:
        raise InputError(*(_problem(registered.name, each) for each in error.errors())) from None


def with_files(registered: Registered, given: Mapping[str, Any]) -> dict[str, Any]:
    """`given` with the contents of the files that it names. Not for what comes over a network, or out of a record.

    Raises InputError for a file that cannot be read.
    """
    found = dict(given)
    for name, mark in _files(registered, given):
        try:
            found[name] = mark.read(Path(found[name])).model_dump(mode="json")
        except InputError as error:
            raise InputError(f"{registered.name}: {name.replace('_', '-')}: {error}") from None
    return found


def without_files(registered: Registered, given: Mapping[str, Any]) -> dict[str, Any]:
    """`given` without the options that name a file, for a check that reads none."""
    left_out = {name for name, _ in _files(registered, given)}
    return {name: value for name, value in given.items() if name not in left_out}


def _files(registered: Registered, given: Mapping[str, Any]) -> list[tuple[str, FromFile]]:
    return [
        (name, mark)
        for name, field in registered.options.model_fields.items()
        for mark in field.metadata
        if isinstance(mark, FromFile) and isinstance(given.get(name), str | Path)
    ]


def _problem(protocol: str, error: Any) -> str:
    where = ".".join(str(each).replace("_", "-") for each in error["loc"])
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{protocol}: {where}: {message} (given: {error['input']})" if where else f"{protocol}: {message}"
