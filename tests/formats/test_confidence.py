"""Confidence: a number as models write it is read; a word, a range or a guess is not made into one."""

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.errors import Unparseable
from folkmoot.formats.confidence import (
    CONFIDENT,
    Confident,
    as_confidence,
    confidence_in_text,
    confidence_in_value,
    read_confident,
)

READ = [
    ("0.85", 0.85), (".9", 0.9), ("85", 0.85), ("100", 1.0), ("1", 1.0), ("0", 0.0), (" 0.7 ", 0.7), ("\n0.7\n", 0.7),
    ("85%", 0.85), ("85 %", 0.85), ("95 percent", 0.95), ("0.85 (high)", 0.85), ("9/10", 0.9), ("0,85", 0.85),
    ("4/5", 0.8), ("85/100", 0.85), ("0.8 out of 1", 0.8), ("8 out of 10", 0.8), ("8 on a scale of 0 to 10", 0.8),
    ("0.9 (on a scale of 0 to 1)", 0.9), ("8/10 on a 0-10 scale", 0.8), ("0.9 (90%)", 0.9), ("**0.8**", 0.8),
    ("I am 90% sure", 0.9), ("0.85.", 0.85), ("~0.8", 0.8), ("about 0.8", 0.8), ("10.5", 0.105),
]  # fmt: skip

NOT_INVENTED = [
    "", "high", "very sure", "-0.2", "−0.2", "1.5", "1.0000001", "5", "8", "10", "101", "101%", "-5%", "15/10", "nan",
    "0.8-0.9", "80 to 90%", "between 0.8 and 0.9", "0.7 or 0.8", "8 or 9/10", "0.8±0.1", "3 of 5 sources agree: 0.9",
    "1e5", "0.8x", "x" * 300,
]  # fmt: skip


@pytest.mark.parametrize(("written", "confidence"), READ)
def test_a_confidence_is_read_as_models_write_it(written: str, confidence: float) -> None:
    assert confidence_in_text(written) == confidence
    assert confidence_in_value(written) == confidence


@pytest.mark.parametrize("written", NOT_INVENTED)
def test_a_confidence_that_is_not_there_is_not_invented(written: str) -> None:
    with pytest.raises(Unparseable):
        confidence_in_text(written)


@pytest.mark.parametrize("value", [True, None, [], {"a": 1}, float("nan"), float("inf"), -1, 1.5, 8, 1000])
def test_a_json_value_that_is_no_share_is_refused(value: object) -> None:
    with pytest.raises(Unparseable):
        confidence_in_value(value)


@given(st.floats(0, 1))
def test_every_share_is_kept_as_it_is(number: float) -> None:
    assert as_confidence(number) == number


MEMBERS = [
    ("It is 391.\n\nConfidence: 0.9", Confident("It is 391.", 0.9)),
    ("It is 391.\n**Confidence:** 90%", Confident("It is 391.", 0.9)),
    ("It is 391.\n> my confidence level = 0,9", Confident("It is 391.", 0.9)),
    ("It is 391.\n<confidence>\t0.9 </confidence>\n", Confident("It is 391.", 0.9)),
    (
        "<thinking>hm, confidence 0.2</thinking>\n<answer>It is 391.</answer>\n<confidence>0.9</confidence>",
        Confident("It is 391.", 0.9),
    ),
    ('```json\n{"answer": "It is 391.", "confidence": "9/10"}\n```', Confident("It is 391.", 0.9)),
    ('{"answer": "It is 391.", "confidence": "high"}', Confident("It is 391.", None)),
    ("It is 391.", Confident("It is 391.", None)),
    ("It is 391.\nConfidence: high", Confident("It is 391.\nConfidence: high", None)),
    ("Confidence: 0.2 would be too low.\nIt is 391.", Confident("Confidence: 0.2 would be too low.\nIt is 391.", None)),
    ('{"answer": "as asked", "more": 1}', Confident('{"answer": "as asked", "more": 1}', None)),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "answer"), MEMBERS)
def test_an_answer_is_kept_and_its_confidence_is_read_from_its_last_line_only(reply: str, answer: Confident) -> None:
    assert read_confident(reply) == answer


@pytest.mark.parametrize("reply", ["", "\n", "Confidence: 0.9", "<answer> </answer>\nConfidence: 0.9"])
def test_a_confidence_alone_is_no_answer(reply: str) -> None:
    with pytest.raises(Unparseable, match="no answer"):
        read_confident(reply)


@given(st.text())
def test_any_text_is_an_answer_or_refused(reply: str) -> None:
    with contextlib.suppress(Unparseable):
        assert read_confident(reply).text


@pytest.mark.parametrize("piece", ["Confidence: ", "\n", " ", "<answer>", "0", "<thinking>", "```", "{"])
def test_a_hostile_reply_takes_no_time(piece: str) -> None:
    began = time.monotonic()
    for reply in (piece * (200_000 // len(piece)), "x\n" + piece * (200_000 // len(piece)) + "x"):
        with contextlib.suppress(Unparseable):
            read_confident(reply)
    assert time.monotonic() - began < 5


def test_the_format_reads_its_own_example() -> None:
    assert CONFIDENT.parse(CONFIDENT.example) == Confident("An answer.", 0.8)
    assert CONFIDENT.brief(CONFIDENT.parse(CONFIDENT.example)) == '80% sure — "An answer."'
