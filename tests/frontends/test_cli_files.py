"""Taking a run elsewhere and checking one from elsewhere, as a user does it."""

import json
import os
import re
from pathlib import Path

import pexpect  # type: ignore[import-untyped]
import pytest

from tests.frontends.installed import COMMAND, QUICK, Installed

pytestmark = pytest.mark.slow

QUESTION = "What is 17 * 23?"


@pytest.fixture
def moot(tmp_path: Path) -> Installed:
    return Installed(tmp_path, {})


def converged(moot: Installed) -> str:
    return str(moot("converge", QUESTION, "-m", QUICK, "-o", "json").json["run_id"])


def test_a_page_is_written_where_it_is_told_and_can_be_checked_anywhere(moot: Installed) -> None:
    converged(moot)
    exported = moot("export", "last", "--html", "-o", "debate.html")
    assert (exported.code, exported.out) == (0, "")
    assert exported.err.startswith("wrote debate.html, ") and "folkmoot verify debate.html" in exported.err
    page = moot.home / "debate.html"
    assert page.read_text().startswith("<!doctype html>") and page.stat().st_mode & 0o777 == 0o600
    moot("rm", "last", "-y")
    checked = moot("verify", "debate.html")
    assert checked.code == 0 and "✓ The verdict follows from the record." in checked.out
    assert "round 1: propose 3, evaluate 6; ahead: sim/careful" in checked.out


def test_into_a_pipe_it_goes_to_standard_output(moot: Installed) -> None:
    converged(moot)
    assert moot("export").out.startswith("<!doctype html>")
    assert moot("export", "--html", "-o", "-").out.startswith("<!doctype html>")


def test_on_a_terminal_it_becomes_a_file_named_after_the_run(moot: Installed) -> None:
    run = converged(moot)
    terminal = pexpect.spawn(
        str(COMMAND), ["export"], cwd=str(moot.home), env=os.environ | moot.environment(), encoding="utf-8", timeout=20
    )
    terminal.expect(f"wrote {run}.html")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0 and (moot.home / f"{run}.html").exists()


def test_the_ending_of_a_file_tells_what_to_write(moot: Installed) -> None:
    converged(moot)
    for name in ("run.json", "run.md", "run.jsonl", "run.html"):
        assert moot("export", "last", "-o", name).code == 0
    assert json.loads((moot.home / "run.json").read_text())["record"]["journal"][0]["kind"] == "header"
    assert (moot.home / "run.md").read_text().startswith("# Answer")
    first = json.loads((moot.home / "run.jsonl").read_text().splitlines()[0])
    assert first["question"] == QUESTION and first["messages"][0]["role"] == "system"
    assert moot("verify", "run.json").code == 0
    assert moot("verify", "run.html").code == 0


def test_verify_tells_what_was_changed_and_exits_with_1(moot: Installed) -> None:
    run = converged(moot)
    assert moot("verify").code == 0
    result = moot.home / "runs" / run / "result.json"
    result.write_text(result.read_text().replace('"winner":"s1"', '"winner":"s2"'))
    found = moot("verify", run)
    assert found.code == 1
    assert 'winner: recorded "s2", recomputed "s1"' in found.out and "does not follow" in found.out
    told = moot("verify", run, "-o", "json")
    assert told.code == 1 and told.json["follows"] is False and len(told.json["problems"]) == 1


def test_a_page_that_was_changed_is_found(moot: Installed) -> None:
    converged(moot)
    page = moot.home / "page.html"
    page.write_text(re.sub(r'"score": [\d.]+', '"score": 1.5', moot("export").out, count=1))
    found = moot("verify", "page.html")
    assert found.code == 1 and "it shows another value" in found.out


def test_of_an_unfinished_run_there_is_no_verdict_yet(moot: Installed) -> None:
    run = converged(moot)
    (moot.home / "runs" / run / "result.json").unlink()
    found = moot("verify", "last")
    assert found.code == 2 and "unfinished" in found.out
    assert moot("verify", "last", "-o", "json").json["follows"] is None
    assert moot("export").out.startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["export", "nothing"], "there is no run 'nothing'"),
        (["verify", "nothing"], "there is no run 'nothing'"),
        (["verify", "nothing.html"], "nothing.html: No such file"),
        (["verify", "config.toml"], "is neither a page nor a JSON file"),
        (["export", "./nowhere"], "holds no run"),
    ],
)
def test_what_is_not_there_is_said_before_anything_is_written(moot: Installed, arguments: list[str], said: str) -> None:
    converged(moot)
    moot.configure("")
    ended = moot(*arguments)
    assert ended.code == 4 and said in ended.err and not ended.out


def test_a_file_that_cannot_be_written_is_said(moot: Installed) -> None:
    converged(moot)
    (moot.home / "taken").write_text("")
    ended = moot("export", "last", "-o", "taken/page.html")
    assert ended.code == 4 and "cannot be written" in ended.err
