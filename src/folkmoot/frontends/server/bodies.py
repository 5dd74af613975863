"""Request bodies and their parsing: a limit on the size, and all mistakes reported at once."""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, ValidationError
from starlette.requests import ClientDisconnect, Request

from folkmoot.errors import InputError
from folkmoot.frontends.server.refusals import Refusal
from folkmoot.record.marks import Verdict
from folkmoot.record.store import Turn
from folkmoot.types import JSON, MEDIA_TYPES, Attachment, Record

B = TypeVar("B", bound=BaseModel)

Positive = Annotated[float, Field(gt=0)]
MostTokens = Annotated[
    Annotated[int, Field(ge=1)] | None, BeforeValidator(lambda given: None if given == -1 else given)
]
"""A limit on the length of a reply; clients of local servers send -1 for none."""
_DATA_URL = re.compile(r"data:(?P<type>[^;,]+)(?:;[^;,]+)*;base64,", re.IGNORECASE)
_TAKEN = tuple(dict.fromkeys(MEDIA_TYPES.values()))


class LimitsBody(Record):
    """The limits of a run."""

    timeout: Positive | None = Field(None, description="Seconds for one call with its retries and repair")
    idle_timeout: Annotated[float, Field(ge=0)] | None = Field(None, description="Longest silence of a seat, seconds")
    max_concurrent: Annotated[int, Field(ge=0)] = Field(0, description="Calls at once; 0 for no limit")
    budget: Positive | None = Field(None, description="USD")
    max_calls: Annotated[int, Field(ge=1)] | None = None
    retries: Annotated[int, Field(ge=0, le=10)] = 2
    backoff: Annotated[float, Field(ge=0)] = Field(1.0, description="Seconds before the first retry")


class How(Record):
    """The settings of a question. What is not given comes from the panel, else from the configuration."""

    panel: str | None = Field(None, description="A saved panel")
    protocol: str | None = None
    models: tuple[str, ...] = Field((), description="Seats, as --models takes them")
    options: JSON = Field({}, description="Of the protocol; GET /api/v1/protocols says which there are")
    limits: LimitsBody = LimitsBody()
    budget: Positive | None = Field(None, description="USD; the same as limits.budget")
    roles: dict[str, str] = Field({}, description='A stance for single seats: {"s1": "skeptic"}, or any text')
    seed: int | None = None

    def limits_given(self) -> JSON:
        given: JSON = self.limits.model_dump(exclude_unset=True)
        return given | ({"budget": self.budget} if self.budget is not None else {})


class Overrides(How):
    """The field `folkmoot` of requests to the OpenAI-compatible endpoints."""

    progress: bool | None = Field(None, description="Whether progress is sent as reasoning")


class FileBody(Record):
    """An image or a PDF that goes to every seat."""

    name: str = Field("", max_length=200)
    url: str = Field(description="data:image/png;base64,...")


class StartRun(How):
    """A question for a panel."""

    prompt: str = Field(min_length=1)
    model: str | None = Field(None, description="A name from GET /api/v1/models, instead of panel and protocol")
    system: str | None = Field(None, description="For every seat")
    history: tuple[Turn, ...] = Field((), description="Earlier turns, the oldest first")
    after: str | None = Field(None, description="A run: its conversation goes on, with the same seats, asked alike")
    attachments: tuple[FileBody, ...] = ()


class ResumeRun(Record):
    """Changes for resuming a run."""

    options: JSON = Field({}, description="Of the protocol, e.g. rounds")
    limits: LimitsBody = LimitsBody()
    retry_failed: bool = Field(False, description="Ask failed calls again")


class ForkRun(Record):
    """A new run from another's record."""

    step: str | None = Field(None, description="What came before this step is kept; by default everything")
    set: dict[str, Any] = Field({}, description='{"threshold": 9, "seats.2.model": "openai/gpt-5.4", "prompt": "..."}')


class Login(Record):
    key: str = ""


class Reply(Record):
    """A person's answer."""

    text: str


class LateReply(Record):
    """A person's reply after the deadline."""

    step: str
    text: str


class MarkRun(Record):
    """Whether a run's answer was right."""

    verdict: Verdict
    answer: str | None = Field(None, description="The right answer, where it is known")
    note: str | None = Field(None, description="How that is known, for people")


class Begun(Record):
    """A run that goes on."""

    id: str
    status: Literal["running"] = "running"


class ErrorBody(Record):
    """An error: `message` for people, `type` and `code` for programs."""

    error: JSON


HARMLESS = frozenset((
    "user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention",
    "parallel_tool_calls", "include", "n", "response_format", "logprobs", "top_logprobs", "logit_bias", "modalities",
    "audio", "web_search_options", "tool_choice", "function_call", "background", "conversation", "prompt",
))  # fmt: skip
"""What may be sent and would change no answer elsewhere either, or is refused where it would."""


def ignored(value: JSON, body: type[BaseModel]) -> list[str]:
    """The fields of a request that change nothing here, and would elsewhere: the response names them."""
    nothing: tuple[object, ...] = (None, False, "", [], {}, "auto", "disabled")
    sent = (name for name, given in value.items() if given not in nothing)
    return sorted(name for name in sent if name not in body.model_fields and name not in HARMLESS)


async def read_json(request: Request, most: int) -> JSON:
    """The JSON object in a request's body. Raises Refusal before more than `most` bytes are in memory."""
    said = request.headers.get("content-length", "")
    if said.isdigit() and int(said) > most:
        raise _too_large(most)
    body = bytearray()
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > most:
                raise _too_large(most)
    except ClientDisconnect:
        raise Refusal(400, "the connection was closed before the request was whole") from None
    if not body.strip():
        return {}
    try:
        value = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, f"the body is not JSON: {error}", code="invalid_json") from None
    if not isinstance(value, dict):
        raise Refusal(400, "the body must be a JSON object", code="invalid_json")
    return value


def _no_number(written: str) -> float:
    raise ValueError(f"{written} is no number")


async def read_body(request: Request, most: int, body: type[B]) -> B:
    return parsed(await read_json(request, most), body)


def parsed(value: JSON, body: type[B]) -> B:
    """`value` as a `body`. Raises Refusal with everything that is wrong with it."""
    try:
        return body.model_validate(value)
    except ValidationError as error:
        found = error.errors()
        problems = [f"{_place(each['loc'])}{each['msg'].removeprefix('Value error, ')}" for each in found]
        param = ".".join(str(key) for key in found[0]["loc"]) or None
        raise Refusal(400, "\n".join(problems), code="invalid_request", param=param) from None


def _place(keys: Sequence[int | str]) -> str:
    return f"{'.'.join(str(key) for key in keys)}: " if keys else ""


def _too_large(most: int) -> Refusal:
    message = f"the request is larger than {most:,} bytes; `folkmoot serve --max-body` allows more"
    return Refusal(413, message, code="request_too_large", headers={"connection": "close"})


def attachment(url: str, name: str = "") -> Attachment:
    """The image or PDF in a data URL. Raises InputError for any other URL: this server fetches nothing."""
    found = _DATA_URL.match(url)
    if found is None:
        shown = url[:60] + ("..." if len(url) > 60 else "")
        raise InputError(f"{shown!r} is no data URL, and this server fetches nothing: send data:image/png;base64,...")
    media_type = found["type"].lower().replace("image/jpg", "image/jpeg")
    if media_type not in _TAKEN:
        raise InputError(f"{media_type} cannot be sent along; there are: {', '.join(_TAKEN)}")
    try:
        content = base64.b64decode(url[found.end() :], validate=True)
    except (binascii.Error, ValueError):
        raise InputError(f"the data URL with {media_type} is not base64") from None
    ending = next(ending for ending, each in MEDIA_TYPES.items() if each == media_type)
    sha256 = hashlib.sha256(content).hexdigest()
    return Attachment(name or f"{sha256[:8]}{ending}", media_type, sha256, content)
