"""How a service is reached: checked once, before the first request."""

from __future__ import annotations

import ipaddress
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airflow_provider_docsanalytics.api import _proxies
from airflow_provider_docsanalytics.api._redact import LEAST_CHARS, Secret, redact, sanitize
from airflow_provider_docsanalytics.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

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


@dataclass(frozen=True, slots=True)
class Settings:
    """Base URL, key and transport options; neither the key nor proxies show in the ``repr``.

    Attributes:
        base_url: scheme, host and, if need be, a path; ``http`` only to a loopback address.
        project_id: the project to read where a call names none.
        timeout_s: seconds to connect, and seconds of silence while an answer is read.
        proxies: by the base URL's scheme: ``{"https": "http://proxy:3128"}``; ``""`` is none, also
            where the environment names one.
        verify: ``True``, ``False`` (no TLS check), or the path of a CA bundle.
        cert: path of a client certificate with its key.
        max_attempts: requests sent for one page before giving up.
        max_wait_s: seconds slept for one page between attempts before giving up.
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

    def __post_init__(self) -> None:
        _check_base_url(self.base_url)
        if not self.api_key:
            raise ConfigError("The connection has no key: put the API key into its password.")
        if not self.api_key.isascii() or not self.api_key.isprintable() or " " in self.api_key:
            # Such a key cannot be sent, and the HTTP library would quote it in its error.
            raise ConfigError(
                "The connection's password holds a space, a line break or another character that "
                "no API key has: paste the key again."
            )
        self._check_places()
        for scheme, url in (self.proxies or {}).items():
            self._check_proxy(scheme, url)
        if not 0 < self.timeout_s <= _LONGEST_TIMEOUT_S:
            raise ConfigError(
                f"timeout_s={self.timeout_s}: expected seconds, more than 0, at most "
                f"{_LONGEST_TIMEOUT_S:g}."
            )
        if self.max_attempts < 1:
            raise ConfigError(f"max_attempts={self.max_attempts}: expected 1 or more.")
        if self.max_wait_s < 0 or math.isnan(self.max_wait_s):
            raise ConfigError(f"max_wait_s={self.max_wait_s}: expected seconds, 0 or more.")

    @property
    def service(self) -> str:
        """The base URL in the one spelling that tells services apart."""
        parts = urlsplit(self.base_url)
        host = parts.netloc.lower().removesuffix(_USUAL_PORTS[parts.scheme.lower()])
        return f"{parts.scheme.lower()}://{host}{parts.path.rstrip('/')}"

    @property
    def encrypted(self) -> bool:
        """Whether requests travel inside TLS."""
        return self.base_url.lower().startswith("https://")

    def redact(self, text: str) -> str:
        """Return text without key and proxy passwords, in whatever encoding it shows them."""
        return redact(text, self._secrets())

    def sanitize(self, text: str, limit: int = _MESSAGE_CHARS) -> str:
        """Return text from outside as a message may quote it: no secret, one line, bounded."""
        return sanitize(text, self._secrets(), limit)

    def route(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Return the proxy of the next request by the base URL's scheme; ``""`` is none.

        Args:
            environment: proxies of the environment for the base URL, by scheme.

        Raises:
            ConfigError: the environment's is not a URL.
        """
        scheme = "https" if self.encrypted else "http"
        given = (self.proxies or {}).get(scheme)
        return {scheme: _proxies.of_environment(scheme, environment) if given is None else given}

    def _secrets(self) -> list[Secret]:
        """Return what no message may show; the environment is read each time, as for requests."""
        urls = [*(self.proxies or {}).values(), *_proxies.environment().values()]
        found = [secret for url in urls for secret in _proxies.secrets(url)]
        return [Secret(self.api_key), *dict.fromkeys(found)]

    def _check_places(self) -> None:
        """Refuse a key in a field that is written into logs, paths and manifests."""
        for field_name, value in (("host", self.base_url), ("login", self.project_id or "")):
            if len(self.api_key) >= LEAST_CHARS and self.api_key.lower() in value.lower():
                raise ConfigError(
                    f"The connection's {field_name} holds the key, which goes into the password "
                    "alone."
                )

    def _check_proxy(self, scheme: str, url: str) -> None:
        """Refuse a proxy that cannot work, or that would read the key; its URL is never quoted."""
        if scheme not in _USUAL_PORTS:
            raise ConfigError(
                f"The connection's proxies name {scheme!r}; known: http and https, the base URL's "
                "scheme."
            )
        if not url:
            return
        host = _proxies.checked_host(f"The connection's {scheme} proxy", url)
        if not self.encrypted and not _is_loopback(host):
            raise ConfigError(
                "The connection's host is http://, so that its proxy would read the key. Use "
                "https://, or a proxy on a loopback address."
            )


def _check_base_url(url: str) -> None:
    if "@" in url:  # and the URL is not quoted
        raise ConfigError(
            "The connection's host carries a user or a password; the key goes into the password."
        )
    if "?" in url or "#" in url:
        bare = re.split(r"[?#]", url)[0]  # what follows may be a key
        raise ConfigError(f"The connection's host must end before '?' or '#': {bare!r}.")
    parts = _BASE_URL.fullmatch(url)
    if parts is None or not 0 < int(parts["port"] or 1) <= _HIGHEST_PORT:
        raise ConfigError(
            f"The connection's host {url!r} is not a base URL: https://name[:port][/path], of "
            "ASCII letters, digits, '-', '_', '.' and '~', without '.' and '..' in the path."
        )
    if parts["scheme"].lower() == "http" and not _is_loopback(parts["host"]):
        raise ConfigError(
            f"The connection's host {url!r} would send the key unencrypted. Use https://; "
            "http:// is for loopback addresses only."
        )


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
