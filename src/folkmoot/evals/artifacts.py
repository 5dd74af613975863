"""Reading saved runs for the analysers: runs on record, and output directories of ours or of refinery's.

https://github.com/Lightless-Labs/refinery. Only the last round counts, and in it only what somebody judged.
"""

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, is_dataclass
from pathlib import Path
from typing import Any

from folkmoot import events, textfiles
from folkmoot.core.steps import Step, read_step
from folkmoot.counting.diversity import Idea
from folkmoot.counting.lineages import Lineage
from folkmoot.errors import FolkmootError, InputError
from folkmoot.execute import replay
from folkmoot.record.files import safe_name
from folkmoot.record.store import Home, RunFolder
from folkmoot.types import JSON, Seat

_ROUND = re.compile(r"round-(\d+)")


class BadArtifacts(FolkmootError):
    """A saved run cannot be analysed: something in it is missing or unreadable."""


@dataclass(frozen=True)
class SavedRun:
    """The last round of a saved run."""

    place: str  # as it was named: a directory, or a run's id
    prompt_id: str  # runs of the same prompt have the same
    final_round: int
    answers: Mapping[str, str]  # model id -> text, of those somebody judged
    scores: Mapping[str, Mapping[str, float]]  # model id -> judge -> score
    iteration_strategy: str | None = None
    prompt_variant_strategy: str | None = None
    prompt_variant_count: int | None = None
    lineage_count: int | None = None
    prompt: str | None = None  # where the artifacts have it

    def ideas(self, *, own_scores: bool) -> list[Idea]:
        """The answers with what they were given; `own_scores` counts what authors gave themselves as well.

        Those that are left without any score are left out.
        """
        ideas = (
            Idea(author, self.answers[author], tuple(s for judge, s in given.items() if own_scores or judge != author))
            for author, given in sorted(self.scores.items())
        )
        return [idea for idea in ideas if idea.scores]


async def load_run(written: str, home: Home) -> SavedRun:
    """The run that `written` means: an output directory, or a run on record by id, prefix, `last` or path.

    Raises InputError when there is none, and BadArtifacts when there is one that cannot be analysed.
    """
    path = Path(written)
    if path.is_dir() and not (path / "run.json").exists():
        return read_directory(path, written)
    return await read_record(home.find(written))


def read_directory(path: Path, place: str | None = None) -> SavedRun:
    """A run as refinery's --output-dir leaves it, or ours."""
    place = place or str(path)
    final = max(((number, found) for number, found in _rounds(path) if any(found.glob("propose-*.md"))), default=None)
    if final is None:
        raise BadArtifacts(f"{place}: there is no round-N folder with proposals")
    number, folder = final
    metadata = _object(path / "metadata.json", place) if (path / "metadata.json").exists() else {}
    scores: dict[str, dict[str, float]] = {}
    for file in sorted(folder.glob("evaluate-*.json")):
        judge, author, score = _evaluation(_object(file, place), f"{place}: {folder.name}/{file.name}")
        scores.setdefault(author, {})[judge] = score
    if not scores:
        raise BadArtifacts(f"{place}: nobody judged anything in round {number}")
    prompt = path / "prompt.md"
    return SavedRun(
        place=place,
        prompt_id=path.absolute().parent.name,
        final_round=number,
        answers={author: _proposal(folder, author, place) for author in scores},
        scores=scores,
        iteration_strategy=_text(metadata, "iteration_strategy"),
        prompt_variant_strategy=_text(metadata, "prompt_variant_strategy"),
        prompt_variant_count=_count(metadata, "prompt_variant_count"),
        lineage_count=_count(metadata, "lineage_count"),
        prompt=textfiles.read(prompt).strip() if prompt.is_file() else None,
    )


async def read_record(folder: RunFolder) -> SavedRun:
    """A run of ours, from its record."""
    spec = folder.spec()
    heard = _Heard({seat.name: seat for seat in spec.seats}, {label: seat for seat, label in spec.labels.items()})
    result = await replay(spec, folder, listeners=[heard])
    if not heard.answers:
        raise BadArtifacts(f"{folder.id}: there is no proposal in its record")
    number = max(heard.answers)
    answers, scores = heard.answers[number], heard.scores.get(number, {})
    if not scores:
        raise BadArtifacts(f"{folder.id}: nobody judged anything in round {number}")
    details = result.outcome.details
    question = spec.title or spec.prompt
    return SavedRun(
        place=folder.id,
        prompt_id=_slug(folder.id, spec.prompt),
        final_round=number,
        answers={author: answers[author] for author in scores},
        scores=scores,
        iteration_strategy=_text(spec.options, "iteration_strategy"),
        prompt_variant_strategy=_text(spec.options, "prompt_variants"),
        prompt_variant_count=_count(details, "prompt_variant_count"),
        lineage_count=_count(details, "lineage_count"),
        prompt=question.strip(),
    )


@dataclass
class _Heard:
    """What a replay tells of proposals and of judgements, by round."""

    seats: Mapping[str, Seat]
    authors: Mapping[str, str]  # label -> seat
    answers: dict[int, dict[str, str]] = field(default_factory=dict)
    scores: dict[int, dict[str, dict[str, float]]] = field(default_factory=dict)
    scope: str = ""  # where the proposals are; judgements elsewhere are of something else

    def __call__(self, event: events.Event) -> None:
        if not isinstance(event, events.CallFinished):
            return
        step = read_step(event.step)
        if step.phase == "propose" and isinstance(event.value, str):
            self.scope = step.scope
            self.answers.setdefault(step.round, {})[self._id(event.key)] = event.value
        elif step.phase == "evaluate" and step.scope == self.scope:
            self._judged(event, step)

    def _judged(self, event: events.CallFinished, step: Step) -> None:
        found = event.value
        given = (
            {self._id((self.authors[label],)): each for label, each in found.items() if label in self.authors}
            if isinstance(found, Mapping)
            else {self._id(event.key[1:]): found}
        )
        for author, each in given.items():
            if is_dataclass(each) and isinstance(score := getattr(each, "score", None), int | float):
                self.scores.setdefault(step.round, {}).setdefault(author, {})[self._id((event.seat,))] = float(score)

    def _id(self, parts: tuple[str, ...]) -> str:
        return Lineage(*parts[:2]).called(self.seats[parts[0]].id)


def _rounds(path: Path) -> list[tuple[int, Path]]:
    return [(int(match[1]), each) for each in path.glob("round-*") if (match := _ROUND.fullmatch(each.name))]


def _object(file: Path, place: str) -> JSON:
    try:
        value = textfiles.json_value(textfiles.read(file), str(file))
    except InputError as error:
        raise BadArtifacts(f"{place}: {error}") from None
    if not isinstance(value, dict):
        raise BadArtifacts(f"{place}: {file.name} holds no JSON object")
    return value


def _evaluation(value: JSON, where: str) -> tuple[str, str, float]:
    judge, author, score = (value.get(key) for key in ("evaluator", "evaluatee", "score"))
    if not isinstance(judge, str) or not isinstance(author, str):
        raise BadArtifacts(f"{where}: evaluator and evaluatee must be texts")
    if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score):
        raise BadArtifacts(f"{where}: the score is not a number")
    return judge, author, float(score)


def _proposal(folder: Path, author: str, place: str) -> str:
    """The text of a proposal. refinery turns the slashes of a model id into underscores; we whatever is not safe."""
    for name in dict.fromkeys((author.replace("/", "_"), safe_name(author))):
        file = folder / f"propose-{name}.md"
        if file.exists():
            try:
                return textfiles.read(file)
            except InputError as error:
                raise BadArtifacts(f"{place}: {error}") from None
    raise BadArtifacts(f"{place}: {author} was judged in {folder.name}, but its proposal is missing")


def _text(value: Mapping[str, Any], key: str) -> str | None:
    found = value.get(key)
    return found if isinstance(found, str) else None


def _count(value: Mapping[str, Any], key: str) -> int | None:
    found = value.get(key)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _slug(run_id: str, prompt: str) -> str:
    """What runs of one prompt have in common: the words in their ids, and a hash of the whole prompt.

    >>> _slug("20260101-000000_what-is-2-2_abcd", "What is 2+2?")
    'what-is-2-2-52cb6b'
    """
    words = run_id.partition("_")[2].rpartition("_")[0]
    return f"{words or 'prompt'}-{hashlib.sha256(prompt.encode('utf-8', 'surrogatepass')).hexdigest()[:6]}"
