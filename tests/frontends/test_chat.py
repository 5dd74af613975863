"""The chat as a user meets it: in a terminal of its own, and over lines that are piped in."""

import json
import re
import signal
import stat
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect  # type: ignore[import-untyped]
import pytest

from folkmoot.errors import InputError
from folkmoot.frontends.chat.commands import COMMANDS, completions, read_line
from folkmoot.frontends.chat.conversation import Conversation, Setting, said
from folkmoot.machine.config import Config
from folkmoot.machine.panels import Panel
from folkmoot.record.store import Home, Turn
from folkmoot.running.runs import Machine
from tests.frontends.installed import COMMAND, QUICK, Installed
from tests.frontends.terminals import Terminal, terminals
from tests.loopback import LoopbackModels
from tests.play import play, spec_for

pytestmark = pytest.mark.slow

PROMPT = re.escape("\x1b[?2004h")  # what a terminal is told when a line is about to be read: pastes come in brackets
STUCK = "sim/careful?delay=0,sim/hasty?delay=600*2"


@pytest.fixture
def moot(tmp_path: Path) -> Installed:
    return Installed(tmp_path, {"TERM": "xterm-256color", "PYTHONUTF8": "1", "PROMPT_TOOLKIT_NO_CPR": "1"})


@pytest.fixture
def terminal(moot: Installed) -> Iterator[Terminal]:
    """Chats in a terminal; what it says is in `logfile_read`."""
    with terminals(moot) as run:

        def chat(*words: str) -> pexpect.spawn:
            child = run("chat", *words, width=160)
            child.expect(PROMPT)
            return child

        yield chat


def says(child: pexpect.spawn, line: str, *expected: str) -> None:
    """Type a line, and wait until all that is expected was said and the next line can be typed."""
    child.send(f"{line}\r")
    for each in expected:
        child.expect(each)
    child.expect(PROMPT)


def left(child: pexpect.spawn) -> int:
    child.expect(pexpect.EOF)
    child.close()
    code: int = child.exitstatus
    return code


def specs(moot: Installed) -> list[Any]:
    """What was asked in each run, in order."""
    runs = sorted((moot.home / "runs").glob("*/run.json"), key=lambda path: path.stat().st_mtime_ns)
    return [json.loads(path.read_text()) for path in runs]


# In a terminal


def test_a_question_is_answered_with_live_progress_and_the_next_one_sees_the_conversation(
    terminal: Terminal, moot: Installed
) -> None:
    child = terminal("-m", QUICK)
    says(child, "What is 17 * 23?", "Round 1/1", "391", "How it came about")
    says(child, "And 17 * 24?", "How it came about")
    child.sendeof()
    assert left(child) == 0
    first, second = specs(moot)
    assert "history" not in first
    assert [turn["role"] for turn in second["history"]] == ["user", "assistant"]
    assert second["history"][0]["text"] == "What is 17 * 23?" and "391" in second["history"][1]["text"]


def test_ctrl_c_stops_the_round_and_not_the_chat(terminal: Terminal, moot: Installed) -> None:
    child = terminal("-m", STUCK, "-p", "vote")
    child.send("What is 17 * 23?\r")
    child.expect(r"thinking \d+ s")
    child.sendintr()
    child.expect(r"nothing is lost: folkmoot resume (\S+)")
    stopped = child.match[1]
    child.expect(PROMPT)
    says(child, f"/models {QUICK}", "from now on")
    says(child, "What is 2 + 2?", r"2\+2 = 4|2 \+ 2 = 4", "How it came about")
    says(child, "/list", f"{stopped} +vote +cancelled", "voted")
    child.send("/exit\r")
    assert left(child) == 0
    assert "history" not in specs(moot)[1], "an interrupted question is no part of the conversation"
    assert moot("status", stopped).code == 0


def test_tab_completes_commands_protocols_panels_and_runs(terminal: Terminal, moot: Installed) -> None:
    moot("panel", "save", "trio", "-m", QUICK, "-p", "vote")
    child = terminal("-m", QUICK)
    for typed, completed, answer in (  # only what is new on the screen is written
        ("/prot", "ocol", "there are: ask"),
        ("/protocol conv", "erge", "from now on: converge"),
        ("/panel tr", "io", "from now on: the panel trio, by vote"),
    ):
        child.send(f"{typed}\t")
        child.expect(completed)
        child.send("\r")
        child.expect(answer)
        child.expect(PROMPT)
    says(child, "What is 17 * 23?", r"folkmoot show --verbose (\S+)")
    child.send("/show 2\t")
    child.expect("what-is-17")
    child.send("\r")
    child.expect("answered")


def test_the_arrow_brings_back_earlier_lines_and_the_history_is_for_the_owner_alone(
    terminal: Terminal, moot: Installed
) -> None:
    child = terminal("-m", QUICK)
    says(child, "What is 17 * 23?", "How it came about")
    child.sendeof()
    left(child)
    again = terminal("-m", QUICK)
    again.send("\x1b[A")
    again.expect(re.escape("What is 17 * 23?"))
    again.send("\r")
    again.expect("391")
    again.expect("How it came about")
    kept = moot.home / "chat-history"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600 and "What is 17 * 23?" in kept.read_text()


def test_alt_enter_breaks_a_line_and_a_paste_may_have_several(terminal: Terminal, moot: Installed) -> None:
    child = terminal("-m", QUICK)
    child.send("What is\x1b\r17 * 23?\r")
    child.expect("How it came about")
    child.expect(PROMPT)
    child.send("\x1b[200~What is\n2 + 2?\x1b[201~\r")
    child.expect("How it came about")
    child.expect(PROMPT)
    assert [spec["prompt"] for spec in specs(moot)] == ["What is\n17 * 23?", "What is\n2 + 2?"]


def test_ctrl_c_clears_the_line_and_twice_on_an_empty_one_leaves(terminal: Terminal, moot: Installed) -> None:
    child = terminal("-m", QUICK)
    child.send("never asked")
    child.expect(r"(\x1b\[[?0-9;]*[A-Za-z])*".join("never asked"))
    child.sendintr()
    child.expect(PROMPT)
    child.sendintr()
    child.expect(PROMPT)
    child.sendintr()
    assert left(child) == 0
    assert specs(moot) == []


def test_an_unknown_command_is_an_error_and_never_a_question(terminal: Terminal, moot: Installed) -> None:
    child = terminal("-m", QUICK)
    says(child, "/quik", "there is no command /quik; did you mean /quick?")
    says(child, "/etc/hosts is what?", "there is no command /etc/hosts", "is written with two")
    says(child, "/rounds many", "write a number of rounds")
    says(child, "/rounds ²", "write a number of rounds")
    says(child, "/panel nope", "there is no panel 'nope'")
    says(child, "/help", "/quick", "/deep", "/rounds N", "/protocol", "/panel", "/list", "/show", "/exit")
    assert specs(moot) == []


def test_what_goes_wrong_with_one_question_does_not_end_the_chat(terminal: Terminal, moot: Installed) -> None:
    child = terminal("-m", QUICK, "--deep", "--ground")
    says(child, "Is it so?", "needs a key: set TAVILY_API_KEY")
    says(child, "/quick", "ask has no ground: no longer set", "from now on: ask")
    says(child, "What is 17 * 23?", "391", "How it came about")
    assert len(specs(moot)) == 1


# Over lines


def test_piped_lines_are_asked_one_after_the_other(moot: Installed) -> None:
    ended = moot("chat", "-m", QUICK, stdin="What is 17 * 23?\n\n/list\nWhat is 2 + 2?\n")
    assert ended.code == 0
    first, second = re.split(r"\n\n(?=2)", ended.out, maxsplit=1)
    assert "391" in first and "4" in second and "> What is 17 * 23?" in ended.err
    assert [spec["prompt"] for spec in specs(moot)] == ["What is 17 * 23?", "What is 2 + 2?"]


def test_an_answer_is_marked_in_the_chat(moot: Installed) -> None:
    ended = moot("chat", "-m", QUICK, stdin="What is 17 * 23?\n/outcome wrong 392\n")
    assert ended.code == 0 and "marked wrong; the right answer is 392" in ended.out + ended.err
    assert moot("list", "-o", "json").json[0]["mark"] == "wrong"
    assert moot("chat", "-m", QUICK, stdin="/outcome right\n").code == 4


def test_an_unknown_command_in_a_script_ends_it_before_anything_more_is_asked(moot: Installed) -> None:
    ended = moot("chat", "-m", QUICK, stdin="/nope\nWhat is 17 * 23?\n")
    assert ended.code == 4 and "there is no command /nope" in ended.err
    assert specs(moot) == []


@pytest.mark.parametrize(
    "flags, problem",
    [
        (["--ground"], "ask has no option 'ground'; debate has it"),
        (["--roles", "diverse"], "ask has no option 'roles'; debate has it"),
        (["--deep", "--quick"], "--quick and --deep exclude each other"),
        (["--deep", "-p", "vote"], "--deep is `--protocol debate`"),
        (["--budget", "0"], "--budget must be more than 0"),
        (["--role", "9=skeptic"], "'9' means no seat"),
        (["--panel", "nope"], "there is no panel 'nope'"),
        (["-p", "nope"], "no protocol is called 'nope'"),
        (["--continue", "nope"], "there is no run 'nope'"),
    ],
)
def test_flags_that_cannot_be_are_refused_before_the_first_question(
    moot: Installed, flags: list[str], problem: str
) -> None:
    ended = moot("chat", "-m", QUICK, *flags, stdin="What is 17 * 23?\n")
    assert ended.code == 4 and problem in ended.err
    assert specs(moot) == []


def test_deep_is_a_debate_with_the_flags_of_one(moot: Installed) -> None:
    flags = ["--deep", "--rounds", "2", "--roles", "redteam", "--role", "1=neutral"]
    assert moot("chat", "-m", QUICK, *flags, stdin="What is 17 * 23?\n").code == 0
    (spec,) = specs(moot)
    assert (spec["protocol"], spec["options"]["rounds"], spec["options"]["roles"]) == ("debate", 2, "redteam")
    assert [seat.get("role") for seat in spec["seats"]] == ["neutral", None, None]


def test_a_chat_goes_on_from_any_of_its_runs_with_the_same_seats_and_protocol(moot: Installed) -> None:
    moot("chat", "-m", QUICK, "-p", "vote", stdin="What is 17 * 23?\nWhat is 2 + 2?\n")
    ended = moot("chat", "--continue", "last", stdin="What is 3 + 3?\n")
    assert ended.code == 0 and "going on after 2 answered questions" in ended.err
    third = specs(moot)[2]
    assert [turn["text"] for turn in third["history"] if turn["role"] == "user"] == [
        "What is 17 * 23?",
        "What is 2 + 2?",
    ]
    assert third["protocol"] == "vote" and ",".join(seat["model"] for seat in third["seats"]) == QUICK


def test_every_seat_is_sent_the_conversation_and_the_budget_is_the_whole_chats(tmp_path: Path) -> None:
    with LoopbackModels(lambda _: "Blue.\n\nANSWER: blue") as server:
        moot = Installed(tmp_path, {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": f"{server.url}/v1"})
        moot.configure('[prices."openai/local"]\ninput = 400.0\noutput = 1.0\n')
        asked = "Which colour?\n/budget\nWhy?\nAnd how?\n"
        ended = moot("chat", "-m", "openai/local*2", "-p", "vote", "--budget", "0.4", stdin=asked)
    assert ended.code == 2 and "Over budget" in ended.err
    assert len(server.asked) == 4, "two questions to two seats; the third would cost more than is left"
    for each in server.asked[2:]:
        turns = [message["role"] for message in each.body["messages"] if message["role"] != "system"]
        assert turns == ["user", "assistant", "user"] and "Why?" in each.text
    first, second, third = (spec["limits"]["budget"] for spec in specs(moot))
    assert 0.4 == first > second > third > 0
    assert f"${first - second:.4f} spent of $0.4000 for the chat" in ended.err


def test_a_budget_that_is_used_up_asks_nothing_more_and_says_so() -> None:
    chat = conversation(budget=0.5)
    chat.askings.append(FakeAsking(0.5))  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"budget of \$0\.5000 is used up; `/budget USD` sets a larger one"):
        chat.plan("What now?")
    chat.change(budget=0.75)
    assert chat.plan("What now?").spec.limits.budget == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/deep What is 17 * 23?", "/deep takes nothing after it"),
        ("/exit now", "/exit takes nothing after it"),
        ("/show 2", "/show 2: this chat has 0 answers so far"),
    ],
)
def test_what_follows_a_command_is_never_passed_over(moot: Installed, line: str, said: str) -> None:
    if line == "/show 2":
        moot("vote", "What is 17 * 23?", "-m", QUICK)
        moot("chat", "-m", QUICK, stdin="/list\n")
    ended = moot("chat", "-m", QUICK, stdin=f"{line}\n")
    assert ended.code == 4 and (said in ended.err or "nothing was asked yet" in ended.err)


def test_rounds_are_one_setting_however_they_are_set(moot: Installed) -> None:
    ended = moot("chat", "-m", QUICK, "-p", "converge", stdin="/rounds 3\n/set rounds=4\n/rounds\nWhat is 17 * 23?\n")
    assert "at most 4 rounds" in ended.err and specs(moot)[0]["options"]["rounds"] == 4


def test_a_number_of_rounds_that_is_none_changes_nothing() -> None:
    chat = conversation(protocol="converge", rounds=3)
    with pytest.raises(InputError, match="write a number of rounds"):
        COMMANDS["/set"].run(chat, "rounds=many", lambda _: None)
    assert chat.plan("?").spec.options["rounds"] == 3
    COMMANDS["/set"].run(chat, "rounds=", lambda _: None)
    assert chat.plan("?").spec.options["rounds"] == 5


def test_a_chat_that_is_ended_by_a_signal_leaves_the_terminal_as_it_was(moot: Installed) -> None:
    words, home = ["chat", "-m", QUICK], str(moot.home)
    child = pexpect.spawn(str(COMMAND), words, env=moot.environment(), cwd=home, encoding="utf-8", timeout=60)
    before = termios.tcgetattr(child.child_fd)[3]
    child.expect_exact("ask>")
    assert not termios.tcgetattr(child.child_fd)[3] & termios.ICANON
    child.kill(signal.SIGTERM)
    child.expect(pexpect.EOF)
    assert "\x1b[?2004l" in child.before and termios.tcgetattr(child.child_fd)[3] == before
    child.close()
    assert child.exitstatus == 143


def test_the_answers_of_a_chat_go_into_a_file_and_what_is_typed_stays_on_the_terminal(moot: Installed) -> None:
    target = moot.home / "answers.txt"
    words, home = ["-c", f"{COMMAND} chat -m '{QUICK}' > {target}"], str(moot.home)
    child = pexpect.spawn("/bin/sh", words, env=moot.environment(), cwd=home, encoding="utf-8", timeout=60)
    child.expect_exact("ask>")
    child.sendline("What is 17 * 23?")
    child.expect_exact("How it came about")
    child.expect_exact("ask>")
    child.sendeof()
    child.expect(pexpect.EOF)
    text = target.read_text()
    assert "391" in text and "ask>" not in text and "\x1b" not in text


def test_a_panel_with_a_budget_for_one_answer_keeps_it_in_a_chat_with_a_larger_one() -> None:
    chat = conversation(panel="thrifty", models=(), budget=5.0)
    assert chat.plan("What now?").spec.limits.budget == 0.1
    chat.askings.append(FakeAsking(4.95))  # type: ignore[arg-type]
    assert chat.plan("What now?").spec.limits.budget == pytest.approx(0.05)


class FakeAsking:
    def __init__(self, usd: float) -> None:
        self.result = self
        self.cost_usd = usd


# What a line means


def conversation(**setting: Any) -> Conversation:
    panels = {
        "trio": Panel(protocol="converge", options={"threshold": 9}, models=("sim",)),
        "thrifty": Panel(protocol="vote", models=("sim",), budget=0.1),
    }
    machine = Machine({}, Config(panels=panels), Home(Path("/nowhere")))
    return Conversation(machine, Setting(**{"models": ("sim",), **setting}))


@pytest.mark.parametrize(
    "line, meant",
    [
        ("What is 2+2?", "What is 2+2?"),
        ("  What?\nAnd why? ", "What?\nAnd why?"),
        ("//etc/hosts?", "/etc/hosts?"),
        ("/", None),
        ("/nope", None),
        ("/Quick", None),
        ("/etc/passwd is world-readable, is that bad?", None),
        ("/deep", ("/deep", "")),
        ("/rounds 3", ("/rounds", "3")),
        ("/models a/x, b/y", ("/models", "a/x, b/y")),
        ("exit", ("/exit", "")),
        (":q", ("/exit", "")),
        ("?", ("/help", "")),
        ("exit strategies?", "exit strategies?"),
    ],
)
def test_a_line_is_a_command_or_a_question_and_never_a_question_by_mistake(line: str, meant: Any) -> None:
    if meant is None:
        with pytest.raises(InputError, match="there is no command"):
            read_line(line)
    else:
        assert read_line(line) == meant


@pytest.mark.parametrize(
    "line, found",
    [
        ("", []),
        ("What", []),
        ("/pr", ["/protocol"]),
        ("/protocol con", ["consortium", "converge"]),
        ("/panel ", ["thrifty", "trio", "none"]),
        ("/models sim/careful,sim/ha", ["sim/hasty"]),
        ("/set thr", []),
        ("/rounds ", []),
        ("/nope ", []),
    ],
)
def test_completion_knows_what_may_follow(line: str, found: list[str]) -> None:
    assert completions(conversation(), line) == found


def test_completion_of_options_is_that_of_the_protocol_at_hand() -> None:
    assert completions(conversation(protocol="converge"), "/set thr") == ["threshold="]


def test_a_panel_brings_its_protocol_and_options_and_deep_leaves_its_seats() -> None:
    chat = conversation(panel="trio", models=())
    assert (chat.protocol, chat.plan("?").spec.options["threshold"]) == ("converge", 9)
    COMMANDS["/deep"].run(chat, "", lambda _: None)
    spec = chat.plan("?").spec
    assert spec.protocol == "debate" and len(spec.seats) == 3
    COMMANDS["/quick"].run(chat, "", lambda _: None)
    assert chat.protocol == "converge"


def test_rounds_hold_for_protocols_that_have_rounds_and_harm_no_other() -> None:
    heard: list[str] = []
    chat = conversation(protocol="vote")
    COMMANDS["/rounds"].run(chat, "3", heard.append)
    assert "vote has none" in heard[0] and "rounds" not in chat.plan("?").spec.options
    COMMANDS["/deep"].run(chat, "", heard.append)
    assert chat.plan("?").spec.options["rounds"] == 3


def test_an_option_that_cannot_be_changes_nothing() -> None:
    chat = conversation(protocol="converge")
    with pytest.raises(InputError, match="threshold"):
        COMMANDS["/set"].run(chat, "threshold=99", lambda _: None)
    COMMANDS["/set"].run(chat, "threshold=9", lambda _: None)
    with pytest.raises(InputError, match="there is no panel"):
        COMMANDS["/panel"].run(chat, "nope", lambda _: None)
    assert chat.plan("?").spec.options["threshold"] == 9
    COMMANDS["/set"].run(chat, "threshold=", lambda _: None)
    assert chat.plan("?").spec.options["threshold"] == 8


def test_where_no_answer_was_chosen_all_are_remembered_without_a_models_name() -> None:
    spec = spec_for("fanout", 2)
    result = play(spec, lambda request: f"I say {request.about.seat.number}.")
    told = said(spec, result)
    assert "I say 1." in told and "I say 2." in told and "Answer A:" in told
    assert "scripted" not in told


def test_earlier_turns_are_the_history_of_the_next_question() -> None:
    turns = (Turn(role="user", text="One?"), Turn(role="assistant", text="One."))
    chat = Conversation(conversation().machine, Setting(models=("sim",)), turns)
    assert chat.plan("Two?").spec.history == turns
