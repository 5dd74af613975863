"""VECTOR: the embedding of a text, as a JSON list of numbers."""

import json
import math
from collections.abc import Iterable

from folkmoot.errors import Unparseable
from folkmoot.formats.base import Format

Vector = tuple[float, ...]

DIGITS = 7  # significant; more than a 32-bit number has


def write_vector(numbers: Iterable[float]) -> str:
    """The reply that stands for a vector.

    >>> write_vector([0.1234567891, 2])
    '[0.1234568, 2.0]'
    """
    return json.dumps([float(f"{number:.{DIGITS}g}") for number in numbers])


def read_vector(reply: str) -> Vector:
    """The numbers. A vector without length points nowhere, so it is none.

    >>> read_vector("[0.6, 0.8]")
    (0.6, 0.8)
    """
    try:
        found = json.loads(reply)
    except (ValueError, RecursionError):
        raise Unparseable("the reply is no JSON list of numbers") from None
    if not isinstance(found, list) or not found:
        raise Unparseable("the reply is no JSON list of numbers")
    if not all(isinstance(each, int | float) and not isinstance(each, bool) for each in found):
        raise Unparseable("the list holds something that is no number")
    try:
        vector = tuple(float(each) for each in found)
    except OverflowError:
        raise Unparseable("the list holds a number that is too large") from None
    if not all(map(math.isfinite, vector)) or not any(vector):
        raise Unparseable("the numbers are not finite, or all of them are 0")
    return vector


VECTOR: Format[Vector] = Format(
    "vector",
    instructions="",  # what an embedding model is sent is the text itself
    parse=read_vector,
    example="[0.6, 0.8]",
    brief=lambda vector: f"{len(vector)} numbers",
)
