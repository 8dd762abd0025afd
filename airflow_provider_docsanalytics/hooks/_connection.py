"""What a connection of ours looks like: one description for both kinds of form, and its reading.

No Airflow in here: Airflow reads the provider's metadata, and with it this, at every start.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_docsanalytics.api.settings import Settings
from airflow_provider_docsanalytics.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_docsanalytics.api.endpoint import Platform


class ConnectionLike(Protocol):
    """The fields of an Airflow connection that are read."""

    host: str | None
    port: int | None
    login: str | None
    password: str | None


@dataclass(frozen=True, slots=True)
class ExtraField:
    """One key of the extra: its place in the form, and how its value is read.

    The form's types are text and number alone: a tick box left alone would say ``verify: false``.
    """

    label: str
    help: str
    type: str
    read: Callable[[Any], Any]


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise ValueError("expected a number")  # noqa: TRY004 - one kind for all readers
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("expected a finite number")
    return number


def _whole(value: Any) -> int:
    number = _number(value)
    if number != int(number):
        raise ValueError("expected a whole number")
    return int(number)


def _proxies(value: Any) -> dict[str, str]:
    if isinstance(value, str) and not value.lstrip().startswith("{"):
        return {"http": value, "https": value}
    mapping = json.loads(value) if isinstance(value, str) else value
    if not isinstance(mapping, dict) or not all(
        url is None or isinstance(url, str) for url in mapping.values()
    ):
        raise ValueError('expected a URL, or an object like {"https": "http://proxy:3128"}')
    return {scheme: (url or "").strip() for scheme, url in mapping.items()}


def _verify(value: Any) -> bool | str:
    words = {"true": True, "false": False}
    return words.get(str(value).strip().lower(), str(value))


EXTRA_FIELDS: Mapping[str, ExtraField] = {
    "timeout_s": ExtraField(
        "Timeout (seconds)",
        "To connect, and of silence while an answer is read. Default 30.",
        "number",
        _number,
    ),
    "max_attempts": ExtraField(
        "Attempts per page",
        "Requests sent for one page before giving up. Default 5.",
        "integer",
        _whole,
    ),
    "max_wait_s": ExtraField(
        "Longest wait (seconds)",
        "Slept in the worker for one page between attempts before giving up. Default 120.",
        "number",
        _number,
    ),
    "proxies": ExtraField(
        "Proxy",
        'A URL, or an object: {"https": "http://proxy:3128"}. {"https": ""}: none, whatever the '
        "environment says.",
        "string",
        _proxies,
    ),
    "verify": ExtraField(
        "TLS verification", "true (default), false, or the path of a CA bundle.", "string", _verify
    ),
    "cert": ExtraField(
        "Client certificate", "Path of a PEM file with certificate and key.", "string", str
    ),
}


def relabeling(platform: Platform) -> dict[str, str]:
    """Return the form's labels for Airflow's own fields."""
    login = {"login": "Default project ID"} if platform.has_projects else {}
    return {"host": "Base URL", "port": "Port (optional)", **login, "password": "API key"}


def placeholders(platform: Platform) -> dict[str, str]:
    """Return what the form's empty fields show."""
    key = "mint_… (an admin key)" if platform.has_projects else "the key, without 'Bearer'"
    login = {"login": "from the API keys page"} if platform.has_projects else {}
    return {"host": platform.default_url, "port": "443", **login, "password": key}


def hidden_fields(platform: Platform) -> list[str]:
    """Return Airflow's own fields that mean nothing here."""
    return ["schema", *([] if platform.has_projects else ["login"])]


def read_settings(
    platform: Platform, connection: ConnectionLike, extra: Mapping[str, Any]
) -> Settings:
    """Return the connection's settings, all checked; raises :class:`ConfigError` by field."""
    prefix = f"extra__{platform.name}__"  # Test in the form of Airflow 2 says each key twice
    extra = {name.removeprefix(prefix): value for name, value in extra.items()}
    unknown = sorted(set(extra) - set(EXTRA_FIELDS))
    if unknown:
        raise ConfigError(
            f"The connection's extra has an unknown key {unknown[0]!r}; "
            f"known: {', '.join(EXTRA_FIELDS)}."
        )
    options = {}
    for name, value in extra.items():
        if value is None or value == "":  # a form field left empty
            continue
        try:
            options[name] = EXTRA_FIELDS[name].read(value)
        except (TypeError, ValueError, OverflowError) as error:
            # Not from it: the error of a JSON decoder holds the whole document.
            raise ConfigError(
                f"The connection's extra: {name} cannot be read ({error}). "
                f"{EXTRA_FIELDS[name].help}"
            ) from None
    key = (connection.password or "").strip()
    settings = Settings(
        base_url=_base_url(platform, connection),
        api_key=key,
        project_id=(connection.login or "").strip() or None,
        **options,
    )
    platform.check_key(key)
    return settings


def _base_url(platform: Platform, connection: ConnectionLike) -> str:
    host = (connection.host or "").strip() or platform.default_url
    if "://" not in host:
        host = f"https://{host}"
    scheme, _, rest = host.partition("://")
    name, slash, path = rest.partition("/")
    port = connection.port
    if not port or _is_port_of(scheme, name, port):
        return host
    return f"{scheme}://{name}:{port}{slash}{path}"


def _is_port_of(scheme: str, name: str, port: int) -> bool:
    """Say whether a URL means this port anyway: then adding it would only rename the service."""
    written = name.rpartition("]")[2].partition(":")[2]  # behind an IPv6 address, if it is one
    if written:
        return written == str(port)
    return port == {"http": 80, "https": 443}.get(scheme.lower())
