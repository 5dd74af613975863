"""Start and resume runs for the endpoints."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from starlette.requests import Request

from folkmoot import events
from folkmoot.core.limits import Purse
from folkmoot.errors import InputError
from folkmoot.execute import Job
from folkmoot.frontends.server.bodies import How
from folkmoot.frontends.server.live import WatchedRun
from folkmoot.frontends.server.refusals import Refusal
from folkmoot.frontends.server.service import Service, key_of, via_of
from folkmoot.machine.seats import find_seat
from folkmoot.providers.catalog import APIS, LOCAL_SERVERS
from folkmoot.record.store import RunFolder, RunSpec, Turn
from folkmoot.running import runs
from folkmoot.running.intake import ATTACHMENT_LIMIT, TEXT_LIMIT
from folkmoot.running.planning import Asked, canonical, find_model, plan
from folkmoot.running.runs import Machine
from folkmoot.types import Attachment, Seat

Settings = Mapping[str, Any]
"""temperature, effort and max_tokens, for the seats of which nothing else is said."""


@dataclass
class ClientQuestion:
    """A question, independent of the interface it came through."""

    prompt: str
    model: str | None = None
    system: str | None = None
    history: Sequence[Turn] = ()
    attachments: Sequence[Attachment] = ()
    settings: Settings = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)  # fields of the request that changed nothing


async def start(
    service: Service,
    request: Request,
    question: ClientQuestion,
    how: How,
    listeners: Sequence[events.Listener] = (),
    after: RunSpec | None = None,
) -> WatchedRun:
    """Begin a run, asked as the one was `after` which it comes.

    Raises InputError or Refusal before anything is asked.
    """
    panel, protocol = _whom(service, request, question, how)
    purse = service.purse(request)
    attachments = list({each.sha256: each for each in question.attachments}.values())
    check_size(question, how.roles.values())
    asked = Asked(
        prompt=question.prompt,
        panel=panel,
        protocol=protocol,
        models=how.models,
        options=how.options,
        may_name_files=False,
        limits=how.limits_given(),
        history=question.history,
        attachments=attachments,
        system=question.system,
        seed=how.seed or 0,
        via=via_of(request),
        dress=lambda seats: _dressed(seats, how.roles, question, service.machine),
    )
    if after is not None:
        asked = replace(
            asked,
            protocol=after.protocol,
            seats=[seat for seat in after.seats if seat.duty == "member"],
            options=after.options,
            limits=after.limits.model_dump(),
            recordings=after.recordings,
        )
    job = _within(await asyncio.to_thread(plan, asked, service.machine), purse)
    begin = partial(runs.begin, job, service.machine, account=purse)
    return await service.live.start(lambda watching: begin(listeners=watching), listeners)


async def go_on(
    service: Service,
    request: Request,
    folder: RunFolder,
    *,
    options: Mapping[str, Any] | None = None,
    limits: Mapping[str, Any] | None = None,
    retry_failed: bool = False,
    listeners: Sequence[events.Listener] = (),
) -> WatchedRun:
    """Go on with a run that nobody works on."""
    purse = service.purse(request)
    if purse is not None and folder.spec().limits.budget is None:
        message = f"{folder.id} was begun without a budget, and your key has one; fork it with limits.budget set"
        raise Refusal(403, message, kind="permission_error", code="no_budget")
    begin = partial(
        runs.go_on, folder, service.machine, options=options, limits=limits, retry_failed=retry_failed, account=purse
    )
    return await service.live.start(lambda watching: begin(listeners=watching), listeners)


def _whom(service: Service, request: Request, question: ClientQuestion, how: How) -> tuple[str | None, str | None]:
    """The panel and the protocol. A key that may ask some models only must ask them as they are."""
    key, model = key_of(request), question.model
    changed = how.model_fields_set - {"seed", "progress"}
    if key is not None and key.only and (canonical(model or "") not in key.only or changed):
        message = f"the key {key.name} may ask {', '.join(key.only)}, and change nothing about how they answer"
        raise Refusal(403, message, kind="permission_error", code="model_not_allowed", param="model")
    panel, protocol = found_model(model, service.machine) if model is not None else (None, None)
    if how.panel and panel and how.panel != panel:
        message = f"model is the panel {panel!r}, and folkmoot.panel is {how.panel!r}: name one of the two"
        raise Refusal(400, message, code="invalid_request", param="panel")
    return how.panel or panel, how.protocol or protocol


def found_model(name: str, machine: Machine) -> tuple[str | None, str | None]:
    try:
        return find_model(name, machine)
    except InputError as error:
        message = "\n".join(error.problems)
        raise Refusal(404, message, kind="not_found_error", code="model_not_found", param="model") from None


def _within(job: Job, purse: Purse | None) -> Job:
    """A run for a key with a budget has one too, so that no seat without a known price can be asked."""
    if purse is None or purse.limits.budget is None:
        return job
    most, limits = purse.limits.budget - purse.spent, job.spec.limits
    own = limits.model_copy(update={"budget": min(limits.budget or most, most)})
    return replace(job, spec=job.spec.model_copy(update={"limits": own}))


def check_size(question: ClientQuestion, roles: Iterable[str]) -> None:
    texts = (question.prompt, question.system or "", *(turn.text for turn in question.history), *roles)
    try:
        size = sum(len(text.encode()) for text in texts)
    except UnicodeEncodeError:
        raise InputError("the text holds half a character, a lone surrogate") from None
    if not question.prompt.strip():
        raise InputError("prompt: there is nothing to ask")
    if size > TEXT_LIMIT:
        raise InputError(f"the conversation is {size:,} bytes of text; at most {TEXT_LIMIT:,} are sent")
    if (size := sum(len(each.content) for each in question.attachments)) > ATTACHMENT_LIMIT:
        raise InputError(f"the images and PDFs are {size:,} bytes together; at most {ATTACHMENT_LIMIT:,} are sent")


def _dressed(
    seats: tuple[Seat, ...], roles: Mapping[str, str], question: ClientQuestion, machine: Machine
) -> tuple[Seat, ...]:
    """The seats with their roles and, where they can take it and nothing else is said, the settings."""
    found = {find_seat(seats, written).name: role for written, role in roles.items()}

    def dressed(seat: Seat) -> Seat:
        changes: dict[str, Any] = {"role": found[seat.name]} if seat.name in found else {}
        for name, value in question.settings.items():
            if value is None or getattr(seat, name) is not None:
                continue
            if _takes_settings(seat, machine):
                changes[name] = value
            else:
                question.ignored.append(f"{name} for {seat.id}")
        return Seat.model_validate({**seat.model_dump(), **changes})

    return tuple(dressed(seat) for seat in seats)


def _takes_settings(seat: Seat, machine: Machine) -> bool:
    """Whether a seat is asked over an API: programs, people and recordings have no temperature to set."""
    table = machine.config.providers.get(seat.provider, {})
    return "command" not in table and (
        seat.provider in APIS or seat.provider in LOCAL_SERVERS or seat.provider == "sim" or "base_url" in table
    )
