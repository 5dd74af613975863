"""/v1/models: panels and protocols in OpenAI's form."""

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from folkmoot.frontends.server.refusals import Refusal
from folkmoot.frontends.server.service import Service, key_of
from folkmoot.frontends.server.starting import found_model
from folkmoot.running.planning import ModelName, model_names
from folkmoot.types import JSON

BEGINNING = 1767225600  # 2026-01-01, in seconds: names of panels have no age


async def list_models(service: Service, request: Request) -> Response:
    found = await _names(service, request)
    return JSONResponse({"object": "list", "data": [_model(each) for each in found]})


async def read_model(service: Service, request: Request) -> Response:
    name = request.path_params["name"]
    found_model(name, service.machine)
    found = {each.id: each for each in await _names(service, request)}
    known = found.get(name) or found.get(f"{name}/ask")  # `folkmoot` alone is the default protocol
    if known is None:
        raise Refusal(404, f"your key may ask: {', '.join(found)}", kind="not_found_error", code="model_not_found")
    return JSONResponse(_model(known) | {"id": name})


async def _names(service: Service, request: Request) -> list[ModelName]:
    found = await asyncio.to_thread(model_names, service.machine)
    key = key_of(request)
    return [each for each in found if key is None or not key.only or each.id in key.only]


def _model(name: ModelName) -> JSON:
    return {
        "id": name.id, "object": "model", "created": BEGINNING, "owned_by": "folkmoot",
        "description": name.description,
    }  # fmt: skip
