"""Servers that speak chat completions almost as OpenAI does: the answer is kept, and a failure has its right kind."""

import gzip
import json
import tracemalloc
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from folkmoot.errors import FailureKind, ProviderError
from folkmoot.providers import open_provider
from folkmoot.providers.api.chat.lines import Events, TooLong
from folkmoot.providers.base import Settings
from folkmoot.types import Completion, Provider, Usage
from tests.loopback import LoopbackModels, Reply
from tests.providers.api_calls import complete, request

SSE = "text/event-stream"
JSON_TYPE = "application/json"


def head(media_type: str = SSE, status: str = "200 OK", *more: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-type: {media_type}", "connection: close", *more, "", ""]
    return "\r\n".join(lines).encode()


def chunk(delta: object = None, finish: object = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": {} if delta is None else delta, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}


def say(text: str = "42", finish: object = None, **more: Any) -> dict[str, Any]:
    return chunk({"role": "assistant", "content": text}, finish, **more)


def whole(**message: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": "42", **message}, "finish_reason": "stop"}
    return {"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": COUNTED}


def sse(*events: object, eol: str = "\n", space: str = " ", done: bool = True, gap: str | None = None) -> bytes:
    datas = [each if isinstance(each, str) else json.dumps(each) for each in events] + (["[DONE]"] if done else [])
    return "".join(f"data:{space}{each}{eol}{eol if gap is None else gap}" for each in datas).encode()


COUNTED = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
STOP = chunk({}, "stop")
LAST = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}


def usage(report: object) -> bytes:
    return sse(say(), STOP, {**LAST, "choices": [], "usage": report})


def at_end(last: object) -> bytes:
    return sse(say(), STOP, last)


# name -> the body of a response with the status 200; every one of them says 42
ANSWERS: dict[str, bytes] = {
    "as documented": sse(say(""), say("4"), say("2"), STOP, {**LAST, "choices": [], "usage": COUNTED}),
    # how a stream ends
    "no [DONE]": sse(say(), STOP, done=False),
    "no finish reason but [DONE]": sse(say()),
    "finish reason in the last piece of text": sse(say("4"), say("2", "stop")),
    "a last chunk with choices null": at_end({**LAST, "choices": None}),
    "a last chunk with choices empty": at_end({**LAST, "choices": []}),
    "a last chunk without choices": at_end(LAST),
    "a last choice that is null": at_end({**LAST, "choices": [None]}),
    "a delta that is null": sse(say(), {**LAST, "choices": [{"index": 0, "delta": None, "finish_reason": "stop"}]}),
    "no delta at all": sse(say(), {**LAST, "choices": [{"index": 0, "finish_reason": "stop"}]}),
    "an error after the end": sse(say(), STOP, {"error": {"message": "worker restarted", "code": 500}}),
    "garbage after the end": sse(say(), STOP, "{broken"),
    "a second [DONE]": sse(say(), STOP, "[DONE]"),
    "[done] in small letters": sse(say(), "[done]", done=False),
    "an empty text as finish reason of each chunk": sse(say("4", ""), say("2", ""), STOP),
    "null as a text for the finish reason of each chunk": sse(say("4", "null"), say("2", "null"), STOP),
    "a finish reason in each chunk": sse(say("4", "stop"), say("2", "stop"), STOP),
    "finishReason": sse(say(), {**LAST, "choices": [{"index": 0, "delta": {}, "finishReason": "STOP"}]}, done=False),
    "a finish reason that is an object": sse(say(), chunk({}, {"type": "stop"}), done=False),
    # how chunks are written
    "CRLF": sse(say("4"), say("2"), STOP, eol="\r\n"),
    "CR": sse(say("4"), say("2"), STOP, eol="\r"),
    "no space after the colon": sse(say("4"), say("2"), STOP, space=""),
    "no blank line between events": sse(say("4"), say("2"), STOP, gap=""),
    "comments and blank lines": b": hello\n\n\n\n" + sse(say("4")) .replace(b"data: [DONE]\n\n", b": ping\n\n:\n\n")
    + sse(say("2"), STOP),
    "fields of other kinds": b"event: message\nid: 1\nretry: 10\n" + sse(say(), STOP),
    "named events": b"event: completion.chunk\n" + sse(say(), STOP),
    "ping events": b'event: ping\ndata: {"type": "ping"}\n\n' + sse(say(), STOP),
    "keep-alives as data": sse("", "null", "ping", say(), STOP),
    "a byte order mark": b"\xef\xbb\xbf" + sse(say(), STOP),
    "an event of several lines": "".join(
        f"data: {line}\n" for line in json.dumps(say(), indent=2).splitlines()
    ).encode() + b"\n" + sse(STOP),
    "JSON lines instead of events": "".join(json.dumps(each) + "\n" for each in (say("4"), say("2"), STOP)).encode(),
    "a list of chunks": sse([say("4"), say("2")], STOP),
    # what a choice holds
    "message instead of delta": sse({**LAST, "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "42"}, "finish_reason": "stop"}]}),
    "pieces called messages": sse(*({**LAST, "choices": [{"index": 0, "message": {"content": each}}]}
                                    for each in ("4", "2")), STOP),
    "messages that grow": sse(*({**LAST, "choices": [{"index": 0, "message": {"content": each}}]}
                                for each in ("4", "42", "42")), STOP),
    "the whole message after its deltas": sse(say("4"), say("2"), whole()),
    "an empty message beside the delta": sse({**LAST, "choices": [
        {"index": 0, "delta": {"content": "42"}, "message": {"content": ""}, "finish_reason": "stop"}]}),
    "text as in completions of old": sse({**LAST, "choices": [{"index": 0, "text": "42"}]}, STOP),
    "no index": sse({**LAST, "choices": [{"delta": {"content": "42"}, "finish_reason": "stop"}]}),
    "an index that is null": sse({**LAST, "choices": [{"index": None, "delta": {"content": "42"}}]}, STOP),
    "a second choice that nobody asked for": sse(
        {**LAST, "choices": [{"index": 0, "delta": {"content": "42"}}, {"index": 1, "delta": {"content": "43"}}]},
        {**LAST, "choices": [{"index": 1, "delta": {"content": "!"}, "finish_reason": "stop"}]}, STOP),
    "choices that are one object": sse({**LAST, "choices": {"delta": {"content": "42"}, "finish_reason": "stop"}}),
    "a delta that is a text": sse(chunk("4"), chunk("2"), STOP),
    "a role alone": sse(chunk({"role": "assistant"}), say(), STOP),
    "content null, tool_calls null, refusal null": sse(
        chunk({"content": None, "tool_calls": None, "refusal": None, "function_call": None}), say(), STOP),
    "content as a list of parts": sse(chunk({"content": [{"type": "text", "text": "4"}, {"text": "2"}]}), STOP),
    "content as one part": sse(chunk({"content": {"type": "text", "text": "42"}}), STOP),
    "content as a list of texts": sse(chunk({"content": ["4", "2"]}), STOP),
    "content as a number": sse(chunk({"content": 42}), STOP),
    "thoughts among the parts": sse(chunk({"content": [
        {"type": "thinking", "thinking": [{"type": "text", "text": "6 * 7"}]}]}), say(), STOP),
    "reasoning_content": sse(chunk({"reasoning_content": "6 * 7"}), say(), STOP),
    "reasoning": sse(chunk({"reasoning": "6 * 7", "content": ""}), say(), STOP),
    "reasoning that is null": sse(chunk({"reasoning": None, "content": "42"}), STOP),
    "logprobs, fingerprints and filters": sse({**say(), "system_fingerprint": None, "prompt_filter_results": [
        {"prompt_index": 0, "content_filter_results": {"hate": {"filtered": False}}}]}, STOP),
    "Azure's first chunk": sse({**LAST, "choices": [], "prompt_filter_results": []}, say(), STOP),
    "an error that is null, empty or a success": sse(
        {**say("4"), "error": None}, {**say("2"), "error": ""}, {**STOP, "error": {"code": 0, "message": ""}}),
    "a model that is null": sse({**say(), "model": None}, STOP),
    "numbers in place of texts": sse({**say(), "id": 7, "created": "now", "object": None}, STOP),
    # a whole completion where a stream was asked for
    "a whole completion": json.dumps(whole()).encode(),
    "a whole completion, indented": json.dumps(whole(), indent=2).encode(),
    "a whole completion after keep-alives": b"\n\n\n" + json.dumps(whole()).encode(),
    "a whole completion with a byte order mark": b"\xef\xbb\xbf" + json.dumps(whole(), indent=1).encode(),
    "a whole completion as one event": sse(whole()),
    "a whole completion in a list": json.dumps([whole()]).encode(),
    "a whole completion without a finish reason": json.dumps(
        {"choices": [{"message": {"content": "42"}}]}).encode(),
    "a whole completion, content in parts": json.dumps(whole(content=[{"type": "text", "text": "42"}])).encode(),
    # usage
    "usage absent": sse(say(), STOP),
    "usage null in each chunk": sse(say(usage=None), {**STOP, "usage": None}),
    "usage that is a text": usage("7"),
    "usage that is a list": usage([7]),
    "usage with nulls": usage({"prompt_tokens": None, "completion_tokens": None, "total_tokens": None}),
    "negative usage": usage({"prompt_tokens": -1, "completion_tokens": -3, "total_tokens": -4}),
    "usage with details that are null": usage(COUNTED | {"prompt_tokens_details": None}),
    "fractional usage": usage({"prompt_tokens": 5.5, "completion_tokens": 2.5, "total_tokens": 8.0}),
    "infinite usage": sse(say(), STOP, '{"choices": [], "usage": {"prompt_tokens": 1e999, "completion_tokens": NaN}}'),
}  # fmt: skip


def opened(server: LoopbackModels, name: str = "box", **table: Any) -> Provider:
    table = {"base_url": server.url, "billing": "free", **table}
    return open_provider(name, Settings({"BOX": "sk-secret-0123"}, idle_timeout=10.0, table=table))


def answered(*pieces: bytes, name: str = "box", **table: Any) -> Completion:
    with LoopbackModels(lambda _: Reply(raw=pieces)) as server:
        return complete(opened(server, name, **table), request("6 * 7?", model="m"))


def refused(*pieces: bytes, **table: Any) -> ProviderError:
    with LoopbackModels(lambda _: Reply(raw=pieces)) as server:
        with pytest.raises(ProviderError) as raised:
            complete(opened(server, **table), request("6 * 7?", model="m"))
        assert len(server.asked) == 1
    return raised.value


@pytest.mark.parametrize("body", ANSWERS.values(), ids=ANSWERS)
def test_an_answer_that_is_there_is_kept(body: bytes) -> None:
    assert answered(head(), body).text == "42"


@pytest.mark.parametrize("media_type", ["application/json", "text/plain", "text/html", "application/x-ndjson", ""])
def test_the_media_type_does_not_matter(media_type: str) -> None:
    assert answered(head(media_type), ANSWERS["as documented"]).text == "42"
    assert answered(head(media_type), ANSWERS["a whole completion"]).text == "42"


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_it_does_not_matter_where_a_stream_is_cut_into_pieces(size: int) -> None:
    text = "Ja: 42 – über 41 \U0001f600, 四十二"
    body = "".join(f"data: {json.dumps(say(each), ensure_ascii=False)}\r\n\r\n" for each in text).encode() + sse(STOP)
    found = Events()
    events = [each for at in range(0, len(body), size) for each in found.feed(body[at : at + size])]
    events += found.end()
    texts = [value["choices"][0]["delta"].get("content", "") for _, value in events if isinstance(value, dict)]
    assert "".join(texts) == text


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_compressed_stream_is_read_although_none_was_asked_for(coding: str) -> None:
    body = ANSWERS["as documented"]
    compressed = gzip.compress(body) if coding == "gzip" else zlib.compress(body)
    assert answered(head(SSE, "200 OK", f"content-encoding: {coding}"), compressed).text == "42"


def test_a_surrogate_pair_may_be_split_between_two_chunks() -> None:
    halves = sse(
        '{"choices": [{"delta": {"content": "42 \\ud83d"}}]}', '{"choices": [{"delta": {"content": "\\ude00"}}]}'
    )
    pieces: list[str] = []
    with LoopbackModels(lambda _: Reply(raw=(head(), halves))) as server:
        assert complete(opened(server), request(model="m"), pieces.append).text == "42 \U0001f600"
    "".join(pieces).encode()  # no half is shown


STOPS = ("stop", "STOP", "eos", "eos_token", "end_turn", "stop_sequence", "COMPLETE", "complete", "finished", "Stop",
         "tool_calls", "FINISH_REASON_STOP", "end", "anything else")  # fmt: skip
LENGTHS = ("length", "max_tokens", "MAX_TOKENS", "model_length", "max_output_tokens", "LENGTH")


@pytest.mark.parametrize("finish", STOPS + LENGTHS)
def test_a_finish_reason_of_any_spelling_ends_the_answer(finish: str) -> None:
    found = answered(head(), sse(say(), chunk({}, finish), done=False))
    assert (found.text, found.finish) == ("42", "length" if finish in LENGTHS else "stop")


USAGES: dict[str, tuple[bytes, Usage | None]] = {
    "once": (usage(COUNTED), Usage(input_tokens=5, output_tokens=2)),
    "running totals": (
        sse(*(say(each, usage={"prompt_tokens": 5, "completion_tokens": n}) for n, each in enumerate("42", 1)), STOP),
        Usage(input_tokens=5, output_tokens=2),
    ),
    "in the finish chunk and once more": (
        sse(say(), {**STOP, "usage": COUNTED}, {**LAST, "choices": [], "usage": COUNTED}),
        Usage(input_tokens=5, output_tokens=2),
    ),
    "in the choice": (
        sse(say(), {**LAST, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "usage": COUNTED}]}),
        Usage(input_tokens=5, output_tokens=2),
    ),
    "Groq's": (sse(say(), {**STOP, "x_groq": {"usage": COUNTED}}), Usage(input_tokens=5, output_tokens=2)),
    "under other names": (usage({"input_tokens": 5, "output_tokens": 2}), Usage(input_tokens=5, output_tokens=2)),
    "as texts": (usage({"prompt_tokens": "5", "completion_tokens": "2"}), Usage(input_tokens=5, output_tokens=2)),
    "fractional": (usage({"prompt_tokens": 4.5, "completion_tokens": 2.0}), Usage(input_tokens=5, output_tokens=2)),
    "without the tokens out, but with the total": (
        usage({"prompt_tokens": 5, "total_tokens": 7}), Usage(input_tokens=5, output_tokens=2)),
    "with a negative number, but with the total": (
        usage({"prompt_tokens": 5, "completion_tokens": -1, "total_tokens": 7}),
        Usage(input_tokens=5, output_tokens=2)),
    "the tokens in alone": (usage({"prompt_tokens": 5}), None),
    "null": (usage(None), None),
    "all nulls": (usage({"prompt_tokens": None, "completion_tokens": None}), None),
    "all zeros": (usage({"prompt_tokens": 0, "completion_tokens": 0}), None),
    "more cached than there are": (
        usage(COUNTED | {"prompt_tokens_details": {"cached_tokens": 9}}),
        Usage(input_tokens=5, output_tokens=2, cached_tokens=5),
    ),
    "DeepSeek's cache": (
        usage(COUNTED | {"prompt_cache_hit_tokens": 3}), Usage(input_tokens=5, output_tokens=2, cached_tokens=3)),
    "xAI's reasoning, beside the answer": (
        usage({"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 10,
               "completion_tokens_details": {"reasoning_tokens": 3}}),
        Usage(input_tokens=5, output_tokens=5, reasoning_tokens=3),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), USAGES.values(), ids=USAGES)
def test_usage_is_counted_once_or_not_known(body: bytes, expected: Usage | None) -> None:
    found = answered(head(), body)
    assert (found.text, found.usage) == ("42", expected)


PAGE = b"<!doctype html><html><head><title>Log in to the network</title></head><body>...</body></html>"
STATUS_400 = head(JSON_TYPE, "400 Bad Request")

# name -> response, kind, words in the message
FAILURES: dict[str, tuple[tuple[bytes, ...], FailureKind, str]] = {
    # an error inside a response with the status 200
    "an error object": ((head(JSON_TYPE), b'{"error": {"message": "model exploded", "code": 500}}'),
                        "server", "model exploded"),
    "an error object in a stream": ((head(), sse({"error": {"message": "model exploded"}})),
                                    "server", "model exploded"),
    "an error amid the answer": ((head(), sse(say("4"), {"error": {"message": "upstream died", "code": 502}})),
                                 "server", "upstream died"),
    "an error event": ((head(), b'event: error\ndata: {"message": "model exploded"}\n\n'), "server", "model exploded"),
    "an error event of text": ((head(), b"event: error\ndata: model exploded\n\n"), "server", "model exploded"),
    "an error as a text": ((head(), sse({"error": "model exploded"})), "server", "model exploded"),
    "vLLM's": ((head(), sse({"object": "error", "message": "model exploded", "code": 500})),
               "server", "model exploded"),
    "FastAPI's": ((head(JSON_TYPE), b'{"detail": "model exploded"}'), "server", "model exploded"),
    "a list of errors": ((head(JSON_TYPE), b'[{"error": {"code": 503, "message": "model exploded"}}]'),
                         "server", "model exploded"),
    "Cloudflare's": ((head(JSON_TYPE), b'{"success": false, "errors": [{"code": 7009, "message": "model exploded"}]}'),
                     "server", "model exploded"),
    "MiniMax's": ((head(), sse({"choices": None, "base_resp": {"status_code": 1013, "status_msg": "model exploded"}})),
                  "server", "model exploded"),
    "OpenRouter's": ((head(), sse({**chunk({}, "error"), "error": {"code": 502, "message": "Provider returned error",
                                   "metadata": {"raw": '{"error": {"message": "model exploded"}}'}}})),
                     "server", "Provider returned error: model exploded"),
    "an error in the choice": ((head(), sse({**LAST, "choices": [{"error": {"code": 429, "message": "wait a bit"}}]})),
                               "rate", "wait a bit"),
    "a bare message": ((head(JSON_TYPE), b'{"code": 40001, "msg": "model exploded"}'), "server", "model exploded"),
    "a rate limit by its code": ((head(), sse({"error": {"message": "no", "code": "rate_limit_exceeded"}})),
                                 "rate", "no"),
    "a rate limit by its number": ((head(), sse({"error": {"message": "no", "code": 429}})), "rate", "no"),
    "a rate limit by its number in a text": ((head(), sse({"error": {"message": "no", "status": "429"}})),
                                             "rate", "no"),
    "a rate limit told only in text": ((head(), sse({"error": {"message": "Rate limit reached for m"}})),
                                       "rate", "Rate limit reached"),
    "a rate limit in plain text": ((head("text/plain"), b"Too Many Requests"), "rate", "Too Many Requests"),
    "a rate limit as the data of an event": ((head(), b"data: Rate limit exceeded\n\n"), "rate", "Rate limit exceeded"),
    "a rate limit told in Chinese": ((head(JSON_TYPE), '{"error": "请求过于频繁"}'.encode()), "rate", "请求过于频繁"),
    "a wrong key": ((head(), sse({"error": {"message": "Incorrect API key", "code": "invalid_api_key"}})),
                    "auth", "Incorrect API key"),
    "a wrong key, told": ((head(JSON_TYPE), b'{"error": "Invalid API key provided"}'), "auth", "Invalid API key"),
    "no such model": ((head(JSON_TYPE), b'{"error": {"message": "The model `m` does not exist"}}'),
                      "model", "does not exist"),
    "an empty account": ((head(), sse({"error": {"message": "Insufficient Balance", "code": "insufficient_quota"}})),
                         "request", "Insufficient Balance"),
    "too long a prompt": ((head(), sse({"error": {"message": "maximum context length is 8192",
                                                  "type": "invalid_request_error"}})),
                          "request", "maximum context length"),
    # no answer
    "a page": ((head("text/html"), PAGE), "protocol", "Log in to the network"),
    "a page called a stream": ((head(), PAGE), "protocol", "Log in to the network"),
    "plain text": ((head("text/plain"), b"hello"), "protocol", "hello"),
    "JSON that is no completion": ((head(JSON_TYPE), b'{"hello": "world"}'), "server", "ended before"),
    "nothing": ((head(), b""), "server", "ended before"),
    "nothing but [DONE]": ((head(), sse()), "empty", "without text"),
    "choices null and nothing else": ((head(JSON_TYPE), b'{"choices": null, "object": "chat.completion"}'),
                                      "server", "ended before"),
    "a stream that breaks off": ((head(), sse(say("4"), done=False)), "server", "ended before"),
    "a chunk that breaks off": ((head(), sse(say("4"), done=False) + b'data: {"choices": [{"del'), "server", "ended"),
    "reasoning without an answer": ((head(), sse(chunk({"reasoning_content": "6 * 7"}), STOP)),
                                    "empty", "without text"),
    "a tool call without an answer": ((head(), sse(chunk({"tool_calls": [{"index": 0, "function": {"name": "f"}}]}),
                                                   chunk({}, "tool_calls"))), "empty", "without text"),
    "a refusal": ((head(), sse(chunk({"refusal": "I'm sorry, "}), chunk({"refusal": "no."}), STOP)),
                  "empty", "refused: I'm sorry, no."),
    "a content filter": ((head(), sse(say("4"), chunk({}, "content_filter"))), "empty", "content filter"),
    "Gemini's content filter": ((head(), sse(chunk({}, "SAFETY"))), "empty", "content filter"),
    "broken off by the engine": ((head(), sse(say("4"), chunk({}, "abort"))), "server", "abort"),
    "broken off by the network": ((head(), sse(say("4"), chunk({}, "network_error"))), "server", "network_error"),
    # errors with their status
    "a 400 that tells of a rate limit": ((STATUS_400, b'{"error": {"message": "Rate limit exceeded"}}'),
                                         "rate", "answered 400: Rate limit exceeded"),
    "a 503 that tells of too many requests": ((head("text/plain", "503 Busy"), b"too many requests"),
                                              "rate", "answered 503: too many requests"),
    "a 400 for an unknown model": ((STATUS_400, b'{"error": {"message": "no", "code": "model_not_found"}}'),
                                   "model", "no"),
    "a 400 for a wrong key": ((STATUS_400, b'{"error": {"message": "no", "type": "authentication_error"}}'),
                              "auth", "no"),
    "a 402": ((head(JSON_TYPE, "402 Pay"), b'{"error": {"message": "Insufficient credits"}}'),
              "request", "Insufficient credits"),
    "a 422 of FastAPI": ((head(JSON_TYPE, "422 No"), b'{"detail": [{"loc": ["body", "n"], "msg": "field required"}]}'),
                         "request", "field required"),
    "a 500 with a page": ((head("text/html", "500 No"), PAGE), "server", "answered 500: Log in to the network"),
    "a 500 without a word": ((head("text/html", "500 No"), b""), "server", "answered 500"),
    "a 400 as an event": ((STATUS_400, b'data: {"error": {"message": "bad"}}\n\n'), "request", "bad"),
    "a 301": ((head("text/html", "301 Moved", "location: https://elsewhere.example/v1"), b""),
              "request", "https://elsewhere.example/v1"),
}  # fmt: skip


@pytest.mark.parametrize(("pieces", "kind", "words"), FAILURES.values(), ids=FAILURES)
def test_a_failure_has_its_kind_and_the_servers_own_words(
    pieces: tuple[bytes, ...], kind: FailureKind, words: str
) -> None:
    error = refused(*pieces)
    assert (error.kind, words in str(error)) == (kind, True), str(error)
    assert str(error).startswith("box")
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("words", "seconds"),
    [("Please try again in 20s.", 20.0), ("try again in 1m3.5s", 63.5), ("Retry after 250 ms", 0.25), ("later", None),
     ("wait 2 minutes", 120.0), ("Please retry after 3 seconds", 3.0)],
)  # fmt: skip
def test_how_long_to_wait_is_read_from_the_words(words: str, seconds: float | None) -> None:
    error = refused(head(), sse({"error": {"message": f"Rate limit reached. {words}"}}))
    assert (error.kind, error.retry_after) == ("rate", seconds)


def test_a_key_that_an_error_repeats_is_not_shown() -> None:
    error = refused(head(), sse({"error": {"message": "wrong key sk-secret-0123"}}), api_key_env="BOX")
    assert "sk-secret" not in str(error)


# Limits


def endless(piece: bytes, first: bytes = b"") -> Iterator[bytes]:
    yield first
    while True:
        yield piece


@pytest.mark.parametrize(
    ("pieces", "what"),
    [
        (endless(b"x" * 65536, b'data: {"a": "'), "a line of the reply"),
        (endless(b": keep-alive\n" * 5000), "the reply"),
        (endless(b"<p>hello</p>\n" * 5000), "the reply"),
        (endless(sse(say("x" * 1000), done=False) * 60), "the reply"),
    ],
    ids=["an endless line", "endless keep-alives", "an endless page", "an endless answer"],
)
def test_a_reply_without_end_is_not_read_without_end(pieces: Iterator[bytes], what: str) -> None:
    events = Events(longest_line=2**20, longest_reply=2**22)
    with pytest.raises(TooLong, match=what) as raised:
        for piece in pieces:
            for _ in events.feed(piece):
                pass
    assert raised.value.kind == "protocol"


def test_a_small_reply_that_unpacks_to_a_large_one_does_not_fill_the_memory() -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join([packer.compress(b"\0" * 2**20) for _ in range(160)]) + packer.flush()
    with LoopbackModels(lambda _: Reply(raw=(head(SSE, "200 OK", "content-encoding: gzip"), bomb))) as server:
        provider = opened(server)
        tracemalloc.start()
        with pytest.raises(ProviderError, match="longer than 16 MB"):
            complete(provider, request(model="m"))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 60 * 2**20


def test_a_server_that_stays_connected_after_its_answer_does_not_hold_it_up() -> None:
    with LoopbackModels(lambda _: Reply(raw=(head(), sse(say(), STOP)), stall=True)) as server:
        assert complete(opened(server), request(model="m")).text == "42"
        assert server.wait(lambda it: it.left == 1)


def test_a_connection_that_breaks_after_the_answer_does_not_cost_it() -> None:
    more_promised = head(SSE, "200 OK", "content-length: 100000")
    assert answered(more_promised, ANSWERS["as documented"]).text == "42"
    assert refused(more_promised, sse(say("4"), done=False)).kind == "server"
