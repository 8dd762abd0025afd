"""Sends one request and reads the answer. With ``_answer``, all that knows ``requests``."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import requests
import urllib3
from requests.auth import AuthBase

from airflow_provider_docsanalytics import __version__, rawjson
from airflow_provider_docsanalytics.api._answer import read_body, read_error
from airflow_provider_docsanalytics.api._deadline import Adapter, at_most, left_s
from airflow_provider_docsanalytics.api._status import error_for
from airflow_provider_docsanalytics.api.endpoint import Body
from airflow_provider_docsanalytics.api.members import refuse_error
from airflow_provider_docsanalytics.errors import (
    BadResponse,
    ConfigError,
    DocsAnalyticsError,
    Unreachable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from airflow_provider_docsanalytics.api._deadline import Budget
    from airflow_provider_docsanalytics.api.endpoint import Selection
    from airflow_provider_docsanalytics.api.settings import Settings

USER_AGENT = f"airflow-provider-docsanalytics/{__version__} {requests.utils.default_user_agent()}"
_EXCERPT_CHARS = 100


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


class Transport:
    """One keep-alive session with one service.

    Attributes:
        sent: requests sent so far, those included that failed or were refused.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.sent = 0
        self._session = _Session()
        # The environment's proxies would read what is not encrypted.
        self._session.trust_env = settings.encrypted
        self._session.mount("https://", Adapter(pool_maxsize=1))
        self._session.mount("http://", Adapter(pool_maxsize=1))
        self._session.headers.update(
            {
                "User-Agent": USER_AGENT,
                "Accept": "application/json",
                "Accept-Encoding": "gzip",
            }
        )
        self._session.auth = _Bearer(settings.api_key)

    def close(self) -> None:
        """Close the pooled connections."""
        self._session.close()

    def send(
        self, selection: Selection, url: str, query: Mapping[str, str], budget: Budget
    ) -> Body:
        """Return the answer to one request, opened and parsed.

        Args:
            selection: what is asked for.
            url: where.
            query: the request's parameters.
            budget: the time that this attempt and those before and after it share.

        Raises:
            DocsAnalyticsError: whatever else came of it.
        """
        self.sent += 1
        with self.quotable():
            with budget.attempt() as allowed_s:
                try:
                    with self._get(url, query) as response:
                        content = self._read(selection, response)
                except (OSError, urllib3.exceptions.HTTPError) as error:
                    # The libraries' errors hold the request, and with it the key.
                    raise self._failure(selection, error, allowed_s) from None
            return _parse(selection, response, content, self._settings.shown)

    def _get(self, url: str, query: Mapping[str, str]) -> requests.Response:
        settings = self._settings
        return self._session.get(
            url,
            params=query,
            timeout=min(settings.timeout_s, left_s()),
            allow_redirects=False,
            proxies=dict(settings.proxies or {}),
            verify=settings.verify,
            cert=settings.cert,
            stream=True,
        )

    def _read(self, selection: Selection, response: requests.Response) -> bytes:
        """Return the body, or raise what the status means: it is judged before the body."""
        status = response.status_code
        if status == requests.codes.ok:
            return read_body(response, selection)
        with at_most(self._settings.timeout_s):
            content, whole = read_error(response)
        raise error_for(
            status,
            response.headers,
            content,
            selection,
            self._settings.shown,
            reason=response.reason or "",
            whole=whole,
        )

    def _failure(
        self, selection: Selection, error: Exception, allowed_s: float
    ) -> DocsAnalyticsError:
        """Return what it means that no answer came."""
        if not left_s():
            tenths_s = round(allowed_s, 1)
            return Unreachable(
                f"{selection}: the answer was not complete after {tenths_s:g} s. A retry "
                "resumes where this attempt stopped; for a slow service set timeout_s in the "
                "connection's extra."
            )
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
    def quotable(self) -> Iterator[None]:
        """Make errors that quote the service fit for logs."""
        try:
            yield
        except DocsAnalyticsError as error:
            said = self._settings.shown
            error.args = tuple(said(arg) if isinstance(arg, str) else arg for arg in error.args)
            raise


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
        return _opened(selection, Body.parse(content))
    except BadResponse as error:
        # Not from it: its own text is not made fit for logs.
        raise BadResponse(f"{selection}: {error.args[0]}", error.remedy) from None
    except rawjson.NotJson as error:
        if error.truncated and content:
            raise Unreachable(
                f"{selection}: the answer was cut off after {len(content)} bytes. A retry resumes "
                "where this attempt stopped."
            ) from error
        kind = shown(response.headers.get("Content-Type", "no content type"), _EXCERPT_CHARS)
        start = shown(content.decode(errors="replace"), _EXCERPT_CHARS)
        raise BadResponse(
            f"{selection}: expected a JSON object, got {kind}: {start!r} ({error}).",
            "Check the connection's host, and what stands between here and the service; a retry "
            "resumes where this attempt stopped.",
        ) from error


def _opened(selection: Selection, answer: Body) -> Body:
    """Return what is in the envelope; neither it nor what is in it may speak of an error."""
    refuse_error(answer, selection.endpoint)
    body = selection.platform.open_envelope(answer)
    refuse_error(body, selection.endpoint)
    return body
