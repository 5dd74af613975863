"""A run that a client waits for: its progress in lines, its answer, and its end when the client leaves."""

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request

from folkmoot.execute import replay
from folkmoot.frontends.server.bodies import Overrides
from folkmoot.frontends.server.conversation import text_of
from folkmoot.frontends.server.live import WatchedRun
from folkmoot.frontends.server.native import RUN_HEADER
from folkmoot.frontends.server.refusals import ONCE, Refusal
from folkmoot.frontends.server.service import Service, key_of
from folkmoot.frontends.server.starting import ClientQuestion, go_on, start
from folkmoot.frontends.server.streams import Channel, left
from folkmoot.proof.receipt import receipt
from folkmoot.record.store import RunFolder
from folkmoot.render.plain import PlainView
from folkmoot.render.text import status_text
from folkmoot.types import JSON, Result

RETRY = "x-stainless-retry-count"  # sent by OpenAI's clients
MOST_GIVEN_UP = 100  # runs that are remembered

CODES = {
    "insufficient_models": (503, "server_error", "too_few_seats"),
    "over_budget": (402, "insufficient_quota", "insufficient_quota"),
    "max_calls": (402, "insufficient_quota", "max_calls"),
    "cancelled": (503, "server_error", "cancelled"),
}
"""Status code, type and code of the error where a run ended without any answer; 502 for other reasons."""


class _Lines(Channel[str]):
    """A stream that PlainView can write to."""

    def write(self, text: str) -> None:
        for line in text.splitlines():
            if line.strip():
                self.push(line)

    def flush(self) -> None:
        pass


@dataclass
class Answering:
    """One run for one waiting client. Finished calls stay on record if the client leaves."""

    service: Service
    run: WatchedRun
    question: ClientQuestion
    lines: Channel[str]  # of its progress
    asked: str  # the request, as a hash
    stop: tuple[str, ...]  # texts before which the answer ends

    @property
    def headers(self) -> dict[str, str]:
        return {RUN_HEADER: quote(self.run.id)}

    def progress(self) -> AsyncGenerator[str | None, None]:
        """Lines until the run has ended; None as a sign of life."""
        return self.lines.read(self.service.idle)

    async def give_up(self) -> None:
        """Cancel the run if it goes on, because its client has left. It can be resumed."""
        if self.run.ended:
            self.service.given_up.pop(self.asked, None)
        else:
            self.service.given_up[self.asked] = self.run.id
            for forgotten in list(self.service.given_up)[:-MOST_GIVEN_UP]:
                del self.service.given_up[forgotten]
            self.run.cancel()
            await self.run.settled()

    async def answer(self, request: Request) -> "ServedAnswer":
        """Wait for the end, or for the client to leave, which ends the run too."""
        leaving = asyncio.create_task(left(request.receive))
        try:
            await asyncio.wait({self.run.task, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            await self.give_up()
        return await self.ended()

    async def said(self) -> str:
        """All the progress of a run that has ended."""
        return "\n".join([line async for line in self.progress() if line is not None])

    async def ended(self) -> "ServedAnswer":
        """Return the answer of a run that has ended. Raises Refusal where there is none."""
        folder = self.service.folder(self.run.id)
        spec = folder.spec()
        if self.run.task.cancelled():
            result = await replay(spec, folder, ended="cancelled")
        else:
            result = self.run.task.result()
        text = text_of(result)
        if not text:
            raise self._failed(result)
        for each in self.stop:
            text = text.partition(each)[0]
        told = _told(result) | ({"ignored": self.question.ignored} if self.question.ignored else {})
        if not result.outcome.met:
            worth = await receipt(spec, folder)
            told["dissent"] = [each.model_dump(exclude={"seat"}) for each in worth.dissent]
        return ServedAnswer(text, result, told)

    def _failed(self, result: Result) -> Refusal:
        status, kind, code = CODES.get(result.status, (502, "server_error", "failed"))
        why = "; ".join(
            [result.outcome.explanation, *(f"{each.model_id}: {each.message}" for each in result.failures[-3:])]
        )
        message = f"{status_text(result)}. {why}. `folkmoot resume {result.run_id}` goes on with it"
        return Refusal(
            status, message, kind=kind, code=code, headers={**ONCE, **self.headers}, more={"folkmoot": _told(result)}
        )


@dataclass(frozen=True)
class ServedAnswer:
    text: str
    result: Result
    told: JSON  # the field `folkmoot` of the response


async def begin_answering(
    service: Service, request: Request, body: JSON, question: ClientQuestion, how: Overrides, stop: tuple[str, ...] = ()
) -> Answering:
    """Begin a run for a client that waits. Raises what keeps it from beginning.

    OpenAI's clients ask again by themselves when they have lost patience: then the run that they gave up goes on, and
    nothing is paid twice.
    """
    lines, key = _Lines(), key_of(request)
    asked = hashlib.sha256(json.dumps([key.name if key else "", request.url.path, body]).encode()).hexdigest()
    folder = await _given_up(service, request, asked) if request.headers.get(RETRY, "0") != "0" else None
    if folder is not None:
        run = await go_on(service, request, folder, listeners=[PlainView(lines)])
    else:
        run = await start(service, request, question, how, [PlainView(lines)])
    run.task.add_done_callback(lambda _: lines.close())
    return Answering(service, run, question, lines, asked, stop)


async def _given_up(service: Service, request: Request, asked: str) -> RunFolder | None:
    """The run that a client asked for in the same words and did not wait for, if it can go on.

    It was cancelled, and its seats may take a moment to leave. Raises Refusal when this client has left by then too.
    """
    id = service.given_up.get(asked, "")
    leaving = asyncio.create_task(left(request.receive))
    try:
        while (live := service.live.find(id)) is not None and not live.ended and not leaving.done():
            await asyncio.wait({live.task, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if leaving.done():
            raise Refusal(499, "the client has left", code="client_left")
    finally:
        leaving.cancel()
    try:
        return service.idle_folder(id)
    except Refusal:
        return None


def _told(result: Result) -> JSON:
    return {
        "run_id": result.run_id,
        "protocol": result.protocol,
        "status": result.status,
        "met": result.outcome.met,
        "explanation": result.outcome.explanation,
        "cost_usd": result.cost_usd,
        "degraded": result.degraded,
        "total_calls": result.total_calls,
    }
