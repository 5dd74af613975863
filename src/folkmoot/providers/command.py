"""Commands: any program that reads a prompt on stdin and writes an answer to stdout, one process for each call.

Configured in config.toml:

    [providers.mine]
    command = ["python", "answer.py"]  # or one string, split as a shell would; no shell runs it
    timeout = 60                       # seconds for one step
    concurrency = 2                    # calls at once
    env = ["MY_API_KEY"]               # further variables it may see

The program runs in the current folder. What it is asked for stands in FOLKMOOT_MODEL, FOLKMOOT_STEP, FOLKMOOT_PHASE,
FOLKMOOT_FORMAT and FOLKMOOT_SEED.
"""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from folkmoot.errors import InputError, ProviderError
from folkmoot.providers.base import BaseProvider, Settings
from folkmoot.providers.process import allowed_environment, redacted, run_program
from folkmoot.types import Billing, Completion, OnText, Request

KEYS = ("command", "timeout", "concurrency", "env")

SHELL_FOUND_NOTHING = (126, 127)  # what shells return for a program that is not executable, or not there
MAX_COMPLAINT = 300  # letters of stderr that an error message holds


def open_provider(name: str, settings: Settings) -> "Command":
    """The command of `[providers.NAME]`. Raises InputError for a table that cannot be read."""
    where, table = f"[providers.{name}]", settings.table
    if unknown := [key for key in table if key not in KEYS]:
        raise InputError(f"{where}: there is no key {unknown[0]!r}; there are {', '.join(KEYS)}")
    return Command(
        _argv(table.get("command"), where),
        settings,
        timeout=_number(table, "timeout", where) or BaseProvider.timeout,
        concurrency=_whole(table, "concurrency", where),
        names=_names(table.get("env", []), where),
    )


class Command(BaseProvider):
    """Runs a program for each call. What that costs is the program's business."""

    billing: Billing = "free"

    def __init__(
        self, argv: list[str], settings: Settings, *, timeout: float, concurrency: int | None, names: list[str]
    ) -> None:
        self.argv, self.settings, self.timeout, self.concurrency = argv, settings, timeout, concurrency
        named = (*settings.pass_env, *names)
        self.environment = allowed_environment(settings.environ, named)
        self.secrets = [self.environment[name] for name in named if name in self.environment]

    async def complete(self, request: Request, on_text: OnText) -> Completion:
        ran = await run_program(
            self.argv,
            stdin=prompt(request),
            env=self.environment | _asked_for(request),
            cwd=Path.cwd(),
            # a program may think in silence: only the step's timeout ends it
            idle_timeout=None,
            shutdown=self.settings.shutdown,
            on_line=lambda line: on_text(line + "\n"),
        )
        if ran.returncode != 0:
            raise _failure(self.argv[0], ran.returncode, redacted(ran.stderr, self.secrets))
        if not ran.stdout.strip():
            raise ProviderError("empty", f"{self.argv[0]} wrote nothing")
        return Completion(text=ran.stdout.rstrip("\r\n"), usd=0.0)


def prompt(request: Request) -> str:
    """What stands on stdin: the system prompt, then the messages, with a line about who speaks if there are several."""
    if len(request.messages) == 1:
        turns = [request.messages[0].text]
    else:
        turns = [f"{message.role.capitalize()}:\n{message.text}" for message in request.messages]
    return "\n\n".join(part for part in (request.system, *turns) if part) + "\n"


def _asked_for(request: Request) -> dict[str, str]:
    about = request.about
    return {
        "FOLKMOOT_MODEL": request.model,
        "FOLKMOOT_STEP": about.step,
        "FOLKMOOT_PHASE": about.phase,
        "FOLKMOOT_FORMAT": about.format,
        "FOLKMOOT_SEED": str(about.seed),
    }


def _failure(program: str, returncode: int, stderr: str) -> ProviderError:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    # of a Python traceback the last line says what happened, of everything else the first
    line = lines[-1] if lines and lines[0].startswith("Traceback") else lines[0] if lines else ""
    said = f": {line[:MAX_COMPLAINT]}" if line else ""
    if returncode in SHELL_FOUND_NOTHING:
        return ProviderError("missing", f"{program} found no program to run{said}")
    ended = f"was ended by signal {-returncode}" if returncode < 0 else f"returned {returncode}"
    return ProviderError("server", f"{program} {ended}{said}")


def _argv(value: object, where: str) -> list[str]:
    try:
        argv = shlex.split(value) if isinstance(value, str) else value
    except ValueError as error:
        raise InputError(f"{where}: command cannot be split into words: {error}") from None
    if not isinstance(argv, list) or not argv or not all(isinstance(word, str) and word for word in argv):
        raise InputError(f'{where}: command must be a text or a list of texts, e.g. ["python", "answer.py"]')
    program = argv[0]
    # a bare name is looked up in PATH; a path holds from the folder we were started in
    return [str(Path(program).expanduser().absolute()) if os.sep in program else program, *argv[1:]]


def _names(value: object, where: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise InputError(f'{where}: env must be a list of names, e.g. ["MY_API_KEY"]')
    return value


def _number(table: Mapping[str, object], key: str, where: str) -> float | None:
    value = table.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise InputError(f"{where}: {key} must be a number above 0, not {value!r}")
    return float(value)


def _whole(table: Mapping[str, object], key: str, where: str) -> int | None:
    value = _number(table, key, where)
    if value is not None and value != int(value):
        raise InputError(f"{where}: {key} must be a whole number, not {value:g}")
    return None if value is None else int(value)
