"""From what a frontend was asked to a RunSpec: panels, models, options and limits come together in one place."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from folkmoot.errors import InputError
from folkmoot.machine.config import Config
from folkmoot.machine.panels import Panel, PanelSeat
from folkmoot.protocols import protocol_names
from folkmoot.record.store import Home, RunSpec, Turn
from folkmoot.running.planning import DEEPEST, Asked, check_panel, find_model, model_names, plan
from folkmoot.running.runs import Machine
from folkmoot.types import Seat

PANELS = {
    "list": Panel(models=("sim/careful", "sim/hasty")),
    "trio": Panel(
        protocol="vote",
        options={"ties": "weight"},
        seats=(
            PanelSeat(model="sim/careful*2", role="skeptic", temperature=0.1),
            PanelSeat(model="sim/hasty", weight=2.0),
        ),
        budget=0.5,
        system="Be brief.",
    ),
    "meta": Panel(protocol="converge", models=("trio", "sim/careful")),
    "upper": Panel(protocol="vote", models=("meta", "sim/careful")),
    "judged": Panel(protocol="consortium", models=("sim/careful", "sim/hasty"), options={"arbiter": ["trio"]}),
}


def machine(folder: Path, panels: Mapping[str, Panel] = PANELS, **config: Any) -> Machine:
    environ = {"FOLKMOOT_HOME": str(folder), "PATH": "", "HOME": str(folder)}
    return Machine(environ, Config(panels=panels, **config), Home(folder))


def planned(folder: Path, prompt: str = "?", panels: Mapping[str, Panel] = PANELS, **asked: Any) -> RunSpec:
    return plan(Asked(prompt, **asked), machine(folder, panels)).spec


def models(spec: RunSpec) -> list[str]:
    return [seat.model for seat in spec.seats]


def test_a_panel_brings_protocol_options_seats_and_budget(tmp_path: Path) -> None:
    spec = planned(tmp_path, panel="trio")
    assert (spec.protocol, spec.options["ties"], spec.limits.budget) == ("vote", "weight", 0.5)
    assert [(seat.id, seat.role, seat.temperature, seat.weight, seat.system) for seat in spec.seats] == [
        ("sim/careful#1", "skeptic", 0.1, 1.0, "Be brief."),
        ("sim/careful#2", "skeptic", 0.1, 1.0, "Be brief."),
        ("sim/hasty", None, None, 2.0, "Be brief."),
    ]


def test_what_is_asked_goes_before_what_a_panel_says(tmp_path: Path) -> None:
    spec = planned(tmp_path, panel="trio", options={"ties": "seat"}, limits={"budget": 2.0}, models=["sim/follower"])
    assert (spec.options["ties"], spec.limits.budget, models(spec)) == ("seat", 2.0, ["sim/follower"])


def test_another_protocol_takes_a_panels_seats_and_not_its_options(tmp_path: Path) -> None:
    spec = planned(tmp_path, panel="trio", protocol="converge", options={"rounds": 3})
    assert spec.protocol == "converge" and spec.options["rounds"] == 3 and len(spec.seats) == 3


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (["trio"], ["sim/careful", "sim/careful", "sim/hasty"]),  # alone, it stands for its seats
        (["trio,"], ["sim/careful", "sim/careful", "sim/hasty"]),
        (["panel/trio"], ["panel/trio"]),
        (["trio,sim/follower"], ["panel/trio", "sim/follower"]),  # among others, it is a model
        (["trio*2"], ["panel/trio", "panel/trio"]),
        (["list,sim/follower"], ["sim/careful", "sim/hasty", "sim/follower"]),  # without a protocol, a list
        (["list*2"], ["sim/careful", "sim/hasty"] * 2),
    ],
)
def test_a_panels_name_among_models(tmp_path: Path, written: list[str], expected: list[str]) -> None:
    assert models(planned(tmp_path, protocol="vote", models=written)) == expected


def test_a_panel_named_for_a_duty_is_one_seat(tmp_path: Path) -> None:
    spec = planned(tmp_path, panel="judged")
    assert [(seat.model, seat.duty) for seat in spec.seats][-1] == ("panel/trio", "arbiter")
    assert set(spec.panels) == {"trio"}


def test_what_a_panel_inside_asks_is_frozen_in_the_run(tmp_path: Path) -> None:
    spec = planned(tmp_path, panel="upper")
    assert models(spec) == ["panel/meta", "sim/careful"] and set(spec.panels) == {"meta", "trio"}
    assert spec.panels["trio"].labels and spec.panels["trio"].limits.budget == 0.5
    assert models(spec.panels["meta"]) == ["panel/trio", "sim/careful"]


def test_a_panel_inside_itself_is_refused_however_long_the_way(tmp_path: Path) -> None:
    a, b = Panel(protocol="vote", models=("b", "sim/x")), Panel(protocol="vote", models=("sim/x", "a"))
    with pytest.raises(InputError, match="the panel 'a' is inside itself: a > b > a"):
        planned(tmp_path, panels={"a": a, "b": b}, panel="a")
    with pytest.raises(InputError, match="the panel 'l' is inside itself"):
        planned(tmp_path, panels={"l": Panel(models=("l",))}, protocol="vote", models=["l"])


def test_panels_go_only_so_deep(tmp_path: Path) -> None:
    chain = {f"p{at}": Panel(protocol="vote", models=(f"p{at + 1}", "sim/x")) for at in range(DEEPEST)}
    chain[f"p{DEEPEST}"] = Panel(protocol="vote", models=("sim/x",))
    with pytest.raises(InputError, match="panels go at most 3 deep: p0 > p1 > p2 > p3"):
        planned(tmp_path, panels=chain, panel="p0")
    assert planned(tmp_path, panels=chain, panel="p1").panels


def test_without_models_the_default_panels_seats_are_asked(tmp_path: Path) -> None:
    default = {"default": Panel(protocol="debate", seats=(PanelSeat(model="sim/careful", role="skeptic"),))}
    spec = planned(tmp_path, panels=default, protocol="vote")
    assert [(seat.model, seat.role) for seat in spec.seats] == [("sim/careful", "skeptic")]
    assert spec.protocol == "vote"
    assert planned(tmp_path, panels=default).protocol == "ask"


def test_the_seats_that_were_found_are_told(tmp_path: Path) -> None:
    found = Machine({"OPENAI_API_KEY": "k", "PATH": "", "HOME": str(tmp_path)}, Config(), Home(tmp_path))
    notes: list[str] = []
    assert models(plan(Asked("?"), found, notes.append).spec)[0] == "openai/gpt-5.4"
    assert notes[0] == "asking openai/gpt-5.4 (OPENAI_API_KEY); --models names others"


def test_history_system_text_and_dress_reach_every_seat(tmp_path: Path) -> None:
    def louder(seats: tuple[Seat, ...]) -> tuple[Seat, ...]:
        return tuple(seat.model_copy(update={"temperature": 1.0}) for seat in seats)

    turns = (Turn(role="user", text="Hello"), Turn(role="assistant", text="Hi"))
    spec = planned(tmp_path, panel="trio", history=turns, system="In French.", dress=louder, title="t")
    assert spec.history == turns and spec.title == "t"
    assert {seat.system for seat in spec.seats} == {"In French.\n\nBe brief."}
    assert {seat.temperature for seat in spec.seats} == {1.0}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"panel": "nobody"}, "there is no panel 'nobody'; there are: judged, list, meta, trio, upper"),
        ({"models": ["panel/nobody"]}, "there is no panel 'nobody'"),
        ({"protocol": "guess"}, "no protocol is called 'guess'"),
        ({"panel": "trio", "options": {"tie": "seat"}}, "vote: tie: Extra inputs"),
        (
            {"panel": "trio", "protocol": "converge", "options": {"rounds": 2, "stability_rounds": 3}},
            "stability_rounds",
        ),
        ({"panel": "trio", "limits": {"budget": 0}}, "budget must be more than 0"),
        ({"panel": "trio", "limits": {"retries": -1}}, "retries cannot be negative"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_asked(tmp_path: Path, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        planned(tmp_path, **asked)


def test_models_are_panels_by_name_and_protocols_with_a_prefix(tmp_path: Path) -> None:
    here = machine(tmp_path)
    assert [each.id for each in model_names(here)] == [
        *sorted(PANELS), *(f"folkmoot/{name}" for name in protocol_names())
    ]  # fmt: skip
    assert find_model("trio", here) == ("trio", None)
    assert find_model("folkmoot/vote", here) == (None, "vote")
    assert find_model("folkmoot", here) == (None, "ask")


@pytest.mark.parametrize("name", ["vote", "tro", "folkmoot/", "folkmoot/nope", "openai/gpt-5.4", ""])
def test_no_other_name_is_a_model(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"there is no panel or protocol .*there are: judged"):
        find_model(name, machine(tmp_path))


def test_a_panel_that_cannot_be_read_is_not_listed(tmp_path: Path) -> None:
    (tmp_path / "panels").mkdir()
    (tmp_path / "panels" / "bad.toml").write_text("[")
    assert "bad" not in [each.id for each in model_names(machine(tmp_path))]


@pytest.mark.parametrize(
    ("name", "panel", "said"),
    [
        ("vote", Panel(models=("sim",)), "a panel cannot be called 'vote'"),
        ("list", Panel(models=("sim",)), "a panel cannot be called 'list'"),
        ("x", Panel(models=("nobody/x",)), "'nobody' is no provider"),
        ("x", Panel(protocol="guess", models=("sim",)), "no protocol is called 'guess'"),
        ("x", Panel(protocol="vote", models=("sim",), options={"tie": 1}), "vote: tie"),
        ("x", Panel(protocol="converge", models=("sim",), options={"rounds": 1}), "stability_rounds"),
        ("x", Panel(protocol="council", models=("sim",), options={"chair": ["nobody/x"]}), "'nobody' is no provider"),
        ("x", Panel(protocol="vote", models=("llm/no-such-model",)), "llm has no model 'no-such-model'"),
        ("x", Panel(protocol="vote", models=("x", "sim")), "the panel 'x' is inside itself"),
        (
            "trio",
            Panel(protocol="vote", models=("meta", "sim")),
            "the panel 'trio' is inside itself: trio > meta > trio",
        ),
    ],
)
def test_a_panel_that_could_not_be_asked_is_not_saved(tmp_path: Path, name: str, panel: Panel, said: str) -> None:
    with pytest.raises(InputError, match=said):
        check_panel(name, panel, machine(tmp_path), ["list"])


def test_a_person_has_one_seat(tmp_path: Path) -> None:
    assert len(planned(tmp_path, models=["sim", "human/ann", "human/bob"]).seats) == 5
    for twice in (["human/ann*2"], ["human/ann", "sim", "human/ann?deadline=60"]):
        with pytest.raises(InputError, match="human/ann has 2 seats: a person answers, and counts, once"):
            planned(tmp_path, models=twice)
