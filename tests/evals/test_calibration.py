"""Learning from the runs on record, and asking by what was learnt: through the installed command."""

import json
from pathlib import Path

import pytest

from tests.frontends.installed import Installed

pytestmark = pytest.mark.slow

PANEL = "sim/careful?delay=0,sim/hasty?delay=0,sim/contrarian?delay=0"


def asked(moot: Installed, *questions: str) -> None:
    for question in questions:
        assert moot("vote", question, "-m", PANEL, "--early", "off", "-q").code in (0, 2)


def test_a_table_is_learnt_from_the_runs_on_record_and_taken_by_ask(tmp_path: Path) -> None:
    moot = Installed(tmp_path, {})
    asked(moot, "What is 17 * 23?", "What is 6 * 7?")
    (tmp_path / "right.jsonl").write_text(
        '{"question": "What is 17 * 23?", "accept": ["391"], "category": "sums"}\n'
        '{"question": "What is 6 * 7?", "accept": "42"}\n'
    )
    learnt = moot("eval", "calibration", "--answers", "right.jsonl", "--output", "table.json")
    assert learnt.code == 0, learnt.err
    table = json.loads((tmp_path / "table.json").read_text())
    assert table["runs"] == 2 and len(table["panel"]) == 3
    assert table["accuracy"]["sim/careful?delay=0"] == [2, 2]
    ended = moot("ask", "What is 5 * 5?", "-m", PANEL, "--calibration", "table.json", "-o", "json")
    assert ended.code == 0 and ended.json["winner"]["answer"].endswith("25")


def test_without_right_answers_every_vote_counts_once(tmp_path: Path) -> None:
    moot = Installed(tmp_path, {})
    asked(moot, "What is 17 * 23?")
    table = moot("eval", "calibration").json
    assert set(table["weights"].values()) == {1.0} and table["accuracy"] == {}


def test_nothing_is_learnt_from_nothing(tmp_path: Path) -> None:
    moot = Installed(tmp_path, {})
    ended = moot("eval", "calibration")
    assert ended.code == 4 and "no run of ask or vote" in ended.err
    asked(moot, "What is 2 + 2?")
    assert moot("eval", "calibration", "-m", "a/b,c/d").code == 4


def test_weights_of_the_configuration_reach_the_seats(tmp_path: Path) -> None:
    moot = Installed(tmp_path, {})
    moot.configure('[weights]\n"sim/careful?delay=0" = 3.0\n')
    assert moot("vote", "What is 2 + 2?", "-m", PANEL, "-q").code == 0
    (spec,) = tmp_path.glob("runs/*/run.json")
    assert [seat.get("weight", 1.0) for seat in json.loads(spec.read_text())["seats"]] == [3.0, 1.0, 1.0]
