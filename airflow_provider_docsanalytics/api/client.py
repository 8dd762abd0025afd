"""Sends requests, checks answers, drives the paging. The only place that knows ``requests``."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from airflow_provider_docsanalytics import __version__
from airflow_provider_docsanalytics.api import rawjson
from airflow_provider_docsanalytics.api._answer import error_for, read_body
from airflow_provider_docsanalytics.api._retry import attempts, too_wide
from airflow_provider_docsanalytics.api.endpoint import Body, Page
from airflow_provider_docsanalytics.errors import (
    ApiError,
    BadResponse,
    ConfigError,
    CursorLost,
    NotFound,
    TooWide,
    Unreachable,
)
from airflow_provider_docsanalytics.trail import Trail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType
    from typing import Self

    from airflow_provider_docsanalytics.api.endpoint import Ask, Selection, Step
    from airflow_provider_docsanalytics.api.settings import Settings

    _Answered = tuple[str | None, Ask, Body | None]

log = logging.getLogger(__name__)

USER_AGENT = f"airflow-provider-docsanalytics/{__version__} {requests.utils.default_user_agent()}"
MAX_EMPTY_PAGES = 10
"""Empty pages in a row that still say there is more, before the service is not believed."""


class _Bearer(AuthBase):
    """The one place where the key meets a request; also keeps ``.netrc`` from replacing it."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


class Client:
    """One keep-alive session with one service. Not for several threads at once.

    Attributes:
        requests_sent: requests sent so far, those included that failed or were refused.
    """

    def __init__(self, settings: Settings, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._settings = settings
        self._sleep = sleep
        self.requests_sent = 0
        self._session = requests.Session()
        self._session.mount("https://", HTTPAdapter(pool_maxsize=1))
        self._session.mount("http://", HTTPAdapter(pool_maxsize=1))
        self._session.headers.update(
            {
                "User-Agent": USER_AGENT,
                "Accept": "application/json",
                "Accept-Encoding": "gzip, deflate",
            }
        )
        self._session.auth = _Bearer(settings.api_key)

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

    def close(self) -> None:
        """Close the pooled connections."""
        self._session.close()

    def iter_pages(self, selection: Selection, cursor: str | None = None) -> Iterator[Page]:
        """Yield the selection's pages from ``cursor`` on, one request each, until its end.

        A page is yielded only once the way on from it is known to be sound: a page or a cursor that
        was there before is a :class:`BadResponse`, and the page is not part of any export.

        Raises:
            CursorLost: the service does not know ``cursor`` any more; nothing was yielded.
        """
        if selection.is_empty:
            return
        paging = selection.endpoint.paging
        trail = Trail(str(selection))
        trail.start(cursor)
        empty = 0
        answered = self._first_answer(selection, cursor)
        while True:
            cursor, ask, body = answered
            step = paging.step(selection, cursor, body)
            trail.follow(step.rows, step.next_cursor)
            empty = empty + 1 if body is not None and _stands_still(selection, ask, step) else 0
            if empty > MAX_EMPTY_PAGES:
                raise BadResponse(f"{selection}: {empty} empty pages in a row that promise more.")
            yield Page(
                rows=step.rows,
                totals=_totals(selection, body),
                next_cursor=step.next_cursor,
                missing=(ask.thread_id,) if body is None else (),
            )
            if step.next_cursor is None:
                return
            answered = self._answer(selection, step.next_cursor)

    def _first_answer(self, selection: Selection, cursor: str | None) -> _Answered:
        """Return the answer where a reading begins; its cursor may be from long ago."""
        try:
            return self._answer(selection, cursor)
        except ApiError as error:
            asked = selection.endpoint.paging.ask(selection, cursor).query
            if error.status == requests.codes.bad_request and "cursor" in asked:
                raise CursorLost(
                    f"{selection}: the cursor to go on from is refused (HTTP {error.status}: "
                    f"{error.detail}). Read again from the beginning, without a cursor."
                ) from error
            raise

    def _answer(self, selection: Selection, cursor: str | None) -> _Answered:
        """Return the answer at the cursor, or that at narrower windows, with the cursor of it."""
        paging = selection.endpoint.paging
        while True:
            ask = paging.ask(selection, cursor)
            # A single attempt is a single request: nothing else is asked in its place.
            alone = self._settings.max_attempts == 1
            narrowed = None if alone else paging.narrowed(selection, cursor)
            try:
                return cursor, ask, self._get(selection, ask, narrows=narrowed is not None)
            except TooWide as error:
                if narrowed is None:
                    raise
                log.warning(
                    "%s: HTTP %d for %s; asking for its halves instead",
                    selection,
                    error.status,
                    ask.window,
                )
                cursor = narrowed

    def _get(self, selection: Selection, ask: Ask, *, narrows: bool) -> Body | None:
        """Return the answer, sent for as often as the settings allow; ``None``: no such thread."""
        url, query = self._url(selection, ask), self._query(selection, ask)
        try:
            return attempts(self._settings, self._sleep, narrows=narrows)(
                self._send, selection, url, query
            )
        except NotFound:
            if ask.thread_id:
                log.warning("%s: no thread %s; listed as missing", selection, ask.thread_id)
                return None
            raise
        except ApiError as error:
            wide = too_wide(error, ask)
            if wide is None:
                raise
            raise wide from error

    def _url(self, selection: Selection, ask: Ask) -> str:
        path = selection.endpoint.path.format(
            project_id=quote(selection.project_id or "", safe=""),
            thread_id=quote(ask.thread_id, safe=""),
        )
        return self._settings.base_url.rstrip("/") + path

    def _query(self, selection: Selection, ask: Ask) -> dict[str, str]:
        dates = selection.platform.dates(ask.window) if ask.window else {}
        return {**dates, **selection.filters, **ask.query}

    def _send(self, selection: Selection, url: str, query: Mapping[str, str]) -> Body:
        settings = self._settings
        self.requests_sent += 1
        try:
            with self._session.get(
                url,
                params=query,
                timeout=(settings.timeout_s, settings.timeout_s),
                allow_redirects=False,
                proxies=dict(settings.proxies or {}),
                verify=settings.verify,
                cert=settings.cert,
                stream=True,
            ) as response:
                content = read_body(response, selection, deadline_s=10 * settings.timeout_s)
        except requests.exceptions.SSLError as error:
            raise Unreachable(
                f"{selection}: the TLS connection failed ({_innermost(error)}). If the service has "
                "a private CA, give its bundle as verify in the connection's extra."
            ) from error
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
            raise ConfigError(
                f"The connection's host or proxies are not usable: {error}"
            ) from error
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            raise Unreachable(
                f"{selection}: no whole answer ({_innermost(error)}; time-out "
                f"{settings.timeout_s:g} s). A retry resumes where this attempt stopped."
            ) from error
        except OSError as error:
            raise ConfigError(f"verify or cert of the connection's extra: {error}") from error
        if response.status_code != requests.codes.ok:
            raise error_for(response, content, selection)
        return _parse(selection, response, content)


def _stands_still(selection: Selection, ask: Ask, step: Step) -> bool:
    """Whether there is nothing in an answer but the promise of more of the same window."""
    if step.rows or step.next_cursor is None:
        return False
    return selection.endpoint.paging.ask(selection, step.next_cursor).window == ask.window


def _innermost(error: BaseException) -> str:
    """Return what went wrong at the bottom; the libraries' own texts quote the whole URL."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return f"{type(error).__name__}: {error}"


def _parse(selection: Selection, response: requests.Response, content: bytes) -> Body:
    try:
        return selection.platform.open_envelope(Body.parse(content))
    except BadResponse as error:
        raise BadResponse(f"{selection}: {error.args[0]}", error.remedy) from error
    except rawjson.NotJson as error:
        if error.truncated and content:
            raise Unreachable(
                f"{selection}: the answer was cut off after {len(content)} bytes. A retry resumes "
                "where this attempt stopped."
            ) from error
        kind = response.headers.get("Content-Type", "no content type")
        start = content[:100].decode(errors="replace")
        raise BadResponse(
            f"{selection}: expected a JSON object, got {kind}: {start!r} ({error}).",
            "Check the connection's host, and what stands between here and the service; a retry "
            "resumes where this attempt stopped.",
        ) from error


def _totals(selection: Selection, body: Body | None) -> dict[str, Any]:
    if body is None:
        return {}
    names = selection.endpoint.totals
    return {name: rawjson.value(body.members[name]) for name in names if name in body.members}
