"""Folkmoot with its extra `eval` in an environment of its own: Inspect evaluates panels offline.

Slow: `pytest -m inspect`; .ci/run does.
"""

import json
import os
import subprocess
import venv
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from folkmoot.core.journal import read_lines

pytestmark = pytest.mark.inspect

ROOT = Path(__file__).parents[2]
SEAT = """\
if [ "$FOLKMOOT_MODEL" = grader ]; then
  prompt=$(cat)
  wanted=$(echo "$prompt" | sed -n 's/.*Criterion\\]: *//p' | head -n 1)
  echo "grader" >> "HOME_FOLDER/asked.log"
  case "$prompt" in *"ANSWER: $wanted"*) echo "GRADE: C";; *) echo "GRADE: I";; esac
  exit
fi
number=$(sed -n 's/.*What is \\([0-9]*\\) .*/\\1/p' | head -n 1)
if [ "$number" = 3 ] && [ -e "HOME_FOLDER/flaky" ] && [ "$(wc -l < "HOME_FOLDER/flaky")" -lt 6 ]; then
  echo failed >> "HOME_FOLDER/flaky"; exit 1
fi
echo "$FOLKMOOT_MODEL $FOLKMOOT_STEP" >> "HOME_FOLDER/asked.log"
case "$FOLKMOOT_PHASE" in rank) echo '{"ranking": ["Answer A", "Answer B", "Answer C"]}'; exit;; esac
case "$FOLKMOOT_MODEL" in
  letter) echo "ANSWER: A"; exit;;
  wrong) number=$((number + 1));;
  odd) number=$((number + number % 2));;
esac
echo "ANSWER: $((number * 7))"
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has Folkmoot with the extra; FOLKMOOT_INSPECT_PYTHON may name one that is there already."""
    if ready := os.environ.get("FOLKMOOT_INSPECT_PYTHON"):
        return Path(ready)
    folder = tmp_path_factory.mktemp("inspect")
    venv.create(folder, with_pip=True)
    command = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", f"folkmoot[eval] @ {ROOT.as_uri()}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "bin" / "python"


class Inspect:
    """Runs tests/inspect/tasks.py with a home of its own."""

    def __init__(self, python: Path, home: Path) -> None:
        self.python, self.home = python, home
        (home / "seat.sh").write_text(SEAT.replace("HOME_FOLDER", str(home)))
        (home / "config.toml").write_text(
            f'[providers.sh]\ncommand = ["sh", "{home}/seat.sh"]\n'
            '[panels.trio]\nmodels = ["sh/right", "sh/right", "sh/wrong"]\nprotocol = "vote"\n'
        )

    def __call__(self, what: str, logs: str) -> Any:
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.home), "FOLKMOOT_HOME": str(self.home)}
        done = subprocess.run(
            [self.python, Path(__file__).with_name("tasks.py"), what, str(self.home / logs)],
            env=environ, capture_output=True, text=True, cwd=self.home, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def asked(self) -> int:
        return len((self.home / "asked.log").read_text().splitlines())


@pytest.fixture
def inspect(python: Path, tmp_path: Path) -> Inspect:
    return Inspect(python, tmp_path)


def test_an_eval_set_of_three_tasks_is_answered_by_panels_and_repeated_for_nothing(inspect: Inspect) -> None:
    first = inspect("eval-set", "logs")
    assert first["done"] is True
    voting, asking, chairing = sorted(
        first["logs"], key=lambda log: ["voting", "asking", "chairing"].index(log["task"])
    )
    assert (voting["accuracy"], voting["samples"]) == (0.5, 12)
    assert (asking["accuracy"], asking["samples"]) == (1.0, 6)
    assert chairing["accuracy"] == 1.0  # the chair is the role's model, and knows
    assert len(set(voting["runs"])) == 12  # an epoch is a run of its own
    asked = inspect.asked()
    again = inspect("eval-set", "other-logs")
    assert inspect.asked() == asked
    assert sorted(map(str, again["logs"])) == sorted(map(str, first["logs"]))


def test_a_sample_that_inspect_retries_pays_only_for_what_had_failed(inspect: Inspect) -> None:
    (inspect.home / "flaky").touch()
    assert inspect("eval-set", "logs")["done"] is True
    assert (inspect.home / "flaky").read_text().count("failed") >= 6
    retried = 0
    for journal in inspect.home.glob("evals/*/runs/*/journal.jsonl"):
        lines = list(read_lines(journal))
        good = Counter(line["step"] for line in lines if line["kind"] == "finished" and line.get("completion"))
        assert set(good.values()) == {1}
        retried += any(line["kind"] == "forget" for line in lines)
    assert retried  # at least one sample had no answer at all, and was asked again


def test_panels_and_protocols_are_models(inspect: Inspect) -> None:
    vote, trio, letters = inspect("models", "logs")["logs"]
    assert (vote["accuracy"], vote["samples"]) == (0.5, 12)
    assert trio["accuracy"] == 1.0
    assert letters["accuracy"] == 1.0


def test_inspects_model_graded_qa_grades_what_a_panel_answered(inspect: Inspect) -> None:
    """The vote is right on even numbers only: there, `odd` can multiply."""
    (graded,) = inspect("graded", "logs")["logs"]
    assert (graded["status"], graded["accuracy"], graded["samples"]) == ("success", 0.5, 6)
    assert (inspect.home / "asked.log").read_text().split().count("grader") == 6


def test_a_protocol_with_several_answers_is_refused_as_a_model(inspect: Inspect) -> None:
    assert "fanout ends with several answers" in inspect("refused", "logs")["refused"]
