"""The installed command, run as a user runs it: another process, a home of its own, nothing of this machine's."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND = Path(sys.executable).with_name("folkmoot")

QUICK = "sim/careful?delay=0,sim/hasty?delay=0,sim/contrarian?delay=0"


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Installed:
    """Runs `folkmoot` with FOLKMOOT_HOME in `home` and an environment that has only PATH and what is given."""

    home: Path
    environ: Mapping[str, str]

    def __call__(self, *arguments: str, stdin: str = "") -> Ended:
        done = subprocess.run(
            [COMMAND, *arguments], input=stdin, env=self.environment(), cwd=self.home, capture_output=True, text=True
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [COMMAND, *arguments], env=self.environment(), cwd=self.home, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def environment(self) -> dict[str, str]:
        here = {name: value for name, value in os.environ.items() if name == "PATH" or name.endswith("_BASE_URL")}
        return {**here, "HOME": str(self.home), "FOLKMOOT_HOME": str(self.home), **self.environ}

    def configure(self, text: str) -> None:
        (self.home / "config.toml").write_text(text)
