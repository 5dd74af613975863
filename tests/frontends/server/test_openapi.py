"""The OpenAPI document says what the server does."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from folkmoot.frontends.server.access import Sessions
from folkmoot.frontends.server.app import operations
from folkmoot.frontends.server.openapi import document
from tests.frontends.server.served import machine, serving

TABLE = operations(Sessions())
DOCUMENT = document(TABLE)


def described() -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, each) for path, item in DOCUMENT["paths"].items() for method, each in item.items()]


def test_every_route_is_in_it() -> None:
    routes = {(each.path.replace(":path", ""), each.method.lower()) for each in TABLE}
    assert routes == {(path, method) for path, method, _ in described()} and len(routes) == len(TABLE)


def test_every_reference_leads_somewhere_and_every_operation_has_a_name_of_its_own() -> None:
    named = set(re.findall(r'"\$ref": "#/components/schemas/(\w+)"', json.dumps(DOCUMENT)))
    assert named <= set(DOCUMENT["components"]["schemas"]) and "StartRun" in named
    ids = [each["operationId"] for _, _, each in described()]
    assert len(set(ids)) == len(ids) and all(re.fullmatch(r"[a-z_]+", id) for id in ids)


def test_every_part_of_a_path_is_a_parameter_and_every_body_has_a_schema() -> None:
    for path, method, each in described():
        parts = {param["name"] for param in each.get("parameters", []) if param["in"] == "path"}
        assert parts == set(re.findall(r"{(\w+)}", path))
        assert each["summary"] and each["responses"]
        if "requestBody" in each:
            assert method == "post" and "$ref" in each["requestBody"]["content"]["application/json"]["schema"]


def test_it_is_served_to_everybody(tmp_path: Path) -> None:
    with serving(machine(tmp_path, FOLKMOOT_SERVER_KEY="needed")) as served:
        assert served.get("/openapi.json").json() == DOCUMENT
        assert DOCUMENT["openapi"] == "3.1.0"
        protected = [(path, each) for path, method, each in described() if method == "get" and "security" not in each]
        for path, _ in protected:
            assert served.get(path.replace("{id}", "x").replace("{name}", "x")).status_code == 401, path


@pytest.mark.parametrize("path, method", [("/nope", "GET"), ("/v1/nope", "POST"), ("/v1/models", "DELETE")])
def test_what_is_not_in_it_is_not_there(tmp_path: Path, path: str, method: str) -> None:
    with serving(machine(tmp_path)) as served, served.http() as client:
        answer = client.request(method, path)
    assert answer.status_code in (404, 405) and "/openapi.json" in answer.json()["error"]["message"]
