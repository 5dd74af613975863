"""What holds for every test: this machine's keys, log-ins, settings and model servers are out of reach.

A test that wants one names it itself. So the suite passes on a machine with keys of every vendor, with agent CLIs that
are logged in, and with Ollama running.
"""

import os
import shutil
import tempfile

import pytest

from folkmoot.providers.catalog import AGENTS, APIS, LOCAL_SERVERS

NOBODY = "http://127.0.0.1:9"  # the discard port, where no model server listens
REAL = ("agents", "browser", "inspect", "llm", "local")  # suites of real programs, which set up a machine of their own
SETTINGS = ("FOLKMOOT_", "OTEL_", "OLLAMA_", "XDG_", "LLM_")

_home = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """Before any test module is imported: some read the environment then."""
    if config.getoption("markexpr") in REAL:
        return
    variables = {name for api in APIS.values() for name in (*api.keys, *api.base_url_vars)}
    variables |= {name for agent in AGENTS.values() for name in (*agent.keys, agent.home) if name}
    for name in [name for name in os.environ if name in variables or name.startswith(SETTINGS)]:
        del os.environ[name]
    os.environ |= {f"{name.upper()}_BASE_URL": NOBODY for name in LOCAL_SERVERS}
    os.environ["HOME"] = config.stash[_home] = tempfile.mkdtemp(prefix="folkmoot-home-")


def pytest_unconfigure(config: pytest.Config) -> None:
    if _home in config.stash:
        shutil.rmtree(config.stash[_home], ignore_errors=True)
