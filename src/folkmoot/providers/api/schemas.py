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


def for_grammar(schema: JSON, tokens: int | None) -> JSON:
    """`schema` for llama.cpp and servers built on it, which compile it into a grammar that the model cannot leave.

    A grammar has no limits for fractions, so that a score of 11 of 10 may be written: a number within limits becomes
    an enumeration of its steps. And a small model may write a text or a list without end. Where the reply is limited
    to `tokens`, all texts get an equal share of them, so that the object is closed before the reply is cut.
    """
    definitions = schema.get("$defs", {})
    texts, values = _sizes(schema, definitions)
    share = None
    if tokens is not None and texts:
        share = max((tokens - values * _TOKENS_OF_A_VALUE) * _LETTERS_OF_A_TOKEN // texts, _SHORTEST_TEXT)
    return _limited(schema, share)


_ENTRIES = 2  # of a list without a limit, where the reply has one
_TOKENS_OF_A_VALUE = 8  # its key, quotation marks, blanks
_LETTERS_OF_A_TOKEN = 2  # at least, also of numbers and of most languages
_SHORTEST_TEXT = 16
_FINE, _COARSE = 0.05, 0.5  # steps of a number: of a share between 0 and 1, and of a score


def _sizes(node: JSON, definitions: Mapping[str, JSON]) -> tuple[int, int]:
    """How many texts of any length a value of this schema has at most, and how many values."""
    if "$ref" in node:
        return _sizes(definitions[node["$ref"].rpartition("/")[2]], definitions)
    if "enum" in node:
        return 0, 1
    if "anyOf" in node:
        sizes = [_sizes(each, definitions) for each in node["anyOf"]]
        return max(texts for texts, _ in sizes), max(values for _, values in sizes)
    if "properties" in node:
        sizes = [_sizes(each, definitions) for each in node["properties"].values()]
        return sum(texts for texts, _ in sizes), sum(values for _, values in sizes)
    if node.get("type") == "array" and "items" in node:
        texts, values = _sizes(node["items"], definitions)
        entries = node.get("maxItems", max(node.get("minItems", 0), _ENTRIES))
        return texts * entries, values * entries
    return int(node.get("type") == "string"), 1


def _limited(node: JSON, share: int | None) -> JSON:
    """`node` with steps for numbers, and `share` letters for each text that has no limit of its own."""
    written: JSON = {}
    for key, value in node.items():
        if key in ("properties", "$defs"):
            written[key] = {name: _limited(each, share) for name, each in value.items()}
        elif key == "items":
            written[key] = _limited(value, share)
        elif key in ("anyOf", "allOf", "prefixItems"):
            written[key] = [_limited(each, share) for each in value]
        else:
            written[key] = value
    if "enum" in node:
        return written
    if node.get("type") == "number" and (steps := _steps(node)):
        return {key: value for key, value in written.items() if key not in OPENAI} | {"enum": steps}
    if share is not None and node.get("type") == "string":
        written.setdefault("maxLength", share)
    if share is not None and node.get("type") == "array":
        written.setdefault("maxItems", max(node.get("minItems", 0), _ENTRIES))
    return written


def _steps(node: Mapping[str, Any]) -> list[int | float]:
    low, high = node.get("minimum"), node.get("maximum")
    if low is None or high is None or not 0 < high - low < _MOST_NUMBERS:
        return []
    step = _FINE if high - low <= 1 else _COARSE
    numbers = (round(low + step * number, 2) for number in range(round((high - low) / step) + 1))
    return [int(number) if number == int(number) else number for number in numbers]
