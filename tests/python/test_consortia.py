"""create_consortium: the arguments of llm-consortium's README, and its result."""

from pathlib import Path
from typing import Any

import pytest

from folkmoot.core.limits import Limits
from folkmoot.errors import InputError
from folkmoot.machine.config import Config
from folkmoot.machine.panels import Panel
from folkmoot.python.consortia import create_consortium
from folkmoot.record.store import Home
from folkmoot.running.runs import Machine

FAST = "sim/careful?delay=0"
ONCE = Limits(retries=0)
SLIPS = "sim/hasty?delay=0&skill=0"


def machine(path: Path) -> Machine:
    config = Config(panels={"pair": Panel(models=(FAST, SLIPS))})
    return Machine({}, config, Home(path))


def test_the_example_of_the_readme_runs(tmp_path: Path) -> None:
    orchestrator = create_consortium(
        models=[f"{FAST}:1", f"{SLIPS}:2"], confidence_threshold=1, max_iterations=4, min_iterations=3,
        arbiter=FAST, raw=True, machine=machine(tmp_path),
    )  # fmt: skip
    result = orchestrator.orchestrate("What is 17 * 23?")
    assert "391" in result["synthesis"]["synthesis"]
    assert (result["status"], result["metadata"]["iteration_count"]) == ("below_threshold", 4)
    assert [(each["model"], each["instance"]) for each in result["model_responses"]] == [
        (FAST, 1), (SLIPS, 1), (SLIPS, 2)
    ]  # fmt: skip


def test_the_result_has_the_documented_keys(tmp_path: Path) -> None:
    result = create_consortium([FAST, SLIPS], machine=machine(tmp_path)).orchestrate("What is 17 * 23?")
    assert {"original_prompt", "model_responses", "synthesis", "iterations", "metadata"} <= set(result)
    assert set(result["synthesis"]) == {
        "synthesis", "confidence", "analysis", "dissent", "needs_iteration", "refinement_areas", "ranking",
        "chosen_response_id", "geometric_confidence", "raw_arbiter_response",
    }  # fmt: skip
    assert set(result["iterations"][0]["model_responses"][0]) == {
        "model", "instance", "label", "response", "confidence", "heard"
    }  # fmt: skip
    assert {"models_used", "arbiter", "iteration_count", "total_iterations", "consortium_id", "config"} <= set(
        result["metadata"]
    )
    assert result["original_prompt"] == "What is 17 * 23?"


def test_members_that_fail_are_listed_with_their_error(tmp_path: Path) -> None:
    broken = "sim/slow?fail=1&delay=0"
    result = create_consortium([FAST, broken], limits=ONCE, machine=machine(tmp_path)).orchestrate("What is 17 * 23?")
    assert result["model_responses"][1] == {
        "model": broken, "instance": 1, "error": "this simulated call was meant to fail"
    }  # fmt: skip


def test_where_all_members_fail_there_is_no_answer_and_the_status_says_so(tmp_path: Path) -> None:
    result = create_consortium(["sim/slow?fail=1&delay=0"], limits=ONCE, machine=machine(tmp_path)).orchestrate(
        "What is 17 * 23?"
    )
    assert (result["synthesis"]["synthesis"], result["status"]) == (None, "insufficient_models")
    assert "error" in result["model_responses"][0]


MODELS: list[tuple[Any, int]] = [([f"{FAST}*2", SLIPS], 1), ({FAST: 2, SLIPS: 1}, 1), ([FAST, f"{SLIPS}*1"], 2)]


@pytest.mark.parametrize(("models", "count"), MODELS)
def test_counts_are_written_beside_a_model_in_a_mapping_or_for_all(models: Any, count: int, tmp_path: Path) -> None:
    built = create_consortium(models, default_count=count, machine=machine(tmp_path))
    assert [seat.model for seat in built.seats] == [FAST, FAST, SLIPS, FAST]
    assert [seat.duty for seat in built.seats] == ["member"] * 3 + ["arbiter"]


def test_a_system_prompt_reaches_members_and_arbiter(tmp_path: Path) -> None:
    built = create_consortium("pair", arbiter=FAST, system_prompt="Be brief.", machine=machine(tmp_path))
    assert [(seat.duty, seat.system) for seat in built.seats] == [
        ("member", "Be brief."), ("member", "Be brief."), ("arbiter", "Be brief.")
    ]  # fmt: skip


def test_nothing_is_carried_over_from_one_prompt_to_the_next(tmp_path: Path) -> None:
    orchestrator = create_consortium([FAST], machine=machine(tmp_path))
    first = orchestrator.orchestrate("What is 17 * 23?", [{"role": "user", "content": "Hello."}])
    again = orchestrator.orchestrate("What is 17 * 23?")
    assert first["metadata"]["consortium_id"] != again["metadata"]["consortium_id"]
    home = Home(tmp_path)
    kept = [len(folder.spec().history) for folder in home.folders()]
    assert sorted(kept) == [0, 1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [({"models": []}, "no model"), ({"models": ["nobody/x"]}, "no provider"), ({"arbiter": "nobody/x"}, "no provider"),
     ({"min_iterations": 4}, "more than rounds"), ({"minimum_iterations": 4}, "more than rounds"),
     ({"strategy": "voting", "strategy_params": {"x": 1}}, "no such parameter"),
     ({"confidence_threshold": 2}, "between")],
)  # fmt: skip
def test_what_is_wrong_is_said_when_it_is_created(arguments: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        create_consortium(machine=machine(tmp_path), **{"models": [FAST], **arguments})
