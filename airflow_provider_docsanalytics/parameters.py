"""The values that a parameter accepts: one rule for operators, sensor, trigger and hooks.

- A text is a ``str`` that is not empty and not ``'None'``: only the object ``None`` means the
  default.
- An ID is text, or an integer, which is converted to its digits. A ``float`` is refused, because
  its original text is lost.
- A list, a dictionary, a duration or a number has that type; its text is refused.

A wrong value is refused when the Dag is parsed; a value that contains a template, when the task
runs. This module does not use Airflow.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from airflow_provider_docsanalytics.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

TEXTS = ("path", "storage_conn_id", "project_id", "mintlify_conn_id", "vyom_conn_id")
"""The templated parameters that accept any text."""
_DEFAULT_IS_NONE = ("storage_conn_id", "project_id")
_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_LONGEST_ID = 200
_JINJA = ("{{", "{%", "{#")


class Reference(Protocol):
    """A value that is known when the task runs: ``XComArg`` and ``DagParam`` of every Airflow."""

    def iter_references(self) -> Iterable[tuple[Any, str]]:
        """Return the tasks that the value comes from, each with the key of its XCom."""


def holds_template(value: object) -> bool:
    """Return whether a value is known only when the task runs: Jinja, or another task's XCom."""
    if isinstance(value, str):
        return any(mark in value for mark in _JINJA)
    if isinstance(value, Mapping):
        return any(map(holds_template, value.values()))
    if isinstance(value, Sequence | AbstractSet) and not isinstance(value, bytes):
        return any(map(holds_template, value))
    # What Airflow's XComArg and DagParam have in common.
    return hasattr(value, "iter_references")


def text(name: str, value: object) -> str:
    """Return a text that is not empty, or raise :class:`ConfigError`."""
    if not isinstance(value, str):
        raise ConfigError(
            f"{name}={value!r:.100}: expected text, got {type(value).__name__}.\n"
            "Write it in quotes."
        )
    if value.strip() in ("", "None"):
        raise ConfigError(
            f"{name}={value!r:.100} is empty.\nCorrect the template or the task that it comes "
            "from. For the default, leave the parameter out."
        )
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise ConfigError(
            f"{name}={value!r:.100} contains half a character, which cannot be sent or stored.\n"
            "Correct it where it comes from."
        )
    return value


def id_text(name: str, value: object) -> str:
    """Return an ID as text, an integer as its digits, or raise :class:`ConfigError`."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, bool | float | complex):
        raise ConfigError(
            f"{name}={value!r:.100}: expected an ID as text, got a number whose original text is "
            "lost (66e1 becomes 660.0).\nWrite it in quotes, also in a list that a template "
            "writes: \"['{{ … }}']\"."
        )
    return text(name, value)


def checked_id(name: str, value: object) -> str:
    """Return an ID as text; refuse one that could become another URL or another directory."""
    checked = id_text(name, value)
    if not _IDENTIFIER.fullmatch(checked) or len(checked) > _LONGEST_ID:
        raise ConfigError(
            f"{name}={value!r:.100} is not an ID: letters, digits, '_', '-' and single dots only, "
            f"at most {_LONGEST_ID} characters.\nCopy it from the service unchanged."
        )
    return checked


def connection_id(name: str, value: object) -> str:
    """Return the ID of a connection, or raise :class:`ConfigError`."""
    checked = text(name, value)
    if not checked.isprintable():
        raise ConfigError(
            f"{name}={checked!r:.100} contains a line break or another control character.\n"
            "Write the connection's ID as Airflow shows it."
        )
    return checked


def did_you_mean(value: object, known: Iterable[str]) -> str:
    """Return a question that suggests the known value that is most like ``value``, if one is."""
    close = get_close_matches(value, known, n=1) if isinstance(value, str) else []
    return f" Did you mean {close[0]!r}?" if close else ""


def site_url(name: str, value: object) -> str:
    """Return a site's address without a slash at its end, or raise :class:`ConfigError`."""
    checked = text(name, value).strip().rstrip("/")
    try:
        parts = urlsplit(checked)
        is_site = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_site = False
    if not is_site or not checked.isprintable() or any(each in checked for each in " ?#@\\\"'<>"):
        raise ConfigError(
            f"{name}={value!r:.200} is not the address of a site.\nWrite it as readers see it, "
            "such as https://docs.example.com or https://example.com/docs."
        )
    return checked


def check_texts(owner: object, *, parsing: bool = False) -> None:
    """Check those of :data:`TEXTS` that ``owner`` has as attributes.

    Args:
        owner: an operator, a sensor or a trigger.
        parsing: skip values that contain a template.

    Raises:
        ConfigError: for the first that is not text.
    """
    for name in TEXTS:
        if not hasattr(owner, name):
            continue
        value = getattr(owner, name)
        if (value is None and name in _DEFAULT_IS_NONE) or (parsing and holds_template(value)):
            continue
        if name == "project_id":
            checked_id(name, value)
        elif name.endswith("conn_id"):
            connection_id(name, value)
        else:
            text(name, value)


def whole(name: str, value: object, least: int = 1) -> None:
    """Refuse anything but a whole number of ``least`` or more."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(
            f"{name}={value!r:.100} is not a whole number of {least} or more.\n"
            "Write such a number, without quotes."
        )


def check_page_size(page_size: object, largest: int | None = None, endpoint: str = "") -> None:
    """Raise :class:`ConfigError` for a page size that ``endpoint`` does not accept.

    Args:
        page_size: rows per request; ``None`` is the largest page.
        largest: the endpoint's largest page; 0 if it has no pages, ``None`` if it is not known yet.
        endpoint: its name, for the message.
    """
    if page_size is None:
        return
    if largest == 0:
        raise ConfigError(
            f"page_size={page_size!r:.100}: {endpoint} has no pages.\nLeave out page_size."
        )
    is_integer = isinstance(page_size, int) and not isinstance(page_size, bool)
    if not is_integer or not 1 <= page_size <= (largest or page_size):  # type: ignore[operator] # is one
        allowed = f"from 1 to {largest} for {endpoint}" if largest else "of at least 1"
        raise ConfigError(
            f"page_size={page_size!r:.100} is not a whole number {allowed}.\n"
            "Correct it, or leave page_size out for the largest page."
        )


def one_of(name: str, value: object, known: Collection[object]) -> None:
    """Refuse anything but one of the known values."""
    if value not in tuple(known):  # a tuple, because a wrong value may have no hash
        values = ", ".join(map(repr, known))
        suggestion = did_you_mean(value, [each for each in known if isinstance(each, str)])
        raise ConfigError(
            f"{name}={value!r:.100} is not a known value.{suggestion}\nUse one of {values}."
        )


def share(name: str, value: object) -> float:
    """Return a share, or refuse anything but a number more than 0 and at most 1."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 < value <= 1:  # type: ignore[operator] # is one
        raise ConfigError(
            f"{name}={value!r:.100} is not a number more than 0 and at most 1.\n"
            "Write 0.6, for example: more than half of the quota, and the rest is left to others."
        )
    return float(value)  # type: ignore[arg-type] # is a number


def flag(name: str, value: object) -> None:
    """Refuse anything but ``True`` and ``False``: the text ``'false'`` would be true."""
    if not isinstance(value, bool):
        raise ConfigError(
            f"{name}={value!r:.100} is not a bool.\nWrite True or False, without quotes."
        )


def duration(name: str, value: object, longest: timedelta) -> None:
    """Refuse anything but a ``timedelta`` from 0 to ``longest``."""
    if not isinstance(value, timedelta):
        raise ConfigError(
            f"{name}={value!r:.100} is not a timedelta.\nWrite one, such as timedelta(hours=1)."
        )
    if value < timedelta(0):
        raise ConfigError(f"{name}={value!r:.100} is negative.\nWrite a timedelta of 0 or more.")
    if value > longest:
        raise ConfigError(f"{name}={value!r:.100} is too long.\nWrite {longest.days} days or less.")
