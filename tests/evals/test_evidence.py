"""docs/evidence.md is what `python -m benchmarks.evidence` makes of the committed figures."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_is_what_the_committed_figures_say() -> None:
    """On failure: `python -m benchmarks.evidence`."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.evidence", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
