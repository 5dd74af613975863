"""Serving until somebody ends it: runs that are going on are then cancelled, and can be resumed."""

import asyncio
from collections.abc import Callable

import uvicorn

from folkmoot.errors import InputError
from folkmoot.frontends.listening import Uvicorn, address_of, is_loopback, listen
from folkmoot.frontends.server.app import make_app
from folkmoot.frontends.server.keyring import Keyring
from folkmoot.frontends.server.service import MAX_BODY, MAX_RUNS, Service
from folkmoot.frontends.server.streams import IDLE
from folkmoot.running.runs import Machine

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
    listening = listen(host, port)
    address = f"http://{address_of(host, listening)}"
    service = Service.of(machine, loopback=is_loopback(host), max_body=max_body, max_runs=max_runs, idle=idle)
    config = uvicorn.Config(
        make_app(service), log_config=None, access_log=False, lifespan="off", ws="none", server_header=False,
        timeout_graceful_shutdown=GRACE,
    )  # fmt: skip
    server = Uvicorn(config, lambda: ready(address))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        service.machine.shutdown.hurry = True
        await service.live.close()  # first: whoever watches a run stays until it ends
        server.should_exit = True
        await serving
        raise
