"""The OpenAPI document, made of the table of routes."""

import re
from collections.abc import Sequence

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from folkmoot._version import __version__
from folkmoot.frontends.server.bodies import ErrorBody
from folkmoot.frontends.server.operation import Operation
from folkmoot.types import JSON

REF = "#/components/schemas/{model}"


def document(operations: Sequence[Operation]) -> JSON:
    """OpenAPI 3.1."""
    bodies: list[type[BaseModel]] = [ErrorBody]
    bodies += [each for one in operations for each in (one.body, one.gives) if each is not None]
    inner = sorted(set(bodies), key=lambda each: each.__name__)
    _, schemas = models_json_schema([(each, "validation") for each in inner], ref_template=REF)
    paths: dict[str, JSON] = {}
    for operation in operations:
        paths.setdefault(operation.path.replace(":path", ""), {})[operation.method.lower()] = _operation(operation)
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


def _operation(operation: Operation) -> JSON:
    places = [("path", name) for name in re.findall(r"{(\w+)", operation.path)] + [
        ("query", name) for name in operation.query
    ]
    found: JSON = {
        "operationId": operation.summary.lower().replace(" ", "_").translate(str.maketrans("", "", ",;'")),
        "summary": operation.summary,
        "responses": {
            str(operation.status): {"description": operation.summary, **_content(operation)},
            "default": {"description": "What is wrong", "content": _json(ErrorBody)},
        },
    }
    if operation.endpoint.__doc__:
        found["description"] = " ".join(operation.endpoint.__doc__.split())
    if places:
        found["parameters"] = [
            {"name": name, "in": where, "required": where == "path", "schema": {"type": "string"}}
            for where, name in places
        ]
    if operation.body is not None:
        found["requestBody"] = {"required": True, "content": _json(operation.body)}
    if operation.public:
        found["security"] = []
    return found


def _content(operation: Operation) -> JSON:
    if operation.status == 204:
        return {}
    if operation.gives is not None:
        return {"content": _json(operation.gives)}
    return {
        "content": {
            operation.media_type: {"schema": {} if operation.media_type == "application/json" else {"type": "string"}}
        }
    }


def _json(body: type[BaseModel]) -> JSON:
    return {"application/json": {"schema": {"$ref": REF.format(model=body.__name__)}}}
