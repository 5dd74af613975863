"""Saved panels from Python."""

from pathlib import Path

import pytest

import folkmoot
from folkmoot.machine.config import Config
from folkmoot.machine.panels import Panel
from folkmoot.record.store import Home, Turn
from folkmoot.running.runs import Machine

QUICK = ("sim/careful?delay=0", "sim/hasty?delay=0", "sim/contrarian?delay=0")
PANELS = {"trio": Panel(protocol="vote", models=QUICK, options={"early": "off"}, max_calls=3)}


def machine(folder: Path) -> Machine:
    return Machine({"FOLKMOOT_HOME": str(folder)}, Config(panels=PANELS), Home(folder))


def test_a_panel_is_asked_by_its_name_with_all_it_was_saved_with(tmp_path: Path) -> None:
    result = folkmoot.ask_panel("trio", "What is 17 * 23?", machine=machine(tmp_path))
    assert (result.protocol, result.status, result.total_calls) == ("vote", "voted", 3)
    assert result.answer is not None and "391" in result.answer


def test_what_is_given_goes_before_what_it_was_saved_with(tmp_path: Path) -> None:
    turns = [Turn(role="user", text="Hello"), Turn(role="assistant", text="Hi")]
    asked = machine(tmp_path)
    stopped = folkmoot.ask_panel("trio", "What is 17 * 23?", history=turns, max_calls=1, machine=asked)
    assert stopped.status == "max_calls"
    assert asked.home.find("last").spec().history == tuple(turns)


def test_a_panels_name_among_models_is_a_seat(tmp_path: Path) -> None:
    models = ["trio", "sim/careful?delay=0"]
    result = folkmoot.run_protocol("fanout", "What is 17 * 23?", models, machine=machine(tmp_path))
    assert [seat.model for seat in result.seats] == ["panel/trio", "sim/careful?delay=0"]


def test_a_panel_that_is_not_there_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(folkmoot.InputError, match="there is no panel 'duo'; there are: trio"):
        folkmoot.ask_panel("duo", "?", machine=machine(tmp_path))
