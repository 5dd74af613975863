"""Fields that a server refuses although most take them: the call is repeated without, and the server is remembered.

A request that is refused with an error in 400 costs nothing. What was learnt holds for this process, by the server's
address and the model.
"""

import re

from folkmoot.providers.api.chat.failures import ServerRefused
from folkmoot.types import JSON

_refused: set[tuple[str, str, str]] = set()

_SCHEMA = r"response_?format|json[ _]?schema|structured[ _]?output|guided|grammar|\bschema\b"
_USAGE = r"stream_options|include_usage"
_LIMITS = ("max_tokens", "max_completion_tokens")
_VAGUE = frozenset((400, 404, 415, 422, 501))  # with these a server refuses a field, whether it names it or not
_OTHER = frozenset((401, 402, 403, 408, 429))  # these are never about a field


class Refusals:
    """What the server at `url` is known to refuse."""

    def __init__(self, url: str) -> None:
        self._url = url

    def has(self, model: str, field: str) -> bool:
        return (self._url, model, field) in _refused

    def add(self, model: str, field: str) -> None:
        _refused.add((self._url, model, field))

    def withdraw(self, model: str, field: str) -> None:
        _refused.discard((self._url, model, field))

    def named_by(self, refused: ServerRefused, body: JSON) -> str | None:
        """The field of `body` that the server refuses in so many words; None where it names none."""
        if refused.status in _OTHER:
            return None
        if "response_format" in body and re.search(_SCHEMA, refused.words, re.IGNORECASE):
            return "response_format"
        if "stream_options" in body and re.search(_USAGE, refused.words, re.IGNORECASE):
            return "stream_options"
        limit = next((name for name in _LIMITS if name in body), None)
        return limit if limit and re.search(rf"\b{limit}\b", refused.words) and _is_unknown(refused.words) else None


def is_vague(refused: ServerRefused) -> bool:
    """Whether the server may refuse a field without naming it."""
    return refused.status in _VAGUE


def _is_unknown(words: str) -> bool:
    """Whether a field is refused rather than its value."""
    return bool(
        re.search(r"not supported|unsupported|not permitted|unknown|unrecognized|unexpected|instead", words, re.I)
    )
