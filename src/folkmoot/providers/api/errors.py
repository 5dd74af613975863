"""What went wrong at a vendor, by status code and exception type, never by the words of a message."""

from collections.abc import Iterable

from pydantic_ai.exceptions import (
    ContentFilterError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelHTTPError,
    ModelNotFoundError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelRequestRejectedError,
    ModelServerError,
    ModelTimeoutError,
    ModelUnavailableError,
    UnexpectedModelBehavior,
    UserError,
)

from folkmoot.errors import FailureKind, ProviderError

_LOOP = 508  # a server of ours would ask itself, and would again
_LONGEST = 300  # characters of a vendor's own words

# The first that fits decides: a subclass stands before its base.
_KINDS: tuple[tuple[type[Exception], FailureKind], ...] = (
    (ModelRateLimitError, "rate"),
    (ModelQuotaExceededError, "request"),  # an empty account or a spent day: no retry within a run can cure it
    (ModelUnavailableError, "server"),
    (ModelServerError, "server"),
    (ModelAuthenticationError, "auth"),
    (ModelNotFoundError, "model"),
    (ModelRequestRejectedError, "request"),
    (ModelConnectionError, "server"),
    (ContentFilterError, "empty"),
    (UnexpectedModelBehavior, "protocol"),
    (UserError, "request"),  # pydantic-ai cannot say this to that model, e.g. an attachment
    (ValueError, "protocol"),  # of a decoder or of pydantic
)


def provider_error(error: Exception, label: str, secrets: Iterable[str]) -> ProviderError:
    """`error` in one line that names the vendor `label` and holds none of `secrets`."""
    kind = _kind(error)
    said = _said(error)
    if isinstance(error, ModelHTTPError):
        message = f"{label} answered {error.status_code}: {said}"
    elif kind == "idle":
        message = f"{label} fell silent"
    else:
        message = f"{label}: {said}"
    for secret in secrets:
        message = message.replace(secret, "***")
    return ProviderError(kind, message, retry_after=error.retry_after if isinstance(error, ModelAPIError) else None)


def _kind(error: Exception) -> FailureKind:
    # The HTTP client's read timeout is the idle timeout: it starts anew with every byte.
    if isinstance(error, ModelTimeoutError) and error.phase == "read":
        return "idle"
    if isinstance(error, ModelHTTPError) and error.status_code == _LOOP:
        return "request"
    for exception, kind in _KINDS:
        if isinstance(error, exception):
            return kind
    if isinstance(error, ModelHTTPError):
        return "server" if error.status_code == 408 or error.status_code >= 500 else "request"
    if isinstance(error, ModelAPIError):
        # What pydantic-ai could not read has the decoder's error, a ValueError, as its cause.
        return "protocol" if isinstance(error.__cause__, ValueError) else "server"
    # Log-in libraries fail before a vendor is asked; the one of Google, and boto3's.
    if type(error).__module__.startswith("google.auth") or type(error).__name__.endswith("CredentialsError"):
        return "auth"
    return "server" if isinstance(error, OSError) else "protocol"


def _said(error: Exception) -> str:
    """The vendor's own words, on one line."""
    said = _message_in(error.body) if isinstance(error, ModelAPIError) else None
    words = " ".join((said or str(error) or type(error).__name__).split())
    return words if len(words) <= _LONGEST else words[:_LONGEST] + "..."


def _message_in(body: object) -> str | None:
    """The message in an error's body: under `error` or not, and under one of two names."""
    if isinstance(body, str):
        return body or None
    if not isinstance(body, dict):
        return None
    if isinstance(body.get("error"), dict | str):
        return _message_in(body["error"])
    message = body.get("message") or body.get("Message")
    return message if isinstance(message, str) else None
