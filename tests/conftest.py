"""What holds for every test: this machine's keys, log-ins, settings, agent CLIs and model servers are out of reach.

A test that wants one names it itself. So the suite passes on a machine with keys of every vendor, with agent CLIs that
are logged in, and with Ollama running.
"""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from folkmoot.providers.catalog import AGENTS, APIS, LOCAL_SERVERS

NOBODY = "http://127.0.0.1:9"  # the discard port, where no model server listens
REAL = ("agents", "browser", "inspect", "llm", "local")  # suites of real programs, which set up a machine of their own
SETTINGS = ("FOLKMOOT_", "OTEL_", "OLLAMA_", "XDG_", "LLM_")

_machine = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """Before any test module is imported: some read the environment then."""
    if config.getoption("markexpr") in REAL:
        return
    variables = {name for api in APIS.values() for name in (*api.keys, *api.base_url_vars)}
    variables |= {name for agent in AGENTS.values() for name in (*agent.keys, agent.home) if name}
    for name in [name for name in os.environ if name in variables or name.startswith(SETTINGS)]:
        del os.environ[name]
    os.environ |= {f"{name.upper()}_BASE_URL": NOBODY for name in LOCAL_SERVERS}
    root = Path(tempfile.mkdtemp(prefix="folkmoot-machine-"))
    (root / "home").mkdir()
    os.environ["HOME"], os.environ["PATH"] = str(root / "home"), _without_agents(os.environ.get("PATH", ""), root)
    config.stash[_machine] = root


def _without_agents(path: str, root: Path) -> str:
    """`path` with each folder that holds an agent CLI replaced by one of links, in `root`, to its other programs."""
    agents = {agent.binary for agent in AGENTS.values()}
    folders = []
    for number, folder in enumerate(path.split(os.pathsep)):
        if folder and any((Path(folder) / name).exists() for name in agents):
            links = root / f"bin-{number}"
            links.mkdir()
            for program in Path(folder).absolute().iterdir():
                if program.name not in agents:
                    (links / program.name).symlink_to(program)
            folder = str(links)
        folders.append(folder)
    return os.pathsep.join(folders)


def pytest_unconfigure(config: pytest.Config) -> None:
    if _machine in config.stash:
        shutil.rmtree(config.stash[_machine], ignore_errors=True)
