"""Question sets with their answers, from any of four formats: Ensemble's, CSV, Inspect's samples, and recordings.

| format | one line or row |
|---|---|
| Ensemble's | `{"question": ..., "accept": [...], "category": ...}` |
| CSV | columns question (or input), accept (or target; several with ` | ` between them), choices, category, id |
| Inspect's | `{"input": ..., "target": ..., "choices": [...], "id": ..., "metadata": {"category": ...}}` |
| recordings | `{"question": ..., "gold": ..., "answers": {model: text}}`, gzipped or not; see providers/recorded.py |

Any line may also have `id`, `grader` and `settings` (for the grader).
"""

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from string import ascii_uppercase

from folkmoot import textfiles
from folkmoot.errors import InputError
from folkmoot.evals.grading import DEFAULT, Expected, find_grader
from folkmoot.types import JSON

SHIPPED = Path(__file__).parent / "questions"
"""The question sets that ship with Folkmoot, as NAME.jsonl or NAME.jsonl.gz."""


@dataclass(frozen=True)
class Sample:
    """One question."""

    id: str
    question: str  # as a model is asked it, with its options A) B) ... if it has any
    expected: Expected
    category: str = ""
    grader: str = DEFAULT


@dataclass(frozen=True)
class Dataset:
    name: str
    samples: tuple[Sample, ...]
    recordings: tuple[str, ...] = ()  # files in which recorded seats find their answers
    whole: str = ""  # the version of the whole set, where this is a part of it

    @property
    def version(self) -> str:
        """Twelve hex digits that change with any question, accepted answer or grader."""
        told = [[s.id, s.question, s.expected.accept, s.grader, dict(s.expected.settings)] for s in self.samples]
        return self.whole or hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]

    def first(self, limit: int | None) -> "Dataset":
        """The first `limit` questions, under the version of the whole set: their runs are the same ones."""
        return self if limit is None else replace(self, samples=self.samples[:limit], whole=self.version)

    def graded_by(self, grader: str) -> "Dataset":
        """The same questions, all graded by `grader`, under the version they had: their runs are the same ones.

        Raises InputError when there is no such grader.
        """
        find_grader(grader)
        samples = tuple(replace(each, grader=grader) for each in self.samples)
        return replace(self, samples=samples, whole=self.version)


def shipped() -> tuple[str, ...]:
    """The names of the sets that ship."""
    return tuple(sorted(path.name.partition(".")[0] for path in SHIPPED.glob("*.jsonl*")))


def read_dataset(written: str) -> Dataset:
    """The set of this name, or in this file. Raises InputError that names the file and the line."""
    path = next(SHIPPED.glob(f"{written}.jsonl*")) if written in shipped() else Path(written)
    name = path.name.removesuffix(".gz").rpartition(".")[0] or path.name
    samples: list[Sample] = []
    recorded = False
    for number, where, row in rows_in(path):
        if "_meta" in row:
            continue
        recorded = recorded or isinstance(row.get("answers"), dict)
        samples.append(sample_of(row, number, where))
    if recorded:  # recorded seats answer a question that stands twice in one way only
        samples = list({" ".join(each.question.split()): each for each in reversed(samples)}.values())[::-1]
    if not samples:
        raise InputError(f"{path} holds no questions")
    if twice := [each for each, count in Counter(sample.id for sample in samples).items() if count > 1]:
        raise InputError(f"{path}: the id {twice[0]!r} stands {Counter(s.id for s in samples)[twice[0]]} times")
    return Dataset(name, tuple(samples), (str(path.absolute()),) if recorded else ())


def rows_in(path: Path) -> Iterable[tuple[int, str, JSON]]:
    """Number, place and content of each row."""
    if not path.exists():
        sets = f"; the sets that ship are {', '.join(shipped())}" if shipped() else ""
        raise InputError(f"there is no data set {path}{sets}")
    text = textfiles.read(path)
    if path.name.removesuffix(".gz").endswith(".csv"):
        for number, row in enumerate(_csv_rows(text, str(path)), 1):
            cells = {name.strip().lower(): cell for name, cell in row.items() if name and cell}
            several = {name: cells[name].split(" | ") for name in ("accept", "target", "choices") if name in cells}
            yield number, f"{path}, row {number}", cells | several
        return
    if text.lstrip().startswith("["):
        for number, entry in enumerate(textfiles.json_value(text, str(path)), 1):
            yield number, f"{path}, entry {number}", _object(entry, f"{path}, entry {number}")
        return
    for number, entry in textfiles.json_lines(path):
        where = f"{path}, line {number}"
        yield number, where, _object(entry, where)


def _csv_rows(text: str, where: str) -> Iterable[dict[str, str]]:
    reader = csv.DictReader(io.StringIO(text))
    try:
        yield from reader
    except csv.Error as error:  # e.g. a cell of more than 128 KB, where a quotation mark was never closed
        raise InputError(f"{where}, line {reader.line_num}: {error}") from None


def _object(value: object, where: str) -> JSON:
    if not isinstance(value, dict):
        raise InputError(f"{where}: a question must be a JSON object")
    return value


def sample_of(row: JSON, number: int, where: str) -> Sample:
    question = _question(row.get("question", row.get("input")))
    accept = _texts(
        next((row[key] for key in ("accept", "target", "gold", "answer") if row.get(key) is not None), None)
    )
    if not question or not accept:
        raise InputError(f'{where}: write {{"question": ..., "accept": [...]}}, with at least one accepted answer')
    metadata = row.get("metadata") if isinstance(row.get("metadata"), Mapping) else {}
    choices = _texts(row.get("choices") or row.get("options")) or ()
    settings = row.get("settings") or {}
    if not isinstance(settings, Mapping):
        raise InputError(f"{where}: settings must be a JSON object")
    grader = str(row.get("grader") or ("choice" if choices else DEFAULT))
    find_grader(grader)
    return Sample(
        id=str(row.get("id") or number),
        question=question if not choices else f"{question}\n\n{_lettered(choices)}",
        expected=Expected(question, accept, choices, dict(settings)),
        category=str(row.get("category") or (metadata or {}).get("category") or row.get("task") or ""),
        grader=grader,
    )


def _question(value: object) -> str:
    """A question's text; of Inspect's chat messages, the last one."""
    if isinstance(value, Sequence) and not isinstance(value, str) and value and isinstance(value[-1], Mapping):
        value = value[-1].get("content")
    return value.strip() if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...] | None:
    """One text or several."""
    if value is None:
        return None
    several = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    return tuple(text for each in several if (text := str(each).strip()))


def _lettered(choices: Sequence[str]) -> str:
    return "\n".join(f"{letter}) {text}" for letter, text in zip(ascii_uppercase, choices, strict=False))
