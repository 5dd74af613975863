"""The files in plugins/: each is read as its client reads it, and what it says to start is started."""

import asyncio
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from folkmoot._version import __version__
from folkmoot.frontends.mcp.tools import find_tools
from folkmoot.types import JSON
from tests.frontends.installed import COMMAND
from tests.frontends.mcp.clients import machine_at

ROOT = Path(__file__).parents[1]
PLUGINS = ROOT / "plugins"
CLAUDE = PLUGINS / "claude-code"
PATIENT = 300  # seconds that a debate may take at least before a client gives up


def read_json(text: str) -> JSON:
    found: JSON = json.loads(text)
    return found


def read_jsonc(text: str) -> JSON:
    """JSON with comments on lines of their own."""
    return read_json("\n".join(line for line in text.splitlines() if not line.lstrip().startswith("//")))


def read_yaml(text: str) -> JSON:
    found: JSON = yaml.safe_load(text)
    return found


@dataclass(frozen=True)
class Entry:
    """How a client's file names our server."""

    file: str
    read: Callable[[str], JSON]
    server: Callable[[JSON], JSON]  # the entry of our server
    keys: frozenset[str]  # that the client documents for it

    def found(self) -> JSON:
        return self.server(self.read((PLUGINS / self.file).read_text("utf-8")))

    def command(self) -> list[str]:
        found = self.found()
        written = found["command"]
        return list(written) if isinstance(written, list) else [written, *found["args"]]


STDIO = frozenset({"command", "args", "env"})
ENTRIES = {
    "claude-code": Entry(
        "claude-code/.mcp.json", read_json, lambda file: file["mcpServers"]["folkmoot"], STDIO | {"type", "timeout"}
    ),
    "cursor": Entry(
        "cursor/mcp.json", read_json, lambda file: file["mcpServers"]["folkmoot"], STDIO | {"type", "envFile"}
    ),
    "cline": Entry(
        "cline/cline_mcp_settings.json", read_json, lambda file: file["mcpServers"]["folkmoot"],
        STDIO | {"timeout", "autoApprove", "disabled"},
    ),
    "roo": Entry(
        "roo/mcp.json", read_json, lambda file: file["mcpServers"]["folkmoot"],
        STDIO | {"type", "cwd", "timeout", "alwaysAllow", "disabled"},
    ),
    "kilo": Entry(
        "kilo/kilo.jsonc", read_jsonc, lambda file: file["mcp"]["folkmoot"],
        frozenset({"type", "command", "environment", "enabled", "timeout"}),
    ),
    "continue": Entry(
        "continue/folkmoot.yaml", read_yaml, lambda file: file["mcpServers"][0],
        STDIO | {"name", "type", "cwd", "connectionTimeout"},
    ),
    "vscode": Entry(
        "vscode/mcp.json", read_json, lambda file: file["servers"]["folkmoot"], STDIO | {"type", "cwd", "envFile"}
    ),
}  # fmt: skip
CLIENTS = pytest.mark.parametrize("client", ENTRIES)


@CLIENTS
def test_a_file_has_what_its_client_documents_and_no_key(client: str) -> None:
    found = ENTRIES[client].found()
    assert found.keys() <= ENTRIES[client].keys
    text = (PLUGINS / ENTRIES[client].file).read_text("utf-8")
    assert not re.search(r"_KEY|_TOKEN|sk-", text), "a file that is copied about holds no credentials"


@CLIENTS
def test_what_a_file_starts_is_our_server(client: str, tmp_path: Path) -> None:
    command, *arguments = ENTRIES[client].command()
    environ = {
        "PATH": f"{COMMAND.parent}:{os.environ['PATH']}", "HOME": str(tmp_path), "FOLKMOOT_HOME": str(tmp_path)
    }  # fmt: skip

    async def listed() -> set[str]:
        started = StdioServerParameters(command=command, args=arguments, env=environ, cwd=tmp_path)
        async with Client(started, mode="legacy") as server:
            return {tool.name for tool in (await server.list_tools()).tools}

    assert asyncio.run(listed()) == set(find_tools(machine_at(tmp_path)))


def test_clients_that_give_up_early_are_told_to_wait() -> None:
    assert ENTRIES["kilo"].found()["timeout"] >= 1000 * PATIENT  # milliseconds
    assert ENTRIES["cline"].found()["timeout"] >= PATIENT
    assert PATIENT <= ENTRIES["roo"].found()["timeout"] <= 3600


def test_only_looking_at_a_run_needs_no_approval(tmp_path: Path) -> None:
    tools = find_tools(machine_at(tmp_path))
    approved = [*ENTRIES["cline"].found()["autoApprove"], *ENTRIES["roo"].found()["alwaysAllow"]]
    assert all(tools[name].reads_only for name in approved)


def test_continues_block_says_what_it_is() -> None:
    block = read_yaml((PLUGINS / "continue/folkmoot.yaml").read_text("utf-8"))
    assert {"name", "version", "schema", "mcpServers"} == set(block)
    assert block["schema"] == "v1"


def test_the_repository_is_a_marketplace_that_offers_the_same_plugin() -> None:
    whole, beside = (
        read_json((folder / ".claude-plugin/marketplace.json").read_text("utf-8")) for folder in (ROOT, CLAUDE)
    )
    (offered,) = whole["plugins"]
    assert (ROOT / offered["source"]).resolve() == CLAUDE.resolve()
    assert whole | {"plugins": [offered | {"source": "./"}]} == beside


def test_the_marketplace_offers_the_plugin_beside_it() -> None:
    marketplace = read_json((CLAUDE / ".claude-plugin/marketplace.json").read_text("utf-8"))
    plugin = read_json((CLAUDE / ".claude-plugin/plugin.json").read_text("utf-8"))
    assert {"name", "owner", "plugins"} <= set(marketplace)
    (offered,) = marketplace["plugins"]
    assert (CLAUDE / offered["source"] / ".claude-plugin/plugin.json").samefile(CLAUDE / ".claude-plugin/plugin.json")
    assert offered["name"] == plugin["name"] == marketplace["name"] == "folkmoot"
    assert plugin["version"] == __version__


def front_matter(text: str) -> tuple[Mapping[str, Any], str]:
    _, head, body = text.split("---\n", 2)
    return read_yaml(head), body


def test_the_slash_command_names_tools_that_there_are(tmp_path: Path) -> None:
    head, body = front_matter((CLAUDE / "commands/folkmoot.md").read_text("utf-8"))
    assert set(head) == {"description", "argument-hint"}
    assert "$ARGUMENTS" in body
    named = set(re.findall(r"`(folkmoot_\w+)`", body))
    assert named
    assert named <= set(find_tools(machine_at(tmp_path)))


def test_every_client_has_its_line_in_the_readme() -> None:
    readme = (PLUGINS / "README.md").read_text("utf-8")
    files = {str(path.relative_to(PLUGINS)) for path in PLUGINS.rglob("*") if path.is_file()} - {"README.md"}
    assert {file for file in files if f"`{file}`" not in readme} == set()
    assert {entry.file for entry in ENTRIES.values()} <= files
