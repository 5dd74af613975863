"""Seats of people: the questions that wait for them, and their answers."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from folkmoot.errors import InputError
from folkmoot.frontends.server.bodies import Reply, read_body
from folkmoot.frontends.server.refusals import Refusal
from folkmoot.frontends.server.service import Service


async def questions(service: Service, _: Request) -> Response:
    return JSONResponse([each.model_dump(mode="json") for each in service.desk.open()])


async def answer_question(service: Service, request: Request) -> Response:
    body, id = await read_body(request, service.max_body, Reply), request.path_params["id"]
    if id not in (each.id for each in service.desk.open()):
        message = f"question {id!r} is not open: it was answered, its deadline has passed, or its run has ended"
        raise Refusal(404, message, kind="not_found_error", code="question_not_open")
    if not body.text.strip():
        raise InputError("an answer needs a text")
    service.desk.answer(id, body.text)
    return JSONResponse({"id": id, "status": "answered"})
