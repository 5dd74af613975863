"""Check each seat on this machine: first its setup, then with one short question.

The question goes through the same engine as any run, in memory, so that timeouts, prices and errors are those of a
run. What is wrong comes with what to do about it.
"""

import asyncio
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from folkmoot import events
from folkmoot.checkup.advice import mend_seat
from folkmoot.core.calling import same_model
from folkmoot.core.limits import Limits, Purse
from folkmoot.errors import InputError, ProviderError
from folkmoot.execute import checked, execute
from folkmoot.machine.discovery import Tables, login_of, look_around, stored_login
from folkmoot.machine.seats import seats_of
from folkmoot.providers import open_provider
from folkmoot.providers.base import Settings
from folkmoot.providers.catalog import AGENTS, Agent
from folkmoot.providers.process import allowed_environment, find_program, run_program
from folkmoot.record.store import RunSpec
from folkmoot.running.planning import DEFAULT_PANEL, Asked, plan
from folkmoot.running.runs import Machine, check_seats, everybody, price_of, with_tables
from folkmoot.types import Billing, Provider, Record, Seat, Usage

QUESTION = "Reply with the word OK and nothing else."
QUESTION_TOKENS = 400  # roughly: the question, and what an agent CLI adds to it
MOST_TOKENS = 1000  # of a reply: room for a model that thinks before it says OK
SECONDS = 60.0
VERSION_SECONDS = 20.0  # for a program to say its version; some take seconds to start

NOT_ASKED = {
    "human": "a person is not asked",
    "recorded": "a recording knows its own questions only",
    "replay": "a recording knows its own questions only",
    "web": "a search is not made",
    "embed": "no vectors are asked for",
}
"""Providers that are only looked at."""


class Check(Record):
    """The result of checking one seat."""

    model: str
    works: bool | None  # None: it was not asked, and nothing wrong was seen
    login: str  # what pays for it
    billing: Billing | None = None
    answered_by: str | None = None
    mismatch: bool = False  # whether that is another model than was asked for
    seconds: float | None = None
    cost_usd: float | None = None
    list_usd: float | None = None
    kind: str | None = None  # the kind of failure, or `setup` for a problem found without asking
    problem: str = ""
    mend: str = ""  # what to do about it
    program: str | None = None  # its path, of an agent CLI
    version: str | None = None
    remarks: tuple[str, ...] = ()


@dataclass
class Ready:
    """The distinct models to check, their providers, and the problems found without asking."""

    spec: RunSpec  # one seat for each model
    providers: dict[str, Provider] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)  # model -> why it cannot be asked

    @property
    def askable(self) -> list[Seat]:
        return [seat for seat in self.spec.seats if seat.model not in self.wrong and seat.provider not in NOT_ASKED]

    def likely_usd(self) -> tuple[float, list[str]]:
        """What asking everybody may cost in USD at most, and the models of which no price is known."""
        price, usage = price_of(self.spec), Usage(input_tokens=QUESTION_TOKENS, output_tokens=MOST_TOKENS)
        metered = [seat.model for seat in self.askable if self.providers[seat.provider].billing == "metered"]
        costs = {model: price(model, usage) for model in metered}
        return sum(each or 0.0 for each in costs.values()), [model for model, usd in costs.items() if usd is None]


def prepare(models: Sequence[str], machine: Machine, timeout: float = SECONDS) -> Ready:
    """Find the seats and open their providers; nothing is asked.

    Without `models`: those of the default panel, else everything that is found here. Raises InputError for names that
    mean nothing, and where there is nothing to check.
    """
    if not models and DEFAULT_PANEL not in machine.panels:
        search = look_around(machine.environ, machine.config.providers)
        if not search.found:
            raise InputError(search.advice())
        models = [each.model for each in search.found]
    asked = plan(Asked(QUESTION, protocol="fanout", models=models), machine).spec
    distinct = list(dict.fromkeys(seat.model for seat in everybody(asked) if seat.provider != "panel"))
    limits = Limits(timeout=timeout, retries=0)
    spec = RunSpec(protocol="fanout", prompt=QUESTION, seats=seats_of(distinct), limits=limits)
    ready = Ready(with_tables(spec, machine.config))
    for seat in ready.spec.seats:
        _open(seat, ready, machine)
    capped = [_capped(seat, ready.providers.get(seat.provider)) for seat in ready.spec.seats]
    ready.spec = ready.spec.model_copy(update={"seats": tuple(capped)})
    return ready


def _open(seat: Seat, ready: Ready, machine: Machine) -> None:
    try:
        if seat.provider not in ready.providers:
            ready.providers[seat.provider] = open_provider(
                seat.provider,
                Settings(
                    environ=machine.environ,
                    idle_timeout=ready.spec.limits.idle_timeout,
                    table=machine.config.providers.get(seat.provider, {}),
                    prices=ready.spec.prices,
                    shutdown=machine.shutdown,
                ),
            )
        check_seats(ready.spec.model_copy(update={"seats": (seat,)}), ready.providers, price_of(ready.spec), ())
    except InputError as error:
        if seat.provider not in NOT_ASKED or seat.provider in ("web", "embed"):
            ready.wrong[seat.model] = "; ".join(error.problems)


def _capped(seat: Seat, provider: Provider | None) -> Seat:
    can_be = "max_tokens" not in getattr(provider, "unsupported", ())
    return seat.model_copy(update={"max_tokens": MOST_TOKENS}) if can_be else seat


async def examine(
    ready: Ready, machine: Machine, *, ask: bool = True, report: Callable[[Check], None] = lambda _: None
) -> list[Check]:
    """Check every seat; `report` is told of each as soon as it is known. In the order of the seats."""
    try:
        looked = await _look(ready, machine)
        asked = ready.askable if ask else []
        done = {seat.model: looked[seat.model] for seat in ready.spec.seats if seat not in asked}
        for check in done.values():
            report(check)
        if asked:
            listener = _Listener(looked, machine, ready.spec.limits.timeout or SECONDS, report, done)
            job = checked(ready.spec.model_copy(update={"seats": tuple(asked)}))
            listener.seats = {seat.name: seat.model for seat in job.spec.seats}
            purse = Purse(job.spec.limits, price_of(job.spec))
            await execute(job, ready.providers, listeners=[listener], purse=purse)
        return [done[seat.model] for seat in ready.spec.seats if seat.model in done]
    finally:
        for provider in ready.providers.values():
            await provider.aclose()


async def _look(ready: Ready, machine: Machine) -> dict[str, Check]:
    """Return the checks of every seat that need no question."""
    tables: Tables = machine.config.providers
    agents = {seat.provider for seat in ready.spec.seats if seat.provider in AGENTS}
    named = sorted(agents)
    found = await asyncio.gather(*(_version(AGENTS[name], machine, tables.get(name, {})) for name in named))
    programs = dict(zip(named, found, strict=True))
    looked: dict[str, Check] = {}
    for seat in ready.spec.seats:
        provider = ready.providers.get(seat.provider)
        program, version = programs.get(seat.provider, (None, None))
        wrong = ready.wrong.get(seat.model, "")
        login = getattr(provider, "login", None) or login_of(
            seat.provider, machine.environ, tables.get(seat.provider, {})
        )
        looked[seat.model] = Check(
            model=seat.model,
            works=False if wrong else None,
            login=login,
            billing=provider.billing if provider else None,
            kind="setup" if wrong else None,
            problem=wrong,
            program=program,
            version=version,
            remarks=tuple(_remarks(seat, login, machine, program, version)),
        )
    return looked


def _remarks(seat: Seat, login: str, machine: Machine, program: str | None, version: str | None) -> list[str]:
    """Return warnings about a seat that may nevertheless work."""
    remarks = [NOT_ASKED[seat.provider]] if seat.provider in NOT_ASKED else []
    agent = AGENTS.get(seat.provider)
    if agent is None or program is None:
        return remarks
    if login in agent.keys and stored_login(agent, machine.environ):
        remarks.append(
            f"{login} is used, not {agent.binary}'s own log-in; "
            f'login = "stored" under [providers.{agent.name}] of config.toml uses that'
        )
    if version is None:
        remarks.append(f"{program} does not say its version; {agent.tested} is tested")
    elif version != agent.tested:
        than = "newer" if _numbers(version) > _numbers(agent.tested) else "older"
        remarks.append(f"{agent.binary} {version} is {than} than the tested {agent.tested}")
    return remarks


async def _version(agent: Agent, machine: Machine, table: Mapping[str, object]) -> tuple[str | None, str | None]:
    """The path of an agent CLI, and the version that it says it has."""
    try:
        program = find_program(str(table.get("program", agent.binary)), machine.environ)
    except ProviderError:
        return None, None
    said: list[str] = []
    try:
        async with asyncio.timeout(VERSION_SECONDS):
            await run_program(
                [str(program), "--version"], stdin="", env=allowed_environment(machine.environ), idle_timeout=None,
                shutdown=machine.shutdown, on_line=said.append,
            )  # fmt: skip
    except (ProviderError, TimeoutError):
        pass
    found = re.search(r"\d+\.\d+\.\d+[\w.+-]*", "\n".join(said))
    return str(program), found[0] if found else None


def _numbers(version: str) -> tuple[int, ...]:
    """
    >>> _numbers("2.1.328"), _numbers("0.61.0-nightly.1")
    ((2, 1, 328), (0, 61, 0))
    """
    return tuple(int(part) for part in re.split(r"[-+]", version)[0].split(".") if part.isdigit())


@dataclass
class _Listener:
    """A listener that turns the events of each call into a check."""

    looked: Mapping[str, Check]
    machine: Machine
    timeout: float
    report: Callable[[Check], None]
    done: dict[str, Check]
    seats: Mapping[str, str] = field(default_factory=dict)  # seat -> model
    began: dict[str, float] = field(default_factory=dict)

    def __call__(self, event: events.Event) -> None:
        match event:
            case events.CallStarted():
                self.began[event.seat] = time.monotonic()
            case events.CallFinished():
                answered = event.answered_by
                other = answered is not None and not same_model(self.seats[event.seat], answered)
                self._note(
                    event.seat, works=True, answered_by=answered, mismatch=other, seconds=event.seconds,
                    cost_usd=event.usd, list_usd=event.list_usd,
                )  # fmt: skip
            case events.CallFailed():
                check = self.looked[self.seats[event.seat]]
                agent = AGENTS.get(check.model.partition("/")[0])
                kept = agent is not None and stored_login(agent, self.machine.environ)
                mend = mend_seat(event.kind, check.model, check.login, self.timeout, kept=kept)
                seconds = time.monotonic() - self.began.get(event.seat, time.monotonic())
                self._note(event.seat, works=False, kind=event.kind, problem=event.message, mend=mend, seconds=seconds)

    def _note(self, seat: str, **found: object) -> None:
        check = self.looked[self.seats[seat]].model_copy(update=found)
        self.done[check.model] = check
        self.report(check)
