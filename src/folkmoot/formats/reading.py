"""Finding JSON and fields in what models write: prose around it, fences, trailing commas, half-quoted numbers.

Replies come from anybody's model, so nothing here may take long over a hostile one: every search has a bound.
"""

import json
import re
from collections.abc import Iterator

from folkmoot.errors import Unparseable
from folkmoot.types import JSON

MAX_DEPTH = 10
MAX_BYTES = 1_000_000
MAX_FUTILE = 100  # braces that open nothing readable
MAX_MENDED = 5  # times the rest of a reply is gone through for trailing commas

_FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})")
_TRAILING = re.compile(r",\s*+[}\]]")
# strings are stepped over, also one that nothing closes
_COMMA = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|(?P<trailing>,)(?=\s*+[}\]])', re.DOTALL)
_DECODER = json.JSONDecoder(strict=False)  # models put raw line breaks into strings


class NoObject(Unparseable):
    """A reply holds no JSON object of the kind that was looked for. It may say the same in another way."""


def check_size(reply: str) -> None:
    """Raises Unparseable for a reply longer than anybody needs to say what they think."""
    if len(reply.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise Unparseable(f"the reply is longer than {MAX_BYTES:,} bytes")


def objects(reply: str) -> Iterator[JSON]:
    """Every outermost JSON object in `reply`, in order: inside fences, inside prose, with trailing commas.

    >>> list(objects('Sure! ```json\\n{"score": 8,}\\n``` Hope that helps.'))
    [{'score': 8}]
    """
    at = futile = mended = 0
    while futile < MAX_FUTILE and (start := reply.find("{", at)) >= 0:
        try:
            value, at = _DECODER.raw_decode(reply, start)
        except (ValueError, RecursionError):  # ValueError: also a number of thousands of digits
            if mended < MAX_MENDED and _TRAILING.search(reply, start):
                mended += 1
                without = _without_trailing_commas(reply, start)
                if without != reply:
                    reply = without
                    continue
            at, futile = start + 1, futile + 1
        else:
            yield value


def json_object(reply: str, *keys: str) -> JSON:
    """The last object in `reply` that has one of `keys`: models think aloud, and quote examples, first.

    An object that merely wraps such a one gives what it wraps. Raises NoObject when there is none, and Unparseable
    when it is nested more than ten levels deep or the reply is too long.
    """
    check_size(reply)
    found: JSON | None = None
    for outer in objects(reply):
        wrapped = (each for each in outer.values() if isinstance(each, dict))
        found = next((value for value in (outer, *wrapped) if any(key in value for key in keys)), found)
    if found is None:
        raise NoObject(f"there is no JSON object with {' or '.join(repr(key) for key in keys)}")
    if _deeper(found, MAX_DEPTH):
        raise Unparseable(f"the JSON object is nested more than {MAX_DEPTH} levels deep")
    return found


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
    """`reply` without fenced blocks and lines that quote somebody. A fence that nothing closes hides nothing."""
    return "\n".join(line for line, quoted in lines_with_quotes(reply) if not quoted)


def lines_with_quotes(reply: str) -> list[tuple[str, bool]]:
    """Each line of `reply`, and whether it is quoted: in a fence, which its own lines belong to, or behind a `>`."""
    lines = reply.splitlines()
    closing: dict[str, int] = {}  # fence -> the last line that can close one
    for number, line in enumerate(lines):
        if (mark := _FENCE.match(line)) and not line[mark.end() :].strip():
            closing[mark[1]] = number
    found: list[tuple[str, bool]] = []
    open_by = ""
    for number, line in enumerate(lines):
        mark = _FENCE.match(line)
        if open_by:
            if mark and mark[1] == open_by and not line[mark.end() :].strip():
                open_by = ""
            found.append((line, True))
        elif mark and closing.get(mark[1], -1) > number:
            open_by = mark[1]
            found.append((line, True))
        else:
            found.append((line, line.lstrip().startswith(">")))
    return found


def _without_trailing_commas(text: str, start: int) -> str:
    """`text` with every comma before a closing bracket, from `start` on, turned into a space: nothing moves."""

    def blank(found: re.Match[str]) -> str:
        return " " if found["trailing"] else found[0]

    return text[:start] + _COMMA.sub(blank, text[start:])


def _deeper(value: object, levels: int) -> bool:
    """Whether objects and lists are nested more than `levels` deep."""
    if isinstance(value, dict):
        return levels == 0 or any(_deeper(each, levels - 1) for each in value.values())
    if isinstance(value, list):
        return levels == 0 or any(_deeper(each, levels - 1) for each in value)
    return False
