"""The body of a request for a chat completion."""

import base64

from folkmoot.providers.api.chat.dialects import Dialect, Enforces
from folkmoot.providers.api.chat.efforts import openai_reasoner, openrouter_effort, other_effort, takes_temperature
from folkmoot.providers.api.chat.refusals import Refusals
from folkmoot.providers.api.schemas import for_grammar, strict_schema
from folkmoot.types import JSON, Attachment, Request


def as_body(request: Request, dialect: Dialect, enforces: Enforces, refusals: Refusals) -> JSON:
    """What is sent. `enforces` says whether the model is held to the request's schema; None: that is tried.

    Fields that the server refused before are left out, and its limit on the length gets the other name.
    """
    model = request.model
    body: JSON = {"model": model, "messages": _messages(request), "stream": True}
    if dialect.asks_for_usage and not refusals.has(model, "stream_options"):
        body["stream_options"] = {"include_usage": True}
    if request.output_limit is not None:
        body[_limit_field(dialect, model, refusals)] = request.output_limit
    body |= _sampling(request, dialect)
    if request.schema is not None and enforces is not False and not refusals.has(model, "response_format"):
        schema, strict = strict_schema(request.schema, dialect.keywords)
        if dialect.grammar:
            schema = for_grammar(schema, request.output_limit)
        described = {"name": "reply", "strict": strict, "schema": schema}
        body["response_format"] = {"type": "json_schema", "json_schema": described}
    return body


def _limit_field(dialect: Dialect, model: str, refusals: Refusals) -> str:
    if not refusals.has(model, dialect.limit):
        return dialect.limit
    return "max_tokens" if dialect.limit == "max_completion_tokens" else "max_completion_tokens"


def _sampling(request: Request, dialect: Dialect) -> JSON:
    """Effort and temperature, as far as the model takes them."""
    model, effort = request.model, request.effort
    if effort is None and request.temperature is None:
        return {}
    routed = dialect.name == "openrouter"
    reasoner = openai_reasoner(model) if dialect.openai_models else None
    told: JSON = {}
    level = effort
    if effort is None:
        pass
    elif routed:
        level_there = openrouter_effort(model, effort)
        told["reasoning"] = {"effort": level_there} | ({} if effort == "none" else {"enabled": True})
    elif reasoner is not None:
        told["reasoning_effort"] = level = reasoner.level(effort)
    elif other := other_effort(dialect.name, model, effort):
        told["reasoning_effort"] = other
    if request.temperature is not None and takes_temperature(reasoner, level):
        told["temperature"] = request.temperature
    return told


def _messages(request: Request) -> list[JSON]:
    messages: list[JSON] = [{"role": "system", "content": request.system}] if request.system else []
    messages += [{"role": turn.role, "content": turn.text} for turn in request.messages]
    if request.attachments:
        # A text alone stays a text: many servers take no lists.
        text = {"type": "text", "text": messages[-1]["content"]}
        messages[-1]["content"] = [*map(_attached, request.attachments), text]
    return messages


def _attached(attachment: Attachment) -> JSON:
    url = f"data:{attachment.media_type};base64,{base64.b64encode(attachment.content).decode()}"
    if attachment.media_type.startswith("image/"):
        return {"type": "image_url", "image_url": {"url": url}}
    return {"type": "file", "file": {"filename": attachment.name or "file.pdf", "file_data": url}}
