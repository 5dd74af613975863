"""A person with a seat at a terminal: what is read there, how a reply is written, and what happens without one."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.frontends.installed import COMMAND, Installed
from tests.frontends.terminals import Terminal, ended, terminals

pytestmark = pytest.mark.slow

SIMS = "sim/careful?delay=0,sim/hasty?delay=0"
QUESTION = "What is 17 * 23?"
ASKED = r"An empty line or Ctrl-D ends it\..*\r\n─+\r\n"


@pytest.fixture
def moot(tmp_path: Path) -> Installed:
    return Installed(tmp_path, {"TERM": "xterm-256color", "PYTHONUTF8": "1", "PROMPT_TOOLKIT_NO_CPR": "1"})


@pytest.fixture
def terminal(moot: Installed) -> Iterator[Terminal]:
    """Runs a command in a terminal; what it says is in `logfile_read`."""
    with terminals(moot) as run:
        yield lambda *words, **given: run(*words, **{"height": 60, **given})


def test_a_person_reads_the_prompt_and_writes_a_reply_of_several_lines(terminal: Terminal, moot: Installed) -> None:
    child = terminal("vote", QUESTION, "-m", f"{SIMS},human/ann?deadline=600")
    child.expect(r"ann, you are asked \(r1/answer/s3\)")
    child.expect(re.escape(QUESTION))
    child.expect(r"ANSWER: <conclusion>")  # the format's instructions are part of the prompt
    child.expect(r"You have 10 min 0 s, until \d\d:\d\d:\d\d")
    child.send("I worked it out.\nANSWER: 391\n\n")
    code, _ = ended(child)
    assert code == 0
    answers = {each["model_id"]: each["answer"] for each in moot("show", "-o", "json").json["all_answers"]}
    assert answers["human/ann?deadline=600"] == "I worked it out.\nANSWER: 391"


def test_until_the_end_a_person_sees_neither_what_others_say_nor_who_they_are(terminal: Terminal) -> None:
    child = terminal("converge", QUESTION, "-m", f"{SIMS},human/ann", "-r", "1", "-s", "1")
    child.expect(ASKED)
    child.send("It is 391.\n\n")
    child.expect(ASKED)  # the first of two answers to judge
    child.sendeof()
    child.expect(ASKED)
    child.sendeof()
    child.expect("evaluate: 4 replies, 2 without a reply")
    seen = child.logfile_read.getvalue().removesuffix(child.buffer)  # more may have been read already
    assert "Answer A" in seen or "Answer B" in seen or "Answer C" in seen
    assert "sim/" not in seen and "careful" not in seen and "proposed" not in seen
    _, everything = ended(child)
    assert "sim/careful" in everything


def test_a_pasted_empty_line_does_not_end_a_reply(terminal: Terminal, moot: Installed) -> None:
    child = terminal("fanout", QUESTION, "-m", "human/ann")
    child.expect(ASKED)
    child.send("\n\nOne.\n\nTwo.\n")
    child.sendeof()
    assert ended(child)[0] == 0
    assert moot("show", "-o", "json").json["all_answers"][0]["answer"] == "One.\n\nTwo."


def test_a_reply_that_cannot_be_read_is_asked_for_again_with_the_reason(terminal: Terminal) -> None:
    child = terminal("converge", QUESTION, "-m", "sim/careful?delay=0,human/ann", "-r", "1", "-s", "1")
    child.expect(ASKED)
    child.send("391\n\n")
    child.expect(ASKED)
    child.send("rather good\n\n")
    child.expect("Your reply could not be read")
    child.expect(ASKED)
    child.send('{"strengths": [], "weaknesses": [], "suggestions": [], "overall_assessment": "Fine.", "score": 9}\n\n')
    code, raw = ended(child)
    assert code == 0 and "no answer" not in raw


def test_who_is_late_is_left_out_and_can_answer_in_a_fork(terminal: Terminal, moot: Installed) -> None:
    child = terminal("vote", QUESTION, "-m", "sim/hasty?delay=0,sim/careful?delay=0,human/ann?deadline=0.3")
    child.expect(ASKED)
    child.send("I am still think")
    child.expect("This reply is no longer waited for")
    _, raw = ended(child)
    assert "did not answer within 0.3 s" in raw
    before = moot("show", "-o", "json").json
    original = before["run_id"]
    assert "ANSWER: 401" in before["winner"]["answer"]

    forked = moot("fork", f"{original}@r1/answer/s3", "--late", "-", "-o", "json", stdin="ANSWER: 391\n").json
    assert forked["run_id"] != original and "391" in forked["winner"]["answer"] and forked["failures"] == []
    assert forked["metadata"]["total_calls"] == 3
    assert moot("show", original, "-o", "json").json == before


@pytest.mark.parametrize(
    "words, problem",
    [
        (["last@r1/answer/s1", "--late", "391"], "misses no person's reply"),
        (["last", "--late", "391"], "misses no person's reply"),
        (["last@r1/answer/s1", "--late", ""], "needs a text"),
        (["last@r1/answer/s1", "--late", "391", "--set", "seed=2"], "fork twice"),
    ],
)
def test_a_late_answer_to_nothing_is_refused(moot: Installed, words: list[str], problem: str) -> None:
    moot("vote", QUESTION, "-m", SIMS)
    refused = moot("fork", *words)
    assert refused.code == 4 and problem in refused.err


def test_ctrl_c_ends_the_run_and_going_on_asks_again(terminal: Terminal) -> None:
    child = terminal("vote", QUESTION, "-m", f"{SIMS},human/ann", "--early", "off")
    child.expect(ASKED)
    child.sendintr()
    child.expect("nothing is lost: folkmoot resume")
    assert ended(child)[0] == 130
    again = terminal("resume", "last")
    again.expect(ASKED)
    again.send("ANSWER: 391\n\n")
    assert ended(again)[0] == 0


def test_who_pipes_the_question_in_is_asked_on_the_terminal_all_the_same(terminal: Terminal) -> None:
    script = f"echo '{QUESTION}' | {COMMAND} fanout - -m human/ann"
    child = terminal("-c", script, command="/bin/sh")
    child.expect(ASKED)
    child.send("ANSWER: 391\n\n")
    code, raw = ended(child)
    assert code == 0 and raw.count("ANSWER: 391") >= 1


def test_without_a_terminal_it_is_said_where_a_person_can_be_asked_and_nothing_is_spent(moot: Installed) -> None:
    refused = moot("vote", QUESTION, "-m", f"{SIMS},human/ann")
    assert refused.code == 4
    assert all(word in refused.err for word in ("human/NAME", "terminal", "folkmoot serve", "MCP"))
    assert not (moot.home / "runs").exists()


def test_a_person_can_have_a_seat_in_a_chat(terminal: Terminal) -> None:
    child = terminal("chat", "-m", f"{SIMS},human/ann", "-p", "fanout")
    for question in ("What is 17 * 23?", "What is 2 + 2?"):
        child.expect(re.escape("\x1b[?2004h"))
        child.send(f"{question}\r")
        child.expect(ASKED)
        child.send("ANSWER: 4\n\n")
        child.expect("How it came about")
    child.expect(re.escape("\x1b[?2004h"))
    child.sendeof()
    assert ended(child)[0] == 0


def test_what_is_typed_as_a_reply_that_nobody_needs_any_more_does_not_become_a_question(
    terminal: Terminal, moot: Installed
) -> None:
    child = terminal("chat", "-m", f"{SIMS},human/ann?deadline=0.3", "-p", "fanout")
    child.expect(re.escape("\x1b[?2004h"))
    child.send("What is 17 * 23?\r")
    child.expect("Press Enter to go on")
    child.send("I make it 391.\n")
    child.expect(re.escape("\x1b[?2004h"))
    child.sendeof()
    assert ended(child)[0] == 0
    assert len(list((moot.home / "runs").iterdir())) == 1
