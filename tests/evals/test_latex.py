"""Equality of formulas, by math-verify in a worker process."""

import pytest

from folkmoot.evals.grading import Expected, find_grader

SAME = [
    ("\\frac{1}{2}", "\\boxed{0.5}"),
    ("\\frac{1}{2}", "ANSWER: \\dfrac12"),
    ("2\\sqrt{3}", "ANSWER: $\\sqrt{12}$"),
    ("x^2-1", "\\boxed{(x-1)(x+1)}"),
    ("(1, 2)", "ANSWER: $(1,2)$"),
    ("[0, \\infty)", "\\boxed{[0,\\infty)}"),
    ("\\{1, 2\\}", "ANSWER: $\\{2, 1\\}$"),
    ("\\pi/4", "ANSWER: $\\frac{\\pi}{4}$"),
    ("90^\\circ", "ANSWER: 90"),
]
DIFFERENT = [
    ("\\frac{1}{2}", "\\boxed{\\frac{1}{3}}"),
    ("\\frac{1}{2}", "ANSWER: 2"),
    ("x^2-1", "ANSWER: $(x-1)(x-1)$"),
    ("(1, 2)", "ANSWER: $(2,1)$"),
    ("[0, \\infty)", "ANSWER: $(0,\\infty)$"),
    ("5", "ANSWER: not 5, it is 10"),
    ("\\pi", "ANSWER: 3.14"),
    ("3", "I do not know"),
]


@pytest.mark.parametrize(("accept", "reply"), SAME)
def test_one_value_in_two_spellings_is_right(accept: str, reply: str) -> None:
    assert find_grader("latex")(reply, Expected("What is it?", (accept,))).right


@pytest.mark.parametrize(("accept", "reply"), DIFFERENT)
def test_another_value_is_wrong(accept: str, reply: str) -> None:
    assert not find_grader("latex")(reply, Expected("What is it?", (accept,))).right
