"""Wall clock of a whole `folkmoot converge` over what its calls alone would take, one after the other.

3 seats, exactly 2 rounds, 0.2 s for each call: propose, evaluate, propose, evaluate make 0.8 s at the least.
"""

import shlex
import shutil
import sys
from pathlib import Path

from benchmarks.measuring import (
    AGREEING,
    QUESTION,
    answer,
    environment,
    interpreter_seconds,
    model_server,
    process_seconds,
    review,
    show,
    temporary_home,
)  # fmt: skip
from folkmoot.core.journal import read_lines
from folkmoot.record.store import Home

CALL = 0.2  # seconds
IDEAL = 4 * CALL
TIMES = 7
FOLKMOOT = Path(sys.executable).with_name("folkmoot")
FLAGS = [f"--{name.replace('_', '-')}={value}" for name, value in AGREEING.items()]


def converge(home: Home, models: str, **environ: str) -> tuple[float, float]:
    """Seconds of the whole process, and from the first call's start to the last one's end."""
    argv = [str(FOLKMOOT), "converge", QUESTION, "--models", models, *FLAGS]
    wall = process_seconds(argv, environment(home, **environ), home.path)
    folder = home.find("last")
    lines = [line for line in read_lines(folder.journal) if line["kind"] in ("started", "finished")]
    finished = [line for line in lines if line["kind"] == "finished"]
    result = folder.result()
    assert result is not None and (result.status, result.outcome.round, len(finished)) == ("converged", 2, 18)
    shutil.rmtree(folder.path)
    return wall, lines[-1]["at"] - lines[0]["at"]


def command_seats(home: Home) -> None:
    """A shell that sleeps and prints: of all programs one of the cheapest, so that what is left is ours."""
    judged, said = shlex.quote(review(240)), shlex.quote(answer(240))
    script = f'case "$FOLKMOOT_FORMAT" in text) set -- {said};; *) set -- {judged};; esac; sleep {CALL}; echo "$1"'
    command = ", ".join(f"'''{word}'''" for word in ("/bin/sh", "-c", script))
    (home.path / "config.toml").write_text(f"[providers.shell]\ncommand = [{command}]\n")


def main() -> None:
    start = interpreter_seconds()
    with temporary_home() as home, model_server(delay=CALL) as url:
        api = {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": "loopback"}
        over_api = [converge(home, "openai/gpt-5.4*3", **api) for _ in range(TIMES)]
    with temporary_home() as home:
        command_seats(home)
        over_commands = [converge(home, "shell/any*3") for _ in range(TIMES)]
    show("whole process / ideal, API seats", "<= 2.4", [wall / IDEAL for wall, _ in over_api])
    show("whole process / ideal, command seats", "<= 1.6", [wall / IDEAL for wall, _ in over_commands])
    show("first request to last reply / ideal, API seats", "", [calls / IDEAL for _, calls in over_api])
    show("first request to last reply / ideal, command seats", "<= 1.08", [calls / IDEAL for _, calls in over_commands])
    show("(starting Python alone / ideal)", "", [start / IDEAL])


if __name__ == "__main__":
    main()
