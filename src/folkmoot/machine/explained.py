"""What pydantic finds wrong with a table that a person wrote, in words for that person."""

import json
import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

SHOWN = 60  # characters of a wrong value

_MUST_BE = {
    "string_type": "a text", "string_sub_type": "a text", "bool_type": "true or false", "bool_parsing": "true or false",
    "int_type": "a whole number", "int_parsing": "a whole number", "int_from_float": "a whole number",
    "float_type": "a number", "float_parsing": "a number", "finite_number": "a number that is not infinite or nan",
    "list_type": "a list", "tuple_type": "a list", "dict_type": "a table", "mapping_type": "a table",
    "model_type": "a table", "model_attributes_type": "a table",
}  # fmt: skip


def explained(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """One line for each problem: the key below `model`, and what must stand there.

    A value is repeated only if it cannot be a secret. An unknown key comes with the one that was probably meant.
    """
    lines: dict[str, None] = {}
    for each in error.errors():
        kind, given = each["type"], each["input"]
        keys = each["loc"]
        where = dotted(keys)
        if kind == "extra_forbidden":
            said = _unknown(str(keys[-1]), _fields(model, keys[:-1]))
        elif kind == "missing":
            said = "is missing"
        elif kind in _MUST_BE:
            said = f"must be {_MUST_BE[kind]}{_not(given, keys)}"
        elif kind == "literal_error":
            choices = str(each["ctx"]["expected"]).replace("'", '"')
            said = f"must be {choices}{_not(given, keys)}"
        elif kind == "value_error":
            said = each["msg"].removeprefix("Value error, ")
        else:
            said = each["msg"].replace("Input should", "must").replace("String should", "must") + _not(given, keys)
        lines[f"{where}: {said}" if where else said] = None
    return list(lines)


def dotted(keys: Sequence[object]) -> str:
    """A key as TOML writes it, with the number of an entry of a list, counted from 1.

    >>> dotted(("prices", "a/b", "input")), dotted(("seats", 0, "role"))
    ('prices."a/b".input', 'seats.1.role')
    """
    parts = (str(key + 1) if isinstance(key, int) else str(key) for key in keys)
    return ".".join(
        part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else json.dumps(part, ensure_ascii=False) for part in parts
    )


def _not(given: object, keys: Sequence[object]) -> str:
    if keys and "key" in str(keys[-1]):
        return ""
    shown = json.dumps(given, ensure_ascii=False, default=str)
    return f", not {shown if len(shown) <= SHOWN else f'{shown[:SHOWN]}...'}"


def _unknown(key: str, known: Sequence[str]) -> str:
    close = get_close_matches(key, known, 1)
    there = f"; did you mean {close[0]}?" if close else f"; there are {', '.join(known)}" if known else ""
    return f"there is no such key{there}"


def _fields(model: type[BaseModel], keys: Sequence[object]) -> list[str]:
    """The names of the fields that a table at `keys` below `model` may have."""
    here: list[Any] = [model]
    for key in keys:
        here = [below for each in here for below in _below(each, key)]
    return [name for each in here if _is_model(each) for name in each.model_fields]


def _below(annotation: Any, key: object) -> Iterator[Any]:
    """The types of what stands under `key` of a value that has the type `annotation`, without `X | None` around it."""
    if _is_model(annotation):
        yield from _choices(annotation.model_fields[key].annotation) if key in annotation.model_fields else ()
    elif arguments := [each for each in get_args(annotation) if each is not Ellipsis]:
        yield from _choices(arguments[-1])  # of a mapping, the values; of a list or tuple, the entries


def _choices(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) in (Union, UnionType, Annotated):
        for each in get_args(annotation):
            yield from _choices(each)
    else:
        yield annotation


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
