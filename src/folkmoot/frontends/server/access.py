"""Access control: origins, host names, keys, and requests that come from this server itself."""

import logging
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from folkmoot.errors import InputError
from folkmoot.frontends.listening import is_loopback
from folkmoot.frontends.server.bodies import Login, read_body
from folkmoot.frontends.server.keyring import ServerKey
from folkmoot.frontends.server.page import POLICY
from folkmoot.frontends.server.refusals import ONCE, Refusal, respond
from folkmoot.frontends.server.service import Service

log = logging.getLogger("folkmoot.server")

COOKIE = "folkmoot"
DEEPEST = 3  # servers of ours that ask each other
VIA = "x-folkmoot-via"

_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": POLICY,
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
}


@dataclass
class Sessions:
    """The sessions of the page: its cookie names one, and all end with this process."""

    keys: dict[str, str] = field(default_factory=dict)  # cookie -> the key's hash

    def open(self, key: ServerKey) -> str:
        token = secrets.token_urlsafe(32)
        self.keys[token] = key.sha256
        return token


class Gate:
    """Middleware that checks every request first, and adds security headers to every response."""

    def __init__(self, app: ASGIApp, service: Service, sessions: Sessions, public: frozenset[str]) -> None:
        self._app, self._service, self._sessions, self._public = app, service, sessions, public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        try:
            self._check(scope, Headers(scope=scope))
        except InputError as error:
            log.error("%s", error)
            message = "this server's keys cannot be read; its log says why"
            refusal = Refusal(500, message, kind="server_error", headers=ONCE)
            await respond(refusal)(scope, receive, safely)
            return
        except Refusal as refusal:
            await respond(refusal)(scope, receive, safely)
            return
        await self._app(scope, receive, safely)

    def _check(self, scope: Scope, headers: Headers) -> None:
        keys = self._service.keyring.keys()
        closed = bool(keys) or not self._service.loopback
        if not closed:
            self._check_host(headers)
        if scope["method"] not in ("GET", "HEAD"):
            self._check_origin(headers)
        if closed and scope["path"] not in self._public and not scope["path"].startswith("/static/"):
            scope["folkmoot.key"] = key = self._key(headers, keys.values())
            if key.only and not scope["path"].startswith("/v1/"):
                message = f"the key {key.name} is for the OpenAI-compatible endpoints under /v1/"
                raise Refusal(403, message, kind="permission_error", code="endpoint_not_allowed")
        scope["folkmoot.via"] = self._via(headers)

    def _check_host(self, headers: Headers) -> None:
        """A page of somebody else's can have its own name lead to this machine; its requests carry that name.

        Where a key is needed that is of no use to the page: it has none.
        """
        name = _host_name(headers)
        if not is_loopback(name):
            message = f"this server answers to localhost, and was called {name!r}"
            raise Refusal(403, message, kind="permission_error", code="wrong_host")

    def _check_origin(self, headers: Headers) -> None:
        origin = headers.get("origin")
        if origin is None and headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
            return  # no browser, or not for a page
        if origin is None or origin.partition("://")[2] != headers.get("host"):
            message = "pages of other sites may not ask this server"
            raise Refusal(403, message, kind="permission_error", code="cross_site")

    def _key(self, headers: Headers, keys: Iterable[ServerKey]) -> ServerKey:
        """Raises Refusal for a key that is missing or wrong."""
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and given.strip():
            if key := self._service.keyring.find(given.strip()):
                return key
            raise _locked("this key is not known here")
        hash = self._sessions.keys.get(_cookie(headers))
        found = next((key for key in keys if key.sha256 == hash), None)
        if found is None:
            raise _locked("this server needs a key: Authorization: Bearer KEY")
        return found

    def _via(self, headers: Headers) -> tuple[str, ...]:
        via = tuple(each.strip() for each in headers.get(VIA, "").split(",") if each.strip())
        if self._service.id in via:
            message = "a seat of this panel is this server itself; a panel that has a seat is written panel/NAME"
        elif len(via) >= DEEPEST:
            message = f"the question has come through {len(via)} servers already; panels go at most {DEEPEST} deep"
        else:
            return (*via, self._service.id)
        raise Refusal(508, message, code="loop_detected", headers=ONCE)


def _host_name(headers: Headers) -> str:
    try:
        return urlsplit(f"//{headers.get('host', '')}").hostname or ""
    except ValueError:  # brackets that hold no address
        return ""


def _locked(message: str) -> Refusal:
    return Refusal(401, message, code="invalid_api_key", headers={"www-authenticate": "Bearer"})


def _cookie(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


async def log_in(service: Service, sessions: Sessions, request: Request) -> Response:
    """Give the page a cookie for a key: its stream of events can send no header."""
    body = await read_body(request, service.max_body, Login)
    if not service.keyring.keys() and service.loopback:
        return JSONResponse({"status": "open"})  # no key is needed here
    key = service.keyring.find(body.key)
    if key is None:
        raise _locked("this key is not known here")
    response = JSONResponse({"status": "ok", "key": key.name})
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, sessions.open(key), httponly=True, samesite="strict", secure=secure, path="/")
    return response
