"""What arbiters write: read from JSON and from llm-consortium's tags; what is not there is asked for again."""

import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.errors import Unparseable
from folkmoot.formats.arbiter import JUDGEMENTS, Ruling, areas_in, read_order, read_pick, read_ruling

LABELS = ("Answer A", "Answer B", "Answer C")


def tags(**fields: str) -> str:
    """llm-consortium's output template, filled in."""
    found = {"synthesis": "It is 391.", "confidence": "0.9", "needs_iteration": "false"} | fields
    inner = "\n".join(f"<{name}>{text}</{name}>" for name, text in found.items())
    return f"<synthesis_output>\n{inner}\n</synthesis_output>"


def ruling(reply: str) -> Ruling:
    return read_ruling(reply, LABELS)


@pytest.mark.parametrize(
    ("written", "confidence"),
    [("0.85", 0.85), (".9", 0.9), ("85", 0.85), ("100", 1.0), ("1", 1.0), ("85%", 0.85), ("0.85 (high)", 0.85),
     ("9/10", 0.9), ("0,85", 0.85), ("\n 0.85 \n", 0.85)],
)  # fmt: skip
def test_a_confidence_is_read_in_tags_and_in_json(written: str, confidence: float) -> None:
    assert ruling(tags(confidence=written)).confidence == confidence
    assert ruling(json.dumps({"synthesis": "391", "confidence": written})).confidence == confidence


@pytest.mark.parametrize("written", ["high", "-0.2", "1.5", "1.0000001", "", "0.8 or 0.9"])
def test_a_confidence_that_is_not_there_is_never_a_default(written: str) -> None:
    with pytest.raises(Unparseable, match=r"confidence|number"):
        ruling(tags(confidence=written))
    with pytest.raises(Unparseable, match=r"confidence|number"):
        ruling(json.dumps({"synthesis": "391", "confidence": written}))


@pytest.mark.parametrize(
    ("written", "needed"),
    [("true", True), ("TRUE", True), ("\n  true\n", True), ("yes", True), ("True.", True), ("false", False),
     ("No", False), ("", None)],
)  # fmt: skip
def test_another_round_is_asked_for_however_it_is_laid_out(written: str, needed: bool | None) -> None:
    assert ruling(tags(needs_iteration=written)).needs_iteration is needed


def test_another_round_is_neither_asked_for_nor_refused_where_nothing_is_said() -> None:
    assert ruling("<synthesis>391</synthesis><confidence>0.9</confidence>").needs_iteration is None
    with pytest.raises(Unparseable, match="true or false"):
        ruling(tags(needs_iteration="perhaps"))


@pytest.mark.parametrize(
    "written",
    ["<area>Cite sources</area>\n<area>Say when</area>", "- Cite sources\n- Say when", "1. Cite sources\n2) Say when",
     "<refinement_area>Cite sources</refinement_area><refinement_area>Say when</refinement_area>"],
)  # fmt: skip
def test_refinement_areas_are_a_list_however_they_are_written(written: str) -> None:
    assert ruling(tags(refinement_areas=written)).refinement_areas == ("Cite sources", "Say when")


@pytest.mark.parametrize("written", ["None", "none.", "N/A", "", "-", [], ["None"], None])
def test_no_refinement_area_is_none(written: object) -> None:
    assert areas_in(written) == ()


def test_what_is_thought_aloud_is_not_the_ruling() -> None:
    draft = "<thinking>A member says <confidence>0.2</confidence>. <synthesis>A draft.</synthesis></thinking>\n"
    found = ruling(draft + tags())
    assert (found.synthesis, found.confidence) == ("It is 391.", 0.9)
    with pytest.raises(Unparseable, match="there is neither"):
        ruling("<thinking>" + tags())


@pytest.mark.parametrize(
    "answer",
    ["Use <synthesis>x</synthesis> twice.", "Open with <synthesis> alone.", "Close with </synthesis> alone.",
     "<confidence>0.1</confidence> is how you write it."],
)  # fmt: skip
def test_an_answer_may_be_about_tags(answer: str) -> None:
    found = ruling(tags(synthesis=answer))
    assert (found.synthesis, found.confidence) == (answer, 0.9)


def test_tags_in_a_fence_and_json_in_prose_are_read() -> None:
    assert ruling(f"Here you are:\n```xml\n{tags()}\n```").synthesis == "It is 391."
    said: dict[str, Any] = {"analysis": "They agree.", "dissent": "None really.", "synthesis": "It is\n391.",
                            "confidence": 0.9, "needs_iteration": False, "refinement_areas": ["why"],
                            "ranking": ["C", "answer a", "[B]"]}  # fmt: skip
    found = ruling(f"First I drafted {{'synthesis'}}.\n```json\n{json.dumps(said)[:-1]},}}\n``` Done.")
    assert found == Ruling(
        "It is\n391.", 0.9, "They agree.", "None really.", ("why",), False, ("Answer C", "Answer A", "Answer B")
    )


@pytest.mark.parametrize(
    "reply",
    ["", "It is 391.", "<synthesis>cut off in the mid", "<confidence>0.9</confidence>", '{"confidence": 0.9}',
     "<synthesis> </synthesis><confidence>0.9</confidence>", '{"synthesis": "391"}',
     '{"synthesis": 391, "confidence": 1}'],
)  # fmt: skip
def test_a_ruling_without_a_synthesis_or_a_confidence_is_asked_for_again(reply: str) -> None:
    with pytest.raises(Unparseable):
        ruling(reply)


RANKS = [
    '<rank position="1">B</rank><rank position="2">A</rank><rank position="3">C</rank>',
    '<rank position="3">C</rank>\n<rank position="1"> B </rank>\n<rank position="2">[A]</rank>',
    "<rank position='1'>#B</rank><rank position='2'>answer a</rank><rank position='3'>**Answer C**</rank>",
    "<rank>B</rank><rank>A</rank><rank>C</rank>",
]
NO_RANKS = [
    '<rank position="1">B, A, C</rank>',
    '<rank position="1">B</rank><rank position="2">A</rank>',
    '<rank position="1">B</rank><rank position="2">A</rank><rank position="3">D</rank>',
    '<rank position="1">B</rank><rank position="1">A</rank><rank position="2">C</rank>',
    '<rank position="1">B</rank><rank position="2">B</rank><rank position="3">C</rank>',
]


@pytest.mark.parametrize("written", RANKS)
def test_a_ranking_in_tags_is_read(written: str) -> None:
    expected = ("Answer B", "Answer A", "Answer C")
    assert ruling(tags(ranking=written)).ranking == expected
    assert read_order(f"<ranking>{written}</ranking>", LABELS).ranking == expected


@pytest.mark.parametrize("written", NO_RANKS)
def test_a_ranking_that_cannot_be_read_costs_no_synthesis_but_is_no_ranking(written: str) -> None:
    assert ruling(tags(ranking=written)).ranking == ()
    with pytest.raises(Unparseable):
        read_order(f"<ranking>{written}</ranking>", LABELS)


@pytest.mark.parametrize(
    "reply",
    ['{"ranking": ["B", "A", "C"]}', "FINAL RANKING:\n1. Answer B\n2. Answer A\n3. Answer C", "RANKING: B > A > C"],
)
def test_a_ranking_alone_is_read_as_every_ranking(reply: str) -> None:
    assert read_order(reply, LABELS).ranking == ("Answer B", "Answer A", "Answer C")


@pytest.mark.parametrize(
    "reply",
    ['{"analysis": "It is right.", "pick": "answer b"}', "<response_id>B</response_id>", "PICK: Answer B",
     "C is close.\n**Pick:** [B]", "> PICK: A\n\nNo.\n\nPICK: B"],
)  # fmt: skip
def test_a_pick_is_read(reply: str) -> None:
    assert read_pick(reply, LABELS).ranking == ("Answer B",)


@pytest.mark.parametrize(
    "reply",
    ["", "Answer B", "I would pick B.", "PICK: A or B", "PICK: none", '{"pick": "Answer D"}', '{"pick": null}',
     '{"pick": ["A", "B"]}', "<response_id>1, 2</response_id>", "Do not PICK: B"],
)  # fmt: skip
def test_a_pick_that_is_not_made_is_not_invented(reply: str) -> None:
    with pytest.raises(Unparseable):
        read_pick(reply, LABELS)


@pytest.mark.parametrize("method", sorted(JUDGEMENTS))
def test_every_judgement_reads_its_own_example_and_keeps_what_was_written(method: str) -> None:
    format = JUDGEMENTS[method](LABELS)
    found = format.parse(format.example)
    assert found.raw == format.example and format.brief(found)
    assert (found.synthesis is None) == (method != "default")


PIECES = st.sampled_from([*'ab {}<>/":,\n', "<synthesis>", "</synthesis>", "<confidence>", "</confidence>", "0.9"])


@given(st.lists(PIECES).map("".join))
def test_any_text_is_read_or_refused(reply: str) -> None:
    for format in (judgement(LABELS) for judgement in JUDGEMENTS.values()):
        with contextlib.suppress(Unparseable):
            format.parse(reply)


@pytest.mark.parametrize(
    "piece",
    ["<synthesis>", "</synthesis>", "<think></think>", "<area>", "<rank>", "<ranking>", "PICK: ", "\n", "{", "<"],
)
def test_a_hostile_reply_takes_no_time(piece: str) -> None:
    began = time.monotonic()
    for format in (judgement(LABELS) for judgement in JUDGEMENTS.values()):
        with contextlib.suppress(Unparseable):
            format.parse(f"<refinement_areas>{piece * (200_000 // len(piece))}</refinement_areas>")
    assert time.monotonic() - began < 10
