"""People who have a seat, asked through the MCP client: its form shows the question and takes the answer."""

import asyncio
from collections.abc import Callable, Mapping

from mcp import types

from folkmoot.errors import ProviderError
from folkmoot.machine.people import Question, question_for
from folkmoot.types import Request

UNABLE = "the MCP client cannot ask its user (it does not support elicitation); answer in a terminal or on the web page"

FORM: Mapping[str, object] = {
    "type": "object",
    "properties": {"answer": {"type": "string", "title": "Answer"}},
    "required": ["answer"],
}
"""What a client's form asks for: one text."""


class ClientPeople:
    """The open questions of one run. The request that follows the run shows them to its client."""

    def __init__(self, able: bool, changed: Callable[[], None]) -> None:
        self._able, self._changed = able, changed
        self._open: dict[str, tuple[Question, asyncio.Future[str]]] = {}

    def open(self) -> list[Question]:
        """The questions without an answer."""
        return [question for question, reply in self._open.values() if not reply.done()]

    async def ask(self, name: str, request: Request) -> str:
        if not self._able:
            raise ProviderError("missing", f"{name} cannot be asked: {UNABLE}")
        question = question_for(name, request)
        reply: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._open[question.id] = question, reply
        self._changed()
        try:
            return await reply
        finally:
            self._open.pop(question.id, None)
            self._changed()

    def take(self, id: str, said: types.ElicitResult) -> None:
        """Pass on what the client says. A question that is no longer open is left alone: its call has ended."""
        question, reply = self._open.get(id, (None, None))
        if question is None or reply is None or reply.done():
            return
        if said.action == "accept":
            text = str((said.content or {}).get("answer") or "")
            if text.strip():
                reply.set_result(text)
            else:
                reply.set_exception(ProviderError("late", f"{question.name} sent the form without an answer"))
        elif said.action == "decline":
            reply.set_exception(ProviderError("request", f"{question.name} declined"))
        else:  # no choice was made: this question is lost, and the seat is not
            reply.set_exception(ProviderError("late", f"{question.name} closed the form"))

    def fail(self, id: str, why: str) -> None:
        """The question did not reach the person."""
        question, reply = self._open.get(id, (None, None))
        if question is not None and reply is not None and not reply.done():
            reply.set_exception(ProviderError("missing", why))


def form(question: Question) -> types.ElicitRequest:
    """Return the form that the client shows."""
    message = f"{question.name}, you have a seat in a panel ({question.step}).\n\n{question.text}"
    return types.ElicitRequest(params=types.ElicitRequestFormParams(message=message, requested_schema=dict(FORM)))
