"""How agent CLIs are started: log-ins, what they may see, where they run. Small shell scripts stand in for them."""

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from folkmoot import testing
from folkmoot.errors import InputError, ProviderError
from folkmoot.providers import catalog
from folkmoot.providers.agents import AgentCli, open_provider
from folkmoot.providers.base import Settings
from folkmoot.types import Completion, Request, Usage

CLAUDE_SAYS = {
    "type": "result", "subtype": "success", "is_error": False, "num_turns": 1, "result": "ok", "total_cost_usd": 0.25,
    "usage": {"input_tokens": 1000, "output_tokens": 100},
}  # fmt: skip
CODEX_SAYS = (
    '{"type":"item.completed","item":{"type":"agent_message","text":"ok"}}\n{"type":"turn.completed","usage":{}}'
)
BOTH = {"ANTHROPIC_API_KEY": "k", "CLAUDE_CODE_OAUTH_TOKEN": "t"}
CLIS = pytest.mark.parametrize("name", catalog.AGENTS)


class Stage:
    """A folder with a stand-in for each program, which notes how it was called and prints `says`."""

    def __init__(self, root: Path, says: str, returncode: int = 0) -> None:
        self.root = root
        for agent in catalog.AGENTS.values():
            program = root / agent.binary
            program.write_text(
                f'#!/bin/sh\n[ "$1" = debug ] && exit 1\ncat > {root}/prompt\nenv > {root}/env\npwd > {root}/cwd\n'
                f"printf '%s\\n' \"$@\" > {root}/argv\ncat <<'END'\n{says}\nEND\nexit {returncode}\n"
            )
            program.chmod(0o755)

    def open(self, name: str, environ: Mapping[str, str] | None = None, **settings: object) -> AgentCli:
        given = {"PATH": f"{self.root}:{os.environ['PATH']}", "HOME": "/home/me", "TMPDIR": str(self.root)}
        return open_provider(name, Settings(environ=given | dict(environ or {}), **settings))  # type: ignore[arg-type]

    def wrote(self, name: str) -> list[str]:
        return (self.root / name).read_text().splitlines()

    def saw(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.wrote("env") if "=" in line)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path, json.dumps(CLAUDE_SAYS))


def complete(provider: AgentCli, request: Request | None = None) -> Completion:
    return asyncio.run(provider.complete(request or testing.request(model="vendor/model"), lambda _: None))


def tried(provider: AgentCli, request: Request | None = None) -> ProviderError | Completion:
    """For CLIs whose stand-in says nothing they understand: only how it was called is of interest."""
    try:
        return complete(provider, request)
    except ProviderError as error:
        return error


@pytest.mark.parametrize(
    "name, environ, login, billing",
    [
        ("claude-code", {}, "stored log-in", "subscription"),
        ("claude-code", {"ANTHROPIC_API_KEY": "k"}, "ANTHROPIC_API_KEY", "metered"),
        ("claude-code", {"CLAUDE_CODE_OAUTH_TOKEN": "t"}, "CLAUDE_CODE_OAUTH_TOKEN", "subscription"),
        ("claude-code", BOTH, "CLAUDE_CODE_OAUTH_TOKEN", "subscription"),
        ("claude-code", {"ANTHROPIC_API_KEY": " "}, "stored log-in", "subscription"),
        ("codex-cli", {"OPENAI_API_KEY": "k", "CODEX_API_KEY": "k"}, "CODEX_API_KEY", "metered"),
        ("codex-cli", {}, "stored log-in", "subscription"),
        ("gemini-cli", {"GOOGLE_API_KEY": "k"}, "GOOGLE_API_KEY", "metered"),
        ("gemini-cli", {}, "stored log-in", "subscription"),
    ],
)  # fmt: skip
def test_the_log_in_says_who_pays(name: str, environ: dict[str, str], login: str, billing: str, stage: Stage) -> None:
    provider = stage.open(name, environ)
    assert (provider.login, provider.billing) == (login, billing)


def test_the_configuration_can_choose_the_log_in(stage: Stage) -> None:
    chosen = {"stored": "stored log-in", "ANTHROPIC_API_KEY": "ANTHROPIC_API_KEY"}
    assert {login: stage.open("claude-code", BOTH, table={"login": login}).login for login in chosen} == chosen
    with pytest.raises(InputError, match="login"):
        stage.open("claude-code", {}, table={"login": "ANTHROPIC_API_KEY"})


def test_a_subscription_costs_nothing_and_shows_the_list_price(stage: Stage) -> None:
    paid = complete(stage.open("claude-code", {"ANTHROPIC_API_KEY": "k"}))
    covered = complete(stage.open("claude-code"))
    assert (paid.usd, paid.list_usd) == (0.25, None)
    assert (covered.usd, covered.list_usd) == (0.0, 0.25)
    assert paid.usage == Usage(input_tokens=1000, output_tokens=100)


@CLIS
def test_no_other_credential_or_switch_reaches_a_cli(name: str, stage: Stage) -> None:
    keys = {key: "secret" for api in catalog.APIS.values() for key in api.keys}
    keys |= {key: "secret" for agent in catalog.AGENTS.values() for key in agent.keys}
    switches = {"NODE_OPTIONS": "--x", "CLAUDE_CODE_USE_BEDROCK": "1", "GEMINI_MODEL": "x", "OPENCODE_CONFIG_DIR": "/x"}
    provider = stage.open(name, keys | switches)
    tried(provider, testing.request(model="anthropic/model"))
    seen = stage.saw()
    expected = {"opencode": "ANTHROPIC_API_KEY", "pi": "ANTHROPIC_API_KEY"}.get(name, provider.login)
    assert {key for key in keys if key in seen} == {expected}
    assert not switches.keys() & seen.keys()


@CLIS
def test_variables_that_the_user_names_are_passed_on(name: str, stage: Stage) -> None:
    tried(stage.open(name, {"MINE": "yes"}, pass_env=("MINE",)))
    assert stage.saw()["MINE"] == "yes"


@CLIS
def test_a_stored_log_in_is_looked_for_where_the_user_keeps_it(name: str, stage: Stage) -> None:
    places = {"CLAUDE_CONFIG_DIR": "/c", "CODEX_HOME": "/x", "PI_CODING_AGENT_DIR": "/p", "XDG_DATA_HOME": "/d"}
    tried(stage.open(name, places))
    seen = stage.saw()
    assert seen["HOME"] == "/home/me"
    assert "GEMINI_CLI_HOME" not in seen
    wanted = {"claude-code": "CLAUDE_CONFIG_DIR", "codex-cli": "CODEX_HOME", "pi": "PI_CODING_AGENT_DIR",
              "opencode": "XDG_DATA_HOME"}  # fmt: skip
    assert {key for key in places if key in seen} == {wanted[key] for key in wanted if key == name}


def test_a_key_of_google_is_given_to_gemini_under_the_name_it_reads(stage: Stage) -> None:
    tried(stage.open("gemini-cli", {"GOOGLE_API_KEY": "secret"}))
    assert stage.saw()["GEMINI_API_KEY"] == "secret"


def test_codex_with_a_stored_log_in_is_not_sent_elsewhere(stage: Stage) -> None:
    tried(stage.open("codex-cli", {"OPENAI_BASE_URL": "http://elsewhere"}))
    assert "elsewhere" not in "".join(stage.wrote("argv"))


@CLIS
def test_a_call_runs_in_an_empty_folder_of_its_own(name: str, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(stage.root)
    tried(stage.open(name))
    (cwd,) = stage.wrote("cwd")
    assert Path(cwd).parent.parent == stage.root.resolve()
    assert not Path(cwd).exists()


@pytest.mark.parametrize("name", sorted(catalog.AGENTS.keys() - {"gemini-cli"}))
def test_tools_that_work_on_files_work_on_the_callers(name: str, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(stage.root)
    tried(stage.open(name, allow_tools=("file_read",)))
    assert stage.wrote("cwd") == [str(stage.root.resolve())]


def test_gemini_cannot_use_files_with_a_stored_log_in(stage: Stage) -> None:
    with pytest.raises(InputError, match="GEMINI_API_KEY"):
        stage.open("gemini-cli", allow_tools=("shell",))


def test_tools_are_named_as_the_cli_names_them(stage: Stage) -> None:
    provider = stage.open("claude-code", {"ANTHROPIC_API_KEY": "k"}, allow_tools=("web_search", "shell"))
    complete(provider)
    argv = stage.wrote("argv")
    assert argv[argv.index("--tools") + 1] == argv[argv.index("--allowedTools") + 1] == "WebSearch,Bash"


def test_a_tool_of_the_web_alone_gives_codex_no_shell(stage: Stage) -> None:
    tried(stage.open("codex-cli", allow_tools=("web_search",)))
    assert {"features.shell_tool=false", 'web_search="live"'} <= set(stage.wrote("argv"))
    tried(stage.open("codex-cli", allow_tools=("shell",)))
    assert not {"features.shell_tool=false", 'web_search="live"'} & set(stage.wrote("argv"))


def test_tools_that_a_cli_lacks_are_told(stage: Stage) -> None:
    allowed = ("web_search", "file_read", "telepathy")
    assert stage.open("pi", allow_tools=allowed).missing_tools == {"web_search", "telepathy"}
    assert stage.open("claude-code", allow_tools=allowed).missing_tools == {"telepathy"}


@CLIS
def test_the_prompt_is_never_an_argument(name: str, stage: Stage) -> None:
    tried(stage.open(name), testing.request("my secret question", model="vendor/model", system="my secret system"))
    assert stage.wrote("prompt") == ["my secret question"]
    assert "secret" not in " ".join(stage.wrote("argv") + list(stage.saw().values()))


@CLIS
def test_a_cli_that_is_not_here_is_an_input_error_that_says_how_to_get_it(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="npm i -g"):
        open_provider(name, Settings(environ={"PATH": str(tmp_path)}))


@CLIS
@pytest.mark.parametrize("key, value", [("tempo", 1), ("billing", "barter"), ("concurrency", 0), ("concurrency", "2")])
def test_a_table_that_makes_no_sense_is_an_input_error(name: str, key: str, value: object, stage: Stage) -> None:
    with pytest.raises(InputError, match=key):
        stage.open(name, table={key: value})


@CLIS
def test_a_cli_can_have_another_name_and_another_limit(name: str, stage: Stage) -> None:
    program = stage.root / "mine"
    (stage.root / catalog.AGENTS[name].binary).rename(program)
    provider = stage.open(name, table={"program": str(program), "concurrency": 2})
    assert provider.concurrency == 2
    tried(provider)
    assert stage.wrote("argv")


@pytest.mark.parametrize("name", ["opencode", "pi"])
def test_clis_with_many_vendors_need_one_before_the_model(name: str, stage: Stage) -> None:
    with pytest.raises(ProviderError, match=f"{name}/VENDOR/lonely") as caught:
        complete(stage.open(name), testing.request(model="lonely"))
    assert caught.value.kind == "model"


@pytest.mark.parametrize("table", [{"base_url": "http://x", "api": "smoke-signals"}, {"api_key_env": "UNSET_KEY"}])
def test_a_server_of_ones_own_that_cannot_work_is_an_input_error(table: dict[str, str], stage: Stage) -> None:
    with pytest.raises(InputError):
        stage.open("pi", table=table)


def test_a_failure_under_a_subscription_costs_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path, json.dumps(CLAUDE_SAYS | {"is_error": True, "api_error_status": 529}), 1)
    costs = []
    for environ in ({}, {"ANTHROPIC_API_KEY": "k"}):
        with pytest.raises(ProviderError) as caught:
            complete(stage.open("claude-code", environ))
        costs.append(caught.value.usd)
    assert costs == [0.0, 0.25]


def test_keys_do_not_show_in_messages(tmp_path: Path) -> None:
    stage = Stage(tmp_path, '{"type":"turn.failed","error":{"message":"unexpected status 401 for sk-12345"}}', 1)
    with pytest.raises(ProviderError, match=r"for \[redacted\]") as caught:
        complete(stage.open("codex-cli", {"OPENAI_API_KEY": "sk-12345"}))
    assert caught.value.kind == "auth"


def test_an_answer_without_text_is_empty(tmp_path: Path) -> None:
    stage = Stage(tmp_path, CODEX_SAYS.replace('"ok"', '" "'))
    with pytest.raises(ProviderError) as caught:
        complete(stage.open("codex-cli"))
    assert caught.value.kind == "empty"


def test_a_system_prompt_is_sent_even_if_there_is_none(stage: Stage) -> None:
    complete(stage.open("claude-code"), testing.request(system=""))
    argv = stage.wrote("argv")
    assert "--system-prompt-file" in argv
