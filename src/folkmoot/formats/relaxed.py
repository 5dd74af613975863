"""JSON objects as models write them: as JSON, as Python or JavaScript would, with comments, with quotes in quotes.

Strict JSON is tried first, at the speed of the standard library. Everything here is bounded in depth and in steps, and
reads each letter a fixed number of times. A key that stands in an object twice with two values has no value.
"""

import json
import re
import unicodedata
from typing import Any

from folkmoot.types import JSON

MAX_LEVELS = 40
MAX_STEPS = 5_000  # values and keys of one object that is not strict JSON

_CLOSERS = {
    '"': '"',
    "'": "'",
    "`": "`",
    "“": '”“"',
    "”": "”",
    "„": '“”"',
    "‘": "’‘'",
    "«": "»",
    "「": "」",
    "＂": "＂",
}
_BLANK = re.compile(r"(?:\s++|//[^\n]*+|#[^\n]*+|/\*(?:[^*]|\*(?!/))*+\*/)*+")
_WORD = re.compile(r"[^\s,:;=，：{}\[\]()\"'“”]++")
_NUMBER = re.compile(r"[+-]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][+-]?\d{1,3})?(?=\s*+(?:[,}\])，;\n#]|//|/\*|\Z))")
_BARE = re.compile(r"[^,，;\n{}\[\]\"“”]{1,300}+")
_COLON = re.compile(r"\s*+(?:=>|[:：=])\s*+")
_KEY_FOLLOWS = re.compile(r"\s*+(?:=>|[:：=])")
_VALUE_ENDS = re.compile(
    r"\s*+(?:[}\])]|\Z|//|#|/\*|[,，;]\s*+(?:[\"'“”„‘«「`}\])]|//|#|/\*|[{\[]|\w[\w -]{0,40}+[:：=]|\Z)|\n\s*+[\"'“])"
)
_ITEM_ENDS = re.compile(r"\s*+(?:[}\])]|\Z|//|#|[,，;])")
_LABEL = re.compile(
    r"[*_`]*(?:(?:answer|response|option|candidate|participant|proposal)[ _-]?)?[A-Za-z]{1,2}[*_`]*|\d+", re.IGNORECASE
)
_DIVIDES = re.compile(r"[\s-]+")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_WORDS = {"true": True, "false": False, "null": None, "none": None, "undefined": None}


class Twice:
    """The value of a key that an object has twice, with different values."""

    def __repr__(self) -> str:
        return "two values"


TWICE = Twice()


def object_at(text: str, start: int) -> tuple[JSON, int]:
    """The object whose brace opens at `start`, and where it ends. Raises ValueError where there is none.

    Keys are in small letters, with `_` for blanks and hyphens; labels such as "Answer A" stay as they are.

    >>> object_at("{'Score': 7, ok: True, /* why */ why: 'it\\\\'s fine',}", 0)[0]
    {'score': 7, 'ok': True, 'why': "it's fine"}
    >>> object_at('{"why": "it said {"score": 10}", "score": 2}', 0)[0]["score"]
    2
    """
    try:
        value, end = _STRICT.raw_decode(text, start)
    except (ValueError, RecursionError):
        pass
    else:
        return value, end
    try:
        return _Relaxed(text, loose=False).object(start)
    except ValueError:
        return _Relaxed(text, loose=True).object(start)


def _object(pairs: list[tuple[str, Any]]) -> JSON:
    found: JSON = {}
    for written, value in pairs:
        key = (
            written
            if len(written) > 40 or _LABEL.fullmatch(written)
            else _DIVIDES.sub("_", written.strip(" *_").lower())
        )
        found[key] = TWICE if key in found and found[key] != value else value
    return found


_STRICT = json.JSONDecoder(strict=False, object_pairs_hook=_object)  # not strict: models put line breaks into strings


class _Relaxed:
    """A parser of one object. `loose`: a quote ends a text only where the object can go on after it."""

    def __init__(self, text: str, *, loose: bool) -> None:
        self._text, self._loose, self._steps = text, loose, 0

    def object(self, at: int, level: int = 0) -> tuple[JSON, int]:
        pairs: list[tuple[str, Any]] = []
        at = self._blank(at + 1)
        while not self._text.startswith("}", at):
            key, at = self._key(at)
            colon = _COLON.match(self._text, at)
            if colon is None:
                raise ValueError("no colon")
            value, at = self._value(self._blank(colon.end()), level, in_list=False)
            pairs.append((key, value))
            at = self._separator(at)
        return _object(pairs), at + 1

    def _list(self, at: int, level: int, closer: str) -> tuple[list[Any], int]:
        found: list[Any] = []
        at = self._blank(at + 1)
        while not self._text.startswith(closer, at):
            value, at = self._value(at, level, in_list=True)
            found.append(value)
            at = self._separator(at)
        return found, at + 1

    def _separator(self, at: int) -> int:
        """Step over blanks and one comma. A line break does as well."""
        start, at = at, self._blank(at)
        if self._text[at : at + 1] in (",", "，", ";") and at < len(self._text):
            return self._blank(at + 1)
        if self._text[at : at + 1] in ("}", "]", ")") or "\n" in self._text[start:at]:
            return at
        raise ValueError("no comma")

    def _blank(self, at: int) -> int:
        found = _BLANK.match(self._text, at)
        return found.end() if found else at

    def _key(self, at: int) -> tuple[str, int]:
        if self._text[at : at + 1] in _CLOSERS and at < len(self._text):
            return self._string(at, _KEY_FOLLOWS)
        word = _WORD.match(self._text, at)
        self._count()
        if word is None or not re.match(r"[^\W\d]", word[0]):
            raise ValueError("no key")
        return word[0], word.end()

    def _value(self, at: int, level: int, *, in_list: bool) -> tuple[Any, int]:
        self._count()
        if level >= MAX_LEVELS or at >= len(self._text):
            raise ValueError("too deep, or at an end")
        first = self._text[at]
        if first == "{":
            return self.object(at, level + 1)
        if first in "[(":
            return self._list(at, level + 1, "]" if first == "[" else ")")
        if first in _CLOSERS:
            return self._string(at, _ITEM_ENDS if in_list else _VALUE_ENDS)
        if number := _NUMBER.match(self._text, at):
            written = unicodedata.normalize("NFKC", number[0])
            return (float(written) if set(written) & set(".eE") else int(written[:400])), number.end()
        bare = _BARE.match(self._text, at)
        if bare is None:
            raise ValueError("no value")
        said = re.split(r"\s//|\s#|/\*", bare[0], maxsplit=1)[0].rstrip()
        if not said:
            raise ValueError("no value")
        return _WORDS.get(said.lower(), unicodedata.normalize("NFKC", said)), at + len(said)

    def _string(self, at: int, follows: re.Pattern[str]) -> tuple[str, int]:
        """The text whose quote opens at `at`, and where it ends."""
        closers = _CLOSERS[self._text[at]]
        start = at = at + 1
        ends = re.compile(rf"(?:[^\\{closers}]++|\\.)*+", re.DOTALL)
        while True:
            self._count()
            body = ends.match(self._text, at)
            end = body.end() if body else at
            if end >= len(self._text):
                raise ValueError("a text that nothing closes")
            if self._text[end] == "\\":
                raise ValueError("a text that ends in a backslash")
            if not self._loose or (follows.match(self._text, end + 1) and self._balanced(start, end)):
                return _unescaped(self._text[start:end]), end + 1
            at = end + 1

    def _balanced(self, start: int, end: int) -> bool:
        """Whether a text quotes whole objects only: a quote inside a quoted object does not end the text."""
        return self._text.count("{", start, end) == self._text.count("}", start, end)

    def _count(self) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise ValueError("too many values")


def _unescaped(text: str) -> str:
    def letter(found: re.Match[str]) -> str:
        code = found[1]
        return chr(int(code[1:], 16)) if len(code) == 5 else _ESCAPED.get(code, code)

    return _ESCAPE.sub(letter, text) if "\\" in text else text
