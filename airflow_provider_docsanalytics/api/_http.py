"""Sends one request and reads the answer. With ``_answer``, all that knows ``requests``."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import requests
import urllib3
from requests.auth import AuthBase

from airflow_provider_docsanalytics import __version__, _json
from airflow_provider_docsanalytics.api._deadline import Adapter, at_most, left_s
from airflow_provider_docsanalytics.api._fields import refuse_error
from airflow_provider_docsanalytics.api._redact import LogFilter, redacted_errors, redacted_logs
from airflow_provider_docsanalytics.api._response import read_body, read_error
from airflow_provider_docsanalytics.api._status import error_for
from airflow_provider_docsanalytics.api.endpoint import Body
from airflow_provider_docsanalytics.errors import (
    BadResponse,
    ConfigError,
    DocsAnalyticsError,
    Unreachable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_docsanalytics.api._deadline import Budget
    from airflow_provider_docsanalytics.api.endpoint import Selection
    from airflow_provider_docsanalytics.api.settings import Settings

USER_AGENT = f"airflow-provider-docsanalytics/{__version__} {requests.utils.default_user_agent()}"
_EXCERPT_CHARS = 100
for _name in ("connection", "connectionpool", "response", "util.retry"):
    logging.getLogger(f"urllib3.{_name}").addFilter(LogFilter())


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
        environment = requests.utils.get_environ_proxies(url) if self._settings.encrypted else {}
        proxies = self._settings.route(environment)
        self.sent += 1
        fit, response = self._settings.sanitize, None
        with redacted_logs(fit), redacted_errors(fit):
            with budget.attempt() as allowed_s:
                try:
                    with self._get(url, query, proxies) as response:
                        content = self._read(selection, response)
                except (OSError, urllib3.exceptions.HTTPError) as error:
                    # The libraries' errors hold the request, and with it the key.
                    begun = response is not None
                    failure = self._failure(selection, error, allowed_s, cut_off=begun)
                    raise failure from None
            return _parse(selection, response, content, fit)

    def _get(
        self, url: str, query: Mapping[str, str], proxies: dict[str, str]
    ) -> requests.Response:
        settings = self._settings
        return self._session.get(
            url,
            params=query,
            timeout=min(settings.timeout_s, left_s()),
            allow_redirects=False,
            proxies=proxies,
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
            self._settings.sanitize,
            reason=response.reason or "",
            whole=whole,
        )

    def _failure(
        self, selection: Selection, error: Exception, allowed_s: float, *, cut_off: bool
    ) -> DocsAnalyticsError:
        """Return what it means that no answer came."""
        if not left_s():
            tenths_s = round(allowed_s, 1)
            return Unreachable(
                f"{selection}: the answer was not complete after {tenths_s:g} s. A retry "
                "resumes where this attempt stopped; for a slow service set timeout_s in the "
                "connection's extra.",
                cut_off=cut_off,
            )
        settings, cause = self._settings, self._settings.sanitize(_innermost(error))
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
                f"{settings.timeout_s:g} s). A retry resumes where this attempt stopped.",
                cut_off=cut_off,
            )
        return ConfigError(
            f"verify or cert of the connection's extra, or REQUESTS_CA_BUNDLE: {cause}"
        )


def _innermost(error: BaseException) -> str:
    """Return what went wrong at the bottom; the libraries' own texts quote the whole URL."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return f"{type(error).__name__}: {error}"


def _parse(
    selection: Selection,
    response: requests.Response,
    content: bytes,
    sanitize: Callable[[str, int], str],
) -> Body:
    try:
        return _opened(selection, Body.parse(content))
    except BadResponse as error:
        # Not from it: its own text is not made fit for logs.
        raise BadResponse(f"{selection}: {error.args[0]}", error.remedy) from None
    except _json.NotJson as error:
        if error.truncated and content:
            raise Unreachable(
                f"{selection}: the answer was cut off after {len(content)} bytes. A retry resumes "
                "where this attempt stopped.",
                cut_off=True,
            ) from error
        kind = sanitize(response.headers.get("Content-Type", "no content type"), _EXCERPT_CHARS)
        start = sanitize(content.decode(errors="replace"), _EXCERPT_CHARS)
        raise BadResponse(
            f"{selection}: expected a JSON object, got {kind}: {start!r} ({error}).",
            "Check the connection's host, and what stands between here and the service; a retry "
            "resumes where this attempt stopped.",
        ) from error


def _opened(selection: Selection, answer: Body) -> Body:
    """Return what is in the envelope; neither it nor what is in it may speak of an error."""
    refuse_error(answer, selection.endpoint)
    body = selection.platform.unwrap(answer)
    refuse_error(body, selection.endpoint)
    return body
