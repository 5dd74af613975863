"""While a judgement is written, people see what it says in words: neither JSON nor thoughts."""

import json

import pytest

from folkmoot.render.board import Board
from folkmoot.render.spoken import Spoken
from tests.render.scripted import begun, seats, started, written

REVIEW = {
    "strengths": ["Clear, and \"short\"."], "weaknesses": [], "nested": {"why": "It\u2019s\nright."}, "score": 7,
    "ok": True, "none": None,
}  # fmt: skip
WORDS = ['Clear, and "short".', "It\u2019s right."]


def heard(text: str, size: int) -> Spoken:
    spoken = Spoken()
    for start in range(0, len(text), size):
        spoken.hear(text[start : start + size])
    return spoken


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (json.dumps(REVIEW), " ".join(WORDS)),
        (json.dumps(REVIEW, indent=2, ensure_ascii=False), " ".join(WORDS)),
        (f"```json\n{json.dumps(REVIEW)}\n```", " ".join(WORDS)),
        (f"<think>\nMaybe {{9}}. It is 9.\n</think>\n\n{json.dumps(REVIEW)}", " ".join(WORDS)),
        ('[{"a": "one"}, {"b": ["two", "three"]}]', "one two three"),
        ('{"rationale": "cut in the mid', "cut in the mid"),
        ('{"score": 7, "label": "B"}', "B"),
        ('{"a": "back\\\\slash \\u00e9 \\ud83d\\ude00 end"}', "back\\slash é \U0001f600 end"),
        ("Plain prose with {braces} and \"quotes\".", "Plain prose with {braces} and \"quotes\"."),
        ("<thinking>no</thinking>Yes.", "Yes."),
        ("<think>never closed", ""),
        ("<b>bold</b> beginning of prose", "<b>bold</b> beginning of prose"),
        ("`code` begins a sentence, which goes on", "`code` begins a sentence, which goes on"),
        ("", ""),
    ],
)  # fmt: skip
def test_only_words_are_heard_however_the_pieces_fall(text: str, said: str, size: int) -> None:
    spoken = heard(text, size)
    shown = " ".join(spoken.tail.encode("utf-16", "surrogatepass").decode("utf-16").split())
    assert shown == said
    assert spoken.words == len(said.split())


def test_a_long_reply_costs_little() -> None:
    spoken = heard('{"a": "' + "x " * 200_000 + '"}', 1000)
    assert spoken.words == 200_000 and len(spoken.tail) <= 240


def test_the_board_names_seats_in_what_is_being_said_and_says_who_is_judging() -> None:
    labels = {"s1": "Answer C", "s2": "Answer A", "s3": "Answer B"}
    board = Board()
    board.see(started(labels=labels), 0.0)
    board.see(begun("r1/evaluate/s1>s2"), 0.0)
    row = board.rows["s1"]
    board.see(written("r1/evaluate/s1>s2", '{"score":'), 1.0)
    assert (row.state(1.0)[1], row.tail) == ("judging", "")
    board.see(written("r1/evaluate/s1>s2", ' 3, "why": "worse than Answer B'), 2.0)
    assert (row.state(2.0)[1], row.tail) == ("writing 4 words", f"worse than {seats()[2].id}")
