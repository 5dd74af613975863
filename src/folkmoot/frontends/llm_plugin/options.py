"""The options (`-o KEY VALUE`) of a panel or protocol: its own, the seats, and limits."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin

import llm
from pydantic import AliasChoices, Field, create_model
from pydantic.fields import FieldInfo

from folkmoot.errors import InputError
from folkmoot.protocols import Options, find_protocol
from folkmoot.python.library import this_machine
from folkmoot.running.planning import DEFAULT_PROTOCOL, find_model
from folkmoot.running.runs import Machine


class CommonOptions(llm.Options):
    """The options of every panel and protocol."""

    models: str | None = Field(None, description="Seats instead of those of the panel: provider/model,llm/MODEL,...")
    budget: float | None = Field(None, gt=0, description="Stop before the run costs more, in USD.")
    max_calls: int | None = Field(None, ge=1, description="Stop before the run makes more calls.")
    timeout: float | None = Field(None, gt=0, description="Seconds for one call with its retries.")
    seed: int | None = Field(None, description="Labels, orders and simulated seats follow from it.")


def options_of(model_id: str) -> type[llm.Options]:
    """The options of a model. Of a panel that cannot be read those that all have; it says why when it is asked."""
    try:
        return _options_for(options_behind(model_id, this_machine()))
    except InputError:
        return CommonOptions


def options_behind(model_id: str, machine: Machine) -> type[Options]:
    """The options of the protocol that a model runs."""
    panel, protocol = find_model(model_id, machine)
    chosen = machine.panels[panel].protocol if panel else protocol
    return find_protocol(chosen or DEFAULT_PROTOCOL).options


def protocol_options(given: Mapping[str, Any], options: type[Options]) -> dict[str, Any]:
    """What was given of a protocol's options, lists taken apart."""
    fields = options.model_fields
    named = {name: value for name, value in given.items() if name in fields and value is not None}
    return {name: _listed(value) if _is_list(fields[name]) else value for name, value in named.items()}


@cache
def _options_for(options: type[Options]) -> type[llm.Options]:
    fields: dict[str, Any] = {name: _field(name, field) for name, field in options.model_fields.items()}
    return create_model("Options", __base__=CommonOptions, **fields)


def _field(name: str, field: FieldInfo) -> tuple[Any, Any]:
    """A protocol's option as one of `llm`: never required, a list as one text, under its flags' other names too."""
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    flags = [str(each) for each in extra.get("flags", ()) or ()]  # type: ignore[union-attr]
    names = [name, *(flag[2:].replace("-", "_") for flag in flags if flag.startswith("--"))]
    kind = next((each for each in (field.annotation, *get_args(field.annotation)) if _is_plain(each)), str)
    if kind is not str and field.metadata:
        kind = Annotated[(kind, *field.metadata)]
    return kind | None, Field(default=None, description=field.description, validation_alias=AliasChoices(*names))


def _is_plain(kind: Any) -> bool:
    return kind in (bool, int, float) or get_origin(kind) is Literal


def _is_list(field: FieldInfo) -> bool:
    return tuple in (get_origin(field.annotation), *map(get_origin, get_args(field.annotation)))


def _listed(text: str) -> tuple[str, ...]:
    """The values of a list, with commas between them or as JSON.

    >>> _listed("eps=0.3, min_samples=2"), _listed('["roles=A, B"]')
    (('eps=0.3', 'min_samples=2'), ('roles=A, B',))
    """
    if text.startswith("["):
        try:
            return tuple(str(each) for each in json.loads(text))
        except ValueError:
            raise InputError(f"{text!r} begins as a JSON list, but is none") from None
    return tuple(part.strip() for part in text.split(",") if part.strip())
