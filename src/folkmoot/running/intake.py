"""Read the prompt, standard input and files. All problems are reported at once, before anything is spent."""

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from folkmoot import textfiles
from folkmoot.errors import InputError
from folkmoot.prompting import block
from folkmoot.types import MEDIA_TYPES, Attachment

TEXT_LIMIT = 1_000_000  # bytes of prompt and files together
ATTACHMENT_LIMIT = 20_000_000  # bytes of images and PDFs together


@dataclass(frozen=True)
class Input:
    """The prompt with its files, and what the user typed (`title`)."""

    prompt: str
    title: str
    attachments: tuple[Attachment, ...] = ()


def read_input(prompt: str | None, files: Sequence[Path], stdin: BinaryIO) -> Input:
    """The prompt first, then each text file in a block of its own; images and PDFs become attachments.

    A prompt of exactly `-` is read from `stdin`. Raises InputError with one line for each file that cannot be used.
    """
    typed = _from_stdin(stdin) if prompt == "-" else prompt
    if not (typed or "").strip() and not files:
        raise InputError("there is nothing to ask: give a prompt, `-` to read it from standard input, or --file")
    if typed and not _encodable(typed):
        raise InputError(f"the prompt is not UTF-8 text{_locale_hint()}")
    problems: list[str] = []
    texts: list[tuple[Path, str]] = []
    attachments: list[Attachment] = []
    for path in files:
        content = _content(path, problems)
        if content is None:
            continue
        media_type = MEDIA_TYPES.get(path.suffix.lower())
        if media_type is not None:
            attachments.append(Attachment(path.name, media_type, hashlib.sha256(content).hexdigest(), content))
            continue
        try:
            texts.append((path, textfiles.decode(content, str(path))))
        except InputError as error:
            problems.append(str(error))
    problems += _over_limit(typed or "", texts, attachments)
    if problems:
        raise InputError(*problems)
    parts = [typed] if typed else []
    parts += [block("file", text, path=str(path)) for path, text in texts]
    title = prompt if prompt and prompt != "-" else (typed or "").strip() or ", ".join(path.name for path in files)
    return Input("\n\n".join(parts) or "See the attached files.", title, tuple(attachments))


def _locale_hint() -> str:
    encoding = sys.getfilesystemencoding()
    if encoding.lower() in ("utf-8", "utf8"):
        return ""
    return f": the encoding of this locale is {encoding}; set LC_ALL=C.UTF-8"


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # bytes of an argument that are not UTF-8 arrive as lone surrogates
        return False
    return True


def _from_stdin(stdin: BinaryIO) -> str:
    raw = stdin.read(TEXT_LIMIT + 1)
    if len(raw) > TEXT_LIMIT:
        raise InputError(f"standard input is longer than {TEXT_LIMIT:,} bytes")
    text = textfiles.decode(raw, "standard input")
    if not text.strip():
        raise InputError("standard input is empty")
    return text


def _content(path: Path, problems: list[str]) -> bytes | None:
    """Return the bytes of a regular file, or add the problem and return None. Reads at most the limit."""
    limit = ATTACHMENT_LIMIT if path.suffix.lower() in MEDIA_TYPES else TEXT_LIMIT
    try:
        if path.exists() and not path.is_file():
            problems.append(f"{path}: not a regular file")
            return None
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        problems.append(f"{path}: {error.strerror}")
        return None
    if len(content) > limit:
        problems.append(f"{path}: larger than {limit:,} bytes")
        return None
    return content


def _over_limit(typed: str, texts: Sequence[tuple[Path, str]], attachments: Sequence[Attachment]) -> list[str]:
    problems = []
    total = len(typed.encode()) + sum(len(text.encode()) for _, text in texts)
    if total > TEXT_LIMIT:
        problems.append(f"the prompt and the text files are {total:,} bytes together; at most {TEXT_LIMIT:,} are sent")
    if (size := sum(len(each.content) for each in attachments)) > ATTACHMENT_LIMIT:
        problems.append(f"the images and PDFs are {size:,} bytes together; at most {ATTACHMENT_LIMIT:,} are sent")
    return problems
