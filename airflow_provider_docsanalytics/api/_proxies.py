"""Proxies as URLs: of the connection and of the environment, which is read for each request."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies

from airflow_provider_docsanalytics.api._redact import LEAST_CHARS, Secret
from airflow_provider_docsanalytics.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from urllib.parse import SplitResult

_SCHEMES = ("http", "https", "socks5", "socks5h", "socks4", "socks4a")
# Two parsers that read these differently differ about where the password ends.
_AMBIGUOUS = re.compile(r"[\s\\\x00-\x1f\x7f]")


def environment() -> Mapping[str, str]:
    """Return the URLs of the environment's proxies, by scheme or ``all``."""
    return getproxies()


def of_environment(scheme: str, proxies: Mapping[str, str]) -> str:
    """Return the one of the environment's proxies that is for a scheme, checked; ``""``: none."""
    for name in (scheme, "all"):
        if url := proxies.get(name):
            checked_host(f"The environment's {_variable(name)}", url)
            return url
    return ""


def checked_host(whose: str, url: str) -> str:
    """Return the proxy's host; raise a :class:`ConfigError`, which does not quote the URL."""
    host = _host(url)
    if host is None:
        raise ConfigError(
            f"{whose} is not a URL: http://[user:password@]name[:port]; schemes: "
            f"{', '.join(_SCHEMES)}. It is not shown, since it may hold a password. Write '#', "
            "'/', '?', '[', ']', '@' and '%' in user and password percent-encoded: '%23' for '#'."
        )
    return host


def secrets(url: str) -> Iterator[Secret]:
    """Yield what is secret in a proxy's URL, even a bad one: the password, as it is and decoded.

    A user with a password is no secret by itself, one without is: it is a token.
    """
    given = url.partition("://")[2] or url
    # Where the password ends cannot be told if it has an '@', and a path has one, too.
    for info in {given.partition("@")[0], given.rpartition("@")[0]} if "@" in given else ():
        user, _, password = info.partition(":")
        for secret in {password or user, unquote(password or user)} - {""}:
            yield Secret(secret)
            # In base64 a short one hardly shows by itself.
            if password and len(secret) < LEAST_CHARS:
                yield Secret(f"{unquote(user)}:{secret}", in_parts=False)


def _host(url: str) -> str | None:
    """Return the host, or ``None`` where another parser might find another, or none."""
    try:
        parts = _split(url)
        port = parts.port
        unquote(parts.netloc.rpartition("@")[0]).encode("latin-1")  # as it is sent
    except ValueError:  # also from an unparsable port
        return None
    elsewhere = f"{parts.path}{parts.query}{parts.fragment}"
    if parts.scheme not in _SCHEMES or port == 0 or "@" in elsewhere or _AMBIGUOUS.search(url):
        return None
    return parts.hostname


def _split(url: str) -> SplitResult:
    return urlsplit(url if "://" in url else f"http://{url}")


def _variable(scheme: str) -> str:
    """Return the name of the variable that names the proxy: the small one goes first."""
    names = [f"{scheme}_proxy", f"{scheme}_PROXY".upper()]
    return next((name for name in names if name in os.environ), f"{scheme} proxy")
