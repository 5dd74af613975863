"""Text files that people write: configuration, panels, keys, prompts, questions, recordings.

Editors, shells and spreadsheets save text in several encodings and with several line endings. Every file that a person
may have written is decoded here, so that it is read alike everywhere, and so that what cannot be read is one line that
names the file and the place in it.
"""

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from folkmoot.errors import InputError

LIMIT = 500_000_000  # bytes of one file, unpacked

_MARKS = (  # of the longer first: UTF-32's mark begins like UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def decode(raw: bytes, where: str) -> str:
    """The text in `raw`, which is UTF-8, UTF-16 or UTF-32, without a byte order mark. Every line ends with a newline.

    Raises InputError that names `where`, line and column if `raw` is in another encoding, or no text.

    >>> decode(b"\\xef\\xbb\\xbfa = 1\\r\\nb = 2\\r", "f"), decode("a\\r\\n".encode("utf-16"), "f")
    ('a = 1\\nb = 2\\n', 'a\\n')
    """
    mark, encoding = next(((mark, name) for mark, name in _MARKS if raw.startswith(mark)), (b"", _unmarked(raw)))
    body = raw[len(mark) :]
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        before = _plain(body[: error.start].decode(encoding, "replace"))
        raise InputError(
            f"{where}: {_place(before, len(before))}: this is not {encoding[:6].removesuffix('-').upper()} text "
            f"(byte 0x{body[error.start]:02x}); save the file as UTF-8"
        ) from None
    text = _plain(text)
    if (nul := text.find("\0")) >= 0:
        raise InputError(f"{where}: {_place(text, nul)}: a NUL character: this is not text")
    return text


def read(path: Path, *, absent: str | None = None) -> str:
    """The text of a file; it may be gzipped. `absent` is the text if there is no such file.

    Raises InputError with one line that names the file, and the place in it where there is one.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(LIMIT + 1)
    except (FileNotFoundError, NotADirectoryError) as error:
        if absent is None:
            raise InputError(f"{path}: {error.strerror}") from None
        return absent
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    if raw.startswith(b"\x1f\x8b"):
        raw = _unpacked(raw, str(path))
    if len(raw) > LIMIT:
        raise InputError(f"{path}: larger than {LIMIT:,} bytes")
    return decode(raw, str(path))


def toml(text: str, where: str) -> dict[str, Any]:
    """The tables of a TOML text. Raises InputError that names `where`, line and column."""
    import tomllib

    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: {_toml_problem(error, text)}") from None


def json_value(text: str, where: str) -> Any:
    """The value of a JSON text. Raises InputError that names `where`, line and column."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{where}: line {error.lineno}, column {error.colno}: {error.msg}") from None
    except (ValueError, RecursionError):
        raise InputError(f"{where}: this JSON is nested too deeply, or has a number that is too long") from None


def json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """The values of a file of JSON lines, each with the number of its line. Empty lines are left out.

    Raises InputError that names the file, the line and the column of what is no JSON.
    """
    for number, line in enumerate(read(path).split("\n"), 1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            yield number, json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(f"{where}, column {error.colno}: this is not JSON: {error.msg}") from None
        except (ValueError, RecursionError):
            raise InputError(f"{where}: nested too deeply, or a number that is too long") from None


def _plain(text: str) -> str:
    # A mark at the beginning of a later line comes from files that were joined.
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n\ufeff", "\n")


def _unmarked(raw: bytes) -> str:
    """The encoding of bytes without a mark. No text begins with a NUL, so one in the first two bytes is UTF-16's."""
    if len(raw) % 2 == 0 and raw[:2].count(0) == 1:
        return "utf-16-be" if raw[0] == 0 else "utf-16-le"
    return "utf-8"


def _place(text: str, offset: int) -> str:
    before = text[:offset]
    return f"line {before.count(chr(10)) + 1}, column {offset - before.rfind(chr(10))}"


def _unpacked(raw: bytes, where: str) -> bytes:
    import gzip  # here and below: `folkmoot --help` needs neither
    import io
    import zlib

    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as packed:
            return packed.read(LIMIT + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{where}: cannot be unpacked: {error}") from None


def _toml_problem(error: Exception, text: str) -> str:
    """tomllib's message with the place first: "line 1, column 5: Invalid value"."""
    if isinstance(error, RecursionError):
        return "nested too deeply"
    what, _, place = str(error).removesuffix(")").rpartition(" (at ")
    return f"{_place(text, len(text)) if place == 'end of document' else place}: {what or error}"
