"""Starting a run on this machine, going on with one, and forking one."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from folkmoot import events
from folkmoot.core.journal import FORMAT, Journal, read_lines
from folkmoot.core.limits import Limits, PriceOf, Purse, limits_given
from folkmoot.errors import InputError
from folkmoot.execute import HALTED, Job, amended, checked, execute, replay, resumed
from folkmoot.machine.config import Config, without_secrets
from folkmoot.machine.explained import dotted
from folkmoot.machine.panels import Panel, Panels
from folkmoot.machine.paths import NAME_RULE, PANEL_NAME, panel_folder
from folkmoot.machine.seats import seats_of
from folkmoot.proof.export import RecordExport
from folkmoot.protocols import check_options, find_protocol, protocol_names, without_files
from folkmoot.providers import open_provider
from folkmoot.providers.base import People, Settings, Shutdown
from folkmoot.record.index import Index
from folkmoot.record.store import Home, RunFolder, RunSpec
from folkmoot.record.writer_thread import later
from folkmoot.running.logs import log, log_event
from folkmoot.running.nested import PanelProvider
from folkmoot.running.tracing import tracer_listener
from folkmoot.types import JSON, Attachment, Provider, Result, Seat, Usage


@dataclass(frozen=True)
class Machine:
    """The parts of this machine that a run uses."""

    environ: Mapping[str, str]  # with the credentials of .env
    config: Config
    home: Home
    shutdown: Shutdown = field(default_factory=Shutdown)
    people: People | None = None  # the desk at which human/NAME seats are asked
    drafts: Mapping[str, Panel] = field(default_factory=dict)  # panels to be tried before they are saved

    @cached_property
    def panels(self) -> Panels:
        """The panels of this machine. Raises InputError for tables of config.toml that no panel can be made of."""
        tables = self.config.panels
        taken = protocol_names() if tables else ()
        problems = [
            f"config.toml: [panels.{name}] cannot be a panel's name: a protocol is called so"
            for name in tables
            if name in taken
        ]
        odd = (name for name in tables if not PANEL_NAME.fullmatch(name))
        problems += [f"config.toml: [panels.{json.dumps(name)}] cannot be a panel's name: {NAME_RULE}" for name in odd]
        for name, panel in tables.items():
            problems += [f"config.toml: {dotted(('panels', name))}: {each}" for each in _protocol_problems(panel)]
        if problems:
            raise InputError(*problems)
        return Panels(panel_folder(self.environ), self.config.panels, self.drafts)


def _protocol_problems(panel: Panel) -> Sequence[str]:
    """What is wrong with a panel's protocol and options. Files that options name are read only when it is asked."""
    if panel.protocol is None:
        return ()
    try:
        registered = find_protocol(panel.protocol)
        check_options(registered, without_files(registered, panel.options))
    except InputError as error:
        return error.problems
    return ()


def everybody(spec: RunSpec) -> list[Seat]:
    """The seats of a run and those of the panels inside it."""
    return [seat for each in (spec, *spec.panels.values()) for seat in each.seats]


def with_tables(spec: RunSpec, config: Config) -> RunSpec:
    """Return `spec` with the tables of its providers and prices from config.toml, without secrets."""
    names = {seat.provider for seat in everybody(spec)}
    tables = {name: without_secrets(table) for name, table in config.providers.items() if name in names}
    return spec.model_copy(update={"providers": tables, "prices": dict(config.prices)})


def open_providers(spec: RunSpec, machine: Machine) -> dict[str, Provider]:
    """Open every provider of `spec`. Raises InputError with everything that is missing, at once."""
    found: dict[str, Provider] = {}
    problems: list[str] = []
    for name in dict.fromkeys(seat.provider for seat in everybody(spec) if seat.provider != "panel"):
        settings = Settings(
            environ=machine.environ,
            idle_timeout=spec.limits.idle_timeout,
            allow_tools=spec.allow_tools,
            pass_env=spec.pass_env,
            recordings=tuple(Path(path) for path in spec.recordings),
            table={**machine.config.providers.get(name, {}), **spec.providers.get(name, {})},
            prices=spec.prices,
            shutdown=machine.shutdown,
            people=machine.people,
            via=spec.via,
        )
        try:
            found[name] = open_provider(name, settings)
        except InputError as error:
            problems += error.problems
    asked = {seat.model.partition("/")[2] for seat in everybody(spec) if seat.provider == "panel"}
    problems += [f"panel/{name} was no part of this run, and cannot become one" for name in asked - set(spec.panels)]
    if problems:
        raise InputError(*problems)
    if spec.panels:
        found["panel"] = PanelProvider(spec.panels, found, price_of(spec))
    return found


def price_of(spec: RunSpec) -> PriceOf:
    """Return the price function; config.toml overrides list prices. The price library is loaded on first use."""

    def price(model: str, usage: Usage) -> float | None:
        from folkmoot.providers.prices import list_price

        return list_price(model, usage, overrides=spec.prices) if model else None

    return price


def check_seats(
    spec: RunSpec, providers: Mapping[str, Provider], price: PriceOf, attachments: Sequence[Attachment]
) -> None:
    """Check every seat. Raises InputError where one cannot take its settings or attachments, or has no price under a
    budget.
    """
    problems: list[str] = []
    wanted = {each.media_type for each in attachments}
    budget = any(each.limits.budget is not None for each in (spec, *spec.panels.values()))
    for seat in everybody(spec):
        provider, model = providers[seat.provider], seat.model.partition("/")[2]
        if check_model := getattr(provider, "check_model", None):
            try:
                check_model(model)
            except InputError as error:
                problems += error.problems
                continue
        takes = provider.attachments_of(model) if hasattr(provider, "attachments_of") else provider.attachments
        if missing := wanted - takes:
            problems.append(f"{seat.id} takes no {' or '.join(sorted(missing))} attachments")
        set_here = {name for name in ("temperature", "effort", "max_tokens") if getattr(seat, name) is not None}
        of_all: frozenset[str] = getattr(provider, "unsupported", frozenset())
        lacks = provider.unsupported_by(model) if hasattr(provider, "unsupported_by") else of_all
        if ignored := set_here & lacks:
            problems.append(f"{seat.id} has no way to set {' or '.join(sorted(ignored))}")
        probe = Usage(input_tokens=1000, output_tokens=1000)
        if budget and provider.billing == "metered" and price(seat.model, probe) is None:
            problems.append(
                f"{seat.id} has no known price, so a budget cannot hold; "
                f'give it one in config.toml: [prices."{seat.model}"] input = ..., output = ...'
            )
    if problems:
        raise InputError(*dict.fromkeys(problems))


async def begin(
    job: Job,
    machine: Machine,
    *,
    listeners: Sequence[events.Listener] = (),
    account: Purse | None = None,
) -> Result:
    """Record a new run and run it. Raises InputError before anything is asked or written.

    An `account` is what several runs may spend together.
    """
    return await _begun(job, machine, None, listeners, account)


async def begin_in(
    folder: RunFolder, job: Job, machine: Machine, *, retry_failed: bool = False, account: Purse | None = None
) -> Result:
    """Run `job` in a folder with a name of the caller's choice, or go on with the run that is in it.

    A run that has ended is read and not begun again; one that a limit, a signal or a failure ended goes on, the last
    only with `retry_failed`. Raises InputError before anything is asked.
    """
    if not (folder.path / "run.json").exists():
        folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return await _begun(job, machine, folder, (), account)
    result = folder.result()
    if result is not None and result.status not in HALTED and not (retry_failed and result.failures):
        return result
    limits = job.spec.limits.model_dump(include={"budget"})  # named, so that what they refused may be asked now
    return await go_on(folder, machine, retry_failed=retry_failed, limits=limits, account=account)


async def _begun(
    job: Job,
    machine: Machine,
    folder: RunFolder | None,
    listeners: Sequence[events.Listener],
    account: Purse | None,
) -> Result:
    """Run `job` in `folder`, or in a new one."""
    spec = job.spec
    providers = open_providers(spec, machine)
    try:
        check_seats(spec, providers, price_of(spec), job.attachments)
        folder = folder or machine.home.create(spec.title or spec.prompt)
        folder.save(spec, job.attachments)
        return await _recorded(job, providers, folder, machine, listeners, account)
    finally:
        for provider in providers.values():
            await provider.aclose()


async def go_on(
    folder: RunFolder,
    machine: Machine,
    *,
    retry_failed: bool = False,
    options: Mapping[str, Any] | None = None,
    limits: Mapping[str, Any] | None = None,
    listeners: Sequence[events.Listener] = (),
    account: Purse | None = None,
) -> Result:
    """Go on with a run; what its record holds is not asked again.

    `options` and `limits` hold what changes. A failed call is asked again only with `retry_failed`; a call that the
    budget or the number of calls refused, when that limit changes. Raises InputError before anything is asked.
    """
    limits = limits_given(limits or {})
    job = resumed(folder, options, limits)
    spec = job.spec
    _, in_force = amended(spec, Journal(folder.journal, read_only=True))
    providers = open_providers(spec.model_copy(update={"limits": in_force.model_copy(update=limits)}), machine)
    try:
        check_seats(spec, providers, price_of(spec), job.attachments)
        again = [failure.step for failure in (await replay(spec, folder)).failures] if retry_failed else []
        _forget(folder, again, limits)
        return await _recorded(job, providers, folder, machine, listeners, account)
    finally:
        for provider in providers.values():
            await provider.aclose()


def _forget(folder: RunFolder, failed: Sequence[str], limits: Mapping[str, Any]) -> None:
    """Set aside the failures and refusals on record that are to be asked again."""
    journal = Journal(folder.journal)
    try:
        for step in failed:
            for each in (step, f"{step}+repair"):
                if each in journal.entries:
                    journal.forget(each, "failed; asked again")
        for step, refusal in list(journal.refused.items()):
            if limits or refusal["reason"] == "stalled":
                journal.forget(step, "the limits have changed" if limits else "it stalled; asked again")
    finally:
        journal.close()


async def _recorded(
    job: Job,
    providers: Mapping[str, Provider],
    folder: RunFolder,
    machine: Machine,
    listeners: Sequence[events.Listener],
    account: Purse | None,
) -> Result:
    """Execute, with the Markdown pages growing beside the journal and the run indexed afterwards."""
    watching: list[events.Listener] = [RecordExport(folder.path), *listeners]
    if log.isEnabledFor(logging.WARNING):
        watching.append(log_event)
    if (tracer := tracer_listener()) is not None:
        watching.append(tracer)
    for notice in _notices(providers):
        for listener in watching:
            listener(events.Notice(notice))
    purse = Purse(job.spec.limits, price_of(job.spec), outer=account, name=f"{folder.id}: ")
    try:
        result = await execute(job, providers, folder=folder, listeners=watching, purse=purse)
    finally:
        if tracer is not None:
            tracer.close()
    if folder.path.parent == machine.home.runs:  # the runs of an evaluation are not listed
        later(Index(machine.home).add, folder)
    return result


def _notices(providers: Mapping[str, Provider]) -> list[str]:
    """Return notices about the providers for before the first call, e.g. which key is billed."""
    found: list[str] = []
    for name, provider in providers.items():
        login = getattr(provider, "login", None)
        if login is not None and provider.billing == "metered":
            found.append(f'{name} is billed to {login}; login = "stored" under [providers.{name}] uses its own log-in')
        if tools := getattr(provider, "missing_tools", None):
            found.append(f"{name} has no {' or '.join(sorted(tools))}")
    return found


def fork(folder: RunFolder, machine: Machine, *, step: str | None, changes: Mapping[str, str]) -> RunFolder:
    """Create a run that keeps the record of another up to `step` and has changed settings from there.

    `changes` maps `threshold`, `prompt`, `seed`, `limits.budget` or `seats.2.model` to a value, as JSON or plain text.
    Replies that no longer fit what is asked are set aside. Nothing is asked yet: `go_on` does that.
    """
    source = folder.spec()
    changed = _changed(source, changes)
    spec = checked(changed.model_copy(update={"forked_from": f"{folder.id}@{step}" if step else folder.id})).spec
    lines = _kept(folder, step)
    target = machine.home.create(spec.title or spec.prompt)
    target.save(spec, folder.attachments(source))
    journal = Journal(target.journal)
    try:
        journal.append(
            "header", format=FORMAT, protocol=spec.protocol, version=spec.version, forked_from=spec.forked_from
        )
        for line in lines:
            journal.append(**line, copied=True)
    finally:
        journal.close()
    return target


def _kept(folder: RunFolder, step: str | None) -> list[JSON]:
    """The finished lines that still count before `step`, in order."""
    journal = Journal(folder.journal, read_only=True)
    if step is not None and step not in journal.entries:
        near = [each for each in journal.entries if step in each]
        raise InputError(f"{folder.id} has no step {step!r}; it has {', '.join(near or list(journal.entries))}")
    last = journal.entries[step].order if step is not None else journal.lines
    return [
        {key: value for key, value in line.items() if key not in ("at", "copied")}
        for order, line in enumerate(read_lines(folder.journal))
        if line["kind"] == "finished" and order < last and journal.entries.get(line["step"], None) is not None
        and journal.entries[line["step"]].order == order
    ]  # fmt: skip


def _changed(spec: RunSpec, changes: Mapping[str, str]) -> RunSpec:
    asked = spec.model_dump(mode="json")
    for key, text in changes.items():
        value = _value(text)
        match key.split("."):
            case ["prompt"]:
                asked["prompt"] = asked["title"] = text
            case ["seed"]:
                asked["seed"] = value
            case ["limits", name] if name in Limits.model_fields:
                asked["limits"][name] = value
            case ["seats", number, name] if number.isdecimal() and 1 <= int(number) <= len(asked["seats"]):
                asked["seats"][int(number) - 1][name] = value
            case [name]:
                asked["options"][name.replace("-", "_")] = value
            case _:
                raise InputError(f"--set {key}: write an option, prompt, seed, limits.NAME or seats.NUMBER.NAME")
    try:
        spec = RunSpec.model_validate(asked)
    except ValidationError as error:
        raise InputError(
            *(f"--set {'.'.join(str(key) for key in each['loc'])}: {each['msg']}" for each in error.errors())
        ) from None
    if any(seat.weight <= 0 for seat in spec.seats):
        raise InputError("--set seats: a weight must be more than 0")
    if not spec.prompt.strip():
        raise InputError("--set prompt: there is nothing to ask")
    seats = [
        seat.model_copy(update={"id": named.id})
        for seat, named in zip(spec.seats, seats_of([seat.model for seat in spec.seats]), strict=True)
    ]
    limits = Limits.model_validate(limits_given(spec.limits.model_dump()))
    return spec.model_copy(update={"seats": tuple(seats), "limits": limits})


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
