"""The README's command on the real CLIs: the installed command starts them, and they ask a loopback server."""

import os
import shutil
from pathlib import Path

import pytest

from tests.agents.test_contract import PROGRAMS
from tests.frontends.car_wash import QUESTION, assert_it_converged, reply
from tests.frontends.installed import Installed
from tests.loopback import LoopbackModels

pytestmark = pytest.mark.agents


def test_the_car_wash_on_claude_codex_and_gemini(tmp_path: Path) -> None:
    models = ["claude-code/claude-opus-4-6", "codex-cli/gpt-5.4", "gemini-cli/gemini-3.1-pro-preview"]
    with LoopbackModels(reply) as server:
        environ = {
            "PATH": os.pathsep.join((str(PROGRAMS), os.environ["PATH"])),
            "ANTHROPIC_API_KEY": "sk-loopback-1",
            "ANTHROPIC_BASE_URL": server.url,
            "OPENAI_API_KEY": "sk-loopback-2",
            "OPENAI_BASE_URL": f"{server.url}/v1",
            "GEMINI_API_KEY": "sk-loopback-3",
            "GOOGLE_GEMINI_BASE_URL": server.url,
        }
        assert shutil.which("claude", path=environ["PATH"]), "run tests/agents/install first"
        moot = Installed(tmp_path, environ)
        ended = moot("converge", "--max-rounds", "5", "--models", "claude-code,codex-cli,gemini-cli", QUESTION)
        assert_it_converged(ended, models)
        assert len(server.asked) == 18
        assert "billed to ANTHROPIC_API_KEY" in ended.err  # no key wins silently over a subscription
