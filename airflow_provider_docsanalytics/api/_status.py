"""Turns an error status into an exception: first by the status, then by who sent the response.

Between client and service there are proxies, firewalls, challenge pages and gateways. What they
return says nothing about the key, the thread or the cursor, so the sender decides what a 401, a 403
or a 404 means.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_docsanalytics import _json
from airflow_provider_docsanalytics.errors import (
    LONGEST_RETRY_AFTER,
    ApiError,
    AuthError,
    BadResponse,
    DocsAnalyticsError,
    InvalidRequest,
    NotFound,
    RateLimited,
    ServerError,
    Unreachable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_docsanalytics.api.endpoint import Selection

TOO_WIDE = (413, 414, 431, 504, 522, 524)
"""Statuses of a service or a gateway that may be able to respond for a narrower window."""
PROXY_LOGIN = (
    "Put the proxy's user and password into proxies of the connection's extra. Percent-encode '%' "
    "and other special characters in them: '%25' for '%'."
)
"""What to do about a 407."""

_DETAIL_CHARS = 500
_LONGEST_TITLE = 100
_LONGEST_HOST = 255
_LONGEST_TEXT = 2000
"""Of an error's text no more is used: a message has room for 500 characters."""
_MOST_DETAILS = 20
_TRANSIENT = (408, 421, 425)
_INVALID = (400, 422)
"""Mintlify refuses a value with a 400, Vyom with a 422."""
_RATE_LIMIT = re.compile(r"rate.?limit|too many|throttl", re.IGNORECASE)
_THREAD = re.compile(r"(?<![a-z])thread(?!s)", re.IGNORECASE)
_NOT_THREAD = re.compile(r"project|route|endpoint|cannot get", re.IGNORECASE)
_PATH = re.compile(r"\S*/\S*")
_TITLE = re.compile(r"<title[^<>]*>([^<]*)</title", re.IGNORECASE)


class NoSuchThread(NotFound):
    """404, and the API itself says that it is the thread that does not exist."""


def error_for(
    status: int,
    headers: Mapping[str, str],
    content: bytes,
    selection: Selection,
    sanitize: Callable[[str, int], str],
    *,
    reason: str = "",
    complete: bool = True,
) -> DocsAnalyticsError:
    """Return the exception for a response whose status is not 200.

    Args:
        status: the HTTP status.
        headers: the response's, by names in any case.
        content: what could be read of the body; it may be empty or damaged.
        selection: what the request was for.
        sanitize: makes text from the service safe for a message of at most so many characters.
        reason: the response's reason phrase.
        complete: whether ``content`` is the complete body.
    """
    if 300 <= status < 400:  # noqa: PLR2004 - the class of redirects
        host = sanitize(_host(headers.get("Location", "")), _LONGEST_HOST)
        return BadResponse(
            f"{selection}: redirected to {host}, which is not followed: the key is for one host.",
            "Set the connection's host to where the service is.",
        )
    body = parse_error_body(content, headers, complete=complete)
    wait_s = retry_after(headers)
    kind = _kind(status, body, wait_s, selection)
    detail = sanitize(_detail(body, reason), _DETAIL_CHARS)
    if kind is None:
        return _from_intermediary(status, selection, detail)
    return kind(
        status,
        selection.endpoint.name,
        detail,
        retry_after_s=wait_s,
        note=selection.platform.notes.get(status, ""),
        from_api=body.sender is not Sender.PAGE,
    )


def _kind(
    status: int, body: ErrorBody, wait_s: float | None, selection: Selection
) -> type[ApiError] | None:
    """Return the class of the exception; ``None`` if an intermediary sent the response."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimited
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        return None
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return _kind_of_refusal(status, body, wait_s)
    if status == HTTPStatus.NOT_FOUND:
        return NoSuchThread if selection.endpoint.by_id and _is_about_thread(body) else NotFound
    if status in _TRANSIENT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ServerError
    says_so = body.sender is Sender.API and not _RATE_LIMIT.search(body.text)
    return InvalidRequest if status in _INVALID and says_so else ApiError


def _kind_of_refusal(status: int, body: ErrorBody, wait_s: float | None) -> type[ApiError] | None:
    """Return the class for a 401 or 403; an empty one is the API's only if it is a 401.

    A proxy that requires a login has a status of its own, 407; a firewall has only 403.
    """
    limited = body.sender is not Sender.PAGE and _RATE_LIMIT.search(body.text)
    if status == HTTPStatus.FORBIDDEN and (wait_s is not None or limited):
        return RateLimited
    if body.sender in (Sender.PAGE, Sender.OTHER):
        return None
    empty = body.sender is Sender.UNKNOWN and body.description
    return None if empty and status == HTTPStatus.FORBIDDEN else AuthError


def _is_about_thread(body: ErrorBody) -> bool:
    """Return whether the API itself says that the thread is missing, not the path to it."""
    text = _PATH.sub(" ", body.text)
    return (
        body.sender is Sender.API
        and _THREAD.search(text) is not None
        and _NOT_THREAD.search(text) is None
    )


def _from_intermediary(status: int, selection: Selection, detail: str) -> Unreachable:
    """Return the exception for a response that was sent in the API's place."""
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        sender = f"a proxy that requires a login ({detail})"
        fix = PROXY_LOGIN
    else:
        sender = f"{detail}, not the API"
        fix = (
            "Ask whoever runs the firewall or the proxy in front of the API to allow this worker, "
            "and check the connection's host and proxies."
        )
    return Unreachable(
        f"{selection}: HTTP {status} from {sender}. The API has not checked the key.",
        fix,
    )


def _detail(body: ErrorBody, reason: str) -> str:
    """Return the response's own text, and what it is if it is not the API's."""
    if body.sender in (Sender.PAGE, Sender.OTHER):
        return f"{body.description} ({body.text!r})" if body.text else body.description
    return body.text or body.description or reason or "no reason given"


def _host(location: str) -> str:
    """Return the host of a redirect's target, without user information and query."""
    try:
        parts = urlsplit(location)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "something that is not a URL"
    if not host:
        return f"{parts.path} on the same host" if parts.path else "nowhere"
    return f"{host}:{port}" if port else host


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a ``Retry-After``, in seconds or as an HTTP date, if it is valid.

    A date is compared with the response's own ``Date``, so that a wrong clock here does no harm.
    The maximum is :data:`.LONGEST_RETRY_AFTER`.
    """
    text = headers.get("Retry-After", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        until, now = _http_date(text), _http_date(headers.get("Date", ""))
        if until is None:
            return None
        seconds = (until - (now or datetime.now(UTC))).total_seconds()
    longest_s = LONGEST_RETRY_AFTER.total_seconds()
    return min(max(0.0, seconds), longest_s) if math.isfinite(seconds) else None


def _http_date(text: str) -> datetime | None:
    try:
        instant = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # a number too large for a date
        return None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


class Sender(Enum):
    """Who sent an error response, by its content.

    ``API``: JSON in the API's format. ``UNKNOWN``: no evidence, such as an empty body, or damaged
    JSON. ``OTHER``: what the API does not send. ``PAGE``: of that, an HTML page or a response that
    a firewall has marked as its own.
    """

    API = "api"
    UNKNOWN = "unknown"
    OTHER = "other"
    PAGE = "page"


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """What a response with an error status contains, and who sent it.

    Attributes:
        text: for a message; may be empty.
        description: what the response is, if it is not the API's: ``an HTML page``.
    """

    sender: Sender
    text: str
    description: str = ""


def parse_error_body(content: bytes, headers: Mapping[str, str], *, complete: bool) -> ErrorBody:
    """Return the sender of a response and its text; ``complete``: all of it was read."""
    text = content.decode(errors="replace").strip() if content else ""
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if text.startswith("<") or "html" in kind:
        description = "an XML document" if text[:5].lower() == "<?xml" else "an HTML page"
        return ErrorBody(Sender.PAGE, _title(text), description)
    own = _api_text(content)[:_LONGEST_TEXT]
    if "cf-mitigated" in headers or (not own and _requires_login(headers)):
        return ErrorBody(
            Sender.PAGE, own or text[:_LONGEST_TEXT], "the response of a firewall or a proxy"
        )
    if own:
        return ErrorBody(Sender.API, own)
    readable = text[:_LONGEST_TEXT] if complete and "\ufffd" not in text else ""
    if complete and not text:
        return ErrorBody(Sender.UNKNOWN, "", "a response without content")
    if not kind or kind.endswith("json"):
        return ErrorBody(Sender.UNKNOWN, readable)
    return ErrorBody(Sender.OTHER, readable, kind)


def _api_text(content: bytes) -> str:
    """Return the text of the API's own JSON.

    Mintlify: ``error`` and each ``details[].message``. Vyom: ``message`` and each of
    ``data.errors``, which names the parameter.
    """
    try:
        body = _json.value(content)
    except _json.NotJson:
        return ""
    if not isinstance(body, dict):
        return ""
    texts: list[Any] = [body.get("error") or body.get("message")]
    data = body.get("data")
    details = body.get("details") or (data.get("errors") if isinstance(data, dict) else None)
    if texts[0] and isinstance(details, list):
        texts += map(_entry_text, details[:_MOST_DETAILS])
    return "; ".join(str(text)[:_LONGEST_TEXT] for text in texts if text)


def _entry_text(entry: Any) -> Any:
    """Return ``message``, or ``loc`` and ``msg`` as in ``query.start_date: not a date``."""
    if not isinstance(entry, dict):
        return entry if isinstance(entry, str) else None
    text, loc = entry.get("message") or entry.get("msg"), entry.get("loc")
    if not text or not isinstance(loc, list):
        return text
    return f"{'.'.join(str(part)[:_LONGEST_TITLE] for part in loc[:_MOST_DETAILS])}: {text}"


def _requires_login(headers: Mapping[str, str]) -> bool:
    """Return whether a login is required that is not the API's, whose keys are bearer tokens."""
    scheme = headers.get("WWW-Authenticate", "").strip().lower()
    return "Proxy-Authenticate" in headers or bool(scheme and not scheme.startswith("bearer"))


def _title(text: str) -> str:
    found = _TITLE.search(text)
    return " ".join(found[1].split())[:_LONGEST_TITLE] if found else ""
