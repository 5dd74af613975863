"""Arithmetic as people type it."""

import pytest

from folkmoot.providers.sim.arithmetic import evaluate, find_sum, numbers, written


@pytest.mark.parametrize(
    "question, value",
    [
        ("What is 17 * 23?", "391"),
        ("2+2", "4"),
        ("(3+4)^2 / 7", "7"),
        ("17 times 23", "391"),
        ("What's 15% of 80?", "12"),
        ("what is 12 percent of 50", "6"),
        ("Calculate 1,250 ÷ 4.", "312.5"),
        ("How much is 22/7?", "22/7"),
        ("3 x 4", "12"),
        ("2 ** 10 =", "1024"),
        ("7 squared minus 5", "44"),
        ("-3 − -4", "1"),
        ("17 % 5", "2"),
        ("What is 0.1 + 0.2?", "0.3"),
        ("Please compute 2^-2.", "0.25"),
    ],
)
def test_a_sum_is_computed_exactly(question: str, value: str) -> None:
    found = find_sum(question)
    assert found is not None and found.value is not None
    assert written(found.value) == value


@pytest.mark.parametrize(
    "question",
    [
        "", "Why?", "42", "What is 42?", "Are you open 24/7?", "What happened on 2024-05-01?",
        "Is 3 + 4 a prime number?", "What is 2 + ?", "2 ^ 0.5", "9^9^9", "2^99999", "(" * 300 + "1" + ")" * 300 + "+1",
        "(" * 66 + "1" + ")" * 66 + "+1", "1 + 1; import os", "+ - *",
    ],
)  # fmt: skip
def test_what_is_no_sum_is_not_made_one(question: str) -> None:
    assert find_sum(question) is None


@pytest.mark.parametrize("bad", ["", "1 2", "(1", "1)", "*2", "1 +", "a", "2 ^ (1/2)", "1..2"])
def test_a_bad_expression_is_an_error(bad: str) -> None:
    with pytest.raises(ValueError):
        evaluate(bad)


def test_a_number_is_read_back_as_it_was_written() -> None:
    for value in (*numbers("0 7 12.5 0.03 22/7 1,000,000"), -numbers("3")[0]):
        assert numbers(written(value)) == [value]


def test_numbers_too_long_to_read_are_passed_over() -> None:
    assert numbers("9" * 5000 + " and 7") == [7]
