"""What kill -9 costs: calls that were finished and are asked again by the resume. There must be none.

`command` seats, so that a seat's program can write down that it was started, whoever forgets it. The process is
killed at a random moment of a converge of 4 seats over 2 rounds, 32 calls.
"""

import random
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.measuring import AGREEING, QUESTION, answer, environment, process_seconds, review, show, temporary_home
from folkmoot.core.journal import read_lines
from folkmoot.record.store import Home, RunFolder

TIMES = 25
FOLKMOOT = str(Path(sys.executable).with_name("folkmoot"))
ASK = [
    FOLKMOOT, "converge", QUESTION, "--models", "shell/any*4", "--quiet",
    *(f"--{name.replace('_', '-')}={value}" for name, value in AGREEING.items()),
]  # fmt: skip


def logging_seats(home: Home) -> Path:
    """A program that writes down which step it is asked, takes a moment, and answers; where it writes."""
    log = home.path / "asked.log"
    judged, said = shlex.quote(review(240)), shlex.quote(answer(240))
    script = f'echo "$FOLKMOOT_STEP" >> {log}; case "$FOLKMOOT_FORMAT" in text) set -- {said};; *) set -- {judged};; '
    script += 'esac; sleep 0.05; echo "$1"'
    command = ", ".join(f"'''{word}'''" for word in ("/bin/sh", "-c", script))
    (home.path / "config.toml").write_text(f"[providers.shell]\ncommand = [{command}]\n")
    return log


def finished(folder: RunFolder) -> set[str]:
    raw = folder.journal.read_bytes() if folder.journal.exists() else b""
    if not raw.rpartition(b"\n")[0]:
        return set()
    return {line["step"] for line in read_lines(folder.journal) if line["kind"] == "finished"}


def killed_and_resumed(home: Home, log: Path, seconds: float) -> tuple[int, int, int] | None:
    """Finished calls asked again, calls in flight asked again, and calls finished when it was killed.

    None: it had not begun, or had ended, when the moment came.
    """
    log.write_text("")
    known = {folder.id for folder in home.folders()}
    process = subprocess.Popen(ASK, env=environment(home), cwd=home.path, stdout=subprocess.DEVNULL)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    if process.wait() != -signal.SIGKILL:
        return None
    new = [folder for folder in home.folders() if folder.id not in known]
    if not new:
        return None
    (folder,) = new
    done = finished(folder)
    time.sleep(0.2)  # seats' programs that outlive the kill have written down what they were asked
    before = log.read_text().split()
    process_seconds([FOLKMOOT, "resume", folder.id, "--quiet"], environment(home), home.path)
    again = log.read_text().split()[len(before) :]
    result = folder.result()
    assert result is not None and (result.status, result.total_calls) == ("converged", 32)
    assert result.answer == answer(240)
    return len(done & set(again)), len((set(before) - done) & set(again)), len(done)


def main() -> None:
    random.seed(1)
    with temporary_home() as home:
        log = logging_seats(home)
        whole = process_seconds(ASK, environment(home), home.path)
        kills: list[tuple[int, int, int]] = []
        while len(kills) < TIMES:
            kills += filter(None, [killed_and_resumed(home, log, random.uniform(0.2, whole))])
    repeated, in_flight, done = (sum(column) for column in zip(*kills, strict=True))
    show("finished calls repeated after kill -9", "0", [repeated], f" of {done}, {len(kills)} kills", digits=0)
    show("(calls in flight asked again)", "", [in_flight], f" in {len(kills)} kills", digits=0)
    sys.exit(repeated != 0)


if __name__ == "__main__":
    main()
