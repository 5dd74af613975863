"""One operation of the server: a method, a path and its endpoint, with what the OpenAPI document says of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from folkmoot.frontends.server.service import Service

Endpoint = Callable[[Service, Request], Awaitable[Response]]


@dataclass(frozen=True)
class Operation:
    method: Literal["GET", "POST", "DELETE"]
    path: str
    endpoint: Endpoint
    summary: str
    body: type[BaseModel] | None = None
    gives: type[BaseModel] | None = None  # None: any JSON
    status: int = 200
    media_type: str = "application/json"
    query: tuple[str, ...] = ()
    public: bool = False  # whether it needs no key
