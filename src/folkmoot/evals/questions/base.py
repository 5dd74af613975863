"""One question of a set that ships, with the derivation of its answer."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from folkmoot.types import JSON

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True)
class SetQuestion:
    """One question, its answer as the author wrote it, and how a program derives it."""

    category: str
    text: str
    answer: str
    derive: Callable[[], object]
    also: tuple[str, ...] = ()  # further spellings that are accepted


class WrongKey(ValueError):
    """The written answer of a question is not what its derivation finds."""


def only(found: Iterable[T]) -> T:
    """The one solution; a question with several, or none, is wrong."""
    (one,) = set(found)
    return one


def lines(name: str, questions: Iterable[SetQuestion]) -> list[JSON]:
    """The questions as lines of a data set, numbered. Raises WrongKey with every question that is wrong."""
    problems: list[str] = []
    found: list[JSON] = []
    listed = list(questions)
    problems += [f"asked twice: {text}" for text, times in Counter(each.text for each in listed).items() if times > 1]
    for number, each in enumerate(listed, 1):
        derived = str(each.derive())
        if derived != each.answer:
            problems.append(f"{each.text!r} says {each.answer!r}, but the derivation finds {derived!r}")
        found.append(
            {
                "id": f"{name}-{number:02}", "question": each.text, "accept": [each.answer, *each.also],
                "category": each.category,
            }
        )  # fmt: skip
    if problems:
        raise WrongKey("; ".join(problems))
    return found
