"""Question sets in every format that is read, and what is said of files that are none."""

import gzip
import json
from pathlib import Path

import pytest

from folkmoot.errors import InputError
from folkmoot.evals.datasets import read_dataset


def written(path: Path, *lines: object) -> str:
    path.write_text("".join(json.dumps(each) + "\n" for each in lines), "utf-8")
    return str(path)


def test_ensembles_lines_are_read(tmp_path: Path) -> None:
    file = written(tmp_path / "hard.jsonl", {"question": "2+2?", "accept": ["4", "four"], "category": "arith"})
    (sample,) = read_dataset(file).samples
    assert (sample.id, sample.question, sample.category) == ("1", "2+2?", "arith")
    assert sample.expected.accept == ("4", "four")


def test_a_csv_file_may_accept_several_answers_and_begin_with_a_mark_of_windows(tmp_path: Path) -> None:
    file = tmp_path / "few.csv"
    file.write_text('\ufeffid,Question,accept,category\nq1,"2+2, then?",4 | four,arith\n', "utf-8")
    (sample,) = read_dataset(str(file)).samples
    assert (sample.id, sample.question, sample.category) == ("q1", "2+2, then?", "arith")
    assert sample.expected.accept == ("4", "four")


def test_inspects_samples_are_read_with_their_choices(tmp_path: Path) -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Capital of France?"}]
    samples = [
        {"id": "a", "input": messages, "target": "B", "choices": ["Rome", "Paris"], "metadata": {"category": "facts"}},
        {"id": "b", "input": "2+2?", "target": ["4"]},
    ]
    file = tmp_path / "samples.json"
    file.write_text(json.dumps(samples))
    first, second = read_dataset(str(file)).samples
    assert first.question == "Capital of France?\n\nA) Rome\nB) Paris"
    assert (first.grader, first.category, first.expected.choices) == ("choice", "facts", ("Rome", "Paris"))
    assert (second.grader, second.expected.accept) == ("answer", ("4",))


def test_a_recording_is_a_set_whose_seats_find_their_answers_in_it(tmp_path: Path) -> None:
    file = tmp_path / "recorded.jsonl.gz"
    lines = [
        {"_meta": {"models": ["x"]}},
        {"id": "q1", "question": "2+2?", "gold": "4", "answers": {"x": "ANSWER: 4"}},
        {"id": "q2", "question": "2+2? ", "gold": "5", "answers": {"x": "ANSWER: 5"}},
    ]
    file.write_bytes(gzip.compress("\n".join(map(json.dumps, lines)).encode()))
    found = read_dataset(str(file))
    assert found.recordings == (str(file),)
    assert found.name == "recorded"
    assert [each.id for each in found.samples] == ["q1"]  # a question stands once, as for recorded seats


def test_the_version_changes_with_what_is_asked_or_accepted_and_not_with_a_limit_or_another_grader(
    tmp_path: Path,
) -> None:
    one = read_dataset(
        written(tmp_path / "a.jsonl", {"question": "1?", "accept": "1"}, {"question": "2?", "accept": "2"})
    )
    other = read_dataset(
        written(tmp_path / "a.jsonl", {"question": "1?", "accept": "1"}, {"question": "2?", "accept": "3"})
    )
    assert one.version != other.version
    assert one.first(1).version == one.version
    assert one.graded_by("numeric").version == one.version


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "holds no questions"),
        ("{", "line 1, column 2: this is not JSON"),
        ('{"question": "x"}', "line 1: write"),
        ('{"question": "x", "accept": []}', "line 1: write"),
        ('{"question": " ", "accept": ["1"]}', "line 1: write"),
        ("[1]", "a question must be a JSON object"),
        ('{"id": "a", "question": "x", "accept": "1"}\n{"id": "a", "question": "y", "accept": "1"}', "stands 2 times"),
        ('{"question": "x", "accept": "1", "grader": "vibes"}', "no grader is called 'vibes'"),
    ],
)
def test_what_is_no_question_set_is_refused_with_the_place(text: str, problem: str, tmp_path: Path) -> None:
    file = tmp_path / "set.jsonl"
    file.write_text(text)
    with pytest.raises(InputError, match=problem):
        read_dataset(str(file))


def test_a_file_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="there is no data set nowhere"):
        read_dataset("nowhere.jsonl")
