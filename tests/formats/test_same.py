"""Same and verdict: partitions and judgements of labels."""

import pytest

from folkmoot.errors import Unparseable
from folkmoot.formats.same import SAME, read_same
from folkmoot.formats.verdict import VERDICT, read_verdict

LABELS = ("Answer A", "Answer B", "Answer C")


@pytest.mark.parametrize(
    "reply",
    [
        '{"conclusions": ["A: drive"], "groups": [["Answer A", "Answer C"], ["Answer B"]]}',
        'Sure:\n```json\n{"groups": [["c", "a"], ["**Answer B**"]],}\n```',
        '{"groups": [["Answer B"], ["answer c", "ANSWER A"], []]}',
        "GROUP 1: Answer A, Answer C\nGROUP 2: Answer B",
        "- **Group A:** A and C\n- **Group B:** B",
    ],
)
def test_a_partition_is_read_as_models_write_it(reply: str) -> None:
    assert read_same(reply, LABELS) == (("Answer A", "Answer C"), ("Answer B",))


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "A and C are the same.",
        '{"groups": []}',
        '{"groups": ["Answer A"]}',
        '{"groups": [["Answer A", "Answer C"]]}',
        '{"groups": [["Answer A"], ["Answer A", "Answer B", "Answer C"]]}',
        '{"groups": [["Answer A", "Answer B", "Answer C", "Answer D"]]}',
        '{"groups": [["Answer A", "Answer C"], ["not Answer B"]]}',
        "GROUP 1: Answer A, Answer C",
    ],
)
def test_a_partition_that_is_not_whole_is_refused(reply: str) -> None:
    with pytest.raises(Unparseable):
        read_same(reply, LABELS)


@pytest.mark.parametrize(
    "reply",
    [
        '{"reason": "17 * 23 = 391", "verdict": "Answer B"}',
        'I checked.\n```json\n{"reason": "", "verdict": "b",}\n```',
        "It adds up.\nVERDICT: Answer B",
        "**Verdict:** Answer B is right.",
        "My final verdict: **B**",
        "The other judge wrote:\n> Verdict: Answer A\n\nVerdict: Answer B",
    ],
)
def test_a_verdict_is_read_as_judges_write_it(reply: str) -> None:
    assert read_verdict(reply, LABELS).label == "Answer B"


@pytest.mark.parametrize("said", ["none", "None of them", "neither", "none.", '"none"'])
def test_no_answer_may_be_right(said: str) -> None:
    assert read_verdict(f"VERDICT: {said}", LABELS).label is None
    assert read_verdict('{"verdict": null, "reason": "All slip."}', LABELS).label is None


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "Answer B seems fine to me.",
        "VERDICT: not Answer B",
        "VERDICT: Answer A or Answer B",
        "VERDICT: Answer D",
        '{"verdict": ["Answer A", "Answer B"]}',
        '{"verdict": "Answer B is wrong"}',
        '{"verdict": 2}',
        "> Verdict: Answer B\nwas said, but",
    ][:-1],
)
def test_a_verdict_that_is_not_there_is_not_invented(reply: str) -> None:
    with pytest.raises(Unparseable):
        read_verdict(reply, LABELS)


def test_the_examples_are_read() -> None:
    assert SAME.parse(SAME.example) == (("Answer A",), ("Answer B",))
    assert VERDICT.parse(VERDICT.example).label == "Answer A"
