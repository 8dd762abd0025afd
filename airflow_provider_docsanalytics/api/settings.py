"""How a service is reached: checked once, before the first request."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airflow_provider_docsanalytics.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Settings:
    """Base URL, key and transport options; neither the key nor proxies show in the ``repr``.

    Attributes:
        base_url: scheme, host and, if need be, a path; ``http`` only to a loopback address.
        project_id: the project to read where a call names none.
        timeout_s: seconds to connect, and seconds of silence while an answer is read.
        proxies: as ``requests`` takes them: ``{"https": "http://proxy:3128"}``.
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
        if self.timeout_s <= 0:
            raise ConfigError(f"timeout_s={self.timeout_s}: expected seconds, more than 0.")
        if self.max_attempts < 1:
            raise ConfigError(f"max_attempts={self.max_attempts}: expected 1 or more.")
        if self.max_wait_s < 0:
            raise ConfigError(f"max_wait_s={self.max_wait_s}: expected seconds, 0 or more.")


def _check_base_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # an unparsable port raises here
    except ValueError as error:
        raise ConfigError(f"The connection's host is not a base URL: {error}.") from error
    if parts.username or parts.password:
        raise ConfigError(
            "The connection's host carries a user or a password; the key goes into the password."
        )
    if parts.scheme not in ("http", "https") or not host:
        raise ConfigError(f"The connection's host {url!r} is not a base URL: https://name[/path].")
    if parts.query or parts.fragment:
        raise ConfigError(f"The connection's host {url!r} must end before '?' or '#'.")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ConfigError(
            f"The connection's host {url!r} would send the key unencrypted. Use https://; "
            "http:// is for loopback addresses only."
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
