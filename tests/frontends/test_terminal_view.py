"""The installed command in a terminal of its own: the live view, what stays of it, Ctrl-C, and going on."""

import io
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pexpect  # type: ignore[import-untyped]
import pytest

from tests.frontends.installed import COMMAND, Installed
from tests.frontends.terminals import Terminal, ended, terminals

pytestmark = pytest.mark.slow

SEATS = "sim/careful?delay=0.05,sim/hasty?delay=0.05,sim/contrarian?delay=0.05"
STUCK = "sim/careful?delay=0.05,sim/hasty?delay=0.05,sim/contrarian?delay=600"
"""Two that disagree, and one that is waited for."""
QUESTION = "The car wash is only 100m away from my house, should I walk or drive?"
PROTOCOLS = ("ask", "brainstorm", "consortium", "converge", "council", "debate", "fanout", "synthesize", "vote")
COLOUR = r"(\x1b\[[0-9;]*m)*"


@pytest.fixture
def moot(tmp_path: Path) -> Installed:
    return Installed(tmp_path, {"TERM": "xterm-256color", "PYTHONUTF8": "1"})


@pytest.fixture
def terminal(moot: Installed) -> Iterator[Terminal]:
    """Runs the command with these arguments in a terminal `width` wide; what it says is in `logfile_read`."""
    with terminals(moot) as run:
        yield run


def kept(raw: str) -> str:
    """What stays on the terminal: without the boards that were drawn and wiped again, and without colour."""
    lines: list[str] = [""]
    for sent in re.finditer(r"\x1b\[(\d*)A|\x1b\[(\d*)K|\x1b\[[?0-9;]*[A-Za-z]|\r\n|\r|([^\x1b\r\n]+)", raw):
        up, cleared, text = sent.groups()
        if up is not None:
            del lines[len(lines) - int(up or 1) :]
            lines = lines or [""]
        elif cleared is not None:
            lines[-1] = ""
        elif sent[0] == "\r\n":
            lines.append("")
        elif text:
            lines[-1] += text
    return "\n".join(lines)


def waiting(child: pexpect.spawn) -> None:
    """Until the panel shows that the third seat is waited for: its line, the bar of the phase, the cost so far."""
    child.expect(rf"●{COLOUR} sim/contrarian\?delay=600 +thinking \d+ s")
    child.expect(rf"(propose|answer) +{COLOUR}━+{COLOUR}─+{COLOUR} 2/3")
    child.expect(r"round 1/\d+ · \d+ s · [24] calls · [0-9.k]+ in, [0-9.k]+ out · free")


def in_order(raw: str) -> bool:
    """Whether the cursor is shown again and no board is left standing."""
    return raw.rindex("\x1b[?25h") > raw.rindex("\x1b[?25l") and not re.search("━|thinking", kept(raw))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_has_a_live_panel_with_a_bar_for_the_phase_and_the_cost_so_far(
    protocol: str, terminal: Terminal
) -> None:
    child = terminal(protocol, QUESTION, "-m", STUCK)
    child.expect_exact(f"{protocol} · {QUESTION}")
    waiting(child)
    child.sendcontrol("c")
    code, raw = ended(child)
    assert code == 130 and in_order(raw)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_of_every_protocol_the_calls_and_the_verdict_stay(protocol: str, terminal: Terminal) -> None:
    code, raw = ended(terminal(protocol, QUESTION, "-m", SEATS))
    assert code in (0, 2) and in_order(raw)
    stays = kept(raw).splitlines()
    assert stays[1].startswith("  Round 1/")
    doubled = [line for line, after in pairwise(stays) if line.startswith("  ── ") and not after.startswith("    ")]
    assert doubled == [], "a heading without a line below it"
    assert any(line.startswith("    ✓ sim/") for line in stays) and any(line.startswith("  → ") for line in stays)


def test_the_score_table_with_its_star_stays_in_the_scroll_back(terminal: Terminal) -> None:
    code, raw = ended(terminal("converge", QUESTION, "-m", SEATS))
    assert code == 0
    stays = kept(raw)
    tables = re.findall(r"^ +R1.*\n(?:    sim/.*\n)+", stays, re.MULTILINE)
    assert len(tables) == 4  # one for each of three rounds, and in the report
    assert all(table.count("★") == 1 for table in tables)
    assert re.search(r"→ Not converged \(6\.2/8\.0, stable 1/2\)", stays)
    assert re.search(r"→ Converged! Winner: sim/careful\?delay=0\.05 \(9\.2 ≥ 8\.0, stable \d/2\)", stays)


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_line_of_the_panel_is_wider_than_the_terminal(width: int, terminal: Terminal) -> None:
    child = terminal("vote", QUESTION, "-m", STUCK, width=width)
    child.expect_exact("2/3")
    child.sendcontrol("c")
    _, raw = ended(child)
    plain = re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", raw)
    board = [line for line in plain.splitlines() if re.match(r"  ([●·✓] sim|answer +[━─]|round 1|vote · )", line)]
    assert board and max(len(line) for line in board) < width


def test_no_color_means_no_colour_and_a_panel_all_the_same(terminal: Terminal) -> None:
    child = terminal("vote", QUESTION, "-m", STUCK, NO_COLOR="1")
    waiting(child)
    child.sendcontrol("c")
    assert not re.findall(r"\x1b\[[0-9;]*m", ended(child)[1])
    assert re.search(r"\x1b\[[0-9;]*m", ended(terminal("vote", QUESTION, "-m", SEATS))[1])


def test_a_dumb_terminal_gets_plain_lines_and_no_escape_at_all(terminal: Terminal) -> None:
    code, raw = ended(terminal("fanout", QUESTION, "-m", SEATS, TERM="dumb"))
    assert code == 0 and "\x1b" not in raw
    assert "    ✓ sim/careful?delay=0.05 answered" in raw


def test_prompts_names_and_answers_are_shown_letter_by_letter(terminal: Terminal, moot: Installed) -> None:
    said = r"[red]no[/red] [link=http://a]b[/link] :smile: \033[2J\033]0;owned\007 \033[31mend"
    script = moot.home / "evil.sh"
    script.write_text(f"cat > /dev/null\nprintf '{said}\\n'\n")
    moot.configure(f'[providers.evil]\ncommand = ["sh", "{script}"]\n')
    child = terminal("fanout", "[bold]x[/bold] \x1b[2J :smile: [/] y", "-m", "evil/[b]x,sim/careful?delay=0.2")
    child.expect_exact("fanout · [bold]x[/bold] ␛[2J :smile: [/] y")
    code, raw = ended(child)
    assert code == 0
    assert "[red]no[/red] [link=http://a]b[/link] :smile: ␛[2J␛]0;owned␇ ␛[31mend" in raw
    assert "evil/[b]x answered" in raw
    assert "\x1b[2J" not in raw and "\x1b]0" not in raw and "\x07" not in raw and "\x1b[31m" not in raw


def test_ctrl_c_says_how_to_go_on_and_leaves_the_terminal_in_order(terminal: Terminal, moot: Installed) -> None:
    child = terminal("converge", QUESTION, "-m", STUCK)
    waiting(child)
    child.sendcontrol("c")
    child.expect(r"interrupted, and nothing is lost: folkmoot resume (\S+)")
    run = child.match[1]
    code, raw = ended(child)
    assert code == 130 and in_order(raw) and "Traceback" not in raw
    lines = (moot.home / "runs" / run / "journal.jsonl").read_text().splitlines()
    finished = sum('"finished"' in line for line in lines)
    assert finished >= 2

    again = terminal("resume", run)
    again.expect_exact(f"{finished} calls were on record and not asked again")
    waiting(again)
    again.sendcontrol("c")
    assert ended(again)[0] == 130


def test_ctrl_c_ends_doctor_too(terminal: Terminal) -> None:
    child = terminal("doctor", "-m", "sim/careful?delay=0,sim/hasty?delay=600")
    child.expect(r"✓.* sim/careful\?delay=0 · simulated")
    child.sendcontrol("c")
    code, raw = ended(child)
    assert code == 130 and "Traceback" not in raw


def test_resume_goes_on_to_the_end(terminal: Terminal, moot: Installed) -> None:
    moot("converge", "What is 17 * 23?", "-m", SEATS, "--max-calls", "4")
    child = terminal("resume", "last", "--max-calls", "100")
    child.expect_exact("4 calls were on record and not asked again")
    code, raw = ended(child)
    assert code == 0 and "391" in kept(raw)


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_json_goes_into_a_file_while_the_panel_is_on_the_terminal(form: str, moot: Installed) -> None:
    target = moot.home / "out"
    words = f"{COMMAND} vote '{QUESTION}' -m '{STUCK}' -o {form} > {target}"
    child = pexpect.spawn(
        "/bin/sh", ["-c", words], env=moot.environment(), cwd=str(moot.home), encoding="utf-8", timeout=60,
        dimensions=(40, 120),
    )  # fmt: skip
    child.logfile_read = io.StringIO()
    waiting(child)
    child.sendcontrol("c")
    assert in_order(ended(child)[1])
    text = target.read_text()
    assert '"status": "cancelled"' in text and "\x1b" not in text
    assert text.startswith('{"event": "run_started"' if form == "jsonl" else '{\n  "status"')
