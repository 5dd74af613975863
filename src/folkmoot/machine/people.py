"""People as seats: the questions they get, and the desk that holds open questions until they are answered.

A Desk is where a web page or another program looks for questions and leaves answers; `Machine.people` takes one.
"""

import asyncio
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import ConfigDict, Field

from folkmoot.errors import InputError, ProviderError
from folkmoot.providers.human import read_person
from folkmoot.types import JSON, Record, Request


class Question(Record):
    """One request to a person. In JSON, `reply_schema` is called `schema`."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)

    id: str
    run: str
    name: str  # of the person
    step: str
    text: str  # the text the person reads; word for word what a model would get
    format: str  # of the reply
    example: str  # a reply that can be read
    reply_schema: JSON | None = Field(None, alias="schema")  # of a reply in JSON
    asked_at: float  # seconds since the epoch, as is the deadline
    deadline: float


def question_for(name: str, request: Request) -> Question:
    """The question that a request puts to the person called `name`."""
    about, now = request.about, time.time()
    return Question(
        id=secrets.token_hex(8),
        run=about.run,
        name=name,
        step=about.step,
        text=as_read(request),
        format=about.format,
        example=about.example,
        reply_schema=request.schema,
        asked_at=now,
        deadline=now + read_person(request.model)[1],
    )


def as_read(request: Request) -> str:
    """Return a request as one text. Only the speakers are added, where there are several turns."""
    if len(request.messages) == 1:
        turns = [request.messages[0].text]
    else:
        turns = [f"{message.role.capitalize()}:\n{message.text}" for message in request.messages]
    return "\n\n".join(part for part in (request.system, *turns) if part)


@dataclass(frozen=True)
class _Open:
    question: Question
    loop: asyncio.AbstractEventLoop
    reply: asyncio.Future[str]


class Desk:
    """Where the open questions of people lie until somebody leaves an answer, from any task or thread.

    A question is withdrawn when its call ends without one: cancelled, or past its deadline. `listeners` are called, in
    the loop of the run that asks, whenever `open()` has changed.
    """

    def __init__(self) -> None:
        self.listeners: list[Callable[[], None]] = []
        self._lying: dict[str, _Open] = {}
        self._changing = threading.Lock()

    async def ask(self, name: str, request: Request) -> str:
        """Put a request on the desk and wait for the answer of the person called `name`."""
        loop = asyncio.get_running_loop()
        asked = _Open(question_for(name, request), loop, loop.create_future())
        with self._changing:
            self._lying[asked.question.id] = asked
        self._tell()
        try:
            return await asked.reply
        finally:
            with self._changing:
                self._lying.pop(asked.question.id, None)
            self._tell()

    def open(self) -> list[Question]:
        """The questions that wait for an answer, the oldest first."""
        with self._changing:
            return [asked.question for asked in self._lying.values()]

    def answer(self, id: str, text: str) -> None:
        """Answer an open question. Raises InputError for one that is not open, and for a text that says nothing."""
        if not text.strip():
            raise InputError("an answer needs a text")
        with self._changing:
            asked = self._lying.pop(id, None)
        if asked is None:
            raise InputError(
                f"question {id!r} is not open: it was answered, its deadline has passed, or its run has ended"
            )
        asked.loop.call_soon_threadsafe(_settle, asked.reply, text)

    def _tell(self) -> None:
        for listener in list(self.listeners):
            listener()


class Nobody:
    """A desk without people: every question is late. For resuming a run that should ask no person any more."""

    async def ask(self, name: str, request: Request) -> str:
        raise ProviderError("late", f"{name} could not be asked {request.about.step} here")


def _settle(reply: asyncio.Future[str], text: str) -> None:
    if not reply.done():  # the call may have ended in the meantime
        reply.set_result(text)
