"""The connection's fields: their form, in Airflow 2 and 3, and how their values are read.

No Airflow in here: Airflow imports this with the provider's metadata at every start. The forms of
Airflow before 3.2 need WTForms and Flask AppBuilder, which :func:`form_widgets` imports.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

import msgspec

from airflow_provider_docsanalytics.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_docsanalytics.api.endpoint import Platform
    from airflow_provider_docsanalytics.api.settings import Settings

_SECRET = "proxies"  # noqa: S105 - its URL may hold a password
_UNCHANGED = "RATHER_LONG_SENSITIVE_FIELD_PLACEHOLDER"
"""Airflow 2 reads this as: keep the stored value. An empty field would delete it."""
_SCHEMA_CHARS = 100
_PORT_DIGITS = 20


class ConnectionLike(Protocol):
    """The fields of an Airflow connection that this provider reads."""

    host: str | None
    port: int | None
    schema: str | None
    login: str | None
    password: str | None


class ExtraField(msgspec.Struct, frozen=True):
    """One key of the extra: its form field, and how its value is read.

    Form fields are text or number: a checkbox that nobody touches would save ``verify: false``.
    """

    label: str
    help: str
    type: str
    read: Callable[[Any], Any]


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise ValueError("expected a number")  # noqa: TRY004 - the same error for all readers
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("expected a finite number")
    return number


def _integer(value: Any) -> int:
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


def _quota(value: Any) -> str:
    from airflow_provider_docsanalytics.quota.account import Quota

    return str(Quota.parse(str(value)))


def _ledger(value: Any) -> str:
    if not isinstance(value, str) or not (value.startswith("/") or "://" in value):
        raise ValueError("expected an absolute path, or a URL")
    return value.rstrip("/")


EXTRA_FIELDS: Mapping[str, ExtraField] = {
    "timeout_s": ExtraField(
        "Timeout (seconds)",
        "To connect, and without a byte while a response is read. Default 30.",
        "number",
        _number,
    ),
    "max_attempts": ExtraField(
        "Attempts per page",
        "Requests sent for one page before the task fails. Default 5.",
        "integer",
        _integer,
    ),
    "max_wait_s": ExtraField(
        "Longest wait (seconds)",
        "Slept in the worker for one page, between attempts, before the task fails or defers. "
        "Default 120.",
        "number",
        _number,
    ),
    "proxies": ExtraField(
        "Proxy",
        'A URL, or an object: {"https": "http://proxy:3128"}. {"https": ""} uses none, even if the '
        "environment names one.",
        "string",
        _proxies,
    ),
    "verify": ExtraField(
        "TLS verification", "true (default), false, or the path of a CA bundle.", "string", _verify
    ),
    "cert": ExtraField(
        "Client certificate", "Path of a PEM file with certificate and key.", "string", str
    ),
    "ledger": ExtraField(
        "Quota ledger",
        "Directory of the organisation's account of requests, such as s3://lake/quota: all tasks "
        "share the quota by it. Default: none.",
        "string",
        _ledger,
    ),
    "quota": ExtraField(
        "Quota", "For the ledger: REQUESTS/SECONDS. Mintlify's is 100/3600.", "string", _quota
    ),
}


def relabeling(platform: Platform) -> dict[str, str]:
    """Return the form's labels for Airflow's own fields."""
    login = {"login": "Default project ID"} if platform.has_projects else {}
    return {"host": "Base URL", "port": "Port (optional)", **login, "password": "API key"}


def placeholders(platform: Platform) -> dict[str, str]:
    """Return the placeholders of the form's empty fields."""
    key = "mint_… (an admin key)" if platform.has_projects else "the key, without 'Bearer'"
    login = {"login": "from the API keys page"} if platform.has_projects else {}
    port = "443 (needed to test with Airflow 3.3.1 and 3.3.2)"
    return {"host": platform.default_url, "port": port, **login, "password": key}


def hidden_fields(platform: Platform) -> list[str]:
    """Return Airflow's own fields that this provider does not use."""
    return ["schema", *([] if platform.has_projects else ["login"])]


def read_settings(
    platform: Platform, connection: ConnectionLike, extra: Mapping[str, Any], *, conn_id: str = ""
) -> Settings:
    """Return the connection's settings; raise :class:`ConfigError`, which names the wrong field."""
    from airflow_provider_docsanalytics.api.settings import Settings

    prefix = f"extra__{platform.name}__"  # the Test button of Airflow 2 sends each key twice
    extra = {name.removeprefix(prefix): value for name, value in extra.items()}
    unknown = sorted(set(extra) - set(EXTRA_FIELDS))
    if unknown:
        raise ConfigError(
            f"The connection's extra has an unknown key {unknown[0]!r:.100}.\n"
            f"Use one of {', '.join(EXTRA_FIELDS)}."
        )
    options = {}
    for name, value in extra.items():
        if value is None or value == "":  # a form field left empty
            continue
        try:
            options[name] = EXTRA_FIELDS[name].read(value)
        except (TypeError, ValueError, OverflowError) as error:
            # Not from it: the error of a JSON decoder holds the complete document.
            raise ConfigError(
                f"The connection's extra: {name} cannot be read ({error}).\n"
                f"Correct it. {EXTRA_FIELDS[name].help}"
            ) from None
    key, login = (connection.password or "").strip(), (connection.login or "").strip()
    _check_login(platform, login, has_key=bool(key))
    settings = Settings(
        base_url=_base_url(platform, connection),
        api_key=key,
        project_id=login or None,
        connection=conn_id,
        **options,
    )
    platform.check_key(key)
    _check_schema(settings, (connection.schema or "").strip())
    return settings


def _check_login(platform: Platform, login: str, *, has_key: bool) -> None:
    """Refuse a login that is a key, or that this platform does not use; it is never quoted."""
    if login and not platform.has_projects:
        raise ConfigError(
            f"The connection has a login, which {platform.title} does not use.\nDelete it: only "
            "the password is sent, which must be the API key."
        )
    if login.startswith("mint_") and not has_key:
        raise ConfigError(
            "The connection's login is a key, and its password is empty.\nMove the key to the "
            "password: the login is the project ID."
        )


def _check_schema(settings: Settings, schema: str) -> None:
    """Refuse a schema: Airflow saves the path of a connection's URI there."""
    if not schema:
        return
    if schema.lower() in ("http", "https"):
        raise ConfigError(
            f"The connection's schema is {schema!r}, which this provider does not use.\n"
            f"Delete it. The host has the scheme: {settings.service}."
        )
    path = settings.sanitize(schema, _SCHEMA_CHARS).strip("/")
    url = f"{settings.service}/{path}"
    raise ConfigError(
        f"The connection's schema is {path!r}, which this provider does not use. Airflow saves "
        "the path of a connection's URI there.\nIf it is the path of the base URL, write it into "
        f"the host: {url}. In a URI, percent-encode the host: @{quote(url, safe='')}."
    )


def _base_url(platform: Platform, connection: ConnectionLike) -> str:
    host = (connection.host or "").strip() or platform.default_url
    if "://" not in host:
        host = f"https://{host}"
    scheme, _, rest = host.partition("://")
    name, slash, path = rest.partition("/")
    port = connection.port
    if not port:
        return host
    explicit = name.rpartition("]")[2].partition(":")[2]  # behind an IPv6 address, if it is one
    if explicit.isdigit() and explicit != str(port):
        raise ConfigError(
            f"The port is given twice: {explicit[:_PORT_DIGITS]} in the connection's host, and "
            f"{port} as its port.\nDelete one of them, or make them equal."
        )
    # To add the port that a URL implies would only rename the service.
    if explicit or port == {"http": 80, "https": 443}.get(scheme.lower()):
        return host
    return f"{scheme}://{name}:{port}{slash}{path}"


def form_widgets() -> dict[str, Any]:
    """Return the extra's form fields by name, for Airflow before 3.2.

    The imports are late because Airflow 3 replaces the modules with mocks.
    """
    return {
        name: _secret(field) if name == _SECRET else _text(field)
        for name, field in EXTRA_FIELDS.items()
    }


def _text(field: ExtraField) -> Any:
    from flask_appbuilder.fieldwidgets import (  # type: ignore[import-not-found]
        BS3TextFieldWidget,
    )
    from wtforms import StringField  # type: ignore[import-untyped]

    return StringField(field.label, widget=BS3TextFieldWidget(), description=field.help)


def _secret(field: ExtraField) -> Any:
    """Return a field that never shows its value, because Airflow 2 does not mask it."""
    from flask_appbuilder.fieldwidgets import BS3PasswordFieldWidget
    from wtforms import PasswordField

    class Masked(BS3PasswordFieldWidget):  # type: ignore[misc]
        def __call__(self, field: Any, **kwargs: Any) -> Any:
            self.hide_value = False  # else empty
            kwargs["value"] = _UNCHANGED if field.data else ""
            return super().__call__(field, **kwargs)

    return PasswordField(field.label, widget=Masked(), description=field.help)
