"""JSON schemas of replies, built for the call: the labels that exist as an enumeration, numbers with their bounds.

Where a server holds a model to such a schema, the model cannot write what cannot be read. The reasons come before what
follows from them, so that a model thinks before it decides.
"""

from collections.abc import Sequence

from folkmoot.formats.score_text import HIGHEST, LOWEST
from folkmoot.types import JSON

TEXT: JSON = {"type": "string"}
TEXTS: JSON = {"type": "array", "items": {"type": "string"}}
FLAG: JSON = {"type": "boolean"}
SCORE: JSON = {"type": "number", "minimum": LOWEST, "maximum": HIGHEST}
SHARE: JSON = {"type": "number", "minimum": 0, "maximum": 1}


def record(**fields: JSON) -> JSON:
    """An object with exactly these fields, in this order."""
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


def one_of(*values: str) -> JSON:
    return {"type": "string", "enum": list(values)}


def order_of(labels: Sequence[str]) -> JSON:
    """Every one of `labels` once. Servers that do not know `uniqueItems` still get the length right."""
    return {
        "type": "array",
        "items": one_of(*labels),
        "minItems": len(labels),
        "maxItems": len(labels),
        "uniqueItems": True,
    }


def each_of(labels: Sequence[str], entry: JSON) -> JSON:
    """A list with one `entry` for each of `labels`."""
    return {"type": "array", "items": entry, "minItems": len(labels), "maxItems": len(labels)}
