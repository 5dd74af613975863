"""`folkmoot eval run` as a user runs it: its table, its log, what it refuses, and that a kill costs nothing."""

import json
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from folkmoot.core.journal import read_lines
from tests.frontends.installed import Installed

pytestmark = pytest.mark.slow

SUMS = [{"id": f"q{n}", "question": f"What is {n} * 7?", "accept": [str(n * 7)], "category": "sums"} for n in range(12)]


GRADER = """\
prompt=$(cat)
accepted=$(echo "$prompt" | sed -n '/^<accepted/{n;p;}')
case "$prompt" in *"What is 5 "*) echo "I cannot tell."; exit;; esac
case "$prompt" in *"ANSWER: $accepted"*) echo "ANSWER: right";; *) echo "ANSWER: wrong";; esac
"""
"""A seat that grades by the accepted answer, and gives no grade to the question about 5."""


@pytest.fixture
def moot(tmp_path: Path) -> Installed:
    """Three command seats: `right` can multiply, `wrong` never can, `odd` can when the number is even."""
    script = tmp_path / "seat.sh"
    script.write_text(
        f'if [ "$FOLKMOOT_MODEL" = grader ]; then exec sh {tmp_path}/grader.sh; fi\n'
        "number=$(sed -n 's/.*What is \\([0-9]*\\) .*/\\1/p' | head -n 1)\n"
        f'echo "$FOLKMOOT_MODEL" >> {tmp_path}/asked.log\n'
        'if [ "$FOLKMOOT_MODEL" = first ]; then echo "ANSWER: 1"; exit; fi\n'
        'case "$FOLKMOOT_MODEL" in wrong) number=$((number + 1));; odd) number=$((number + number % 2));; esac\n'
        'echo "ANSWER: $((number * 7))"\n'
    )
    (tmp_path / "grader.sh").write_text(f"echo grader >> {tmp_path}/asked.log\n{GRADER}")
    (tmp_path / "sums.jsonl").write_text("".join(json.dumps(each) + "\n" for each in SUMS))
    moot = Installed(tmp_path, {})
    moot.configure(f'[providers.sh]\ncommand = ["sh", "{script}"]\n')
    return moot


def rows(found: Any) -> list[Any]:
    """The table but for its seconds."""
    return [{**row, "p50": None, "p95": None} for row in found["conditions"]]


def audit(log: Path) -> dict[str, Any]:
    """Question and condition -> what the log says of that run, but for its seconds."""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return {
        f"{line['id']} {condition}": {**entry, "seconds": None}
        for line in lines
        for condition, entry in line["conditions"].items()
    }


RUN = ("eval", "run", "sums.jsonl", "--models", "sh/right,sh/odd,sh/wrong", "-q")


def test_conditions_stand_side_by_side_with_intervals_and_nothing_is_dropped(moot: Installed) -> None:
    done = moot(*RUN, "-c", "vote:early=off,solo:sh/odd", "--baseline", "sh/right", "--log", "log.jsonl", "-o", "json")
    assert done.code == 0, done.err
    rows = {row["condition"]: row for row in done.json["conditions"]}
    assert rows["baseline:sh/right"]["right"] == 12
    assert rows["baseline:sh/right"]["gain"] is None
    assert rows["solo:sh/odd"]["right"] == 6
    assert rows["solo:sh/odd"]["gain"]["value"] == -0.5
    assert rows["solo:sh/odd"]["gain"]["interval"][1] < 0
    assert rows["vote:early=off"]["questions"] == 12
    assert rows["vote:early=off"]["calls"] == 3
    log = [json.loads(line) for line in (moot.home / "log.jsonl").read_text().splitlines()]
    assert [each["id"] for each in log] == [each["id"] for each in SUMS]
    assert log[3]["conditions"]["solo:sh/odd"]["said"] == "28"
    assert log[3]["conditions"]["solo:sh/odd"]["right"] is False


def test_a_newcomer_runs_one_condition_on_ten_questions_offline(tmp_path: Path) -> None:
    done = Installed(tmp_path, {})("eval", "run", "gsm8k-sample", "--limit", "10", "-c", "vote")
    assert done.code == 0, done.err
    assert "vote" in done.out
    assert "/10 " in done.out


def test_the_text_says_what_the_questions_can_tell(moot: Installed) -> None:
    done = moot(*RUN, "-c", "seats", "--by-category")
    assert "solo:sh/right" in done.out
    assert "12/12 100.0%" in done.out
    assert "\nsums\n" in done.out
    assert "Worse than solo:sh/right, by 12 answers: solo:sh/odd, solo:sh/wrong" in done.out


def test_a_second_time_nothing_is_asked_and_the_table_is_the_same(moot: Installed) -> None:
    first = moot(*RUN, "-c", "seats,vote")
    asked = (moot.home / "asked.log").read_text()
    assert moot(*RUN, "-c", "seats,vote").out == first.out
    assert (moot.home / "asked.log").read_text() == asked
    assert moot("list", "-o", "json").json == []  # the user's own runs are not crowded


def test_one_model_at_equal_cost_is_asked_as_often_as_the_vote_asks_all(moot: Installed) -> None:
    done = moot(*RUN, "-c", "seats,vote:early=off,self-consistency:sh/odd:as=vote:early=off", "-o", "json")
    calls = {row["condition"]: row["calls"] for row in done.json["conditions"]}
    assert calls["self-consistency:sh/odd:as=vote:early=off"] == calls["vote:early=off"] == 3


def test_a_killed_evaluation_goes_on_and_asks_no_finished_call_again(moot: Installed) -> None:
    command = (*RUN, "-c", "seats,vote:early=off,ask", "-j", "3")
    log = moot.home / "asked.log"
    for kill in range(1, 5):
        child = moot.start(*command)
        end = time.monotonic() + 60
        while child.poll() is None and (len(log.read_text().split()) if log.exists() else 0) < kill * 20:
            assert time.monotonic() < end
            time.sleep(0.005)
        child.send_signal(signal.SIGKILL)
        child.communicate()
    done = moot(*command, "--log", "log.jsonl", "-o", "json")
    assert done.code == 0, done.err
    for journal in moot.home.glob("evals/*/runs/*/journal.jsonl"):
        finished: Counter[str] = Counter()
        for line in read_lines(journal):
            if line["kind"] == "finished":
                finished[line["step"]] += 1
            elif line["kind"] == "started":
                assert not finished[line["step"]], f"{journal.parent.name}: {line['step']} was asked again"
        assert set(finished.values()) == {1}
    undisturbed = Installed(moot.home / "other", {})
    undisturbed.home.mkdir()
    undisturbed.configure((moot.home / "config.toml").read_text())
    (undisturbed.home / "sums.jsonl").write_text((moot.home / "sums.jsonl").read_text())
    expected = undisturbed(*command, "--log", "log.jsonl", "-o", "json").json
    assert audit(moot.home / "log.jsonl") == audit(undisturbed.home / "log.jsonl")  # names the run where they differ
    assert rows(done.json) == rows(expected)


@pytest.mark.parametrize("cut", range(3))
def test_an_evaluation_whose_records_end_at_any_line_comes_to_the_same_table(moot: Installed, cut: int) -> None:
    """As after a kill, but at a chosen place: each run's record ends at another line, some in the middle of it."""
    command = (*RUN, "-c", "seats,vote:early=off,ask", "--limit", "6", "--log", "log.jsonl", "-o", "json")
    first = moot(*command).json
    found = audit(moot.home / "log.jsonl")
    journals = sorted(moot.home.glob("evals/*/runs/*/journal.jsonl"))
    assert len(journals) == 30
    for number, journal in enumerate(journals):
        lines = journal.read_bytes().splitlines(keepends=True)
        kept = (number // 3 + 2 * cut) % len(lines)
        torn = lines[kept][: len(lines[kept]) // 2] if number % 2 else b""
        journal.write_bytes(b"".join(lines[:kept]) + torn)
        journal.with_name("result.json").unlink()
    again = moot(*command)
    assert again.code == 0, again.err
    assert audit(moot.home / "log.jsonl") == found
    assert rows(again.json) == rows(first)


def test_another_grader_asks_nothing_again(moot: Installed) -> None:
    moot(*RUN, "-c", "seats")
    asked = (moot.home / "asked.log").read_text()
    done = moot(*RUN, "-c", "seats", "--grader", "exact", "-o", "json")
    assert [row["right"] for row in done.json["conditions"]] == [12, 6, 0]
    assert (moot.home / "asked.log").read_text() == asked


def test_a_model_grades_once_for_each_answer_and_what_it_does_not_grade_is_counted(moot: Installed) -> None:
    command = (*RUN, "-c", "seats,vote:early=off", "--grader", "model:sh/grader")
    done = moot(*command, "-o", "json", "--log", "log.jsonl")
    assert done.code == 0, done.err
    rows = {row["condition"]: row for row in done.json["conditions"]}
    right, vote = rows["solo:sh/right"], rows["vote:early=off"]
    assert (right["questions"], right["right"], right["ungraded"], right["calls"]) == (12, 11, 1, 1)
    assert (vote["right"], vote["ungraded"], vote["judge_calls"], vote["calls"]) == (6, 1, 12, 3)
    fifth = json.loads((moot.home / "log.jsonl").read_text().splitlines()[5])["conditions"]["solo:sh/right"]
    assert (fifth["right"], fifth["graded"], fifth["why"][:9]) == (False, False, "ungraded:")
    asked = (moot.home / "asked.log").read_text().split()
    assert asked.count("grader") == 24  # two different answers to each question, whoever gave them
    text = moot(*command)
    assert "Graded by sh/grader: 24 calls, $0, not among the costs above; 4 of 48 answers ungraded" in text.out
    assert (moot.home / "asked.log").read_text().split() == asked


def test_two_conditions_are_compared_blindly_in_both_orders_and_paid_once(moot: Installed) -> None:
    """This judge always prefers the answer that it reads first: it cannot tell, and is found out."""
    words = ("eval", "compare", "sums.jsonl", "solo:sh/right", "solo:sh/wrong", "--judge", "sh/first", "-q")
    done = moot(*words, "-m", "sh/right,sh/wrong", "--limit", "3", "--blind")
    assert done.code == 0, done.err
    assert "solo:sh/right against solo:sh/wrong: 50.0%" in done.out
    assert "cannot be told apart" in done.out
    assert "0 won, 0 lost, 3 tied; the order turned 3 of 3" in done.out
    asked = (moot.home / "asked.log").read_text().split()
    assert asked.count("first") == 6
    assert moot(*words, "-m", "sh/right,sh/wrong", "--limit", "3").out == done.out
    assert (moot.home / "asked.log").read_text().split() == asked


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("nowhere.jsonl", "-m", "sim"), "there is no data set nowhere.jsonl"),
        (("sums.jsonl",), "--models names nobody to ask"),
        (("sums.jsonl", "-m", "sim", "-c", "fanout"), "ends with several answers"),
        (("sums.jsonl", "-m", "sim", "-c", "converge:threshold=99"), "converge:threshold=99: converge: threshold"),
        (("sums.jsonl", "-m", "sim", "--grader", "vibes"), "no grader is called 'vibes'"),
        (("sums.jsonl", "-m", "nobody/x"), "nobody"),
        (("sums.jsonl", "-m", "sim", "--grader", "model"), "name the model that grades"),
        (("sums.jsonl", "-m", "sim", "--grader", "model:nobody/x"), "nobody"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_before_anything_is_asked(
    moot: Installed, words: tuple[str, ...], problem: str
) -> None:
    done = moot("eval", "run", *words)
    assert done.code == 4
    assert problem in done.err
    assert not (moot.home / "evals").exists()
