"""A fake model server on 127.0.0.1 that speaks the vendors' wire formats, streaming and not.

It runs in a thread with a loop of its own, so tests may block and subprocesses may call it. What it says is up to a
function from `Asked` to `Reply`; how each vendor writes that down stands in `wires.py`.
"""

import asyncio
import gzip
import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Self
from urllib.parse import unquote

from tests import wires
from tests.wires import Asked, Reply

__all__ = ["Asked", "LoopbackModels", "Reply", "echo"]


def echo(asked: Asked) -> str:
    return f"echo: {asked.text}"


class LoopbackModels:
    """The server, from entering the block to leaving it.

    `reply` runs in the server's thread; what it raises goes to the client as a 500 and is raised again on leaving.
    """

    def __init__(
        self, reply: Callable[[Asked], Reply | str] = echo, models: tuple[str, ...] = ("loopback-model",)
    ) -> None:
        self.reply, self.models = reply, models
        self.asked: list[Asked] = []  # in order of arrival
        self.others: list[str] = []  # further requests, e.g. "GET /v1/models"
        self.left = 0  # replies that the client did not wait for
        self.connections = 0  # opened so far
        self.failures: list[Exception] = []
        self._gate = asyncio.Semaphore(0)
        self._changed = threading.Condition()
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="loopback", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        if self.failures and error is None:
            raise self.failures[0]

    def wait(self, holds: Callable[[Self], bool], timeout: float = 10.0) -> bool:
        """Block until `holds(self)`, which is looked at after every request, reply and departure."""
        with self._changed:
            return self._changed.wait_for(lambda: holds(self), timeout)

    def shut(self) -> None:
        """Let no gated reply through from now on."""
        self._gate = asyncio.Semaphore(0)

    def let_through(self, count: int) -> None:
        """Let so many gated replies through, those that wait and then those to come."""
        for _ in range(count):
            self._loop.call_soon_threadsafe(self._gate.release)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port: int = server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._started.set()
        await self._stop.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # start_server's own task would log the cancellation that ends it; this one is gathered in _serve.
        task = asyncio.create_task(self._talk(_Connection(reader, writer)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._note("connections")

    def _note(self, count: Literal["connections", "left", ""] = "") -> None:
        with self._changed:
            if count:
                setattr(self, count, getattr(self, count) + 1)
            self._changed.notify_all()

    async def _talk(self, connection: "_Connection") -> None:
        try:
            while head := await connection.head():
                if not await self._answer(connection, head, await connection.body(head)):
                    break
        except (ConnectionError, EOFError):
            pass
        finally:
            connection.writer.transport.abort()

    async def _answer(self, connection: "_Connection", head: "_Head", body: bytes) -> bool:
        """Answer one request; whether the connection stays open."""
        answering = asyncio.ensure_future(self._say(connection, head, body))
        leaving = asyncio.ensure_future(connection.gone())
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            broken = answering.done() and isinstance(answering.exception(), ConnectionError)
            if broken or not answering.done():
                self._note("left")
                return False
            return answering.result()
        finally:
            answering.cancel()
            leaving.cancel()
            await asyncio.gather(answering, leaving, return_exceptions=True)
            self._note()

    async def _say(self, connection: "_Connection", head: "_Head", body: bytes) -> bool:
        path = unquote(head.target.partition("?")[0])
        wire = wires.wire_of(path) if head.method == "POST" else None
        if wire is None:
            self.others.append(f"{head.method} {head.target}")
            status, found = _elsewhere(path, body, self.models)
            await connection.send(
                status, "application/json", json.dumps(found).encode(), head_only=head.method == "HEAD"
            )
            return True
        asked = wires.read(wire, path, head.target, head.headers, json.loads(body))
        with self._changed:
            self.asked.append(asked)
        self._note()
        try:
            answer = self.reply(asked)
        except Exception as error:  # a test's own mistake: shown where the test can see it
            self.failures.append(error)
            answer = Reply(f"the test's reply function failed: {error!r}", status=500)
        reply = Reply(answer) if isinstance(answer, str) else answer
        if reply.hang:
            await asyncio.Event().wait()
        await asyncio.sleep(reply.delay)
        if reply.raw:
            for piece in reply.raw:
                connection.writer.write(piece)
                await connection.writer.drain()
            if reply.stall:
                await asyncio.Event().wait()
            await connection.finish()
            return False
        if reply.raw_body is not None:
            await connection.send(reply.status, "application/json", reply.raw_body.encode(), reply.headers)
        elif reply.status >= 400:
            refusal = json.dumps(wires.error(asked, reply)).encode()
            await connection.send(reply.status, "application/json", refusal, reply.headers)
        elif asked.stream:
            return await self._stream(connection, asked, reply)
        else:
            whole = json.dumps(wires.whole(asked, reply)).encode()
            await connection.send(200, "application/json", whole, reply.headers, cut=reply.cut)
            return not reply.cut
        return True

    async def _stream(self, connection: "_Connection", asked: Asked, reply: Reply) -> bool:
        pieces = wires.stream(asked, reply)
        broken = reply.cut or reply.unfinished or reply.stall
        half = len(pieces) // 2 if broken or reply.gated else len(pieces)
        await connection.open(200, wires.media_type(asked), reply.headers)
        for piece in pieces[:half]:
            if reply.chunk_delay:
                await asyncio.sleep(reply.chunk_delay)
            await connection.piece(piece)
        if reply.stall:
            await asyncio.Event().wait()
        if reply.gated:
            await self._gate.acquire()
            for piece in pieces[half:]:
                await connection.piece(piece)
        if reply.cut:
            await connection.finish()
            return False
        await connection.piece(b"")
        return True


def _elsewhere(path: str, body: bytes, models: Iterable[str]) -> tuple[int, wires.JSON]:
    """Status and body of requests that ask no model."""
    if path.endswith(("/messages/count_tokens", ":countTokens")):
        tokens = -(-len(body) // 4)
        return 200, {"input_tokens": tokens, "totalTokens": tokens}
    if path.endswith("/v1/models"):
        found = [
            {"id": name, "object": "model", "type": "model", "display_name": name, "created": 0} for name in models
        ]
        return 200, {"object": "list", "data": found, "has_more": False}
    if path.endswith("/v1beta/models"):
        return 200, {"models": [{"name": f"models/{name}"} for name in models]}
    if path.endswith("/token"):  # of an OAuth server, e.g. for service accounts
        return 200, {"access_token": "loopback-token", "expires_in": 3600, "token_type": "Bearer"}
    return 404, {"error": {"message": f"nothing is at {path}", "type": "not_found_error", "code": 404}}


@dataclass(frozen=True)
class _Head:
    method: str
    target: str
    headers: Mapping[str, str]


class _Connection:
    """One client's connection: HTTP/1.1 with keep-alive, chunks in both directions."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._received = bytearray()

    async def _fill(self) -> bool:
        more = await self.reader.read(1 << 16)
        self._received += more
        return bool(more)

    async def gone(self) -> None:
        """Return when the client has closed; what it sends meanwhile is kept for later."""
        try:
            while await self._fill():
                pass
        except ConnectionError:
            pass

    async def _until(self, end: bytes) -> bytes:
        while (at := self._received.find(end)) < 0:
            if not await self._fill():
                raise EOFError
        return self._take(at + len(end))[:at]

    async def _exactly(self, size: int) -> bytes:
        while len(self._received) < size:
            if not await self._fill():
                raise EOFError
        return self._take(size)

    def _take(self, size: int) -> bytes:
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken

    async def head(self) -> _Head | None:
        if not self._received and not await self._fill():
            return None
        first, *lines = (await self._until(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        fields = (line.partition(":") for line in lines)
        return _Head(method, target, {name.strip().lower(): value.strip() for name, _, value in fields})

    async def body(self, head: _Head) -> bytes:
        if head.headers.get("expect", "").lower() == "100-continue":
            self.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if head.headers.get("transfer-encoding", "").lower() == "chunked":
            body = b""
            while size := int((await self._until(b"\r\n")).partition(b";")[0], 16):
                body += await self._exactly(size)
                await self._exactly(2)
            while await self._until(b"\r\n"):
                pass  # trailers
        else:
            body = await self._exactly(int(head.headers.get("content-length", "0")))
        return gzip.decompress(body) if head.headers.get("content-encoding") == "gzip" else body

    async def send(
        self, status: int, media_type: str, body: bytes, headers: Mapping[str, str] = {}, *,
        cut: bool = False, head_only: bool = False,
    ) -> None:  # fmt: skip
        self._write_head(status, media_type, headers, f"content-length: {len(body)}")
        self.writer.write(b"" if head_only else body[: len(body) // 2] if cut else body)
        await self.writer.drain()
        if cut:
            await self.finish()

    async def open(self, status: int, media_type: str, headers: Mapping[str, str]) -> None:
        self._write_head(status, media_type, headers, "transfer-encoding: chunked")
        await self.writer.drain()

    def _write_head(self, status: int, media_type: str, headers: Mapping[str, str], framing: str) -> None:
        given = {"content-type": media_type} | {name.lower(): value for name, value in headers.items()}
        lines = [f"HTTP/1.1 {status} Loopback", framing, *(f"{name}: {value}" for name, value in given.items())]
        self.writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))

    async def piece(self, piece: bytes) -> None:
        """One chunk; the empty one ends the body."""
        self.writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        await self.writer.drain()

    async def finish(self) -> None:
        """Close after what was written has been sent."""
        self.writer.close()
        await self.writer.wait_closed()
