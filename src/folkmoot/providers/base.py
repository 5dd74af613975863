"""What every provider is opened with, and what most of them leave at its default."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from folkmoot.types import Billing, Completion, OnText, Pace, Request, Usage

LETTERS_PER_TOKEN = 4  # roughly, in English


@dataclass
class Shutdown:
    """Whether the user wants to leave at once: children then get half a second instead of two."""

    hurry: bool = False


class People(Protocol):
    """Where people who have a seat are asked: a terminal, a web page, an MCP client."""

    async def ask(self, name: str, request: Request) -> str:
        """What the person called `name` answers. Raises ProviderError when there is no answer to be had."""
        ...


@dataclass(frozen=True)
class Settings:
    """What a provider needs to know besides the requests. Nothing here is sent to a model."""

    environ: Mapping[str, str]  # the process's environment, with credentials from .env added
    idle_timeout: float | None = 120.0  # seconds without a sign of life, for providers that stream
    allow_tools: tuple[str, ...] = ()  # web_fetch, web_search, file_read, file_write, shell
    pass_env: tuple[str, ...] = ()  # further variables that agent CLIs and commands may see
    recordings: tuple[Path, ...] = ()
    table: Mapping[str, Any] = field(default_factory=dict)  # [providers.NAME] of config.toml
    prices: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # provider/model -> USD per million tokens
    shutdown: Shutdown = field(default_factory=Shutdown)
    people: People | None = None  # None: nobody can be asked here
    via: tuple[str, ...] = ()  # servers of ours the question came through: told to servers that may be one of them


class BaseProvider(ABC):
    """The defaults of a provider that is metered, streams, and takes any number of calls at once."""

    billing: Billing = "metered"
    concurrency: int | None = None
    streams: bool = True
    timeout: float = 300.0
    attachments: frozenset[str] = frozenset()
    account: str | None = None  # what a rate limit holds for: all providers of one account share a gate
    pace: Pace = Pace()  # what the user lets go to the account

    @abstractmethod
    async def complete(self, request: Request, on_text: OnText) -> Completion: ...

    async def aclose(self) -> None:  # noqa: B027  most providers hold nothing
        """Nothing to let go of."""


def estimate_usage(request: Request, text: str) -> Usage:
    """Tokens of a call as far as its length tells, for providers that have no tokens: simulations, recordings."""
    letters = len(request.system) + sum(len(message.text) for message in request.messages)
    return Usage(input_tokens=letters // LETTERS_PER_TOKEN, output_tokens=len(text) // LETTERS_PER_TOKEN)
