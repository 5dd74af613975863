"""Write files for people: names that are safe on every file system, and contents that are replaced atomically."""

import hashlib
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

from folkmoot.types import Seat

LONGEST_NAME = 100  # bytes; two of them and a phase still fit into a file name


def safe_name(text: str) -> str:
    """`text` as part of a file name, on any file system; a long one ends in a hash.

    >>> safe_name("ollama/llama3:8b"), safe_name("openai/gpt-5.4#2"), safe_name(".."), safe_name("")
    ('ollama_llama3_8b', 'openai_gpt-5.4#2', '__', '_')
    """
    name = re.sub(r"[^A-Za-z0-9._+#-]", "_", text) or "_"
    if name.startswith("."):
        name = name.replace(".", "_")
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 9]}-{short_hash(text)}"


def file_names(seats: Sequence[Seat]) -> dict[str, str]:
    """Return a file name for each seat (s1, s2, ...); the names differ also on file systems that ignore case."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for seat in seats:
        name = safe_name(seat.id or seat.model)
        while name.lower() in taken:
            name = safe_name(f"{name}+{seat.name}")
        taken.add(name.lower())
        names[seat.name] = name
    return names


def write_file(path: Path, text: str) -> None:
    """Replace a file atomically. It is not synced to disk, because only the journal must survive a crash."""
    _make_folder(path.parent)
    draft = path.with_name(f".draft-{os.getpid()}")  # one thread writes all exports
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(text.encode("utf-8", "replace"))
    draft.replace(path)


def write_json(path: Path, value: object) -> None:
    write_file(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def _make_folder(path: Path) -> None:
    if not path.is_dir():
        _make_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


def short_hash(text: str) -> str:
    """Eight hex digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
