"""The native API: runs are started, watched, cancelled, resumed, forked, read and deleted."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from folkmoot.errors import InputError
from folkmoot.frontends.server.bodies import (
    Begun,
    ForkRun,
    LateReply,
    MarkRun,
    ResumeRun,
    StartRun,
    attachment,
    read_body,
)
from folkmoot.frontends.server.conversation import turns_after
from folkmoot.frontends.server.live import Frame, WatchedRun, ending, recorded
from folkmoot.frontends.server.refusals import Refusal
from folkmoot.frontends.server.service import Service
from folkmoot.frontends.server.starting import ClientQuestion, check_size, go_on, start
from folkmoot.frontends.server.streams import ALIVE, EventStream
from folkmoot.proof.receipt import receipt
from folkmoot.protocols import find_protocol, protocol_names
from folkmoot.record.bundle import without_machine
from folkmoot.record.call_text import exchanges
from folkmoot.record.index import Index
from folkmoot.record.marks import mark_of
from folkmoot.record.store import RunFolder
from folkmoot.render.as_json import result_json
from folkmoot.running import runs
from folkmoot.running.late import late_reply
from folkmoot.running.marking import mark_async
from folkmoot.running.planning import model_names
from folkmoot.types import JSON

RUN_HEADER = "x-folkmoot-run"
MOST_LISTED = 1000
NOT_LISTED = {"folder", "journal_size", "journal_mtime"}  # of the index alone


async def models(service: Service, _: Request) -> Response:
    found = await asyncio.to_thread(model_names, service.machine)
    return JSONResponse([each.model_dump() for each in found])


async def protocols(_: Service, __: Request) -> Response:
    found = [find_protocol(name) for name in protocol_names()]
    return JSONResponse(
        [{"name": each.name, "summary": each.summary, "options": each.options.model_json_schema()} for each in found]
    )


async def panels(service: Service, _: Request) -> Response:
    """A panel that cannot be read is listed with what is wrong with it."""
    return JSONResponse([_panel(service, name) for name in service.machine.panels])


def _panel(service: Service, name: str) -> JSON:
    try:
        panel = service.machine.panels[name]
    except InputError as error:
        return {"name": name, "protocol": None, "description": "", "seats": [], "problem": "\n".join(error.problems)}
    seats = [seat.model for seat in panel.everybody]
    return {"name": name, "protocol": panel.protocol, "description": panel.description, "seats": seats}


async def start_run(service: Service, request: Request) -> Response:
    """Returns as soon as the run has begun; it goes on whoever watches."""
    body = await read_body(request, service.max_body, StartRun)
    question = ClientQuestion(
        prompt=body.prompt,
        model=body.model,
        system=body.system,
        history=body.history,
        attachments=[attachment(each.url, each.name) for each in body.attachments],
    )
    if body.after is None:
        return _begun(await start(service, request, question, body))
    if settled := sorted(body.model_fields_set - {"after", "prompt", "attachments"}):
        raise InputError(f"{settled[0]}: `after` asks on as it was asked before; leave it out")
    folder = service.idle_folder(body.after)
    question.history = await asyncio.to_thread(turns_after, folder)
    return _begun(await start(service, request, question, body, after=folder.spec()))


def _begun(run: WatchedRun) -> Response:
    headers = {RUN_HEADER: quote(run.id), "location": f"/api/v1/runs/{quote(run.id)}"}
    return JSONResponse(Begun(id=run.id).model_dump(), 201, headers)


async def list_runs(service: Service, request: Request) -> Response:
    query = request.query_params
    limit, words, status = _number(query, "limit", 20), query.get("search", ""), query.get("status") or None
    if not 1 <= limit <= MOST_LISTED:
        raise InputError(f"limit must be from 1 to {MOST_LISTED}")

    def read() -> list[JSON]:
        index = Index(service.machine.home)
        index.sync()
        if words.split():
            rows = index.search(words, limit=MOST_LISTED if status else limit)
            rows = [row for row in rows if status in (None, row.status)][:limit]
        else:
            rows = index.runs(limit=limit, status=status)
        return [row.model_dump(exclude=NOT_LISTED) for row in rows]

    return JSONResponse(await asyncio.to_thread(read))


async def read_run(service: Service, request: Request) -> Response:
    """What was asked, and what came of it."""
    folder = service.folder(request.path_params["id"])
    state, result = service.state(folder)
    return JSONResponse(
        {
            "id": folder.id,
            "state": state,
            "spec": without_machine(folder.spec()).model_dump(mode="json"),
            "result": None if result is None else result_json(result),
            "mark": mark.model_dump() if (mark := mark_of(folder)) else None,
        }
    )


async def watch_run(service: Service, request: Request) -> Response:
    """The events of a run: as they happen while it goes on here, from its record otherwise."""
    folder = service.folder(request.path_params["id"])
    came_back = request.headers.get("last-event-id")  # what a browser sends when it comes back, to the same address
    after = _number({"after": came_back} if came_back else request.query_params, "after", 0)
    live = service.live.find(folder.id)
    frames = await recorded(folder, after) if live is None else []  # what cannot be read is refused, not cut off
    return EventStream(_events(service, folder, live or frames, after))


async def _events(
    service: Service, folder: RunFolder, told: WatchedRun | list[Frame], after: int
) -> AsyncGenerator[bytes, None]:
    yield ALIVE  # so that headers go out at once
    if isinstance(told, WatchedRun):
        async for frame in told.watch(after, service.idle):
            yield ALIVE if frame is None else frame.encode()
    else:
        for frame in told:
            yield frame.encode()
    state, result = service.state(folder)
    yield ending({"state": state, "status": result.status if result else None}).encode()


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    written = query.get(name) or str(default)
    if not (written.isascii() and written.isdigit() and len(written) <= 18):
        raise InputError(f"{name} must be a number, and is {written!r}")
    return int(written)


async def cancel_run(service: Service, request: Request) -> Response:
    """Ends its calls at once. What it has stays on record, and it can be resumed."""
    folder = service.folder(request.path_params["id"])
    live = service.live.find(folder.id)
    if live is not None and not live.ended:
        live.cancel()
        await live.settled()
    elif service.working(folder):
        raise Refusal(409, f"another process works on {folder.id}; end it there", code="run_is_elsewhere")
    state, _ = service.state(folder)
    return JSONResponse({"id": folder.id, "state": state})


async def resume_run(service: Service, request: Request) -> Response:
    body = await read_body(request, service.max_body, ResumeRun)
    folder = service.idle_folder(request.path_params["id"])
    limits = body.limits.model_dump(exclude_unset=True)
    return _begun(
        await go_on(service, request, folder, options=body.options, limits=limits, retry_failed=body.retry_failed)
    )


async def fork_run(service: Service, request: Request) -> Response:
    """A new run from another's record, up to a step, with something changed; it goes on at once."""
    body = await read_body(request, service.max_body, ForkRun)
    source = service.folder(request.path_params["id"])
    prompt = body.set.get("prompt", "-")
    if not isinstance(prompt, str):
        raise InputError("set: the prompt must be a text")
    check_size(ClientQuestion(prompt=prompt), [json.dumps(body.set, ensure_ascii=False)])
    changes = {key: value if isinstance(value, str) else json.dumps(value) for key, value in body.set.items()}
    purse = service.purse(request)
    if purse is not None and source.spec().limits.budget is None:
        changes.setdefault("limits.budget", str(purse.limits.budget))
    folder = runs.fork(source, service.machine, step=body.step, changes=changes)
    return await _go_on_or_remove(service, request, folder)


async def reply_late(service: Service, request: Request) -> Response:
    """A fork in which the person answered in time."""
    body = await read_body(request, service.max_body, LateReply)
    source = service.idle_folder(request.path_params["id"])
    folder = late_reply(source, service.machine, body.step, body.text)
    return await _go_on_or_remove(service, request, folder)


async def _go_on_or_remove(service: Service, request: Request, folder: RunFolder) -> Response:
    """Go on with a fork; one that cannot begin leaves nothing behind."""
    try:
        return _begun(await go_on(service, request, folder))
    except BaseException:
        if not service.working(folder):
            service.machine.home.remove(folder)
        raise


async def mark_run(service: Service, request: Request) -> Response:
    """The verdict of the run stays as it is."""
    body = await read_body(request, service.max_body, MarkRun)
    folder = service.idle_folder(request.path_params["id"])
    mark = await mark_async(folder, service.machine.home, body.verdict, answer=body.answer, note=body.note)
    return JSONResponse(mark.model_dump())


async def delete_run(service: Service, request: Request) -> Response:
    folder = service.idle_folder(request.path_params["id"])
    service.live.forget(folder.id)
    await asyncio.to_thread(service.machine.home.remove, folder)
    return Response(status_code=204)


async def read_call(service: Service, request: Request) -> Response:
    """What was sent and what came back; a second entry where the first reply could not be read."""
    folder = service.folder(request.path_params["id"])
    found = await asyncio.to_thread(exchanges, folder, request.query_params.get("step", ""))
    return JSONResponse([each.model_dump() for each in found])


async def read_receipt(service: Service, request: Request) -> Response:
    """What the panel was worth, as far as the record can tell."""
    folder = service.idle_folder(request.path_params["id"])
    return JSONResponse((await receipt(folder.spec(), folder)).model_dump(mode="json"))
