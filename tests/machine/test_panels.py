"""Panels as files: what is read, what is refused, and how one is changed."""

import stat
from pathlib import Path

import pytest

from folkmoot.errors import InputError
from folkmoot.machine.panels import Panel, Panels, PanelSeat, changed_panel, panel_toml, parse_panel
from folkmoot.machine.paths import panel_names

DEBATERS = Panel(
    protocol="debate",
    options={"rounds": 3},
    models=("sim/careful",),
    seats=(PanelSeat(model="sim/hasty", role="skeptic", temperature=0.2, weight=2),),
    system="Be brief.",
    budget=0.5,
)


@pytest.mark.parametrize(
    ("text", "panel"),
    [
        ('models = ["sim"]', Panel(models=("sim",))),
        (
            'protocol = "vote"\nmodels = ["a/b*2"]\nbudget = 1\n[options]\nties = "weight"',
            Panel(protocol="vote", models=("a/b*2",), budget=1.0, options={"ties": "weight"}),
        ),
        (
            'protocol = "ask"\n[[seats]]\nmodel = "a/b"\nrole = "skeptic"\n[[seats]]\nmodel = "c/d"\neffort = "high"',
            Panel(
                protocol="ask", seats=(PanelSeat(model="a/b", role="skeptic"), PanelSeat(model="c/d", effort="high"))
            ),
        ),
    ],
)
def test_a_panel_is_read_as_people_write_it(text: str, panel: Panel) -> None:
    assert parse_panel(text, "mine.toml") == panel


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a panel needs models or seats"),
        ("models = []", "a panel needs models or seats"),
        ('models = ["sim"]\nbudgt = 1', "budgt: there is no such key; did you mean budget?"),
        ('models = ["sim"]\nbudget = 0', "budget: must be greater than 0"),
        ('models = ["sim"]\nmax_calls = 0', "max_calls: must be greater than or equal to 1"),
        ('models = ["sim"]\n[options]\nrounds = 3', "options are a protocol's: say which protocol"),
        ('protocol = "ask"\n[[seats]]\nrole = "x"', "seats.1.model: is missing"),
        (
            'protocol = "ask"\n[[seats]]\nmodel = "a/b"\ntemperature = 3',
            "seats.1.temperature: must be less",
        ),
        ('protocol = "ask"\n[[seats]]\nmodel = "a/b"\neffort = "huge"', 'seats.1.effort: must be "none", "minimal"'),
        ("models = [", "mine.toml: "),
    ],
)
def test_what_is_no_panel_is_refused_with_its_file_and_key(text: str, said: str) -> None:
    with pytest.raises(InputError, match=r"mine\.toml: ") as error:
        parse_panel(text, "mine.toml")
    assert said in str(error.value)


def test_a_saved_panel_is_the_same_panel_when_read_and_nobody_elses_to_read(tmp_path: Path) -> None:
    panels = Panels(tmp_path / "panels")
    path = panels.save("debaters", DEBATERS)
    assert panels["debaters"] == DEBATERS and list(panels) == ["debaters"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    panels.remove("debaters")
    assert "debaters" not in panels and not path.exists()


def test_a_file_goes_before_a_table_of_the_same_name_and_a_draft_before_both(tmp_path: Path) -> None:
    table, file, draft = (Panel(models=(each,)) for each in ("sim/careful", "sim/hasty", "sim/follower"))
    Panels(tmp_path).save("x", file)
    assert Panels(tmp_path, {"x": table, "y": table})["x"] == file
    assert Panels(tmp_path, {"x": table}, {"x": draft})["x"] == draft
    assert list(Panels(tmp_path, {"y": table})) == ["x", "y"]


def test_a_broken_file_harms_no_other_panel(tmp_path: Path) -> None:
    Panels(tmp_path).save("good", DEBATERS)
    (tmp_path / "bad.toml").write_text("models = 1")
    panels = Panels(tmp_path)
    assert panels["good"] == DEBATERS and "bad" in panels
    with pytest.raises(InputError, match=r"bad\.toml: models"):
        panels["bad"]


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a b", "x" * 65, "-x"])
def test_a_name_that_can_be_no_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot be a panel's name"):
        Panels(tmp_path).save(name, DEBATERS)


def test_removing_what_is_not_there_says_where_it_is_or_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the panel 'x' is in config\.toml"):
        Panels(tmp_path, {"x": DEBATERS}).remove("x")
    with pytest.raises(InputError, match="there is no panel 'y'; there are: x"):
        Panels(tmp_path, {"x": DEBATERS}).remove("y")


def test_names_come_from_files_and_tables_without_reading_a_panel(tmp_path: Path) -> None:
    (tmp_path / "panels").mkdir()
    (tmp_path / "panels" / "broken.toml").write_text("[")
    (tmp_path / "panels" / ".draft.toml").write_text("")
    (tmp_path / "config.toml").write_text('[panels.default]\nmodels = ["sim"]\n')
    assert panel_names({"FOLKMOOT_HOME": str(tmp_path)}) == ["broken", "default"]
    (tmp_path / "config.toml").write_text("[panels")
    assert panel_names({"FOLKMOOT_HOME": str(tmp_path)}) == ["broken"]
    assert panel_names({"FOLKMOOT_HOME": str(tmp_path / "nowhere")}) == []


def test_the_systems_text_of_a_panel_goes_before_that_of_a_seat() -> None:
    panel = Panel(models=("a/b",), seats=(PanelSeat(model="c/d", system="You are D."),), system="Be brief.")
    assert [seat.system for seat in panel.everybody] == ["Be brief.", "Be brief.\n\nYou are D."]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("budget=2", {"budget": 2.0}),
        ("budget=", {"budget": None}),
        ("protocol=vote", {"protocol": "vote"}),
        ("description=for hard questions", {"description": "for hard questions"}),
        ('models=["sim"]', {"models": ("sim",), "seats": ()}),
    ],
)
def test_a_field_is_changed_by_its_name(change: str, expected: dict[str, object]) -> None:
    assert changed_panel(DEBATERS, [change]) == DEBATERS.model_copy(update=expected)


def test_options_and_seats_are_changed_in_place_and_a_plain_model_becomes_a_seat() -> None:
    changed = changed_panel(
        DEBATERS, ["options.rounds=5", "seats.1.role=advocate", "seats.2.weight=", "seats.2.role=x"]
    )
    assert changed.options == {"rounds": 5} and changed.models == ()
    assert changed.seats == (
        PanelSeat(model="sim/careful", role="advocate"),
        PanelSeat(model="sim/hasty", role="x", temperature=0.2),
    )


@pytest.mark.parametrize(
    "change", ["nonsense", "seats.3.role=x", "seats.0.role=x", "seats.1.nose=x", "options=1", "seats=1", "nose=x"]
)
def test_a_change_of_nothing_is_refused(change: str) -> None:
    with pytest.raises(InputError, match="--set"):
        changed_panel(DEBATERS, [change])


def test_a_file_of_a_panel_says_only_what_was_said() -> None:
    assert panel_toml(Panel(models=("sim",))) == 'models = [\n    "sim",\n]\n'
