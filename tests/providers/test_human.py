"""People as a provider: names, deadlines, and what a person who does not answer comes to."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from folkmoot.errors import InputError, ProviderError
from folkmoot.providers import open_provider
from folkmoot.providers.base import Settings
from folkmoot.providers.human import HOUR, LONGEST, Human, read_person
from folkmoot.testing import provider_contract, request
from folkmoot.types import Request


class Says:
    """People who answer what `reply` makes of the request, and note what they were asked."""

    def __init__(self, reply: Callable[[Request], str | Awaitable[str]] = lambda _: "Drive.") -> None:
        self.reply = reply
        self.asked: list[tuple[str, Request]] = []

    async def ask(self, name: str, request: Request) -> str:
        self.asked.append((name, request))
        reply = self.reply(request)
        return reply if isinstance(reply, str) else await reply


async def never(_: Request) -> str:
    await asyncio.Event().wait()
    return ""


def human(people: Says | None, **table: Any) -> Human:
    opened = open_provider("human", Settings(environ={}, table=table, people=people))
    assert isinstance(opened, Human)
    return opened


def answer(provider: Human, model: str = "ann") -> str:
    return asyncio.run(provider.complete(request(model=model), lambda _: None)).text


def test_a_person_keeps_the_contract_of_providers() -> None:
    asyncio.run(provider_contract(lambda: human(Says()), request(model="ann")))


def test_a_person_is_asked_by_name_the_very_request_with_the_deadline_spelled_out() -> None:
    people = Says()
    assert answer(human(people, deadline=90), "ann") == "Drive."
    assert answer(human(people, deadline=90), "bob?deadline=5") == "Drive."
    assert [(name, asked.model) for name, asked in people.asked] == [
        ("ann", "ann?deadline=90"),
        ("bob", "bob?deadline=5"),
    ]
    assert [asked.messages for _, asked in people.asked] == [request().messages] * 2


def test_who_does_not_answer_in_time_is_late() -> None:
    with pytest.raises(ProviderError, match=r"ann did not answer within 0\.01 s") as caught:
        answer(human(Says(never)), "ann?deadline=0.01")
    assert caught.value.kind == "late" and not caught.value.permanent


def test_a_timeout_of_whoever_asks_is_not_taken_for_the_deadline() -> None:
    async def breaks(_: Request) -> str:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        answer(human(Says(breaks)))


@pytest.mark.parametrize("text", ["", "  \n\t"])
def test_a_reply_without_text_is_none(text: str) -> None:
    with pytest.raises(ProviderError) as caught:
        answer(human(Says(lambda _: text)))
    assert caught.value.kind == "empty"


def test_the_engine_never_ends_a_step_before_the_deadlines_of_its_reply_and_repair() -> None:
    assert human(Says()).timeout > 2 * LONGEST


def test_where_nobody_can_be_asked_it_is_said_where_a_person_can() -> None:
    with pytest.raises(InputError, match=r"terminal.*web page.*MCP"):
        human(None)


@pytest.mark.parametrize(
    "model, person",
    [
        ("ann", ("ann", HOUR)),
        ("ann?deadline=600", ("ann", 600.0)),
        ("ann?deadline=0.5", ("ann", 0.5)),
        ("Ann-Marie.O_2", ("Ann-Marie.O_2", HOUR)),
        ("zoë", ("zoë", HOUR)),
    ],
)
def test_a_persons_name_and_deadline_are_read(model: str, person: tuple[str, float]) -> None:
    assert read_person(model) == person


@pytest.mark.parametrize(
    "model, problem",
    [
        ("", "a person's name"),
        ("a b", "a person's name"),
        ("x/y", "a person's name"),
        ("a" * 65, "a person's name"),
        ("ann?soon", "write the deadline as human/ann"),
        ("ann?deadline=", "not a number"),
        ("ann?deadline=soon", "not a number"),
        ("ann?deadline=0", "not above 0"),
        ("ann?deadline=-5", "not above 0"),
        ("ann?deadline=nan", "not above 0"),
        ("ann?deadline=inf", "not above 0"),
        ("ann?timeout=5", "there is no parameter 'timeout'"),
    ],
)
def test_what_is_no_person_or_no_deadline_is_refused_before_anybody_is_asked(model: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        human(Says()).check_model(model)


@pytest.mark.parametrize("table", [{"deadline": "soon"}, {"deadline": True}, {"deadline": 0}, {"timeout": 5}])
def test_a_table_that_cannot_be_read_is_refused(table: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"\[providers\.human\]"):
        human(Says(), **table)
