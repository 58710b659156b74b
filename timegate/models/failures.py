"""What an exception means: the errors of SDKs, of httpx and of the operating system as our kinds.

Nothing is imported for it. An exception is known by what it carries (a kind, an HTTP status, a code) and by the names
of its classes, which the SDKs of OpenAI, Anthropic and others share.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from timegate.core.columns import ATTEMPT_OUTCOMES
from timegate.errors import CALL_ERRORS, ModelCallError, RateLimitError

__all__ = ["kind_of", "our_errors", "rate_limits", "retry_after_s", "translated"]

_CODES = {kind: code for code, kind in enumerate(ATTEMPT_OUTCOMES)}
_ERROR = _CODES["error"]
LONGEST_S = 1e9

_STATUSES = {400: "bad_request", 401: "auth", 402: "auth", 403: "auth", 408: "timeout", 429: "rate_limit"}

# By class, in any package: httpx and httpx2, requests, aiohttp, openai, anthropic.
_NAMES = {
    "APITimeoutError": "timeout",
    "TimeoutException": "timeout",
    "Timeout": "timeout",
    "RemoteProtocolError": "truncated",
    "IncompleteRead": "truncated",
    "APIConnectionError": "connection",
    "TransportError": "connection",
    "ClientConnectionError": "connection",
    "JSONDecodeError": "server_error",
    "APIResponseValidationError": "server_error",
    "DecodingError": "server_error",
    "ContentFilterFinishReasonError": "content_filter",
}
_NAMED_IN = ("httpx", "httpx2", "httpcore", "requests", "aiohttp", "http", "json", "openai", "anthropic")

_TOO_LONG = ("context_length", "maximum context", "prompt is too long", "context window", "too many tokens")
_FILTERED = ("content_filter", "content_policy", "content management policy")


def kind_of(error: BaseException) -> int:
    """Return the code of an exception among :data:`timegate.core.columns.ATTEMPT_OUTCOMES`.

    Examples
    --------
    >>> ATTEMPT_OUTCOMES[kind_of(ConnectionResetError())]
    'connection'
    """
    kind = getattr(error, "kind", None)
    if isinstance(kind, str) and kind in _CODES:
        return _CODES[kind]
    return _CODES.get(_kind(error), _ERROR)


def _kind(error: BaseException) -> str:
    status = _status(error)
    if status is not None and status >= 400:
        if status in (400, 413, 422):
            said = f"{getattr(error, 'code', '')} {error}".lower()
            if any(words in said for words in _TOO_LONG):
                return "context_length"
            if any(words in said for words in _FILTERED):
                return "content_filter"
        return _STATUSES.get(status, "server_error" if status >= 500 else "bad_request")
    for cls in type(error).__mro__:
        if cls.__name__ in _NAMES and cls.__module__.partition(".")[0] in _NAMED_IN:
            return _beneath(error, _NAMES[cls.__name__])
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, OSError) and (isinstance(error, ConnectionError) or _is_of_a_network(error)):
        return "connection"
    return "error"


def _beneath(error: BaseException, kind: str) -> str:
    """Return the kind, or that of its cause: an SDK says of an answer that broke off that the connection failed."""
    if kind == "connection" and error.__cause__ is not None and _kind(error.__cause__) == "truncated":
        return "truncated"
    return kind


def _is_of_a_network(error: OSError) -> bool:
    """Return whether it is an error of names, routes or TLS; a file that is not there is none of a provider."""
    return any(
        cls.__module__ in ("socket", "_socket", "ssl", "_ssl") or cls.__name__ == "SSLError"
        for cls in type(error).__mro__
    )


def _status(error: BaseException) -> int | None:
    for holder in (error, getattr(error, "response", None)):
        status = getattr(holder, "status_code", None)
        if isinstance(status, int):
            return status
    return None


def _headers(error: BaseException) -> Mapping[str, str]:
    headers = getattr(getattr(error, "response", None), "headers", None)
    return headers if isinstance(headers, Mapping) else {}


def retry_after_s(error: BaseException) -> float | None:
    """Return what the ``Retry-After`` of an exception said, in seconds; None if it has none.

    Read are our own attribute of that name, and the headers of an answer: seconds, a date, or OpenAI's milliseconds.
    """
    seconds = getattr(error, "retry_after_s", None)
    if seconds is None:
        headers = _headers(error)
        seconds = _number(headers.get("retry-after-ms"), 1000.0)
        if seconds is None:
            said = headers.get("retry-after")
            seconds = _number(said, 1.0)
            if seconds is None and said:
                seconds = _until(said)
    return float(seconds) if isinstance(seconds, int | float) and 0 < seconds < LONGEST_S else None


def _number(text: str | None, per: float) -> float | None:
    try:
        return None if text is None else float(text) / per
    except ValueError:
        return None


def _until(date: str) -> float | None:
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(date).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None


def rate_limits(headers: Any) -> dict[str, str]:
    """Return the ``x-ratelimit-*`` headers of an answer."""
    return {name: value for name, value in headers.items() if name.lower().startswith("x-ratelimit-")}


def translated(error: Exception) -> Exception:
    """Return an exception as our own of its kind; ours as it is, and one of no known kind, too.

    :func:`our_errors` raises it from the original, which has the provider's words and its answer.
    """
    if isinstance(error, ModelCallError):
        return error
    kind = ATTEMPT_OUTCOMES[kind_of(error)]
    if kind not in CALL_ERRORS:
        return error
    ours = CALL_ERRORS[kind](str(error) or type(error).__name__)
    status = _status(error)
    if status is not None:
        ours.status_code = status
    ours.rate_limits = rate_limits(_headers(error))
    if isinstance(ours, RateLimitError):
        ours.retry_after_s = retry_after_s(error)
    return ours


@contextmanager
def our_errors() -> Iterator[None]:
    """Raise what is raised within as our own kinds, the original as cause."""
    try:
        yield
    except Exception as error:
        ours = translated(error)
        if ours is error:
            raise
        raise ours from error
