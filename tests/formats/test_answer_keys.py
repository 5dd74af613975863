"""Answer keys: what is read as the same answer, and what is not."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.formats.answer_keys import key_of, may_mean
from folkmoot.formats.keyed import read_keyed

RECORDED = sorted((Path(__file__).parent.parent / "data").glob("recorded-*.jsonl.gz"))


@pytest.mark.parametrize(
    "key, spellings",
    [
        ("1000", ["1,000", "1000", "1000.0", "$1000", "$1,000.00", "10^3", "10^{3}", "1e3", "1 × 10^3", "1 000",
                  "about 1000", "≈ 1000", "1 thousand", "**1000**", "$1000$", r"\boxed{1000}", "1{,}000",
                  "`1000`", "1000.", r"\$1000", "+1000", "１０００", "١٠٠٠", "1'000",
                          "it is 1000", '"1000"', r"\(1000\)", "1000 USD",
                  "1000 dollars"]),
        ("-6", ["-6", "−6", "-$6", "$-6", "- 6", "-6.0", r"-\frac{12}{2}"]),
        ("3/4", ["3/4", "0.75", ".75", "75%", r"\frac{3}{4}", r"$\dfrac{3}{4}$", r"\tfrac34", "6/8", "¾", r"75\%",
                 "75 percent"]),
        ("37/3", ["12 1/3", r"12\frac{1}{3}", "12⅓", "37/3"]),
        ("7", ["seven", "Seven", "7", "7.", "7.0", "the answer is 7", "७"]),
        ("B", ["B", "(B)", "B.", "B)", "Option B", "choice (b)", "B) Paris", "(B) Paris", r"\text{(B)}"]),
        ("yes", ["Yes", "yes.", "**YES**", "Yes!"]),
        ("[1, 2]", ["[1,2]", "[1, 2]", "[ 1 , 2 ]", "`[1, 2]`"]),
        ("{'a': 2, 'b': 1}", ["{'b': 1, 'a': 2}", '{"a": 2, "b": 1}']),
        ("aBc", ["'aBc'", "`'aBc'`", "aBc", "`aBc`"]),
        ("moon", ["The Moon", "the moon.", "Moon", '"Moon"', "**Moon**", "a moon", "MOON!"]),
        ("2sqrt(77)", [r"2\sqrt{77}", "2√77", "2*sqrt(77)", "2 * sqrt(77)", r"$2\sqrt{77}$"]),
        ("-1;2", ["-1, 2", "-1,  2"]),
    ],
)  # fmt: skip
def test_spellings_of_one_answer_have_one_key(key: str, spellings: list[str]) -> None:
    assert {each: found.text if (found := key_of(each)) else None for each in spellings} == dict.fromkeys(
        spellings, key
    )


@pytest.mark.parametrize(
    "one, other",
    [
        ("1,2", "12"), ("4,16", "416"), ("12 1", "121"), ("8,5", "85"), ("4x", "4"), ("4m", "4"), ("3 pm", "3 am"),
        ("3 pm", "3"), ("$200 loss", "$200 profit"), ("30 minutes", "30 hours"), ("5 km", "5 miles"), ("25pi", "25"),
        ("2 or 3", "2"), ("not 7", "7"), ("12 4/3", "12"), ("5!", "5"), ("2sqrt(77)", "2"), ("3 dozen", "3"),
        ("'aBc'", "'abc'"), ("[1, 2]", "[2, 1]"), ("(1, 2)", "[1, 2]"), ("E. coli", "E"), ("A) 5 B) 7", "A"),
        ("221_3", "221"), ("3:30", "3"), ("1/2 + 1/3", "1/2"), ("x = y = 5", "5"), ("yes", "no"), ("44 BC", "44 AD"),
        ("5/0", "5"), ("15 to 20", "15"), ("more than 7", "7"), ("10^3", "103"), ("5 m", "5"), ("1e999999", "1"),
    ],
)  # fmt: skip
def test_answers_that_differ_never_share_a_key(one: str, other: str) -> None:
    assert key_of(one) != key_of(other)


@pytest.mark.parametrize("text", ["", " ", "**", "N/A", "I don't know", "unknown", "___", "...", "?", "`"])
def test_no_answer_has_no_key(text: str) -> None:
    assert key_of(text) is None


@pytest.mark.parametrize(
    "answer, question, key",
    [
        ("30 minutes", "How many minutes does it take?", "30"),
        ("30 min", "How many minutes does it take?", "30"),
        ("30 minutes", "How long does it take?", "30 minute"),
        ("5 m", "How many meters is it?", "5"),
        ("5m", "Solve for m.", "5m"),
        ("20 cups of feed", "How many cups of feed does she need?", "20"),
        ("20 cups of tea", "How many cups of feed does she need?", "20 cup tea"),
        ("70%", "What percentage passed?", "70"),
        ("70%", "What is the probability?", "7/10"),
        ("45°", "What is the angle in degrees?", "45"),
        ("240 miles per hour", "How many miles per hour?", "240"),
        ("25pi", "What is it in terms of pi?", "25pi"),
    ],
)  # fmt: skip
def test_a_unit_is_left_out_only_where_the_question_fixes_it(answer: str, question: str, key: str) -> None:
    found = key_of(answer, question)
    assert found is not None and found.text == key


@pytest.mark.parametrize(
    "one, other, may",
    [
        ("30", "30 minutes", True), ("30", "31 minutes", False), ("7", "8", False), ("7", "drive", False),
        ("drive", "go by car", True), ("B", "Paris", True), ("B", "C", False), ("yes", "no", False), ("42", None, True),
        ("6", "6sqrt(2)", False), ("1/2", "1/2 hour", True), ("2", "1/2 hour", False),
    ],
)  # fmt: skip
def test_a_model_is_asked_only_about_keys_that_may_mean_the_same(one: str, other: str | None, may: bool) -> None:
    first, second = key_of(one), key_of(other) if other is not None else None
    assert may_mean(first, second) is may and may_mean(second, first) is may


@given(st.text(max_size=400))
def test_any_text_has_a_key_or_none(text: str) -> None:
    key = key_of(text, text)
    assert key is None or (key.text and "\n" not in key.text)


@given(st.integers(), st.integers(1, 10**6))
def test_a_number_is_the_same_however_it_is_written(whole: int, below: int) -> None:
    plain = key_of(str(whole))
    assert plain == key_of(f"{whole:,}") == key_of(f"{whole}.0") == key_of(f"${whole}$") and plain is not None
    assert key_of(f"{whole}/{below}") == key_of(rf"\frac{{{whole}}}{{{below}}}")


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.name)
def test_keys_of_recorded_answers_tell_right_from_wrong_as_their_graders_did(path: Path) -> None:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        entries: list[dict[str, Any]] = [json.loads(line) for line in file][1:]
    asked = [(entry, model, text) for entry in entries for model, text in entry["answers"].items()]
    judged = [
        ((key.text if (key := read_keyed(text, entry["question"]).key) else None) == entry["gold_key"])
        is bool(entry["correct"][model])
        for entry, model, text in asked
    ]
    assert len(asked) == 120 and sum(judged) / len(judged) >= 0.99
