"""Follow a run for one request of a client: report progress, and pass on questions for people."""

import asyncio
import math
import time
from typing import Any

from mcp import types
from mcp.server import ServerRequestContext

from folkmoot.frontends.mcp.live import FollowedRun
from folkmoot.frontends.mcp.people import form
from folkmoot.machine.people import Question

Context = ServerRequestContext[Any, Any]

HEARTBEAT = 10.0  # seconds without news after which the client hears that we are still there


class ProgressReport:
    """Numbers that only grow: the calls that have ended, and between two of them ever smaller steps."""

    def __init__(self, context: Context, most: int | None) -> None:
        self._context = context
        self._total = None if most is None else float(most + 1)  # the calls, and the verdict
        self._calls, self._steps = 0, 0

    async def say(self, calls: int, message: str) -> None:
        if calls > self._calls:
            self._calls, self._steps = calls, 0
        else:
            self._steps += 1
        await self._context.session.report_progress(calls + 1 - 1 / (1 + self._steps), self._total, message)


def able(context: Context) -> bool:
    """Whether the client can ask its user for a text."""
    capabilities = context.session.client_capabilities
    return capabilities is not None and capabilities.elicitation is not None


async def follow(
    run: FollowedRun, context: Context, *, told: int = 0, seconds: float | None = None, heartbeat: float = HEARTBEAT
) -> types.InputRequiredResult | None:
    """Wait for the end of `run`, at most `seconds`, and report its lines from the one numbered `told`.

    A client of the protocol of 2026-07-28 cannot be asked meanwhile: it gets its questions as the result, answers them
    and calls again.
    """
    loop = asyncio.get_running_loop()
    end = None if seconds is None else loop.time() + seconds
    with run.followed():
        progress = ProgressReport(context, run.most_calls)
        heard = said = loop.time()
        async with _Asking(run, context) as asking:
            while True:
                rings = run.rings  # read before the state, so that no event is missed
                while told < len(run.lines):
                    await progress.say(run.calls, run.lines[told])
                    told, heard, said = told + 1, loop.time(), loop.time()
                now = loop.time()
                if run.ended or (end is not None and now >= end):
                    return None
                if (required := asking.questions()) is not None:
                    return required
                if now - said >= heartbeat:
                    await progress.say(run.calls, run.waiting(now - heard))
                    said = now
                await run.news(rings, min(said + heartbeat, end or math.inf) - now)


class _Asking:
    """Asks the client a run's questions, each once, and passes on the answers."""

    def __init__(self, run: FollowedRun, context: Context) -> None:
        self._run, self._context = run, context
        self._asked: dict[str, asyncio.Task[None]] = {}

    async def __aenter__(self) -> "_Asking":
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._asked.values():
            task.cancel()

    def questions(self) -> types.InputRequiredResult | None:
        """Ask what is new; what the client has to take along, where it cannot be asked."""
        new = [each for each in self._run.people.open() if each.id not in self._asked]
        if not new or not able(self._context):
            return None
        if not self._context.session.can_send_request:
            self._run.expect_back(max(each.deadline for each in new) - time.time())
            return types.InputRequiredResult(
                input_requests={each.id: form(each) for each in new}, request_state=self._run.id
            )
        for each in new:
            self._asked[each.id] = asyncio.create_task(self._ask(each))
        return None

    async def _ask(self, question: Question) -> None:
        asked = form(question).params
        assert isinstance(asked, types.ElicitRequestFormParams)
        try:
            said = await self._context.session.elicit_form(
                asked.message, asked.requested_schema, related_request_id=self._context.request_id
            )
        except Exception as error:  # a client may leave, or answer anything: the seat must not wait for it
            self._run.people.fail(question.id, f"the MCP client could not ask: {error}")
        else:
            self._run.people.take(question.id, said)


def take_answers(run: FollowedRun, responses: types.InputResponses | None) -> None:
    """Pass on the answers that a client sends with its next call."""
    for id, said in (responses or {}).items():
        if isinstance(said, types.ElicitResult):
            run.people.take(id, said)
