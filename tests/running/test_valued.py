"""Planning by value: what is known of the models decides who is asked first, and who is asked twice."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from folkmoot.counting.evidence import Evidence
from folkmoot.counting.value import AskingPlan, ValueTable, learn, write_values
from folkmoot.errors import InputError
from folkmoot.record.store import Home, RunFolder, RunSpec
from folkmoot.running.marking import FILE, mark, marked_at_home
from folkmoot.running.planning import Asked, plan
from folkmoot.testing import ScriptedProvider
from folkmoot.types import Seat
from tests.counting.sampled import WORLDS
from tests.play import play, replayed, steps
from tests.running.test_planning import machine


def table_file(folder: Path, world: str = "slips", provider: str = "sim", samples: int = 4) -> Path:
    known = WORLDS[world].evidence(200, samples, random.Random(3))
    names = {"a": f"{provider}/careful", "b": f"{provider}/hasty"}
    renamed = tuple({names[model]: answers for model, answers in each.items()} for each in known.questions)
    path = folder / "values.json"
    write_values(path, learn(Evidence(renamed, "a test", "2026-11-01")))
    return path


def planned(folder: Path, models: str = "sim/careful,sim/hasty", **asked: Any) -> RunSpec:
    return plan(Asked("What is 17 * 23?", models=[models], **asked), machine(folder)).spec


def plan_of(spec: RunSpec) -> AskingPlan:
    table = ValueTable.model_validate(spec.options["value"])
    assert table.plan is not None
    return table.plan


def test_a_table_plans_further_seats_with_ordinals_labels_and_weights_of_their_own(tmp_path: Path) -> None:
    spec = planned(tmp_path, options={"value": str(table_file(tmp_path))})
    found = plan_of(spec)
    assert [(seat.name, seat.id) for seat in spec.seats][:3] == [
        ("s1", "sim/careful"), ("s2", "sim/hasty"), ("s3", "sim/careful#2"),
    ]  # fmt: skip
    assert found.order[:2] == ("s1", "s3") and set(found.order) == {seat.name for seat in spec.seats}
    assert set(spec.labels) == set(found.order) == set(found.weights)
    assert len(set(spec.labels.values())) == len(spec.seats)
    assert found.weights["s1"] == found.weights["s3"] != found.weights["s2"]
    frozen = spec.options["value"]
    assert frozen["models"] and frozen["pairs"] and not frozen["answers"], "the table is kept, the answers are not"


def test_a_further_seat_never_has_temperature_0(tmp_path: Path) -> None:
    seats = [
        Seat(model="sim/careful", number=1, id="sim/careful", temperature=0.0, role="judge"),
        Seat(model="sim/hasty", number=2, id="sim/hasty"),
    ]
    asked = Asked("?", seats=seats, options={"value": str(table_file(tmp_path))})
    spec = plan(asked, machine(tmp_path)).spec
    further = [seat for seat in spec.seats if seat.number > 2]
    assert further and all(seat.temperature == 1.0 and seat.role == "judge" for seat in further)
    assert spec.seats[0].temperature == 0.0


def test_duties_keep_their_seats_and_further_seats_come_after_them(tmp_path: Path) -> None:
    spec = planned(tmp_path, options={"value": str(table_file(tmp_path)), "judge": "sim/contrarian"})
    assert [(seat.name, seat.duty) for seat in spec.seats][:3] == [("s1", "member"), ("s2", "member"), ("s3", "judge")]
    assert plan_of(spec).order[:2] == ("s1", "s4")


@pytest.mark.parametrize("rule", [{"exact": True}, {"agree": 3}])
def test_another_rule_is_not_planned_over(tmp_path: Path, rule: dict[str, Any]) -> None:
    marked_home(tmp_path, 40)
    assert planned(tmp_path, "scripted/a,scripted/b".replace("scripted", "sim"), options=rule).options["value"] is None
    with pytest.raises(InputError, match="leave out --agree, --exact"):
        planned(tmp_path, options={**rule, "value": str(table_file(tmp_path))})


def test_a_table_that_knows_too_little_is_refused_and_says_what_it_lacks(tmp_path: Path) -> None:
    path = str(table_file(tmp_path))
    with pytest.raises(InputError, match="knows nothing of sim/contrarian"):
        planned(tmp_path, "sim/careful,sim/contrarian", options={"value": path})
    with pytest.raises(InputError, match="nowhere"):
        planned(tmp_path, options={"value": str(tmp_path / "nowhere.json")})


# From marked runs


def marked_home(path: Path, count: int, wrong: int = 0) -> Home:
    """A home with marked runs of sim/a, which is right, and sim/b, which is wrong in the first `wrong` runs."""
    home = Home(path)
    for number in range(count):
        folder = RunFolder(home.runs / f"20260101-000000_what_{number:04}")
        said = "390" if number < wrong else "391"
        script = {"r1/answer/s1": "ANSWER: 391", "r1/answer/s2": f"ANSWER: {said}"}
        play("vote", ScriptedProvider(script), ["sim/a", "sim/b"], folder=folder, early="off")
        mark(folder, home, "right", answer="391")
    return home


def test_marked_runs_are_gone_by_without_being_named(tmp_path: Path) -> None:
    marked_home(tmp_path, 40, wrong=20)
    found = plan_of(planned(tmp_path, "sim/b,sim/a"))
    assert (found.models, found.waves, found.alone) == (("sim/a",), (1,), "sim/a")


def test_too_few_marked_runs_leave_the_order_as_given(tmp_path: Path) -> None:
    marked_home(tmp_path, 29)
    spec = planned(tmp_path, "sim/b,sim/a")
    assert spec.options["value"] is None and len(spec.seats) == 2


def test_the_last_mark_counts_and_a_deleted_run_does_not(tmp_path: Path) -> None:
    home = marked_home(tmp_path, 2)
    first, second = home.folders()
    mark(first, home, "wrong", answer="7")
    assert not any(given[0].right for given in marked_at_home(home).questions[0].values())
    home.remove(second)
    with (home.path / FILE).open("a") as file:
        file.write('{"run": "x"}\n[]\nnot json\n')
    assert len(marked_at_home(home).questions) == 1


def test_what_ships_is_gone_by_for_models_that_it_knows_and_never_for_recorded_seats(tmp_path: Path) -> None:
    models = "openai/gpt-4o-2024-08-06,anthropic/claude-3-5-sonnet-20241022"
    spec = planned(tmp_path, models)
    table = ValueTable.model_validate(spec.options["value"])
    assert table.plan is not None and table.unit == "usd" and "2024" in table.source
    recorded = "recorded/gpt-4o-2024-08-06,recorded/claude-3-5-sonnet-20241022"
    assert planned(tmp_path, recorded).options["value"] is None


# The run


def a_plan(waves: tuple[int, ...], order: tuple[str, ...] = ("s2", "s1", "s3")) -> dict[str, Any]:
    weights = {"s1": 1.0, "s2": 1.5, "s3": 0.8, "s4": 0.5}
    found = AskingPlan(
        order=order, waves=waves, weights=weights, models=("b", "a", "c")[: min(sum(waves), 3)], right=0.9, cost=2.1,
        alone="b", alone_right=0.85, alone_cost=1.0,
    )  # fmt: skip
    return ValueTable(source="a test", questions=100, plan=found).model_dump(mode="json")


def said(**answers: str) -> ScriptedProvider:
    script = {f"r1/answer/{seat}": f"ANSWER: {answer}" for seat, answer in answers.items()}
    return ScriptedProvider(script)


def test_the_first_two_are_asked_at_once_and_agreement_ends_it() -> None:
    provider = said(s1="7", s2="7", s3="8")
    result = play("ask", provider, 3, value=a_plan((2, 1)))
    assert (result.status, result.outcome.strategy, result.total_calls) == ("agreed", "value", 2)
    assert sorted(steps(provider)) == ["r1/answer/s1", "r1/answer/s2"]
    assert result.outcome.winner == "s2", "the first of the plan"
    assert result.outcome.details["not_asked"] == ["scripted/c"]
    assert result.outcome.details["order"].startswith("asked by value: b and a, c only where they differ")


def test_the_third_is_asked_on_disagreement_alone() -> None:
    result = play("ask", said(s1="8", s2="7", s3="8"), 3, value=a_plan((2, 1)), adjudicate="off")
    assert (result.status, result.outcome.winner, result.total_calls) == ("decided", "s1", 3)


def test_where_no_two_agree_and_the_plan_asks_nobody_else_it_is_undecided() -> None:
    plan = a_plan((2, 1), ("s2", "s1", "s3", "s4"))
    result = play("ask", said(s1="8", s2="7", s3="9", s4="7"), 4, value=plan, adjudicate="off")
    assert (result.status, result.total_calls, result.outcome.leader) == ("undecided", 3, "s2")


def test_a_plan_of_one_asks_one_and_says_so() -> None:
    result = play("ask", said(s2="7"), 3, value=a_plan((1,)))
    assert (result.status, result.exit_code, result.answer, result.total_calls) == ("single_model", 0, "ANSWER: 7", 1)
    assert "because no pair is worth its price" in result.outcome.details["order"]


def test_a_plan_of_other_seats_is_refused_before_anybody_is_asked() -> None:
    provider = said(s1="7", s2="7", s3="7")
    with pytest.raises(InputError, match="no place or no weight for s3"):
        play("ask", provider, 3, value=a_plan((2,), ("s2", "s1")))
    assert provider.requests == []


def test_for_a_seat_that_fails_the_next_one_stands_in() -> None:
    result = play("ask", said(s1="7", s3="7"), 3, value=a_plan((2,)))
    assert (result.status, result.answer) == ("agreed", "ANSWER: 7")
    alone = play("ask", said(s1="7"), 3, value=a_plan((1,)))
    assert (alone.status, alone.outcome.winner) == ("single_model", "s1")


def test_a_planned_run_is_replayed_and_resumed_without_asking_again(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    first = play("ask", said(s1="8", s2="7", s3="8"), 3, folder=folder, value=a_plan((2, 1)), adjudicate="off")
    assert replayed(folder).outcome == first.outcome
    nobody = ScriptedProvider({})
    assert play(folder.spec(), nobody, folder=folder).outcome == first.outcome
    assert nobody.requests == []
    assert json.loads((folder.path / "run.json").read_text())["options"]["value"]["plan"]["waves"] == [2, 1]


def test_without_any_record_the_order_is_as_given_and_the_output_says_so() -> None:
    result = play("ask", said(s1="7", s2="7"), 2)
    assert "uninformed" in result.outcome.details["order"]
    assert "order" not in play("ask", said(s1="7", s2="7"), 2, exact=True).outcome.details


def test_a_right_answer_that_nobody_can_tell_is_left_out(tmp_path: Path) -> None:
    home = Home(tmp_path)
    folder = RunFolder(home.runs / "20260101-000000_why_0001")
    script = {"r1/answer/s1": "ANSWER: the cold current", "r1/answer/s2": "It is hard to say."}
    play("vote", ScriptedProvider(script), ["sim/a", "sim/b"], folder=folder, early="off")
    mark(folder, home, "right")
    assert [list(each) for each in marked_at_home(home).questions] == [["sim/a"]]
