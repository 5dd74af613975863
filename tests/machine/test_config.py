"""config.toml and .env: what is taken from them, and what is not."""

from pathlib import Path

import pytest

from folkmoot.errors import InputError
from folkmoot.machine.config import Config, config_path, load_config, with_credentials, without_secrets
from folkmoot.machine.panels import Panel


def env(folder: Path, text: str, mode: int = 0o600) -> None:
    (folder / ".env").write_text(text)
    (folder / ".env").chmod(mode)


def loaded(folder: Path, text: str, mode: int = 0o600, **environ: str) -> tuple[dict[str, str], list[str]]:
    """What a .env adds to the environment, and the warnings."""
    env(folder, text, mode)
    warnings: list[str] = []
    found = with_credentials(environ, folder, warnings.append)
    return {name: value for name, value in found.items() if environ.get(name) != value}, warnings


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("OPENAI_API_KEY=sk-1", "sk-1"),
        ("export OPENAI_API_KEY=sk-1", "sk-1"),
        ("  OPENAI_API_KEY = sk-1  ", "sk-1"),
        ('OPENAI_API_KEY="sk 1 # no comment"', "sk 1 # no comment"),
        ("OPENAI_API_KEY='sk-1'", "sk-1"),
        ("OPENAI_API_KEY=sk-1 # mine", "sk-1"),
        ("OPENAI_API_KEY=sk=1#2", "sk=1#2"),
    ],
)
def test_a_key_is_read_as_people_write_it(tmp_path: Path, line: str, value: str) -> None:
    assert loaded(tmp_path, line) == ({"OPENAI_API_KEY": value}, [])


@pytest.mark.parametrize(
    "name",
    [
        "ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN", "CODEX_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY",
        "DEEPSEEK_API_KEY", "TAVILY_API_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
        "AWS_PROFILE", "MY_SERVER_KEY", "GOOGLE_APPLICATION_CREDENTIALS",
    ],
)  # fmt: skip
def test_every_credential_is_taken(tmp_path: Path, name: str) -> None:
    assert loaded(tmp_path, f"{name}=x") == ({name: "x"}, [])


@pytest.mark.parametrize(
    "line",
    [
        "OPENAI_BASE_URL=http://evil.example", "ANTHROPIC_BASE_URL=http://evil.example", "OLLAMA_HOST=evil.example",
        "PATH=/tmp", "HTTPS_PROXY=http://evil.example", "FOLKMOOT_HOME=/tmp", "LD_PRELOAD=/tmp/x.so", "PYTHONPATH=/tmp",
        "DEBUG=1", "# OPENAI_API_KEY=sk-1", "OPENAI_API_KEY", "OPENAI_API_KEY=", "nonsense", "=sk-1",
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME=http://x",
    ],
)  # fmt: skip
def test_nothing_but_credentials_is_taken(tmp_path: Path, line: str) -> None:
    assert loaded(tmp_path, line) == ({}, [])


def test_what_is_set_already_stays_and_an_empty_value_is_not_set(tmp_path: Path) -> None:
    text = "OPENAI_API_KEY=from-file\nGEMINI_API_KEY=from-file\n"
    assert loaded(tmp_path, text, OPENAI_API_KEY="set", GEMINI_API_KEY="")[0] == {"GEMINI_API_KEY": "from-file"}


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, True), (0o604, True)])
def test_keys_that_others_can_read_are_warned_of(tmp_path: Path, mode: int, warned: bool) -> None:
    _, warnings = loaded(tmp_path, "OPENAI_API_KEY=x", mode)
    assert bool(warnings) == warned and all("chmod 600" in each for each in warnings)


def test_a_file_without_keys_is_nobodys_business(tmp_path: Path) -> None:
    assert loaded(tmp_path, "DEBUG=1", 0o644) == ({}, [])


def test_without_a_file_the_environment_is_what_it_is(tmp_path: Path) -> None:
    assert with_credentials({"A": "b"}, tmp_path, pytest.fail) == {"A": "b"}


def test_only_the_current_folder_is_looked_into(tmp_path: Path) -> None:
    env(tmp_path, "OPENAI_API_KEY=x")
    (tmp_path / "below").mkdir()
    assert with_credentials({}, tmp_path / "below", pytest.fail) == {}


# ----- config.toml


def test_panels_providers_and_prices_are_read(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        '[panels.default]\nmodels = ["a/b", "c/d"]\n[providers.mine]\nbase_url = "http://127.0.0.1:1/v1"\n'
        '[prices."mine/x"]\ninput = 0.1\noutput = 0.4\n'
    )
    config = load_config(path)
    assert config.panels == {"default": Panel(models=("a/b", "c/d"))}
    assert config.providers["mine"]["base_url"] == "http://127.0.0.1:1/v1"
    assert config.prices["mine/x"] == {"input": 0.1, "output": 0.4}


def test_an_absent_file_is_an_empty_configuration(tmp_path: Path) -> None:
    assert load_config(tmp_path / "config.toml") == Config()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[panels.x]\nmodel = 1", "panels.x.model: there is no such key; did you mean models?"),
        ("[panel.x]", "panel: there is no such key; did you mean panels?"),
        ('[prices."a/b"]\ninput = "much"', 'prices."a/b".input: must be a number, not "much"'),
        ("panels = [", "line 1, column 11: Invalid value"),
    ],
)
def test_a_wrong_key_is_named_with_its_file(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=rf"config\.toml: .*({said})"):
        load_config(path)


def test_the_file_is_looked_for_in_one_place_only() -> None:
    assert config_path({"FOLKMOOT_HOME": "/x"}) == Path("/x/config.toml")
    assert config_path({"XDG_CONFIG_HOME": "/c"}) == Path("/c/folkmoot/config.toml")
    assert config_path({}) == Path("~/.config/folkmoot/config.toml").expanduser()


def test_a_key_in_a_providers_table_never_reaches_a_record() -> None:
    assert without_secrets({"base_url": "http://x", "api_key": "sk-1"}) == {"base_url": "http://x"}
