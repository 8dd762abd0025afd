"""How a service is reached: checked once, before the first request."""

from __future__ import annotations

import ipaddress
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from airflow_provider_docsanalytics.api._shown import shown
from airflow_provider_docsanalytics.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from urllib.parse import SplitResult

_MESSAGE_CHARS = 2000
_LONGEST_TIMEOUT_S = 3600.0
_HIGHEST_PORT = 65535
_USUAL_PORTS = {"http": ":80", "https": ":443"}
_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")
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
        proxies: by the base URL's scheme: ``{"https": "http://proxy:3128"}``.
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
        for scheme, url in (self.proxies or {}).items():
            _check_proxy(self.base_url, scheme, url)
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

    def shown(self, text: str, limit: int = _MESSAGE_CHARS) -> str:
        """Return text from outside as a message may quote it: no secret, one line, bounded."""
        return shown(text, self._secrets(), limit)

    def _secrets(self) -> Iterator[str]:
        yield self.api_key
        for url in (self.proxies or {}).values():
            user, _, password = _split_proxy(url).netloc.rpartition("@")[0].partition(":")
            if password:
                yield from (password, unquote(password), f"{unquote(user)}:{unquote(password)}")


def _check_base_url(url: str) -> None:
    if "@" in url:  # and the URL is not quoted
        raise ConfigError(
            "The connection's host carries a user or a password; the key goes into the password."
        )
    if "?" in url or "#" in url:
        raise ConfigError(f"The connection's host {url!r} must end before '?' or '#'.")
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


def _check_proxy(base_url: str, scheme: str, url: str) -> None:
    """Refuse a proxy that cannot work, or that would read the key; its URL is never quoted."""
    if scheme not in ("http", "https"):
        raise ConfigError(
            f"The connection's proxies name {scheme!r}; known: http and https, the base URL's "
            "scheme."
        )
    try:
        parts = _split_proxy(url)
        usable = parts.scheme in _PROXY_SCHEMES and parts.hostname and parts.port != 0
    except ValueError:  # also from an unparsable port
        usable = None
    if not usable:
        raise ConfigError(
            f"The connection's {scheme} proxy is not a URL: http://[user:password@]name[:port]; "
            f"schemes: {', '.join(_PROXY_SCHEMES)}."
        )
    if base_url.lower().startswith("http:") and not _is_loopback(str(parts.hostname)):
        raise ConfigError(
            "The connection's host is http://, so that its proxy would read the key. Use https://, "
            "or a proxy on a loopback address."
        )


def _split_proxy(url: str) -> SplitResult:
    return urlsplit(url if "://" in url else f"http://{url}")


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
