"""Finding JSON and fields in what models write: prose around it, fences, trailing commas, half-quoted numbers."""

import json
import re
from collections.abc import Iterator
from typing import Any

from folkmoot.errors import Unparseable
from folkmoot.types import JSON

MAX_DEPTH = 10
MAX_BYTES = 1_000_000
MAX_FUTILE = 100  # braces that open nothing readable; each costs a pass over the rest of the reply

_FENCE = re.compile(r"^[ \t>]*(`{3,}|~{3,})[^\n]*\n(.*?)^[ \t>]*\1[ \t]*$", re.DOTALL | re.MULTILINE)
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")


def objects(reply: str) -> Iterator[JSON]:
    """Every outermost JSON object in `reply`, in order: inside fences, inside prose, with trailing commas.

    >>> list(objects('Sure! ```json\\n{"score": 8,}\\n``` Hope that helps.'))
    [{'score': 8}]
    """
    at, futile = 0, 0
    while futile < MAX_FUTILE and (start := reply.find("{", at)) >= 0:
        end = _closing(reply, start)
        value = _loads(reply[start:end]) if end else None
        if isinstance(value, dict):
            yield value
            at = end or start + 1
        else:
            at, futile = start + 1, futile + 1


def json_object(reply: str, *keys: str) -> JSON:
    """The object in `reply` that has the most of `keys`, the last of several: models think aloud first.

    An object that merely wraps such a one gives what it wraps.
    Raises Unparseable when there is none, or when it is nested more than ten levels deep.
    """
    if len(reply.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise Unparseable("the reply is longer than 1,000,000 bytes")
    found = list(objects(reply))
    wrapped = [each for value in found for each in value.values() if isinstance(each, dict)]
    best: JSON | None = None
    most = 0
    for value in (*wrapped, *found):
        shared = sum(key in value for key in keys)
        if shared and shared >= most:
            best, most = value, shared
    if best is None:
        raise Unparseable(f"there is no JSON object with {' or '.join(repr(key) for key in keys)}")
    if _depth(best) > MAX_DEPTH:
        raise Unparseable(f"the JSON object is nested more than {MAX_DEPTH} levels deep")
    return best


def text_field(value: JSON, key: str) -> str:
    """`value[key]` as text; empty when it is absent or is not text."""
    found = value.get(key, "")
    return found.strip() if isinstance(found, str) else ""


def list_field(value: JSON, key: str) -> tuple[str, ...]:
    """`value[key]` as texts; a single text counts as a list of one."""
    found = value.get(key, [])
    if isinstance(found, str):
        return (found.strip(),) if found.strip() else ()
    return tuple(str(each).strip() for each in found if str(each).strip()) if isinstance(found, list) else ()


def without_quotes(reply: str) -> str:
    """`reply` without fenced blocks and lines that quote somebody."""
    return "\n".join(line for line in _FENCE.sub("", reply).splitlines() if not line.lstrip().startswith(">"))


def _closing(text: str, start: int) -> int | None:
    """The index after the brace that closes the one at `start`, heeding strings."""
    depth, inside, escaped = 0, False, False
    for at in range(start, len(text)):
        letter = text[at]
        if inside:
            if escaped:
                escaped = False
            elif letter == "\\":
                escaped = True
            elif letter == '"':
                inside = False
        elif letter == '"':
            inside = True
        elif letter == "{":
            depth += 1
        elif letter == "}":
            depth -= 1
            if depth == 0:
                return at + 1
    return None


def _loads(text: str) -> Any:
    # strict=False: models put raw line breaks into strings
    for candidate in (text, _TRAILING_COMMA.sub(r"\1", text)):
        try:
            return json.loads(candidate, strict=False)
        except (ValueError, RecursionError):
            continue
    return None


def _depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max((_depth(each) for each in value.values()), default=0)
    if isinstance(value, list):
        return max((_depth(each) for each in value), default=0)
    return 0
