"""Error responses: OpenAI's error object with the status code that clients act on."""

import logging
from collections.abc import Mapping

from starlette.responses import JSONResponse, Response

from folkmoot.errors import FolkmootError, InputError
from folkmoot.types import JSON

log = logging.getLogger(__name__)

ONCE = {"x-should-retry": "false"}
"""OpenAI's clients would ask again by themselves, and a panel that failed would be paid three times."""


class Refusal(Exception):
    """A request that is answered with an error. `code` is for programs, `more` stands beside the message."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] = {},
        more: JSON | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.headers = status, dict(headers)
        self.body: JSON = {"error": {"message": message, "type": kind, "param": param, "code": code, **(more or {})}}


def unsupported(param: str, why: str) -> Refusal:
    return Refusal(400, f"`{param}` is not supported: {why}", code="unsupported_parameter", param=param)


def no_run(id: str) -> Refusal:
    return Refusal(404, f"there is no run {id!r}", kind="not_found_error", code="run_not_found")


def refusal_of(error: Exception) -> Refusal:
    """Return the response for an error that ended a request."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, InputError):
        return Refusal(400, "\n".join(error.problems), code="invalid_request")
    if isinstance(error, FolkmootError):
        return Refusal(500, str(error), kind="server_error", code="failed", headers=ONCE)
    return Refusal(500, "something is wrong with this server; its log says what", kind="server_error", headers=ONCE)


def log_unexpected(where: str, error: BaseException) -> None:
    """Log an unexpected error; the response tells the client to look into the log."""
    if not isinstance(error, FolkmootError | Refusal):
        log.error("%s", where, exc_info=error)


def respond(error: Exception) -> Response:
    refusal = refusal_of(error)
    return JSONResponse(refusal.body, refusal.status, refusal.headers)
