"""What a seat says while it writes, in words: a judgement is JSON, of which people see the texts inside."""

import json
from dataclasses import dataclass, field

KEPT = 240  # characters of the latest words that are kept
_THOUGHT = ("<think>", "<thinking>")
_FENCE = 24  # characters of a fence's first line, after which no JSON is waited for


@dataclass
class Spoken:
    """Takes the pieces of one reply. `words` counts what people see, `tail` is the end of it.

    Of JSON only the texts that are values are words: neither keys, nor numbers, nor punctuation. A thought in
    `<think>` tags is left out. A piece may end anywhere.
    """

    words: int = 0
    tail: str = ""
    judging: bool = False  # whether the reply is JSON
    _begun: str = ""  # what came before it was clear what the reply is
    _clear: bool = False
    _depth: list[str] = field(default_factory=list)  # the open brackets
    _expects_key: bool = False
    _text: str | None = None  # of the string that is open
    _escaped: str = ""  # an escape sequence that is not complete

    def hear(self, piece: str) -> None:
        if not self._clear:
            self._begun += piece
            piece = self._opening()
            if not piece:
                return
        if self.judging:
            for letter in piece:
                self._read(letter)
        else:
            self._say(piece)

    def _opening(self) -> str:
        """What is to be said of the beginning, once it is clear what it is; empty until then."""
        start = self._begun.lstrip()
        tag = next((tag for tag in _THOUGHT if start.lower().startswith(tag)), None)
        if tag is not None:
            closing = tag.replace("<", "</")
            _, ended, start = start.partition(closing)
            if not ended:
                self._begun = tag + self._begun[-len(closing) :] if len(self._begun) > 2000 else self._begun
                return ""
            self._begun, start = start, start.lstrip()
        if not start or any(opening.startswith(start.lower()) for opening in (*_THOUGHT, "```")):
            return ""
        body = start
        if start.startswith("```"):
            body = start.partition("\n")[2].lstrip()
            if not body and len(start) < _FENCE:
                return ""
        self._clear = True
        self.judging = body.startswith(("{", "["))
        return body if self.judging else start

    def _read(self, letter: str) -> None:
        if self._text is not None:
            self._inside(letter)
        elif letter == '"':
            self._text = ""
            if not self._is_key():
                self._say(" ")
        elif letter in "{[":
            self._depth.append(letter)
            self._expects_key = letter == "{"
        elif letter in "}]":
            del self._depth[-1:]
        elif letter == ",":
            self._expects_key = self._depth[-1:] == ["{"]
        elif letter == ":":
            self._expects_key = False

    def _is_key(self) -> bool:
        return self._expects_key and self._depth[-1:] == ["{"]

    def _inside(self, letter: str) -> None:
        if self._escaped:
            self._escaped += letter
            if self._escaped[:2] == "\\u" and len(self._escaped) < 6:
                return
            try:
                letter = str(json.loads(f'"{self._escaped}"'))
            except ValueError:
                letter = ""
            self._escaped = ""
        elif letter == "\\":
            self._escaped = letter
            return
        elif letter == '"':
            self._text = None
            return
        if not self._is_key():
            self._say(letter)

    def _say(self, text: str) -> None:
        joined = bool(self.tail) and not self.tail[-1].isspace() and not text[:1].isspace()
        self.words += len(text.split()) - (joined and bool(text.strip()))
        self.tail = (self.tail + text)[-KEPT:]
