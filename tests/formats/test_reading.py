"""JSON is found wherever models put it, and a hostile reply costs no time."""

import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.errors import Unparseable
from folkmoot.formats.marking import MAX_BYTES
from folkmoot.formats.reading import NoObject, SearchedReply, json_object, list_field, text_field, without_quotes


@pytest.mark.parametrize(
    "reply",
    [
        '{"score": 8}',
        '  {"score": 8}\n',
        '```json\n{"score": 8}\n```',
        '```JSON\n{"score": 8}\n```',
        '```js\n{"score": 8}\n```',
        '```\n{"score": 8}\n```',
        '~~~\n{"score": 8}\n~~~',
        'Here it is:\n\n{"score": 8}\n\nHope that helps!',
        'In set notation {a, b} is fine. {"score": 8}',
        "{score: 8}",
        "{'score': 8}",
        '{"Score": 8} // good',
        '{"score": 8, /* why */}',
        "{“score”: 8}",
        '{"score"： 8}',
        '{"score": 8,}',
        '{"score": 8 , \n }',
        '```json\n{"score": 8\n}',  # a fence that nothing closes
        '{"review": {"score": 8}}',
    ],
)
def test_an_object_is_found_wherever_it_stands(reply: str) -> None:
    assert json_object(reply, "score") == {"score": 8}


def test_trailing_commas_go_but_what_stands_in_strings_stays() -> None:
    reply = '{"why": "write [1, 2,] or {a,}", "list": ["x", "y",], "score": 8,}'
    assert json_object(reply, "score") == {"why": "write [1, 2,] or {a,}", "list": ["x", "y"], "score": 8}


def test_backticks_braces_and_line_breaks_in_strings_do_not_end_the_object() -> None:
    written = {"why": "use ```json\n{}\n``` like } or { this", "score": 8}
    raw = json.dumps(written).replace("\\n", "\n")  # line breaks as models put them, unescaped
    assert json_object(f"```json\n{raw}\n```", "score") == written


def test_an_object_that_is_mentioned_in_a_sentence_is_not_the_one_that_counts() -> None:
    reply = 'An answer would look like {"why": "because", "score": 3}. Mine is:\n```json\n{"score": 9}\n```'
    assert json_object(reply, "score") == {"score": 9}


def test_an_object_without_the_key_does_not_hide_the_one_that_has_it() -> None:
    assert json_object('{"score": 8} and by the way {"mood": "good"}', "score") == {"score": 8}


@pytest.mark.parametrize("reply", ["", "score: 8", '{"grade": 8}', '["score", 8]', "{}"])
def test_an_object_that_is_not_there_is_not_invented(reply: str) -> None:
    with pytest.raises(NoObject, match="'score'"):
        json_object(reply, "score")


def test_more_than_a_million_bytes_are_refused() -> None:
    def reply(size: int) -> str:
        return '{"score": 8}' + " " * (size - len('{"score": 8}'))

    assert json_object(reply(MAX_BYTES), "score") == {"score": 8}
    with pytest.raises(Unparseable, match="longer than 1,000,000 bytes"):
        json_object(reply(MAX_BYTES + 1), "score")
    with pytest.raises(Unparseable, match="longer than"):
        json_object('{"score": 8}' + "é" * 500_000, "score")


@pytest.mark.parametrize(("opening", "closing"), [('{"a": ', "}"), ("[", "]")])
def test_more_than_ten_levels_are_refused(opening: str, closing: str) -> None:
    def reply(levels: int) -> str:
        return '{"score": 8, "x": ' + opening * (levels - 1) + "1" + closing * (levels - 1) + "}"

    assert json_object(reply(10), "score")["score"] == 8
    for levels in (11, 400, 900):
        with pytest.raises(Unparseable, match="more than 10 levels"):
            json_object(reply(levels), "score")


@pytest.mark.parametrize(
    "reply",
    [
        "{" * 999_000,
        '{"' * 499_000,
        '{"a":' * 199_000,
        '{"a":[' * 160_000,
        "{}" * 499_000,
        '{"a":1},' * 120_000,
        "{,}" * 333_000,
        '{"a":1,' * 140_000,
        '{"a":"' + '\\"' * 490_000,
        '{"a":1' + ", " * 490_000,
        '{"a":1,' + " " * 990_000,
        '{"a":1,}' * 120_000 + "{" * 1000,
        "{'" * 499_000 + ",}",
    ],
    ids=lambda reply: f"{reply[:8]}...{len(reply)}",
)
def test_a_hostile_reply_is_read_in_no_time(reply: str) -> None:
    began = time.process_time()
    with pytest.raises(Unparseable):
        json_object(reply, "score")
    assert time.process_time() - began < 4  # seconds; a quadratic search would take minutes


@given(st.text(max_size=200))
def test_no_text_whatever_breaks_the_search(reply: str) -> None:
    with contextlib.suppress(Unparseable):
        assert all(isinstance(each.value, dict | Unparseable) for each in SearchedReply(reply).objects("a", "score"))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), json_values, max_size=4), st.integers(1, 10))
def test_a_score_is_read_from_whatever_object_it_stands_in(value: dict[str, Any], score: int) -> None:
    value = {key: each for key, each in value.items() if "score" not in key.lower()} | {"score": score}
    with contextlib.suppress(Unparseable):  # nested too deep
        assert json_object(json.dumps(value), "score")["score"] == score


def test_fields_are_read_as_what_they_should_be_or_as_nothing() -> None:
    value = {"text": " a ", "number": 3, "list": ["a", " ", 2], "single": "a", "blank": " ", "null": None}
    assert [text_field(value, key) for key in ("text", "number", "absent")] == ["a", "", ""]
    assert [list_field(value, key) for key in ("list", "single", "blank", "null", "number", "absent")] == [
        ("a", "2"), ("a",), (), (), (), (),
    ]  # fmt: skip


def test_fences_and_quoted_lines_can_be_left_out() -> None:
    reply = "mine\n```\nquoted\n```\n> quoted\nmine\n~~~text\n```\nquoted\n~~~\nmine"
    assert without_quotes(reply) == "mine\nmine\nmine"


def test_a_fence_that_nothing_closes_hides_nothing() -> None:
    assert without_quotes("```\nSCORE: 8") == "```\nSCORE: 8"
    assert len(without_quotes("```a\n" * 150_000)) > 500_000
