"""The schema of a call holds a model to what exists: these labels, this scale, this many places."""

import json
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from folkmoot.formats.arbiter import order_for, pick_for, ruling_for
from folkmoot.formats.base import Format
from folkmoot.formats.ranking import ranking_for
from folkmoot.formats.ratings import IDEA_RATING, MERGE_RATING
from folkmoot.formats.same import same_for
from folkmoot.formats.scores import REVIEW, scores_for
from folkmoot.formats.variants import VARIANT
from folkmoot.formats.verdict import verdict_for
from folkmoot.formats.votes import CONFIRM, vote_for

LABELS = ("Answer A", "Answer B", "Answer C")
FORMATS: list[Format[Any]] = [
    REVIEW, scores_for(LABELS), IDEA_RATING, MERGE_RATING, verdict_for(LABELS), vote_for(LABELS, "Answer C"), CONFIRM,
    ranking_for(LABELS), ruling_for(LABELS), order_for(LABELS), pick_for(LABELS), same_for(LABELS), VARIANT,
]  # fmt: skip


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
def test_a_schema_names_every_field_of_the_instructions_in_their_order(format: Format[Any]) -> None:
    assert format.schema is not None
    fields = list(format.schema["properties"])
    assert format.schema["required"] == fields and format.schema["additionalProperties"] is False
    places = [format.instructions.index(f'"{field}"') for field in fields]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("format", "field", "allowed", "refused"),
    [
        (REVIEW, "score", [1, 7.5, 10], [0, 11, "7"]),
        (verdict_for(LABELS), "verdict", ["Answer B", "none"], ["Answer D", "B", None]),
        (vote_for(LABELS, "Answer C"), "vote", ["FINALIZE", "REVISE", "SPLIT"], ["APPROVE"]),
        (vote_for(LABELS, "Answer C"), "target", ["Answer C", ""], ["Answer D"]),
        (vote_for(LABELS, "Answer C"), "ranking", [["Answer B", "Answer A"]], [["Answer B"], ["Answer B", "Answer C"]]),
        (CONFIRM, "verdict", ["APPROVE", "REJECT"], ["approve"]),
        (
            ranking_for(LABELS), "ranking", [["Answer B", "Answer A", "Answer C"]],
            [["Answer B", "Answer A"], ["Answer B", "Answer B", "Answer C"], ["A", "B", "C"]],
        ),
        (ruling_for(LABELS), "confidence", [0, 1], [1.1, "0.5"]),
        (pick_for(LABELS), "pick", ["Answer A"], ["Answer D"]),
        (same_for(LABELS), "groups", [[["Answer A"], ["Answer B", "Answer C"]]], [[["Answer D"]]]),
    ],
    ids=lambda each: getattr(each, "name", None),
)  # fmt: skip
def test_a_schema_takes_what_can_be_read_and_nothing_else(
    format: Format[Any], field: str, allowed: list[object], refused: list[object]
) -> None:
    assert format.schema is not None
    schema = format.schema["properties"][field]
    validator = jsonschema.Draft202012Validator(schema)
    assert [value for value in allowed if not validator.is_valid(value)] == []
    assert [value for value in refused if validator.is_valid(value)] == []


@pytest.mark.parametrize(
    "format", [each for each in FORMATS if each.name not in ("scores", "same")], ids=lambda each: each.name
)
def test_a_schema_accepts_the_example_as_far_as_that_goes(format: Format[Any]) -> None:
    example = json.loads(format.example)
    assert format.schema is not None
    for field, value in example.items():
        jsonschema.validate(value, format.schema["properties"][field])
