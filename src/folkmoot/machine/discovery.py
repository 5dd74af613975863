"""Find the models that can be asked on this machine, who pays for them, and why the others cannot be asked."""

import shutil
from collections.abc import Container, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from folkmoot.machine.model_servers import models_at
from folkmoot.providers import provider_names
from folkmoot.providers.catalog import AGENTS, APIS, LOCAL_SERVERS, SIM_SEATS, Agent, Api, address_of, server_root
from folkmoot.types import Billing

Tables = Mapping[str, Mapping[str, Any]]
"""The [providers] of config.toml."""

PANEL_SIZE = 3
STORED = "stored log-in"
SUBSCRIPTIONS = frozenset({STORED, "CLAUDE_CODE_OAUTH_TOKEN"})
"""Log-ins that a flat subscription covers."""

_PACKAGES = {"anthropic": "anthropic", "google": "google.genai", "bedrock": "boto3"}  # by the extra that brings them


@dataclass(frozen=True)
class Offer:
    """A provider that can be asked here."""

    provider: str
    login: str  # the credential or server: a variable's name, "stored log-in", "server at 127.0.0.1:11434"
    models: tuple[str, ...] = ()  # in the form that --models takes, best first
    form: str = ""  # the form of any other model's name
    billing: Billing = "metered"
    family: str = "local"  # models of one family make the same mistakes
    remark: str = ""  # a warning, e.g. that a key is used instead of a stored log-in
    hint: str = ""  # how to find more models


@dataclass(frozen=True)
class Gap:
    """A provider that cannot be asked here."""

    provider: str
    why: str
    mend: str  # what to do


@dataclass(frozen=True)
class Sighting:
    """A model that can be asked here."""

    model: str
    family: str
    login: str  # what pays for it: a variable's name, "stored log-in", a server


@dataclass(frozen=True)
class Search:
    """The result of a search: what was looked for, and what was found."""

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
        """Explain what was looked for and what to set up, for a user who has set nothing up."""
        return "\n".join(
            [
                "no model was named, and none was found here. Looked for:",
                f"  keys            {', '.join(self.keys)}",
                f"  programs        {', '.join(self.binaries)} (on PATH, logged in)",
                f"  local servers   {', '.join(self.servers)}",
                "Set one of these keys, log in to one of these programs, or name models yourself:",
                "  --models openai/gpt-5.4,ollama/llama3",
                "`folkmoot models` says of each what is missing. To see how it works, offline and free of charge,",
                "with simulated seats: --models sim",
            ]
        )


def look_around(environ: Mapping[str, str], tables: Tables | None = None) -> Search:
    """Find agent CLIs that are logged in, keys that are set, and model servers that answer on this machine.

    Best first: a subscription that is there already, then keys, then local models. The server of a table is asked for
    only where it is one of the usual local ones: nothing else is taken without being named.
    """
    tables = tables or {}
    offers = [each for each in survey(environ, tables, only=LOCAL_SERVERS) if isinstance(each, Offer)]
    wanted = [each for each in offers if each.models and (each.provider in APIS or each.provider in LOCAL_SERVERS)]
    logged_in = [
        each for each in offers
        if each.provider in AGENTS and each.models and (each.login in SUBSCRIPTIONS or each.remark)
    ]  # fmt: skip
    addresses = {name: _address(name, environ, tables.get(name, {})) for name in LOCAL_SERVERS}
    return Search(
        found=tuple(Sighting(each.models[0], each.family, each.login) for each in (*logged_in, *wanted)),
        keys=tuple(api.keys[0] for api in APIS.values() if api.keys and api.default_model),
        binaries=tuple(agent.binary for agent in AGENTS.values()),
        servers=tuple(f"{name} ({_host(url)})" for name, url in addresses.items()),
    )


def survey(
    environ: Mapping[str, str], tables: Tables | None = None, *, only: Container[str] | None = None
) -> list[Offer | Gap]:
    """List every provider: agent CLIs, APIs, servers and programs of config.toml, local servers, others.

    Servers are asked which models they have, all at once; those in `only`, if it is given. Nothing else is asked, and
    no vendor's library is loaded.
    """
    tables = tables or {}
    programs = [name for name, table in tables.items() if "command" in table]  # whatever they are called
    found: list[Offer | Gap] = [
        _agent(agent, environ, tables.get(name, {})) for name, agent in AGENTS.items() if name not in programs
    ]
    apis = [name for name in APIS if name not in LOCAL_SERVERS and name not in programs]
    found += [_api(APIS[name], environ, tables.get(name, {})) for name in apis]
    found += [Offer(name, _program(tables[name]), (), f"{name}/ANYTHING", "free") for name in programs]
    known = {*APIS, *AGENTS, *LOCAL_SERVERS, *programs, "embed"}
    own = [name for name, table in tables.items() if name not in known and "base_url" in table]
    local = [name for name in LOCAL_SERVERS if name not in programs]
    servers = [name for name in (*own, *local) if only is None or name in only]
    with ThreadPoolExecutor(max_workers=max(len(servers), 1)) as pool:
        found += pool.map(lambda name: _server(name, environ, tables.get(name, {})), servers)
    return found + _others()


def login_of(provider: str, environ: Mapping[str, str], table: Mapping[str, Any]) -> str:
    """Return the credential or server of `provider`: a variable's name, a stored log-in, a program, a server.

    Empty where there is nothing it could use.
    """
    if "command" in table:
        return _program(table)
    if provider in AGENTS:
        return _agent_login(AGENTS[provider], environ, table)
    if provider in LOCAL_SERVERS or ("base_url" in table and provider not in APIS):
        key = _key(provider, environ, table)
        return f"server at {_host(_address(provider, environ, table))}" + (f", {key}" if key else "")
    if provider in APIS:
        return _key(provider, environ, table)
    others = {
        "sim": "simulated", "recorded": "a recording", "replay": "a recording", "llm": "llm's own keys",
        "human": "a person", "panel": "a saved panel",
    }  # fmt: skip
    return others.get(provider, "added by a package")


def stored_login(agent: Agent, environ: Mapping[str, str]) -> bool:
    """Return whether the files of an agent CLI hold a log-in."""
    home = Path(environ.get("HOME") or "/nonexistent")
    elsewhere = environ.get(agent.home) if agent.home else None
    for file, sign in agent.stored.items():
        path = Path(elsewhere) / Path(file).name if elsewhere else home / file
        try:
            if sign in path.read_text("utf-8", errors="replace"):
                return True
        except OSError:
            continue
    return False


def _agent(agent: Agent, environ: Mapping[str, str], table: Mapping[str, Any]) -> Offer | Gap:
    program = str(table.get("program", agent.binary))
    if shutil.which(Path(program).expanduser(), path=environ.get("PATH", "")) is None:
        return Gap(agent.name, f"the program {program} is not on PATH", agent.install)
    login = _agent_login(agent, environ, table)
    door = agent.list_models is not None  # to many vendors
    if not login and not door:
        return Gap(
            agent.name, f"{agent.binary} is not logged in", f"log in: {agent.log_in}; or set {' or '.join(agent.keys)}"
        )
    passed_over = login != STORED and not door and stored_login(agent, environ)
    billing: Billing = "subscription" if login in SUBSCRIPTIONS and not door else "metered"
    return Offer(
        agent.name,
        "the vendor's variable, else its stored log-in" if door else login,
        (f"{agent.name}/{agent.default_model}",) if agent.default_model else (),
        f"{agent.name}/PROVIDER/MODEL" if door else f"{agent.name}/MODEL",
        table.get("billing") or billing,
        agent.family,
        f'its own log-in is not used; login = "stored" under [providers.{agent.name}] uses it' if passed_over else "",
        f"`{agent.list_models}` lists what it knows" if door else "",
    )


def _agent_login(agent: Agent, environ: Mapping[str, str], table: Mapping[str, Any]) -> str:
    """As the provider itself chooses it: what config.toml says, else the first key that is set, else what is stored."""
    wanted = table.get("login")
    keys = [wanted] if wanted and wanted != "stored" else [] if wanted == "stored" else list(agent.keys)
    key = next((name for name in keys if (environ.get(name) or "").strip()), None)
    return key or (STORED if stored_login(agent, environ) else "")


def _api(api: Api, environ: Mapping[str, str], table: Mapping[str, Any]) -> Offer | Gap:
    key = _key(api.name, environ, table)
    if not key:
        names = [str(table["api_key_env"])] if table.get("api_key_env") else list(api.keys)
        why = "no key is set" if api.name != "vertex" else "no credentials are set"
        return Gap(api.name, why, f"set {' or '.join(names)}, in the environment or in .env")
    if api.extra and not _installed(_PACKAGES[api.extra]):
        return Gap(api.name, "a package it needs is not installed", f"pip install 'folkmoot[{api.extra}]'")
    if api.name == "azure" and not (table.get("base_url") or environ.get("AZURE_OPENAI_ENDPOINT")):
        return Gap(
            api.name, "its address is not known", "set AZURE_OPENAI_ENDPOINT, e.g. https://NAME.openai.azure.com"
        )
    models = (f"{api.name}/{api.default_model}",) if api.default_model else ()
    form = {"azure": "azure/DEPLOYMENT", "openrouter": "openrouter/VENDOR/MODEL"}.get(api.name, f"{api.name}/MODEL")
    return Offer(api.name, key, models, form, table.get("billing") or "metered", api.family)


def _key(provider: str, environ: Mapping[str, str], table: Mapping[str, Any]) -> str:
    """Return the variable whose key the provider uses; empty if there is none."""
    if (variable := table.get("api_key_env")) and environ.get(str(variable)):
        return str(variable)
    if table.get("api_key"):
        return "api_key in config.toml"
    if variable:
        return ""
    return next((name for name in (APIS[provider].keys if provider in APIS else ()) if environ.get(name)), "")


def _server(name: str, environ: Mapping[str, str], table: Mapping[str, Any]) -> Offer | Gap:
    if table.get("api_key_env") and not _key(name, environ, table):
        return Gap(name, "no key is set", f"set {table['api_key_env']}, in the environment or in .env")
    address = _address(name, environ, table)
    models = models_at(address, str(table.get("api_key") or environ.get(str(table.get("api_key_env")), "")))
    if models is None:
        mend = "start it" if name in LOCAL_SERVERS else f"start it, or mend base_url under [providers.{name}]"
        return Gap(name, f"no model server answers at {_host(address)}", mend)
    if not models and name in LOCAL_SERVERS:
        mend = "ollama pull llama3.2" if name == "ollama" else "load a model there"
        return Gap(name, f"the server at {_host(address)} has no models", mend)
    billing: Billing = table.get("billing") or ("free" if name in LOCAL_SERVERS else "metered")
    login = login_of(name, environ, table)
    named = tuple(f"{name}/{model}" for model in models)
    return Offer(name, login, named, "" if named else f"{name}/MODEL", billing)


def _address(name: str, environ: Mapping[str, str], table: Mapping[str, Any]) -> str:
    return server_root(str(address_of(name, environ, table)))


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2] or url


def _program(table: Mapping[str, Any]) -> str:
    command = table["command"]
    return f"the program {command.split()[0] if isinstance(command, str) else command[0]}"


def _installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # of the package around it
        return False


def _others() -> list[Offer | Gap]:
    """List providers without a vendor of their own, such as simulations and plugins."""
    elsewhere = {*APIS, *AGENTS, *LOCAL_SERVERS, "sim", "recorded", "replay", "web", "embed", "human", "panel"}
    return [
        *(_added(name) for name in provider_names() if name not in elsewhere),
        Offer("sim", "simulated", SIM_SEATS, "sim/NAME", "free", "sim"),
        Offer("recorded", "a recording", (), "recorded/MODEL", "free", "recorded", hint="with --recording FILE"),
    ]


def _added(name: str) -> Offer | Gap:
    if name != "llm":
        return Offer(name, "added by a package", form=f"{name}/MODEL")
    if not _installed("llm"):
        return Gap("llm", "the package llm is not installed", "pip install 'folkmoot[llm]'")
    return Offer("llm", "llm's own keys", (), "llm/MODEL", family="llm", hint="`llm models` lists what it knows")
