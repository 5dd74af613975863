"""/v1/responses: the same for clients of OpenAI's newer interface.

A response is called after its run, so `previous_response_id` goes on with the conversation that is on record.
"""

import json
import time
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from folkmoot.errors import InputError
from folkmoot.frontends.server.answering import Answering, ServedAnswer, begin_answering
from folkmoot.frontends.server.bodies import MostTokens, Overrides, ignored, parsed, read_json
from folkmoot.frontends.server.conversation import read_conversation, text_of, turns_after
from folkmoot.frontends.server.refusals import Refusal, log_unexpected, refusal_of, unsupported
from folkmoot.frontends.server.service import Service, key_of
from folkmoot.frontends.server.starting import ClientQuestion
from folkmoot.frontends.server.streams import ALIVE, EventStream, comment, sse
from folkmoot.record.store import Turn
from folkmoot.types import JSON, Attachment, Effort, Usage

PREFIX = "resp_"


class ReasoningBody(BaseModel):
    effort: Effort | None = None
    summary: str | None = None


class ResponseBody(BaseModel):
    """A request for a response, as far as a panel can take it. Fields that are not listed here are ignored."""

    model_config = ConfigDict(extra="allow")

    model: str
    input: str | list[Any]
    instructions: str | None = None
    stream: bool | None = None
    reasoning: ReasoningBody | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    max_output_tokens: MostTokens = None
    previous_response_id: str | None = None
    tool_choice: Any = None
    text: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    folkmoot: Overrides | None = None


async def create_response(service: Service, request: Request) -> Response:
    value = await read_json(request, service.max_body)
    body = parsed(value, ResponseBody)
    _refuse(body, value)
    question = _question(body, value, *_earlier(body, service, request))
    running = await begin_answering(service, request, value, question, body.folkmoot or Overrides())
    telling = _Telling(body, running)
    if body.stream:
        return EventStream(_stream(telling), running.headers, running.give_up)
    answer = await running.answer(request)
    if telling.shows:
        telling.thought(await running.said())
    return JSONResponse(telling.completed(answer), headers=running.headers)


async def read_response(service: Service, request: Request) -> Response:
    """A response from its record, as far as it is."""
    id = request.path_params["id"]
    _may_read(request)
    folder = service.folder(id.removeprefix(PREFIX))
    spec, (state, result) = folder.spec(), service.state(folder)
    status = "completed" if result is not None and text_of(result) else "incomplete"
    status = "in_progress" if state == "running" else status
    output = [_message(folder.id, text_of(result))] if result is not None and status == "completed" else []
    found = _response(folder.id, f"folkmoot/{spec.protocol}", status, output)
    created = int(datetime.fromisoformat(spec.created).timestamp())
    usage = _usage(result.usage) if result is not None else None
    return JSONResponse({**found, "id": id, "created_at": created, "usage": usage})


def _refuse(body: ResponseBody, value: JSON) -> None:
    """Raises Refusal for what would have to change the answer, and cannot."""
    if body.tool_choice not in (None, "auto", "none"):
        raise unsupported("tool_choice", "a panel calls no tools; with `auto` it answers without them")
    if ((body.text or {}).get("format") or {}).get("type", "text") != "text":
        raise unsupported("text.format", "a panel's answer is text, and nothing holds it to a schema")
    if value.get("background"):
        raise unsupported("background", "POST /api/v1/runs starts a run that goes on by itself")
    for name in ("conversation", "prompt", "top_logprobs"):
        if value.get(name):
            raise unsupported(name, "there is nothing of the kind here")


def _question(body: ResponseBody, value: JSON, earlier: list[Turn], attached: Sequence[Attachment]) -> ClientQuestion:
    items = [{"role": "user", "content": body.input}] if isinstance(body.input, str) else body.input
    question = read_conversation(items, param="input")
    question.model = body.model
    question.system = "\n\n".join(each for each in (body.instructions, question.system) if each) or None
    question.history = [*earlier, *question.history]
    question.attachments = [*attached, *question.attachments]
    question.settings = {
        "temperature": body.temperature,
        "effort": body.reasoning.effort if body.reasoning else None,
        "max_tokens": body.max_output_tokens,
    }
    question.ignored = ignored(value, ResponseBody)
    return question


def _earlier(body: ResponseBody, service: Service, request: Request) -> tuple[list[Turn], tuple[Attachment, ...]]:
    """The conversation that a request goes on with, and what was attached to it."""
    if not body.previous_response_id:
        return [], ()
    _may_read(request)
    folder = service.folder(body.previous_response_id.removeprefix(PREFIX))
    try:
        return turns_after(folder), folder.attachments(folder.spec())
    except InputError as error:
        raise Refusal(400, str(error), code="no_answer", param="previous_response_id") from None


def _may_read(request: Request) -> None:
    key = key_of(request)
    if key is not None and key.only:
        message = f"the key {key.name} may not read the record; send the conversation instead"
        raise Refusal(403, message, kind="permission_error", code="record_not_allowed")


class _Telling:
    """One response as it comes about: its object, and the events that tell of it."""

    def __init__(self, body: ResponseBody, running: Answering) -> None:
        self.running, self._body, self._id = running, body, running.run.id
        wished = body.folkmoot.progress if body.folkmoot else None
        self.shows = wished if wished is not None else bool(body.reasoning and body.reasoning.summary)
        self.output: list[JSON] = []
        self._sent = 0

    def event(self, kind: str, **fields: Any) -> bytes:
        value = {"type": kind, "sequence_number": self._sent, **fields}
        self._sent += 1
        return sse(json.dumps(value, ensure_ascii=False), event=kind)

    def response(self, status: str, **fields: Any) -> JSON:
        body = self._body
        found = _response(self._id, body.model, status, self.output)
        effort = body.reasoning.effort if body.reasoning else None
        return found | {
            "instructions": body.instructions, "max_output_tokens": body.max_output_tokens,
            "previous_response_id": body.previous_response_id, "temperature": body.temperature,
            "reasoning": {"effort": effort, "summary": None}, "metadata": body.metadata or {}, **fields,
        }  # fmt: skip

    def thought(self, text: str) -> JSON:
        """The item of the progress, now among the output."""
        summary = [{"type": "summary_text", "text": text}]
        item = {"type": "reasoning", "id": f"rs_{self._id}", "summary": summary, "status": "completed"}
        self.output.append(item)
        return item

    def completed(self, answer: ServedAnswer) -> JSON:
        self.output.append(_message(self._id, answer.text))
        return self.response("completed", usage=_usage(answer.result.usage), folkmoot=answer.told)

    async def progress(self) -> AsyncGenerator[bytes, None]:
        """As a summary of reasoning where the client asked for one, else as comments."""
        place: JSON = {"item_id": f"rs_{self._id}", "output_index": 0, "summary_index": 0}
        lines: list[str] = []
        async for line in self.running.progress():
            if line is None or not self.shows:
                yield ALIVE if line is None else comment(line)
                continue
            if not lines:
                item = {"type": "reasoning", "id": place["item_id"], "summary": [], "status": "in_progress"}
                yield self.event("response.output_item.added", output_index=0, item=item)
                part = {"type": "summary_text", "text": ""}
                yield self.event("response.reasoning_summary_part.added", **place, part=part)
            lines.append(f"{line}\n")
            yield self.event("response.reasoning_summary_text.delta", **place, delta=lines[-1])
        if lines:
            item = self.thought("".join(lines))
            yield self.event("response.reasoning_summary_text.done", **place, text="".join(lines))
            yield self.event("response.reasoning_summary_part.done", **place, part=item["summary"][0])
            yield self.event("response.output_item.done", output_index=0, item=item)

    def text_events(self, answer: ServedAnswer) -> list[bytes]:
        item, index = _message(self._id, answer.text), len(self.output)
        place: JSON = {"item_id": item["id"], "output_index": index, "content_index": 0}
        empty, text = {**item, "status": "in_progress", "content": []}, answer.text
        return [
            self.event("response.output_item.added", output_index=index, item=empty),
            self.event("response.content_part.added", **place, part=_text("")),
            self.event("response.output_text.delta", **place, delta=text, logprobs=[]),
            self.event("response.output_text.done", **place, text=text, logprobs=[]),
            self.event("response.content_part.done", **place, part=_text(text)),
            self.event("response.output_item.done", output_index=index, item=item),
        ]


async def _stream(telling: _Telling) -> AsyncGenerator[bytes, None]:
    yield telling.event("response.created", response=telling.response("in_progress"))
    yield telling.event("response.in_progress", response=telling.response("in_progress"))
    async for frame in telling.progress():
        yield frame
    try:
        answer = await telling.running.ended()
    except Exception as error:  # the status code has been sent: what is wrong can only be said here
        log_unexpected("a response", error)
        body = refusal_of(error).body
        problem = {"code": "server_error", "message": body["error"]["message"]}
        told = {"folkmoot": body["error"].get("folkmoot")}
        yield telling.event("response.failed", response=telling.response("failed", error=problem, **told))
        return
    for frame in telling.text_events(answer):
        yield frame
    yield telling.event("response.completed", response=telling.completed(answer))


def _response(run_id: str, model: str, status: str, output: list[JSON]) -> JSON:
    return {
        "id": f"{PREFIX}{run_id}", "object": "response", "created_at": int(time.time()), "status": status,
        "background": False, "error": None, "incomplete_details": None, "instructions": None,
        "max_output_tokens": None, "model": model, "output": list(output), "parallel_tool_calls": False,
        "previous_response_id": None, "reasoning": {"effort": None, "summary": None}, "store": True,
        "temperature": None, "text": {"format": {"type": "text"}}, "tool_choice": "none", "tools": [],
        "top_p": None, "truncation": "disabled", "usage": None, "metadata": {},
    }  # fmt: skip


def _message(run_id: str, text: str) -> JSON:
    return {
        "type": "message", "id": f"msg_{run_id}", "status": "completed", "role": "assistant", "content": [_text(text)],
    }  # fmt: skip


def _text(text: str) -> JSON:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _usage(usage: Usage) -> JSON:
    """The sum over all seats and calls."""
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
