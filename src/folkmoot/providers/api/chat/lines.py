"""The events of a stream, from its bytes: a tolerant reader of server-sent events with limits on what it holds.

Read are also streams of JSON lines, and a whole JSON document where a stream was asked for. Lines end with CR, LF or
both; a byte order mark, comments and unknown fields are skipped; an event may lack the blank line after it.
"""

import json

from folkmoot.errors import ProviderError

LONGEST_LINE = 16 * 2**20
LONGEST_REPLY = 64 * 2**20
_BOM = b"\xef\xbb\xbf"
_FIELDS = (b"event", b"id", b"retry")
_NO_JSON = object()

Event = tuple[str, object]
"""The name of an event and its value: one of JSON, or a text that is none."""


class TooLong(ProviderError):
    """A reply exceeds a limit on its size."""

    def __init__(self, what: str, most: int) -> None:
        super().__init__("protocol", f"{what} is longer than {most // 2**20} MB and was not read further")


class Events:
    """Turns the pieces of a body into events. What stood outside of events is kept for `rest`.

    Raises TooLong for a line or a reply that exceeds its limit, before more of it is kept.
    """

    def __init__(self, longest_line: int = LONGEST_LINE, longest_reply: int = LONGEST_REPLY) -> None:
        self._longest_line, self._longest_reply = longest_line, longest_reply
        self._read = 0
        self._begun = False  # whether the first line was read
        self._partial = bytearray()  # of a line
        self._after_cr = False
        self._data: list[bytes] = []  # of an event with several lines of data
        self._name = ""  # of the event
        self._outside = bytearray()  # lines that are no fields of an event

    def feed(self, piece: bytes) -> list[Event]:
        """The events that end in `piece`."""
        self._read += len(piece)
        if self._read > self._longest_reply:
            raise TooLong("the reply", self._longest_reply)
        if self._after_cr and piece[:1] == b"\n":
            piece = piece[1:]
        lines = piece.splitlines()
        if not lines:
            return []
        self._after_cr = piece[-1:] == b"\r"
        unfinished = b"" if piece[-1:] in (b"\n", b"\r") else lines.pop()
        if self._partial and lines:
            self._keep(lines[0])
            lines[0] = bytes(self._partial)
            self._partial.clear()
        found: list[Event] = []
        for line in lines:
            self._line(line, found)
        if unfinished:
            self._keep(unfinished)
        return found

    def end(self) -> list[Event]:
        """The events that the end of the body completes."""
        found: list[Event] = []
        if self._partial:
            self._line(bytes(self._partial), found)
            self._partial.clear()
        self._end_event(found)
        return found

    def rest(self) -> bytes:
        """The lines that belonged to no event: a whole JSON document, a page, a message."""
        return bytes(self._outside)

    def _keep(self, part: bytes) -> None:
        if len(self._partial) + len(part) > self._longest_line:
            raise TooLong("a line of the reply", self._longest_line)
        self._partial += part

    def _line(self, line: bytes, found: list[Event]) -> None:
        if not self._begun:
            self._begun = True
            line = line.removeprefix(_BOM)
        if line[:5] == b"data:":
            self._datum(line[5:].strip(), found)
        elif not line or line.isspace():
            self._end_event(found)
        elif line[:1] == b":":
            pass
        elif line.partition(b":")[0] in _FIELDS:
            name, _, value = line.partition(b":")
            if name == b"event":
                self._end_event(found)  # the last one lacked its blank line
                self._name = value.strip().decode("utf-8", "replace")
        elif line[:1] == b"{" and (value_of := _json(line)) is not _NO_JSON:
            found.append(("", value_of))  # a line of JSON without `data:`
        else:
            self._outside += line + b"\n"

    def _datum(self, data: bytes, found: list[Event]) -> None:
        value = _json(data) if not self._data else _NO_JSON
        if value is not _NO_JSON:
            found.append((self._name, value))
        elif self._data or data[:1] in (b"{", b"["):
            self._data.append(data)  # the document may go on in the next line
        else:
            found.append((self._name, data.decode("utf-8", "replace")))

    def _end_event(self, found: list[Event]) -> None:
        if self._data:
            whole = _json(b"\n".join(self._data))
            # Else they are several events that lacked their blank lines, or no JSON at all.
            values = [whole] if whole is not _NO_JSON else [_json_or_text(line) for line in self._data]
            found += [(self._name, value) for value in values]
            self._data = []
        self._name = ""


def _json(data: bytes) -> object:
    try:
        found: object = json.loads(data.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return _NO_JSON
    return found


def _json_or_text(data: bytes) -> object:
    value = _json(data)
    return data.decode("utf-8", "replace") if value is _NO_JSON else value
