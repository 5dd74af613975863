"""Trying seats: what is found to be wrong with each, and how to mend it. And putting the folders in order."""

import asyncio
import json
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from folkmoot.checkup.advice import mend_folders
from folkmoot.checkup.doctor import MOST_TOKENS, QUESTION, Check, examine, prepare
from folkmoot.errors import InputError
from folkmoot.machine.config import Config, config_path, load_config
from folkmoot.providers.catalog import LOCAL_SERVERS
from folkmoot.record.index import Index
from folkmoot.record.store import Home, RunSpec
from folkmoot.running.runs import Machine
from folkmoot.types import Seat
from tests.loopback import Asked, LoopbackModels, Reply

CLAUDE_SAYS = {
    "type": "result", "subtype": "success", "is_error": False, "num_turns": 1, "result": "OK", "total_cost_usd": 0.25,
    "usage": {"input_tokens": 10, "output_tokens": 2},
}  # fmt: skip


def replying(asked: Asked) -> Reply:
    """A model called e429 answers with that status; others are what they are called."""
    if asked.model.startswith("e") and asked.model[1:].isdigit():
        return Reply("no", status=int(asked.model[1:]))
    return {
        "hang": Reply(hang=True), "empty": Reply(""), "other": Reply("OK", model="quite-another"),
        "cut": Reply("OK, and more", cut=True),
    }.get(asked.model, Reply("OK"))  # fmt: skip


@pytest.fixture
def server() -> Iterator[LoopbackModels]:
    with LoopbackModels(replying) as found:
        yield found


class Desk:
    """A machine with a home of its own and no model server where one is looked for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environ = {"HOME": str(root), "FOLKMOOT_HOME": str(root), "PATH": f"{root}:{os.environ['PATH']}"}
        self.environ |= {f"{name.upper()}_BASE_URL": "http://127.0.0.1:9" for name in LOCAL_SERVERS}

    def machine(self, config: str = "") -> Machine:
        config_path(self.environ).write_text(config)
        return Machine(self.environ, load_config(config_path(self.environ)), Home.of(self.environ))

    def program(self, name: str, version: str, says: str = json.dumps(CLAUDE_SAYS), code: int = 0) -> None:
        path = self.root / name
        path.write_text(
            f"#!/bin/sh\n[ \"$1\" = --version ] && echo '{version}' && exit\ncat > /dev/null\n"
            f"cat <<'END'\n{says}\nEND\nexit {code}\n"
        )
        path.chmod(0o755)

    def check(self, *models: str, config: str = "", ask: bool = True, timeout: float = 20.0) -> list[Check]:
        machine = self.machine(config)
        return asyncio.run(examine(prepare(models, machine, timeout), machine, ask=ask))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def own(server: LoopbackModels) -> str:
    return f'[providers.mine]\nbase_url = "{server.url}/v1"\n'


def test_a_seat_that_works_is_asked_once_with_a_short_limit(desk: Desk, server: LoopbackModels) -> None:
    (check,) = desk.check("mine/good*3", config=own(server))
    assert check.works is True and check.problem == "" and check.seconds is not None
    (asked,) = server.asked
    assert asked.text == QUESTION
    assert asked.body["max_tokens"] == MOST_TOKENS


def test_a_check_leaves_nothing_on_record(desk: Desk, server: LoopbackModels) -> None:
    desk.check("mine/good", config=own(server))
    assert not (desk.root / "runs").exists()


@pytest.mark.parametrize(
    ("model", "kind", "mend"),
    [
        ("e401", "auth", "was refused"),
        ("e403", "auth", "was refused"),
        ("e404", "model", "folkmoot models"),
        ("e400", "request", "refused again"),
        ("e429", "rate", "--max-concurrent"),
        ("e500", "server", "try again later"),
        ("e503", "server", "try again later"),
        ("empty", "empty", "without any text"),
        ("hang", "timeout", "--timeout"),
    ],
)
def test_what_is_wrong_is_told_by_kind_and_with_what_to_do(
    model: str, kind: str, mend: str, desk: Desk, server: LoopbackModels
) -> None:
    (check,) = desk.check(f"mine/{model}", config=own(server), timeout=1.0 if model == "hang" else 20.0)
    assert (check.works, check.kind) == (False, kind)
    assert check.problem and mend in check.mend
    assert len(server.asked) == 1  # no retry


def test_one_broken_seat_does_not_keep_the_others_from_being_tried(desk: Desk, server: LoopbackModels) -> None:
    checks = desk.check("mine/e500", "mistral/x", "claude-code", "mine/good", "sim/careful?delay=0", config=own(server))
    assert [check.works for check in checks] == [False, False, False, True, True]
    assert "MISTRAL_API_KEY" in checks[1].problem
    assert "npm i -g @anthropic-ai/claude-code" in checks[2].problem


def test_another_model_than_asked_for_is_noticed(desk: Desk, server: LoopbackModels) -> None:
    (check,) = desk.check("mine/other", config=own(server))
    assert check.works and check.mismatch and check.answered_by == "quite-another"


def test_a_server_that_is_not_there_is_told_with_its_address(desk: Desk) -> None:
    (check,) = desk.check("ollama/x", config='[providers.ollama]\nbase_url = "http://127.0.0.1:1/v1"\n')
    assert check.kind == "server" and "127.0.0.1:1" in check.mend


def test_each_seat_says_what_pays_for_it(desk: Desk, server: LoopbackModels) -> None:
    desk.program("claude", "2.1.328 (Claude Code)")
    desk.environ |= {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": f"{server.url}/v1", "CLAUDE_CODE_OAUTH_TOKEN": "t"}
    checks = desk.check("openai/good", "claude-code", "sim/careful?delay=0")
    assert [(check.login, check.billing) for check in checks] == [
        ("OPENAI_API_KEY", "metered"), ("CLAUDE_CODE_OAUTH_TOKEN", "subscription"), ("simulated", "free"),
    ]  # fmt: skip
    assert (checks[1].cost_usd, checks[1].list_usd) == (0.0, 0.25)


def test_a_key_used_beside_a_log_in_is_remarked(desk: Desk) -> None:
    desk.program("claude", "2.1.328")
    (desk.root / ".claude.json").write_text('{"oauthAccount": {}}')
    desk.environ["ANTHROPIC_API_KEY"] = "k"
    (check,) = desk.check("claude-code")
    assert check.works and 'login = "stored"' in check.remarks[0]


@pytest.mark.parametrize(
    ("said", "version", "remark"),
    [
        ("2.1.328 (Claude Code)", "2.1.328", ""),
        ("2.2.0", "2.2.0", "newer than the tested 2.1.328"),
        ("2.1.99", "2.1.99", "older than the tested 2.1.328"),
        ("hello", None, "does not say its version"),
    ],
)
def test_the_version_of_a_program_is_compared_with_the_tested_one(
    said: str, version: str | None, remark: str, desk: Desk
) -> None:
    desk.program("claude", said)
    (check,) = desk.check("claude-code", ask=False)
    assert (check.program, check.version) == (str(desk.root / "claude"), version)
    assert remark in " ".join(check.remarks) and bool(check.remarks) == bool(remark)


@pytest.mark.parametrize(
    ("environ", "mend"),
    [({}, "log in again: claude auth login"), ({"ANTHROPIC_API_KEY": "k"}, "ANTHROPIC_API_KEY was refused")],
)
def test_a_refused_log_in_of_a_program_says_how_to_renew_it(environ: Mapping[str, str], mend: str, desk: Desk) -> None:
    desk.program("claude", "2.1.328", json.dumps(CLAUDE_SAYS | {"is_error": True, "api_error_status": 401}), 1)
    desk.environ |= environ
    (check,) = desk.check("claude-code")
    assert check.kind == "auth" and mend in check.mend


def test_a_program_that_speaks_otherwise_may_be_of_another_version(desk: Desk) -> None:
    desk.program("claude", "9.0.0", "Welcome!")
    (check,) = desk.check("claude-code")
    assert check.kind == "protocol" and check.mend.endswith("npm i -g @anthropic-ai/claude-code@2.1.328")


def test_only_looking_asks_nobody(desk: Desk, server: LoopbackModels) -> None:
    good, missing = desk.check("mine/e500", "mistral/x", config=own(server), ask=False)
    assert (good.works, missing.works) == (None, False)
    assert server.asked == []


def test_recordings_and_searches_are_not_asked(desk: Desk) -> None:
    desk.environ["TAVILY_API_KEY"] = "k"
    checks = desk.check("recorded/x", "web/tavily")
    assert [check.works for check in checks] == [None, None]
    assert all(check.remarks for check in checks)


def test_the_seats_of_panels_are_tried_one_by_one(desk: Desk) -> None:
    config = (
        '[panels.inner]\nprotocol = "vote"\nmodels = ["sim/careful?delay=0", "sim/hasty?delay=0"]\n'
        '[panels.default]\nmodels = ["inner", "sim/hasty?delay=0"]\n'
    )
    assert {check.model for check in desk.check(config=config)} == {"sim/careful?delay=0", "sim/hasty?delay=0"}


def test_without_names_and_a_default_panel_all_that_is_found_is_tried(desk: Desk, server: LoopbackModels) -> None:
    desk.environ |= {"OLLAMA_BASE_URL": f"{server.url}/v1", "DEEPSEEK_API_KEY": "k"}
    desk.environ["DEEPSEEK_BASE_URL"] = f"{server.url}/v1"
    models = [check.model for check in desk.check()]
    assert models[:2] == ["deepseek/deepseek-chat", "ollama/loopback-model"]


def test_what_it_may_cost_is_known_before(desk: Desk) -> None:
    desk.environ |= {"OPENAI_API_KEY": "k", "MINE": "k"}
    ready = prepare(["openai/gpt-5.4", "openai/no-such-model", "sim/careful"], desk.machine())
    usd, unknown = ready.likely_usd()
    assert 0.01 < usd < 0.1 and unknown == ["openai/no-such-model"]


def test_a_name_that_means_nothing_is_an_input_error(desk: Desk) -> None:
    with pytest.raises(InputError, match="no provider"):
        prepare(["nonsense/x"], desk.machine())


def recorded_run(machine: Machine) -> Path:
    folder = machine.home.create("What is 2 + 2?")
    folder.save(RunSpec(protocol="fanout", prompt="What is 2 + 2?", seats=(Seat(model="sim/careful"),)))
    return folder.path


def test_what_others_can_read_is_closed_to_them_and_nothing_else_is_touched(desk: Desk) -> None:
    machine = desk.machine()
    run = recorded_run(machine)
    foreign = desk.root / "notes.txt"
    keys = desk.root / ".env"
    for path in (foreign, keys, run / "run.json", config_path(desk.environ)):
        path.write_text(path.read_text() if path.exists() else "X_KEY=1")
        path.chmod(0o644)
    run.chmod(0o755)
    said = "\n".join(mend_folders(machine, desk.root))
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (run, run / "run.json", keys, config_path(desk.environ))]
    assert modes == [0o700, 0o600, 0o600, 0o600]
    assert stat.S_IMODE(foreign.stat().st_mode) == 0o644
    assert all(str(path) in said for path in (run, keys, config_path(desk.environ))) and "notes" not in said


def test_a_link_is_not_followed(desk: Desk, tmp_path: Path) -> None:
    machine = desk.machine()
    run = recorded_run(machine)
    outside = tmp_path / "outside"
    outside.write_text("x")
    outside.chmod(0o644)
    (run / "link").symlink_to(outside)
    mend_folders(machine, desk.root)
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644


def test_drafts_of_processes_that_are_gone_are_removed_and_others_kept(desk: Desk) -> None:
    machine = desk.machine()
    run = recorded_run(machine)
    gone, living = run / ".result.json.999999999", run / f".draft-{os.getpid()}"
    for path in (gone, living):
        path.write_text("half")
    said = mend_folders(machine, desk.root)
    assert not gone.exists() and living.exists()
    assert any(str(gone) in line for line in said)


def test_the_index_is_made_anew_from_the_folders(desk: Desk) -> None:
    machine = desk.machine()
    recorded_run(machine)
    (desk.root / "folkmoot.db").write_text("nonsense")
    assert any("made anew from the runs' folders" in line for line in mend_folders(machine, desk.root))
    assert len(Index(machine.home).runs()) == 1


def test_a_run_that_cannot_be_read_is_named_and_kept(desk: Desk) -> None:
    machine = desk.machine()
    run = recorded_run(machine)
    (run / "run.json").write_text("{")
    assert any(f"folkmoot rm {run.name}" in line for line in mend_folders(machine, desk.root))
    assert (run / "run.json").read_text() == "{"


def test_where_nothing_is_there_is_nothing_to_mend(tmp_path: Path) -> None:
    environ = {"FOLKMOOT_HOME": str(tmp_path / "none")}
    assert mend_folders(Machine(environ, Config(), Home.of(environ)), tmp_path) == []
