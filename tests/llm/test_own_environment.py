"""Folkmoot's wheel beside `llm` in an environment of its own, installed by name with pip's configured index.

Slow: `pytest -m llm`; .ci/run does.
"""

import json
import os
import subprocess
import sys
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.llm

ROOT = Path(__file__).parents[2]
QUESTION = "What is 17 * 23?"
MEMBERS = ("-m", "sim/careful?delay=0:2", "-m", "sim/hasty?delay=0", "--arbiter", "sim/careful?delay=0")
THEIRS = "llm-consortium==0.8.0"
NEEDED_BY_THEIRS = "scikit-learn"  # which it imports, but does not ask for


@dataclass(frozen=True)
class Environment:
    """An environment with `llm` and the wheel, and a home."""

    folder: Path
    home: Path

    def __call__(self, program: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        home = str(self.home)
        environ: Mapping[str, str] = {
            "PATH": os.environ["PATH"], "HOME": home, "LLM_USER_PATH": home, "FOLKMOOT_HOME": home,
        }  # fmt: skip
        done = subprocess.run(
            [self.folder / "bin" / program, *arguments], env=environ, cwd=self.home, capture_output=True, text=True,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{program} {arguments}\n{done.stdout}{done.stderr}"
        return done

    def pip(self, *words: str) -> None:
        done = subprocess.run(
            [self.folder / "bin" / "python", "-m", "pip", "-q", "--disable-pip-version-check", *words],
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as it is released, built from a copy: nothing is written into the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    folder = tmp_path_factory.mktemp("env")
    venv.create(folder, with_pip=True)
    made = Environment(folder, tmp_path_factory.mktemp("home"))
    made.pip("install", "llm>=0.36")
    made.pip("install", f"folkmoot[llm] @ {wheel.as_uri()}")
    return made


def test_the_wheel_makes_llm_know_panels_protocols_and_the_command(environment: Environment) -> None:
    plugins = json.loads(environment("llm", "plugins").stdout)
    assert [each["name"] for each in plugins] == ["folkmoot"]
    assert set(plugins[0]["hooks"]) == {"register_commands", "register_models"}
    asked = environment("llm", "consortium", QUESTION, *MEMBERS)
    assert "391" in asked.stdout
    assert "Round" not in asked.stdout
    environment("llm", "consortium", "save", "mine", *MEMBERS)
    assert "391" in environment("llm", "-m", "mine", QUESTION).stdout
    assert "4" in environment("llm", "-c", "And 2 + 2?").stdout
    logged = json.loads(environment("llm", "logs", "--json", "-n", "1").stdout)
    assert logged[0]["response_json"]["protocol"] == "consortium"
    assert len(json.loads(environment("llm", "consortium", "runs", "--json").stdout)) == 3
    listed = environment("folkmoot", "list").stdout
    assert listed.count("consortium") == 3


def test_beside_llm_consortium_its_command_and_its_models_stay_its_own(environment: Environment) -> None:
    environment.pip("install", THEIRS, NEEDED_BY_THEIRS)
    (environment.home / ".config" / "io.datasette.llm").mkdir(parents=True, exist_ok=True)  # or it fails without one
    environment("llm", "consortium", "save", "theirs", "-m", "gpt-4o", "--arbiter", "gpt-4o")
    environment("folkmoot", "panel", "save", "theirs", "-p", "vote", "-m", "sim")
    shown = environment("llm", "consortium", "list")
    assert "ours is `folkmoot consortium`" in shown.stderr
    listed = environment("llm", "models").stdout.splitlines()
    assert [line for line in listed if "theirs" in line] == ["Consortium Model: theirs (aliases: theirs)"]
    assert "Folkmoot: mine" in listed
    assert "391" in environment("llm", "-m", "mine", QUESTION).stdout
    environment.pip("uninstall", "-y", "llm-consortium")
    assert "Folkmoot: theirs" in environment("llm", "models").stdout.splitlines()


def test_without_folkmoot_llm_works_as_before(environment: Environment) -> None:
    environment.pip("uninstall", "-y", "folkmoot")
    assert environment("llm", "--version").stdout.startswith("llm, version")
    assert json.loads(environment("llm", "plugins").stdout) == []
    assert "Folkmoot" not in environment("llm", "models").stdout
    assert environment("llm", "consortium", check=False).returncode != 0
