"""Run the tests of what Folkmoot promises and print one line of figures for each item: `make test-trust`."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.trust.figures import FILE


def main(arguments: list[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures"
        pytest = [sys.executable, "-m", "pytest", "-n", "0", "-m", "trust or not trust", "tests/trust", *arguments]
        ended = subprocess.run(pytest, env=os.environ | {FILE: str(file)}, check=False)
        found: dict[str, list[str]] = {}
        for line in file.read_text("utf-8").splitlines() if file.exists() else ():
            item, _, figure = line.partition(": ")
            found.setdefault(item, []).append(figure)
    for item, figures in found.items():
        print(f"{item}: {'; '.join(figures)}")
    return ended.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
