"""A value that a JSON schema accepts, for formats that a simulation has no words for."""

import math
from collections.abc import Callable
from typing import Any

from folkmoot.types import JSON

MAX_DEPTH = 8  # of a value built from a schema that refers to itself


def fill(schema: JSON, hint: Any = None) -> Any:
    """A value that `schema` accepts, taken from `hint` wherever that fits.

    Heeds $ref into the schema itself, anyOf, enum, const, bounds and lengths; patterns only if the hint does.
    """
    return _fill(schema, hint, schema, 0)


def _fill(schema: JSON, hint: Any, root: JSON, depth: int) -> Any:
    while "$ref" in schema:
        at: Any = root
        for key in str(schema["$ref"]).removeprefix("#/").split("/"):
            at = at[key]
        schema = at | {key: value for key, value in schema.items() if key != "$ref"}
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return hint if hint in schema["enum"] else schema["enum"][0]
    for key in ("anyOf", "oneOf"):
        if choices := schema.get(key):
            plain = [each for each in choices if each.get("type") != "null"] or choices
            fitting = [each for each in plain if hint is not None and _kind(each, root) == _kind_of(hint)]
            return (
                None if depth >= MAX_DEPTH and plain != choices else _fill((fitting or plain)[0], hint, root, depth + 1)
            )
    for part in schema.get("allOf", ()):
        schema = {**part, **schema}
    return _FILL.get(_kind(schema, root), _fill_nothing)(schema, hint, root, depth)


def _fill_object(schema: JSON, hint: Any, root: JSON, depth: int) -> Any:
    given = hint if isinstance(hint, dict) else {}
    required = schema.get("required", ())
    names = [name for name in schema.get("properties", {}) if depth < MAX_DEPTH or name in required]
    return {name: _fill(schema["properties"][name], given.get(name), root, depth + 1) for name in names}


def _fill_array(schema: JSON, hint: Any, root: JSON, depth: int) -> Any:
    given = hint if isinstance(hint, list) else []
    least = schema.get("minItems", 0)
    wanted = len(given) or (1 if depth < MAX_DEPTH else 0)
    count = min(max(wanted, least), schema.get("maxItems", max(wanted, least)))
    return [
        _fill(schema.get("items", {}), given[at] if at < len(given) else None, root, depth + 1) for at in range(count)
    ]


def _fill_string(schema: JSON, hint: Any, root: JSON, depth: int) -> Any:  # noqa: ARG001
    text = hint if isinstance(hint, str) else "simulated"
    return text.ljust(schema.get("minLength", 0), ".")[: schema.get("maxLength")]


def _fill_number(schema: JSON, hint: Any, root: JSON, depth: int) -> Any:  # noqa: ARG001
    whole = schema["type"] == "integer"
    step = 1 if whole else 0.5
    low = schema.get("minimum", schema["exclusiveMinimum"] + step if "exclusiveMinimum" in schema else -math.inf)
    high = schema.get("maximum", schema["exclusiveMaximum"] - step if "exclusiveMaximum" in schema else math.inf)
    fits = isinstance(hint, int | float) and not isinstance(hint, bool) and low <= hint <= high
    number = hint if fits else min(max(1, low), high)
    return int(number) if whole else number


def _fill_boolean(schema: JSON, hint: Any, root: JSON, depth: int) -> Any:  # noqa: ARG001
    return hint if isinstance(hint, bool) else True


def _fill_nothing(schema: JSON, hint: Any, root: JSON, depth: int) -> Any:  # noqa: ARG001
    return hint


_FILL: dict[str, Callable[[JSON, Any, JSON, int], Any]] = {
    "object": _fill_object,
    "array": _fill_array,
    "string": _fill_string,
    "number": _fill_number,
    "integer": _fill_number,
    "boolean": _fill_boolean,
}


def _kind(schema: JSON, root: JSON) -> str:
    if "$ref" in schema:
        return _kind(root.get("$defs", {}).get(str(schema["$ref"]).rpartition("/")[2], {}), root)
    kind = schema.get("type", "object" if "properties" in schema else "")
    return next((each for each in kind if each != "null"), "null") if isinstance(kind, list) else str(kind)


def _kind_of(value: object) -> str:
    kinds = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}
    return kinds.get(type(value), "null")
