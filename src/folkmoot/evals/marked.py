"""Marked answers: who answered what, and who was right, from recordings, data sets and the runs on record.

Three things say who was right: a file's own marks (`correct` or `solved`), the graders of `folkmoot eval run` where a
file gives right answers only, and `folkmoot outcome` for the runs on record.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from folkmoot.counting.evidence import Evidence, MarkedAnswer, Question
from folkmoot.errors import InputError, Unparseable
from folkmoot.evals.datasets import Sample, rows_in, sample_of
from folkmoot.evals.grading import find_grader
from folkmoot.evals.harness import ConditionResult
from folkmoot.formats.keyed import read_keyed
from folkmoot.types import JSON

LETTERS_PER_TOKEN = 4  # of a recorded text, roughly


def read_marked(paths: Iterable[Path]) -> Evidence:
    """The answers in recordings, and in files that only say who solved what.

    One line of a recording is `{"question", "answers": {model: text or texts}}`, with `correct` (model -> 0 or 1, or a
    list of them), else with `accept` or `gold`. A line of the other kind is `{"id", "solved": {model: true or false}}`.
    A question that stands several times in a file counts once, as its first line says. Raises InputError that names the
    file and the line.
    """
    paths = list(paths)
    questions: list[Question] = []
    for path in paths:
        found: dict[str, Question] = {}
        for number, where, row in rows_in(path):
            if "_meta" in row:
                continue
            if isinstance(row.get("solved"), dict):
                found.setdefault(str(row.get("id", number)), _solved(row["solved"]))
            elif isinstance(row.get("answers"), dict) and isinstance(row.get("question"), str):
                found.setdefault(" ".join(row["question"].split()), _recorded(row, number, where))
            else:
                raise InputError(
                    f'{where}: write {{"question": ..., "answers": {{model: text}}, "correct": {{model: 1}}}}, '
                    'or {"id": ..., "solved": {model: true}}'
                )
        questions += found.values()
    if not any(questions):
        raise InputError(f"{', '.join(map(str, paths)) or 'no file'}: there are no answers in it")
    return Evidence(tuple(questions), ", ".join(path.name for path in paths))


def is_marked(path: Path) -> bool:
    """Whether a file holds answers, and not only questions."""
    first = next((row for _, _, row in rows_in(path) if "_meta" not in row), {})
    return isinstance(first.get("answers"), dict) or isinstance(first.get("solved"), dict)


def _solved(solved: Mapping[str, object]) -> Question:
    return {system: (MarkedAnswer(None, bool(passed)),) for system, passed in solved.items()}


def _recorded(row: JSON, number: int, where: str) -> Question:
    """Every model's samples. One that gave no text is marked wrong, as it is where somebody counts right answers."""
    question: str = row["question"]
    correct = row.get("correct")
    sample = None if isinstance(correct, dict) else sample_of(row, number, where)
    found: dict[str, tuple[MarkedAnswer, ...]] = {}
    for model, given in row["answers"].items():
        texts = [text or "" for text in given] if isinstance(given, list) else [given]
        marks = _marks(correct.get(model), len(texts), f"{where}: {model}") if isinstance(correct, dict) else None
        if not all(isinstance(text, str) for text in texts):
            raise InputError(f"{where}: the answer of {model} is neither a text nor a list of texts")
        found[model] = tuple(
            MarkedAnswer(
                group_of(text, question),
                _graded(text, sample) if marks is None else marks[place],
                max(1, (len(question) + len(text)) // LETTERS_PER_TOKEN),
            )
            for place, text in enumerate(texts)
        )
    return found


def _marks(given: object, count: int, what: str) -> list[bool]:
    marks = given if isinstance(given, list) else [given]
    if len(marks) != count or any(mark not in (0, 1, True, False, None) for mark in marks):
        raise InputError(f"{what}: `correct` must hold 0 or 1 for each of its {count} answers")
    return [bool(mark) for mark in marks]


def _graded(text: str, sample: Sample | None) -> bool:
    return bool(text.strip()) and sample is not None and find_grader(sample.grader)(text, sample.expected).right


def group_of(text: str, question: str) -> str | None:
    """The key under which an answer votes; None where it states no conclusion."""
    try:
        key = read_keyed(text, question).key
    except Unparseable:
        return None
    return None if key is None else key.text


def from_entries(entries: Sequence[ConditionResult], questions: Mapping[str, str], source: str) -> Evidence:
    """What `folkmoot eval run` found out of models that were asked alone, one condition `solo:MODEL` each.

    `questions` maps the ids of the samples to their texts.
    """
    found: dict[str, dict[str, tuple[MarkedAnswer, ...]]] = {}
    for entry in entries:
        model = entry.condition.removeprefix("solo:")
        answer = MarkedAnswer(group_of(entry.answer, questions[entry.sample]), entry.right, entry.tokens, entry.usd)
        samples = found.setdefault(entry.sample, {})
        samples[model] = (*samples.get(model, ()), answer)
    return Evidence(tuple(found.values()), source)
