"""CLIs that are themselves a door to many vendors: the first part of the model's name says which."""

from typing import ClassVar

from folkmoot.errors import InputError, ProviderError
from folkmoot.providers.agents.cli import AgentCli
from folkmoot.providers.base import Settings
from folkmoot.providers.catalog import APIS
from folkmoot.types import Billing


class ManyVendors(AgentCli):
    """opencode and pi. `settings.table` may hold `base_url`, `api` and `api_key_env` to reach a server of one's own.

    Otherwise the CLI knows where its models are; the key of the vendor that is asked, and no other, is passed on.
    """

    table_keys = AgentCli.table_keys - {"login"} | {"base_url", "api", "api_key_env"}
    homes: ClassVar[tuple[str, ...]]  # variables that say where the CLI keeps its configuration
    apis = ("openai-completions", "openai-responses", "anthropic-messages")

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.base_url: str | None = settings.table.get("base_url")
        self.api = str(settings.table.get("api", self.apis[0]))
        self.key_name: str | None = settings.table.get("api_key_env")
        if self.api not in self.apis:
            raise InputError(f"{self.name}: api = {self.api!r} is none of {', '.join(self.apis)}")
        if self.key_name and not self.environ.get(self.key_name):
            raise InputError(f"{self.name}: api_key_env names {self.key_name}, which is not set")

    @property
    def login(self) -> str:
        if self.base_url:
            return self.key_name or "none"
        return "the vendor's variable, else its stored log-in"

    def _billing(self) -> Billing:
        # Whether a stored log-in is a key or a subscription is the CLI's secret; the budget had better hold.
        return "metered"

    def vendor_environment(self, vendor: str, **values: str) -> dict[str, str]:
        return self.environment(*self._keys(vendor), *self.homes, **values)

    def _keys(self, vendor: str) -> tuple[str, ...]:
        if self.base_url:
            return (self.key_name,) if self.key_name else ()
        return APIS[vendor].keys if vendor in APIS else ()

    def _secrets(self) -> list[str]:
        names = {name for api in APIS.values() for name in api.keys} | ({self.key_name} if self.key_name else set())
        return super()._secrets() + [self.environ[name] for name in names if self.environ.get(name)]


def split_model(name: str, model: str) -> tuple[str, str]:
    """Vendor and model in `model`. Raises ProviderError("model")."""
    vendor, slash, rest = model.partition("/")
    if not (vendor and slash and rest):
        raise ProviderError("model", f"{name} needs a vendor before the model: {name}/VENDOR/{model}")
    return vendor, rest
