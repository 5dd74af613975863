"""JSON schemas as servers take them: strict, and without the keywords that a vendor refuses.

https://platform.openai.com/docs/guides/structured-outputs#supported-schemas lists what OpenAI's strict mode takes;
other vendors take less. Every property becomes required and every object closed, as strict mode demands.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from folkmoot.types import JSON

BARE: frozenset[str] = frozenset()
"""The optional keywords for vendors that refuse every limit on numbers and lists."""

OPENAI = frozenset(
    ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems", "pattern")
)
"""The optional keywords that OpenAI takes. `uniqueItems`, `default` and `title` go to nobody."""

GOOGLE = frozenset(("minimum", "maximum", "minItems", "maxItems"))
"""The optional keywords that Gemini takes; https://ai.google.dev/gemini-api/docs/structured-output."""

KEYWORDS = OPENAI | {"minLength", "maxLength"}
"""The optional keywords that servers take which compile a schema into a grammar: llama.cpp, vLLM, LM Studio, Ollama."""

_KEPT = frozenset(("type", "enum", "description", "$ref"))
_MOST_NUMBERS = 100  # of a range that is written as a list


def strict_schema(schema: JSON, keywords: frozenset[str]) -> tuple[JSON, bool]:
    """`schema` with the optional `keywords` alone, and whether it is strict: not where an object has free keys."""
    strict = not _open_objects(schema)
    return _written(schema, keywords, strict), strict


def _open_objects(node: object) -> bool:
    """Whether `node` holds an object with keys that it does not name, which strict mode cannot describe."""
    if isinstance(node, dict):
        free = node.get("type") == "object" and (
            "properties" not in node or isinstance(node.get("additionalProperties"), dict)
        )
        return free or any(map(_open_objects, node.values()))
    return isinstance(node, list) and any(map(_open_objects, node))


def _written(node: JSON, keywords: frozenset[str], strict: bool) -> JSON:
    """One schema, with the schemas inside it."""

    def each(found: Mapping[str, JSON]) -> JSON:
        return {name: _written(schema, keywords, strict) for name, schema in found.items()}

    def listed(found: Sequence[JSON]) -> list[JSON]:
        return [_written(schema, keywords, strict) for schema in found]

    if len(node.get("allOf", ())) == 1:  # how pydantic 2.0 to 2.8 writes a reference with a description
        node = {**{key: value for key, value in node.items() if key != "allOf"}, **node["allOf"][0]}
    written: JSON = {}
    for key, value in node.items():
        if key in ("properties", "$defs"):
            written[key] = each(value)
        elif key == "items":
            written[key] = _written(value, keywords, strict)
        elif key in ("anyOf", "oneOf"):
            written["anyOf"] = listed(value)
        elif key in ("allOf", "prefixItems"):
            written[key] = listed(value)
        elif key == "const":
            written["enum"] = [value]
        elif key in _KEPT or key in keywords:
            written[key] = value
        elif key == "additionalProperties" and isinstance(value, dict):
            written[key] = _written(value, keywords, strict)
    if "enum" not in written and (numbers := _numbers(node)) and not {"minimum", "maximum"} <= keywords:
        written["enum"] = numbers
    if "properties" in node:
        written["required"] = list(node["properties"]) if strict else node.get("required", [])
        written.setdefault("additionalProperties", False)
    return written


def _numbers(node: Mapping[str, Any]) -> list[int]:
    """The integers of a short range, for servers that take an enumeration and no limits; empty for anything else."""
    low, high = node.get("minimum"), node.get("maximum")
    if node.get("type") != "integer" or not isinstance(low, int) or not isinstance(high, int):
        return []
    return list(range(low, high + 1)) if 0 <= high - low < _MOST_NUMBERS else []
