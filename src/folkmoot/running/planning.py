"""Turn a frontend's request into a job: the one place where panels, models and options are combined.

Every frontend fills in an `Asked`, makes a `Job` of it with `plan`, and gives that to `runs.begin`. As a model, a
panel is called by its name, and a protocol `folkmoot/NAME`: it asks the default seats.
"""

import difflib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from folkmoot.core.limits import Limits, limits_given
from folkmoot.errors import InputError
from folkmoot.execute import Job, checked
from folkmoot.machine.panels import Panel, missing
from folkmoot.machine.seats import at_most, numbered, panel_seats, parse_models, weighted, with_duties
from folkmoot.protocols import check_options, duties, find_protocol, protocol_names, with_files
from folkmoot.providers import open_provider
from folkmoot.providers.base import Settings
from folkmoot.providers.catalog import AGENTS, APIS
from folkmoot.record.store import Attached, RunSpec, Turn
from folkmoot.running.runs import Machine, everybody, with_tables
from folkmoot.running.valued import by_value
from folkmoot.types import Attachment, Record, Seat

PREFIX = "folkmoot/"
DEFAULT_PROTOCOL = "ask"
DEFAULT_PANEL = "default"
DEEPEST = 3  # panels inside panels inside panels

Dress = Callable[[tuple[Seat, ...]], tuple[Seat, ...]]


@dataclass(frozen=True)
class Asked:
    """A frontend's request. What is not given comes from the panel, else from the configuration."""

    prompt: str
    panel: str | None = None  # a saved panel
    protocol: str | None = None  # None: the panel's, else `ask`
    models: Sequence[str] = ()  # as after --models
    seats: Sequence[Seat] = ()  # instead of models
    count: int = 1  # seats for each model that names no count
    options: Mapping[str, Any] = field(default_factory=dict)  # of the protocol
    may_name_files: bool = True  # whether options may name files; not for requests over a network
    limits: Mapping[str, Any] = field(default_factory=dict)  # fields of Limits
    history: Sequence[Turn] = ()
    attachments: Sequence[Attachment] = ()
    title: str = ""  # the prompt as it was typed
    system: str | None = None  # for every seat, before what a panel says of it
    seed: int = 0
    allow_tools: Sequence[str] = ()
    pass_env: Sequence[str] = ()
    recordings: Sequence[str] = ()
    via: Sequence[str] = ()  # see RunSpec
    dress: Dress | None = None  # changes the settings of single seats, also of those with a duty


class ModelName(Record):
    """A panel or a protocol as frontends list it among models."""

    id: str
    panel: str | None
    protocol: str
    description: str


def plan(asked: Asked, machine: Machine, note: Callable[[str], None] = lambda _: None) -> Job:
    """The job to be run. `note` gets a line for each seat that was found where nobody named any.

    Raises InputError with everything that is wrong, before anything is asked or written.
    """
    spec = _planned(asked, machine, note)
    inside = panels_inside(spec.seats, machine, (asked.panel,) if asked.panel else ())
    return checked(with_tables(spec.model_copy(update={"panels": inside}), machine.config), asked.attachments)


def _planned(asked: Asked, machine: Machine, note: Callable[[str], None]) -> RunSpec:
    panel = _panel(asked.panel, machine) if asked.panel else None
    protocol = asked.protocol or (panel.protocol if panel else None) or DEFAULT_PROTOCOL
    own = panel if panel is not None and panel.protocol == protocol else None  # whose options are this protocol's
    registered = find_protocol(protocol)
    given = with_files(registered, asked.options) if asked.may_name_files else asked.options
    options = {**with_files(registered, own.options if own else {}), **given}
    checked_options = check_options(registered, options)
    named = duties(checked_options)
    members = _members(asked, panel, machine, note)
    people = Counter(seat.model.partition("?")[0] for seat in members if seat.provider == "human")
    if twice := [name for name, count in people.items() if count > 1]:
        raise InputError(f"{twice[0]} has {people[twice[0]]} seats: a person answers, and counts, once")
    seats = with_duties(members, {duty: _parsed(written, machine) for duty, written in named.items()})
    if asked.system:
        seats = tuple(_told(seat, asked.system) for seat in seats)
    seats = weighted(seats, machine.config.weights)
    seats = asked.dress(seats) if asked.dress else seats
    options, seats = by_value(options, checked_options, seats, machine.home)
    return RunSpec(
        protocol=protocol,
        options=options,
        prompt=asked.prompt,
        title=asked.title or asked.prompt,
        history=tuple(asked.history),
        attachments=tuple(
            Attached(name=each.name, media_type=each.media_type, sha256=each.sha256) for each in asked.attachments
        ),
        seats=seats,
        seed=asked.seed,
        limits=Limits.model_validate(limits_given({**(panel.limits if panel else {}), **asked.limits})),
        allow_tools=tuple(asked.allow_tools),
        pass_env=tuple(asked.pass_env),
        recordings=tuple(asked.recordings),
        via=tuple(asked.via),
    )


def _panel(name: str, machine: Machine) -> Panel:
    if name not in machine.panels:
        raise InputError(missing(name, machine.panels))
    return machine.panels[name]


def _members(asked: Asked, panel: Panel | None, machine: Machine, note: Callable[[str], None]) -> tuple[Seat, ...]:
    """Return the named seats; else the panel's; else the default panel's; else up to three usable ones."""
    most = machine.config.max_seats
    if asked.seats:
        at_most(len(asked.seats), most)
        return tuple(asked.seats)
    at_most(len(asked.models), most)
    words = [word for each in asked.models for word in (part.strip() for part in each.split(",")) if word]
    if asked.models and not (len(words) == 1 and words[0] in machine.panels):
        return _parsed(asked.models, machine, asked.count)
    if words:
        panel = machine.panels[words[0]]  # alone, it stands for its seats
    elif panel is None and DEFAULT_PANEL in machine.panels:
        panel = machine.panels[DEFAULT_PANEL]
    if panel is not None:
        found = panel_seats(panel, panels=machine.panels, servers=machine.config.providers, most=most)
        at_most(len(found) * asked.count, most)
        return numbered(found * asked.count)
    from folkmoot.machine.discovery import look_around

    search = look_around(machine.environ, machine.config.providers)
    if not search.found:
        raise InputError(search.advice())
    for sighting in search.panel():
        note(f"asking {sighting.model} ({sighting.login}); --models names others")
    return _parsed([sighting.model for sighting in search.panel()], machine)


def _parsed(written: Sequence[str], machine: Machine, count: int = 1) -> tuple[Seat, ...]:
    config = machine.config
    return parse_models(written, panels=machine.panels, servers=config.providers, count=count, most=config.max_seats)


def _told(seat: Seat, system: str) -> Seat:
    return seat.model_copy(update={"system": "\n\n".join(each for each in (system, seat.system) if each)})


def canonical(model: str) -> str:
    """The name under which a model is listed.

    >>> canonical("folkmoot"), canonical("folkmoot/vote"), canonical("trio")
    ('folkmoot/ask', 'folkmoot/vote', 'trio')
    """
    return f"{PREFIX}{DEFAULT_PROTOCOL}" if model == PREFIX.rstrip("/") else model


def find_model(name: str, machine: Machine) -> tuple[str | None, str | None]:
    """(panel, protocol) that a model's name means: a panel's, `folkmoot/PROTOCOL`, or `folkmoot`, which is `ask`.

    Raises InputError with what there is.
    """
    if name in machine.panels:
        return name, None
    if name == PREFIX.rstrip("/"):
        return None, DEFAULT_PROTOCOL
    protocol = name.removeprefix(PREFIX)
    if name.startswith(PREFIX) and protocol in protocol_names():
        return None, protocol
    known = [each.id for each in model_names(machine)]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise InputError(f"there is no panel or protocol {name!r}; {hint}there are: {', '.join(known)}")


def model_names(machine: Machine) -> list[ModelName]:
    """Every panel and every protocol. A panel that cannot be read is not among them."""
    found: list[ModelName] = []
    for name in machine.panels:
        try:
            panel = machine.panels[name]
        except InputError:
            continue
        protocol = panel.protocol or DEFAULT_PROTOCOL
        seats = ", ".join(seat.model for seat in panel.everybody)
        found.append(
            ModelName(id=name, panel=name, protocol=protocol, description=panel.description or f"{protocol}: {seats}")
        )
    for name in protocol_names():
        summary = find_protocol(name).summary
        found.append(ModelName(id=f"{PREFIX}{name}", panel=None, protocol=name, description=summary))
    return found


def panels_inside(seats: Sequence[Seat], machine: Machine, outer: tuple[str, ...] = ()) -> dict[str, RunSpec]:
    """Return the specification of every panel among `seats`, also nested ones, by name, without a prompt.

    Raises InputError for a panel inside itself, or too deep.
    """
    found: dict[str, RunSpec] = {}
    for seat in seats:
        provider, _, name = seat.model.partition("/")
        if provider != "panel":
            continue
        path = (*outer, name)
        if name in outer:
            raise InputError(f"the panel {name!r} is inside itself: {' > '.join(path)}")
        if len(path) > DEEPEST:
            raise InputError(f"panels go at most {DEEPEST} deep: {' > '.join(path)}")
        inner = _planned(Asked("", panel=name), machine, lambda _: None)
        found |= panels_inside(inner.seats, machine, path)
        found[name] = checked(inner.model_copy(update={"title": name, "panels": {}})).spec
    return found


def check_panel(name: str, panel: Panel, machine: Machine, taken: Sequence[str] = ()) -> None:
    """Check that this panel can be asked. Raises InputError with every problem; `taken` are names it may not have."""
    problems: list[str] = []
    machine.panels.path(name)  # a name that can be none ends it here
    if name in protocol_names() or name in taken:
        problems.append(f"a panel cannot be called {name!r}: a protocol or a command is")
    try:
        trial = replace(machine, drafts={**machine.drafts, name: panel})
        problems += _unknown_models(plan(Asked("", panel=name), trial).spec, trial)
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(*dict.fromkeys(problems))


def _unknown_models(spec: RunSpec, machine: Machine) -> list[str]:
    """Return the problems of models that their providers do not have, as far as that can be checked now.

    A vendor's API has any model until it is asked, and a key that is not here may be there when the panel is asked.
    """
    problems: list[str] = []
    for seat in everybody(spec):
        if seat.provider in (*APIS, *AGENTS, "panel"):
            continue
        table = machine.config.providers.get(seat.provider, {})
        try:
            provider = open_provider(seat.provider, Settings(environ=machine.environ, table=table))
        except InputError:
            continue
        try:
            if check := getattr(provider, "check_name", None) or getattr(provider, "check_model", None):
                check(seat.model.partition("/")[2])
        except InputError as error:
            problems += error.problems
    return problems
