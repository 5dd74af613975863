"""`folkmoot panel`, and panels as commands, with the installed command."""

import json
import stat
from pathlib import Path

import pytest

from tests.frontends.installed import QUICK, Installed
from tests.machine.test_consortium_configs import DEFAULTS, database

pytestmark = pytest.mark.slow

QUESTION = "What is 17 * 23?"


@pytest.fixture
def moot(tmp_path: Path) -> Installed:
    return Installed(tmp_path, {})


def test_a_saved_panel_is_a_command_with_the_flags_of_its_protocol(moot: Installed) -> None:
    saved = moot("panel", "save", "trio", "-m", QUICK, "--protocol", "vote", "--role", "1=skeptic", "--early", "off")
    assert saved.code == 0 and 'ask it: folkmoot trio "..."' in saved.err
    assert stat.S_IMODE((moot.home / "panels" / "trio.toml").stat().st_mode) == 0o600
    asked = moot("trio", QUESTION, "-o", "json")
    assert asked.code == 0 and asked.json["protocol"] == "vote" and asked.json["metadata"]["total_calls"] == 3
    assert moot("trio", QUESTION, "--early", "cancel", "-q").out.endswith("ANSWER: 391\n")
    assert moot("trio", "--help").out.startswith("Usage: folkmoot trio ")
    assert "Your panels:\n  trio" in moot("--help").out


def test_a_panel_has_a_seat_in_another_and_its_record_lies_inside(moot: Installed) -> None:
    assert moot("panel", "save", "trio", "-m", QUICK, "-p", "vote").code == 0
    assert moot("panel", "save", "meta", "-m", "trio,sim/careful?delay=0", "-p", "vote", "--early", "off").code == 0
    asked = moot("meta", QUESTION, "-o", "json")
    assert asked.code == 0 and "391" in asked.json["winner"]["answer"]
    assert [seat["model_id"] for seat in asked.json["seats"]] == ["panel/trio", "sim/careful?delay=0"]
    run = moot.home / "runs" / asked.json["run_id"]
    assert len(list((run / "panels").iterdir())) == 1
    assert moot("show", "-o", "json").json["winner"] == asked.json["winner"]
    assert moot("meta", "--dry-run", "-o", "json").json["typical_calls"] == 3  # two of three decide


def test_a_panel_inside_that_did_not_meet_its_own_rule_is_told_of(moot: Installed) -> None:
    moot("panel", "save", "inner", "-m", QUICK, "-p", "vote", "--max-calls", "1")
    asked = moot("vote", QUESTION, "-m", "panel/inner,sim/careful?delay=0", "-v")
    assert "panel/inner answered r1/answer/s1, but its own rule was not met" in asked.err


def test_what_was_saved_of_every_kind_of_option_holds_when_it_is_asked(moot: Installed) -> None:
    flags = ["--arbiter", "sim/contrarian?delay=0", "--strategy", "voting", "--strategy-param", "require_majority=true"]
    moot("panel", "save", "ruled", "-m", QUICK, "-p", "consortium", *flags, "--max-iterations", "2")
    run = moot("ruled", QUESTION, "--confidence-threshold", "0.9", "-o", "json").json["run_id"]
    options = json.loads((moot.home / "runs" / run / "run.json").read_text())["options"]
    assert options["arbiter"] == ["sim/contrarian?delay=0"] and options["strategy_param"] == ["require_majority=true"]
    assert (options["strategy"], options["rounds"], options["confidence_threshold"]) == ("voting", 2, 0.9)
    moot("panel", "save", "plain", "-m", QUICK, "-p", "consortium")
    assert "arbiter" not in moot("panel", "show", "plain").out


def test_a_variant_has_the_models_that_it_is_given_and_no_others(moot: Installed) -> None:
    moot("panel", "save", "review", "-m", "sim/careful,sim/hasty*2", "-p", "debate", "--role", "1=skeptic")
    assert moot("panel", "clone", "review", "cheap", "--set", 'models=["sim"]').code == 0
    shown = moot("panel", "show", "cheap", "-o", "json").json
    assert (shown["models"], shown["seats"]) == (["sim"], [])


def test_a_count_is_for_every_model_that_names_none(moot: Installed) -> None:
    assert moot("panel", "save", "six", "-pvote", "-m", "sim/careful,sim/hasty*1", "-n", "3").code == 0
    models = [seat["model"] for seat in moot("panel", "show", "six", "-o", "json").json["seats"]]
    assert models == ["sim/careful"] * 3 + ["sim/hasty"]


def test_a_panel_can_be_piped_from_one_machine_to_another(moot: Installed) -> None:
    moot("panel", "save", "trio", "-m", QUICK, "-p", "vote")
    text = moot("panel", "export", "trio").out
    assert "--name" in moot("panel", "import", "-", stdin=text).err
    assert moot("panel", "import", "-", "--name", "again", stdin=text).code == 0
    assert moot("panel", "show", "again").out == moot("panel", "show", "trio").out
    assert moot("panel", "remove", "-y", "again", "again").code == 0


def test_another_protocol_takes_its_seats(moot: Installed) -> None:
    moot("panel", "save", "trio", "-m", QUICK, "-p", "vote", "--budget", "0.5")
    asked = moot("fanout", QUESTION, "-m", "trio", "-o", "json")
    assert len(asked.json["all_answers"]) == 3


def test_list_show_clone_edit_export_import_and_remove(moot: Installed, tmp_path: Path) -> None:
    moot("panel", "save", "trio", "-m", QUICK, "-p", "vote", "--budget", "0.5", "--description", "for sums")
    assert moot("panel", "clone", "trio", "deep", "--set", "protocol=debate", "--set", "options.rounds=3").code == 0
    assert [each["protocol"] for each in moot("panel", "list", "-o", "json").json] == ["debate", "vote"]
    assert "for sums" in moot("panel", "list").out
    assert moot("panel", "show", "deep", "-o", "json").json["options"] == {"rounds": 3}
    assert moot("panel", "edit", "trio", "--set", "seats.2.role=skeptic").code == 0
    assert 'role = "skeptic"' in (text := moot("panel", "show", "trio").out)
    assert moot("panel", "export", "trio", "--output", str(tmp_path / "copy.toml")).code == 0
    assert (tmp_path / "copy.toml").read_text() + "\n" == text
    assert moot("panel", "import", str(tmp_path / "copy.toml")).code == 0
    assert moot("panel", "show", "copy").out == text
    assert moot("panel", "remove", "copy", "trio", "-y").code == 0
    assert [each["name"] for each in moot("panel", "list", "-o", "json").json] == ["deep"]


def test_an_editor_that_leaves_nonsense_changes_nothing_and_loses_nothing(moot: Installed, tmp_path: Path) -> None:
    moot("panel", "save", "trio", "-m", QUICK, "-p", "vote")
    before = moot("panel", "show", "trio").out
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\necho "rounds = [" >> "$1"\n')
    editor.chmod(0o700)
    edited = Installed(moot.home, {"EDITOR": str(editor)})("panel", "edit", "trio")
    assert edited.code == 4 and "nothing was changed; what you wrote is in" in edited.err
    assert "rounds = [" in (moot.home / "panels" / "trio.draft").read_text()
    assert moot("panel", "show", "trio").out == before
    editor.write_text("#!/bin/sh\nsed -i 's/vote/fanout/' \"$1\"\n")
    assert Installed(moot.home, {"EDITOR": str(editor)})("panel", "edit", "trio").code == 0
    assert moot("panel", "show", "trio", "-o", "json").json["protocol"] == "fanout"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["save", "vote", "-m", "sim"], "a panel cannot be called 'vote'"),
        (["save", "serve", "-m", "sim"], "a panel cannot be called 'serve'"),
        (["save", "x", "-m", "nobody/x"], "'nobody' is no provider"),
        (["save", "x", "-m", "sim", "-p", "converge", "--rounds", "1"], "stability_rounds (2) is more than rounds (1)"),
        (["save", "x", "-m", "sim", "-p", "converge", "--min", "1"], "No such option"),
        (["save", "x", "-m", "sim", "-p", "guess"], "no protocol is called 'guess'"),
        (["save", "x", "-m", "sim", "--budget", "0"], "budget"),
        (["save", "x", "-m", "x,sim", "-p", "vote"], "'x' is no model"),
        (["save", "x", "-m", "sim", "--weight", "1=0"], "seats.1.weight: must be greater than 0"),
        (["save", "x", "-m", "sim", "--weight", "1=inf"], "--weight: Input should be a finite number"),
        (["save", "x", "-m", "sim", "--temperature", "3"], "temperature: must be less than or equal to 2"),
        (["save", "x", "-m", "sim", "--max-tokens", "1=0"], "max_tokens: must be greater than or equal to 1"),
        (["save", "x", "-m", "sim", "--budget", "inf"], "budget: must be a number that is not infinite"),
        (["save", "x"], "--models names no model"),
        (["save", "a/b", "-m", "sim"], "cannot be a panel's name"),
        (["show", "nobody"], "there is no panel 'nobody'"),
        (["remove", "nobody"], "there is no panel 'nobody'"),
        (["clone", "nobody", "x"], "there is no panel 'nobody'"),
        (["import", "nowhere.toml"], "nowhere.toml: No such file"),
        (["import"], "name the file to import"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(moot: Installed, arguments: list[str], said: str) -> None:
    ended = moot("panel", *arguments)
    assert ended.code == 4 and said in ended.err and "Traceback" not in ended.err
    assert not (moot.home / "panels").exists() or not list((moot.home / "panels").iterdir())


def test_a_panel_is_not_replaced_unless_it_is_meant(moot: Installed) -> None:
    moot("panel", "save", "trio", "-m", QUICK)
    refused = moot("panel", "save", "trio", "-m", "sim")
    assert refused.code == 4 and "--force replaces it" in refused.err
    assert moot("panel", "save", "trio", "-m", "sim", "--force").code == 0


def test_a_panel_that_would_come_to_be_inside_itself_is_refused(moot: Installed) -> None:
    moot("panel", "save", "a", "-m", QUICK, "-p", "vote")
    moot("panel", "save", "b", "-m", "a,sim/careful", "-p", "vote")
    ended = moot("panel", "edit", "a", "--set", 'models=["b","sim/hasty"]')
    assert ended.code == 4 and "the panel 'a' is inside itself: a > b > a" in ended.err


@pytest.mark.parametrize(
    ("name", "said"), [("vote", "a protocol is called so"), ('"bad name"', "it has letters, digits")]
)
def test_a_table_of_config_toml_whose_name_no_panel_can_have_is_refused(moot: Installed, name: str, said: str) -> None:
    moot.configure(f'[panels.{name}]\nmodels = ["sim"]\n')
    for words in (["panel", "list"], ["fanout", QUESTION, "-m", "sim"]):
        ended = moot(*words)
        assert ended.code == 4 and "cannot be a panel's name" in ended.err and said in ended.err


def test_a_broken_file_is_told_of_and_harms_no_other(moot: Installed) -> None:
    moot("panel", "save", "trio", "-m", QUICK, "-p", "vote")
    (moot.home / "panels" / "bad.toml").write_text("models = 1\n")
    assert moot("trio", QUESTION, "-q").code == 0
    assert "bad.toml: models: must be a list, not 1" in moot("panel", "list").out
    assert moot("bad", QUESTION).code == 4


def test_llm_consortiums_configurations_are_taken_over(moot: Installed, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    inner = DEFAULTS | {"models": {"gpt-4o-mini": 2}, "arbiter": None}
    outer = DEFAULTS | {"models": {"inner": 1, "gpt-4o-mini": 1}, "arbiter": "inner"}
    path = database(tmp_path / "old", outer=outer, inner=inner)
    ended = moot("panel", "import", "--llm-consortium", str(path))
    assert ended.code == 0, ended.err
    shown = moot("panel", "show", "outer", "-o", "json").json
    assert shown["models"] == ["panel/inner", "llm/gpt-4o-mini"] and shown["options"]["arbiter"] == ["panel/inner"]
    assert json.loads(moot("panel", "list", "-o", "json").out)[0]["models"] == ["llm/gpt-4o-mini*2"]
