"""models, doctor and completion, as a user meets them."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pexpect  # type: ignore[import-untyped]
import pytest

from folkmoot.machine.seats import parse_models
from tests.frontends.installed import COMMAND, QUICK, Installed
from tests.loopback import LoopbackModels

pytestmark = pytest.mark.slow

NOBODY = "".join(
    f'[providers.{name}]\nbase_url = "http://127.0.0.1:1/v1"\n' for name in ("lmstudio", "vllm", "llamacpp")
)
"""No model server is found, whatever runs on this machine."""


@pytest.fixture
def moot(tmp_path: Path) -> Installed:
    return Installed(tmp_path, {})


@pytest.fixture
def stocked(tmp_path: Path) -> Iterator[Installed]:
    """Somebody with a key, a local server, a program and a panel."""
    with LoopbackModels(models=("llama3:8b", "qwen3")) as server:
        found = Installed(tmp_path, {"OPENAI_API_KEY": "sk-very-secret", "OLLAMA_BASE_URL": f"{server.url}/v1"})
        found.configure(
            NOBODY + '[providers.mine]\ncommand = ["sh", "-c", "cat > /dev/null; echo OK"]\n'
            '[panels.trio]\nmodels = ["sim/careful", "sim/hasty", "mine/x"]\n'
        )
        yield found


def test_models_lists_what_is_usable_with_its_log_in_and_price(stocked: Installed) -> None:
    ended = stocked("models")
    assert ended.code == 0 and ended.err == ""
    usable, _, rest = ended.out.partition("Not usable")
    assert "openai · OPENAI_API_KEY" in usable and "out per million tokens" in usable
    assert "ollama/llama3:8b  free" in usable and "mine · the program sh" in usable and "sim/careful" in usable
    assert "trio" in usable
    assert "→ npm i -g @anthropic-ai/claude-code" in rest and "→ set MISTRAL_API_KEY" in rest
    assert "sk-very-secret" not in ended.out


def test_every_model_that_is_listed_can_be_asked_for(stocked: Installed) -> None:
    found = stocked("models", "-o", "json").json
    names = [model["model"] for offer in found["offers"] for model in offer["models"]]
    names += [
        model["model"]
        for offer in stocked("models", "--search", "gpt", "-o", "json").json["offers"]
        for model in offer["models"]
    ]
    names += [offer["form"] for offer in found["offers"] if offer["form"]]
    assert len(names) > 30
    for name in names:
        assert [seat.model for seat in parse_models([name], servers=["mine"])] == [name]


def test_models_can_be_searched_also_in_the_price_table(stocked: Installed) -> None:
    found = stocked("models", "--search", "GPT-5", "-o", "json").json
    (openai,) = found["offers"]
    assert openai["provider"] == "openai" and len(openai["models"]) > 3
    assert all("gpt-5" in model["model"] and model["input_usd"] > 0 for model in openai["models"])
    assert (found["panels"], found["gaps"]) == ([], [])
    assert "nothing here has 'zzz'" in stocked("models", "--search", "zzz").err


def test_doctor_says_before_what_it_asks_and_then_how_each_seat_did(stocked: Installed) -> None:
    ended = stocked("doctor", "-m", "sim/careful?delay=0,mine/x,mistral/x")
    assert ended.code == 1
    assert 'Asking 2 seats once: "Reply with the word OK' in ended.err and "This costs nothing" in ended.err
    lines = ended.out.splitlines()
    assert any(line.startswith("✓ sim/careful?delay=0 · simulated · ") for line in lines)
    assert any(line.startswith("✓ mine/x · the program sh · ") for line in lines)
    assert "✗ mistral/x" in ended.out and "set MISTRAL_API_KEY" in ended.out
    assert "1 of 3 seats cannot be used" in ended.err


def test_doctor_is_content_when_nothing_is_wrong(stocked: Installed) -> None:
    ended = stocked("doctor", "-m", "trio", "-o", "json")
    assert ended.code == 0 and ended.json["status"] == "ok"
    assert [seat["works"] for seat in ended.json["seats"]] == [True, True, True]


def test_doctor_may_only_look(stocked: Installed) -> None:
    ended = stocked("doctor", "--no-ask", "-m", "mine/x")
    assert ended.code == 0 and ended.out.startswith("· mine/x · the program sh")
    assert "without asking" in ended.err


def test_doctor_asks_nothing_when_the_names_are_wrong(stocked: Installed) -> None:
    assert stocked("doctor", "-m", "nonsense/x").code == 4
    assert stocked("doctor", "--timeout", "0").code == 4


def test_doctor_with_nothing_set_up_says_what_was_looked_for(moot: Installed) -> None:
    moot.configure(NOBODY)
    ended = Installed(moot.home, {**moot.environ, "PATH": "/nonexistent"})("doctor")
    assert ended.code == 4 and "OPENAI_API_KEY" in ended.err


def test_doctor_shows_no_control_characters_of_a_server(tmp_path: Path) -> None:
    moot = Installed(tmp_path, {})
    moot.configure('[providers.evil]\ncommand = ["sh", "-c", "printf \'\\\\033[2J\\\\007bad\' >&2; exit 3"]\n')
    ended = moot("doctor", "-m", "evil/x")
    assert ended.code == 1 and "bad" in ended.out and "\x1b" not in ended.out and "\x07" not in ended.out


def test_doctor_mends_the_folders_and_says_so(stocked: Installed) -> None:
    (stocked.home / "config.toml").chmod(0o644)
    ended = stocked("doctor", "--mend")
    assert ended.code == 0 and "config.toml: now only you can read it" in ended.out
    assert stocked("doctor", "--mend", "-o", "json").json == {"status": "ok", "mended": []}


# Completion


def only_run(moot: Installed) -> str:
    (run,) = (moot.home / "runs").iterdir()
    return run.name


def completed(moot: Installed, *words: str) -> list[str]:
    """What bash would offer for the last of `words`, as its script asks."""
    environ = moot.environment() | {
        "COMP_WORDS": " ".join(("folkmoot", *words)), "COMP_CWORD": str(len(words)),
        "_FOLKMOOT_COMPLETE": "bash_complete",
    }  # fmt: skip
    done = subprocess.run([COMMAND], env=environ, cwd=moot.home, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["con"], ["converge", "consortium"]),
        (["tri"], ["trio"]),
        (["vote", "--mod"], ["--models"]),
        (["vote", "-o", "js"], ["json", "jsonl"]),
        (["vote", "question", "--early", "c"], ["cancel"]),
        (["vote", "-m", "tri"], ["trio"]),
        (["vote", "-m", "sim/careful,claude-"], ["sim/careful,claude-code", "sim/careful,claude-code/"]),
        (["vote", "--models", "=", "codex"], ["codex-cli", "codex-cli/"]),
        (["vote", "--models=codex"], ["--models=codex-cli", "--models=codex-cli/"]),
        (["vote", "-m", "min"], ["mine/"]),
        (["council", "--chair", "openai/g"], ["openai/gpt-5.4"]),
        (["doctor", "-m", "anthropic/c"], ["anthropic/claude-opus-4-6"]),
        (["panel", "sho"], ["show"]),
        (["panel", "show", "tr"], ["trio"]),
        (["completion", "z"], ["zsh"]),
        (["eval", "cal"], ["calibration"]),
    ],
)
def test_what_may_come_next_is_known(words: list[str], found: list[str], stocked: Installed) -> None:
    assert set(completed(stocked, *words)) == set(found)


def test_runs_are_completed_by_their_names(stocked: Installed) -> None:
    stocked("fanout", "What is 2 + 2?", "-m", QUICK)
    run = only_run(stocked)
    for command in ("show", "resume", "status", "fork", "rm"):
        assert set(completed(stocked, command, "")) == {"last", run}
    assert completed(stocked, "show", "--receipt", run[:8]) == [run]
    assert completed(stocked, "show", run, "") == []


@pytest.mark.parametrize(
    "words", [["nonsense", ""], ["two words", "-"], ["vote", "--nope", ""], ["vote", "a question", ""], ["'", ""], []]
)
def test_there_is_no_answer_where_there_is_none(words: list[str], stocked: Installed) -> None:
    assert not [each for each in completed(stocked, *words) if words]


def test_a_broken_configuration_does_not_disturb_the_line(moot: Installed) -> None:
    moot.configure("nonsense = [")
    assert "vote" in completed(moot, "vo")
    assert "codex-cli" in completed(moot, "vote", "-m", "codex")
    assert completed(moot, "show", "") == ["last"]


def test_files_are_left_to_the_shell(stocked: Installed) -> None:
    environ = stocked.environment() | {
        "COMP_WORDS": "folkmoot vote -f not",
        "COMP_CWORD": "3",
        "_FOLKMOOT_COMPLETE": "bash_complete",
    }
    done = subprocess.run([COMMAND], env=environ, cwd=stocked.home, capture_output=True, text=True)
    assert done.stdout == "file,not\n"


def test_completing_loads_nothing_heavy_and_asks_no_server(tmp_path: Path) -> None:
    probe = (
        "import sys\nfrom folkmoot.frontends.cli import main\ntry: main()\nexcept SystemExit: pass\n"
        "heavy = ('pydantic_ai', 'openai', 'genai_prices', 'llm', 'mcp', 'starlette', 'rich', 'prompt_toolkit')\n"
        "print([name for name in heavy if name in sys.modules], file=sys.stderr)"
    )
    with LoopbackModels() as server:
        moot = Installed(tmp_path, {"OLLAMA_BASE_URL": f"{server.url}/v1"})
        asking = {"COMP_WORDS": "folkmoot vote -m oll", "COMP_CWORD": "3", "_FOLKMOOT_COMPLETE": "bash_complete"}
        python = COMMAND.with_name("python")
        done = subprocess.run([python, "-c", probe], env=moot.environment() | asking, capture_output=True, text=True)
        assert server.connections == 0
    assert "ollama/" in done.stdout and done.stderr == "[]\n"


def test_a_real_bash_completes(stocked: Installed) -> None:
    stocked("fanout", "What is 2 + 2?", "-m", QUICK)
    run = only_run(stocked)
    environ = stocked.environment() | {"TERM": "dumb", "PS1": "ready> "}
    environ["PATH"] = f"{COMMAND.parent}:{environ['PATH']}"
    shell = pexpect.spawn(
        "bash", ["--norc", "--noprofile", "-i"], env=environ, cwd=str(stocked.home), encoding="utf-8", timeout=30,
        dimensions=(40, 300),
    )  # fmt: skip
    try:
        shell.expect_exact("ready> ")
        shell.sendline('bind "set enable-bracketed-paste off"; eval "$(folkmoot completion bash)"; echo sour"ced"')
        shell.expect_exact("sourced")
        shell.expect_exact("ready> ")
        for typed, added in (
            ("folkmoot conv\t", "erge "),
            ("folkmoot vote --output-f\t", "ormat "),
            ("folkmoot show 2\t", f"{run[1:]} "),
            ("folkmoot vote -m tri\t", "o "),
            ("moot panel sh\t", "ow "),
        ):
            shell.send(typed)
            shell.expect_exact(typed.removesuffix("\t") + added)
            shell.sendcontrol("u")
            shell.sendline("")
            shell.expect_exact("ready> ")
    finally:
        shell.close(force=True)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_every_shell_says_how_to_keep_it_and_can_be_read(shell: str, moot: Installed) -> None:
    text = moot("completion", shell).out
    assert text.startswith("# To have it in every new shell:\n#   ") and f"folkmoot completion {shell}" in text
    assert "_FOLKMOOT_COMPLETE" in text and "_MOOT_COMPLETE" in text
    assert 'split ","' not in text  # a list of models has commas
    if shutil.which(shell):
        assert subprocess.run([shell, "-n"], input=text, text=True, capture_output=True).stderr == ""


def test_another_shell_is_an_input_error(moot: Installed) -> None:
    assert moot("completion", "tcsh").code == 4


def test_json_of_a_wrong_name_is_json(moot: Installed) -> None:
    assert json.loads(moot("doctor", "-m", "nonsense/x", "-o", "json").out)["error"]["code"] == "config_invalid"
