"""What an error status means: it is judged by itself first, then by who sent it."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airflow_provider_docsanalytics.api._error_body import Author, parse_error_body
from airflow_provider_docsanalytics.errors import (
    LONGEST_RETRY_AFTER,
    ApiError,
    AuthError,
    BadResponse,
    DocsAnalyticsError,
    NotFound,
    RateLimited,
    ServerError,
    Unreachable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_docsanalytics.api._error_body import ErrorBody
    from airflow_provider_docsanalytics.api.endpoint import Selection

TOO_WIDE = (413, 414, 431, 504, 522, 524)
"""What a service or a gateway answers where a narrower window may be answered."""

_DETAIL_CHARS = 500
_TRANSIENT = (408, 421, 425)
_LIMITED = re.compile(r"rate.?limit|too many|throttl", re.IGNORECASE)
_THREAD = re.compile(r"(?<![a-z])thread(?!s)", re.IGNORECASE)
_NO_THREAD = re.compile(r"project|route|endpoint|cannot get", re.IGNORECASE)
_PATH = re.compile(r"\S*/\S*")


class NoSuchThread(NotFound):
    """404, and the API itself says that it is the thread that is not there."""


def error_for(
    status: int,
    headers: Mapping[str, str],
    content: bytes,
    selection: Selection,
    sanitize: Callable[[str, int], str],
    *,
    reason: str = "",
    whole: bool = True,
) -> DocsAnalyticsError:
    """Return the typed error for an answer whose status is not 200.

    Args:
        status: the HTTP status.
        headers: the answer's, by names in any case.
        content: of the body what could be read; it may be nothing, or damaged.
        selection: what was asked for.
        sanitize: makes a text from the service fit for a message of at most so many characters.
        reason: the status in words, as the answer has it.
        whole: whether ``content`` is all of the body.
    """
    if 300 <= status < 400:  # noqa: PLR2004 - the class of redirects
        host = sanitize(_host(headers.get("Location", "")), _DETAIL_CHARS)
        return BadResponse(
            f"{selection}: redirected to {host}, which is not followed: the key is for one host.",
            "Set the connection's host to where the service is.",
        )
    said = parse_error_body(content, headers, whole=whole)
    wait_s = retry_after(headers)
    kind = _kind(status, said, wait_s, selection)
    detail = sanitize(_detail(said, reason), _DETAIL_CHARS)
    if kind is None:
        return _in_between(status, selection, detail)
    return kind(
        status,
        selection.endpoint.name,
        detail,
        retry_after_s=wait_s,
        note=selection.platform.notes.get(status, ""),
        from_api=said.speaker is not Author.PAGE,
    )


def _kind(
    status: int, said: ErrorBody, wait_s: float | None, selection: Selection
) -> type[ApiError] | None:
    """Return the class of the error; ``None`` where it is not the API that has answered."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimited
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        return None
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return _refusal(status, said, wait_s)
    if status == HTTPStatus.NOT_FOUND:
        return NoSuchThread if selection.endpoint.by_id and _is_of_a_thread(said) else NotFound
    if status in _TRANSIENT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ServerError
    return ApiError


def _refusal(status: int, said: ErrorBody, wait_s: float | None) -> type[ApiError] | None:
    """Return what a 401 or 403 is; one without content is the API's only if it is a 401.

    A proxy that wants a login has a status of its own, 407; a filter has none but 403.
    """
    limited = said.speaker is not Author.PAGE and _LIMITED.search(said.words)
    if status == HTTPStatus.FORBIDDEN and (wait_s is not None or limited):
        return RateLimited
    if said.speaker in (Author.PAGE, Author.OTHER):
        return None
    empty = said.speaker is Author.UNKNOWN and said.what
    return None if empty and status == HTTPStatus.FORBIDDEN else AuthError


def _is_of_a_thread(said: ErrorBody) -> bool:
    """Whether the API itself says that it is the thread that is missing, not the way to it."""
    words = _PATH.sub(" ", said.words)
    return (
        said.speaker is Author.API
        and _THREAD.search(words) is not None
        and _NO_THREAD.search(words) is None
    )


def _in_between(status: int, selection: Selection, detail: str) -> Unreachable:
    """Return the error of an answer that was given in the API's place."""
    login = status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED
    return Unreachable(
        f"{selection}: HTTP {status} from "
        + (f"a proxy that wants a login ({detail})" if login else f"{detail}, not the API")
        + ". The key was not judged. A retry resumes where this attempt stopped; if it stays, "
        + (
            "put the proxy's user and password into proxies of the connection's extra."
            if login
            else "have whoever runs the firewall, the proxy or the filter in front of the API let "
            "this worker through, and check the connection's host and proxies."
        )
    )


def _detail(said: ErrorBody, reason: str) -> str:
    """Return the answer's own words, and what it is where it is not the API's."""
    if said.speaker in (Author.PAGE, Author.OTHER):
        return f"{said.what} ({said.words!r})" if said.words else said.what
    return said.words or said.what or reason or "no reason given"


def _host(location: str) -> str:
    """Return the host that a redirect names, never who may log in there nor a query."""
    try:
        parts = urlsplit(location)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "what is no URL"
    if not host:
        return f"{parts.path} on the same host" if parts.path else "nowhere"
    return f"{host}:{port}" if port else host


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a ``Retry-After`` in seconds or as an HTTP date, if it is either.

    A date is measured against the answer's own ``Date``, so that a wrong clock here does no harm.
    Of a wait longer than :data:`.LONGEST_RETRY_AFTER`, so much is believed.
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
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # a number too large for a date
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
