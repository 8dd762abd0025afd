"""Reads an answer within bounds, and turns an error status into a typed error."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests

from airflow_provider_docsanalytics import rawjson
from airflow_provider_docsanalytics.api._gunzip import PIECE_BYTES, gunzip
from airflow_provider_docsanalytics.errors import (
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
    from collections.abc import Callable, Iterator

    from airflow_provider_docsanalytics.api.endpoint import Selection

MAX_BODY_BYTES = 256 * 1024 * 1024
"""An answer larger than this, once decompressed, is not read to its end."""
_DETAIL_CHARS = 500
_LONGEST_RETRY_AFTER_S = 24 * 3600.0


def read_body(response: requests.Response, selection: Selection, *, deadline_s: float) -> bytes:
    """Return the decompressed body, or raise where it is too large or comes too slowly.

    Raises ``urllib3``'s errors where the connection fails in the middle.
    """
    until = time.monotonic() + deadline_s
    pieces, size = [], 0
    for piece in _pieces(response, selection):
        pieces.append(piece)
        size += len(piece)
        if size > MAX_BODY_BYTES:
            raise BadResponse(f"{selection}: an answer of more than {MAX_BODY_BYTES >> 20} MiB.")
        if time.monotonic() > until:
            raise Unreachable(
                f"{selection}: the answer was not complete after {deadline_s:g} s. A retry resumes "
                "where this attempt stopped; for a slow service set timeout_s in the connection's "
                "extra."
            )
    return b"".join(pieces)


def _pieces(response: requests.Response, selection: Selection) -> Iterator[bytes]:
    # read1 gives what has come; read would wait for a whole piece, however slowly it drips.
    read = getattr(response.raw, "read1", response.raw.read)
    chunks = iter(lambda: read(PIECE_BYTES, decode_content=False) or b"", b"")
    coding = response.headers.get("Content-Encoding", "").strip().lower()
    if coding in ("gzip", "x-gzip"):
        return gunzip(chunks)
    if coding in ("", "identity") or response.status_code != requests.codes.ok:
        return chunks  # of an error the status says more than its text
    raise BadResponse(f"{selection}: an answer in another Content-Encoding than gzip.")


def error_for(
    response: requests.Response,
    content: bytes,
    selection: Selection,
    shown: Callable[[str, int], str],
) -> DocsAnalyticsError:
    """Return the typed error for an answer whose status is not 200.

    ``shown`` makes a text from the service fit for a message of at most so many characters.
    """
    status, name = response.status_code, selection.endpoint.name
    if response.is_redirect:
        host = shown(_host(response.headers.get("Location", "")), _DETAIL_CHARS)
        return BadResponse(
            f"{selection}: redirected to {host}, which is not followed: the key is for one host.",
            "Set the connection's host to where the service is.",
        )
    kind: type[ApiError] = ApiError
    if status in (401, 403):
        kind = AuthError
    elif status in (404, 429):
        kind = NotFound if status == 404 else RateLimited  # noqa: PLR2004
    elif status >= requests.codes.internal_server_error:
        kind = ServerError
    detail = shown(_detail(content, response), _DETAIL_CHARS)
    note = selection.platform.notes.get(status, "")
    return kind(status, name, detail, retry_after_s=_retry_after(response.headers), note=note)


def _host(location: str) -> str:
    """Return the host that a redirect names."""
    try:
        return urlsplit(location).hostname or "the same host"
    except ValueError:
        return "what is no URL"


def _detail(content: bytes, response: requests.Response) -> str:
    """Return the API's own words: ``error`` and each ``details[].message``, or ``message``."""
    try:
        answer = rawjson.value(content)
    except rawjson.NotJson:
        answer = None
    words: list[Any] = []
    if isinstance(answer, dict):
        words = [answer.get("error") or answer.get("message")]
        details = answer.get("details")
        if isinstance(details, list):
            words += [entry.get("message") for entry in details if isinstance(entry, dict)]
    said = "; ".join(str(word) for word in words if word)
    return said or response.reason or "no reason given"


def _retry_after(headers: requests.structures.CaseInsensitiveDict[str]) -> float | None:
    """Return the seconds of a ``Retry-After`` in seconds or as an HTTP date, if it is either.

    A date is measured against the answer's own ``Date``, so that a wrong clock here does no harm.
    Of a wait longer than a day, a day is believed.
    """
    text = headers.get("Retry-After", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        until, now = _http_date(text), _http_date(headers.get("Date", ""))
        if until is None:
            return None
        seconds = (until - (now or datetime.now(UTC))).total_seconds()
    return min(max(0.0, seconds), _LONGEST_RETRY_AFTER_S) if math.isfinite(seconds) else None


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # a number too large for a date
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
