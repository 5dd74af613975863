"""The question sets that ship: every key is derived anew, and the files are what the derivations say."""

import json

import pytest

from folkmoot.evals.datasets import read_dataset, shipped
from folkmoot.evals.grading import find_grader
from folkmoot.evals.questions.base import SetQuestion, WrongKey, lines
from folkmoot.evals.questions.build import FOLDER, sets


def test_the_files_are_what_the_derivations_say() -> None:
    """On failure: correct the question, then `python -m folkmoot.evals.questions.build`."""
    assert {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.jsonl")} == sets()


def test_a_wrong_key_and_a_repeated_question_fail_the_build() -> None:
    wrong = SetQuestion("sums", "What is 2 + 2?", "5", lambda: 2 + 2)
    with pytest.raises(WrongKey, match="says '5', but the derivation finds '4'"):
        lines("wrong", [wrong])
    right = SetQuestion("sums", "What is 2 + 2?", "4", lambda: 2 + 2)
    with pytest.raises(WrongKey, match="asked twice"):
        lines("twice", [right, right])


@pytest.mark.parametrize("name", ["traps", "steps"])
def test_each_set_has_sixty_questions_of_several_kinds_and_its_own_keys_are_graded_as_right(name: str) -> None:
    assert name in shipped()
    found = read_dataset(name)
    assert len(found.samples) >= 60
    assert len({sample.category for sample in found.samples}) >= 7
    for sample in found.samples:
        for answer in sample.expected.accept:
            assert find_grader(sample.grader)(f"Thus:\n\nANSWER: {answer}", sample.expected).right, sample.id
        assert not find_grader(sample.grader)("ANSWER: 123456", sample.expected).right


def test_no_question_is_in_both_sets() -> None:
    texts = [json.loads(line)["question"] for path in FOLDER.glob("*.jsonl") for line in path.read_text().splitlines()]
    assert len(texts) == len(set(texts))
