"""What is found on a machine: keys, log-ins, programs, servers; and what is said of the rest."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from folkmoot.machine.discovery import Gap, Offer, login_of, look_around, stored_login, survey
from folkmoot.machine.model_servers import models_at
from folkmoot.providers import open_provider
from folkmoot.providers.base import Settings
from folkmoot.providers.catalog import AGENTS, APIS, LOCAL_SERVERS
from tests.loopback import LoopbackModels

NOWHERE: dict[str, dict[str, object]] = {name: {"base_url": "http://127.0.0.1:1/v1"} for name in LOCAL_SERVERS}
"""Nobody answers there, whatever runs on this machine."""


@pytest.fixture
def server() -> Iterator[LoopbackModels]:
    with LoopbackModels(models=("llama3:8b", "qwen3", "with space", "with,comma", "two*2")) as found:
        yield found


class Desk:
    """A HOME and a PATH of one's own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environ = {"HOME": str(root), "PATH": str(root)}

    def program(self, name: str) -> None:
        path = self.root / AGENTS[name].binary
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)

    def log_in(self, name: str, content: str = '{"a": "b", "oauthAccount": {}}') -> None:
        for file in AGENTS[name].stored:
            path = self.root / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)

    def offers(self, **tables: dict[str, object]) -> dict[str, Offer]:
        found = survey(self.environ, NOWHERE | tables)
        return {each.provider: each for each in found if isinstance(each, Offer)}

    def gaps(self, **tables: dict[str, object]) -> dict[str, Gap]:
        found = survey(self.environ, NOWHERE | tables)
        return {each.provider: each for each in found if isinstance(each, Gap)}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_every_provider_is_either_offered_or_missed_with_what_to_do(desk: Desk) -> None:
    offers, gaps = desk.offers(), desk.gaps()
    assert {*APIS, *AGENTS, *LOCAL_SERVERS, "sim", "recorded"} <= {*offers, *gaps}
    assert not {*offers} & {*gaps}
    assert all(gap.why and gap.mend for gap in gaps.values())


@pytest.mark.parametrize("name", AGENTS)
def test_a_program_that_is_not_here_is_missed_with_its_install_command(name: str, desk: Desk) -> None:
    assert desk.gaps()[name].mend == AGENTS[name].install


@pytest.mark.parametrize("name", ["claude-code", "codex-cli", "gemini-cli"])
def test_a_program_that_is_not_logged_in_is_missed_with_how_to_log_in(name: str, desk: Desk) -> None:
    desk.program(name)
    assert AGENTS[name].log_in in desk.gaps()[name].mend
    desk.log_in(name)
    assert desk.offers()[name].login == "stored log-in"
    assert desk.offers()[name].billing == "subscription"


@pytest.mark.parametrize(("name", "content"), [("pi", "{}"), ("codex-cli", ""), ("claude-code", "{}")])
def test_an_empty_file_is_no_log_in(name: str, content: str, desk: Desk) -> None:
    desk.log_in(name, content)
    assert not stored_login(AGENTS[name], desk.environ)


def test_claudes_settings_alone_are_no_log_in(desk: Desk) -> None:
    (desk.root / ".claude.json").write_text('{"numStartups": 3}')
    assert not stored_login(AGENTS["claude-code"], desk.environ)
    (desk.root / ".claude.json").write_text('{"oauthAccount": {"emailAddress": "a@example.org"}}')
    assert stored_login(AGENTS["claude-code"], desk.environ)


def test_a_cli_may_keep_its_log_in_elsewhere(desk: Desk) -> None:
    (desk.root / "elsewhere").mkdir()
    (desk.root / "elsewhere" / "auth.json").write_text('{"tokens": {}}')
    desk.environ["CODEX_HOME"] = str(desk.root / "elsewhere")
    assert stored_login(AGENTS["codex-cli"], desk.environ)


@pytest.mark.parametrize(
    ("keys", "table"),
    [
        ({}, {}),
        ({"ANTHROPIC_API_KEY": "k"}, {}),
        ({"ANTHROPIC_API_KEY": " "}, {}),
        ({"ANTHROPIC_API_KEY": "k", "CLAUDE_CODE_OAUTH_TOKEN": "t"}, {}),
        ({"ANTHROPIC_API_KEY": "k"}, {"login": "stored"}),
        ({"ANTHROPIC_API_KEY": "k", "CLAUDE_CODE_OAUTH_TOKEN": "t"}, {"login": "ANTHROPIC_API_KEY"}),
        ({"ANTHROPIC_API_KEY": "k"}, {"billing": "subscription"}),
    ],
)
def test_the_log_in_that_is_told_is_the_one_that_is_used(
    keys: dict[str, str], table: dict[str, object], desk: Desk
) -> None:
    desk.program("claude-code")
    desk.log_in("claude-code")
    desk.environ |= keys
    provider = open_provider("claude-code", Settings(environ=desk.environ, table=table))
    offer = desk.offers(**{"claude-code": table})["claude-code"]
    assert offer.login == login_of("claude-code", desk.environ, table) == getattr(provider, "login", None)
    assert offer.billing == provider.billing


def test_a_key_that_wins_over_a_log_in_is_said(desk: Desk) -> None:
    desk.program("codex-cli")
    desk.log_in("codex-cli")
    assert desk.offers()["codex-cli"].remark == ""
    desk.environ["OPENAI_API_KEY"] = "k"
    offer = desk.offers()["codex-cli"]
    assert offer.login == "OPENAI_API_KEY" and 'login = "stored" under [providers.codex-cli]' in offer.remark
    assert look_around(desk.environ, NOWHERE).panel()[0].login == "OPENAI_API_KEY"


@pytest.mark.parametrize("api", [api for api in APIS.values() if api.keys], ids=lambda api: api.name)
def test_a_vendor_with_a_key_is_offered_by_the_name_of_its_key(api: object, desk: Desk) -> None:
    assert isinstance(api, type(APIS["openai"]))
    assert " or ".join(api.keys) in desk.gaps()[api.name].mend
    desk.environ |= {api.keys[-1]: "k", "AZURE_OPENAI_ENDPOINT": "https://x.example.org"}
    assert desk.offers()[api.name].login == api.keys[-1]


def test_a_key_may_stand_under_another_name_or_in_the_configuration(desk: Desk) -> None:
    assert "MINE" in desk.gaps(openai={"api_key_env": "MINE"})["openai"].mend
    desk.environ["MINE"] = "k"
    assert desk.offers(openai={"api_key_env": "MINE"})["openai"].login == "MINE"
    assert desk.offers(openai={"api_key": "k"})["openai"].login == "api_key in config.toml"


def test_azure_needs_an_address_too(desk: Desk) -> None:
    desk.environ["AZURE_OPENAI_API_KEY"] = "k"
    assert "AZURE_OPENAI_ENDPOINT" in desk.gaps()["azure"].mend


def test_a_local_server_offers_what_it_has(desk: Desk, server: LoopbackModels) -> None:
    desk.environ["OLLAMA_HOST"] = f"127.0.0.1:{server.port}"
    found = survey(desk.environ, {name: table for name, table in NOWHERE.items() if name != "ollama"})
    offer = next(each for each in found if each.provider == "ollama")
    assert isinstance(offer, Offer)
    assert offer.models == ("ollama/llama3:8b", "ollama/qwen3") and offer.billing == "free"
    assert f"127.0.0.1:{server.port}" in offer.login


def test_a_server_of_the_configuration_is_asked_with_its_key(desk: Desk, server: LoopbackModels) -> None:
    table: dict[str, object] = {"base_url": f"{server.url}/v1", "api_key_env": "MINE"}
    assert "MINE" in desk.gaps(mine=table)["mine"].mend
    desk.environ["MINE"] = "k"
    offer = desk.offers(mine=table)["mine"]
    assert offer.models[0] == "mine/llama3:8b" and offer.login.endswith(", MINE") and offer.billing == "metered"
    assert (
        "base_url under [providers.mine]" in desk.gaps(mine=table | {"base_url": "http://127.0.0.1:1/v1"})["mine"].mend
    )


def test_a_server_without_models_is_missed_with_how_to_get_one(desk: Desk) -> None:
    with LoopbackModels(models=()) as empty:
        gap = desk.gaps(ollama={"base_url": f"{empty.url}/v1"})["ollama"]
    assert "has no models" in gap.why and gap.mend.startswith("ollama pull")


def test_a_program_of_the_configuration_answers_to_any_name_even_a_vendors(desk: Desk) -> None:
    offers = desk.offers(mine={"command": "python answer.py"}, openai={"command": ["sh", "-c", "echo"]})
    assert (offers["mine"].login, offers["mine"].form) == ("the program python", "mine/ANYTHING")
    assert offers["openai"].login == "the program sh"


def test_the_panel_takes_a_subscription_first_then_keys_and_one_of_each_family(
    desk: Desk, server: LoopbackModels
) -> None:
    desk.program("claude-code")
    desk.log_in("claude-code")
    desk.environ |= {"DEEPSEEK_API_KEY": "k", "MISTRAL_API_KEY": "k", "ANTHROPIC_AUTH": ""}
    tables = NOWHERE | {"lmstudio": {"base_url": f"{server.url}/v1"}}
    search = look_around(desk.environ, tables)
    assert [each.model for each in search.panel()] == [
        "claude-code/claude-opus-4-6", "deepseek/deepseek-chat", "mistral/mistral-large-latest",
    ]  # fmt: skip
    assert search.found[-1].model == "lmstudio/llama3:8b"


def test_a_program_with_only_a_vendors_key_is_not_taken_for_a_panel(desk: Desk) -> None:
    desk.program("codex-cli")
    desk.environ["OPENAI_API_KEY"] = "k"
    assert [each.model for each in look_around(desk.environ, NOWHERE).found] == ["openai/gpt-5.4"]


def test_with_nothing_here_the_advice_names_what_was_looked_for(desk: Desk) -> None:
    advice = look_around(desk.environ, NOWHERE).advice()
    assert all(word in advice for word in ("OPENAI_API_KEY", "claude", "ollama (127.0.0.1:1)", "--models sim"))


@pytest.mark.parametrize(
    "body", ["", "hello", "[]", "{}", '{"data": 7}', '{"data": [{"name": "x"}]}', '{"data": null}', "\x00\xff"]
)
def test_what_is_no_model_server_is_not_taken_for_one(body: str, tmp_path: Path) -> None:
    (tmp_path / "models").write_text(body)
    assert models_at(tmp_path.as_uri()) is None


def test_no_more_than_a_hundred_models_are_listed() -> None:
    with LoopbackModels(models=tuple(f"m{n}" for n in range(300))) as many:
        assert models_at(f"{many.url}/v1") == tuple(f"m{n}" for n in range(100))


def test_nothing_but_a_server_is_asked_for_models() -> None:
    assert models_at("http://127.0.0.1:1/v1") is None
    assert models_at("nonsense") is None


def test_the_tested_versions_are_those_that_the_contract_tests_install() -> None:
    package = json.loads((Path(__file__).parents[1] / "agents" / "package.json").read_text())["dependencies"]
    assert {agent.install.split()[-1]: agent.tested for agent in AGENTS.values()} == {
        name: version for name, version in package.items() if name != "node"
    }


def test_looking_needs_no_vendors_library() -> None:
    code = (
        "import sys, os; from folkmoot.machine.discovery import survey; survey(os.environ);"
        "print([name for name in ('pydantic_ai', 'openai', 'anthropic', 'boto3', 'llm') if name in sys.modules])"
    )
    environ = {"PATH": os.environ["PATH"], "OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k", "AWS_PROFILE": "x"}
    environ |= {f"{name.upper()}_BASE_URL": "http://127.0.0.1:1/v1" for name in LOCAL_SERVERS}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ)
    assert done.stdout == "[]\n"
