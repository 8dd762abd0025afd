"""Requests as the services check them, and the answers and refusals that come of it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from airflow_provider_docsanalytics.simulator import timestamps

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


_WHOLE = re.compile(r"-?[0-9]{1,9}")


class RefusedError(Exception):
    """A request that a service answers with an error."""

    def __init__(
        self,
        status: int,
        error: str,
        details: Iterable[str] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, error)
        self.status = status
        self.error = error
        self.details = tuple(details)
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came in; ``connection`` numbers the TCP connection."""

    method: str
    path: str
    raw_query: str
    headers: Mapping[str, str]
    connection: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the client; ``rows`` is only for the log."""

    status: int
    body: bytes
    rows: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Route:
    """Where a path leads: an endpoint of a platform, or None if there is nothing."""

    platform: str
    endpoint: str | None
    project_id: str = ""
    thread_id: str = ""


class Query:
    """The parameters of a request, each known and given once.

    Raises:
        RefusedError: 400 from here and from every method, with the parameter's name.
    """

    def __init__(self, raw: str, known: Collection[str]) -> None:
        self._values: dict[str, str] = {}
        for name, value in parse_qsl(raw, keep_blank_values=True):
            if name not in known:
                raise invalid(f"{name}: unknown parameter")
            if name in self._values:
                raise invalid(f"{name}: given more than once")
            self._values[name] = value

    def text(self, name: str) -> str | None:
        """Return the value as it came."""
        return self._values.get(name)

    def instant(self, name: str) -> int | None:
        """Return the value as an instant in milliseconds."""
        text = self.text(name)
        if text is None:
            return None
        try:
            return timestamps.parse(text)
        except ValueError as error:
            raise invalid(f"{name}: {error}") from error

    def number(self, name: str, default: int, minimum: int, maximum: int | None = None) -> int:
        """Return the value as a whole number within its limits."""
        text = self.text(name)
        if text is None:
            return default
        if not _WHOLE.fullmatch(text):
            raise invalid(f"{name}: {text!r} is not a whole number")
        number = int(text)
        if number < minimum or (maximum is not None and number > maximum):
            raise invalid(f"{name}: {number} is not between {minimum} and {maximum or 'infinity'}")
        return number

    def choice(self, name: str, choices: Collection[str]) -> str | None:
        """Return the value, which is one of the choices."""
        text = self.text(name)
        if text is not None and text not in choices:
            raise invalid(f"{name}: {text!r} is none of {', '.join(choices)}")
        return text

    def choices(self, name: str, choices: Collection[str]) -> tuple[str, ...] | None:
        """Return the values of a comma list, each one of the choices."""
        text = self.text(name)
        if text is None:
            return None
        for value in text.split(","):
            if value not in choices:
                raise invalid(f"{name}: {value!r} is none of {', '.join(choices)}")
        return tuple(text.split(","))


def invalid(detail: str) -> RefusedError:
    """Return the refusal of a parameter."""
    return RefusedError(400, "Invalid query parameters", [detail])


def dump(value: Any) -> bytes:
    """Return compact JSON in UTF-8."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if not text.isascii() and re.search("[\ud800-\udfff]", text):  # half a character of a fault
        text = json.dumps(value, separators=(",", ":"))
    return text.encode()


def splice(rows_key: str, rows: Iterable[bytes], rest: Mapping[str, Any]) -> bytes:
    """Return an object of rendered rows under their key, and other members after it."""
    return b'{"%s":[%s]%s' % (
        rows_key.encode(),
        b",".join(rows),
        b"," + dump(rest)[1:] if rest else b"}",
    )
