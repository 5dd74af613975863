"""Serving until somebody ends it: runs that are going on are then cancelled, and can be resumed."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

import uvicorn

from folkmoot.errors import InputError
from folkmoot.frontends.server.access import is_loopback
from folkmoot.frontends.server.app import make_app
from folkmoot.frontends.server.keyring import Keyring
from folkmoot.frontends.server.service import MAX_BODY, MAX_RUNS, Service
from folkmoot.frontends.server.streams import IDLE
from folkmoot.runs import Machine

GRACE = 2  # seconds for what is being answered when the server is told to end


async def serve(
    machine: Machine,
    host: str,
    port: int,
    *,
    max_body: int = MAX_BODY,
    max_runs: int = MAX_RUNS,
    idle: float = IDLE,
    ready: Callable[[str], None] = lambda _: None,
) -> None:
    """Until it is cancelled. `ready` is told the address once it answers; port 0 takes a free one.

    Raises InputError for an address that others can reach, without a key, and for a port that cannot be had.
    """
    if not Keyring.of(machine.environ).keys() and not is_loopback(host):
        raise InputError(
            f"--host {host} can be reached by others, who could spend your money: make a key first, with "
            "`folkmoot serve --new-key NAME --budget USD`, or put one in FOLKMOOT_SERVER_KEY"
        )
    listening = _listen(host, port)
    address = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"
    service = Service.of(machine, loopback=is_loopback(host), max_body=max_body, max_runs=max_runs, idle=idle)
    config = uvicorn.Config(
        make_app(service), log_config=None, access_log=False, lifespan="off", ws="none", server_header=False,
        timeout_graceful_shutdown=GRACE,
    )  # fmt: skip
    server = _Uvicorn(config, lambda: ready(address))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        service.machine.shutdown.hurry = True
        await service.live.close()  # first: whoever watches a run stays until it ends
        server.should_exit = True
        await serving
        raise


def _listen(host: str, port: int) -> socket.socket:
    try:
        found = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, OverflowError) as error:
        said = getattr(error, "strerror", None) or error
        raise InputError(f"{host}:{port}: {said}; --port names another") from None
    # Connections take it over. asyncio forgets it for such a socket, and every answer would wait 40 ms for an ACK.
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return found


class _Uvicorn(uvicorn.Server):
    """Leaves signals to whoever runs us, and says when it answers."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()
