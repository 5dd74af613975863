"""API providers against a server that speaks the vendors' wire formats: what is sent, and to whom."""

import json
import subprocess
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from folkmoot.errors import InputError
from folkmoot.providers import open_provider
from folkmoot.providers.base import Settings
from folkmoot.types import Attachment, Message, Request
from tests.loopback import LoopbackModels, Reply
from tests.providers.api_calls import WIRES, Wire, complete, every_wire, request

SCHEMA = {"type": "object", "properties": {"score": {"type": "number"}}, "required": ["score"]}


def sent(wire: Wire, asked: Request) -> dict[str, Any]:
    with LoopbackModels(lambda _: "Drive.") as server:
        complete(wire.open(server.url), asked)
        return dict(server.asked[0].body)


@every_wire
def test_a_schema_is_sent_in_the_vendors_own_way_and_the_reply_stays_json_text(wire: Wire) -> None:
    with LoopbackModels(lambda _: Reply('{"score": 8}')) as server:
        completion = complete(wire.open(server.url), request(model=wire.model, schema=SCHEMA))
        body = server.asked[0].body
    assert completion.text == '{"score": 8}'
    assert "tools" not in body
    holder: Any = {
        "chat": lambda: body["response_format"]["json_schema"]["schema"],
        "responses": lambda: body["text"]["format"]["schema"],
        "anthropic": lambda: body["output_config"]["format"]["schema"],
        "google": lambda: body["generationConfig"]["responseJsonSchema"],
    }[server.asked[0].wire]
    assert holder()["required"] == ["score"]


@pytest.mark.parametrize(
    ("name", "model"), [("chat", "gpt-3.5-turbo"), ("responses", "gpt-4"), ("anthropic", "claude-3-haiku-20240307")]
)
def test_a_schema_is_not_sent_to_a_model_that_takes_none(name: str, model: str) -> None:
    assert "score" not in json.dumps(sent(WIRES[name], request(model=model, schema=SCHEMA)))


@every_wire
def test_sampling_and_effort_are_sent_under_the_vendors_names(wire: Wire) -> None:
    body = json.dumps(sent(wire, request(model=wire.model, effort="low", max_tokens=500, cap=300)))
    assert "300" in body
    assert "low" in body.lower()
    plain = sent(wire, request(model="gpt-4.1" if wire.provider == "openai" else wire.model, temperature=0.25))
    assert "0.25" in json.dumps(plain)


def test_anthropic_gets_no_temperature_beside_effort_and_nobody_is_warned() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        wire = WIRES["anthropic"]
        assert "temperature" not in sent(wire, request(model=wire.model, effort="low", temperature=0.5))
        assert "temperature" not in sent(WIRES["chat"], request(model="gpt-5.4", effort="low", temperature=0.5))


@every_wire
def test_images_and_pdfs_go_along(wire: Wire) -> None:
    files = (
        Attachment("a.png", "image/png", "0" * 64, b"\x89PNG\r\n\x1a\nimage"),
        Attachment("b.pdf", "application/pdf", "1" * 64, b"%PDF-1.7 document"),
    )
    with LoopbackModels() as server:
        provider = wire.open(server.url)
        assert {file.media_type for file in files} <= provider.attachments
        complete(provider, request(model=wire.model, attachments=files))
        body = json.dumps(server.asked[0].body)
    for text in ("iVBORw0KGgppbWFnZQ", "JVBERi0xLjcgZG9jdW1lbnQ"):  # base64
        assert text in body


def marks(body: Mapping[str, Any]) -> int:
    return json.dumps(body).count("cache_control")


def test_anthropic_is_told_to_cache_a_prefix_only_where_it_is_long_enough() -> None:
    wire, long, short = WIRES["anthropic"], "word " * 4000, "word " * 2000  # 5,000 and 2,500 tokens
    body = sent(wire, request(long, "Drive or walk?", model="claude-opus-4-6"))
    assert [list(block) for block in body["messages"][0]["content"]] == [
        ["text", "type", "cache_control"],
        ["text", "type"],
    ]
    assert marks(sent(wire, request(short, "Drive or walk?", model="claude-opus-4-6"))) == 0
    assert marks(sent(wire, request(short, "Drive or walk?", model="claude-sonnet-4-6"))) == 1
    assert marks(sent(wire, request(long + "Drive or walk?", model="claude-opus-4-6"))) == 0
    assert marks(sent(wire, request("Files.", "Drive?", model="claude-opus-4-6", system=long))) == 1


def test_a_repair_hits_the_cache_of_the_call_it_repairs() -> None:
    wire, first = WIRES["anthropic"], Message("user", ("word " * 4000, "Drive or walk?"))
    turns = (first, Message("assistant", ("Perhaps.",)), Message("user", ("No line says SCORE.",)))
    before = sent(wire, request(model=wire.model, messages=(first,)))
    after = sent(wire, request(model=wire.model, messages=turns))
    assert after["messages"][0] == before["messages"][0]
    assert marks(after) == 1


@pytest.mark.parametrize("name", ["chat", "responses", "google"])
def test_nobody_else_is_told_to_cache(name: str) -> None:
    wire = WIRES[name]
    body = sent(wire, request("word " * 8000, "Drive or walk?", model=wire.model))
    assert "cache" not in json.dumps(body)


# Other vendors: address, authentication and one reply


def service_account(url: str, folder: Path) -> str:
    """The path of a Google service account's key file, whose log-in server is at `url`."""
    key = generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    account = {
        "type": "service_account",
        "project_id": "moot",
        "private_key": key,
        "client_email": "seat@moot.example",
        "token_uri": f"{url}/token",
    }
    path = folder / "account.json"
    path.write_text(json.dumps(account))
    return str(path)


BEARER = {"authorization": "Bearer key"}
AWS = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "key", "AWS_REGION": "eu-central-1"}
CLAUDE = "eu.anthropic.claude-opus-4-6-v1:0"
OTHERS: list[tuple[str, str, Callable[[str], Mapping[str, str]], str, Mapping[str, str]]] = [
    ("deepseek", "deepseek-chat", lambda url: {"DEEPSEEK_API_KEY": "key", "DEEPSEEK_BASE_URL": url},
     "/v1/chat/completions", BEARER),
    ("openrouter", "openai/gpt-5.4", lambda url: {"OPENROUTER_API_KEY": "key", "OPENROUTER_BASE_URL": f"{url}/api/v1"},
     "/api/v1/chat/completions", BEARER),
    ("mistral", "mistral-large-latest", lambda url: {"MISTRAL_API_KEY": "key", "MISTRAL_BASE_URL": f"{url}/v1"},
     "/v1/chat/completions", BEARER),
    ("groq", "openai/gpt-oss-120b", lambda url: {"GROQ_API_KEY": "key", "GROQ_BASE_URL": f"{url}/openai/v1"},
     "/openai/v1/chat/completions", BEARER),
    ("xai", "grok-4", lambda url: {"GROK_API_KEY": "key", "XAI_BASE_URL": f"{url}/v1"}, "/v1/chat/completions", BEARER),
    ("azure", "gpt-5.4", lambda url: {"AZURE_OPENAI_API_KEY": "key", "AZURE_OPENAI_ENDPOINT": url},
     "/openai/v1/chat/completions", BEARER),
    ("azure", "gpt-5.4", lambda url: {"AZURE_OPENAI_API_KEY": "key", "AZURE_OPENAI_ENDPOINT": url,
     "OPENAI_API_VERSION": "2025-04-01"},
     "/openai/deployments/gpt-5.4/chat/completions?api-version=2025-04-01", {"api-key": "key"}),
    ("bedrock", CLAUDE, lambda url: {**AWS, "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": url},
     f"/model/{CLAUDE.replace(':', '%3A')}/converse-stream", {"authorization": "AWS4-HMAC-SHA256 Credential=AKID/"}),
    ("ollama", "llama3:8b", lambda url: {"OLLAMA_HOST": url.removeprefix("http://")}, "/v1/chat/completions", {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "model", "environ", "path", "headers"), OTHERS, ids=[each[0] for each in OTHERS])
def test_a_vendor_is_asked_at_its_address_with_its_key(
    name: str, model: str, environ: Callable[[str], Mapping[str, str]], path: str, headers: Mapping[str, str]
) -> None:
    with LoopbackModels() as server:
        completion = complete(open_provider(name, Settings(environ(server.url))), request("Drive?", model=model))
    assert completion.text == "echo: Drive?"
    (asked,) = server.asked
    assert (asked.path, asked.model) == (path, model)
    for header, value in headers.items():
        assert asked.headers[header].startswith(value)


def test_vertex_logs_in_with_the_service_account_and_asks_in_its_project(tmp_path: Path) -> None:
    with LoopbackModels() as server:
        environ = {
            "GOOGLE_APPLICATION_CREDENTIALS": service_account(server.url, tmp_path),
            "GOOGLE_CLOUD_LOCATION": "europe-west1",
            "GOOGLE_VERTEX_BASE_URL": server.url,
        }
        completion = complete(open_provider("vertex", Settings(environ)), request("Drive?", model="gemini-3.1-pro"))
    assert completion.text == "echo: Drive?"
    assert server.others == ["POST /token"]
    (asked,) = server.asked
    assert "/projects/moot/locations/europe-west1/publishers/google/models/gemini-3.1-pro:stream" in asked.path
    assert asked.headers["authorization"] == "Bearer loopback-token"


def test_mistral_gets_no_field_that_it_would_refuse() -> None:
    wire = Wire("mistral", "", lambda url: {"MISTRAL_API_KEY": "key", "MISTRAL_BASE_URL": f"{url}/v1"}, {})
    body = sent(wire, request(model="mistral-large-latest", max_tokens=9, temperature=0.5, schema=SCHEMA))
    assert set(body) == {"model", "messages", "stream", "max_tokens", "temperature", "response_format"}


def test_what_openrouter_charges_is_the_price() -> None:
    with LoopbackModels(lambda _: Reply("Drive.", cost=0.0123)) as server:
        environ = {"OPENROUTER_API_KEY": "key", "OPENROUTER_BASE_URL": f"{server.url}/api/v1"}
        completion = complete(open_provider("openrouter", Settings(environ)), request(model="openai/gpt-5.4"))
    assert completion.usd == 0.0123


@pytest.mark.parametrize(
    ("name", "table", "usd"), [("lmstudio", {}, 0.0), ("box", {"billing": "free"}, 0.0), ("box", {}, None)]
)
def test_a_server_of_ones_own_is_free_if_it_is_local_or_said_to_be(
    name: str, table: Mapping[str, str], usd: float | None
) -> None:
    with LoopbackModels() as server:
        provider = open_provider(
            name, Settings({"BOX": "key"}, table={"base_url": server.url, "api_key_env": "BOX", **table})
        )
        completion = complete(provider, request(model="qwen3"))
    assert completion.usd == usd
    assert server.asked[0].headers["authorization"] == "Bearer key"
    assert isinstance(server.asked[0].body["messages"][0]["content"], str)  # many servers take no lists


def test_what_the_configuration_says_of_schemas_holds_for_every_model() -> None:
    def box(**table: object) -> Wire:
        return Wire("box", "", lambda _: {}, table)

    asked = [request(model=model, schema=SCHEMA) for model in ("qwen3", "anthropic/claude", "gpt-3.5-turbo")]
    with LoopbackModels(lambda _: "{}") as server:
        for said in (True, False):
            for each in asked:
                complete(box(base_url=server.url, json_schema=said).open(server.url), each)
    assert ["response_format" in asked.body for asked in server.asked] == [True] * 3 + [False] * 3


def test_openais_organization_is_told_to_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-1")
    with LoopbackModels() as server:
        provider = open_provider("box", Settings({}, table={"base_url": server.url}))
        complete(provider, request(model="qwen3"))
    assert not {"openai-organization", "openai-project"} & set(server.asked[0].headers)


# Opening


def test_importing_the_module_loads_no_sdk() -> None:
    code = "import sys, folkmoot.providers.api; print(*[m for m in sys.modules if m in ('pydantic_ai', 'openai')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


def test_chat_completions_load_no_sdk_and_free_seats_no_price_table() -> None:
    code = (
        "import asyncio, sys\n"
        "from folkmoot.providers import open_provider\n"
        "from folkmoot.providers.base import Settings\n"
        "from tests.providers.api_calls import complete, request\n"
        "table = {'base_url': sys.argv[1], 'billing': 'free'}\n"
        "complete(open_provider('box', Settings({}, table=table)), request(model='m'))\n"
        "print(*[name for name in ('pydantic_ai', 'openai', 'genai_prices') if name in sys.modules])"
    )
    with LoopbackModels() as server:
        done = subprocess.run([sys.executable, "-c", code, server.url], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_a_missing_package_is_named_with_its_extra() -> None:
    code = (
        "import sys; sys.modules['anthropic'] = None\n"
        "from folkmoot.providers import open_provider\n"
        "from folkmoot.providers.base import Settings\n"
        "open_provider('anthropic', Settings({'ANTHROPIC_API_KEY': 'k'}))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "InputError: Anthropic needs a package that is not here: pip install 'folkmoot[anthropic]'" in run.stderr


@pytest.mark.parametrize(
    ("name", "variable"),
    [("openai", "OPENAI_API_KEY"), ("google", "GEMINI_API_KEY or GOOGLE_API_KEY"), ("bedrock", "AWS_ACCESS_KEY_ID")],
)
def test_a_missing_key_is_an_input_error_that_names_the_variables(name: str, variable: str) -> None:
    with pytest.raises(InputError, match=variable):
        open_provider(name, Settings({}))


def test_a_key_that_the_configuration_names_and_nobody_set_is_an_input_error() -> None:
    with pytest.raises(InputError, match="BOX_KEY"):
        open_provider("box", Settings({}, table={"base_url": "http://127.0.0.1:1", "api_key_env": "BOX_KEY"}))


def test_an_unknown_wire_is_an_input_error() -> None:
    with pytest.raises(InputError, match="neither 'chat' nor 'responses'"):
        open_provider("box", Settings({}, table={"base_url": "http://127.0.0.1:1", "wire": "smoke"}))
