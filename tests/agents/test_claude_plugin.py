"""Our plugin in the real Claude Code: it is valid and installs, its server connects, its command reaches the model."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.agents.test_contract import PROGRAMS
from tests.frontends.installed import COMMAND
from tests.loopback import LoopbackModels
from tests.test_plugins import CLAUDE

pytestmark = pytest.mark.agents


def test_claude_code_takes_the_plugin_and_its_command(tmp_path: Path) -> None:
    with LoopbackModels() as model:
        environ = {
            "PATH": os.pathsep.join((str(COMMAND.parent), str(PROGRAMS), os.environ["PATH"])),
            "HOME": str(tmp_path),
            "FOLKMOOT_HOME": str(tmp_path / "moot"),
            "ANTHROPIC_API_KEY": "sk-loopback",
            "ANTHROPIC_BASE_URL": model.url,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
        }

        def claude(*words: str) -> str:
            ran = subprocess.run(
                [str(PROGRAMS / "claude"), *words], env=environ, cwd=tmp_path, stdin=subprocess.DEVNULL,
                capture_output=True, text=True, timeout=120,
            )  # fmt: skip
            assert ran.returncode == 0, ran.stdout + ran.stderr
            return ran.stdout

        assert "Validation passed" in claude("plugin", "validate", str(CLAUDE))
        claude("plugin", "marketplace", "add", str(CLAUDE))
        claude("plugin", "install", "folkmoot@folkmoot")
        assert "plugin:folkmoot:folkmoot: folkmoot mcp - ✔ Connected" in claude("mcp", "list")
        claude("-p", "/folkmoot:folkmoot vote Is 17 prime?")
        sent = json.dumps([asked.body for asked in model.asked], ensure_ascii=False)
    assert "Ask the panel with Folkmoot's tools: vote Is 17 prime?" in sent
