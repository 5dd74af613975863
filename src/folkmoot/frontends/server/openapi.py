"""The OpenAPI document, made of the table of routes."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from folkmoot._version import __version__
from folkmoot.frontends.server.bodies import ErrorBody
from folkmoot.types import JSON

if TYPE_CHECKING:
    from folkmoot.frontends.server.app import Way

REF = "#/components/schemas/{model}"


def document(ways: Sequence["Way"]) -> JSON:
    """OpenAPI 3.1."""
    used = {each for way in ways for each in (way.body, way.gives, ErrorBody) if each is not None}
    inner = sorted(used, key=lambda each: each.__name__)
    _, schemas = models_json_schema([(each, "validation") for each in inner], ref_template=REF)
    paths: dict[str, JSON] = {}
    for way in ways:
        paths.setdefault(way.path.replace(":path", ""), {})[way.method.lower()] = _operation(way)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Folkmoot",
            "version": __version__,
            "description": "Panels of language models: OpenAI's interface under /v1, the native one under /api/v1.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"key": []}],
    }


def _operation(way: "Way") -> JSON:
    places = [("path", name) for name in re.findall(r"{(\w+)", way.path)] + [("query", name) for name in way.query]
    found: JSON = {
        "operationId": way.summary.lower().replace(" ", "_").translate(str.maketrans("", "", ",;'")),
        "summary": way.summary,
        "responses": {
            str(way.status): {"description": way.summary, **_content(way)},
            "default": {"description": "What is wrong", "content": _json(ErrorBody)},
        },
    }
    if way.endpoint.__doc__:
        found["description"] = " ".join(way.endpoint.__doc__.split())
    if places:
        found["parameters"] = [
            {"name": name, "in": where, "required": where == "path", "schema": {"type": "string"}}
            for where, name in places
        ]
    if way.body is not None:
        found["requestBody"] = {"required": True, "content": _json(way.body)}
    if way.public:
        found["security"] = []
    return found


def _content(way: "Way") -> JSON:
    if way.status == 204:
        return {}
    if way.gives is not None:
        return {"content": _json(way.gives)}
    return {"content": {way.media_type: {"schema": {} if way.media_type == "application/json" else {"type": "string"}}}}


def _json(body: type[BaseModel]) -> JSON:
    return {"application/json": {"schema": {"$ref": REF.format(model=body.__name__)}}}
