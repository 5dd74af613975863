"""The providers, by the name before the slash. Opening one loads its libraries; nothing else does."""

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from importlib.metadata import entry_points

from folkmoot.errors import InputError
from folkmoot.providers.base import BaseProvider, Settings
from folkmoot.providers.catalog import AGENTS, APIS, LOCAL_SERVERS
from folkmoot.types import Pace, Provider

Opener = Callable[[str, Settings], Provider]

PACE = ("requests_per_minute", "tokens_per_minute")

_BUILT_IN = (
    dict.fromkeys(APIS, "folkmoot.providers.api")
    | dict.fromkeys(LOCAL_SERVERS, "folkmoot.providers.api")
    | dict.fromkeys(AGENTS, "folkmoot.providers.agents")
    | {
        "sim": "folkmoot.providers.sim",
        "web": "folkmoot.providers.web",
        "embed": "folkmoot.providers.embed",
        "recorded": "folkmoot.providers.recorded",
        "replay": "folkmoot.providers.recorded",
        "human": "folkmoot.providers.human",
        "llm": "folkmoot.providers.llm_models",
    }
)


def provider_names() -> tuple[str, ...]:
    """Every name that can stand before the slash here, without those that config.toml adds."""
    return (*_BUILT_IN, *(entry.name for entry in entry_points(group="folkmoot.providers")))


def open_provider(name: str, settings: Settings) -> Provider:
    """The provider called `name`, ready to answer.

    `settings.table` decides first (a command or an OpenAI-compatible server of config.toml), then the built-in ones,
    then entry points. `requests_per_minute` and `tokens_per_minute` of the table hold for every kind of provider.
    Raises InputError for a name nobody knows, or a package, program or key that is not here.
    """
    limits = {key: _per_minute(name, key, value) for key, value in settings.table.items() if key in PACE}
    table = {key: value for key, value in settings.table.items() if key not in PACE}
    provider = _opener(name, settings)(name, replace(settings, table=table))
    if limits and isinstance(provider, BaseProvider):
        provider.pace = Pace(**limits)
        provider.account = provider.account or f"[providers.{name}]"
    return provider


def _per_minute(name: str, key: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"[providers.{name}]: {key} must be a whole number above 0, not {value!r}")
    return value


def _opener(name: str, settings: Settings) -> Opener:
    if "command" in settings.table:
        module = "folkmoot.providers.command"
    elif name in _BUILT_IN:
        module = _BUILT_IN[name]
    elif "base_url" in settings.table:
        module = "folkmoot.providers.api"
    else:
        for entry in entry_points(group="folkmoot.providers", name=name):
            found: Opener = entry.load()
            return found
        raise InputError(f"no provider is called {name!r}; the ones here are: {', '.join(provider_names())}")
    opener: Opener = import_module(module).open_provider
    return opener
