"""The events of a stream, from its bytes: a tolerant reader of server-sent events with limits on what it holds.

Read are also streams of JSON lines, and a whole JSON document where a stream was asked for. Lines end with CR, LF or
both; a byte order mark, comments and unknown fields are skipped; an event may lack the blank line after it.
"""

import json
from collections.abc import Iterator

from folkmoot.errors import ProviderError

LONGEST_LINE = 16 * 2**20
LONGEST_REPLY = 64 * 2**20
_BOM = b"\xef\xbb\xbf"
_FIELDS = (b"event", b"id", b"retry")


class TooLong(ProviderError):
    """A reply exceeds a limit on its size."""

    def __init__(self, what: str, most: int) -> None:
        super().__init__("protocol", f"{what} is longer than {most // 2**20} MB and was not read further")


class Events:
    """Feed it pieces of a body; it gives the JSON values and the texts of the events that they complete.

    An event is a value of JSON, or a text that is none, e.g. `[DONE]`. `rest()` gives what stood outside of events.
    Raises TooLong for a line or a reply that exceeds its limit, before more of it is kept.
    """

    def __init__(self, longest_line: int = LONGEST_LINE, longest_reply: int = LONGEST_REPLY) -> None:
        self._longest_line, self._longest_reply = longest_line, longest_reply
        self._read = 0
        self._begun = False  # whether the first line was read
        self._partial = bytearray()  # of a line
        self._after_cr = False
        self._data: list[bytes] = []  # of an event with several lines of data
        self._outside = bytearray()  # lines that are no fields of an event
        self._name = b""  # of the event

    def feed(self, piece: bytes) -> Iterator[tuple[str, object]]:
        """(the event's name, its value) for each event that ends in `piece`."""
        if not piece:
            return
        self._read += len(piece)
        if self._read > self._longest_reply:
            raise TooLong("the reply", self._longest_reply)
        if self._after_cr and piece[:1] == b"\n":
            piece = piece[1:]
        self._after_cr = piece[-1:] == b"\r"
        lines = piece.splitlines()
        whole = piece[-1:] in (b"\n", b"\r")
        for number, line in enumerate(lines, start=1):
            ends = whole or number < len(lines)
            if self._partial or not ends:
                if len(self._partial) + len(line) > self._longest_line:
                    raise TooLong("a line of the reply", self._longest_line)
                self._partial += line
                if not ends:
                    return
                line = bytes(self._partial)
                self._partial.clear()
            yield from self._line(line)

    def end(self) -> Iterator[tuple[str, object]]:
        """The events that the end of the body completes."""
        if self._partial:
            line = bytes(self._partial)
            self._partial.clear()
            yield from self._line(line)
        yield from self._event()

    def rest(self) -> bytes:
        """The lines that belonged to no event: a whole JSON document, a page, a message."""
        return bytes(self._outside)

    def _line(self, line: bytes) -> Iterator[tuple[str, object]]:
        if not self._begun:
            self._begun = True
            line = line.removeprefix(_BOM)
        if line[:5] == b"data:":
            yield from self._datum(line[5:].strip())
        elif not line.strip():
            yield from self._event()
        elif line[:1] == b":":
            pass
        elif line.partition(b":")[0] in _FIELDS:
            name, _, value = line.partition(b":")
            if name == b"event":
                yield from self._event()  # the last one lacked its blank line
                self._name = value.strip()
        elif line[:1] == b"{" and (found := _json(line)) is not None:
            yield "", found  # a line of JSON without `data:`
        else:
            self._outside += line + b"\n"

    def _datum(self, data: bytes) -> Iterator[tuple[str, object]]:
        if self._data:
            self._data.append(data)
            return
        found = _json(data)
        if found is not None:
            yield self._name.decode("utf-8", "replace"), found
        elif data[:1] in (b"{", b"["):
            self._data.append(data)  # the document may go on in the next line
        else:
            yield self._name.decode("utf-8", "replace"), data.decode("utf-8", "replace")

    def _event(self) -> Iterator[tuple[str, object]]:
        data, self._data = self._data, []
        name, self._name = self._name.decode("utf-8", "replace"), b""
        if not data:
            return
        found = _json(b"\n".join(data))
        if found is not None:
            yield name, found
            return
        for line in data:  # several events that lacked their blank lines, or something that is no JSON
            alone = _json(line)
            yield name, line.decode("utf-8", "replace") if alone is None else alone


def _json(data: bytes) -> object | None:
    """The JSON value in `data`; None where there is none, and for `null`."""
    try:
        found: object = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found
