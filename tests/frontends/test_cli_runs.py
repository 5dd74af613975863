"""Runs on record, from the command line: they survive kills and interruptions, go on, fork, and can be deleted."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.frontends.installed import COMMAND, QUICK, Installed

pytestmark = pytest.mark.slow


@pytest.fixture
def moot(tmp_path: Path) -> Installed:
    return Installed(tmp_path, {})


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for something another process does; bounded."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def slow_seats(moot: Installed, seconds: float) -> str:
    """Three command seats that answer in no time once and then take `seconds`; each run of one leaves a line."""
    log = moot.home / "asked.log"
    script = moot.home / "seat.sh"
    script.write_text(
        f'cat > /dev/null; echo "$FOLKMOOT_STEP $$" >> {log}\n'
        f'case "$FOLKMOOT_STEP" in r1/propose/*) ;; *) sleep {seconds};; esac\n'
        'if [ "$FOLKMOOT_PHASE" = evaluate ]; then echo "Score: 8"; else echo "an answer"; fi\n'
    )
    moot.configure(f'[providers.slow]\ncommand = ["sh", "{script}"]\n')
    return "slow/a,slow/b,slow/c"


def asked(moot: Installed) -> list[tuple[str, int]]:
    """(step, process id) of every execution of a slow seat."""
    log = moot.home / "asked.log"
    lines = [line.split() for line in log.read_text().splitlines()] if log.exists() else []
    return [(step, int(process)) for step, process in lines]


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_leaves_no_child_and_says_how_to_go_on(
    moot: Installed, number: signal.Signals, code: int
) -> None:
    run = moot.start("converge", "hello", "-m", slow_seats(moot, 60))
    until(lambda: len(asked(moot)) > 3)
    children = [process for _, process in asked(moot)[3:]]
    run.send_signal(number)
    began = time.monotonic()
    _, err = run.communicate(timeout=10)
    assert run.returncode == code
    assert time.monotonic() - began < 3
    assert not any(alive(process) for process in children)
    assert "folkmoot resume" in err and "Traceback" not in err
    assert moot("status", "-o", "json").json["state"] == "unfinished"


def test_an_interrupted_run_tells_every_call_that_was_paid(moot: Installed) -> None:
    run = moot.start("converge", "hello", "-m", slow_seats(moot, 60), "-o", "json")
    until(lambda: len(asked(moot)) > 3)
    run.send_signal(signal.SIGINT)
    out, _ = run.communicate(timeout=10)
    found = json.loads(out)
    assert found["status"] == "cancelled" and found["metadata"]["total_calls"] == 3
    assert [each["answer"] for each in found["all_answers"]] == ["an answer"] * 3


def test_after_kill_9_a_resume_asks_nothing_finished_again(moot: Installed) -> None:
    models = slow_seats(moot, 0.2)
    run = moot.start("converge", "hello", "-m", models, "-r", "2")
    until(lambda: len(asked(moot)) > 8)
    run.kill()
    run.communicate()
    (journal,) = moot.home.glob("runs/*/journal.jsonl")
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    finished = {line["step"] for line in lines if line["kind"] == "finished"}
    before = len(asked(moot))
    ended = moot("resume", "last", "-o", "json")
    assert ended.code == 0 and ended.json["status"] == "converged" and ended.json["metadata"]["total_calls"] == 18
    again = {step for step, _ in asked(moot)[before:]}
    assert finished and not finished & again


def test_a_run_that_is_being_worked_on_is_neither_resumed_nor_deleted(moot: Installed) -> None:
    run = moot.start("converge", "hello", "-m", slow_seats(moot, 60))
    try:
        until(lambda: len(asked(moot)) > 3)
        status = moot("status").out
        assert "running" in status and "slow/a" in status
        assert moot("resume").code == 4
        refused = moot("rm", "last", "-y")
        assert refused.code == 4 and "nothing was deleted" in refused.err
    finally:
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=10)


def test_a_finished_run_goes_on_with_more_rounds_and_pays_only_for_them(moot: Installed) -> None:
    first = moot("converge", "What is 17 * 23?", "-m", QUICK, "-t", "10", "-r", "2", "-o", "json").json
    ended = moot("resume", first["run_id"], "--rounds", "3", "-o", "json")
    assert ended.code == 2
    assert (ended.json["final_round"], ended.json["metadata"]["total_calls"]) == (3, 27)
    assert first["scores"] == ended.json["scores"][:2]


def test_a_run_is_marked_and_shows_it_and_stays_as_it_was(moot: Installed) -> None:
    first = moot("ask", "What is 17 * 23?", "-m", QUICK, "-o", "json").json
    marked = moot("outcome", "last", "wrong", "--answer", "392", "--note", "by hand")
    assert marked.code == 0 and "marked wrong; the right answer is 392; by hand" in marked.err
    shown = moot("show")
    assert "marked wrong" in shown.err and shown.code == 0
    assert moot("show", "-o", "json").json["winner"] == first["winner"]
    assert moot("verify").code == 0
    assert moot("list", "-o", "json").json[0]["mark"] == "wrong"
    assert moot("outcome", "last", "good").code == 4
    assert moot("outcome", "nothing", "right").code == 4


def test_failed_calls_are_asked_again_only_when_told(moot: Installed) -> None:
    flag = moot.home / "mended"
    moot.configure(f'[providers.weak]\ncommand = ["sh", "-c", "cat >/dev/null; test -e {flag} && echo fine"]\n')
    first = moot("converge", "hello", "-m", "weak/a", "--retries", "0", "-o", "json")
    assert first.code == 1
    flag.touch()
    assert moot("resume", "-o", "json").code == 1
    ended = moot("resume", "--retry-failed", "-o", "json")
    assert ended.code == 0 and ended.json["winner"]["answer"] == "fine"


def test_a_run_that_hit_its_number_of_calls_goes_on_with_a_larger_one(moot: Installed) -> None:
    first = moot("converge", "What is 17 * 23?", "-m", QUICK, "--max-calls", "12", "-o", "json")
    assert first.code == 2 and first.json["status"] == "max_calls"
    assert moot("resume", "-o", "json").json["status"] == "max_calls"
    ended = moot("resume", "--max-calls", "100", "-o", "json")
    assert ended.code == 0 and ended.json["status"] == "converged"


def test_show_recomputes_the_same_result_without_asking_anybody(moot: Installed) -> None:
    first = moot("converge", "What is 17 * 23?", "-m", QUICK, "-o", "json").json
    shown = moot("show", "last", "-o", "json").json
    same = ("status", "winner", "final_round", "all_answers", "scores", "usage", "failures")
    assert {key: shown[key] for key in same} == {key: first[key] for key in same}


def test_show_with_a_step_shows_what_was_sent_and_what_came_back(moot: Installed) -> None:
    moot("converge", "What is 17 * 23?", "-m", QUICK)
    shown = moot("show", "last@r1/propose/s1")
    assert shown.code == 0 and shown.err == ""
    system, user, reply = (shown.out.index(f"── r1/propose/s1 · {each} ──\n") for each in ("system", "user", "reply"))
    assert system < user < shown.out.index("What is 17 * 23?") < reply < shown.out.index("391")
    (told,) = moot("show", "last@r1/evaluate/s1>s2", "-o", "json").json
    assert [turn["role"] for turn in told["sent"]] == ["system", "user"] and "score" in told["reply"]
    wrong = moot("show", "last@?")
    assert wrong.code == 4 and "has no step '?'; it has r1/propose/s1" in wrong.err


@pytest.mark.parametrize("closed", ["<&-", "2>&-", ">&-"])
def test_a_stream_that_is_closed_keeps_no_answer_back(moot: Installed, closed: str) -> None:
    words = f"{COMMAND} vote 'What is 17 * 23?' -m '{QUICK}' {closed}"
    ended = subprocess.run(["sh", "-c", words], env=moot.environment(), cwd=moot.home, capture_output=True, text=True)
    assert ended.returncode == 0 and "Traceback" not in ended.stderr
    assert ("391" in ended.stdout) is (closed != ">&-")


def test_whoever_stops_reading_breaks_nothing(moot: Installed) -> None:
    moot("vote", "What is 17 * 23?", "-m", QUICK)
    words = f"{COMMAND} list | :; exit ${{PIPESTATUS[0]}}"
    assert subprocess.run(["bash", "-c", words], env=moot.environment(), cwd=moot.home).returncode == 0
    words = f"{COMMAND} fanout x -m 'sim/careful?delay=0,sim/hasty?delay=1' -o jsonl | head -1; exit ${{PIPESTATUS[0]}}"
    ended = subprocess.run(["bash", "-c", words], env=moot.environment(), cwd=moot.home, capture_output=True, text=True)
    assert ended.returncode == 0 and "continue with: folkmoot resume " in ended.stderr


def test_an_empty_name_means_no_run(moot: Installed) -> None:
    moot("vote", "What is 17 * 23?", "-m", QUICK)
    refused = moot("rm", "-y", "")
    assert refused.code == 4 and "an empty name means no run" in refused.err
    assert moot("rm", "-y", "last", "last").code == 0, "once is enough"
    assert moot("list").out == ""


def test_an_answer_is_shown_although_it_cannot_be_written(moot: Installed) -> None:
    shown = moot("vote", "What is 17 * 23?", "-m", QUICK, "--output", "/dev/full")
    assert shown.code == 0 and "391" in shown.out and "--output /dev/full: No space left on device" in shown.err
    refused = moot("vote", "What is 17 * 23?", "-m", QUICK, "--output", "/proc/nope.json")
    assert refused.code in (0, 4) and "--output /proc/nope.json" in refused.err and "Traceback" not in refused.err


def test_a_home_that_cannot_be_written_is_one_line(moot: Installed) -> None:
    for words, code in ((["list"], 1), (["vote", "x", "-m", QUICK], 4)):
        refused = Installed(moot.home, {"FOLKMOOT_HOME": "/proc/none"})(*words)
        assert refused.code == code and len(refused.err.splitlines()) == 1 and "/proc/none" in refused.err


def test_a_fork_keeps_what_came_before_and_asks_only_what_follows(moot: Installed) -> None:
    first = moot("converge", "What is 17 * 23?", "-m", QUICK, "-t", "10", "-r", "2", "-o", "json").json
    forked = moot("fork", f"{first['run_id']}@r2/propose/s1", "--set", "threshold=5", "-o", "json")
    assert forked.code == 0 and forked.json["run_id"] != first["run_id"]
    assert forked.json["scores"][0] == first["scores"][0]
    assert forked.json["attempts"] < first["attempts"]
    again = moot("fork", f"{forked.json['run_id']}@r1/evaluate/s1>s2", "-o", "json")
    assert again.code == 0 and again.json["run_id"] not in (first["run_id"], forked.json["run_id"])
    wrong = moot("fork", "last@r9/propose/s1")
    assert wrong.code == 4 and "has no step" in wrong.err
    wrong = moot("fork", "last", "--set", "no.such.key=1")
    assert wrong.code == 4


def test_runs_are_listed_found_by_words_and_deleted(moot: Installed) -> None:
    moot("converge", "What is 17 * 23?", "-m", QUICK, "-q")
    moot("converge", "What is 2 + 2?", "-m", QUICK, "-q")
    rows = moot("list", "-o", "json").json
    assert [row["title"] for row in rows] == ["What is 2 + 2?", "What is 17 * 23?"]
    assert "391" in rows[1]["answer"]
    assert len(moot("list", "--search", "17").out.splitlines()) == 1
    assert moot("rm", "last", "-y").code == 0
    assert len(moot("list").out.splitlines()) == 1
    (moot.home / "folkmoot.db").unlink()
    assert len(moot("list").out.splitlines()) == 1


def test_the_list_of_commands_is_the_same_however_it_is_asked_for(moot: Installed) -> None:
    (moot.home / "config.toml").write_text('[panels.trio]\nmodels = ["sim"]\n', "utf-8")
    page = moot("--help").out
    assert page == moot("-h").out == moot("--help", "--help").out
    assert page.rstrip().endswith("Your panels:\n  trio")
    assert all(f"\n  {name} " in page for name in ("ask", "vote", "serve", "list", "eval"))
    assert max(map(len, page.splitlines())) <= 78


def test_help_starts_without_loading_what_it_does_not_need(moot: Installed) -> None:
    probe = "import sys; sys.argv = ['folkmoot', '--help']\nfrom folkmoot.frontends.cli import main\n" + (
        "try: main()\nexcept SystemExit: pass\nprint(sorted(sys.modules), file=sys.stderr)"
    )
    python = Path(__import__("sys").executable)
    done = subprocess.run([python, "-c", probe], capture_output=True, text=True, env=moot.environment())
    loaded = set(eval(done.stderr))
    assert done.stdout.startswith("Usage: folkmoot")
    ours = {
        "click",
        "pathlib",
        "pydantic",
        "rich",
        "asyncio",
        "sqlite3",
        "prompt_toolkit",
        "folkmoot.running.runs",
        "folkmoot.machine.discovery",
    }
    vendors = {"openai", "pydantic_ai", "anthropic", "google.genai", "boto3", "httpx2", "genai_prices", "llm"}
    servers = {"mcp", "starlette", "uvicorn", "sse_starlette"}
    assert not (ours | vendors | servers) & loaded
