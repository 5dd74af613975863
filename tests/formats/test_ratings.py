import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from folkmoot.errors import Unparseable
from folkmoot.formats import Format
from folkmoot.formats.ratings import IDEA_RATING, MERGE_RATING, Rating
from folkmoot.formats.variants import VARIANT

FORMATS = [IDEA_RATING, MERGE_RATING]


def scored(value: object) -> str:
    return json.dumps({"rationale": "because", "score": value})


@pytest.mark.parametrize(
    "value, score",
    [
        (8, 8), (8.5, 8.5), ("8", 8), ("8/10", 8), ("8.5 / 10", 8.5), ("8 out of 10", 8), ("Score (1-10): 8", 8),
        ("on a 1-10 scale: 8", 8), ("score: on a 1-10 scale: 8", 8), ("score: +8", 8),
        ("9 - excellent", 9), ("Score: N/A, overall 7", 7), ({"value": "7/10"}, 7), ({"score": {"value": 7}}, 7),
        ("8,5", 8.5), ("7 (scale 1-10)", 7),
    ],
)  # fmt: skip
def test_a_score_is_read_as_models_write_it(value: object, score: float) -> None:
    assert IDEA_RATING.parse(scored(value)).score == score


@pytest.mark.parametrize(
    "value", ["eight", "", True, None, [8], 0, 0.9, 10.4, 11, "-3", "8.5.1", "8-9", "80%", {"is": 8}]
)
def test_a_score_that_is_not_there_is_not_invented(value: object) -> None:
    with pytest.raises(Unparseable):
        IDEA_RATING.parse(scored(value))


@pytest.mark.parametrize(
    "reply, score",
    [
        ('```json\n{"score": 8}\n```', 8),
        ('I thought about it.\n{"score": 8, "rationale": "with ``` in it",}\nThat is all.', 8),
        ('{"overall_score": 7}', 7),
        ('{"evaluation": {"score": 6}}', 6),
        ("Bold, but it cannot work.\n**Score: 4**", 4),
        ('An example: {"score": 1}. Mine: {"score": 9}', 9),
    ],
)
@pytest.mark.parametrize("format", FORMATS)
def test_a_rating_is_found_wherever_it_stands(format: Format[Rating], reply: str, score: float) -> None:
    assert format.parse(reply).score == score


def test_four_dimensions_without_a_score_have_their_mean() -> None:
    reply = {"originality": 9, "insight": "8/10", "depth": 6, "feasibility": {"score": 7}}
    rating = IDEA_RATING.parse(json.dumps(reply))
    assert (rating.score, dict(rating.dimensions)) == (7.5, reply | {"insight": 8.0, "feasibility": 7.0})


@pytest.mark.parametrize(
    "given",
    [
        {"originality": 9, "insight": 8, "depth": 6},
        {"originality": 9, "insight": 8, "depth": 6, "feasibility": 11},
        {"integration": 9, "coherence": 8, "completeness": 6, "fidelity": 7},
    ],
)
def test_three_dimensions_make_no_score(given: dict[str, int]) -> None:
    with pytest.raises(Unparseable):
        IDEA_RATING.parse(json.dumps(given))


def test_a_dimension_that_cannot_be_read_is_left_out_where_there_is_a_score() -> None:
    rating = IDEA_RATING.parse('{"score": 8, "originality": "high", "insight": 7}')
    assert (rating.score, dict(rating.dimensions)) == (8.0, {"insight": 7.0})


@pytest.mark.parametrize("text", ["", "I would give it an 8", "SCORE: 11", "SCORE: high", "{}", '{"rationale": "8"}'])
@pytest.mark.parametrize("format", FORMATS)
def test_a_reply_without_a_rating_has_none(format: Format[Rating], text: str) -> None:
    with pytest.raises(Unparseable):
        format.parse(text)


@settings(max_examples=50, deadline=None)
@given(
    score=st.floats(1, 10),
    rationale=st.text().map(str.strip),
    before=st.text(alphabet="abc \n`\"'"),
    after=st.text(alphabet="abc \n`\"'"),
)
def test_a_rating_among_noise_reads_back(score: float, rationale: str, before: str, after: str) -> None:
    found = IDEA_RATING.parse(f"{before}\n{json.dumps({'rationale': rationale, 'score': score})}\n{after}")
    assert (found.score, found.rationale) == (score, rationale)


@pytest.mark.parametrize(
    "reply",
    [
        '{"prompt_variant": "Who loses?"}', '```json\n{"prompt_variant": " Who loses? "}\n```',
        'Here it is: {"prompt_variant": "Who loses?",} Good luck.', "**Prompt variant:** Who loses?",
    ],
)  # fmt: skip
def test_a_variant_is_found_wherever_it_stands(reply: str) -> None:
    assert VARIANT.parse(reply) == "Who loses?"


@pytest.mark.parametrize("reply", ["", "Who loses?", '{"prompt_variant": " "}', '{"prompt_variant": 7}', "{}"])
def test_a_variant_that_is_not_there_is_not_invented(reply: str) -> None:
    with pytest.raises(Unparseable):
        VARIANT.parse(reply)


def test_every_format_reads_its_own_example() -> None:
    for format in FORMATS:
        assert format.brief(format.parse(format.example)).startswith("8.0 — ")
    assert VARIANT.parse(VARIANT.example)
