"""A real MCP client on our server: in memory, and to the installed command; what progress it is told is kept."""

import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcp import Client, types
from mcp.client.session import ElicitationFnT
from mcp.client.stdio import StdioServerParameters

from folkmoot.frontends.mcp.live import FollowedRuns
from folkmoot.frontends.mcp.server import make_server
from folkmoot.machine.config import Config
from folkmoot.record.store import Home
from folkmoot.running.runs import Machine
from tests.frontends.installed import COMMAND

QUICK = ["sim/careful?delay=0", "sim/hasty?delay=0", "sim/contrarian?delay=0"]
SLOW = ["sim/careful?delay=30", "sim/hasty?delay=30"]  # far longer than any test waits
ERAS = ("auto", "legacy")  # the protocol of 2026-07-28, and that of clients in the field


@dataclass
class Told:
    """The progress that one call reported."""

    values: list[float] = field(default_factory=list)
    totals: list[float | None] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        self.values.append(progress)
        self.totals.append(total)
        self.lines.append(message or "")


def machine_at(home: Path, **environ: str) -> Machine:
    return Machine({"PATH": os.environ["PATH"], "FOLKMOOT_HOME": str(home), **environ}, Config(), Home(home))


@contextlib.asynccontextmanager
async def in_memory(
    home: Path,
    *,
    mode: str = "auto",
    root: Path | None = None,
    elicit: ElicitationFnT | None = None,
    heartbeat: float = 10.0,
) -> AsyncIterator[Client]:
    """A client of a server in this process, with its runs in `home`."""
    async with FollowedRuns(machine_at(home)) as runs:
        server = make_server(runs, root=root, heartbeat=heartbeat)
        async with Client(server, mode=mode, elicitation_callback=elicit, input_required_max_rounds=50) as client:
            yield client


def installed(home: Path, *arguments: str) -> StdioServerParameters:
    """The installed command, as a client starts it."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "FOLKMOOT_HOME": str(home)}
    return StdioServerParameters(command=str(COMMAND), args=["mcp", *arguments], env=environ, cwd=home)


def text_of(said: types.CallToolResult) -> str:
    return "\n".join(each.text for each in said.content if isinstance(each, types.TextContent))


def data_of(said: types.CallToolResult) -> dict[str, Any]:
    assert isinstance(said.structured_content, dict), text_of(said)
    return said.structured_content
