"""What went wrong at a server that speaks chat completions: the kind of the failure, in the server's own words.

The kind follows from the HTTP status, else from the codes in the error's body, else from its words: some servers tell
of a rate limit in nothing but text, with the status 200.
"""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from folkmoot.errors import FailureKind, ProviderError

_LONGEST = 300  # characters of a server's own words
_ERROR_KEYS = frozenset(("error", "errors", "base_resp"))
_LONGEST_SEARCHED = 2000  # characters of them that are searched for what they tell of
_DEEPEST = 6  # levels of an error's body that are searched for its message

_STATUSES: Mapping[int, FailureKind] = {
    401: "auth", 403: "auth", 404: "model", 408: "server", 425: "server", 429: "rate", 499: "server",
    508: "request",  # a server of ours would ask itself, and would again
}  # fmt: skip

_CODES: tuple[tuple[FailureKind, frozenset[str]], ...] = (
    # an empty account or a spent day: no retry within a run can cure it
    ("request", frozenset((
        "insufficient_quota", "quota_exceeded", "billing_hard_limit_reached", "billing_not_active",
        "insufficient_balance", "insufficient_credits", "insufficient_funds", "payment_required",
    ))),
    ("rate", frozenset((
        "rate_limit_exceeded", "rate_limit_error", "rate_limit_reached", "rate_limit", "rate_limited",
        "rate_limit_exceeded_error", "too_many_requests", "requests_limit_exceeded", "throttled", "throttlingexception",
        "resource_exhausted", "tokens_limit_exceeded",
    ))),
    ("auth", frozenset((
        "invalid_api_key", "authentication_error", "invalid_authentication", "invalid_authentication_error",
        "unauthorized", "permission_error", "permission_denied", "permission_denied_error", "unauthenticated",
        "forbidden", "access_denied", "account_deactivated", "incorrect_api_key",
    ))),
    ("model", frozenset((
        "model_not_found", "model_not_found_error", "not_found_error", "notfounderror", "model_not_exist",
        "invalid_model", "model_does_not_exist", "unknown_model", "deployment_not_found", "deploymentnotfound",
    ))),
    ("server", frozenset((
        "overloaded_error", "overloaded", "engine_overloaded", "engine_overloaded_error", "server_error",
        "internal_server_error", "internal_error", "internalservererror", "service_unavailable", "unavailable",
        "api_error", "timeout", "gateway_timeout", "bad_gateway", "upstream_error", "server_overloaded",
    ))),
    ("request", frozenset((
        "invalid_request_error", "invalid_request", "badrequesterror", "bad_request", "context_length_exceeded",
        "invalid_argument", "invalid_parameter", "unsupported_parameter", "invalid_value", "string_above_max_length",
        "exceed_context_size_error", "unprocessable_entity", "validation_error", "invalid_prompt",
    ))),
    ("empty", frozenset(("content_filter", "content_policy_violation", "responsibleaipolicyviolation"))),
)  # fmt: skip

_PATTERNS: tuple[tuple[FailureKind, str], ...] = (
    ("rate", r"rate[ _-]?limit|too many (?:requests|tokens)|throttl|requests per (?:second|minute|hour|day)|"
             r"slow down|请求过于频繁|限流|レート制限"),
    ("request", r"insufficient (?:balance|quota|credit|funds)|exceeded your current quota|payment required|"
                r"out of credits|余额不足|context (?:length|window|size)|too long|prompt is too|maximum context"),
    ("auth", r"api[ _-]?key|unauthori[sz]ed|authenticat|invalid token|access denied|permission denied"),
    ("model", r"model.{0,80}(?:not found|not exist|does ?n.t exist|unknown|not loaded|not available)|"
              r"(?:no such|unknown|unsupported) model"),
    ("server", r"overload|unavailable|at capacity|internal (?:server )?error|timed? ?out|upstream|bad gateway|"
               r"try again|busy|out of memory"),
    ("request", r"invalid|unsupported|not supported|not allowed|must be|required|malformed|missing"),
)  # fmt: skip
_WAIT = (
    r"(?:in|after|for|wait)\s+(?:about\s+)?(?:(?P<minutes>\d{1,4})\s?m(?:in(?:ute)?s?)?(?![a-z])\s?)?"
    r"(?:(?P<number>\d{1,6}(?:\.\d{1,6})?)\s?(?P<unit>ms|milliseconds?|s(?:ec(?:ond)?s?)?)\b)?"
)


class ServerRefused(ProviderError):
    """A server refused a request or broke it off with an error. `status` is of HTTP, or 200."""

    def __init__(
        self, kind: FailureKind, message: str, status: int, words: str, *, retry_after: float | None = None
    ) -> None:
        super().__init__(kind, message, retry_after=retry_after)
        self.status, self.words = status, words


def refusal(label: str, status: int, headers: Mapping[str, str], body: bytes) -> ServerRefused:
    """The failure that a response with an error's status tells of. `label` names the server."""
    text = body.decode("utf-8", "replace").strip()
    found = _json(text.removeprefix("data:")) if text[:1] in ("{", "[", "d", '"') else None
    words = message_in(found) or as_line(text)
    if 300 <= status < 400:
        where = headers.get("location", "another address")
        return ServerRefused(
            "request", f"{label} answered {status}: it has moved to {where}; set base_url", status, words
        )
    kind = _kind_of_status(status, found, words)
    message = f"{label} answered {status}: {_short(words) or 'without a reason'}"
    return ServerRefused(
        kind, message, status, words, retry_after=_retry_after(headers, words if kind == "rate" else "")
    )


def complaint(label: str, found: object) -> ServerRefused:
    """The failure that an error object in a response with the status 200 tells of."""
    words = message_in(found) or as_line(json.dumps(found, ensure_ascii=False))
    status = next((each for each in map(_number, _codes(found)) if 400 <= each < 600), 0)
    kind = _kind_of_status(status, found, words) if status else _kind_of_words(found, words)
    wait = _wait_in(words) if kind == "rate" else None
    return ServerRefused(kind, f"{label}: {_short(words)}", status or 200, words, retry_after=wait)


def no_answer(label: str, text: str) -> ProviderError:
    """The failure of a response with the status 200 that is neither an answer nor an error object, e.g. a page."""
    words = as_line(text)
    is_page = text.lstrip()[:1] == "<"
    kind: FailureKind = "rate" if _tells_of_rate(words) else "protocol"
    wait = _wait_in(words) if kind == "rate" else None
    what = "a page" if is_page else "something that is no completion"
    message = f"{label}: {_short(words)}" if kind == "rate" else f"{label} answered with {what}: {_short(words)}"
    return ServerRefused(kind, message, 200, words, retry_after=wait)


def message_in(found: object, depth: int = 0) -> str | None:
    """The message in an error's body, wherever a server puts it; None where there is none."""
    if depth > _DEEPEST:
        return None
    if isinstance(found, str):
        return as_line(found) or None
    if isinstance(found, list):
        return "; ".join(filter(None, (message_in(each, depth + 1) for each in found[:5]))) or None
    if not isinstance(found, dict):
        return None
    names = (
        "error", "message", "Message", "detail", "details", "msg", "errors", "error_message", "error_msg",
        "error_description", "status_msg", "base_resp", "reason", "description", "title",
    )  # fmt: skip
    said = next(filter(None, (message_in(found.get(name), depth + 1) for name in names if found.get(name))), None)
    # OpenRouter puts the words of the vendor that it asked beside its own.
    metadata = found.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    inner = message_in(_json(raw) or raw, depth + 1) if isinstance(raw, str) else message_in(raw, depth + 1)
    return f"{said}: {inner}" if said and inner and inner not in said else said or inner


def error_in(chunk: Mapping[str, object]) -> object | None:
    """What a chunk or a whole reply says that went wrong; None where it says nothing of the kind."""
    answers = isinstance(chunk.get("choices"), list) and bool(chunk["choices"])
    if answers and not chunk.keys() & _ERROR_KEYS:
        return None  # as almost all are
    for name in ("error", "errors"):
        if is_error(chunk.get(name)):
            return {name: chunk[name], "code": chunk.get("code")}
    base = chunk.get("base_resp")  # MiniMax
    if isinstance(base, dict) and base.get("status_code") not in (None, 0, "0"):
        return base
    if answers or "usage" in chunk:
        return None
    if chunk.get("object") == "error" or chunk.get("type") == "error" or chunk.get("status") in ("error", "failed"):
        return dict(chunk)
    told = message_in({name: chunk[name] for name in ("detail", "message", "msg", "error_msg") if name in chunk})
    is_bare = "choices" not in chunk and str(chunk.get("object", "")).find("completion") < 0
    return dict(chunk) if is_bare and told else None


def as_line(text: str) -> str:
    """A text on one line; of a page, its title or its text without markup."""
    start = text[:20_000]
    if start.lstrip()[:1] == "<":
        import html  # with the table of all entities

        title = re.search(r"<title[^>]{0,200}>([^<]{1,500})", start, re.IGNORECASE)
        plain = title[1] if title else re.sub(r"<[^<>]{0,2000}>", " ", start)
        start = html.unescape(plain)
    return " ".join(start.split())


def is_error(found: object) -> bool:
    if isinstance(found, dict):
        nothing: tuple[object, ...] = (None, "", 0, "0", 200, "200", False, "success", "Success", "ok")
        return any(value not in nothing for value in found.values() if not isinstance(value, dict | list)) or any(
            bool(value) for value in found.values() if isinstance(value, dict | list)
        )
    return bool(found) and not isinstance(found, bool)


def _short(words: str) -> str:
    return words if len(words) <= _LONGEST else words[:_LONGEST] + "..."


def _kind_of_status(status: int, found: object, words: str) -> FailureKind:
    told = _kind_of_codes(found)
    if status == 402 or (status == 429 and told == "request"):
        return "request"
    if status in (400, 403, 500, 502, 503) and (told == "rate" or _tells_of_rate(words)):
        return "rate"
    if status in (400, 422) and told in ("model", "auth", "empty"):
        return told
    if status == 404 and told == "request":
        return "request"
    return _STATUSES.get(status, "server" if status >= 500 else "request")


def _kind_of_words(found: object, words: str) -> FailureKind:
    told = _kind_of_codes(found)
    if told is not None and told not in ("request", "server"):  # these two are what servers say of anything
        return told
    return next((kind for kind, pattern in _PATTERNS if _matches(pattern, words)), told or "server")


def _kind_of_codes(found: object) -> FailureKind | None:
    codes = {re.sub(r"[\s-]+", "_", str(code)).casefold() for code in _codes(found)}
    return next((kind for kind, known in _CODES if codes & known), None)


def _codes(found: object, depth: int = 0) -> Iterable[object]:
    """The codes and types in an error's body, in whichever of the usual places."""
    if isinstance(found, list):
        for each in found[:3]:
            yield from _codes(each, depth + 1)
    elif isinstance(found, dict) and depth < _DEEPEST:
        for name in ("code", "type", "status", "status_code", "error_code", "http_status", "reason"):
            if isinstance(found.get(name), str | int):
                yield found[name]
        for name in ("error", "errors", "base_resp", "detail", "innererror"):
            yield from _codes(found.get(name), depth + 1)


def _tells_of_rate(words: str) -> bool:
    return _matches(_PATTERNS[0][1], words)


def _matches(pattern: str, words: str) -> bool:
    # Not compiled when this module is loaded: most runs meet no failure.
    return bool(re.search(pattern, words[:_LONGEST_SEARCHED], re.IGNORECASE))


def _number(code: object) -> int:
    text = str(code)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0


def _json(text: str) -> object | None:
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found


def _retry_after(headers: Mapping[str, str], words: str) -> float | None:
    """Seconds to wait, from the headers (a number or a date), else from the words."""
    for name, factor in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * factor
        except (KeyError, ValueError):
            continue
        return seconds if 0 <= seconds < 1e6 else None
    try:
        when = parsedate_to_datetime(headers["retry-after"])
    except (KeyError, ValueError):
        return _wait_in(words)
    return max(0.0, (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _wait_in(words: str) -> float | None:
    """
    >>> _wait_in("Please try again in 1m3.5s."), _wait_in("retry after 250 ms"), _wait_in("in a while")
    (63.5, 0.25, None)
    """
    for found in re.finditer(_WAIT, words[:_LONGEST_SEARCHED], re.IGNORECASE):
        if found["minutes"] or found["number"]:
            seconds = float(found["number"] or 0) * (0.001 if (found["unit"] or "").startswith("m") else 1.0)
            return float(found["minutes"] or 0) * 60 + seconds
    return None
