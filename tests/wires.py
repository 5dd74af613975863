"""How five vendors' interfaces write a question and an answer: what `loopback.py` reads and says.

Written after the vendors' API references. Every `read_*` and every pair of `*_stream` and `*_whole` is one wire format.
"""

import binascii
import json
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Literal

Wire = Literal["chat", "responses", "anthropic", "google", "bedrock"]
JSON = dict[str, Any]
SSE = "text/event-stream; charset=utf-8"


@dataclass(frozen=True)
class Asked:
    """One request for a reply, as it arrived."""

    path: str  # with the query
    wire: Wire
    model: str
    system: str  # system and developer texts, joined by blank lines
    text: str  # of the last user message that has any, its parts joined by blank lines
    stream: bool
    body: Mapping[str, Any]
    headers: Mapping[str, str]  # names in lower case


@dataclass(frozen=True)
class Reply:
    """What the server answers. With a `status` of 400 or more, `text` is the error's message."""

    text: str = ""
    _: KW_ONLY
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0  # seconds before the headers
    chunk_delay: float = 0.0  # seconds before each piece of a stream
    chunk: int = 12  # characters of each piece
    cut: bool = False  # close the connection half-way
    unfinished: bool = False  # end the stream properly, but half-way through the answer
    stall: bool = False  # send half of the stream, then nothing until the client leaves
    gated: bool = False  # send half of the stream, and the rest when the server's gate lets it through
    hang: bool = False  # never answer: until the client leaves or the server closes
    model: str | None = None  # the model that answers; None: the one asked
    finish: Literal["stop", "length"] = "stop"
    thought: str = ""  # reasoning shown before the answer
    input: int | None = None  # tokens, cached ones included; None: a quarter of the characters
    output: int | None = None  # tokens, reasoning included; None: a quarter of the characters
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0
    cost: float | None = None  # USD, as OpenRouter reports it
    error_code: str | None = None  # e.g. insufficient_quota
    raw_body: str | None = None  # sent as it is, instead of everything above
    raw: tuple[bytes, ...] = ()  # the same with the response's head; then the connection is closed, or stalls

    def deltas(self) -> Iterator[str]:
        for at in range(0, len(self.text), self.chunk):
            yield self.text[at : at + self.chunk]


def counts(asked: Asked, reply: Reply) -> tuple[int, int]:
    """Input and output tokens."""
    given, written = -(-len(asked.system + asked.text) // 4), -(-len(reply.text) // 4)
    return given if reply.input is None else reply.input, written if reply.output is None else reply.output


# Reading


def wire_of(path: str) -> Wire | None:
    """The format spoken at `path`, by how the path ends: proxies and gateways put things before it."""
    endings: dict[tuple[str, ...], Wire] = {
        ("/chat/completions",): "chat",
        ("/responses",): "responses",
        ("/messages",): "anthropic",
        (":generateContent", ":streamGenerateContent"): "google",
        ("/converse", "/converse-stream"): "bedrock",
    }
    return next((wire for ending, wire in endings.items() if path.endswith(ending)), None)


def read(wire: Wire, path: str, target: str, headers: Mapping[str, str], body: JSON) -> Asked:
    """`path` is decoded and without its query; `target` is what stood in the request line."""
    if wire == "responses":
        given = body.get("input", "")
        turns = [{"role": "user", "content": given}] if isinstance(given, str) else given
        system = [body.get("instructions")]
    elif wire == "google":
        turns = [{"role": each.get("role", "user"), "content": each.get("parts")} for each in body.get("contents", [])]
        system = [(body.get("systemInstruction") or {}).get("parts")]
    else:
        turns, system = body.get("messages", []), [body.get("system")]
    system += [turn.get("content") for turn in turns if turn.get("role") in ("system", "developer")]
    user = [text for turn in turns if turn.get("role") == "user" and (text := _text(turn.get("content")))]
    named = path.rpartition("/models/")[2].rpartition(":")[0] if wire == "google" else body.get("model")
    model = path.rpartition("/model/")[2].rpartition("/")[0] if wire == "bedrock" else str(named)
    stream = bool(body.get("stream")) or path.endswith((":streamGenerateContent", "/converse-stream"))
    joined = "\n\n".join(filter(None, map(_text, system)))
    return Asked(target, wire, model, joined, user[-1] if user else "", stream, body, headers)


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n\n".join(part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))


# Saying


def media_type(asked: Asked) -> str:
    return "application/vnd.amazon.eventstream" if asked.wire == "bedrock" else SSE


def error(asked: Asked, reply: Reply) -> JSON:
    if asked.wire == "anthropic":
        return {"type": "error", "error": {"type": reply.error_code or "api_error", "message": reply.text}}
    if asked.wire == "google":
        return {"error": {"code": reply.status, "message": reply.text, "status": reply.error_code or "UNKNOWN"}}
    if asked.wire == "bedrock":
        return {"message": reply.text}
    return {"error": {"message": reply.text, "type": reply.error_code or "api_error", "code": reply.error_code}}


def whole(asked: Asked, reply: Reply) -> JSON:
    """The answer to a request that did not ask for a stream."""
    written: dict[Wire, Callable[[Asked, Reply], JSON]] = {
        "chat": chat_whole, "responses": responses_whole, "anthropic": anthropic_whole,
        "google": google_whole, "bedrock": bedrock_whole,
    }  # fmt: skip
    return written[asked.wire](asked, reply)


def stream(asked: Asked, reply: Reply) -> list[bytes]:
    """The answer in pieces, each with its framing."""
    if asked.wire == "chat":
        return [*map(_sse, chat_stream(asked, reply)), b"data: [DONE]\n\n"]
    if asked.wire == "responses":
        events = enumerate(responses_stream(asked, reply))
        return [_sse(event | {"sequence_number": number}, named=True) for number, event in events]
    if asked.wire == "anthropic":
        return [_sse(event, named=True) for event in anthropic_stream(asked, reply)]
    if asked.wire == "bedrock":
        return [_amazon(*event) for event in bedrock_stream(asked, reply)]
    if "alt=sse" in asked.path:
        return [_sse(event) for event in google_stream(asked, reply)]
    return [json.dumps(list(google_stream(asked, reply))).encode()]


def _sse(event: JSON, named: bool = False) -> bytes:
    name = f"event: {event['type']}\n" if named else ""
    return f"{name}data: {json.dumps(event)}\n\n".encode()


def chat_stream(asked: Asked, reply: Reply) -> Iterator[JSON]:
    common = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1760000000,
        "model": reply.model or asked.model,
    }

    def choice(delta: JSON, finish: str | None = None) -> JSON:
        return common | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    yield choice({"role": "assistant", "content": ""})
    if reply.thought:
        yield choice({"reasoning_content": reply.thought})
    for delta in reply.deltas():
        yield choice({"content": delta})
    yield choice({}, reply.finish)
    if (asked.body.get("stream_options") or {}).get("include_usage"):
        yield common | {"choices": [], "usage": _openai_usage(asked, reply, "prompt", "completion")}


def chat_whole(asked: Asked, reply: Reply) -> JSON:
    message = {"role": "assistant", "content": reply.text} | (
        {"reasoning_content": reply.thought} if reply.thought else {}
    )
    return {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1760000000, "model": reply.model or asked.model,
        "choices": [{"index": 0, "message": message, "finish_reason": reply.finish}],
        "usage": _openai_usage(asked, reply, "prompt", "completion"),
    }  # fmt: skip


def _openai_usage(asked: Asked, reply: Reply, into: str, out: str) -> JSON:
    given, written = counts(asked, reply)
    return {
        f"{into}_tokens": given,
        f"{out}_tokens": written,
        "total_tokens": given + written,
        f"{into}_tokens_details": {"cached_tokens": reply.cached},
        f"{out}_tokens_details": {"reasoning_tokens": reply.reasoning},
    } | ({} if reply.cost is None else {"cost": reply.cost})


def responses_whole(asked: Asked, reply: Reply) -> JSON:
    return _response(asked, reply, [*_thoughts(reply), _message(reply.text)], done=True)


def _response(asked: Asked, reply: Reply, output: list[JSON], *, done: bool) -> JSON:
    status = "in_progress" if not done else "completed" if reply.finish == "stop" else "incomplete"
    return {
        "id": "resp_1", "object": "response", "created_at": 1760000000, "status": status, "output": output,
        "model": reply.model or asked.model, "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
        "error": None, "metadata": {}, "instructions": None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "usage": _openai_usage(asked, reply, "input", "output") if done else None,
    }  # fmt: skip


def _thoughts(reply: Reply) -> list[JSON]:
    summary = [{"type": "summary_text", "text": reply.thought}]
    return [{"type": "reasoning", "id": "rs_1", "summary": summary}] if reply.thought else []


def _message(text: str | None, status: str = "completed") -> JSON:
    content = [] if text is None else [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": status, "content": content}


def responses_stream(asked: Asked, reply: Reply) -> Iterator[JSON]:
    yield {"type": "response.created", "response": _response(asked, reply, [], done=False)}
    yield {"type": "response.in_progress", "response": _response(asked, reply, [], done=False)}
    thoughts = _thoughts(reply)
    for thought in thoughts:
        yield {"type": "response.output_item.added", "output_index": 0, "item": thought | {"summary": []}}
        at = {"item_id": "rs_1", "output_index": 0, "summary_index": 0}
        empty = {"type": "summary_text", "text": ""}
        yield {"type": "response.reasoning_summary_part.added", "part": empty} | at
        yield {"type": "response.reasoning_summary_text.delta", "delta": reply.thought} | at
        yield {"type": "response.output_item.done", "output_index": 0, "item": thought}
    index = len(thoughts)
    at = {"item_id": "msg_1", "output_index": index, "content_index": 0}
    part = {"type": "output_text", "text": "", "annotations": []}
    added = _message(None, "in_progress")
    yield {"type": "response.output_item.added", "output_index": index, "item": added}
    yield {"type": "response.content_part.added", "part": part} | at
    for delta in reply.deltas():
        yield {"type": "response.output_text.delta", "delta": delta, "logprobs": []} | at
    yield {"type": "response.output_text.done", "text": reply.text, "logprobs": []} | at
    yield {"type": "response.content_part.done", "part": part | {"text": reply.text}} | at
    yield {"type": "response.output_item.done", "output_index": index, "item": _message(reply.text)}
    kind = "response.completed" if reply.finish == "stop" else "response.incomplete"
    yield {"type": kind, "response": responses_whole(asked, reply)}


def anthropic_whole(asked: Asked, reply: Reply) -> JSON:
    content: list[JSON] = [{"type": "thinking", "thinking": reply.thought, "signature": "s"}] if reply.thought else []
    wanted = structured(asked, reply)
    if wanted is None:
        content.append({"type": "text", "text": reply.text})
    else:
        content.append({"type": "tool_use", "id": "toolu_1", "name": "StructuredOutput", "input": wanted})
    return _anthropic_message(asked, reply) | {
        "content": content,
        "stop_reason": _anthropic_stop(asked, reply),
        "usage": _anthropic_usage(asked, reply),
    }


def structured(asked: Asked, reply: Reply) -> JSON | None:
    """What to hand to the tool by which Claude Code asks for JSON, unless it has been called already."""
    offered = any(tool.get("name") == "StructuredOutput" for tool in asked.body.get("tools") or [])
    called = "tool_result" in json.dumps(asked.body.get("messages"))
    if not offered or called:
        return None
    try:
        found = json.loads(reply.text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _anthropic_message(asked: Asked, reply: Reply) -> JSON:
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": reply.model or asked.model,
        "content": [], "stop_reason": None, "stop_sequence": None,
    }  # fmt: skip


def _anthropic_stop(asked: Asked, reply: Reply) -> str:
    if structured(asked, reply) is not None:
        return "tool_use"
    return "end_turn" if reply.finish == "stop" else "max_tokens"


def _anthropic_usage(asked: Asked, reply: Reply) -> JSON:
    given, written = counts(asked, reply)
    return {
        "input_tokens": given - reply.cached - reply.cache_write,
        "cache_read_input_tokens": reply.cached,
        "cache_creation_input_tokens": reply.cache_write,
        "output_tokens": written,
    } | ({"output_tokens_details": {"thinking_tokens": reply.reasoning}} if reply.reasoning else {})


def anthropic_stream(asked: Asked, reply: Reply) -> Iterator[JSON]:
    usage = _anthropic_usage(asked, reply)
    opening = _anthropic_message(asked, reply) | {"usage": usage | {"output_tokens": 1}}
    yield {"type": "message_start", "message": opening}
    index = 0
    if reply.thought:
        yield {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "thinking", "thinking": "", "signature": ""},
        }
        yield {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "thinking_delta", "thinking": reply.thought},
        }
        yield {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "s"}}
        yield {"type": "content_block_stop", "index": 0}
        index = 1
    if structured(asked, reply) is None:
        block: JSON = {"type": "text", "text": ""}
        kind, name = "text_delta", "text"
    else:
        block = {"type": "tool_use", "id": "toolu_1", "name": "StructuredOutput", "input": {}}
        kind, name = "input_json_delta", "partial_json"
    yield {"type": "content_block_start", "index": index, "content_block": block}
    yield {"type": "ping"}
    for delta in reply.deltas():
        yield {"type": "content_block_delta", "index": index, "delta": {"type": kind, name: delta}}
    yield {"type": "content_block_stop", "index": index}
    stop = {"stop_reason": _anthropic_stop(asked, reply), "stop_sequence": None}
    yield {"type": "message_delta", "delta": stop, "usage": usage}
    yield {"type": "message_stop"}


def _google_event(asked: Asked, reply: Reply, parts: list[JSON], finish: str | None = None) -> JSON:
    candidate: JSON = {"content": {"parts": parts, "role": "model"}, "index": 0}
    event: JSON = {"candidates": [candidate], "modelVersion": reply.model or asked.model, "responseId": "r1"}
    if finish:
        candidate["finishReason"] = finish
        given, written = counts(asked, reply)
        event["usageMetadata"] = {
            "promptTokenCount": given,
            "candidatesTokenCount": written - reply.reasoning,
            "totalTokenCount": given + written,
            "cachedContentTokenCount": reply.cached,
            "thoughtsTokenCount": reply.reasoning,
        }
    return event


def google_stream(asked: Asked, reply: Reply) -> Iterator[JSON]:
    if reply.thought:
        yield _google_event(asked, reply, [{"text": reply.thought, "thought": True}])
    for delta in reply.deltas():
        yield _google_event(asked, reply, [{"text": delta}])
    yield _google_event(asked, reply, [{"text": ""}], "STOP" if reply.finish == "stop" else "MAX_TOKENS")


def google_whole(asked: Asked, reply: Reply) -> JSON:
    thoughts = [{"text": reply.thought, "thought": True}] if reply.thought else []
    finish = "STOP" if reply.finish == "stop" else "MAX_TOKENS"
    return _google_event(asked, reply, [*thoughts, {"text": reply.text}], finish)


def _bedrock_end(asked: Asked, reply: Reply) -> tuple[str, JSON]:
    given, written = counts(asked, reply)
    usage = {"inputTokens": given, "outputTokens": written, "totalTokens": given + written}
    return "end_turn" if reply.finish == "stop" else "max_tokens", {"usage": usage, "metrics": {"latencyMs": 1}}


def bedrock_whole(asked: Asked, reply: Reply) -> JSON:
    stop, metadata = _bedrock_end(asked, reply)
    message = {"role": "assistant", "content": [{"text": reply.text}]}
    return {"output": {"message": message}, "stopReason": stop} | metadata


def bedrock_stream(asked: Asked, reply: Reply) -> Iterator[tuple[str, JSON]]:
    stop, metadata = _bedrock_end(asked, reply)
    yield "messageStart", {"role": "assistant"}
    for delta in reply.deltas():
        yield "contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": delta}}
    yield "contentBlockStop", {"contentBlockIndex": 0}
    yield "messageStop", {"stopReason": stop}
    yield "metadata", metadata


def _amazon(kind: str, event: JSON) -> bytes:
    """One frame of Amazon's event stream encoding: lengths, headers of type string (7), payload, checksums."""
    given = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    headers = b"".join(
        struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", 7, len(value)) + value.encode()
        for name, value in given.items()
    )
    payload = json.dumps(event).encode()
    prelude = struct.pack(">II", len(headers) + len(payload) + 16, len(headers))
    frame = prelude + struct.pack(">I", binascii.crc32(prelude)) + headers + payload
    return frame + struct.pack(">I", binascii.crc32(frame))
