"""Sends requests, checks answers, drives the paging. The only place that knows ``requests``."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec
import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

from airflow_provider_docsanalytics import __version__, rawjson
from airflow_provider_docsanalytics.api._answer import error_for, read_body
from airflow_provider_docsanalytics.api.endpoint import Body, Page
from airflow_provider_docsanalytics.errors import (
    BadResponse,
    ConfigError,
    DocsAnalyticsError,
    NotFound,
    RateLimited,
    ServerError,
    Unreachable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType
    from typing import Self

    from airflow_provider_docsanalytics.api.endpoint import Ask, Selection
    from airflow_provider_docsanalytics.api.settings import Settings

log = logging.getLogger(__name__)

USER_AGENT = f"airflow-provider-docsanalytics/{__version__} {requests.utils.default_user_agent()}"
MAX_EMPTY_PAGES = 10
"""Empty pages in a row that still say there is more, before the service is not believed."""

MAX_TOTALS_BYTES = 64 * 1024
"""Whole-response fields longer than this are not what the API promises: they go into XCom."""
_EXCERPT_CHARS = 100

_BACKOFF = wait_random_exponential(multiplier=1, max=60)
_QUOTA_BACKOFF = wait_random_exponential(multiplier=15, max=900, min=15)
"""For a 429 that does not say when to come back: each try may spend a request of the quota."""


class _Bearer(AuthBase):
    """The one place where the key meets a request; also keeps ``.netrc`` from replacing it."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


class _Session(requests.Session):
    """Knows no redirects: ``requests`` reads their bodies whole before it leaves them be."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002 - the base class's signature
        return None


class Client:
    """One keep-alive session with one service. Not for several threads at once.

    Attributes:
        requests_sent: requests sent so far, those included that failed or were refused.
    """

    def __init__(self, settings: Settings, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._settings = settings
        self._sleep = sleep
        self.requests_sent = 0
        self._session = _Session()
        # The environment's proxies would read what is not encrypted.
        self._session.trust_env = settings.encrypted
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

        A page is yielded only once the way on from it is known to be sound: a cursor that was seen
        before is a :class:`BadResponse`, and the page is not part of any export.
        """
        paging = selection.endpoint.paging
        seen = {cursor}
        empty = 0
        while not selection.is_empty:
            ask = _ask(selection, cursor)
            body = self._get(selection, ask)
            with self._quotable():
                step = paging.step(selection, cursor, body)
                totals = _totals(selection, body)
            if step.next_cursor in seen and step.next_cursor is not None:
                raise BadResponse(
                    f"{selection}: the service gave a cursor for the second time; following it "
                    "would go round for ever. Nothing was exported as complete; try again later."
                )
            empty = 0 if step.rows or body is None or ask.window != selection.window else empty + 1
            if empty > MAX_EMPTY_PAGES:
                raise BadResponse(f"{selection}: {empty} empty pages in a row that promise more.")
            yield Page(
                rows=step.rows,
                totals=totals,
                next_cursor=step.next_cursor,
                missing=(ask.thread_id,) if body is None else (),
            )
            if step.next_cursor is None:
                return
            cursor = step.next_cursor
            seen.add(cursor)

    def _get(self, selection: Selection, ask: Ask) -> Body | None:
        """Return the answer, sent for as often as the settings allow; ``None``: no such thread."""
        url, query = self._url(selection, ask), self._query(selection, ask)
        retrying = Retrying(
            retry=retry_if_exception(_is_transient),
            wait=_wait,
            stop=self._must_stop,
            before_sleep=_say_wait,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return retrying(self._send, selection, url, query)
        except NotFound:
            if ask.thread_id:
                log.warning("%s: no thread %s; listed as missing", selection, ask.thread_id)
                return None
            raise

    def _url(self, selection: Selection, ask: Ask) -> str:
        path = selection.endpoint.path.format(
            project_id=quote(selection.project_id or "", safe=""),
            thread_id=quote(ask.thread_id, safe=""),
        )
        return self._settings.base_url.rstrip("/") + path

    def _query(self, selection: Selection, ask: Ask) -> dict[str, str]:
        dates = selection.platform.dates(ask.window) if ask.window else {}
        return {**dates, **selection.filters, **ask.query}

    def _must_stop(self, state: RetryCallState) -> bool:
        settings = self._settings
        return (
            stop_after_attempt(settings.max_attempts)(state)
            or state.idle_for + state.upcoming_sleep > settings.max_wait_s
        )

    def _send(self, selection: Selection, url: str, query: Mapping[str, str]) -> Body:
        self.requests_sent += 1
        try:
            response, content = self._fetch(selection, url, query)
        except (OSError, urllib3.exceptions.HTTPError) as error:
            # The libraries' errors hold the request, and with it the key: the message must do.
            raise self._failure(selection, error) from None
        with self._quotable():
            if response.status_code != requests.codes.ok:
                raise error_for(response, content, selection, self._settings.shown)
            return _parse(selection, response, content, self._settings.shown)

    def _fetch(
        self, selection: Selection, url: str, query: Mapping[str, str]
    ) -> tuple[requests.Response, bytes]:
        settings = self._settings
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
            return response, read_body(response, selection, deadline_s=10 * settings.timeout_s)

    def _failure(self, selection: Selection, error: Exception) -> DocsAnalyticsError:
        """Return what it means that no answer came."""
        settings, cause = self._settings, self._settings.shown(_innermost(error))
        if isinstance(error, requests.exceptions.SSLError):
            return Unreachable(
                f"{selection}: the TLS connection failed ({cause}). If the service has "
                "a private CA, give its bundle as verify in the connection's extra."
            )
        if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
            return ConfigError(f"The connection's host or proxies are not usable: {cause}")
        if isinstance(error, requests.exceptions.RequestException | urllib3.exceptions.HTTPError):
            return Unreachable(
                f"{selection}: no whole answer ({cause}; time-out "
                f"{settings.timeout_s:g} s). A retry resumes where this attempt stopped."
            )
        return ConfigError(
            f"verify or cert of the connection's extra, or REQUESTS_CA_BUNDLE: {cause}"
        )

    @contextmanager
    def _quotable(self) -> Iterator[None]:
        """Make errors that quote the service fit for logs."""
        try:
            yield
        except DocsAnalyticsError as error:
            said = self._settings.shown
            error.args = tuple(said(arg) if isinstance(arg, str) else arg for arg in error.args)
            raise


def _ask(selection: Selection, cursor: str | None) -> Ask:
    try:
        return selection.endpoint.paging.ask(selection, cursor)
    except (ValueError, LookupError, RecursionError, msgspec.MsgspecError) as error:
        raise ConfigError(
            f"{selection}: {str(cursor)[:_EXCERPT_CHARS]!r} is no cursor that this endpoint gave; "
            "start without one (an export: delete its _checkpoint.json)."
        ) from error


def _innermost(error: BaseException) -> str:
    """Return what went wrong at the bottom; the libraries' own texts quote the whole URL."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return f"{type(error).__name__}: {error}"


def _parse(
    selection: Selection,
    response: requests.Response,
    content: bytes,
    shown: Callable[[str, int], str],
) -> Body:
    try:
        return selection.platform.open_envelope(Body.parse(content))
    except rawjson.NotJson as error:
        if error.truncated and content:
            raise Unreachable(
                f"{selection}: the answer was cut off after {len(content)} bytes. A retry resumes "
                "where this attempt stopped."
            ) from error
        kind = shown(response.headers.get("Content-Type", "no content type"), _EXCERPT_CHARS)
        start = shown(content.decode(errors="replace"), _EXCERPT_CHARS)
        raise BadResponse(
            f"{selection}: expected a JSON object, got {kind}: {start!r} ({error}). Check the base "
            "URL, and what stands between here and the service."
        ) from error


def _totals(selection: Selection, body: Body | None) -> dict[str, Any]:
    if body is None:
        return {}
    found = {name: body.members[name] for name in selection.endpoint.totals if name in body.members}
    for name, text in found.items():
        if len(bytes(text)) > MAX_TOTALS_BYTES:
            raise BadResponse(
                f"{selection}: {name!r} of the answer is longer than {MAX_TOTALS_BYTES >> 10} KiB."
            )
    return {name: rawjson.value(text) for name, text in found.items()}


def _is_transient(error: BaseException) -> bool:
    return isinstance(error, RateLimited | ServerError | Unreachable)


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    told = getattr(error, "retry_after_s", None)
    backoff = _BACKOFF(state)
    if told is not None:
        # A little more than told: several tasks wait for the same moment.
        return float(told) + min(backoff, 5.0)
    return _QUOTA_BACKOFF(state) if isinstance(error, RateLimited) else backoff


def _say_wait(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.warning("%s Attempt %d; waiting %.1f s", error, state.attempt_number, state.upcoming_sleep)
