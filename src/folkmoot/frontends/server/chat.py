"""/v1/chat/completions: a panel answers a conversation as one model would."""

import json
import time
from collections.abc import AsyncGenerator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from folkmoot.frontends.server.answering import Answering, ServedAnswer, begin_answering
from folkmoot.frontends.server.bodies import MostTokens, Overrides, ignored, parsed, read_json
from folkmoot.frontends.server.conversation import read_conversation
from folkmoot.frontends.server.refusals import log_unexpected, refusal_of, unsupported
from folkmoot.frontends.server.service import Service
from folkmoot.frontends.server.streams import ALIVE, EventStream, comment, sse
from folkmoot.types import JSON, Effort, Usage


class StreamOptions(BaseModel):
    include_usage: bool = False


class ChatBody(BaseModel):
    """A chat completion, as far as a panel can take it. Fields that are not listed here are ignored."""

    model_config = ConfigDict(extra="allow")

    model: str
    messages: Annotated[list[Any], Field(min_length=1)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    max_tokens: MostTokens = None
    max_completion_tokens: MostTokens = None
    reasoning_effort: Effort | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    n: int | None = None
    tool_choice: Any = None
    response_format: dict[str, Any] | None = None
    folkmoot: Overrides | None = None


async def chat_completions(service: Service, request: Request) -> Response:
    value = await read_json(request, service.max_body)
    body = parsed(value, ChatBody)
    _refuse(body, value)
    how = body.folkmoot or Overrides()
    question = read_conversation(body.messages, param="messages")
    question.model = body.model
    question.settings = {
        "temperature": body.temperature,
        "effort": body.reasoning_effort,
        "max_tokens": body.max_completion_tokens or body.max_tokens,
    }
    question.ignored = ignored(value, ChatBody)
    if how.seed is None and body.seed is not None:
        how = how.model_copy(update={"seed": body.seed})
    stop = (body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ())
    running = await begin_answering(service, request, value, question, how, tuple(each for each in stop if each))
    shows = _shows_progress(body, how, request)
    if body.stream:
        usage = body.stream_options is not None and body.stream_options.include_usage
        return EventStream(_stream(running, body.model, shows, usage), running.headers, running.give_up)
    answer = await running.answer(request)
    return JSONResponse(_whole(answer, body.model, await running.said() if shows else None), headers=running.headers)


def _refuse(body: ChatBody, value: JSON) -> None:
    """Raises Refusal for what would have to change the answer, and cannot."""
    if body.n not in (None, 1):
        raise unsupported("n", "a panel gives one answer; ask again for another")
    choice = body.tool_choice if body.tool_choice is not None else value.get("function_call")
    if choice not in (None, "auto", "none"):
        raise unsupported("tool_choice", "a panel calls no tools; with `auto` it answers without them")
    if body.response_format and body.response_format.get("type", "text") != "text":
        raise unsupported("response_format", "a panel's answer is text, and nothing holds it to a schema")
    if value.get("modalities") not in (None, [], ["text"]):
        raise unsupported("modalities", "a panel answers in text")
    for name in ("logprobs", "top_logprobs", "logit_bias", "audio", "web_search_options"):
        if value.get(name) not in (None, False, 0, {}, []):
            raise unsupported(name, "seats of many vendors have nothing of the kind in common")


def _shows_progress(body: ChatBody, how: Overrides, request: Request) -> bool:
    if how.progress is not None:
        return how.progress
    asked = request.query_params.get("progress")
    return asked not in ("0", "false") if asked is not None else body.reasoning_effort not in (None, "none")


def _whole(answer: ServedAnswer, model: str, progress: str | None) -> JSON:
    message: JSON = {"role": "assistant", "content": answer.text, "refusal": None}
    if progress is not None:
        message["reasoning_content"] = progress
    return {
        "id": f"chatcmpl-{answer.result.run_id}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": usage_json(answer.result.usage),
        "folkmoot": answer.told,
    }


async def _stream(running: Answering, model: str, shows: bool, with_usage: bool) -> AsyncGenerator[bytes, None]:
    """Progress, then the answer. What goes wrong from here on is an event, as the status code has been sent."""
    head = {
        "id": f"chatcmpl-{running.run.id}", "object": "chat.completion.chunk", "created": int(time.time()),
        "model": model,
    }  # fmt: skip

    def chunk(delta: JSON, finish: Literal["stop"] | None = None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        between = {"usage": None} if with_usage else {}
        return sse(json.dumps({**head, "choices": [choice], **between, **more}, ensure_ascii=False))

    yield chunk({"role": "assistant", "content": ""})
    async for line in running.progress():
        if line is None:
            yield ALIVE
        else:
            yield chunk({"reasoning_content": f"{line}\n"}) if shows else comment(line)
    try:
        answer = await running.ended()
    except Exception as error:
        log_unexpected("a chat completion", error)
        yield sse(json.dumps(refusal_of(error).body))
        return
    yield chunk({"content": answer.text})
    yield chunk({}, "stop", folkmoot=answer.told)
    if with_usage:
        yield sse(json.dumps({**head, "choices": [], "usage": usage_json(answer.result.usage)}))
    yield b"data: [DONE]\n\n"


def usage_json(usage: Usage) -> JSON:
    """The sum over all seats and calls."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }
