"""Command lines of other systems, taken as they stand."""

import json
from pathlib import Path

import pytest

from tests.frontends.installed import QUICK, Installed


@pytest.fixture
def moot(tmp_path: Path) -> Installed:
    questions = [{"question": f"What is {n} * 23?", "accept": [str(n * 23)], "category": "arith"} for n in (17, 18, 19)]
    (tmp_path / "set.jsonl").write_text("".join(json.dumps(each) + "\n" for each in questions))
    return Installed(tmp_path, {})


def test_ensembles_evaluation_prints_its_table_with_intervals_and_writes_its_log(moot: Installed) -> None:
    words = ("compat", "ensemble-eval", "--dataset", "set.jsonl", "--models", QUICK, "--limit", "2")
    done = moot(*words, "--baseline", "sim/careful?delay=0", "--stall-timeout", "30", "--log", "log.jsonl")
    assert done.code == 0, done.err
    header, *lines = done.out.splitlines()
    assert header.split() == ["Condition", "Score", "Accuracy", "Cost", "$/correct", "95", "%"]
    assert [line.split()[0] for line in lines[:7] if not line.startswith("-")] == [
        *QUICK.split(","), "baseline:sim/careful?delay=0", "ensemble",
    ]  # fmt: skip
    assert "HEADLINE: the ensemble" in done.out
    assert "of 2 debates ended without a clean consensus" in done.out
    log = [json.loads(line) for line in (moot.home / "log.jsonl").read_text().splitlines()]
    assert [each["i"] for each in log] == [1, 2]
    assert set(log[0]) == {
        "i", "question", "category", "accept", "outcomes", "answers", "costs", "ensemble_status", "ensemble_reason",
    }  # fmt: skip
    assert "ensemble" in log[0]["outcomes"]
    assert "baseline:sim/careful?delay=0" in log[0]["outcomes"]


def test_a_debate_of_one_is_refused(moot: Installed) -> None:
    done = moot("compat", "ensemble-eval", "--dataset", "set.jsonl", "--models", "sim/careful")
    assert done.code == 4
    assert "at least two models" in done.err
