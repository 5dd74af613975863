"""The plugin for `llm`: the real command in a home of its own, and its Python interface."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llm
import pexpect  # type: ignore[import-untyped]
import pytest
from click.testing import CliRunner
from llm.cli import cli

from folkmoot.frontends.cli.protocol import protocol_command
from folkmoot.frontends.llm_plugin.models import protocols
from folkmoot.protocols import protocol_names
from tests.frontends.installed import Ended

pytestmark = pytest.mark.slow

COMMAND = Path(sys.executable).with_name("llm")
CAREFUL, HASTY, CONTRARIAN = (f"sim/{name}?delay=0" for name in ("careful", "hasty", "contrarian"))
QUESTION = "What is 17 * 23?"
TRIO = f'protocol = "vote"\nmodels = ["{CAREFUL}", "{HASTY}", "{CONTRARIAN}"]\n'


@dataclass(frozen=True)
class Llm:
    """Runs `llm` with LLM_USER_PATH and FOLKMOOT_HOME in `home`, and an environment that has only PATH besides."""

    home: Path

    def __call__(self, *arguments: str, stdin: str = "") -> Ended:
        done = subprocess.run(
            [COMMAND, *arguments], input=stdin, env=self.environment(), cwd=self.home, capture_output=True, text=True
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def environment(self) -> Mapping[str, str]:
        home = str(self.home)
        return {"PATH": os.environ["PATH"], "HOME": home, "LLM_USER_PATH": home, "FOLKMOOT_HOME": home}

    def panel(self, name: str, text: str) -> None:
        (self.home / "panels").mkdir(exist_ok=True)
        (self.home / "panels" / f"{name}.toml").write_text(text)

    def runs(self) -> list[Path]:
        return sorted((self.home / "runs").glob("*"), key=lambda path: (path / "run.json").stat().st_mtime_ns)

    def asked(self) -> Any:
        """What the last run was asked."""
        return json.loads((self.runs()[-1] / "run.json").read_text())


@pytest.fixture
def run_llm(tmp_path: Path) -> Llm:
    found = Llm(tmp_path)
    found.panel("trio", TRIO)
    return found


@pytest.fixture
def here(run_llm: Llm, monkeypatch: pytest.MonkeyPatch) -> Llm:
    """The same home for this process."""
    for name in ("LLM_LOAD_PLUGINS", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("LLM_USER_PATH", "FOLKMOOT_HOME"):
        monkeypatch.setenv(name, str(run_llm.home))
    return run_llm


# Models


def test_every_panel_and_every_protocol_is_a_model_sync_and_async(run_llm: Llm) -> None:
    for flags in ((), ("--async",)):
        listed = json.loads(run_llm("models", "--json", *flags).out)
        ours = {
            each["model_id"]: each for each in listed if each["model_id"] in ("trio",) or "moot/" in each["model_id"]
        }
        assert set(ours) == {"trio", *(f"folkmoot/{name}" for name in protocol_names())}
        assert all(each["can_stream"] and each["supports_async"] for each in ours.values())
        assert "image/png" in ours["trio"]["attachment_types"]
    assert "Folkmoot: trio" in run_llm("models").out


def test_the_protocols_are_known_without_loading_them() -> None:
    assert set(protocols()) == set(protocol_names())


def test_the_answer_goes_to_standard_output_and_progress_to_standard_error(run_llm: Llm) -> None:
    ended = run_llm("-m", "trio", QUESTION)
    assert (ended.code, ended.out.splitlines()[-1]) == (0, "ANSWER: 391")
    assert "Round 1/1" in ended.err
    assert "Round" not in ended.out
    hidden = run_llm("-m", "trio", QUESTION, "-R")
    assert (hidden.out, hidden.err) == (ended.out, "")


def test_the_prompt_may_be_piped_in_and_a_system_prompt_reaches_every_seat(run_llm: Llm) -> None:
    ended = run_llm("-m", "trio", "-s", "Be brief.", "--no-stream", stdin=QUESTION)
    assert "391" in ended.out
    asked = run_llm.asked()
    assert asked["prompt"] == QUESTION
    assert [seat["system"] for seat in asked["seats"]] == ["Be brief."] * 3


def test_usage_and_the_run_stand_in_the_logs_of_llm(run_llm: Llm) -> None:
    shown = run_llm("-m", "trio", QUESTION, "-u").err
    [logged] = json.loads(run_llm("logs", "--json").out)
    run = run_llm.runs()[-1].name
    details = json.loads(logged["token_details"])
    assert (details["run_id"], details["status"], details["cost_usd"]) == (run, "voted", 0.0)
    assert set(details["seats"]) == {CAREFUL, HASTY, CONTRARIAN}
    assert logged["input_tokens"] == sum(each["input"] for each in details["seats"].values()) > 0
    assert logged["output_tokens"] > 0
    assert (logged["model"], logged["response_json"]["run_id"]) == ("trio", run)
    assert f"{logged['input_tokens']:,} input" in shown


def test_llm_c_goes_on_with_everything_that_was_said(run_llm: Llm) -> None:
    first = run_llm("-m", "trio", "-s", "Be brief.", QUESTION).out.rstrip("\n")
    run_llm("-c", "And 2 + 2?")
    asked = run_llm.asked()
    assert asked["prompt"] == "And 2 + 2?"
    assert asked["history"] == [{"role": "user", "text": QUESTION}, {"role": "assistant", "text": first}]
    assert asked["seats"][0]["system"] == "Be brief."
    run_llm("-c", "-m", "folkmoot/fanout", "-o", "models", CAREFUL, "And 3 + 3?")
    assert [turn["text"] for turn in run_llm.asked()["history"][::2]] == [QUESTION, "And 2 + 2?"]


def test_llm_chat_goes_on_turn_by_turn_and_ends_without_a_traceback_when_a_panel_is_gone(run_llm: Llm) -> None:
    chat = pexpect.spawn(
        str(COMMAND),
        ["chat", "-m", "trio"],
        env={**run_llm.environment(), "TERM": "dumb"},
        encoding="utf-8",
        timeout=60,
    )
    chat.expect("> ")
    chat.sendline(QUESTION)
    chat.expect("ANSWER: 391")
    chat.expect("> ")
    chat.sendline("And 2 + 2?")
    chat.expect("ANSWER: 4")
    assert [turn["role"] for turn in run_llm.asked()["history"]] == ["user", "assistant"]
    (run_llm.home / "panels" / "trio.toml").unlink()
    chat.expect("> ")
    chat.sendline("And 3 + 3?")
    chat.expect("Error: there is no panel or protocol 'trio'")
    assert "Traceback" not in chat.read()
    chat.close()
    assert chat.exitstatus == 1


def test_options_of_the_protocol_and_limits_are_honoured_under_the_names_of_the_flags_too(run_llm: Llm) -> None:
    models = ("-m", "folkmoot/consortium", "-o", "models", f"{CAREFUL},{HASTY}")
    ended = run_llm(
        *models, "-o", "max_iterations", "1", "-o", "confidence_threshold", "100", "-o", "arbiter", CAREFUL,
        "-o", "strategy", "voting", "-o", "strategy_param", "similarity_threshold=0.7,answer_length=500",
        "-o", "max_calls", "9", "-o", "seed", "7", QUESTION,
    )  # fmt: skip
    assert ended.code == 0
    asked = run_llm.asked()
    options = asked["options"]
    assert (options["rounds"], options["confidence_threshold"], options["arbiter"]) == (1, 1.0, [CAREFUL])
    assert options["strategy_param"] == ["similarity_threshold=0.7", "answer_length=500"]
    assert (asked["limits"]["max_calls"], asked["seed"]) == (9, 7)
    assert [seat["model"] for seat in asked["seats"]] == [CAREFUL, HASTY, CAREFUL]


def test_default_options_of_llm_hold(run_llm: Llm) -> None:
    assert run_llm("models", "options", "set", "trio", "seed", "5").code == 0
    run_llm("-m", "trio", QUESTION)
    assert run_llm.asked()["seed"] == 5


def test_an_option_is_explained_and_a_wrong_one_is_an_error_before_anything_is_asked(run_llm: Llm) -> None:
    told = run_llm("models", "-m", "folkmoot/converge", "--options").out
    assert "Most rounds" in told
    assert "threshold: float" in told
    for words in (("-o", "rouds", "3"), ("-o", "rounds", "many"), ("-o", "rounds", "99"), ("-o", "models", "opnai/x")):
        ended = run_llm("-m", "folkmoot/converge", *words, QUESTION)
        assert (ended.code, ended.out) == (1, "")
        assert ended.err.startswith("Error: ")
        assert "Traceback" not in ended.err
    assert not (run_llm.home / "runs").exists()


def test_a_panel_that_cannot_be_read_says_why_and_harms_no_other(run_llm: Llm) -> None:
    run_llm.panel("broken", "models = [")
    assert run_llm("models", "-q", "trio", "--options").code == 0
    ended = run_llm("-m", "broken", QUESTION)
    assert (ended.code, ended.out) == (1, "")
    assert "broken.toml" in ended.err
    (run_llm.home / "config.toml").write_text("panels = [")
    assert run_llm("--version").code == 0


def test_no_answer_is_an_error_with_the_run_to_look_at(run_llm: Llm) -> None:
    ended = run_llm(
        "-m", "folkmoot/vote", "-o", "models", "sim/careful?delay=9,sim/hasty?delay=9", "-o", "timeout", "0.1", QUESTION
    )
    assert (ended.code, ended.out) == (1, "")
    assert f"folkmoot show {run_llm.runs()[-1].name}" in ended.err
    assert "Traceback" not in ended.err


def test_an_image_is_sent_along_and_a_schema_is_refused(run_llm: Llm) -> None:
    (run_llm.home / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    refused = run_llm("-m", "trio", "What is this?", "-a", "a.png")
    assert refused.code == 1
    assert "takes no image/png attachments" in refused.err  # of simulations
    assert "does not support schemas" in run_llm("-m", "trio", QUESTION, "--schema", "answer int").err


# From Python


def test_an_async_model_answers_in_pieces_and_knows_its_usage(here: Llm) -> None:
    async def ask() -> tuple[list[str], llm.Usage]:
        response = llm.get_async_model("trio").prompt(QUESTION, max_calls=9)
        return [piece async for piece in response], await response.usage()

    pieces, usage = asyncio.run(ask())
    assert "".join(pieces).endswith("ANSWER: 391")
    assert len(pieces) > 1
    assert usage.details is not None
    assert usage.details["run_id"] == here.runs()[-1].name
    assert here.asked()["limits"]["max_calls"] == 9


def test_a_sync_model_answers_inside_a_running_loop_and_a_conversation_goes_on(here: Llm) -> None:
    async def ask() -> str:
        conversation = llm.get_model("trio").conversation()
        first = conversation.prompt(QUESTION).text()
        conversation.prompt("And 2 + 2?").text()
        return first

    first = asyncio.run(ask())
    assert here.asked()["history"][1] == {"role": "assistant", "text": first}


def test_a_conversation_asks_the_models_that_it_asked_before(here: Llm) -> None:
    conversation = llm.get_model("folkmoot/fanout").conversation()
    conversation.prompt(QUESTION, models=CAREFUL).text()
    conversation.prompt("And 2 + 2?").text()
    assert [seat["model"] for seat in here.asked()["seats"]] == [CAREFUL]
    conversation.prompt("And 3 + 3?", models=HASTY).text()
    assert [seat["model"] for seat in here.asked()["seats"]] == [HASTY]


def test_a_response_that_is_left_ends_its_run(here: Llm) -> None:
    response = llm.get_model("folkmoot/fanout").prompt(QUESTION, models="sim/careful?delay=60,sim/hasty?delay=0")
    began = time.monotonic()
    events: Iterator[Any] = response.stream_events()  # type: ignore[no-untyped-call]
    next(events)
    del events, response  # as after Ctrl-C
    assert time.monotonic() - began < 30
    folder = here.runs()[-1]
    assert not (folder / "result.json").exists()
    assert '"cancelled"' in (folder / "journal.jsonl").read_text()


# `llm consortium`, as llm-consortium's README has it

MEMBERS = ("-m", f"{CAREFUL}:2", "--model", HASTY, "--arbiter", CAREFUL)


def test_a_question_is_asked_by_the_default_command_and_only_the_answer_stands_on_standard_output(run_llm: Llm) -> None:
    ended = run_llm(
        "consortium", QUESTION, *MEMBERS, "--confidence-threshold", "1", "--max-iterations", "4",
        "--min-iterations", "3", "--output", "results.json",
    )  # fmt: skip
    told = json.loads((run_llm.home / "results.json").read_text())
    assert ended.out == told["synthesis"]["synthesis"] + "\n"
    assert ended.code == 2  # an answer stands, but nobody is as sure as that
    assert "arbitrated" in ended.err
    assert told["metadata"]["iteration_count"] == 4
    assert [(each["model"], each["instance"]) for each in told["model_responses"]] == [
        (CAREFUL, 1), (CAREFUL, 2), (HASTY, 1),
    ]  # fmt: skip


def test_without_members_the_default_panel_is_asked(run_llm: Llm) -> None:
    run_llm.panel("default", f'models = ["{HASTY}", "{CONTRARIAN}"]\n')
    run_llm("consortium", QUESTION)
    asked = run_llm.asked()
    assert asked["protocol"] == "consortium"
    assert [(seat["model"], seat.get("duty", "member")) for seat in asked["seats"]] == [
        (HASTY, "member"), (CONTRARIAN, "member"), (HASTY, "arbiter"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "piped", "prompt"),
    [
        (("Sum it up.",), "17 * 23\n", "Sum it up.\n\n17 * 23"),
        ((), QUESTION, QUESTION),
        (("Sum it up.", "--no-stdin"), "17 * 23", "Sum it up."),
        (("run", "Sum it up."), "", "Sum it up."),
    ],
)
def test_what_is_piped_in_comes_after_the_prompt(run_llm: Llm, words: tuple[str, ...], piped: str, prompt: str) -> None:
    run_llm("consortium", *words, "-m", CAREFUL, "--max-iterations", "1", stdin=piped)
    assert run_llm.asked()["prompt"] == prompt


def test_flags_of_both_generations_become_options(run_llm: Llm) -> None:
    (run_llm.home / "system.txt").write_text("Be brief.")
    run_llm(
        "consortium", QUESTION, *MEMBERS, "-n", "2", "-m", CONTRARIAN, "--system", "system.txt", "--manual-context",
        "--strategy", "semantic", "--strategy-param", "eps=0.9", "--embedding-backend", "words",
        "--cluster-min-samples", "1", "--judging-method", "RANK", "--raw",
    )  # fmt: skip
    asked = run_llm.asked()
    options = asked["options"]
    assert (options["context"], options["strategy"], options["judging_method"]) == ("manual", "semantic", "rank")
    assert (options["strategy_param"], options["cluster_min_samples"]) == (["eps=0.9"], 1)
    members = [seat for seat in asked["seats"] if seat.get("duty", "member") == "member"]
    assert [seat["model"] for seat in members] == [CAREFUL] * 2 + [HASTY] * 2 + [CONTRARIAN] * 2
    assert {seat["system"] for seat in members} == {"Be brief."}


def test_what_is_saved_is_a_model_a_member_and_can_be_listed_shown_and_removed(run_llm: Llm) -> None:
    saved = run_llm(
        "consortium", "save", "my-consortium", "--model", CAREFUL, "--model", "trio", "--model", "4o:2",
        "--arbiter", "gpt-4o", "--confidence-threshold", "0.9", "--max-iterations", "5", "--min-iterations", "1",
        "--system", "Be brief.",
    )  # fmt: skip
    assert saved.code == 0
    assert 'llm -m my-consortium "..."' in saved.err
    shown = json.loads(run_llm("consortium", "info", "my-consortium", "--json").out)
    assert shown["models"] == {CAREFUL: 1, "trio": 1, "gpt-4o": 2}
    assert (shown["arbiter"], shown["max_iterations"], shown["confidence_threshold"]) == ("gpt-4o", 5, 0.9)
    assert "my-consortium" in run_llm("models").out
    again = run_llm("consortium", "save", "my-consortium", "-m", CAREFUL, "-m", "trio", "--arbiter", CAREFUL)
    assert again.err.startswith("replaced ")
    assert run_llm("-m", "my-consortium", QUESTION).out.strip().endswith("391.")
    assert [seat["model"] for seat in run_llm.asked()["seats"]] == [CAREFUL, "panel/trio", CAREFUL]
    assert [each["name"] for each in json.loads(run_llm("consortium", "list", "--json").out)] == ["my-consortium"]
    assert run_llm("consortium", "show", "my-consortium").out.startswith("Name: my-consortium")
    assert run_llm("consortium", "remove", "my-consortium").code == 0
    assert run_llm("consortium", "info", "my-consortium").code == 4


def test_what_is_listed_cannot_steer_a_terminal(run_llm: Llm) -> None:
    run_llm("consortium", f"\x1b[2J{QUESTION}", *MEMBERS)
    for command in ("runs", "run-info"):
        shown = run_llm("consortium", command).out
        assert QUESTION in shown and "\x1b" not in shown


def test_runs_are_listed_shown_and_counted(run_llm: Llm) -> None:
    run_llm("consortium", QUESTION, *MEMBERS)
    id = run_llm.runs()[-1].name
    [line] = json.loads(run_llm("consortium", "runs", "--json").out)
    assert (line["id"], line["user_prompt"], line["status"]) == (id, QUESTION, "confident")
    assert run_llm("consortium", "runs", "--limit", "1", "--since", "2020-01-01").out.startswith(id)
    assert run_llm("consortium", "runs", "--since", "2999-01-01").out == ""
    record = json.loads(run_llm("consortium", "run-info", id, "--json-output").out)
    assert record["run"]["final_confidence"] == line["final_confidence"]
    assert [each["model"] for each in record["members"][:3]] == [CAREFUL, CAREFUL, HASTY]
    assert len(record["decisions"]) == record["run"]["iteration_count"]
    text = run_llm("consortium", "run-info").out
    assert f"  {HASTY} #1: " in text
    assert "  Confidence: " in text
    board = json.loads(run_llm("consortium", "leaderboard", "--json").out)
    assert {each["model"]: each["runs"] for each in board} == {CAREFUL: 1, HASTY: 1}
    assert [each["model"] for each in json.loads(run_llm("consortium", "leaderboard", "-m", "HAST", "--json").out)] == [
        HASTY
    ]
    assert "elimination" in run_llm("consortium", "strategies").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("lst",), "did you mean `llm consortium list`"),
        ((), "there is nothing to ask"),
        ((QUESTION, "-m", "no-such-model"), "'no-such-model' is no model"),
        ((QUESTION, "-m", "gpt-4o:0"), "from 1 to 1000"),
        ((QUESTION, "-m", "gpt-4o"), "llm/gpt-4o needs a key: llm keys set openai, or set OPENAI_API_KEY"),
        ((QUESTION, "-m", "sim", "--strategy", "votting"), "strategy"),
        ((QUESTION, "-m", "sim", "--confidence-threshold", "101"), "between 0 and 1"),
        ((QUESTION, "-m", "sim", "--output", "nowhere/x.json"), "there is no folder nowhere"),
        ((QUESTION, "--modle", "sim"), "No such option"),
        (("save", "gpt-4o", "-m", "sim"), "'gpt-4o' is a model of llm already"),
        (("save", "vote", "-m", "sim"), "a panel cannot be called 'vote'"),
        (("save", "x"), "say who is asked"),
        (("info", "nobody"), "nobody"),
        (("info", "trio"), "runs vote"),
        (("runs", "--since", "yesterday"), "write YYYY-MM-DD"),
        (("run-info", "nothing"), "there is no run 'nothing'"),
    ],
)
def test_what_is_wrong_is_said_in_a_line_with_exit_code_4_and_nothing_is_asked(
    here: Llm, words: tuple[str, ...], said: str
) -> None:
    ended = CliRunner().invoke(cli, ["consortium", *words])
    assert (ended.exit_code, ended.stdout) == (4, "")
    assert said in ended.stderr
    assert not (here.home / "runs").exists()


@pytest.mark.parametrize(
    ("flags", "context"),
    [((), None), (("--manual-context",), "manual"), (("--auto-context",), "auto"), (("--context", "manual"), "manual")],
)
def test_folkmoots_own_command_takes_the_flags_of_the_context_too(flags: tuple[str, ...], context: str | None) -> None:
    parsed = protocol_command("consortium").make_context("consortium", [QUESTION, *flags])
    assert parsed.params["context"] == context


# Beside others, and at no cost


def test_models_and_the_command_of_another_plugin_stay_its_own(run_llm: Llm) -> None:
    """In place of llm-consortium: a plugin that brings a command and a model of these names."""
    site = run_llm.home / "site"
    (site / "other-1.0.dist-info").mkdir(parents=True)
    (site / "other-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (site / "other-1.0.dist-info" / "entry_points.txt").write_text("[llm]\nother = other\n")
    (site / "other.py").write_text(OTHER)
    environ = {**run_llm.environment(), "PYTHONPATH": str(site)}

    def ask(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([COMMAND, *words], env=environ, capture_output=True, text=True, stdin=subprocess.DEVNULL)

    theirs = ask("consortium")
    assert theirs.stdout == "another consortium\n"
    assert theirs.stderr == (
        "folkmoot: `llm consortium` and its models are another plugin's here; ours is `folkmoot consortium`\n"
    )
    assert "another plugin's" in ask("plugins").stderr
    assert ask("-m", "trio", QUESTION).stdout == "another trio\n"
    assert ask("models").stdout.count("trio") == 1
    assert ask("--version").stderr == ""


OTHER = """
import click
import llm

@llm.hookimpl
def register_commands(cli):
    @cli.command()
    def consortium():
        click.echo("another consortium")

class Trio(llm.Model):
    model_id = "trio"
    def execute(self, prompt, stream, response, conversation):
        yield "another trio"

@llm.hookimpl
def register_models(register):
    register(Trio())
"""


def test_a_command_of_llm_loads_next_to_nothing_of_folkmoot(run_llm: Llm) -> None:
    code = "import sys, llm.cli; before = set(sys.modules); llm.get_models_with_aliases(); print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], env=run_llm.environment(), capture_output=True, text=True)
    loaded = {name for name in done.stdout.split() if name.partition(".")[0] == "folkmoot"}
    assert loaded == {
        "folkmoot", "folkmoot._version", "folkmoot.frontends", "folkmoot.frontends.llm_plugin",
        "folkmoot.frontends.llm_plugin.models", "folkmoot.machine", "folkmoot.machine.paths",
        "folkmoot.errors",
    }  # fmt: skip
