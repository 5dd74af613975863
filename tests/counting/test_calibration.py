"""Calibration tables: learnt from full runs, written, read, and used to choose how many must agree."""

from pathlib import Path

import pytest

from folkmoot.counting.calibration import Calibration, learn, read_calibration, write_calibration
from folkmoot.errors import InputError

PANEL = ["a/x", "b/y", "c/z", "d/w"]


def runs(*said: str) -> list[dict[str, str | None]]:
    """Runs of the panel, each a word with one letter per model; a dot is no answer."""
    return [dict(zip(PANEL, (None if key == "." else key for key in each), strict=True)) for each in said]


def test_a_table_counts_where_the_first_who_agree_contradict_the_whole_panel() -> None:
    table = learn(runs("7777", "7788", "7888", "1123", "8877", ".778", "1222"), PANEL)
    assert (table.runs, dict(table.differing)) == (7, {2: 0, 3: 0})
    assert dict(learn(runs("7789", "7888", "77.8"), [*PANEL]).differing) == {2: 0, 3: 0}


def test_two_that_agree_are_outvoted_only_by_more_weight() -> None:
    accuracy = {"a/x": (60, 100), "b/y": (60, 100), "c/z": (60, 100), "d/w": (60, 100)}
    panel = [*PANEL, "e/v"]
    full = [dict(zip(panel, each, strict=True)) for each in ("77888", "77788")]
    assert dict(learn(full, panel, accuracy | {"e/v": (60, 100)}).differing) == {2: 1, 3: 0, 4: 0}


def test_the_better_model_comes_first_and_counts_more() -> None:
    table = learn(runs("7777"), PANEL, {"a/x": (50, 100), "b/y": (60, 100), "c/z": (90, 100), "d/w": (70, 100)})
    assert table.panel == ("c/z", "d/w", "b/y", "a/x")
    assert table.weights["c/z"] > table.weights["d/w"] > table.weights["a/x"] > 0


@pytest.mark.parametrize(
    "differing, epsilon, agree",
    [
        ({4: 0, 3: 0, 2: 0}, 0.01, 2),
        ({4: 0, 3: 2, 2: 3}, 0.02, 2),
        ({4: 0, 3: 30, 2: 0}, 0.02, 4),
        ({4: 0, 3: 0, 2: 9}, 0.002, None),
    ],
)
def test_the_fewest_seats_are_chosen_down_to_the_first_bound_that_is_too_high(
    differing: dict[int, int], epsilon: float, agree: int | None
) -> None:
    table = Calibration(panel=(*PANEL, "e/v"), runs=600, differing=differing, weights={})
    assert table.agree_for(epsilon) == agree


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    table = learn(runs("7777", "7778"), PANEL, {"a/x": (9, 10)})
    write_calibration(tmp_path / "table.json", table)
    assert read_calibration(tmp_path / "table.json") == table
    assert Calibration.model_validate(table.model_dump(mode="json")) == table


@pytest.mark.parametrize("text", ["", "{", "[]", '{"panel": ["a"]}'])
def test_a_file_that_is_no_table_is_refused_by_name(text: str, tmp_path: Path) -> None:
    (tmp_path / "table.json").write_text(text)
    with pytest.raises(InputError, match=r"table\.json(: line 1, column| is not a calibration table)"):
        read_calibration(tmp_path / "table.json")
    with pytest.raises(InputError, match=r"absent\.json: No such file"):
        read_calibration(tmp_path / "absent.json")
