"""The command line as a user meets it: streams, formats, exit codes, input errors, first contact."""

import json
from pathlib import Path

import pytest

from tests.frontends.installed import QUICK, Installed


@pytest.fixture
def moot(tmp_path: Path) -> Installed:
    return Installed(tmp_path, {})


def test_the_answer_alone_goes_to_standard_output_and_the_rest_to_standard_error(moot: Installed) -> None:
    ended = moot("converge", "What is 17 * 23?", "-m", QUICK)
    assert ended.code == 0
    assert "391" in ended.out
    assert "Round" not in ended.out and "Winner" not in ended.out
    assert "Round 1/5" in ended.err and "── propose ──" in ended.err and "Converged" in ended.err


def test_json_has_the_documented_keys_and_nothing_else_is_printed_there(moot: Installed) -> None:
    ended = moot("converge", "What is 17 * 23?", "-m", QUICK, "-o", "json")
    found = ended.json
    assert list(found)[:6] == ["status", "winner", "final_round", "strategy", "all_answers", "metadata"]
    assert found["winner"]["model_id"].startswith("sim/") and "391" in found["winner"]["answer"]
    assert set(found["metadata"]) == {"total_rounds", "total_calls", "elapsed_ms", "models_dropped"}
    assert {"run_id", "seats", "failures", "usage", "cost_usd", "degraded"} <= set(found)
    assert found["metadata"]["total_calls"] == found["final_round"] * 9


def test_json_lines_tell_every_event_and_end_with_the_result(moot: Installed) -> None:
    lines = [json.loads(line) for line in moot("converge", "2+2", "-m", QUICK, "-o", "jsonl").out.splitlines()]
    assert lines[0]["event"] == "run_started"
    assert lines[-1]["event"] == "result" and lines[-1]["status"] == "converged"
    assert {"round_started", "phase_started", "call_started", "call_finished", "offered"} <= {
        line["event"] for line in lines
    }


def test_debug_logs_every_call_and_never_a_key(moot: Installed) -> None:
    moot.configure('[providers.shell]\ncommand = ["sh", "-c", "cat > /dev/null; echo fine"]\nenv = ["MY_KEY"]\n')
    keyed = Installed(moot.home, {"MY_KEY": "sk-very-secret"})
    ended = keyed("converge", "hello", "-m", "shell/x", "--debug")
    assert ended.code == 0
    assert (
        "DEBUG folkmoot.run: r1/propose/s1: asked" in ended.err and "started: " in ended.err and "MY_KEY" in ended.err
    )
    assert "sk-very-secret" not in ended.err + ended.out


def test_quiet_says_nothing_but_the_answer(moot: Installed) -> None:
    ended = moot("converge", "What is 17 * 23?", "-m", QUICK, "-q")
    assert ended.err == "" and "391" in ended.out


def test_exit_2_means_that_rounds_ran_out_and_prints_every_answer(moot: Installed) -> None:
    ended = moot("converge", "What is 17 * 23?", "-m", QUICK, "-t", "10", "-r", "1", "-s", "1")
    assert ended.code == 2
    assert all(seat in ended.out for seat in ("sim/careful", "sim/hasty", "sim/contrarian"))
    assert "--rounds" in ended.err


def test_exit_1_means_that_the_only_seat_failed(moot: Installed) -> None:
    moot.configure('[providers.broken]\ncommand = ["sh", "-c", "echo no luck >&2; exit 3"]\n')
    ended = moot("converge", "hello", "-m", "broken/x", "--retries", "0", "-o", "json")
    assert ended.code == 1
    error = ended.json["error"]
    assert (error["code"], error["provider"], error["phase"]) == ("phase_failure", "broken/x", "propose")
    assert "no luck" in error["message"]


def test_exit_3_means_that_too_few_seats_answered(moot: Installed) -> None:
    moot.configure('[providers.broken]\ncommand = ["sh", "-c", "exit 3"]\n')
    ended = moot("converge", "hello", "-m", "broken/x,sim/careful?delay=0", "--retries", "0", "-o", "json")
    assert ended.code == 3
    assert ended.json["error"]["code"] == "insufficient_models"
    assert [failure["model_id"] for failure in ended.json["failures"]] == ["broken/x"]


def test_a_lost_seat_is_named_and_the_others_carry_on(moot: Installed) -> None:
    moot.configure('[providers.broken]\ncommand = ["sh", "-c", "exit 3"]\n')
    models = "broken/x,sim/careful?delay=0,sim/hasty?delay=0"
    found = moot("converge", "What is 17 * 23?", "-m", models, "--retries", "0", "-o", "json").json
    assert found["status"] == "converged" and found["degraded"] is True
    assert found["metadata"]["models_dropped"] == ["broken/x"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["converge", "hello", "-m", "sim", "-t", "11"], "threshold"),
        (["converge", "hello", "-m", "sim", "-s", "6"], "stability_rounds (6) is more than rounds (5)"),
        (["converge", "hello", "-m", "sim", "--no-such-flag"], "No such option"),
        (["converge", "hello", "-m", "nonsense/x"], "'nonsense' is no provider"),
        (["converge", "hello", "-m", "claud-code"], "did you mean claude-code"),
        (["converge", "hello", "-m", "llama:400"], "llama*400"),
        (["converge", "-m", "sim"], "nothing to ask"),
        (["converge", "", "-m", "sim"], "nothing to ask"),
        (["converge", "hello", "-m", "sim", "--budget", "-1"], "--budget"),
        (["converge", "hello", "-m", "sim", "--role", "9=sceptic"], "no seat"),
        (["converge", "hello", "-m", "recorded/x"], "recording"),
        (["converge", "hello", "-m", "openai/gpt-5.4"], "OPENAI_API_KEY"),
        (["convrge", "hello"], "did you mean `folkmoot converge`"),
        (["show", "no-such-run"], "there is no run"),
        (["resume"], "there is no run"),
    ],
)
def test_exit_4_says_what_is_wrong_in_a_line_and_spends_nothing(
    moot: Installed, arguments: list[str], said: str
) -> None:
    ended = moot(*arguments)
    assert ended.code == 4 and said in ended.err
    assert "Traceback" not in ended.err and ended.out == ""
    assert not (moot.home / "runs").exists()


def test_input_errors_are_json_on_standard_output_in_json_mode(moot: Installed) -> None:
    ended = moot("converge", "hello", "-m", "nonsense/x", "-o", "json")
    assert ended.code == 4 and ended.json["status"] == "error" and ended.json["error"]["code"] == "config_invalid"


@pytest.mark.parametrize("words", [["show", "nope"], ["resume", "nope"], ["converge", "hi", "--nope"], ["nope"]])
def test_whatever_command_is_wrong_a_program_that_asked_for_json_gets_json(moot: Installed, words: list[str]) -> None:
    ended = moot(*words, "-o", "json")
    assert ended.code == 4 and ended.json["error"]["code"] == "config_invalid" and ended.err == ""


def test_every_file_that_cannot_be_used_is_named_at_once(moot: Installed) -> None:
    (moot.home / "latin.txt").write_bytes(b"\xff\xfe\xfa")
    ended = moot("converge", "hello", "-m", QUICK, "-f", "absent.txt", "-f", ".", "-f", "latin.txt")
    assert ended.code == 4
    assert all(name in ended.err for name in ("absent.txt", "not a regular file", "latin.txt"))


def test_a_prompt_is_read_from_standard_input_and_files_go_along_in_blocks(moot: Installed) -> None:
    (moot.home / "notes.txt").write_text("seventeen")
    ended = moot("converge", "-", "-m", "sim/careful?delay=0", "-f", "notes.txt", "-q", stdin="What is it?")
    assert ended.code == 0
    (prompt,) = moot.home.glob("runs/*/prompt.md")
    assert "What is it?" in prompt.read_text() and 'path="notes.txt">\nseventeen\n</file-' in prompt.read_text()


def test_with_nothing_set_up_it_says_what_it_looked_for_and_offers_simulated_seats(moot: Installed) -> None:
    bare = Installed(moot.home, {"PATH": "/nonexistent"})
    ended = bare("converge", "hello")
    assert ended.code == 4
    assert all(word in ended.err for word in ("OPENAI_API_KEY", "claude", "ollama", "--models sim"))


def test_a_list_of_models_goes_on_after_a_comma_at_the_end_of_a_word(moot: Installed) -> None:
    words = ["sim/careful?delay=0,", "sim/hasty?delay=0,", "sim/contrarian?delay=0"]
    assert len(moot("vote", "What is 2 + 2?", "--models", *words, "-o", "json").json["seats"]) == 3
    assert len(moot("vote", "--models", *words, "-o", "json", "What is 2 + 2?").json["seats"]) == 3


def test_the_default_panel_is_asked_when_nobody_is_named(moot: Installed) -> None:
    moot.configure('[panels.default]\nmodels = ["sim/careful?delay=0", "sim/hasty?delay=0"]\n')
    assert len(moot("converge", "What is 17 * 23?", "-o", "json").json["seats"]) == 2


def test_a_dry_run_needs_no_key_no_program_and_no_file(moot: Installed) -> None:
    models = "claude-code,codex-cli,gemini-cli"
    ended = moot("converge", "-", "--models", models, "-f", "absent.txt", "--dry-run")
    assert ended.code == 0
    assert ended.out.splitlines()[:5] == [
        "Dry run estimate:", " Models: 3", " Calls per round: 9", " Max rounds: 5", " Total calls (max): 45",
    ]  # fmt: skip
    found = moot("converge", "x", "--models", models, "--dry-run", "-o", "json").json
    assert (found["status"], found["calls_per_round"], found["total_calls"]) == ("dry_run", 9, 45)
    assert not (moot.home / "runs").exists()


def test_the_output_directory_has_refinerys_files_and_what_it_left_out(moot: Installed) -> None:
    moot("converge", "What is 17 * 23?", "-m", QUICK, "--output-dir", "out")
    (folder,) = (moot.home / "out").iterdir()
    here = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {"prompt.md", "metadata.json", "answer.md", "result.json"} <= here
    proposals = sorted(path.name for path in (folder / "round-1").glob("propose-*.md"))
    assert len(proposals) == 3
    reviews = list((folder / "round-1").glob("evaluate-*-*.json"))
    assert len(reviews) == 6
    assert set(json.loads(reviews[0].read_text())) == {
        "evaluator", "evaluatee", "score", "rationale", "strengths", "weaknesses", "suggestions", "overall_assessment",
    }  # fmt: skip


def test_keys_from_a_dotenv_file_are_used_but_urls_and_options_are_not(moot: Installed) -> None:
    (moot.home / ".env").write_text("OPENAI_API_KEY=sk-secret-1\nOPENAI_BASE_URL=http://127.0.0.1:9/v1\n")
    ended = moot("converge", "hello", "-m", "openai/gpt-5.4", "--dry-run")
    assert ended.code == 0
    assert "sk-secret-1" not in ended.out + ended.err
