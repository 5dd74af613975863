"""What went wrong in a model of `llm`, by status code and type, never by the words of a message.

Plugins bring libraries of their own; their exceptions are known by what their classes are called.
"""

from collections.abc import Mapping

from folkmoot.errors import FailureKind, ProviderError

_LONGEST = 300  # characters of what a model complains of

_BY_STATUS: Mapping[int, FailureKind] = {401: "auth", 403: "auth", 404: "model", 408: "server", 429: "rate"}
_BY_TYPE: tuple[tuple[frozenset[str], FailureKind], ...] = (
    (frozenset({"NeedsKeyException"}), "auth"),
    # of openai, anthropic, httpx and requests, in whichever version a plugin brings
    (frozenset({"APIConnectionError", "TransportError", "ConnectionError", "Timeout", "OSError"}), "server"),
    (frozenset({"ValueError", "NotImplementedError"}), "request"),
    (frozenset({"ModelError"}), "server"),
)  # fmt: skip
"""What a type or one of its bases is called -> what it means."""


def provider_error(error: Exception, label: str, key: str | None) -> ProviderError:
    """`error` in one line that begins with `label` and does not hold `key`."""
    chain = [error, *filter(None, (error.__cause__, error.__context__))]
    status = next(filter(None, map(_status, chain)), None)
    kind = _kind_of_status(status, error) if status else _kind_of_type(error)
    words = " ".join((str(error) or type(error).__name__).split())
    words = words if len(words) <= _LONGEST else words[:_LONGEST] + "..."
    message = f"{label}: {words}"
    return ProviderError(kind, message.replace(key, "***") if key else message, retry_after=_retry_after(error))


def _status(error: BaseException) -> int | None:
    for holder in (error, getattr(error, "response", None)):
        status = getattr(holder, "status_code", None)
        if isinstance(status, int) and status >= 400:
            return status
    return None


def _kind_of_status(status: int, error: Exception) -> FailureKind:
    if getattr(error, "code", None) == "insufficient_quota":  # no retry within a run fills an empty account
        return "request"
    return _BY_STATUS.get(status, "server" if status >= 500 else "request")


def _kind_of_type(error: Exception) -> FailureKind:
    bases = {each.__name__ for each in type(error).__mro__}
    return next((kind for names, kind in _BY_TYPE if names & bases), "protocol")


def _retry_after(error: Exception) -> float | None:
    headers = getattr(getattr(error, "response", None), "headers", None)
    try:
        return float(headers["retry-after"]) if headers is not None else None
    except (KeyError, TypeError, ValueError):
        return None
