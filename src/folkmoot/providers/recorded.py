"""Recorded seats: they answer a recorded question as the recorded model did, and say so when they do not know it.

A recording is a file of JSON lines, plain or gzipped: optionally a first line `{"_meta": {...}}`, then one line for
each question, of which only `question` and `answers` are read. `answers` maps a model to the text it wrote, or to a
list of texts where it was asked several times; an entry that is null or empty is a sample without an answer. The first
seat of a model answers with the first sample, the second seat with the second one, and so on. What a line also says
about the right answer is never read here.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from pathlib import Path

from folkmoot import textfiles
from folkmoot.errors import InputError, ProviderError
from folkmoot.providers.base import BaseProvider, Settings, estimate_usage
from folkmoot.types import Billing, Completion, OnText, Request, Seat

FIRST_ANSWERS = frozenset({"ask", "answer", "propose"})
"""The phases in which a seat answers the question itself; a recording holds nothing for the others."""

MAX_LISTED = 20  # models that an error message names

Samples = tuple[str, ...]
"""What one model wrote, one text for each time it was asked; "" where there was no answer."""

Answers = Mapping[str, Mapping[str, Samples]]  # question -> model -> samples


def open_provider(name: str, settings: Settings) -> "Recordings":
    """Recorded seats. Raises InputError when no recording was named, or one is not there."""
    if not settings.recordings:
        raise InputError(f"{name}/... answers from recordings: name at least one with --recording FILE")
    if absent := [path for path in settings.recordings if not path.is_file()]:
        raise InputError(*(f"the recording {path} is not there" for path in absent))
    return Recordings(settings.recordings)


class Recordings(BaseProvider):
    """Answers `request.about.question` as `request.model` did."""

    billing: Billing = "free"

    def __init__(self, paths: tuple[Path, ...]) -> None:
        self.paths = paths

    @cached_property
    def answers(self) -> Answers:
        """What the files hold; the first file that answers a question for a model counts. Raises InputError."""
        return _read_once(tuple((path, _changed(path)) for path in self.paths))

    @cached_property
    def models(self) -> tuple[str, ...]:
        """Every model in the files, in the order of appearance."""
        return tuple(dict.fromkeys(model for found in self.answers.values() for model in found))

    def check_model(self, model: str) -> None:
        """Raises InputError for a model that no file holds, or files that cannot be read."""
        find_model(model, self.models)

    async def complete(self, request: Request, on_text: OnText) -> Completion:
        try:
            models = self.models
        except InputError as error:
            raise ProviderError("missing", str(error)) from error
        try:
            model = find_model(request.model, models)
        except InputError as error:
            raise ProviderError("model", str(error)) from error
        found = self.answers.get(normal(request.about.question), {})
        if model not in found:
            raise ProviderError("missing", f"the recordings hold no answer of {model} to this question")
        if request.about.phase not in FIRST_ANSWERS:
            raise ProviderError("unrecorded", f"{model} was recorded answering, not in the phase {request.about.phase}")
        text = _sample(found[model], sample_number(request.about.seat), model)
        on_text(text)
        return Completion(text=text, model=f"{model} (recorded)", usage=estimate_usage(request, text), usd=0.0)


def sample_number(seat: Seat) -> int:
    """Which sample a seat answers with: 1 for the first or only seat of its model, 2 for the second, and so on.

    >>> [sample_number(Seat(model="recorded/a", id=id)) for id in ("recorded/a", "recorded/a#3", "recorded/a#chair")]
    [1, 3, 1]
    """
    ordinal = seat.id.removeprefix(f"{seat.model}#")
    return int(ordinal) if ordinal.isdecimal() else 1


def _sample(samples: Samples, number: int, model: str) -> str:
    if number > len(samples):
        held = "one sample" if len(samples) == 1 else f"{len(samples)} samples"
        raise ProviderError(
            "unrecorded", f"the recording holds {held} of {model} for this question, so its seat #{number} abstains"
        )
    if not samples[number - 1].strip():
        raise ProviderError("unrecorded", f"the recorded answer of {model} to this question is empty")
    return samples[number - 1]


def find_model(asked: str, models: Iterable[str]) -> str:
    """`asked` itself if it is there, else the one model that begins like it, in any case.

    Raises InputError that lists the models there are.

    >>> find_model("gpt-4o-2024", ["gpt-4o-2024-08-06", "gpt-4o-mini"])
    'gpt-4o-2024-08-06'
    """
    known = list(models)
    if asked in known:
        return asked
    like = [model for model in known if model.lower().startswith(asked.lower())] if asked else []
    whole = [model for model in like if len(model) == len(asked)]
    if len(whole or like) == 1:
        return (whole or like)[0]
    listed = ", ".join((like or known)[:MAX_LISTED]) + (", ..." if len(like or known) > MAX_LISTED else "")
    if like:
        raise InputError(f"{asked!r} can be several recorded models: {listed}")
    raise InputError(f"no recorded model is called {asked!r}; the recordings hold {listed or 'none'}")


def _changed(path: Path) -> tuple[int, int]:
    """What tells whether a file is still the one that was read."""
    try:
        status = path.stat()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=2)
def _read_once(files: tuple[tuple[Path, tuple[int, int]], ...]) -> Answers:
    """The answers in files that did not change: an evaluation opens the same ones for every question."""
    return read_recordings(path for path, _ in files)


def read_recordings(paths: Iterable[Path]) -> Answers:
    """The answers in all files. Raises InputError that names the file and the line."""
    answers: dict[str, dict[str, Samples]] = {}
    for path in paths:
        for question, found in _read_recording(path):
            known = answers.setdefault(normal(question), {})
            for model, samples in found.items():
                known.setdefault(model, samples)
    return answers


def normal(question: str) -> str:
    """The question as it is compared: without regard to white space.

    >>> normal(" What is\\n17 * 23? ")
    'What is 17 * 23?'
    """
    return " ".join(question.split())


def _read_recording(path: Path) -> Iterator[tuple[str, dict[str, Samples]]]:
    """Each question with its answers. The line about the recording itself is left out."""
    for number, entry in textfiles.json_lines(path):
        where = f"{path}, line {number}"
        if isinstance(entry, dict) and "_meta" in entry:
            continue
        question = entry.get("question") if isinstance(entry, dict) else None
        answers = entry.get("answers") if isinstance(entry, dict) else None
        if not isinstance(question, str) or not isinstance(answers, dict):
            raise InputError(
                f'{where}: a recording needs "question" and "answers" (model -> text, or list of texts) on every line'
            )
        yield question, {model: _samples(given, f"{where}: the answer of {model}") for model, given in answers.items()}


def _samples(given: object, what: str) -> Samples:
    if isinstance(given, str):
        return (given,)
    if not isinstance(given, list) or not all(text is None or isinstance(text, str) for text in given):
        raise InputError(f"{what} is neither a text nor a list of texts")
    return tuple(text or "" for text in given)
