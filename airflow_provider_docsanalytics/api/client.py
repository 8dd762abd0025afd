"""Reads an endpoint page by page: sends the requests, retries, and detects pagination loops.

On the way to the rows: :mod:`._http` sends one request, :mod:`._attempts` decides about the next
attempt, :mod:`.page_size` and :mod:`.window_split` make a request smaller, :mod:`.paging` turns a
response into rows and the next cursor.
"""

from __future__ import annotations

import logging
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import quote

import msgspec

from airflow_provider_docsanalytics import _json
from airflow_provider_docsanalytics._loop_guard import LoopGuard, page_fingerprint
from airflow_provider_docsanalytics.api._attempts import attempts, too_wide
from airflow_provider_docsanalytics.api._deadline import Budget
from airflow_provider_docsanalytics.api._fields import unknown_fields
from airflow_provider_docsanalytics.api._http import Transport
from airflow_provider_docsanalytics.api._redact import redacted_errors
from airflow_provider_docsanalytics.api._status import TOO_WIDE, NoSuchThread
from airflow_provider_docsanalytics.api.endpoint import Page
from airflow_provider_docsanalytics.api.page_size import PageSize, is_about_limit
from airflow_provider_docsanalytics.errors import (
    ApiError,
    AuthError,
    BadResponse,
    ConfigError,
    CursorLost,
    DocsAnalyticsError,
    InvalidRequest,
    QuotaReached,
    RateLimited,
    ServerError,
    TooWide,
    Unreachable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType
    from typing import Self

    from airflow_provider_docsanalytics.api.endpoint import Body, PageRequest, PageResult, Selection
    from airflow_provider_docsanalytics.api.settings import Settings

log = logging.getLogger(__name__)

MAX_EMPTY_PAGES = 10
"""Consecutive empty pages with a next cursor, before the client stops following them."""

MAX_TOTALS_BYTES = 64 * 1024
"""Whole-response fields go into XCom, so they must be short; a longer one is an error."""
MAX_TOTALS_DEPTH = 32
"""Levels of a whole-response field; a manifest can keep deeper ones, XCom cannot."""
_EXCERPT_CHARS = 100


class _Exchange(NamedTuple):
    """A request, its place in the pagination, and the response's body."""

    selection: Selection
    cursor: str | None
    request: PageRequest
    body: Body | None


class Ledger(Protocol):
    """Accounts for requests: see :class:`.quota.ledger.Ledger`."""

    @property
    def limits(self) -> str:
        """What a request waits for, as text."""

    @property
    def left(self) -> int | None:
        """How many requests are left, if that is known."""

    def enter(self, longest_s: float) -> tuple[bool, float]:
        """Enter a request, if it may be sent within ``longest_s`` seconds.

        Return whether it is entered, and the seconds until it may be sent.
        """

    def refused(self, retry_after_s: float | None) -> None:
        """Take note of a 429."""


class Client:
    """Reads the pages of one service. Not thread-safe.

    Args:
        settings: how to reach the service.
        ledger: in which every request is entered before it is sent.
        sleep: waits, in seconds.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        ledger: Ledger | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._sleep = sleep
        self._slept_s = 0.0
        self._longest_s = settings.max_wait_s
        self._transport = Transport(settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def base_url(self) -> str:
        """The service's base URL."""
        return self._settings.base_url

    @property
    def requests_sent(self) -> int:
        """Requests sent so far, including failed ones."""
        return self._transport.sent

    @property
    def quota_left(self) -> int | None:
        """Requests that the ledger has left, as last seen; ``None`` without a ledger."""
        return self._ledger.left if self._ledger else None

    def close(self) -> None:
        """Close the pooled connections."""
        self._transport.close()

    def iter_pages(
        self, selection: Selection, cursor: str | None = None, page_size: int | None = None
    ) -> Iterator[Page]:
        """Yield the selection's pages from ``cursor`` to the end, one request each.

        A page is yielded only after the loop guard's check: a repeated page or cursor is a
        :class:`BadResponse`, and no export contains that page.

        Args:
            selection: what to read; requests are for pages of its size, or smaller ones if those
                get no response.
            cursor: where to begin; ``None`` is the start.
            page_size: the page size that an earlier attempt has reduced to; the maximum here.

        Raises:
            CursorLost: the service no longer accepts ``cursor``; nothing was yielded.
        """
        if selection.is_empty:
            return
        try:
            yield from self._pages(selection, cursor, page_size)
        except DocsAnalyticsError as error:
            if self._settings.service not in error.summary:
                place = self._settings.place_of(selection.project_id)
                error.place = self._settings.sanitize(place)
            raise

    def _pages(
        self, selection: Selection, cursor: str | None, page_size: int | None
    ) -> Iterator[Page]:
        size = PageSize(selection, page_size)
        paging = selection.endpoint.paging
        guard = LoopGuard(str(selection))
        guard.start(cursor)
        empty = 0
        exchange = self._fetch_first(size, cursor)
        while True:
            selection, cursor, request, body = exchange
            with redacted_errors(self._settings.sanitize):
                result = paging.result(selection, cursor, body)
                totals = _totals(selection, body)
            fingerprint = page_fingerprint(result.rows)
            guard.check(fingerprint, result.next_cursor)
            stuck = body is not None and _makes_no_progress(selection, request, result)
            empty = empty + 1 if stuck else 0
            if empty > MAX_EMPTY_PAGES:
                raise BadResponse(
                    f"{selection}: {empty} empty pages in a row, each with a next cursor."
                )
            page = Page(
                rows=result.rows,
                totals=totals,
                next_cursor=result.next_cursor,
                missing=(request.thread_id,) if body is None else (),
                unknown=unknown_fields(selection, body),
                page_size=size.reduced,
                fingerprint=fingerprint,
                plain=body is not None and result.rows is body.plain_rows,
            )
            next_cursor = result.next_cursor
            del exchange, body, result  # the response's text is large, and no longer needed
            yield page
            del page
            if next_cursor is None:
                return
            exchange = self._fetch(size, next_cursor)

    def _fetch_first(self, size: PageSize, cursor: str | None) -> _Exchange:
        """Return the first exchange, whose cursor may have expired."""
        try:
            return self._fetch(size, cursor)
        except ApiError as error:
            selection = size.selection
            if _rejects_cursor(error, selection, cursor):
                raise CursorLost(
                    f"{selection}: the service rejects the cursor to resume from (HTTP "
                    f"{error.status}: {error.detail})."
                ) from error
            raise

    def _fetch(self, size: PageSize, cursor: str | None) -> _Exchange:
        """Return the exchange at the cursor, or the one for a smaller page or narrower windows."""
        longest_s = self._longest_s = self._slept_s + self._settings.max_wait_s
        # A single attempt is a single request: nothing else may be sent instead.
        once = self._settings.max_attempts == 1
        while True:
            selection = size.selection
            with redacted_errors(self._settings.sanitize):
                request = _request(selection, cursor)
            narrower = None if once else selection.endpoint.paging.split(selection, cursor)
            can_split = narrower is not None
            try:
                body = self._get(selection, request, narrows=can_split, once=size.on_trial)
            except (ApiError, Unreachable) as error:
                wait_s = (error.retry_after_s or 0.0) if isinstance(error, ServerError) else 0.0
                too_long = wait_s > 0 and self._slept_s + wait_s > longest_s
                if once or too_long or not size.failed(error, can_split=can_split):
                    if narrower is None or not isinstance(error, TooWide):
                        raise
                    _log_split(error, selection, request)
                    cursor = narrower
                self._pause(wait_s)
            else:
                size.succeeded()
                if selection.endpoint.paging.counts_rows or not size.grows_from(selection):
                    return _Exchange(selection, cursor, request, body)

    def _pause(self, seconds: float) -> None:
        self._slept_s += seconds
        if seconds:
            self._sleep(seconds)

    def _get(
        self, selection: Selection, request: PageRequest, *, narrows: bool, once: bool
    ) -> Body | None:
        """Return the response's body, after retries; ``None``: no such thread."""
        url, query = self._url(selection, request), self._query(selection, request)
        budget = Budget(self._settings.timeout_s, self._settings.max_attempts)
        try:
            return attempts(self._settings, self._pause, budget, narrows=narrows, once=once)(
                self._send, selection, url, query, budget
            )
        except NoSuchThread:
            thread_id = self._settings.sanitize(request.thread_id)
            log.warning("%s: thread %s does not exist; listed as missing", selection, thread_id)
            return None
        except InvalidRequest as error:
            if not _has_cursor(request):
                raise
            # The cursor may be what is refused: a later run finds that out, and starts over.
            raise ApiError(error.status, error.endpoint, error.detail, note=error.note) from error
        except ApiError as error:
            wide = too_wide(error, request, self._settings)
            if wide is None:
                raise
            raise wide from error

    def _send(
        self, selection: Selection, url: str, query: Mapping[str, str], budget: Budget
    ) -> Body:
        """Send one request, once the ledger has room for it; return the response's body."""
        if self._ledger is None:
            return self._transport.send(selection, url, query, budget)
        # A single attempt is a question to which somebody waits for the answer.
        once = self._settings.max_attempts == 1
        longest_s = 0.0 if once else self._longest_s - self._slept_s
        entered, wait_s = self._ledger.enter(longest_s)
        if not entered:
            raise QuotaReached(selection.endpoint.name, self._ledger.limits, retry_after_s=wait_s)
        if wait_s:
            log.info("Waiting %.0f s: %s", wait_s, self._ledger.limits)
        self._pause(wait_s)
        try:
            return self._transport.send(selection, url, query, budget)
        except RateLimited as error:
            self._ledger.refused(error.retry_after_s)
            raise

    def _url(self, selection: Selection, request: PageRequest) -> str:
        path = selection.endpoint.path.format(
            project_id=quote(selection.project_id or "", safe=""),
            thread_id=quote(request.thread_id, safe=""),
        )
        return self._settings.base_url.rstrip("/") + path

    def _query(self, selection: Selection, request: PageRequest) -> dict[str, str]:
        dates = selection.platform.dates(request.window) if request.window else {}
        return {**dates, **selection.filters, **request.query}


def _log_split(error: TooWide, selection: Selection, request: PageRequest) -> None:
    log.warning(
        "%s: HTTP %d for %s; requesting its two halves instead",
        selection,
        error.status,
        request.window,
    )


def _request(selection: Selection, cursor: str | None) -> PageRequest:
    try:
        return selection.endpoint.paging.request(selection, cursor)
    except (ValueError, LookupError, RecursionError, msgspec.MsgspecError) as error:
        raise ConfigError(
            f"{selection}: {str(cursor)[:_EXCERPT_CHARS]!r} is no cursor that this endpoint gave.",
            "Start without a cursor; for an export, delete its _checkpoint.json.",
        ) from error


def _has_cursor(request: PageRequest) -> bool:
    return "cursor" in request.query or request.query.get("offset", "0") != "0"


def _rejects_cursor(error: ApiError, selection: Selection, cursor: str | None) -> bool:
    """Return whether an error may be about the cursor to resume from.

    It is not if none was sent, or if the status or the text is about something else.
    """
    sent = _has_cursor(selection.endpoint.paging.request(selection, cursor))
    otherwise = isinstance(error, AuthError | RateLimited | ServerError) or error.status in TOO_WIDE
    otherwise = otherwise or is_about_limit(error)
    refused = HTTPStatus.BAD_REQUEST <= error.status < HTTPStatus.INTERNAL_SERVER_ERROR
    return sent and refused and error.from_api and not otherwise


def _makes_no_progress(selection: Selection, request: PageRequest, result: PageResult) -> bool:
    """Return whether a page has no rows, only a next cursor within the same window."""
    if result.rows or result.next_cursor is None:
        return False
    following = selection.endpoint.paging.request(selection, result.next_cursor)
    return following.window == request.window


def _totals(selection: Selection, body: Body | None) -> dict[str, Any]:
    if body is None:
        return {}
    found = {name: body.fields[name] for name in selection.endpoint.totals if name in body.fields}
    for name, text in found.items():
        if len(memoryview(text)) > MAX_TOTALS_BYTES:
            raise BadResponse(
                f"{selection}: {name!r} of the response is longer than "
                f"{MAX_TOTALS_BYTES >> 10} KiB."
            )
        if _json.depth(text) > MAX_TOTALS_DEPTH:
            raise BadResponse(
                f"{selection}: {name!r} of the response is nested deeper than {MAX_TOTALS_DEPTH} "
                "levels."
            )
    return {name: _total(selection, name, text) for name, text in found.items()}


def _total(selection: Selection, name: str, text: msgspec.Raw) -> Any:
    try:
        # As strictly as a manifest is read: no lone surrogates, no number out of range.
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise BadResponse(
            f"{selection}: {name!r} of the response cannot be kept in a manifest: {error}."
        ) from error
