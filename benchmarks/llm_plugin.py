"""What the plugin adds to every command of `llm`: each is run with it and without, in turn.

Without, `llm` loads no plugin at all and does not look for any, so that the difference is rather too large.
"""

import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.measuring import environment, median, process_seconds, show, temporary_home

TIMES = 25
LLM = Path(sys.executable).with_name("llm")
COMMANDS = ("--version", "--help", "models")
LOADED = """
import sys
import llm.cli
import llm
llm.get_models_with_aliases()
ours = [name for name in sys.modules if name.partition(".")[0] == "folkmoot"]
print(len(ours), len(sys.modules))
"""


def main() -> None:
    with temporary_home() as home:
        panels = home.path / "panels"
        panels.mkdir()
        for number in range(10):
            (panels / f"panel-{number}.toml").write_text('protocol = "vote"\nmodels = ["sim/careful", "sim/hasty"]\n')
        with_it = environment(home, LLM_USER_PATH=str(home.path))
        without = {**with_it, "LLM_LOAD_PLUGINS": ""}
        for command in COMMANDS:
            argv = [str(LLM), command]
            pairs = [(_spent(argv, with_it), _spent(argv, without)) for _ in range(TIMES + 1)][1:]
            for which, clock in enumerate(("wall clock", "CPU")):
                times = [(ours[which], bare[which]) for ours, bare in pairs]
                ratio, alone = median([ours / bare for ours, bare in times]), median([bare for _, bare in times])
                what = f"`llm {command}` with the plugin, less without it ({alone:.0f} ms; ratio {ratio:.3f}), {clock}"
                show(what, "< 30 ms", [ours - bare for ours, bare in times], " ms", digits=1)
        done = subprocess.run([sys.executable, "-c", LOADED], env=with_it, capture_output=True, text=True, check=True)
        ours, everything = done.stdout.split()
        show(f"modules of Folkmoot among the {everything} that list the models of `llm`", "", [float(ours)], digits=0)


def _spent(argv: Sequence[str], environ: Mapping[str, str]) -> tuple[float, float]:
    """Milliseconds of wall clock and of CPU: on a machine that others use too, the latter tells more."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    wall = process_seconds(argv, environ)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall * 1000, (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


if __name__ == "__main__":
    main()
