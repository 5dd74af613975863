"""Server-sent events, and noticing that a client has left."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Generic, TypeVar

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

T = TypeVar("T")

IDLE = 10.0  # seconds without a word after which a sign of life is sent
ALIVE = b": still at work\n\n"


def sse(payload: str, *, event: str | None = None, id: int | None = None) -> bytes:
    """One event. `payload` is JSON, and so holds no line break.

    >>> sse('{"a": 1}', event="offered", id=7)
    b'id: 7\\nevent: offered\\ndata: {"a": 1}\\n\\n'
    """
    head = ("" if id is None else f"id: {id}\n") + (f"event: {event}\n" if event else "")
    return f"{head}data: {payload}\n\n".encode("utf-8", "replace")


def comment(text: str) -> bytes:
    """What clients skip, but connections are kept alive by.

    >>> comment("Round 1\\nof 3")
    b': Round 1 of 3\\n\\n'
    """
    return f": {' '.join(text.split())}\n\n".encode("utf-8", "replace")


class Channel(Generic[T]):
    """A queue of items for one reader. Reading ends when it is closed and empty."""

    def __init__(self, items: "AsyncIterator[T] | list[T] | tuple[T, ...]" = ()) -> None:
        self._items: deque[T] = deque(items if isinstance(items, list | tuple) else ())
        self._changed = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        return len(self._items)

    def push(self, item: T) -> None:
        self._items.append(item)
        self._changed.set()

    def close(self) -> None:
        self._closed = True
        self._changed.set()

    async def read(self, idle: float) -> AsyncGenerator[T | None, None]:
        """Everything, as it comes; None whenever nothing came for `idle` seconds."""
        while True:
            while self._items:
                yield self._items.popleft()
            if self._closed:
                return
            self._changed.clear()
            try:
                async with asyncio.timeout(idle):
                    await self._changed.wait()
            except TimeoutError:
                yield None


async def left(receive: Receive) -> None:
    """Return when the client has closed the connection. Its request must have been read."""
    while (await receive())["type"] != "http.disconnect":
        pass


class EventStream(Response):
    """A response that goes out as `frames` come. When the client leaves, `frames` is closed at once.

    `after` is waited for when all is over, however that came about.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        frames: AsyncGenerator[bytes, None],
        headers: Mapping[str, str] = {},
        after: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.status_code, self.background = 200, None
        self.body = b""
        self._frames, self._after = frames, after
        # Proxies must neither keep the events nor hold them back.
        self.init_headers({"cache-control": "no-store", "x-accel-buffering": "no", **headers})
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send(send, scope["method"] == "HEAD"))
        leaving = asyncio.create_task(left(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sending.cancel()
            leaving.cancel()
            await asyncio.wait({sending, leaving})
            if self._after is not None:
                await self._after()
        if not sending.cancelled():
            sending.result()

    async def _send(self, send: Send, head_only: bool) -> None:
        async with aclosing(self._frames) as frames:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            if head_only:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                return
            async for frame in frames:
                await send({"type": "http.response.body", "body": frame, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
