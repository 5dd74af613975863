"""To whom a JSON schema is sent, in which form, and what happens where a server refuses it."""

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from folkmoot.errors import ProviderError
from folkmoot.providers import open_provider
from folkmoot.providers.api.schemas import BARE, GOOGLE, KEYWORDS, OPENAI, for_grammar, strict_schema
from folkmoot.providers.base import Settings
from folkmoot.types import JSON, Request
from tests.loopback import Asked, LoopbackModels, Reply
from tests.providers.api_calls import complete, request
from tests.providers.test_chat_tolerance import chunk, head, say, sse

VOTE = {
    "type": "object",
    "title": "VoteReply",
    "properties": {
        "reason": {"type": "string", "default": "", "maxLength": 500, "title": "Reason"},
        "vote": {"type": "string", "enum": ["A", "B"]},
        "confidence": {"type": "integer", "minimum": 1, "maximum": 3},
        "ranking": {"type": "array", "items": {"const": "A"}, "minItems": 2, "maxItems": 2, "uniqueItems": True},
    },
    "required": ["vote"],
}  # fmt: skip


def asked_for(vote: str = "m") -> Request:
    return request("A or B?", model=vote, schema=VOTE)


def talk(
    reply: Callable[[Asked], Reply | str], requests: Iterable[Request], name: str = "box", **table: Any
) -> tuple[list[str], list[bool]]:
    """What came of each request, its text or its failure's kind, and whether each HTTP request had a schema."""

    async def call(url: str) -> list[str]:
        found = []
        provider = open_provider(name, Settings({}, table={"base_url": url, "billing": "free", **table}))
        for each in requests:
            try:
                found.append((await provider.complete(each, lambda _: None)).text)
            except ProviderError as error:
                found.append(error.kind)
        await provider.aclose()
        return found

    with LoopbackModels(reply) as server:
        return asyncio.run(call(server.url)), ["response_format" in each.body for each in server.asked]


def refusing(status: int, words: str) -> Callable[[Asked], Reply]:
    return lambda asked: Reply(words, status=status) if "response_format" in asked.body else Reply("prose")


@pytest.mark.parametrize("name", ["ollama", "vllm", "lmstudio", "llamacpp", "box"])
def test_local_servers_get_a_schema_and_unknown_ones_are_tried(name: str) -> None:
    answers, schemas = talk(lambda _: "{}", [asked_for(), request(model="m")], name)
    assert (answers, schemas) == (["{}", "{}"], [True, False])  # none where the request has none


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "'response_format' of type 'json_schema' is not supported by this model"),
        (400, "Invalid parameter: response_format must be one of text, json_object"),
        (422, "body.response_format: extra fields not permitted"),
        (404, "No endpoints found that support structured outputs"),
        (500, "failed to parse grammar"),
        (501, "json_schema: not implemented"),
        (400, "Bad request"),
        (422, "Unprocessable entity"),
    ],
)
def test_a_server_that_refuses_a_schema_is_asked_again_without_and_remembered(status: int, words: str) -> None:
    answers, schemas = talk(refusing(status, words), [asked_for()] * 3)
    assert answers == ["prose"] * 3
    assert schemas == [True, False, False, False]


def test_what_was_learnt_of_one_model_is_not_taken_for_another() -> None:
    _, schemas = talk(refusing(400, "no json_schema for this model"), [asked_for("m1"), asked_for("m2")])
    assert schemas == [True, False, True, False]


def test_a_known_server_that_refuses_a_schema_is_asked_without() -> None:
    answers, schemas = talk(refusing(400, "response_format is not supported"), [asked_for()] * 2, "llamacpp")
    assert (answers, schemas) == (["prose", "prose"], [True, False, False])


def test_a_refusal_within_a_response_with_the_status_200_counts_too() -> None:
    def reply(asked: Asked) -> Reply:
        refusal = sse({"error": {"message": "response_format is not supported", "code": 400}})
        return Reply(raw=(head(), refusal if "response_format" in asked.body else sse(say("prose"), chunk({}, "stop"))))

    assert talk(reply, [asked_for()] * 2) == (["prose", "prose"], [True, False, False])


def test_a_request_that_is_refused_for_something_else_is_not_held_against_the_schema() -> None:
    def reply(asked: Asked) -> Reply:
        return Reply("too long", status=400) if "long" in asked.text else Reply("{}")

    long = request("long", model="m", schema=VOTE)
    answers, schemas = talk(reply, [long, asked_for()])
    assert answers == ["request", "{}"]
    assert schemas == [True, False, True]  # the first one was tried without, which did not help


@pytest.mark.parametrize(("status", "kind"), [(401, "auth"), (429, "rate"), (403, "auth")])
def test_refusals_that_have_nothing_to_do_with_a_field_are_not_tried_again(status: int, kind: str) -> None:
    assert talk(refusing(status, "no schema for you"), [asked_for()]) == ([kind], [True])


def test_nothing_is_asked_again_once_an_answer_has_begun() -> None:
    broken = Reply(raw=(head(), sse(say("{"), {"error": {"message": "grammar failed", "code": 400}})))
    assert talk(lambda _: broken, [asked_for()]) == (["request"], [True])


def test_an_empty_answer_from_an_unknown_server_costs_it_the_schema_at_the_next_attempt() -> None:
    def reply(asked: Asked) -> str:
        return "" if "response_format" in asked.body else "prose"

    assert talk(reply, [asked_for()] * 2) == (["empty", "prose"], [True, False])


def test_what_the_configuration_says_holds() -> None:
    assert talk(lambda _: "{}", [asked_for()], json_schema=False)[1] == [False]
    assert talk(lambda _: "{}", [asked_for("gpt-3.5-turbo"), asked_for("a/b")], json_schema=True)[1] == [True, True]
    assert talk(lambda _: "{}", [asked_for()], "llamacpp", json_schema=False)[1] == [False]


# Other fields that a server may refuse


def test_a_limit_on_the_length_gets_the_name_that_the_server_knows() -> None:
    def reply(asked: Asked) -> Reply:
        words = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
        return Reply(words, status=400) if "max_tokens" in asked.body else Reply("prose")

    with LoopbackModels(reply) as server:
        provider = open_provider("box", Settings({}, table={"base_url": server.url}))
        complete(provider, request(model="m", max_tokens=9))
        assert [each.body.get("max_completion_tokens") for each in server.asked] == [None, 9]


def test_a_wrong_value_is_not_a_wrong_name() -> None:
    too_large = Reply("max_tokens is too large: 9", status=400)
    assert talk(lambda _: too_large, [request(model="m", max_tokens=9)]) == (["request"], [False])


def test_a_server_that_does_not_know_stream_options_is_asked_without() -> None:
    def reply(asked: Asked) -> Reply:
        words = "stream_options: Extra inputs are not permitted"
        return Reply(words, status=422) if "stream_options" in asked.body else Reply("prose")

    assert talk(reply, [request(model="m"), request(model="m")]) == (["prose", "prose"], [False] * 3)


# The form of a schema


def test_a_schema_is_strict_every_property_required_and_every_object_closed() -> None:
    schema, strict = strict_schema(VOTE, OPENAI)
    assert strict
    assert schema["required"] == ["reason", "vote", "confidence", "ranking"]
    assert schema["additionalProperties"] is False
    assert list(schema["properties"]) == ["reason", "vote", "confidence", "ranking"]  # reasons come first


@pytest.mark.parametrize(
    ("keywords", "kept"),
    [
        (KEYWORDS, {"maxLength", "minimum", "maximum", "minItems", "maxItems"}),
        (OPENAI, {"minimum", "maximum", "minItems", "maxItems"}),
        (GOOGLE, {"minimum", "maximum", "minItems", "maxItems"}),
        (BARE, set()),
    ],
)
def test_no_vendor_gets_a_keyword_that_it_refuses(keywords: frozenset[str], kept: set[str]) -> None:
    written = json.dumps(strict_schema(VOTE, keywords)[0])
    limits = {"maxLength", "minimum", "maximum", "minItems", "maxItems", "uniqueItems", "default", "title", "const"}
    assert {name for name in limits if f'"{name}"' in written} == kept


def test_a_short_range_of_numbers_is_listed_for_who_takes_no_limits() -> None:
    properties = strict_schema(VOTE, BARE)[0]["properties"]
    assert properties["confidence"] == {"type": "integer", "enum": [1, 2, 3]}
    assert properties["ranking"] == {"type": "array", "items": {"enum": ["A"]}}


NESTED: dict[str, tuple[JSON, JSON]] = {
    "references": (
        {"$defs": {"X": {"type": "object", "properties": {"a": {"type": "null"}}}}, "$ref": "#/$defs/X"},
        {"$defs": {"X": {"type": "object", "properties": {"a": {"type": "null"}}, "required": ["a"],
                         "additionalProperties": False}}, "$ref": "#/$defs/X"},
    ),
    "one of": ({"oneOf": [{"type": "string"}, {"const": 1}]}, {"anyOf": [{"type": "string"}, {"enum": [1]}]}),
    "all of one": ({"allOf": [{"$ref": "#/$defs/X"}], "description": "d"}, {"description": "d", "$ref": "#/$defs/X"}),
    "a property called like a keyword": (
        {"type": "object", "properties": {"title": {"type": "string"}, "default": {"type": "string"}}},
        {"type": "object", "properties": {"title": {"type": "string"}, "default": {"type": "string"}},
         "required": ["title", "default"], "additionalProperties": False},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("given", "written"), NESTED.values(), ids=NESTED)
def test_schemas_inside_schemas_are_written_alike(given: JSON, written: JSON) -> None:
    assert strict_schema(given, BARE) == (written, True)


def test_an_object_with_free_keys_cannot_be_strict() -> None:
    scores: JSON = {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}}
    schema, strict = strict_schema({"type": "object", "properties": {"scores": scores}, "required": []}, BARE)
    assert not strict
    assert schema["properties"]["scores"] == {"type": "object", "additionalProperties": {"type": "integer"}}
    assert schema["required"] == []


def test_a_grammar_gets_the_steps_of_a_score_instead_of_limits() -> None:
    score = {"type": "number", "minimum": 1, "maximum": 10}
    schema = {"type": "object", "properties": {"score": score, "sure": {"type": "number", "minimum": 0, "maximum": 1}}}
    properties = for_grammar(schema, None)["properties"]
    assert properties["score"] == {"type": "number", "enum": [step / 2 for step in range(2, 21)]}
    assert properties["sure"]["enum"][:3] == [0, 0.05, 0.1] and properties["sure"]["enum"][-1] == 1


TEXTS = {"type": "array", "items": {"type": "string"}}
REVIEWS = {
    "type": "object",
    "properties": {
        "reviews": {
            "type": "array", "minItems": 2, "maxItems": 2,
            "items": {
                "type": "object",
                "properties": {"strengths": TEXTS, "why": {"type": "string"}, "label": {"enum": ["A", "B"]}},
            },
        },
        "rest": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    },
}  # fmt: skip


def fullest(node: JSON) -> object:
    """The longest value that a schema with limits allows."""
    if "enum" in node:
        return node["enum"][-1]
    if "anyOf" in node:
        return fullest(node["anyOf"][0])
    if "properties" in node:
        return {name: fullest(each) for name, each in node["properties"].items()}
    if node["type"] == "array":
        return [fullest(node["items"])] * node["maxItems"]
    return "x" * node["maxLength"]


@pytest.mark.parametrize("tokens", [150, 300, 1000])
def test_in_a_grammar_all_texts_together_fit_into_the_limit_on_the_reply(tokens: int) -> None:
    longest = json.dumps(fullest(for_grammar(REVIEWS, tokens)))
    assert len(longest) < tokens * 4
    assert len(json.dumps(fullest(for_grammar(REVIEWS, 2 * tokens)))) > len(longest)


def test_without_a_limit_on_the_reply_texts_and_lists_have_none_either() -> None:
    schema = {"type": "object", "properties": {"why": {"type": "array", "items": {"type": "string"}}}}
    assert for_grammar(schema, None) == schema
