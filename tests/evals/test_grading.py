"""Each grader with a table of replies that it accepts and one of replies that it must not accept."""

import pytest

from folkmoot.errors import InputError
from folkmoot.evals.grading import Expected, find_grader

ACCEPTED: list[tuple[str, str, str]] = [
    # grader, accepted answer, reply
    ("exact", "New York", "The city is big.\n\nANSWER: new  york."),
    ("exact", "New York", "**New York**"),
    ("exact", "étoile", "ANSWER: e\u0301toile"),
    ("exact", "x", "Answer: `x`"),
    ("numeric", "10080", "There are 7 * 24 * 60 minutes.\nANSWER: 10,080"),
    ("numeric", "10080", "ANSWER: 10 080"),
    ("numeric", "10080", "7 * 24 * 60 = 10080"),
    ("numeric", "86400", "ANSWER: **86,400**"),
    ("numeric", "1.5", "ANSWER: 1.500"),
    ("numeric", "1/2", "ANSWER: 50%"),
    ("numeric", "1/2", "\\boxed{\\frac{1}{2}}"),
    ("numeric", "1/2", "ANSWER: ½"),
    ("numeric", "50", "ANSWER: 50%"),
    ("numeric", "50%", "ANSWER: 50"),
    ("numeric", "6", "**Final answer:** 6\nThat follows from the rule of signs."),
    ("numeric", "10", "The answer is not 5, it is 10"),
    ("numeric", "10", "ANSWER: 10 (not 5)"),
    ("numeric", "10", "ANSWER: 10, rather than 5"),
    ("numeric", "192", "So the 7th term is 192."),
    ("numeric", "-5", "ANSWER: −5"),
    ("numeric", "5", "ANSWER: $5.00"),
    ("numeric", "5", "ANSWER: five"),
    ("numeric", "9.9", "ANSWER: 9.90"),
    ("numeric", "1000", "ANSWER: 10^3"),
    ("numeric", "7.5", "The angle is 7.5°"),
    ("numeric", "25000", "ANSWER: $25,000/year"),
    ("numeric", "6", "ANSWER: 6th"),
    ("numeric", "5", "ANSWER: 5 m"),
    ("numeric", "5", "It weighs 5kg"),
    ("numeric", "162", "ANSWER: 6 * 5.50 + 9 * 11 + 20 * 1.50 = 33 + 99 + 30 = 162"),
    ("choice", "B", "ANSWER: B"),
    ("choice", "B", "ANSWER: (b)"),
    ("choice", "B", "\\boxed{\\text{B}}"),
    ("choice", "B", "ANSWER: B) Paris"),
    ("choice", "B", "ANSWER: **B.** Paris"),
    ("choice", "B", "I choose option B."),
    ("choice", "B", "The answer is not A, but option B"),
    ("choice", "B", "ANSWER: B - the capital"),
    ("literal", "[1, 2]", "ANSWER: `[1,2]`"),
    ("literal", "'ab'", 'ANSWER: "ab"'),
    ("literal", "{'a': 1, 'b': [2]}", "ANSWER: {'b': [2], 'a': 1}"),
    ("literal", "{1, 2}", "ANSWER: {2, 1}"),
    ("literal", "(1,)", "ANSWER: (1,)"),
    ("literal", "True", "ANSWER: True"),
    ("literal", "[3]", "assert f([1]) == [3]\nANSWER: f([1]) == [3]"),
    ("literal", "''", "ANSWER: ''"),
    ("pattern", r"\d{4}-\d{2}-\d{2}", "ANSWER: 2024-02-29"),
    ("pattern", r"colou?r", "ANSWER: **Color**"),
    ("answer", "Wednesday", "The day is Wednesday."),
    ("answer", "Wednesday", "ANSWER: wednesday"),
    ("answer", "yes", "Yes, they are."),
    ("answer", "no", "ANSWER: No, it cannot be said"),
    ("answer", "10", "The answer is not 5, it is 10"),
    ("answer", "desserts", "ANSWER: desserts"),
    ("answer", "[1, 2]", "ANSWER: [1,2]"),
    ("answer", "C", "ANSWER: (C)"),
    ("answer", "[]", '{"reasoning": "none is left", "answer": "[]"}'),
    ("answer", "'UA6HAJQ'", '{"answer": "UA6HAJQ"}'),
    ("answer", "'UA6HAJQ'", "ANSWER: 'UA6HAJQ'"),
    ("answer", "'a b '", 'ANSWER: "a b "'),
    ("answer", "'a\\nb'", '{"answer": "a\\nb"}'),
    ("answer", "'a\\nb'", "ANSWER: `a\\nb`"),
    ("answer", "{1: False, 2: 0}", "The final answer is: $\\boxed{{1: False, 2: 0}}$"),
    ("answer", "(3,4)", "\\boxed{\\left(3, 4\\right)}"),
    ("answer", "Paris", 'ANSWER: "Paris"'),
    ("answer", "6", "ANSWER: (6)"),
    ("answer", "70000", '{"answer": "70,000"}'),
]

REJECTED: list[tuple[str, str, str]] = [
    ("exact", "York", "ANSWER: New York"),
    ("exact", "5", "ANSWER: -5"),
    ("exact", "x", ""),
    ("exact", "x", "ANSWER: y\nThough x was my first thought"),
    ("numeric", "9.9", "9.11 is larger than 9.9"),
    ("numeric", "5", "ANSWER: 7.5"),
    ("numeric", "5", "ANSWER: -5"),
    ("numeric", "5", "The answer is not 5, it is 10"),
    ("numeric", "5", "ANSWER: 10 (not 5)"),
    ("numeric", "4", "ANSWER: 3 or 4"),
    ("numeric", "4", "It is between 3 and 4"),
    ("numeric", "4", "ANSWER: 3-4"),
    ("numeric", "4", "ANSWER: 3 to 4"),
    ("numeric", "1/2", "ANSWER: 1:2"),
    ("numeric", "7", "The 7th term exists"),
    ("numeric", "7", "ANSWER: 7/2"),
    ("numeric", "7", "ANSWER: 17"),
    ("numeric", "7", "ANSWER: 7,000"),
    ("numeric", "7", "ANSWER: 7 000"),
    ("numeric", "3", "ANSWER: 2^3"),
    ("numeric", "5", "ANSWER: 10\nI first thought of 5"),
    ("numeric", "1.5", "ANSWER: 15"),
    ("numeric", "50", "ANSWER: 0.5"),
    ("numeric", "11", "ANSWER: 9.11"),
    ("numeric", "2024", "ANSWER: 2024-02-29"),
    ("numeric", "5", "It isn't 5"),
    ("numeric", "2", "ANSWER: p-2"),
    ("numeric", "2", "ANSWER: x + 2"),
    ("numeric", "6", "ANSWER: 6√2"),
    ("numeric", "6", "ANSWER: 6*sqrt(2)"),
    ("numeric", "5", "ANSWER: 5x"),
    ("numeric", "2", "ANSWER: 2π"),
    ("numeric", "3", "ANSWER: 3 + 4i"),
    ("numeric", "10879", "ANSWER: 10879, -10879"),
    ("numeric", "25000", "ANSWER: 25000/12"),
    ("numeric", "5", "I do not know"),
    ("choice", "A", "ANSWER: A or B"),
    ("choice", "B", "ANSWER: A or B"),
    ("choice", "A", "The answer is not A, but option B"),
    ("choice", "A", "A good question"),
    ("choice", "C", "Option C is wrong"),
    ("choice", "A", "ANSWER: B because A is a trap"),
    ("choice", "A", "ANSWER: none of them"),
    ("choice", "B", "ANSWER: Paris"),
    ("literal", "[1, 2]", "ANSWER: (1, 2)"),
    ("literal", "[1, 2]", "ANSWER: [2, 1]"),
    ("literal", "'1'", "ANSWER: 1"),
    ("literal", "1", "ANSWER: True"),
    ("literal", "'ab'", "ANSWER: 'Ab'"),
    ("literal", "['a_b']", "ANSWER: ['ab']"),
    ("literal", "[1]", "ANSWER: [1] or [2]"),
    ("literal", "[1]", "ANSWER: __import__('os').getcwd()"),
    ("pattern", r"\d{4}", "ANSWER: 2024-02-29"),
    ("pattern", r"colou?r", "ANSWER: no color at all"),
    ("answer", "yes", "No ... yes only if it rains"),
    ("answer", "yes", "ANSWER: not yes"),
    ("answer", "Wednesday", "The day is not Wednesday."),
    ("answer", "Wednesday", "Tuesday comes before Wednesday"),
    ("answer", "5", "The answer is not 5, it is 10"),
    ("answer", "9.9", "9.11 is larger than 9.9"),
    ("answer", "desserts", "ANSWER: stressed"),
    ("answer", "6", "ANSWER: [6]"),
    ("answer", "'6'", "ANSWER: [6]"),
    ("answer", "'a  b'", "ANSWER: 'a b'"),
    ("answer", "'Ab'", "ANSWER: 'ab'"),
    ("answer", "[1]", "ANSWER: []"),
    ("answer", "[]", "ANSWER: [[]]"),
    ("answer", "[1, 2]", "ANSWER: (1, 2)"),
    ("answer", "Everest", "ANSWER: K2, since Everest was not yet known"),
]


@pytest.mark.parametrize(("grader", "accept", "reply"), ACCEPTED)
def test_a_right_answer_is_accepted(grader: str, accept: str, reply: str) -> None:
    grade = find_grader(grader)(reply, Expected("What is it?", (accept,)))
    assert grade.right, grade


@pytest.mark.parametrize(("grader", "accept", "reply"), REJECTED)
def test_a_wrong_or_open_answer_is_not_accepted(grader: str, accept: str, reply: str) -> None:
    grade = find_grader(grader)(reply, Expected("What is it?", (accept,)))
    assert not grade.right, grade


def test_a_choice_may_be_given_by_its_text() -> None:
    expected = Expected("Where?", ("B",), choices=("Rome", "Paris"))
    assert find_grader("choice")("ANSWER: Paris", expected).right
    assert find_grader("answer")("ANSWER: Paris", expected).right
    assert not find_grader("choice")("ANSWER: B) Rome", expected).right
    assert not find_grader("answer")("ANSWER: Rome", expected).right


def test_a_number_may_be_off_by_the_tolerance_that_the_data_set_allows() -> None:
    expected = Expected("How long?", ("3.14159",), settings={"tolerance": 0.01})
    assert find_grader("numeric")("ANSWER: 3.14", expected).right
    assert not find_grader("numeric")("ANSWER: 3.2", expected).right


TESTS = "assert add(2, 3) == 5\nassert add(-1, 1) == 0\n"


def graded(code: str, seconds: float = 5) -> tuple[bool, str]:
    reply = f"Here it is:\n```python\n{code}\n```\nIt works.\n"
    grade = find_grader("tests")(reply, Expected("Write add.", (TESTS,), settings={"seconds": seconds}))
    return grade.right, grade.why


def test_code_that_passes_its_tests_is_right() -> None:
    assert graded("def add(a, b):\n    return a + b") == (True, "")
    assert graded("print('hello')\ndef add(a, b):\n    return a + b") == (True, "")


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("def add(a, b):\n    return a - b", "AssertionError"),
        ("def add(a, b) return", "SyntaxError: "),
        ("import sys; sys.exit(0)", "the program ended before its tests did"),
        ("import os; os._exit(0)", "the program ended before its tests did"),
        ("x = bytearray(1 << 33)", "MemoryError"),
        ("open('big', 'wb').write(b'0' * (1 << 22))", ""),
        ("import sys; sys.stdin.close()\ndef add(a, b):\n    return a + b", "ValueError: "),
    ],
)
def test_code_that_fails_or_ends_early_is_wrong(code: str, why: str) -> None:
    right, said = graded(code)
    assert not right
    assert said.startswith(why)


def test_code_that_does_not_end_is_stopped() -> None:
    right, why = graded("while True: pass", seconds=1)
    assert not right
    assert "1 s" in why


def test_an_unknown_grader_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError, match="there are answer, choice"):
        find_grader("vibes")
