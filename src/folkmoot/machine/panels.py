"""Panels: seats with a protocol and its options, saved under a name. One TOML file each, `panels/NAME.toml`.

```toml
protocol = "debate"              # a panel with a protocol answers like a model; one without is a list of seats
budget = 0.50                    # USD; also max_calls, timeout

[options]                        # the protocol's
rounds = 3

[[seats]]
model = "openai/gpt-5.4"         # whatever --models takes: an alias, another panel, with *2 two seats
role = "skeptic"                 # also system, temperature, effort, max_tokens, weight
```

`[panels.NAME]` of config.toml is the same; a file of that name goes before it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator

from folkmoot import textfiles
from folkmoot.errors import InputError
from folkmoot.machine.explained import explained
from folkmoot.machine.paths import NAME_RULE, PANEL_NAME, panel_files
from folkmoot.types import JSON, Effort, Record

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]


class PanelSeat(Record):
    """One line of a panel: a model, and how its seats are asked."""

    model: str  # what --models takes
    role: str | None = None
    system: str | None = None
    temperature: Annotated[float, Field(ge=0, le=2, strict=True)] | None = None
    effort: Effort | None = None
    max_tokens: Annotated[int, Field(ge=1, strict=True)] | None = None
    weight: Positive | None = None  # None: what config.toml says of the model, else 1

    @property
    def settings(self) -> JSON:
        """The settings of the seat, without its model."""
        return self.model_dump(exclude={"model"}, exclude_none=True)


class Panel(Record):
    """A saved panel."""

    description: str = ""
    protocol: str | None = None  # None: only a list of seats
    options: JSON = Field(default_factory=dict)
    models: tuple[str, ...] = ()  # seats without settings of their own
    seats: tuple[PanelSeat, ...] = ()
    system: str | None = None  # for every seat, before the seat's own text
    budget: Positive | None = None  # USD for one answer
    max_calls: Annotated[int, Field(ge=1, strict=True)] | None = None
    timeout: Positive | None = None  # seconds for one call

    @model_validator(mode="after")
    def _somebody(self) -> "Panel":
        if not self.models and not self.seats:
            raise ValueError("a panel needs models or seats")
        if self.options and self.protocol is None:
            raise ValueError("options are a protocol's: say which protocol")
        return self

    @property
    def everybody(self) -> tuple[PanelSeat, ...]:
        """All seats, those without settings first."""
        lines = (*(PanelSeat(model=model) for model in self.models), *self.seats)
        if not self.system:
            return lines
        told = ("\n\n".join(each for each in (self.system, line.system) if each) for line in lines)
        return tuple(line.model_copy(update={"system": system}) for line, system in zip(lines, told, strict=True))

    @property
    def limits(self) -> JSON:
        """The fields of Limits that the panel sets."""
        return self.model_dump(include={"budget", "max_calls", "timeout"}, exclude_none=True)


class Panels(Mapping[str, Panel]):
    """The panels of one machine. A file is read when its panel is asked for, so that a broken one harms no other."""

    def __init__(
        self, folder: Path | None = None, tables: Mapping[str, Panel] = {}, drafts: Mapping[str, Panel] = {}
    ) -> None:
        self.folder, self.tables, self.drafts = folder, tables, drafts

    def __getitem__(self, name: str) -> Panel:
        """The panel called `name`. Raises KeyError for none, InputError for one that cannot be read."""
        if name in self.drafts:
            return self.drafts[name]
        return read_panel(self.path(name)) if name in self._files() else self.tables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*self._files(), *self.tables, *self.drafts}))

    def __len__(self) -> int:
        return len({*self._files(), *self.tables, *self.drafts})

    def __contains__(self, name: object) -> bool:  # without reading the file
        return name in self.drafts or name in self.tables or name in self._files()

    def path(self, name: str) -> Path:
        """The file of the panel called `name`, there or not. Raises InputError for what can be no name."""
        if self.folder is None:
            raise InputError("there is no folder to keep panels in")
        if not PANEL_NAME.fullmatch(name):
            raise InputError(f"{name!r} cannot be a panel's name: {NAME_RULE}")
        return self.folder / f"{name}.toml"

    def save(self, name: str, panel: Panel) -> Path:
        """Write the panel's file, readable by its owner only, and return its path."""
        path = self.path(name)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = path.with_name(f".{path.name}.new")
            draft.write_text(panel_toml(panel), "utf-8")
            draft.chmod(0o600)
            draft.replace(path)
        except OSError as error:
            raise InputError(
                f"{path} cannot be written: {error.strerror}; set FOLKMOOT_HOME to a folder that can be written"
            ) from None
        return path

    def remove(self, name: str) -> None:
        if name not in self._files():
            where = " in config.toml; remove it there" if name in self.tables else ""
            raise InputError(f"the panel {name!r} is{where}" if where else missing(name, self))
        self.path(name).unlink()

    def _files(self) -> frozenset[str]:
        return panel_files(self.folder)


def missing(name: str, panels: Mapping[str, Panel]) -> str:
    """Return the error message for a panel that does not exist."""
    there = f"; there are: {', '.join(panels)}" if panels else "; `folkmoot panel save` makes one"
    return f"there is no panel {name!r}{there}"


def read_panel(path: Path) -> Panel:
    """The panel in a file. Raises InputError that names the file and every key that is wrong."""
    return parse_panel(textfiles.read(path), str(path))


def parse_panel(text: str, where: str) -> Panel:
    return make_panel(textfiles.toml(text, where), where)


def make_panel(table: Mapping[str, Any], where: str) -> Panel:
    """A panel of these fields. Raises InputError with one line, led by `where`, for each thing that is wrong."""
    try:
        return Panel.model_validate(table)
    except ValidationError as error:
        raise InputError(*(f"{where}: {each}" for each in explained(error, Panel))) from None


def changed_panel(panel: Panel, changes: Iterable[str]) -> Panel:
    """A panel with `changes`, each KEY=VALUE: a field, `options.NAME`, or `seats.NUMBER.FIELD`, where the models that
    are nothing else count first. A value is JSON or plain text; an empty one takes the setting away.
    """
    table = panel.model_dump(mode="json", exclude_none=True)
    for change in changes:
        key, equals, text = (part.strip() for part in change.partition("="))
        match key.split("."):
            case _ if not equals:
                raise InputError(f"--set {change}: write KEY=VALUE")
            case [field] if field in Panel.model_fields and field not in ("options", "seats"):
                _set(table, field, text)
                if field == "models" and text:  # the change replaces the whole list
                    table["seats"] = []
            case ["options", name]:
                _set(table["options"], name.replace("-", "_"), text)
            case ["seats", number, field] if field in PanelSeat.model_fields and _is_seat(number, panel):
                table["seats"] = [{"model": model} for model in table["models"]] + list(table["seats"])
                table["models"] = []
                _set(table["seats"][int(number) - 1], field, text)
            case _:
                raise InputError(f"--set {key}: write a field, options.NAME or seats.NUMBER.FIELD of the panel")
    return make_panel(table, "--set")


def _is_seat(number: str, panel: Panel) -> bool:
    return number.isdecimal() and 1 <= int(number) <= len(panel.everybody)


def _set(table: dict[str, Any], key: str, text: str) -> None:
    table.pop(key, None)
    if text:
        try:
            table[key] = json.loads(text)
        except ValueError:
            table[key] = text


def panel_toml(panel: Panel) -> str:
    """A panel as its file holds it.

    >>> print(panel_toml(Panel(protocol="vote", models=("sim/careful",), budget=0.5)), end="")
    protocol = "vote"
    models = [
        "sim/careful",
    ]
    budget = 0.5
    """
    import tomli_w

    return tomli_w.dumps(panel.model_dump(mode="json", exclude_defaults=True, exclude_none=True))
