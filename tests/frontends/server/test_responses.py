"""/v1/responses, with the official client."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.frontends.server.served import QUESTION, Served, machine, over, serving
from tests.loopback import LoopbackModels, Reply


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(machine(tmp_path_factory.mktemp("home"))) as running:
        yield running


def test_a_panel_answers_a_response(served: Served) -> None:
    done = served.openai().responses.create(model="trio", input=QUESTION)
    assert "391" in done.output_text and done.status == "completed"
    assert done.usage is not None and done.usage.total_tokens > 0
    assert [item.type for item in done.output] == ["message"]
    assert served.openai().responses.retrieve(done.id).output_text == done.output_text


def test_a_stream_tells_of_a_response_from_beginning_to_end(served: Served) -> None:
    with served.openai().responses.stream(model="trio", input=QUESTION) as stream:
        told = [(event.type, event.sequence_number) for event in stream]
        final = stream.get_final_response()
    assert [number for _, number in told] == list(range(len(told)))
    kinds = [kind for kind, _ in told]
    assert kinds[:2] == ["response.created", "response.in_progress"] and kinds[-1] == "response.completed"
    assert "response.output_text.delta" in kinds and not any("reasoning" in kind for kind in kinds)
    assert "391" in final.output_text


def test_progress_is_a_summary_of_reasoning_for_whoever_asked_for_one(served: Served) -> None:
    how: Any = {"effort": "low", "summary": "auto"}
    with served.openai().responses.stream(model="trio", input=QUESTION, reasoning=how) as stream:
        said = "".join(event.delta for event in stream if event.type == "response.reasoning_summary_text.delta")
        final = stream.get_final_response()
    assert "Round 1/" in said and [item.type for item in final.output] == ["reasoning", "message"]
    whole = served.openai().responses.create(model="trio", input=QUESTION, reasoning=how)
    assert whole.output[0].type == "reasoning" and "Round 1/" in whole.output[0].summary[0].text


def test_a_response_goes_on_from_the_one_before(tmp_path: Path) -> None:
    with LoopbackModels() as models, serving(machine(tmp_path, over(models))) as served:
        create = served.openai().responses.create
        body: Any = {"folkmoot": {"models": ["loop/a"]}}
        first = create(model="folkmoot/fanout", input="First?", extra_body=body)
        second = create(
            model="folkmoot/fanout", instructions="Be short.", previous_response_id=first.id, extra_body=body,
            input=[
                {"role": "user", "content": [{"type": "input_text", "text": "Second?"},
                                             {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=",
                                              "detail": "auto"}]},
            ],
        )  # fmt: skip
        assert second.previous_response_id == first.id
        create(model="folkmoot/fanout", input="What colour?", previous_response_id=second.id, extra_body=body)
        kept = served.openai().responses.retrieve(first.id)
        again = served.openai().responses.retrieve(first.id)
        assert kept.created_at == again.created_at and abs(kept.created_at - first.created_at) < 60
    said = [str(message["content"]) for message in models.asked[1].body["messages"]]
    assert "Be short." in models.asked[1].system and "First?" in said[-3] and "echo: First?" in said[-2]
    assert "Second?" in said[-1] and "iVBORw0KGgo=" in said[-1]
    assert "iVBORw0KGgo=" in json.dumps(models.asked[2].body), "a picture stays part of the conversation"


def test_a_response_that_comes_to_nothing_has_failed(tmp_path: Path) -> None:
    with (
        LoopbackModels(lambda _: Reply("no such model", status=404)) as models,
        serving(machine(tmp_path, over(models))) as served,
    ):
        body: Any = {"folkmoot": {"models": ["loop/a"]}}
        create = served.openai().responses.create
        with pytest.raises(openai.InternalServerError, match="folkmoot resume"):
            create(model="folkmoot/vote", input=QUESTION, extra_body=body)
        events = list(create(model="folkmoot/vote", input=QUESTION, stream=True, extra_body=body))
        assert events[-1].type == "response.failed"
        assert events[-1].response.error is not None and "folkmoot resume" in events[-1].response.error.message


@pytest.mark.parametrize(
    "more, said",
    [
        ({"tool_choice": "required"}, "calls no tools"),
        ({"text": {"format": {"type": "json_schema", "name": "x", "schema": {}}}}, "text.format"),
        ({"background": True}, "/api/v1/runs"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": "42"}]}, "calls no tools"),
        ({"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]}, "data URLs"),
        ({"input": []}, "input"),
        ({"input": None}, "input"),
    ],
)
def test_what_a_panel_cannot_do_is_refused(served: Served, more: dict[str, Any], said: str) -> None:
    answer = served.post("/v1/responses", {"model": "trio", "input": QUESTION, **more})
    assert answer.status_code == 400 and said in answer.json()["error"]["message"]


def test_only_a_run_with_an_answer_can_be_gone_on_from(served: Served) -> None:
    for previous in ("resp_nope", "resp_../x", "nope"):
        body = {"model": "trio", "input": QUESTION, "previous_response_id": previous}
        assert served.post("/v1/responses", body).status_code == 404
