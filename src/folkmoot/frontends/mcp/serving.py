"""Serving: over standard input and output for the client that started us, or over HTTP on a port."""

import asyncio
import contextlib
import hmac
import os
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import uvicorn
from mcp.server.stdio import stdio_server
from mcp.server.transport_security import TransportSecuritySettings
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from folkmoot.errors import InputError
from folkmoot.frontends.listening import Uvicorn, address_of, is_loopback, listen
from folkmoot.frontends.mcp.live import FollowedRuns
from folkmoot.frontends.mcp.server import make_server
from folkmoot.running.runs import Machine

PATH = "/mcp"


async def serve_stdio(machine: Machine, *, protocols: Sequence[str] = ()) -> None:
    """Until the client closes our input, or we are cancelled. Runs that are not done then are cancelled.

    Files of the folder we were started in may be sent along: it is the client's project, unless it is the root.
    """
    hang_up = _pass_input_on()
    serving = asyncio.create_task(_converse(machine, protocols))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        hang_up()
        await serving
        raise


async def _converse(machine: Machine, protocols: Sequence[str]) -> None:
    here = Path.cwd()
    async with FollowedRuns(machine) as runs:
        server = make_server(runs, root=here if here != here.parent else None, protocols=protocols)
        async with stdio_server() as (read, write):
            await server.run(read, write, server.create_initialization_options())


def _pass_input_on() -> Callable[[], None]:
    """Put a pipe between our input and the server, and return what closes it.

    The server reads in a thread that nothing but the end of its input gets out of the read: neither a cancellation
    nor a signal.
    """
    source = os.dup(sys.stdin.fileno())
    end, entry = os.pipe()
    os.dup2(end, sys.stdin.fileno())
    os.close(end)
    pipe = os.fdopen(entry, "wb", buffering=0)

    def pump() -> None:
        with contextlib.suppress(OSError, ValueError), pipe:  # ValueError: hung up meanwhile
            while piece := os.read(source, 1 << 16):
                pipe.write(piece)

    threading.Thread(target=pump, name="mcp-input", daemon=True).start()
    return pipe.close


async def serve_http(
    machine: Machine,
    host: str,
    port: int,
    *,
    token: str | None = None,
    protocols: Sequence[str] = (),
    ready: Callable[[str], None] = lambda _: None,
) -> None:
    """Until it is cancelled. `ready` is told the address once it answers; port 0 takes a free one.

    Raises InputError for an address that others can reach, without a token, and for a port that cannot be had.
    """
    if not is_loopback(host) and not token:
        raise InputError(f"--host {host} can be reached by others: give a token in FOLKMOOT_MCP_TOKEN")
    listening = listen(host, port)
    address = address_of(host, listening)
    async with FollowedRuns(machine) as runs:
        server = make_server(runs, protocols=protocols)
        app: ASGIApp = server.streamable_http_app(
            streamable_http_path=PATH, host=host, transport_security=_security(host, address)
        )
        if token:
            app = _WithToken(app, token)
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=1)
        uvicorn_server = Uvicorn(config, lambda: ready(f"http://{address}{PATH}"))
        serving = asyncio.create_task(uvicorn_server.serve(sockets=[listening]))
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:  # it ends by itself, and not in the middle of what it does
            uvicorn_server.should_exit = True
            await serving
            raise


def _security(host: str, address: str) -> TransportSecuritySettings:
    """A web page must not reach us through the user's browser: no origin is allowed, and no other host's name.

    An address that others can reach is called by names we do not know; there the token keeps pages out.
    """
    names = {address} | {f"{name}:{address.rpartition(':')[2]}" for name in ("127.0.0.1", "localhost", "[::1]")}
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=is_loopback(host), allowed_hosts=sorted(names), allowed_origins=[]
    )


class _WithToken:
    """Lets only those in who send the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._expected = app, f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(given, self._expected):
                refusal = PlainTextResponse(
                    "this server needs its token: Authorization: Bearer TOKEN", 401, {"WWW-Authenticate": "Bearer"}
                )
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)
