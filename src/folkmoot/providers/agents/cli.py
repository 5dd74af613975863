"""What the agent CLIs have in common: where a call runs, which log-in it uses, and how its end is judged.

The one thing to know: an answer is an answer only if the CLI's last event says so, the text is not empty and the exit
code is 0. Every single one of these signs has been seen to lie alone.
"""

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, get_args

from folkmoot.errors import FailureKind, InputError, ProviderError
from folkmoot.providers.base import BaseProvider, Settings
from folkmoot.providers.catalog import AGENTS
from folkmoot.providers.process import Ran, allowed_environment, find_program, private_box, redacted, run_program
from folkmoot.types import JSON, Billing, Completion, Message, OnText, Request, Usage

STORED = "stored log-in"
PLAIN = "CliAnswer the user."  # without any system prompt, a CLI would send its own thousands of tokens
Tools = Mapping[str, tuple[str, ...]]
"""Folkmoot's names of tools -> the CLI's own."""
FILE_TOOLS = frozenset({"file_read", "file_write", "shell"})


@dataclass(frozen=True)
class Invocation:
    """One call of a CLI."""

    argv: Sequence[str]
    env: Mapping[str, str]
    stdin: str


@dataclass(frozen=True)
class CliAnswer:
    """What a CLI's events say, once they are judged to hold an answer."""

    text: str
    usage: Usage | None = None
    cost: float | None = None  # dollars, as the CLI prints it: a list price, whoever pays
    model: str | None = None
    cut_short: bool = False  # the model reached its limit of tokens


class EventReader(ABC):
    """Reads the events of one call."""

    @abstractmethod
    def hear(self, event: JSON) -> bool | None:
        """Take one event; True: enough, end the program."""

    @abstractmethod
    def judge(self, ran: Ran) -> CliAnswer:
        """The answer, after the program has ended. Raises ProviderError when there is none."""


class AgentCli(BaseProvider, ABC):
    """An agent CLI as a provider. `settings.table` may hold `program`, `login`, `concurrency` and `billing`."""

    name: ClassVar[str]
    megabytes: ClassVar[int]  # peak memory of one call, all its processes together, as measured
    unsupported: ClassVar[frozenset[str]]  # fields of a request that this CLI has no way to honour
    tools: ClassVar[Tools]
    table_keys: ClassVar[frozenset[str]] = frozenset({"program", "login", "concurrency", "billing"})

    timeout = 1800.0

    def __init__(self, settings: Settings) -> None:
        if unknown := sorted(settings.table.keys() - self.table_keys):
            raise InputError(f"[providers.{self.name}]: there is no {unknown[0]!r}, only {sorted(self.table_keys)}")
        self.settings = settings
        self.environ = settings.environ
        self.allowed = tuple(tool for tool in settings.allow_tools if tool in self.tools)
        agent = AGENTS[self.name]
        try:
            self.program = find_program(str(settings.table.get("program", agent.binary)), self.environ)
        except ProviderError as error:
            raise InputError(f"{self.name}: {error}; install it with: {agent.install}") from None
        self.key = self._choose_login(agent.keys)
        self.billing: Billing = settings.table.get("billing", self._billing())
        if self.billing not in get_args(Billing):
            raise InputError(f"{self.name}: billing = {self.billing!r} is none of {', '.join(get_args(Billing))}")
        self.concurrency = settings.table.get("concurrency", _fitting(self.megabytes))
        if not isinstance(self.concurrency, int) or self.concurrency < 1:
            raise InputError(f"{self.name}: concurrency = {self.concurrency!r} is not a number of calls")

    @property
    def login(self) -> str:
        """What the CLI identifies itself with: the name of a variable, or the log-in it has stored itself."""
        return self.key or STORED

    @property
    def missing_tools(self) -> frozenset[str]:
        """The tools that were allowed but that this CLI does not have."""
        return frozenset(self.settings.allow_tools) - self.tools.keys()

    @abstractmethod
    async def prepare(self, request: Request, box: Path) -> Invocation:
        """How to call the CLI for `request`; files it needs go into `box`, outside `box/cwd`."""

    @abstractmethod
    def reading(self, on_text: OnText) -> EventReader: ...

    async def complete(self, request: Request, on_text: OnText) -> Completion:
        try:
            with private_box(self.environ) as box:
                answer = await self._answer(request, box, on_text)
        except ProviderError as error:
            message = redacted(str(error), self._secrets())
            usd = error.usd if self.billing == "metered" else 0.0
            raise ProviderError(error.kind, message, retry_after=error.retry_after, usd=usd) from None
        return self._completion(request, answer)

    async def _answer(self, request: Request, box: Path, on_text: OnText) -> CliAnswer:
        call = await self.prepare(request, box)
        reading = self.reading(on_text)

        def hear(line: str) -> bool | None:
            event = parsed(line)
            return None if event is None else reading.hear(event)

        ran = await run_program(
            call.argv,
            stdin=call.stdin,
            env={**call.env, "TMPDIR": str(box / "tmp"), "TERM": "dumb", "NO_COLOR": "1"},
            # A tool that works on files needs the caller's; whoever has none must not even see where they are.
            cwd=Path.cwd() if FILE_TOOLS.intersection(self.allowed) else box / "cwd",
            idle_timeout=self.settings.idle_timeout if self.streams else None,
            shutdown=self.settings.shutdown,
            on_line=hear,
            keep_stdout=False,
        )
        answer = reading.judge(ran)
        if not answer.text.strip():
            raise ProviderError("empty", f"{self.name} answered without any text")
        return answer

    def _completion(self, request: Request, answer: CliAnswer) -> Completion:
        from folkmoot.providers.prices import list_price  # loads the price table

        price = answer.cost
        if price is None and answer.usage is not None:
            price = list_price(f"{self.name}/{request.model}", answer.usage)
        metered = self.billing == "metered"
        return Completion(
            text=answer.text,
            model=answer.model,
            usage=answer.usage,
            usd=price if metered else 0.0,
            list_usd=None if metered else price,
            finish="length" if answer.cut_short else "stop",
        )

    def environment(self, *names: str, **values: str) -> dict[str, str]:
        """What every child may see, the log-in, `pass_env`, the variables `names`, and `values`."""
        login = [self.key] if self.key else []
        return allowed_environment(self.environ, (*login, *self.settings.pass_env, *names)) | values

    def tool_names(self) -> list[str]:
        """The CLI's own names of the tools that are allowed, in order."""
        return list(dict.fromkeys(own for tool in self.allowed for own in self.tools[tool]))

    def _choose_login(self, candidates: Sequence[str]) -> str | None:
        """The variable to log in with: the first that is set, or what `login` in the configuration says."""
        wanted = self.settings.table.get("login")
        if wanted == "stored":
            return None
        if wanted is not None and (wanted not in candidates or not self.environ.get(wanted)):
            choices = ", ".join(("stored", *candidates))
            raise InputError(f"{self.name}: login = {wanted!r} must be one of {choices}, and be set")
        return wanted or next((name for name in candidates if self.environ.get(name, "").strip()), None)

    def _billing(self) -> Billing:
        return "metered" if self.key else "subscription"

    def _secrets(self) -> list[str]:
        passed = {*AGENTS[self.name].keys, *self.settings.pass_env}
        return [self.environ[name] for name in passed if self.environ.get(name)]


def _fitting(megabytes: int) -> int:
    """How many calls of that size fit into half of this machine's memory, at most 16."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, min(16, memory // 2_000_000 // megabytes))


def parsed(line: str) -> JSON | None:
    """The JSON object in a line of output, or None: CLIs also print notices."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


def at(event: object, *path: str) -> Any:
    """What stands at `path` in nested objects, or None."""
    for key in path:
        if not isinstance(event, dict):
            return None
        event = event.get(key)
    return event


def text_at(event: object, *path: str) -> str:
    found = at(event, *path)
    return found if isinstance(found, str) else ""


def count_at(event: object, *path: str) -> int:
    found = at(event, *path)
    return max(0, int(found)) if isinstance(found, int | float) else 0


def cost_at(event: object, *path: str) -> float | None:
    found = at(event, *path)
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


def kind_of_status(status: int) -> FailureKind:
    """What an HTTP status of a model's API means.

    >>> kind_of_status(529)
    'server'
    """
    kinds: dict[int, FailureKind] = {401: "auth", 402: "auth", 403: "auth", 404: "model", 429: "rate"}
    # 408, 409: the same request may succeed later. 529: Anthropic's "overloaded".
    return kinds.get(status) or ("request" if 400 <= status < 500 and status not in (408, 409) else "server")


def unfinished(name: str, ran: Ran) -> ProviderError:
    """For a program that ended without saying how it went."""
    said = [line.strip() for line in ran.stderr.splitlines() if line.strip()]
    why = next((line for line in said if not line.lower().startswith("warning")), said[0] if said else "")
    ending = f"signal {-ran.returncode}" if ran.returncode < 0 else f"exit code {ran.returncode}"
    return ProviderError("protocol", f"{name} ended with {ending} and no final event" + (f": {why}" if why else ""))


def failed(name: str, ran: Ran) -> ProviderError:
    """For a program whose last event is good but whose exit code is not."""
    return ProviderError("protocol", f"{name} ended with exit code {ran.returncode} after its answer")


def one_text(messages: Sequence[Message]) -> str:
    """A conversation as one prompt: a single message as it is, several under headings.

    >>> one_text([Message("user", ("Hi",))])
    'Hi'
    >>> print(one_text([Message("user", ("Hi",)), Message("assistant", ("Hello",)), Message("user", ("Bye",))]))
    # User
    <BLANKLINE>
    Hi
    <BLANKLINE>
    # Assistant
    <BLANKLINE>
    Hello
    <BLANKLINE>
    # User
    <BLANKLINE>
    Bye
    """
    if len(messages) == 1:
        return messages[0].text
    return "\n\n".join(f"# {message.role.capitalize()}\n\n{message.text}" for message in messages)


def written(path: Path, text: str) -> str:
    """`path` as text, after writing `text` there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", errors="replace")
    return str(path)
