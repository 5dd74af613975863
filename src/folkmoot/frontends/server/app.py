"""The routes: one table, from which the application and its OpenAPI document are made."""

import logging
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from folkmoot.errors import FolkmootError
from folkmoot.frontends.server import bodies, chat, exports, models, native, openapi, page, people, responses
from folkmoot.frontends.server.access import Gate, Sessions, log_in
from folkmoot.frontends.server.operation import Endpoint, Operation
from folkmoot.frontends.server.refusals import Refusal, respond
from folkmoot.frontends.server.service import Service

log = logging.getLogger("folkmoot.server")


RUN = "/api/v1/runs/{id}"
STREAM = "text/event-stream"


def operations(sessions: Sessions) -> tuple[Operation, ...]:
    async def login(service: Service, request: Request) -> Response:
        return await log_in(service, sessions, request)

    async def describe(_: Service, __: Request) -> Response:
        return JSONResponse(openapi.document(table))

    table = (
        Operation("GET", "/v1/models", models.list_models, "Panels and protocols, as OpenAI lists models"),
        Operation("GET", "/v1/models/{name:path}", models.read_model, "One of them"),
        Operation("POST", "/v1/chat/completions", chat.chat_completions, "OpenAI's chat completions", chat.ChatBody),
        Operation("POST", "/v1/responses", responses.create_response, "OpenAI's responses", responses.ResponseBody),
        Operation("GET", "/v1/responses/{id}", responses.read_response, "A response that was given"),
        Operation("GET", "/api/v1/models", native.models, "Panels and protocols, as models"),
        Operation("GET", "/api/v1/protocols", native.protocols, "Protocols, and what they can be told"),
        Operation("GET", "/api/v1/panels", native.panels, "Saved panels and their seats"),
        Operation("POST", "/api/v1/runs", native.start_run, "Start a run", bodies.StartRun, bodies.Begun, 201),
        Operation("GET", "/api/v1/runs", native.list_runs, "Runs, newest first", query=("limit", "search", "status")),
        Operation("GET", RUN, native.read_run, "What was asked, and what came of it"),
        Operation("GET", f"{RUN}/events", native.watch_run, "Watch a run", media_type=STREAM, query=("after",)),
        Operation("POST", f"{RUN}/cancel", native.cancel_run, "End a run; it can be resumed"),
        Operation("POST", f"{RUN}/resume", native.resume_run, "Go on with a run", bodies.ResumeRun, bodies.Begun, 201),
        Operation(
            "POST", f"{RUN}/fork", native.fork_run, "A run from another's record", bodies.ForkRun, bodies.Begun, 201
        ),
        Operation(
            "POST", f"{RUN}/late", native.reply_late, "A person's late reply", bodies.LateReply, bodies.Begun, 201
        ),
        Operation(
            "POST", f"{RUN}/outcome", native.mark_run, "Say whether a run's answer was right", bodies.MarkRun
        ),
        Operation("GET", f"{RUN}/call", native.read_call, "What a seat was sent in one call", query=("step",)),
        Operation("GET", f"{RUN}/receipt", native.read_receipt, "What the panel was worth"),
        Operation("GET", f"{RUN}/export", exports.export_run, "A run as one file", media_type="*/*", query=("format",)),
        Operation("DELETE", RUN, native.delete_run, "Delete a run", status=204),
        Operation("GET", "/api/v1/questions", people.questions, "Questions that wait for people"),
        Operation("POST", "/api/v1/questions/{id}", people.answer_question, "Answer one", bodies.Reply),
        Operation("POST", "/api/v1/login", login, "A cookie for a key, for pages", bodies.Login, public=True),
        Operation("GET", "/openapi.json", describe, "This document", public=True),
        Operation("GET", "/", page.index, "The page", media_type="text/html", public=True),
        Operation("GET", "/static/{path:path}", page.static, "What the page is made of", media_type="*/*", public=True),
    )  # fmt: skip
    return table


def make_app(service: Service) -> ASGIApp:
    """The application. What a request is answered with is up to `service`."""
    sessions = Sessions()
    table = operations(sessions)
    routes = [Route(each.path, _answering(each.endpoint, service), methods=[each.method]) for each in table]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _nowhere})
    return Gate(app, service, sessions, frozenset(each.path for each in table if each.public))


def _answering(endpoint: Endpoint, service: Service) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            return await endpoint(service, request)
        except (FolkmootError, Refusal) as error:
            return respond(error)
        except Exception as error:
            log.exception("%s %s", request.method, request.url.path)
            return respond(error)

    return answer


async def _nowhere(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        message = f"{request.url.path} does not take {request.method}; it takes {allowed}; see /openapi.json"
        return respond(Refusal(405, message, code="method_not_allowed", headers=error.headers or {}))
    message = f"there is nothing at {request.method} {request.url.path}; /openapi.json says what there is"
    return respond(Refusal(error.status_code, message, kind="not_found_error", code="not_found"))
