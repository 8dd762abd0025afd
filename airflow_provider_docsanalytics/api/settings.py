"""How to reach a service: base URL, key, timeouts, retries, proxies, TLS.

All of it is checked before the first request.
"""

from __future__ import annotations

import ipaddress
import math
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies

from airflow_provider_docsanalytics.api._redact import LEAST_CHARS, Secret, redact, sanitize
from airflow_provider_docsanalytics.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from urllib.parse import SplitResult

_MESSAGE_CHARS = 2000
_LONGEST_TIMEOUT_S = 3600.0
_HIGHEST_PORT = 65535
_USUAL_PORTS = {"http": ":80", "https": ":443"}
# Only what every URL parser reads in the same way: two that differ differ about the host.
_BASE_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9._-]+|\[[0-9a-f:.]+\])(:(?P<port>\d{1,5}))?"
    r"(/(?!\.\.?(/|$))[\w.~-]+)*/?",
    re.ASCII | re.IGNORECASE,
)
_IN_URL = re.compile(r"[\w.~:/\[\]-]", re.ASCII)
_WRITE = "Write https://name, then :port and /path if the service has them."
_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h", "socks4", "socks4a")
# Two parsers that read these differently differ about where the password ends.
_AMBIGUOUS = re.compile(r"[\s\\\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Settings:
    """Base URL, key and transport options; the ``repr`` shows neither the key nor proxies.

    Attributes:
        base_url: scheme, host and, if necessary, a path; ``http`` only to a loopback address.
        project_id: the default project.
        timeout_s: seconds to connect, and seconds without a byte while a response is read.
        proxies: by the base URL's scheme: ``{"https": "http://proxy:3128"}``; ``""`` is none, even
            if the environment names one.
        verify: ``True``, ``False`` (no TLS verification), or the path of a CA bundle.
        cert: path of a client certificate with its key.
        max_attempts: requests sent for one page before the client raises the error.
        max_wait_s: seconds slept for one page, between attempts, before the client raises the
            error.
        ledger: URL of the directory that holds the organisation's account of requests, if any; the
            client is handed the ledger itself.
        quota: for the ledger, as ``REQUESTS/SECONDS``; ``None`` is the platform's own.
        connection: ID of the Airflow connection, for messages.
    """

    base_url: str
    api_key: str = field(repr=False)
    project_id: str | None = None
    timeout_s: float = 30.0
    proxies: Mapping[str, str] | None = field(default=None, repr=False)
    verify: bool | str = True
    cert: str | None = None
    max_attempts: int = 5
    max_wait_s: float = 120.0
    ledger: str | None = None
    quota: str | None = None
    connection: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        _check_base_url(self.base_url)
        if not self.api_key:
            raise ConfigError("The connection has no key.\nSave the API key as its password.")
        if not self.api_key.isascii() or not self.api_key.isprintable() or " " in self.api_key:
            # Such a key cannot be sent, and the HTTP library would quote it in its error.
            raise ConfigError(
                "The connection's password holds a space, a line break or another character that "
                "no API key has.\nPaste the key again."
            )
        self._check_key_is_only_in_password()
        for scheme, url in (self.proxies or {}).items():
            self._check_proxy(scheme, url)
        if not 0 < self.timeout_s <= _LONGEST_TIMEOUT_S:
            raise ConfigError(
                f"timeout_s={self.timeout_s}: expected seconds, more than 0 and at most "
                f"{_LONGEST_TIMEOUT_S:g}.\nCorrect timeout_s in the connection's extra."
            )
        if self.max_attempts < 1:
            raise ConfigError(
                f"max_attempts={self.max_attempts}: expected 1 or more.\n"
                "Correct max_attempts in the connection's extra."
            )
        if self.max_wait_s < 0 or math.isnan(self.max_wait_s):
            raise ConfigError(
                f"max_wait_s={self.max_wait_s}: expected seconds, 0 or more.\n"
                "Correct max_wait_s in the connection's extra."
            )

    @property
    def service(self) -> str:
        """The base URL, normalized, so that it identifies the service."""
        parts = urlsplit(self.base_url)
        host = parts.netloc.lower().removesuffix(_USUAL_PORTS[parts.scheme.lower()])
        return f"{parts.scheme.lower()}://{host}{parts.path.rstrip('/')}"

    @property
    def place(self) -> str:
        """The service and the connection, for messages."""
        named = f" (connection {self.connection!r})" if self.connection else ""
        return f"{self.service}{named}"

    def place_of(self, project_id: str | None) -> str:
        """Return the service, the connection and the project, for messages."""
        named = [self.service]
        if self.connection:
            named.append(f"connection {self.connection!r}")
        if project_id:
            named.append(f"project {project_id!r}")
        return ", ".join(named)

    @property
    def encrypted(self) -> bool:
        """Whether requests use TLS."""
        return self.base_url.lower().startswith("https://")

    def redact(self, text: str) -> str:
        """Return text without the key and proxy passwords, in whatever encoding they appear."""
        return redact(text, self._secrets())

    def sanitize(self, text: str, limit: int = _MESSAGE_CHARS) -> str:
        """Return text from outside as a message may quote it: no secret, one line, bounded."""
        return sanitize(text, self._secrets(), limit)

    def proxies_for_request(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Return the proxy of the next request, by the base URL's scheme; ``""`` is none.

        Args:
            environment: proxies of the environment for the base URL, by scheme.

        Raises:
            ConfigError: the environment's proxy is not a URL.
        """
        scheme = "https" if self.encrypted else "http"
        given = (self.proxies or {}).get(scheme)
        return {scheme: _environment_proxy(scheme, environment) if given is None else given}

    def _secrets(self) -> list[Secret]:
        """Return what no message may show; the environment is read each time, as for requests."""
        urls = [*(self.proxies or {}).values(), *getproxies().values()]
        found = [secret for url in urls for secret in _proxy_secrets(url)]
        return [Secret(self.api_key), *dict.fromkeys(found)]

    def _check_key_is_only_in_password(self) -> None:
        """Refuse a key in a field that logs, paths and manifests show."""
        for field_name, value in (("host", self.base_url), ("login", self.project_id or "")):
            if len(self.api_key) >= LEAST_CHARS and self.api_key.lower() in value.lower():
                raise ConfigError(
                    f"The connection's {field_name} holds the key, which logs and manifests would "
                    "show.\nDelete it there: the key belongs in the password alone."
                )

    def _check_proxy(self, scheme: str, url: str) -> None:
        """Refuse a proxy that cannot work, or that could read the key; its URL is never quoted."""
        if scheme not in _USUAL_PORTS:
            raise ConfigError(
                f"The connection's proxies name {scheme!r}; known: http and https, the base URL's "
                "scheme.\nCorrect proxies in the connection's extra."
            )
        if not url:
            return
        host = _proxy_host(f"The connection's {scheme} proxy", url)
        if not self.encrypted and not _is_loopback(host):
            raise ConfigError(
                "The connection's host is http://, so that its proxy would read the key.\n"
                "Use https://, or a proxy on a loopback address."
            )


def _check_base_url(url: str) -> None:
    if "@" in url:  # and the URL is not quoted
        raise ConfigError(
            "The connection's host carries a user or a password.\n"
            "Remove them: the key belongs in the password field."
        )
    if "?" in url or "#" in url:
        bare = re.split(r"[?#]", url)[0]  # what follows may be a key
        raise ConfigError(
            f"The connection's host has a query or a fragment after {bare!r}.\n"
            "Remove everything from '?' or '#' on."
        )
    parts = _BASE_URL.fullmatch(url)
    if parts is None or not 0 < int(parts["port"] or 1) <= _HIGHEST_PORT:
        what, fix = next(_url_problems(url))
        raise ConfigError(f"The connection's host {url!r} is not a base URL: {what}.\n{fix}")
    if parts["scheme"].lower() == "http" and not _is_loopback(parts["host"]):
        raise ConfigError(
            f"The connection's host {url!r} would send the key unencrypted.\nUse https://; "
            "http:// is for loopback addresses only."
        )


def _url_problems(url: str) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with an invalid base URL, and what to do about it."""
    scheme, _, rest = url.partition("://")
    authority, _, path = rest.partition("/")
    name, colon, port = authority.rpartition(":")
    if scheme.lower() not in _USUAL_PORTS:
        yield f"it starts with {scheme}://", "Write https:// instead."
    if "://" in rest:
        yield "it has '://' twice", f"Write {scheme}:// once."
    if not authority or (colon and not name):
        yield f"no name follows {scheme}://", _WRITE
    for character in rest:
        if not _IN_URL.fullmatch(character):
            yield (
                f"it has {character!r}",
                "Remove it. Host and path have ASCII letters, digits, '-', '_', '.' and '~' only.",
            )
    if colon and "]" not in port and not (port.isdigit() and 0 < int(port) <= _HIGHEST_PORT):
        yield f"{port!r} is not a port", f"Write a number from 1 to {_HIGHEST_PORT}, or no ':'."
    if any(part in (".", "..") for part in path.split("/")):
        yield "its path has '.' or '..'", "Write the path that it leads to."
    if "" in path.removesuffix("/").split("/"):
        yield "its path has two slashes in a row", "Remove one. A template may be empty."
    yield f"{authority!r} is not a name or an address", _WRITE


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _environment_proxy(scheme: str, proxies: Mapping[str, str]) -> str:
    """Return the environment's proxy for a scheme, checked; ``""`` is none."""
    for name in (scheme, "all"):
        if url := proxies.get(name):
            _proxy_host(f"The environment's {_proxy_variable(name)}", url)
            return url
    return ""


def _proxy_host(whose: str, url: str) -> str:
    """Return the proxy's host; raise a :class:`ConfigError`, which does not quote the URL."""
    host = _unambiguous_host(url)
    if host is None:
        raise ConfigError(
            f"{whose} is not a URL. Its value is not shown, because it may hold a password.\n"
            f"Write http://[user:password@]name[:port]; schemes: {', '.join(_PROXY_SCHEMES)}. "
            "Percent-encode '#', '/', '?', '[', ']', '@' and '%' in user and password: '%23' for "
            "'#'."
        )
    return host


def _proxy_secrets(url: str) -> Iterator[Secret]:
    """Yield the secrets of a proxy's URL, even of an invalid one: the password, also decoded.

    A user name with a password is not a secret, one without is: it is a token.
    """
    given = url.partition("://")[2] or url
    # If the password or the path has an '@', it is unclear where the password ends.
    for info in {given.partition("@")[0], given.rpartition("@")[0]} if "@" in given else ():
        user, _, password = info.partition(":")
        for secret in {password or user, unquote(password or user)} - {""}:
            yield Secret(secret)
            # A short one is hard to recognize in base64 by itself.
            if password and len(secret) < LEAST_CHARS:
                yield Secret(f"{unquote(user)}:{secret}", in_parts=False)


def _unambiguous_host(url: str) -> str | None:
    """Return the host, or ``None`` if another parser might find another one, or none."""
    try:
        parts = _split(url)
        port = parts.port
        unquote(parts.netloc.rpartition("@")[0]).encode("latin-1")  # as it is sent
    except ValueError:  # also from an unparsable port
        return None
    elsewhere = f"{parts.path}{parts.query}{parts.fragment}"
    if parts.scheme not in _PROXY_SCHEMES or port == 0 or "@" in elsewhere:
        return None
    return None if _AMBIGUOUS.search(url) else parts.hostname


def _split(url: str) -> SplitResult:
    return urlsplit(url if "://" in url else f"http://{url}")


def _proxy_variable(scheme: str) -> str:
    """Return the name of the environment variable: lower case takes precedence."""
    names = [f"{scheme}_proxy", f"{scheme}_PROXY".upper()]
    return next((name for name in names if name in os.environ), f"{scheme} proxy")
