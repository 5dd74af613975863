"""Which seats are usable on this machine, when nobody named any."""

import json
import shutil
import urllib.request
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from folkmoot.providers.catalog import AGENTS, APIS, LOCAL_SERVERS, Agent

PANEL_SIZE = 3
PROBE_SECONDS = 0.5

STORED_LOGINS = {
    "claude-code": (".claude/.credentials.json", ".claude.json"),
    "codex-cli": (".codex/auth.json",),
    "gemini-cli": (".gemini/oauth_creds.json",),
}
"""Files below HOME in which a CLI keeps the log-in of a subscription."""


@dataclass(frozen=True)
class Sighting:
    """A model that can be asked here."""

    model: str
    family: str
    login: str  # what pays for it: a variable's name, "stored log-in", "local server"


@dataclass(frozen=True)
class Search:
    """What was looked for, and what was found."""

    found: tuple[Sighting, ...]
    keys: tuple[str, ...]
    binaries: tuple[str, ...]
    servers: tuple[str, ...]

    def panel(self) -> tuple[Sighting, ...]:
        """Up to three seats, each of another family: models of one family make the same mistakes."""
        chosen: dict[str, Sighting] = {}
        for sighting in self.found:
            chosen.setdefault(sighting.family, sighting)
        return tuple(chosen.values())[:PANEL_SIZE]

    def advice(self) -> str:
        """What was looked for and what to do, for somebody who has set nothing up."""
        return "\n".join(
            [
                "no model was named, and none was found here. Looked for:",
                f"  keys            {', '.join(self.keys)}",
                f"  programs        {', '.join(self.binaries)} (on PATH, logged in)",
                f"  local servers   {', '.join(self.servers)}",
                "Set one of these keys, log in to one of these programs, or name models yourself:",
                "  --models openai/gpt-5.4,ollama/llama3",
                "To see how it works, offline and free of charge, with simulated seats: --models sim",
            ]
        )


def look_around(environ: Mapping[str, str], servers: Mapping[str, str] | None = None) -> Search:
    """Keys that are set, agent CLIs that are logged in, and model servers that answer on this machine.

    Best first: a subscription that is there already, then keys, then local models.
    """
    local = dict(LOCAL_SERVERS if servers is None else servers)
    agents = [found for agent in AGENTS.values() if (found := _agent(agent, environ))]
    apis = [
        Sighting(f"{api.name}/{api.default_model}", api.family, key)
        for api in APIS.values()
        if api.default_model and (key := next((name for name in api.keys if environ.get(name)), None))
    ]
    return Search(
        found=(*agents, *apis, *_local_models(local)),
        keys=tuple(api.keys[0] for api in APIS.values() if api.keys and api.default_model),
        binaries=tuple(agent.binary for agent in AGENTS.values()),
        servers=tuple(f"{name} ({base.removeprefix('http://').removesuffix('/v1')})" for name, base in local.items()),
    )


def _agent(agent: Agent, environ: Mapping[str, str]) -> Sighting | None:
    if agent.default_model is None or shutil.which(agent.binary, path=environ.get("PATH", "")) is None:
        return None
    home = Path(environ.get("HOME", "/nonexistent"))
    if any((home / file).exists() for file in STORED_LOGINS.get(agent.name, ())):
        return Sighting(f"{agent.name}/{agent.default_model}", agent.family, "stored log-in")
    return None


def _local_models(servers: Mapping[str, str]) -> Sequence[Sighting]:
    with ThreadPoolExecutor(max_workers=max(len(servers), 1)) as pool:
        found = pool.map(_first_model, servers.values())
    return [
        Sighting(f"{name}/{model}", "local", "local server")
        for name, model in zip(servers, found, strict=True)
        if model
    ]


def _first_model(base_url: str) -> str | None:
    try:
        with urllib.request.urlopen(f"{base_url}/models", timeout=PROBE_SECONDS) as reply:
            listed = json.load(reply)["data"]
            return str(listed[0]["id"])
    except (OSError, ValueError, LookupError, TypeError):
        return None
