"""Drives the paging: asks for page after page, again where that helps, narrower where it must."""

from __future__ import annotations

import logging
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import msgspec

from airflow_provider_docsanalytics import _json
from airflow_provider_docsanalytics._loop_guard import LoopGuard
from airflow_provider_docsanalytics.api._attempts import attempts, too_wide
from airflow_provider_docsanalytics.api._deadline import Budget
from airflow_provider_docsanalytics.api._fields import unknown_members
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
    RateLimited,
    ServerError,
    TooWide,
    Unreachable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Self

    from airflow_provider_docsanalytics.api.endpoint import Body, PageRequest, PageResult, Selection
    from airflow_provider_docsanalytics.api.settings import Settings

log = logging.getLogger(__name__)

MAX_EMPTY_PAGES = 10
"""Empty pages in a row that still say there is more, before the service is not believed."""

MAX_TOTALS_BYTES = 64 * 1024
"""Whole-response fields longer than this are not what the API promises: they go into XCom."""
MAX_TOTALS_DEPTH = 32
"""Levels of a whole-response field. What is deeper a manifest can keep, and XCom cannot."""
_EXCERPT_CHARS = 100


class _Answered(NamedTuple):
    """An answer, what was asked for it, and where."""

    selection: Selection
    cursor: str | None
    ask: PageRequest
    body: Body | None


class Client:
    """Reads the pages of one service. Not for several threads at once."""

    def __init__(self, settings: Settings, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._settings = settings
        self._sleep = sleep
        self._slept_s = 0.0
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
        """Where the service is."""
        return self._settings.base_url

    @property
    def requests_sent(self) -> int:
        """Requests sent so far, those included that failed or were refused."""
        return self._transport.sent

    def close(self) -> None:
        """Close the pooled connections."""
        self._transport.close()

    def iter_pages(
        self, selection: Selection, cursor: str | None = None, page_size: int | None = None
    ) -> Iterator[Page]:
        """Yield the selection's pages from ``cursor`` on, one request each, until its end.

        A page is yielded only once the way on from it is known to be sound: a page or a cursor that
        was there before is a :class:`BadResponse`, and the page is not part of any export.

        Args:
            selection: what to read; its page size is asked for, and less where that gets no answer.
            cursor: where to begin; ``None`` is the start.
            page_size: what an earlier attempt has come to: the most to ask for.

        Raises:
            CursorLost: the service does not know ``cursor`` any more; nothing was yielded.
        """
        if selection.is_empty:
            return
        size = PageSize(selection, page_size)
        paging = selection.endpoint.paging
        guard = LoopGuard(str(selection))
        guard.start(cursor)
        empty = 0
        answered = self._first_answer(size, cursor)
        while True:
            selection, cursor, ask, body = answered
            with redacted_errors(self._settings.sanitize):
                step = paging.step(selection, cursor, body)
                totals = _totals(selection, body)
            guard.check(step.rows, step.next_cursor)
            empty = empty + 1 if body is not None and _stands_still(selection, ask, step) else 0
            if empty > MAX_EMPTY_PAGES:
                raise BadResponse(f"{selection}: {empty} empty pages in a row that promise more.")
            page = Page(
                rows=step.rows,
                totals=totals,
                next_cursor=step.next_cursor,
                missing=(ask.thread_id,) if body is None else (),
                unknown=unknown_members(selection, body),
                page_size=size.kept,
            )
            following = step.next_cursor
            del answered, body, step  # the answer's text is large, and not wanted any more
            yield page
            del page
            if following is None:
                return
            answered = self._answer(size, following)

    def _first_answer(self, size: PageSize, cursor: str | None) -> _Answered:
        """Return the answer where a reading begins; its cursor may be from long ago."""
        try:
            return self._answer(size, cursor)
        except ApiError as error:
            selection = size.selection
            if _refuses_cursor(error, selection, cursor):
                raise CursorLost(
                    f"{selection}: the cursor to go on from is refused (HTTP {error.status}: "
                    f"{error.detail}). Read again from the beginning, without a cursor."
                ) from error
            raise

    def _answer(self, size: PageSize, cursor: str | None) -> _Answered:
        """Return the answer at the cursor, or that of a smaller page or of narrower windows."""
        longest_s = self._slept_s + self._settings.max_wait_s
        # A single attempt is a single request: nothing else is asked in its place.
        alone = self._settings.max_attempts == 1
        while True:
            selection = size.selection
            with redacted_errors(self._settings.sanitize):
                ask = _ask(selection, cursor)
            narrowed = None if alone else selection.endpoint.paging.narrowed(selection, cursor)
            try:
                body = self._get(selection, ask, narrows=narrowed is not None, once=size.on_trial)
            except (ApiError, Unreachable) as error:
                wait_s = (error.retry_after_s or 0.0) if isinstance(error, ServerError) else 0.0
                too_long = wait_s > 0 and self._slept_s + wait_s > longest_s
                if alone or too_long or not size.refused(error, narrows=narrowed is not None):
                    if narrowed is None or not isinstance(error, TooWide):
                        raise
                    _say_halved(error, selection, ask)
                    cursor = narrowed
                self._pause(wait_s)
            else:
                size.answered()
                if selection.endpoint.paging.counts_rows or not size.grows_from(selection):
                    return _Answered(selection, cursor, ask, body)

    def _pause(self, seconds: float) -> None:
        self._slept_s += seconds
        if seconds:
            self._sleep(seconds)

    def _get(
        self, selection: Selection, ask: PageRequest, *, narrows: bool, once: bool
    ) -> Body | None:
        """Return the answer, sent for as often as the settings allow; ``None``: no such thread."""
        url, query = self._url(selection, ask), self._query(selection, ask)
        budget = Budget(self._settings.timeout_s, self._settings.max_attempts)
        try:
            return attempts(self._settings, self._pause, budget, narrows=narrows, once=once)(
                self._transport.send, selection, url, query, budget
            )
        except NoSuchThread:
            thread_id = self._settings.sanitize(ask.thread_id)
            log.warning("%s: no thread %s; listed as missing", selection, thread_id)
            return None
        except ApiError as error:
            wide = too_wide(error, ask, self._settings)
            if wide is None:
                raise
            raise wide from error

    def _url(self, selection: Selection, ask: PageRequest) -> str:
        path = selection.endpoint.path.format(
            project_id=quote(selection.project_id or "", safe=""),
            thread_id=quote(ask.thread_id, safe=""),
        )
        return self._settings.base_url.rstrip("/") + path

    def _query(self, selection: Selection, ask: PageRequest) -> dict[str, str]:
        dates = selection.platform.dates(ask.window) if ask.window else {}
        return {**dates, **selection.filters, **ask.query}


def _say_halved(error: TooWide, selection: Selection, ask: PageRequest) -> None:
    log.warning(
        "%s: HTTP %d for %s; asking for its halves instead", selection, error.status, ask.window
    )


def _ask(selection: Selection, cursor: str | None) -> PageRequest:
    try:
        return selection.endpoint.paging.ask(selection, cursor)
    except (ValueError, LookupError, RecursionError, msgspec.MsgspecError) as error:
        raise ConfigError(
            f"{selection}: {str(cursor)[:_EXCERPT_CHARS]!r} is no cursor that this endpoint gave; "
            "start without one (an export: delete its _checkpoint.json)."
        ) from error


def _refuses_cursor(error: ApiError, selection: Selection, cursor: str | None) -> bool:
    """Whether an error may be about the place to go on from.

    It is not where none was sent, nor where the status or the words are about something else.
    """
    query = selection.endpoint.paging.ask(selection, cursor).query
    sent = "cursor" in query or query.get("offset", "0") != "0"
    otherwise = isinstance(error, AuthError | RateLimited | ServerError) or error.status in TOO_WIDE
    otherwise = otherwise or is_about_limit(error)
    refused = HTTPStatus.BAD_REQUEST <= error.status < HTTPStatus.INTERNAL_SERVER_ERROR
    return sent and refused and error.from_api and not otherwise


def _stands_still(selection: Selection, ask: PageRequest, step: PageResult) -> bool:
    """Whether there is nothing in an answer but the promise of more of the same window."""
    if step.rows or step.next_cursor is None:
        return False
    return selection.endpoint.paging.ask(selection, step.next_cursor).window == ask.window


def _totals(selection: Selection, body: Body | None) -> dict[str, Any]:
    if body is None:
        return {}
    found = {name: body.members[name] for name in selection.endpoint.totals if name in body.members}
    for name, text in found.items():
        if len(memoryview(text)) > MAX_TOTALS_BYTES:
            raise BadResponse(
                f"{selection}: {name!r} of the answer is longer than {MAX_TOTALS_BYTES >> 10} KiB."
            )
        if _json.depth(text) > MAX_TOTALS_DEPTH:
            raise BadResponse(
                f"{selection}: {name!r} of the answer is nested deeper than {MAX_TOTALS_DEPTH} "
                "levels."
            )
    return {name: _total(selection, name, text) for name, text in found.items()}


def _total(selection: Selection, name: str, text: msgspec.Raw) -> Any:
    try:
        # As strictly as a manifest is read: no half characters, no number beyond all.
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise BadResponse(
            f"{selection}: {name!r} of the answer cannot be kept in a manifest: {error}."
        ) from error
