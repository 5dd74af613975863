"""Keyed answers: where an answer says what it comes to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.errors import Unparseable
from folkmoot.formats.conclusions import stated
from folkmoot.formats.keyed import KEYED, keyed_for, read_keyed


@pytest.mark.parametrize(
    "reply",
    [
        "17 * 23 is 391.\n\nANSWER: 391",
        "**ANSWER: 391**",
        "**Answer:** 391",
        "Answer: **391**.",
        "### Final answer: 391",
        "> Answer: 391",
        "- The final answer: $391$",
        "So, the answer: 391",
        "**Final Answer:**\n\n391",
        "### Answer:\n```\n391\n```",
        "ANSWER: 390\nNo, I slipped.\nANSWER: 391",
        '{"reasoning": "17 * 23", "answer": "391"}',
        '```json\n{"reasoning": "Answer: 390", "answer": 391}\n```',
        '{"reasoning": "cut \\( off", "answer": "391"',
        '{"final_answer": "391.0",}',
        '{"answer": ""}\nANSWER: 391',
        "so it is $\\boxed{391}$.",
        r"\[ \boxed{\text{391}} \]",
        "\\boxed{390} was too low, hence \\boxed{391}",
        "Therefore the answer is 391.",
        "The final answer is: $391$",
        "```\nANSWER: 391\n```",
        '{"answer": "390"}\n\nOn reflection:\nANSWER: 391',
        "ANSWER = 391",
    ],
)
def test_what_an_answer_comes_to_is_read_as_models_write_it(reply: str) -> None:
    key = read_keyed(reply).key
    assert key is not None and key.text == "391"


@pytest.mark.parametrize(
    "reply",
    [
        "It may be 391.",
        "The answer depends on what you want.",
        "The answer is that poets cannot be ranked, and I would not try.",
        "My answers: 391 and 17",
        "answering 391",
        "There are 17 rows; 23 columns",
        '{"answer": null}',
        "ANSWER:",
        "ANSWER: ___",
        "ANSWER: I don't know",
        "the \\boxed{391 is open",
    ],
)
def test_a_conclusion_that_is_not_stated_is_not_invented(reply: str) -> None:
    assert read_keyed(reply).key is None


def test_an_answer_without_a_key_is_an_answer_all_the_same() -> None:
    assert read_keyed(" A poem.\n\nIt rhymes.\n").text == "A poem.\n\nIt rhymes."


def test_an_empty_reply_is_none() -> None:
    with pytest.raises(Unparseable):
        KEYED.parse(" \n ")


@pytest.mark.parametrize(
    "written", [r'{"answer": "\\frac{3}{4}"}', r'{"answer": "\frac{3}{4}"}', r'{"answer": "3\/4"}']
)
def test_latex_in_json_is_read_whether_or_not_it_is_escaped(written: str) -> None:
    key = read_keyed(written).key
    assert key is not None and key.text == "3/4"


def test_the_question_decides_on_units() -> None:
    asked = keyed_for("How many minutes?").parse("ANSWER: 30 minutes").key
    assert asked is not None and asked.text == "30"


@given(st.text(max_size=2000))
def test_any_reply_is_read_quickly_or_refused(reply: str) -> None:
    if reply.strip():
        assert read_keyed(reply).text == reply.strip()


def test_a_hostile_reply_takes_no_time() -> None:
    for piece in ('"answer": "' * 5000, "\\boxed{" * 5000, "answer " * 8000, "the answer is " * 5000, "* _" * 20000):
        stated(piece)
