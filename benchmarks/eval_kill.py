"""Kill `folkmoot eval run` ten times at random: no finished call is asked again, and the table is the same.

    python -m benchmarks.eval_kill RECORDING [--questions 200] [--kills 10] [--seed 0]

Six conditions over recorded seats. Prints how many calls were finished and how many were asked again, which must be 0.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from folkmoot.core.journal import read_lines

CONDITIONS = "seats,vote:early=off,ask:adjudicate=off,ask:adjudicate=off:agree=3"


def start(recording: Path, questions: int, models: str, home: Path) -> subprocess.Popen[str]:
    command = [
        str(Path(sys.executable).with_name("folkmoot")), "eval", "run", str(recording), "--limit", str(questions),
        "-m", models, "-c", CONDITIONS, "-q", "-o", "json",
    ]  # fmt: skip
    environ = {**os.environ, "FOLKMOOT_HOME": str(home)}
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def table(text: str) -> list[dict[str, Any]]:
    """The rows but for their seconds."""
    return [{**row, "p50": None, "p95": None} for row in json.loads(text)["conditions"]]


def asked_again(home: Path) -> tuple[int, int]:
    """Finished calls, and calls that were begun although they had finished."""
    finished = again = 0
    for journal in home.glob("evals/*/runs/*/journal.jsonl"):
        seen: set[str] = set()
        for line in read_lines(journal):
            if line["kind"] == "finished":
                seen.add(line["step"])
                finished += 1
            elif line["kind"] == "started":
                again += line["step"] in seen
    return finished, again


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording", type=Path)
    parser.add_argument("--models", default="", help="three recorded models; otherwise the first three")
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    from folkmoot.providers.recorded import Recordings

    models = given.models or ",".join(f"recorded/{model}" for model in Recordings((given.recording,)).models[:3])
    draw = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as folder:
        killed, whole = Path(folder, "killed"), Path(folder, "whole")
        began = time.monotonic()
        undisturbed, _ = start(given.recording, given.questions, models, whole).communicate()
        seconds = time.monotonic() - began
        print(f"undisturbed: {seconds:.0f} s")
        for number in range(given.kills):
            child = start(given.recording, given.questions, models, killed)
            time.sleep(1 + draw.random() * 2 * seconds / given.kills)
            child.kill()
            child.communicate()
            finished, again = asked_again(killed)
            print(f"kill {number + 1}: {finished} calls finished so far, {again} asked again")
        after, _ = start(given.recording, given.questions, models, killed).communicate()
        finished, again = asked_again(killed)
        print(f"{finished} calls finished, {again} asked again; the same table: {table(after) == table(undisturbed)}")


if __name__ == "__main__":
    main()
