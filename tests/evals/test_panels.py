import json
import sys
from pathlib import Path
from typing import Any

import pytest

from folkmoot.errors import InputError
from folkmoot.evals.artifacts import BadArtifacts, SavedRun, read_directory
from folkmoot.evals.panels import key_json, make_pack, pack_json, pack_markdown, panel_label
from folkmoot.frontends.cli import main
from tests.evals.saved import GOLDEN, save_run

STRATEGIES = ("blind", "score-only", "own-reviews", "full-visibility")


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    return [
        save_run(tmp_path / "prod" / f"{strategy}-run", GOLDEN, metadata={"iteration_strategy": strategy})
        for strategy in STRATEGIES
    ]


def read(runs: list[Path]) -> list[SavedRun]:
    return [read_directory(path) for path in runs]


def test_the_panels_stand_in_the_order_of_a_hash(runs: list[Path]) -> None:
    key = key_json(make_pack(read(runs), "controversy_floor_7", 2))
    (prompt,) = key["prompts"]
    assert (key["selector"], prompt["prompt_id"]) == ("controversy_floor_7", "prod")
    assert [(each["label"], each["iteration_strategy"]) for each in prompt["panels"]] == [
        ("A", "own-reviews"), ("B", "blind"), ("C", "full-visibility"), ("D", "score-only"),
    ]  # fmt: skip
    assert prompt["panels"][0]["answers"] == [
        {"label": "Answer 1", "model_id": "p/b", "mean_score": 8.0, "stddev": 1.0, "controversy_score": 8.0},
        {"label": "Answer 2", "model_id": "p/a", "mean_score": 6.0, "stddev": 3.0, "controversy_score": 18.0},
    ]
    assert prompt["panels"][0]["run_dir"] == str(runs[2])


def test_the_order_does_not_depend_on_how_the_runs_were_named(runs: list[Path]) -> None:
    found = read(runs)
    assert key_json(make_pack(found, "mean", 2)) == key_json(make_pack(found[::-1], "mean", 2))


def test_the_pack_does_not_say_who_wrote_what(runs: list[Path]) -> None:
    pack = make_pack(read(runs), "controversy_floor_7", 3)
    for shown in (json.dumps(pack_json(pack)), pack_markdown(pack)):
        assert not any(word in shown for word in ("p/a", "p_a", "score-only", "own-reviews", "-run", "18.0"))
        assert "orange banana pear" in shown


def test_the_pack_has_refinerys_keys(runs: list[Path]) -> None:
    shown = pack_json(make_pack(read(runs), "mean", 1, strategies=["blind"], texts={"prod": "Why?"}))
    assert shown == {
        "status": "review_pack",
        "selector": "mean",
        "prompts": [
            {
                "prompt_id": "prod",
                "prompt_text": "Why?",
                "panels": [{"label": "A", "answers": [{"label": "Answer 1", "answer": "alpha beta gamma delta"}]}],
            }
        ],
    }


def test_prompts_are_sorted_and_shown_apart(tmp_path: Path) -> None:
    metadata = {"iteration_strategy": "blind"}
    paths = [save_run(tmp_path / name / "run", GOLDEN, metadata=metadata) for name in ("b", "a")]
    shown = pack_json(make_pack(read(paths), "mean", 1))
    assert [(each["prompt_id"], len(each["panels"])) for each in shown["prompts"]] == [("a", 1), ("b", 1)]
    assert "prompt_text" not in shown["prompts"][0]


def test_an_answer_cannot_pass_off_a_heading_as_part_of_the_form(tmp_path: Path) -> None:
    forged = {**GOLDEN, "p/b": ("good\n### Panel B\n- Overall value (1-5): 5", {"p/a": 9, "p/c": 9})}
    path = save_run(tmp_path / "x" / "run", forged, metadata={"iteration_strategy": "blind"})
    page = pack_markdown(make_pack([read_directory(path)], "mean", 1))
    assert page.count("\n### Panel") == 1 and "> ### Panel B" in page


def test_after_the_letters_come_letters_with_numbers() -> None:
    assert [panel_label(number) for number in (0, 25, 26, 27, 52)] == ["A", "Z", "A1", "B1", "A2"]


def test_a_run_without_a_strategy_cannot_be_in_a_pack(tmp_path: Path) -> None:
    with pytest.raises(BadArtifacts, match="iteration_strategy"):
        make_pack([read_directory(save_run(tmp_path / "x" / "run", GOLDEN))], "mean", 1)


def test_what_authors_gave_themselves_does_not_count(tmp_path: Path) -> None:
    own = {"p/a": ("x", {"p/a": 10.0, "p/b": 2.0}), "p/b": ("y", {"p/a": 3.0})}
    path = save_run(tmp_path / "x" / "run", own, metadata={"iteration_strategy": "blind"})
    key = key_json(make_pack([read_directory(path)], "mean", 2))
    assert [each["mean_score"] for each in key["prompts"][0]["panels"][0]["answers"]] == [3.0, 2.0]


def test_a_filter_that_leaves_nothing_is_an_input_error(runs: list[Path]) -> None:
    with pytest.raises(InputError, match="full-visibility"):
        make_pack(read(runs[:1]), "mean", 1, strategies=["full-visibility"])


# The commands


class Ran:
    def __init__(self, code: Any, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.setenv("FOLKMOOT_HOME", str(tmp_path / "home"))

    def run(*words: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["folkmoot", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        return Ran(ended.value.code, *capsys.readouterr())

    return run


@pytest.mark.parametrize("name", [("eval", "brainstorm"), ("benchmark-brainstorm",)])
def test_the_benchmark_prints_json_unless_text_is_asked_for(command: Any, runs: list[Path], name: Any) -> None:
    ran = command(*name, *runs[:2], "--panel-size", 2)
    assert (ran.code, ran.err) == (0, "")
    shown = json.loads(ran.out)
    assert [each["run_dir"] for each in shown["runs"]] == [str(path) for path in runs[:2]]
    assert {len(each["panel"]) for each in shown["runs"][0]["selectors"]} == {2}
    assert command(*name, runs[0], "-o", "text").out.startswith(f"{runs[0]} (round 1, 3 answers, blind)\n")


@pytest.mark.parametrize("name", [("eval", "panels"), ("review-brainstorm-panels",)])
def test_the_pack_is_markdown_and_the_key_a_file(command: Any, runs: list[Path], tmp_path: Path, name: Any) -> None:
    key = tmp_path / "new" / "folder" / "key.json"
    ran = command(*name, *runs, "--key-path", key, "--prompt-text", " prod = Why = what? ")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("# Panels to review") and "> Why = what?\n" in ran.out
    assert json.loads(key.read_text())["selector"] == "controversy_floor_7"
    assert json.loads(command(*name, *runs, "-o", "json").out)["status"] == "review_pack"


@pytest.mark.parametrize("selector", ["quality-x-lexdiv", "quality_x_lexdiv", "controversy_floor_7", "mean"])
def test_a_selector_may_be_written_either_way(command: Any, runs: list[Path], selector: str) -> None:
    shown = json.loads(command("eval", "panels", *runs, "--selector", selector, "-o", "json").out)
    assert shown["selector"] == selector.replace("-", "_")


@pytest.mark.parametrize(
    "words, code, said",
    [
        (["eval", "brainstorm"], 4, "at least one run"),
        (["eval", "brainstorm", "nowhere"], 4, "nowhere"),
        (["eval", "brainstorm", "."], 1, "no round-N folder"),
        (["eval", "panels", "RUN", "--strategies", "loud"], 4, "loud"),
        (["eval", "panels", "RUN", "--strategies", "full-visibility"], 4, "full-visibility"),
        (["eval", "panels", "RUN", "--prompt-text", "prod="], 4, "ID=TEXT"),
        (["eval", "panels", "RUN", "--panel-size", "21"], 4, "1<=x<=20"),
        (["eval", "panels", "RUN", "--selector", "best"], 4, "best"),
        (["eval", "panels", "RUN", "--key-path", "/dev/null/key.json"], 1, "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_said(
    command: Any,
    runs: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = command(*(str(runs[0]) if word == "RUN" else word for word in words))
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err


def test_the_old_names_are_not_in_the_help(command: Any) -> None:
    shown = command("--help").out
    assert "eval" in shown and "benchmark-brainstorm" not in shown
