"""Sends one request and returns its response. ``requests`` is used only here and in what it uses.

:mod:`._deadline` bounds the time, :mod:`._response` reads the body, :mod:`._status` turns an error
status into an exception.
"""

from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING

import requests
import urllib3
from requests.auth import AuthBase

from airflow_provider_docsanalytics import __version__, _json
from airflow_provider_docsanalytics.api._deadline import Adapter, remaining_s, time_limit
from airflow_provider_docsanalytics.api._fields import refuse_error
from airflow_provider_docsanalytics.api._redact import LogFilter, redacted_errors, redacted_logs
from airflow_provider_docsanalytics.api._response import parse_body, read_body, read_error
from airflow_provider_docsanalytics.api._status import PROXY_LOGIN, error_for
from airflow_provider_docsanalytics.errors import (
    BadResponse,
    ConfigError,
    DocsAnalyticsError,
    Unreachable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_docsanalytics.api._deadline import Budget
    from airflow_provider_docsanalytics.api.endpoint import Body, Selection
    from airflow_provider_docsanalytics.api.settings import Settings

USER_AGENT = f"airflow-provider-docsanalytics/{__version__} {requests.utils.default_user_agent()}"
_EXCERPT_CHARS = 100
_NO_TUNNEL = "Tunnel connection failed: 407"
"""How ``http.client`` says that a proxy requires a login."""
for _name in ("connection", "connectionpool", "response", "util.retry"):
    logging.getLogger(f"urllib3.{_name}").addFilter(LogFilter())


class _Bearer(AuthBase):
    """Adds the key to a request, which happens only here; keeps ``.netrc`` from replacing it."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


class _Session(requests.Session):
    """Ignores redirects: ``requests`` would read their complete bodies, even unfollowed."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002 - the base class's signature
        return None


class Transport:
    """One keep-alive session with one service.

    Attributes:
        sent: requests sent so far, including failed ones.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.sent = 0
        self._session = _Session()
        # The environment's proxies could read what is not encrypted.
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
        """Return the response to one request, without its envelope, as :class:`Body`.

        Args:
            selection: what the request is for.
            url: without the query.
            query: the request's parameters.
            budget: the time that all attempts at this request share.

        Raises:
            DocsAnalyticsError: there is no usable response.
        """
        environment = requests.utils.get_environ_proxies(url) if self._settings.encrypted else {}
        proxies = self._settings.proxies_for_request(environment)
        self.sent += 1
        sanitize, response = self._settings.sanitize, None
        with redacted_logs(sanitize), redacted_errors(sanitize):
            with budget.attempt() as allowed_s:
                try:
                    with self._get(url, query, proxies) as response:
                        content = self._read(selection, response)
                except (OSError, urllib3.exceptions.HTTPError) as error:
                    # Not from it: the libraries' errors hold the request, and with it the key.
                    started = response is not None
                    failure = self._failure(selection, error, allowed_s, cut_off=started)
                    raise failure from None
            return _parse(selection, response, content, sanitize)

    def _get(
        self, url: str, query: Mapping[str, str], proxies: dict[str, str]
    ) -> requests.Response:
        settings = self._settings
        return self._session.get(
            url,
            params=query,
            timeout=min(settings.timeout_s, remaining_s()),
            allow_redirects=False,
            proxies=proxies,
            verify=settings.verify,
            cert=settings.cert,
            stream=True,
        )

    def _read(self, selection: Selection, response: requests.Response) -> bytes:
        """Return the body, or raise the error of the status, which counts before the body."""
        status = response.status_code
        if status == requests.codes.ok:
            return read_body(response, selection)
        with time_limit(self._settings.timeout_s):
            content, complete = read_error(response)
        raise error_for(
            status,
            response.headers,
            content,
            selection,
            self._settings.sanitize,
            reason=response.reason or "",
            complete=complete,
        )

    def _failure(
        self, selection: Selection, error: Exception, allowed_s: float, *, cut_off: bool
    ) -> DocsAnalyticsError:
        """Return the error to raise when no complete response has arrived."""
        if not remaining_s():
            tenths_s = round(allowed_s, 1)
            return Unreachable(
                f"{selection}: the response was not complete after {tenths_s:g} s.",
                "If the service is slow, set timeout_s in the connection's extra to a higher "
                "value.",
                cut_off=cut_off,
            )
        settings, cause = self._settings, self._settings.sanitize(_root_cause(error))
        if isinstance(error, requests.exceptions.SSLError):
            return Unreachable(
                f"{selection}: the TLS connection to {settings.place} failed: {cause}.",
                "If the service has a private CA, set verify in the connection's extra to the path "
                "of its bundle. If it is the simulator, write http:// in front of the host. Else "
                "check Base URL and Port.",
            )
        if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
            return ConfigError(
                f"The connection's host or proxies are not usable: {cause}.",
                "Correct them in the connection.",
            )
        if isinstance(error, requests.exceptions.RequestException | urllib3.exceptions.HTTPError):
            if isinstance(error, requests.exceptions.Timeout | urllib3.exceptions.TimeoutError):
                cause = f"timeout after {settings.timeout_s:g} s"
            action = "Check the connection's Base URL, Port, proxies and timeout_s."
            if _NO_TUNNEL in cause:
                action = PROXY_LOGIN
            if cut_off:
                return Unreachable(
                    f"{selection}: lost the connection to {settings.place}: {cause}.",
                    action,
                    cut_off=True,
                )
            return Unreachable(f"{selection}: cannot reach {settings.place}: {cause}.", action)
        return ConfigError(
            "verify or cert of the connection's extra, or REQUESTS_CA_BUNDLE, is not usable: "
            f"{cause}.",
            "Make sure that the file exists on this worker and is a PEM file.",
        )


def _root_cause(error: BaseException) -> str:
    """Return the innermost error, as text; the libraries' own texts quote the complete URL."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    if isinstance(error, ConnectionRefusedError | ConnectionResetError | socket.gaierror):
        return error.strerror or str(error)
    return f"{type(error).__name__}: {error}"


def _parse(
    selection: Selection,
    response: requests.Response,
    content: bytes,
    sanitize: Callable[[str, int], str],
) -> Body:
    try:
        return _unwrap(selection, parse_body(content, selection))
    except BadResponse as error:
        # Not from it: its own text is not sanitized.
        raise BadResponse(f"{selection}: {error.args[0]}", error.remedy) from None
    except _json.NotJson as error:
        if error.truncated and content:
            raise Unreachable(
                f"{selection}: the response was cut off after {len(content)} bytes.",
                "If it is always cut off there, check the proxies between this worker and the "
                "service.",
                cut_off=True,
            ) from error
        kind = sanitize(response.headers.get("Content-Type", "no content type"), _EXCERPT_CHARS)
        start = sanitize(content.decode(errors="replace"), _EXCERPT_CHARS)
        raise BadResponse(
            f"{selection}: expected a JSON object, got {kind}: {start!r} ({error}).",
            "Check the connection's host, and the proxies between this worker and the service.",
        ) from error


def _unwrap(selection: Selection, response: Body) -> Body:
    """Return what is in the envelope; neither may contain an error."""
    refuse_error(response, selection.endpoint)
    body = selection.platform.unwrap(response)
    refuse_error(body, selection.endpoint)
    return body
