"""A listening socket and uvicorn on it, for frontends that are reached over HTTP."""

import contextlib
import socket
from collections.abc import Callable, Iterator
from ipaddress import ip_address

import uvicorn

from folkmoot.errors import InputError


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 takes a free one. Raises InputError for a port that cannot be had."""
    try:
        found = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, OverflowError) as error:
        said = getattr(error, "strerror", None) or error
        raise InputError(f"{host}:{port}: {said}; --port names another") from None
    # Connections take it over. asyncio forgets it for such a socket, and every answer would wait 40 ms for an ACK.
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return found


def address_of(host: str, listening: socket.socket) -> str:
    """`host:port`, as it stands in a URL."""
    return f"{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"


def is_loopback(host: str) -> bool:
    """Whether only this machine can be meant.

    >>> [is_loopback(each) for each in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "gpu.local", "")]
    [True, True, True, False, False, False]
    """
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class Uvicorn(uvicorn.Server):
    """A uvicorn server that leaves signals alone and reports when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()
