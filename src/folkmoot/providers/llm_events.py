"""What a model of `llm` says, event by event, whether it is asynchronous or blocks."""

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from folkmoot.errors import ProviderError

if TYPE_CHECKING:
    from llm.parts import StreamEvent


async def each_within(events: AsyncIterator["StreamEvent"], idle: float | None) -> AsyncIterator["StreamEvent"]:
    """The events, each within `idle` seconds of the one before."""
    while True:
        try:
            async with asyncio.timeout(idle):
                event = await anext(events)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise ProviderError("idle", f"nothing was heard of the model for {idle:g} s") from None
        yield event


def events_of(response: Any) -> Any:
    """The events of a response of `llm`, of one that blocks too."""
    return response.astream_events() if hasattr(response, "astream_events") else _from_thread(response)


async def _from_thread(response: Any) -> AsyncIterator["StreamEvent"]:
    """The events of a response that blocks. A thread that nobody waits for any more ends at the next one."""
    loop = asyncio.get_running_loop()
    heard: asyncio.Queue[StreamEvent | BaseException | None] = asyncio.Queue()
    left = threading.Event()

    def tell(what: "StreamEvent | BaseException | None") -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody listens
            loop.call_soon_threadsafe(heard.put_nowait, what)

    def work() -> None:
        try:
            for event in response.stream_events():
                if left.is_set():
                    return
                tell(event)
            tell(None)
        except BaseException as error:  # carried over to the loop
            tell(error)

    # a daemon: leaving Folkmoot does not wait for a model that blocks
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(work,), name="folkmoot-llm", daemon=True).start()
    try:
        while (found := await heard.get()) is not None:
            if isinstance(found, BaseException):
                raise found
            yield found
    finally:
        left.set()
