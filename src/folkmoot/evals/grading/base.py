"""What a grader takes and gives, and where in a reply the answer is looked for."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from folkmoot.formats.conclusions import stated

MAX_LINE = 200  # characters of a last line that may be taken for the answer


@dataclass(frozen=True)
class Expected:
    """One question and what is accepted as its answer."""

    question: str
    accept: tuple[str, ...]
    choices: tuple[str, ...] = ()  # texts of the options A, B, ... of a multiple-choice question
    settings: Mapping[str, Any] = field(default_factory=dict)  # what the data set says to its grader


@dataclass(frozen=True)
class Grade:
    right: bool
    said: str | None  # the part of the reply that was graded; None: the reply states no answer
    why: str = ""  # in words, where that helps to check the grade


Grader = Callable[[str, Expected], Grade]
"""Grades a whole reply. A grader never raises because of what a model wrote."""


def conclusion(reply: str) -> tuple[str, bool] | None:
    """The answer that a reply ends on, and whether it is marked as the answer.

    Marked is what stands after `ANSWER:`, in a LaTeX box, and the like. Otherwise the last line is taken, if it is
    short. None: there is neither.

    >>> conclusion("17 * 23 = 391"), conclusion("It may be 5.\\n\\nANSWER: 6\\nBecause of the rule.")
    (('17 * 23 = 391', False), ('6', True))
    """
    if (said := stated(reply)) is not None:
        return said, True
    lines = [line.strip() for line in reply.splitlines() if re.search(r"\w", line)]
    if not lines or len(lines[-1]) > MAX_LINE:
        return None
    return lines[-1], False


_NEGATED = re.compile(
    r"(?:\b(?:not|never|no\s+longer|rather\s+than|instead\s+of|neither|nor|unlike)|n[’']t|≠|!=)"
    r"(?:\s+(?:be|is|it|exactly|simply|just|merely|the|an?|answer|option|number))*[\s:*_`\"'($]*$",
    re.IGNORECASE,
)


def negated(before: str) -> bool:
    """Whether the text before a value turns it into what the answer is not.

    >>> [negated(each) for each in ("The answer is not ", "it isn't exactly ", "not 5, it is ", "")]
    [True, True, False, False]
    """
    return _NEGATED.search(before) is not None
