"""Graders by name. A grader never takes a reply that only mentions the right answer for one that gives it."""

from folkmoot.errors import InputError
from folkmoot.evals.grading.answers import answer, choice, exact, literal, numeric, pattern
from folkmoot.evals.grading.base import Expected, Grade, Grader
from folkmoot.evals.grading.latex import latex
from folkmoot.evals.grading.programs import unit_tests

GRADERS: dict[str, Grader] = {
    "answer": answer,
    "choice": choice,
    "exact": exact,
    "latex": latex,
    "literal": literal,
    "numeric": numeric,
    "pattern": pattern,
    "tests": unit_tests,
}
DEFAULT = "answer"

__all__ = ["DEFAULT", "GRADERS", "Expected", "Grade", "Grader", "find_grader"]


def find_grader(name: str) -> Grader:
    """The grader called `name`. Raises InputError when there is none."""
    if name not in GRADERS:
        raise InputError(f"no grader is called {name!r}; there are {', '.join(GRADERS)}")
    return GRADERS[name]
