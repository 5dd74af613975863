"""/v1/models and /v1/chat/completions, with the official client."""

import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.frontends.server.served import QUESTION, QUICK, TRIO, Served, machine, over, priced, serving
from tests.loopback import Asked, LoopbackModels, Reply

ASK: list[Any] = [{"role": "user", "content": QUESTION}]
PIXEL = "data:image/png;base64,iVBORw0KGgo="


def picture(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(machine(tmp_path_factory.mktemp("home"))) as running:
        yield running


def by(*models: str, **more: Any) -> dict[str, Any]:
    return {"folkmoot": {"models": models, **more}}


def test_models_are_panels_and_protocols(served: Served) -> None:
    client = served.openai()
    names = [model.id for model in client.models.list()]
    assert names[:2] == ["seats", "trio"] and "folkmoot/converge" in names
    assert client.models.retrieve("trio").owned_by == client.models.retrieve("folkmoot/ask").owned_by == "folkmoot"
    assert client.models.retrieve("folkmoot").id == "folkmoot"


def test_a_panel_answers_as_a_model(served: Served) -> None:
    done = served.openai().chat.completions.create(model="trio", messages=ASK)
    assert "391" in str(done.choices[0].message.content) and done.choices[0].finish_reason == "stop"
    told = done.model_extra["folkmoot"] if done.model_extra else {}
    assert done.id == f"chatcmpl-{told['run_id']}" and told["met"] and told["cost_usd"] == 0
    result = served.get(f"/api/v1/runs/{told['run_id']}").json()["result"]
    assert done.usage is not None and done.usage.prompt_tokens == result["usage"]["input_tokens"] > 0
    assert done.usage.completion_tokens == sum(seat["usage"]["output_tokens"] for seat in result["seats"])


def test_a_stream_brings_the_answer_and_the_usage(served: Served) -> None:
    with served.openai().chat.completions.create(
        model="trio", messages=ASK, stream=True, stream_options={"include_usage": True}
    ) as stream:
        assert stream.response.headers["x-folkmoot-run"]
        chunks = list(stream)
    text = "".join(each.choices[0].delta.content or "" for each in chunks if each.choices)
    assert "391" in text and chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None and chunks[-1].usage.total_tokens > 0
    assert not any(each.choices[0].delta.model_extra for each in chunks if each.choices), "nobody asked for progress"


def test_the_asynchronous_client_streams_too(served: Served) -> None:
    async def ask() -> str:
        async with openai.AsyncOpenAI(base_url=f"{served.url}/v1", api_key="none") as client:
            stream = await client.chat.completions.create(model="trio", messages=ASK, stream=True)
            return "".join([each.choices[0].delta.content or "" async for each in stream])

    assert "391" in asyncio.run(ask())


@pytest.mark.parametrize("how", [{"reasoning_effort": "low"}, {"extra_body": {"folkmoot": {"progress": True}}}])
def test_progress_comes_as_reasoning_to_whoever_asked_for_it(served: Served, how: dict[str, Any]) -> None:
    chunks = list(served.openai().chat.completions.create(model="trio", messages=ASK, stream=True, **how))
    lines = [(each.choices[0].delta.model_extra or {}).get("reasoning_content") for each in chunks if each.choices]
    said = "".join(line for line in lines if line)
    assert "Round 1/" in said and "sim/careful" in said and "Converged" in said
    assert lines.index(next(filter(None, lines))) < len(chunks) - 2, "before the answer"
    whole = served.openai().chat.completions.create(model="trio", messages=ASK, **how)
    assert "Round 1/" in (whole.choices[0].message.model_extra or {})["reasoning_content"]


def test_others_get_progress_as_comments(served: Served) -> None:
    answer = served.post("/v1/chat/completions", {"model": "trio", "messages": ASK, "stream": True})
    comments = [line for line in answer.text.splitlines() if line.startswith(": ")]
    assert any("proposed" in line for line in comments) and answer.text.endswith("data: [DONE]\n\n")
    chunks = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]
    assert chunks[-1]["folkmoot"]["met"] and "reasoning_content" not in answer.text


def test_a_silent_stream_is_kept_alive(tmp_path: Path) -> None:
    with (
        LoopbackModels(lambda _: Reply("ANSWER: 391", delay=0.3)) as models,
        serving(machine(tmp_path, over(models)), idle=0.05) as served,
    ):
        body = {"model": "folkmoot/fanout", "messages": ASK, "stream": True, **by("loop/a")}
        assert ": still at work" in served.post("/v1/chat/completions", body).text


def test_a_conversation_arrives_whole(tmp_path: Path) -> None:
    with LoopbackModels() as models, serving(machine(tmp_path, over(models))) as served:
        messages: list[Any] = [
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": "First?"},
            {"role": "assistant", "content": "One."},
            {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
            {"role": "user", "content": [{"type": "text", "text": "Second?"}, picture(PIXEL)]},
        ]  # fmt: skip
        done = served.openai().chat.completions.create(
            model="folkmoot/fanout", messages=messages, temperature=0.3, max_tokens=900, reasoning_effort="low", seed=7,
            extra_body=by("loop/a"),
        )  # fmt: skip
        run = (done.model_extra or {})["folkmoot"]["run_id"]
        spec = served.get(f"/api/v1/runs/{run}").json()["spec"]
    assert spec["seats"][0]["effort"] == "low" and spec["seed"] == 7
    assert "echo: Second?" in str(done.choices[0].message.content)
    (asked,) = models.asked
    assert "Be short." in asked.system and "Be kind." in asked.system
    roles = [message["role"] for message in asked.body["messages"]]
    assert roles[-3:] == ["user", "assistant", "user"] and PIXEL in json.dumps(asked.body)
    assert (asked.body["temperature"], asked.body["max_tokens"]) == (0.3, 900)


@pytest.mark.parametrize("limits", [{"max_tokens": -1}, {"max_completion_tokens": -1}, {"max_tokens": None}])
def test_minus_one_is_no_limit_on_the_length(tmp_path: Path, limits: dict[str, Any]) -> None:
    with LoopbackModels() as models, serving(machine(tmp_path, over(models))) as served:
        body = {"model": "folkmoot/fanout", "messages": ASK, **by("loop/a")}
        assert served.post("/v1/chat/completions", {**body, **limits}).status_code == 200
        assert served.post("/v1/chat/completions", {**body, "max_tokens": -2}).status_code == 400
    assert not {"max_tokens", "max_completion_tokens"} & set(models.asked[0].body)


def test_what_a_panel_says_of_its_seats_goes_before_what_a_request_says(tmp_path: Path) -> None:
    panel = '[panels.cool]\nprotocol = "fanout"\nseats = [{model = "loop/a", temperature = 0.1}]\n'
    with LoopbackModels() as models, serving(machine(tmp_path, over(models, panel))) as served:
        served.openai().chat.completions.create(model="cool", messages=ASK, temperature=0.9)
    assert models.asked[0].body["temperature"] == 0.1


def test_what_changed_nothing_is_named(served: Served) -> None:
    tool: Any = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    done = served.openai().chat.completions.create(
        model="trio", messages=ASK, tools=[tool], top_p=0.9, temperature=0.5, stop=["ANSWER"]
    )
    assert done.model_extra and done.model_extra["folkmoot"]["ignored"] == ["tools", "top_p"]
    assert done.choices[0].message.tool_calls is None


def test_an_answer_ends_before_a_stop_text(served: Served) -> None:
    create = served.openai().chat.completions.create
    done = create(model="folkmoot/vote", messages=ASK, stop="391", extra_body=by(QUICK))
    assert done.choices[0].message.content == "17 * 23 = "


@pytest.mark.parametrize(
    "more, said",
    [
        ({"n": 2}, "one answer"),
        ({"tool_choice": "required", "tools": [{"type": "function"}]}, "calls no tools"),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, "calls no tools"),
        ({"response_format": {"type": "json_schema", "json_schema": {}}}, "response_format"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"logprobs": True}, "logprobs"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": ["hello"]}, "messages[0]"),
        ({"messages": [{"role": "user", "content": "  "}]}, "empty"),
        ({"messages": [{"role": "assistant", "content": "Go on"}]}, "last message"),
        ({"messages": [{"role": "tool", "content": "42", "tool_call_id": "c"}, *ASK]}, "calls no tools"),
        ({"messages": [{"role": "assistant", "tool_calls": [{"id": "c"}]}, *ASK]}, "calls no tools"),
        ({"messages": [{"role": "narrator", "content": "Once"}, *ASK]}, "narrator"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]}, "input_audio"),
        ({"messages": [{"role": "user", "content": [picture("https://x.org/a.png")]}]}, "fetches nothing"),
        ({"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]}, "data URLs"),
        ({"temperature": 9}, "temperature"),
        ({"reasoning_effort": "huge"}, "reasoning_effort"),
        ({"folkmoot": {"nonsense": 1}}, "folkmoot.nonsense"),
        ({"folkmoot": {"options": {"threshold": "x"}}}, "threshold"),
        ({"folkmoot": {"models": ["nobody/x"]}}, "nobody"),
    ],
)  # fmt: skip
def test_what_a_panel_cannot_do_is_refused_before_anything_is_asked(
    served: Served, more: dict[str, Any], said: str
) -> None:
    answer = served.post("/v1/chat/completions", {"model": "trio", "messages": ASK, **more})
    error = answer.json()["error"]
    assert answer.status_code == 400 and said in error["message"] and error["type"] == "invalid_request_error"


def test_an_unknown_model_is_openais_error_with_what_there_is(served: Served) -> None:
    with pytest.raises(openai.NotFoundError) as raised:
        served.openai().chat.completions.create(model="tri", messages=ASK)
    assert raised.value.code == "model_not_found" and "did you mean trio?" in str(raised.value)
    with pytest.raises(openai.NotFoundError):
        served.openai().models.retrieve("nope")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"model": 1}', b"[" * 100_000, b'{"temperature": NaN}'])
def test_a_body_that_cannot_be_read_is_a_400(served: Served, body: bytes) -> None:
    with served.http() as client:
        answer = client.post("/v1/chat/completions", content=body)
    assert answer.status_code == 400 and answer.json()["error"]["message"]


def test_half_a_character_is_no_question(served: Served) -> None:
    body = b'{"model": "trio", "messages": [{"role": "user", "content": "half \\ud83d"}]}'
    with served.http() as client:
        answer = client.post("/v1/chat/completions", content=body)
    assert answer.status_code == 400 and "half a character" in answer.json()["error"]["message"]


def test_a_panel_that_fails_is_an_error_that_is_not_asked_again(tmp_path: Path) -> None:
    with (
        LoopbackModels(lambda _: Reply("no such model", status=404)) as models,
        serving(machine(tmp_path, over(models))) as served,
    ):
        create = served.openai(max_retries=2).chat.completions.create
        with pytest.raises(openai.InternalServerError) as raised:
            create(model="folkmoot/converge", messages=ASK, extra_body=by("loop/a", "loop/b"))
        assert raised.value.status_code == 503 and "folkmoot resume" in str(raised.value)
        run = raised.value.response.headers["x-folkmoot-run"]
        assert served.get(f"/api/v1/runs/{run}").json()["result"]["status"] == "insufficient_models"
        assert len(models.asked) == 2, "the client would have paid three times"
        with pytest.raises(openai.APIError, match="folkmoot resume"):
            list(create(model="folkmoot/converge", messages=ASK, stream=True, extra_body=by("loop/a", "loop/b")))


def test_an_answer_that_does_not_meet_the_rule_says_so(served: Served) -> None:
    done = served.openai().chat.completions.create(
        model="folkmoot/converge", messages=ASK, extra_body=by(*TRIO, options={"rounds": 2, "threshold": 10})
    )
    told = (done.model_extra or {})["folkmoot"]
    assert told["met"] is False and told["status"] == "max_rounds_exceeded" and told["explanation"]
    assert done.choices[0].message.content and isinstance(told["dissent"], list)


def test_a_budget_that_is_too_small_is_no_quota(tmp_path: Path) -> None:
    with LoopbackModels() as models, serving(machine(tmp_path, priced(models))) as served:
        with pytest.raises(openai.APIStatusError) as raised:
            served.openai().chat.completions.create(
                model="folkmoot/fanout", messages=ASK, extra_body=by("loop/a", budget=0.0001)
            )
        assert raised.value.status_code == 402 and raised.value.code == "insufficient_quota"
        assert not models.asked


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_stops_the_spending(tmp_path: Path, stream: bool) -> None:
    hangs = {"hang": True}
    with (
        LoopbackModels(lambda _: Reply("ANSWER: 391", hang=hangs["hang"])) as models,
        serving(machine(tmp_path, over(models))) as served,
    ):
        body = {"model": "folkmoot/converge", "messages": ASK, "stream": stream, **by("loop/a", "loop/b")}
        sent = json.dumps(body).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(sent)}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", int(served.url.rpartition(":")[2]))) as impatient:
            impatient.sendall(head.encode() + sent)
            assert models.wait(lambda each: len(each.asked) == 2)
        with served.http() as client:
            assert models.wait(lambda each: each.left == 2), "both calls were given up"
            (run,) = client.get("/api/v1/runs", params={"status": "unfinished"}).json()
            assert len(models.asked) == 2
            hangs["hang"] = False
            assert client.post(f"/api/v1/runs/{run['id']}/resume", json={}).status_code == 201
            assert served.ended(run["id"])["state"] == "ended"


def test_a_run_that_is_cancelled_from_elsewhere_answers_with_what_it_has(tmp_path: Path) -> None:
    def reply(asked: Asked) -> Reply:
        return Reply("It is 391.", hang=asked.model == "slow")

    with LoopbackModels(reply) as models, serving(machine(tmp_path, over(models))) as served:
        body = {"model": "folkmoot/fanout", "messages": ASK, "stream": True, **by("loop/quick", "loop/slow")}
        with served.http() as client, client.stream("POST", "/v1/chat/completions", json=body) as stream:
            run = stream.headers["x-folkmoot-run"]
            assert models.wait(lambda each: len(each.asked) == 2)
            served.post(f"/api/v1/runs/{run}/cancel")
            text = "".join(stream.iter_text())
    assert "cancelled" in text


def test_a_client_that_lost_patience_and_asks_again_goes_on_with_its_run(tmp_path: Path) -> None:
    def reply(asked: Asked) -> Reply:
        first = sum(each.model == asked.model for each in models.asked) == 1
        return Reply("ANSWER: 391", hang=asked.model == "slow" and first)

    with LoopbackModels(reply) as models, serving(machine(tmp_path, over(models))) as served:
        served.openai().chat.completions.create(model="folkmoot/fanout", messages=ASK, extra_body=by("loop/warm"))
        client = served.openai(max_retries=1).with_options(timeout=2.0)
        done = client.chat.completions.create(
            model="folkmoot/vote", messages=ASK, extra_body=by("loop/quick", "loop/slow")
        )
        assert "391" in str(done.choices[0].message.content)
        assert [asked.model for asked in models.asked].count("quick") == 1, "what was answered is not paid again"
        assert len(served.get("/api/v1/runs").json()) == 2


def test_it_goes_on_although_a_seat_takes_its_time_to_leave(tmp_path: Path) -> None:
    flag = tmp_path / "asked"
    stays = f"trap '' TERM; touch {flag}; while :; do sleep 1; done"
    script = f"cat > /dev/null; if test -e {flag}; then echo 391; else {stays}; fi"
    config = f"[providers.stubborn]\ncommand = {json.dumps(['sh', '-c', script])}\n"
    with serving(machine(tmp_path, config)) as served:
        client = served.openai(max_retries=6).with_options(timeout=1.0)
        done = client.chat.completions.create(model="folkmoot/vote", messages=ASK, extra_body=by("stubborn/a"))
        assert "391" in str(done.choices[0].message.content)
        assert len(served.get("/api/v1/runs").json()) == 1
