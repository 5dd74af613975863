"""Scores: what models mean is read as they wrote it, and what they did not write is not invented."""

import json
import re
import time
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.errors import Unparseable
from folkmoot.formats import REVIEW, SCORES, TEXT, Review, scores_for
from folkmoot.formats.score_text import score_in_text
from folkmoot.formats.scores import read_review, read_scores

REVIEWS = Path(__file__).parent.parent / "transcripts" / "reviews"
"""Replies as models write them; the name holds the score, or `refused`."""

LABELS = ("Answer A", "Answer C")


@pytest.mark.parametrize("each", [TEXT, REVIEW, SCORES, scores_for(LABELS)], ids=lambda each: each.name)
def test_every_format_reads_its_own_example(each: object) -> None:
    assert each.parse(each.example)  # type: ignore[attr-defined]


def test_an_empty_reply_is_no_answer() -> None:
    assert TEXT.parse(" 42\n") == "42"
    with pytest.raises(Unparseable, match="empty"):
        TEXT.parse(" \n")


@pytest.mark.parametrize("path", sorted(REVIEWS.glob("*.txt")), ids=lambda path: path.stem)
def test_replies_as_models_write_them_are_read_or_refused(path: Path) -> None:
    expected = path.name.partition(".")[2].removesuffix(".txt")
    if expected == "refused":
        with pytest.raises(Unparseable):
            read_review(path.read_text())
    else:
        assert read_review(path.read_text()).score == float(expected)


READ = [
    ("8", 8), ("8.4", 8.4), ("8.5", 8.5), ("1e1", 10), ("1", 1), ("10", 10), ("7.25", 7.25),
    ('"8"', 8), ('"8/10"', 8), ('"8.5 / 10"', 8.5), ('"8 out of 10"', 8), ('"8 of 10"', 8), ('"8,5"', 8.5),
    ('"Score (1-10): 8"', 8), ('"on a 1-10 scale: 8"', 8), ('"score: on a 1-10 scale: 8"', 8), ('"score: +8"', 8),
    ('"9 - excellent"', 9), ('"Score: N/A, overall 7"', 7), ('"7 (scale 1-10)"', 7),
    ('"on a scale of 1 to 10: 8"', 8), ('"**7.5**"', 7.5), ('"~8"', 8), ('{"score": {"value": "7/10"}}', 7),
    ('{"value": 8.4}', 8.4), ('{"score": {"score": 3}}', 3), ('"10/10"', 10), ('"8/10, still 8/10"', 8),
]  # fmt: skip


@pytest.mark.parametrize(("written", "score"), READ)
def test_a_score_is_read_unrounded_as_models_write_it(written: str, score: float) -> None:
    assert read_review(f'{{"score": {written}}}').score == score


@pytest.mark.parametrize(
    "written",
    [
        "0", "0.4", "0.6", "0.9", "10.4", "10.5", "11", "300", "-1", "-3", "null", "true", "false", "[8]", "[]", "{}",
        "NaN", "Infinity", "1e400", "8" * 400, "8" * 5000, '{"max": 10}',
        '"eight"', '""', '"-3"', '"−3"', '"8.5.1"', '"8-9"', '"8 - 9"', '"7 to 8"', '"80%"', '"8 %"', '"85/100"',
        '"8/5"', '"8th"', '"v8"', '"0x8"', '"1_0"', '"8 ± 1"', '"5/10 → 7/10"', '"7/10, up from 5/10"', '"N/A"',
        '"1-10"', '"11/10"', '"between 7 and 8"', '"<number>"',
        '"at least 8"', '"8.5.1/10"', '"8 for style, 6 for content"', '"8½"', '"gpt-5"', '".0e-1"',
    ],
)  # fmt: skip
def test_a_score_that_is_none_is_refused_rather_than_rounded_or_guessed(written: str) -> None:
    with pytest.raises(Unparseable):
        read_review(f'{{"score": {written}, "overall_assessment": "good"}}')


@pytest.mark.parametrize(
    ("reply", "score"),
    [
        ("SCORE: 8", 8), ("**Score: 7.5**", 7.5), ("Score (1-10): 8", 8),
        ("## Score\n\nscore = 3", 3), ("Overall score: 8,5", 8.5), ("**Score**: 8", 8), ("My score is 6", 6),
        ("Score: 4\nFinal score: 6", 6), ("Score: 4\nOn reflection:\nScore: 6", 6), ("Rating: 8", 8), ("8/10", 8),
        ("Score\n8", 8), ("- Score – 8", 8), ("Final score: `9`", 9),
        ("On a scale of 1 to 10:\nScore: on a scale of 1-10, 7.5", 7.5), ("Fine.\r\nScore: 7\r\n", 7),
    ],
)  # fmt: skip
def test_without_json_a_line_that_states_a_score_is_the_verdict(reply: str, score: float) -> None:
    assert read_review(reply) == Review(score, overall_assessment=reply.strip())


@pytest.mark.parametrize(
    "reply",
    [
        "", "SCORE: 11", "SCORE: high", "SCORE: 8-9", "SCORE: 80%", "SCORE:",
        "The score: 8 is what others would say", "underscore: 8", "Score: 4\n\nScore: 6", "8-9/10",
        '"score": 8', '{"grade": 8}', '{"overall_assessment": "an 8"}', "SCORE: 8\nSCORE: none",
    ],
)  # fmt: skip
def test_a_score_that_is_not_there_is_not_invented(reply: str) -> None:
    with pytest.raises(Unparseable):
        read_review(reply)


def test_a_refusal_says_what_is_wrong() -> None:
    for reply, said in [
        ('{"score": 10.4}', "the score 10.4 is not between 1 and 10"),
        ('{"score": null}', "the score is not a number"),
        ('{"score": "8-9"}', "is a range, not one score"),
        ('{"score": "good"}', "no number in the score 'good'"),
        ("good", 'neither a JSON object with a "score" nor a line that begins with "Score:"'),
    ]:
        with pytest.raises(Unparseable, match=re.escape(said)):
            read_review(reply)


def test_an_endless_or_bottomless_reply_is_refused_even_with_a_score_line() -> None:
    with pytest.raises(Unparseable, match="longer than 1,000,000 bytes"):
        read_review("Score: 8" + "\n" * 1_000_000)
    with pytest.raises(Unparseable, match="more than 10 levels"):
        read_review('{"score": 8, "x": ' + '{"y": ' * 10 + "1" + "}" * 10 + "}\nScore: 8")


@pytest.mark.parametrize(
    "reply",
    [
        "\n" * 990_000 + "x",
        " " * 990_000 + "x",
        "score" + " " * 990_000,
        "score(" * 160_000,
        "score " * 160_000,
        "> " * 490_000,
        json.dumps({"score": "on" + " " * 900_000 + "8 9"}),
        json.dumps({"score": "1" * 900_000 + "x"}),
        "Score: " + "1 " * 490_000,
    ],
    ids=lambda reply: repr(reply[:6]),
)
def test_a_hostile_score_is_refused_in_no_time(reply: str) -> None:
    began = time.process_time()
    with pytest.raises(Unparseable):
        read_review(reply)
    with pytest.raises(Unparseable):
        read_scores(reply, LABELS)
    assert time.process_time() - began < 4  # seconds; a quadratic pattern would take minutes


words = st.text(max_size=30).map(str.strip)
reviews = st.builds(
    Review,
    score=st.floats(1, 10),
    overall_assessment=words.filter(bool),
    strengths=st.lists(words.filter(bool), max_size=3).map(tuple),
    weaknesses=st.lists(words.filter(bool), max_size=3).map(tuple),
    suggestions=st.lists(words.filter(bool), max_size=3).map(tuple),
    rationale=words,
)
noise = st.sampled_from(
    ["", "Sure!\n", "```json\n", "\n```\n", "In set notation {a, b}.\n", 'An example is {"score": 3}\n', "}"]
)


@given(
    reviews, noise, st.sampled_from(["", "\n```", "\n\nHope that helps {smile}", "\n> Score: 3", "}"]), st.booleans()
)
def test_every_review_written_as_json_reads_back_whatever_stands_around_it(
    review: Review, before: str, after: str, pretty: bool
) -> None:
    assert read_review(before + json.dumps(asdict(review), indent=2 if pretty else None) + after) == review


pieces = st.sampled_from(
    [*"0123456789.,-/%+ ", "10", "/10", " out of ", " 1-10 ", "score", ":", "between ", " and ", "e", "_", "−"]
)


@given(st.lists(pieces, max_size=8).map("".join))
def test_no_score_is_read_that_is_not_a_number_in_the_text(text: str) -> None:
    try:
        score = score_in_text(text)
    except Unparseable:
        return
    written = {float(each) for each in re.findall(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?", text.replace(",", "."))}
    assert score in written and 1 <= score <= 10


# ----- one reply that scores every answer


def scores(reply: str) -> dict[str, float]:
    return {label: review.score for label, review in read_scores(reply, LABELS).items()}


@pytest.mark.parametrize(
    "reply",
    [
        '{"scores": [{"label": "Answer A", "score": 8}, {"label": "Answer C", "score": 6.5}]}',
        '{"scores": [{"label": "Answer C", "score": 6.5}, {"label": "Answer A", "score": 8}]}',
        '{"scores": [{"label": "A", "score": "8/10"}, {"label": "**answer c**", "score": "6,5"}]}',
        '{"scores": {"Answer A": 8, "Answer C": {"score": 6.5}}}',
        '{"Answer A": 8, "Answer C": 6.5}',
        '```JSON\n{"scores": [{"label": "answer_a", "score": 8,}, {"label": "c", "score": 6.5},]}\n```',
        "Answer A: 8/10\nanswer c - 6.5",
        "I compared both.\n\n**Answer A:** 8\n- Answer C – 6,5\n",
    ],
)
def test_scores_of_several_answers_are_read_by_their_labels(reply: str) -> None:
    assert scores(reply) == {"Answer A": 8, "Answer C": 6.5}


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ('{"scores": [{"label": "Answer A", "score": 8}]}', "the score of Answer C is missing"),
        ('{"scores": []}', "the score of Answer A, Answer C is missing"),
        ('{"scores": {"A": 8, "B": 7, "C": 6}}', "there is no 'B' to score, only Answer A, Answer C"),
        ('{"scores": {"A": 8, "Answer A": 7, "C": 6}}', "Answer A is scored twice"),
        ('{"scores": [{"label": "A", "score": 8}, {"label": "a", "score": 8}]}', "Answer A is scored twice"),
        ('{"scores": [{"label": "A", "score": 8}, {"label": "C"}]}', "there is no score"),
        ('{"scores": [{"label": "A", "score": 8}, {"label": "C", "score": 0}]}', "not between 1 and 10"),
        ('{"scores": [{"score": 8}, {"score": 6}]}', 'needs a "label"'),
        ('{"scores": [8, 6]}', 'needs a "label"'),
        ('{"scores": 8}', 'needs a "label"'),
        ("Answer A: 8", "the score of Answer C is missing"),
        ("Answer A: 8\nAnswer C: 6\nAnswer A: 7", "Answer A is scored twice"),
        ("Answer A: 8\nAnswer B: 7\nAnswer C: 6", "there is no 'Answer B'"),
        ("Both are fine, 8 and 6", "is missing"),
        ("", "is missing"),
    ],
)
def test_scores_with_a_label_missing_unknown_or_doubled_are_refused_as_a_whole(reply: str, said: str) -> None:
    with pytest.raises(Unparseable, match=re.escape(said)):
        scores(reply)


def test_the_instructions_name_every_label_and_nothing_else() -> None:
    asked = scores_for(["Answer C", "Answer AB"]).instructions
    assert set(re.findall(r"Answer [A-Z]+", asked)) == {"Answer C", "Answer AB"}
