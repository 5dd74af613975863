"""People with a seat: what they read, the desk where their questions lie, and that they are as blind as any seat."""

import asyncio
import re
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from folkmoot.errors import InputError
from folkmoot.execute import checked, execute
from folkmoot.machine.people import Desk, Nobody, Question, as_read, question_for
from folkmoot.machine.seats import seats_of
from folkmoot.protocols import protocol_names
from folkmoot.providers.human import Human
from folkmoot.record.store import RunFolder, RunSpec
from folkmoot.testing import Reply, ScriptedProvider, request
from folkmoot.types import Message, Request, Result
from tests.play import PROMPT, lines, new_folder

SEATS = ("scripted/gpt-5.4", "human/ann", "scripted/claude-opus")
SCORE = {"type": "object"}


def asked(**about: str) -> Request:
    return request("Which way?", model="ann?deadline=60", **about)  # type: ignore[arg-type]


def run_with(
    people: Desk | Nobody, *, protocol: str = "vote", folder: RunFolder | None = None, **options: object
) -> Awaitable[Result]:
    spec = checked(RunSpec(protocol=protocol, options=options, prompt=PROMPT, seats=seats_of(SEATS))).spec
    if folder is not None:
        folder.path.mkdir()
        folder.save(spec)
    providers = {"scripted": ScriptedProvider("ANSWER: 391"), "human": Human(people, 60.0)}
    return execute(checked(spec), providers, folder=folder)


def answering(desk: Desk, reply: Callable[[Question], str]) -> None:
    """Somebody answers each question as soon as it lies on the desk."""

    def look() -> None:
        for question in desk.open():
            desk.answer(question.id, reply(question))

    desk.listeners.append(look)


def test_a_question_says_word_for_word_what_a_model_would_be_sent() -> None:
    question = question_for(
        "ann", request("Which way?", model="ann?deadline=60", system="Be brief.", step="r1/vote/s2")
    )
    assert question.text == "Be brief.\n\nWhich way?"
    assert (question.name, question.step, question.deadline - question.asked_at) == ("ann", "r1/vote/s2", 60.0)


def test_a_question_of_several_turns_tells_who_speaks() -> None:
    turns = (Message("user", ("Hello",)), Message("assistant", ("Hi",)), Message("user", ("And", "now?")))
    many = Request(model="ann", system="", messages=turns, about=request().about)
    assert as_read(many) == "User:\nHello\n\nAssistant:\nHi\n\nUser:\nAnd\n\nnow?"


def test_a_question_as_json_has_its_schema_under_that_name() -> None:
    sent = question_for("ann", request(model="ann", schema=SCORE)).model_dump(mode="json")
    assert set(sent) == {
        "id", "run", "name", "step", "text", "format", "example", "schema", "asked_at", "deadline",
    }  # fmt: skip
    assert sent["schema"] == SCORE


def test_an_answer_reaches_the_one_who_asks_and_the_question_is_gone() -> None:
    async def scene() -> None:
        desk, changes = Desk(), list[int]()
        desk.listeners.append(lambda: changes.append(len(desk.open())))
        asking = asyncio.create_task(desk.ask("ann", asked()))
        await asyncio.sleep(0)
        (question,) = desk.open()
        desk.answer(question.id, "Left.")
        assert desk.open() == []
        assert await asking == "Left."
        assert changes == [1, 0]

    asyncio.run(scene())


def test_an_answer_may_come_from_another_thread() -> None:
    async def scene() -> str:
        desk = Desk()
        answering_thread = threading.Thread(target=lambda: desk.answer(desk.open()[0].id, "Left."))
        desk.listeners.append(lambda: answering_thread.start() if desk.open() else None)
        return await desk.ask("ann", asked())

    assert asyncio.run(scene()) == "Left."


def test_several_people_and_several_questions_lie_side_by_side() -> None:
    async def scene() -> list[str]:
        desk = Desk()
        tasks = [asyncio.create_task(desk.ask(name, asked())) for name in ("ann", "bob", "ann")]
        await asyncio.sleep(0)
        for number, question in reversed(list(enumerate(desk.open()))):
            desk.answer(question.id, f"{question.name} {number}")
        return await asyncio.gather(*tasks)

    assert asyncio.run(scene()) == ["ann 0", "bob 1", "ann 2"]


def test_a_question_is_withdrawn_when_its_call_is_given_up() -> None:
    async def scene() -> None:
        desk = Desk()
        asking = asyncio.create_task(desk.ask("ann", asked()))
        await asyncio.sleep(0)
        (question,) = desk.open()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert desk.open() == []
        with pytest.raises(InputError, match="not open"):
            desk.answer(question.id, "Left.")

    asyncio.run(scene())


def test_an_empty_answer_is_refused_and_the_question_stays_open() -> None:
    async def scene() -> None:
        desk = Desk()
        asking = asyncio.create_task(desk.ask("ann", asked()))
        await asyncio.sleep(0)
        (question,) = desk.open()
        with pytest.raises(InputError, match="needs a text"):
            desk.answer(question.id, " \n")
        assert desk.open() == [question]
        asking.cancel()

    asyncio.run(scene())


def test_only_the_first_of_two_answers_counts() -> None:
    async def scene() -> str:
        desk = Desk()
        asking = asyncio.create_task(desk.ask("ann", asked()))
        await asyncio.sleep(0)
        (question,) = desk.open()
        desk.answer(question.id, "Left.")
        with pytest.raises(InputError, match="not open"):
            desk.answer(question.id, "Right.")
        return await asking

    assert asyncio.run(scene()) == "Left."


def test_a_person_votes_like_any_seat_and_costs_nothing(tmp_path: Path) -> None:
    async def scene() -> Result:
        desk = Desk()
        answering(desk, lambda _: "It is 17 * 23.\n\nANSWER: 391")
        return await run_with(desk, folder=new_folder(tmp_path), early="off")

    result = asyncio.run(scene())
    assert result.status == "voted" and result.outcome.explanation == "3 of 3 seats"
    ann = result.seats[1]
    assert (ann.model_id, ann.calls, ann.cost_usd, ann.mismatch, ann.answered_by) == ("human/ann", 1, 0.0, False, "ann")


def test_a_reply_that_cannot_be_read_is_asked_for_again_with_the_reason() -> None:
    questions: list[Question] = []

    def reply(question: Question) -> str:
        questions.append(question)
        if "propose" in question.step:
            return "391"
        return question.example if question.step.endswith("+repair") else "rather good"

    async def scene() -> Result:
        desk = Desk()
        answering(desk, reply)
        spec = checked(
            RunSpec(
                protocol="converge",
                options={"rounds": 1, "stability_rounds": 1},
                prompt=PROMPT,
                seats=seats_of(SEATS[:2]),
            )
        ).spec
        scripted = ScriptedProvider(lambda asked: asked.about.example)
        return await execute(checked(spec), {"scripted": scripted, "human": Human(desk, 60.0)})

    assert asyncio.run(scene()).failures == ()
    again = next(question for question in questions if question.step.endswith("+repair"))
    assert "Assistant:\nrather good\n\nUser:\nYour reply could not be read" in again.text


def test_where_nobody_can_be_reached_a_person_is_late_and_the_others_go_on(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    result = asyncio.run(_awaited(run_with(Nobody(), folder=folder, early="off")))
    assert result.status == "voted"
    assert [(failure.model_id, failure.kind) for failure in result.failures] == [("human/ann", "late")]
    assert [line["error"]["kind"] for line in lines(folder, "finished") if "error" in line] == ["late"]


async def _awaited(work: Awaitable[Result]) -> Result:
    return await work


# Blindness: a law over all protocols


def _requests(name: str, seats: tuple[str, ...]) -> dict[str, Request]:
    """Every request of a rehearsal by its step, whoever answers it."""
    seen: dict[str, Request] = {}

    def script(asked: Request) -> Reply:
        seen[asked.about.step] = asked
        return f"Answer number {asked.about.seat.number}." if asked.about.format == "text" else asked.about.example

    class Rehearsed:
        async def ask(self, name: str, request: Request) -> str:
            return str(script(request))

    async def scene() -> None:
        spec = checked(RunSpec(protocol=name, prompt=PROMPT, seats=seats_of(seats))).spec
        await execute(checked(spec), {"scripted": ScriptedProvider(script), "human": Human(Rehearsed(), 60.0)})

    asyncio.run(scene())
    return seen


@pytest.mark.parametrize("name", protocol_names())
def test_a_person_reads_what_a_model_on_the_same_seat_would_read_and_no_models_name(name: str) -> None:
    with_ann = _requests(name, SEATS)
    without = _requests(name, (SEATS[0], "scripted/other", SEATS[2]))
    read = {step: as_read(request) for step, request in with_ann.items()}
    assert read == {step: as_read(request) for step, request in without.items()}
    of_ann = [read[step] for step, request in with_ann.items() if request.about.seat.provider == "human"]
    assert of_ann
    named = re.compile(r"gpt|claude|scripted|human/|\bann\b|\bs[123]\b")
    assert [found[0] for text in of_ann if (found := named.search(text))] == []
