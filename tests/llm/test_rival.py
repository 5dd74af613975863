"""llm-consortium's own code is a condition of an evaluation, over a loopback server of a recording.

Slow: `pytest -m llm`; .ci/run does.
"""

import gzip
import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.frontends.installed import Installed

pytestmark = pytest.mark.llm

ROOT = Path(__file__).parents[2]
RECORDING = ROOT / "tests" / "data" / "recorded-gsm.jsonl.gz"
THEIRS = ("llm>=0.36", "llm-consortium==0.8.0", "scikit-learn")  # which it imports, but does not ask for


@pytest.fixture
def llm(tmp_path: Path) -> Path:
    """`llm` with llm-consortium; FOLKMOOT_RIVAL_LLM may name one that is there already."""
    if ready := os.environ.get("FOLKMOOT_RIVAL_LLM"):
        return Path(ready)
    folder = tmp_path / "env"
    venv.create(folder, with_pip=True)
    done = subprocess.run(
        [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", *THEIRS], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return folder / "bin" / "llm"


@pytest.mark.timeout(600)
def test_the_rivals_own_code_is_asked_the_recorded_questions(llm: Path, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in gzip.decompress(RECORDING.read_bytes()).splitlines()]
    models = list(lines[1]["answers"])[:3]
    command = [
        sys.executable, str(ROOT / "benchmarks" / "rival.py"), "--llm", str(llm), "--recording", str(RECORDING),
        "--models", ",".join(models), "--calls", str(tmp_path / "calls"),
    ]  # fmt: skip
    moot = Installed(tmp_path, {})
    moot.configure(f"[providers.rival]\ncommand = {json.dumps(command)}\ntimeout = 300\n")
    seats = ",".join(f"recorded/{model}" for model in models)
    words = ("eval", "run", str(RECORDING), "--limit", "2", "-m", seats, "-j", "1", "-q", "-o", "json")
    done = moot(*words, "-c", "vote,solo:rival/consortium")
    assert done.code == 0, done.err
    vote, rival = done.json["conditions"]
    assert rival["condition"] == "solo:rival/consortium"
    assert rival["right"] == vote["right"] == 2
    assert (tmp_path / "calls").read_text().split() == ["4", "4"]  # three members and the arbiter
