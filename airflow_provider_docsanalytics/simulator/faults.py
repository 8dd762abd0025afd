"""Faults: how you describe them, which requests they strike, and what they do to a response.

A fault is a JSON object. ``kind`` is a key of :data:`KINDS`, which lists the kind's own members.
``times`` is the number of requests that the fault strikes (1 by default, null for no limit).
``match`` selects the requests:

- ``endpoint``: a name, or a part of the path;
- ``query``: parameters that must have these values;
- ``wider_than_days``: windows wider than this, or without dates;
- ``limit_above``: pages with a larger ``limit`` than this;
- ``nth``: the first of the matching requests to strike (1 by default).

If several faults match a request, the first one strikes and the others wait for the next request.

``status`` and ``body`` replace the response. ``set_key`` and ``drop_key`` change a member of it
(``totals.ai``), ``set_in_rows`` and ``drop_in_rows`` a member of each row. The kinds of a
connection are in :mod:`.http_server`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_docsanalytics.simulator import mintlify, values, vyom
from airflow_provider_docsanalytics.simulator.request import Response, dump

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_HTML = b"<!doctype html><title>One moment</title><p>Checking your browser</p>"
_NUMBER = int | float


class Kind(NamedTuple):
    """The members of one kind of fault, and their types."""

    required: Mapping[str, Any] = {}
    optional: Mapping[str, Any] = {}


_RESPONSE = {"headers": dict, "content_type": str}
KINDS: dict[str, Kind] = {
    "status": Kind({"status": int}, {"body": str, **_RESPONSE}),
    "body": Kind({"body": str}, {"status": int, **_RESPONSE}),
    "html": Kind(),
    "truncated_json": Kind(),
    "drop_key": Kind({"key": str}),
    "set_key": Kind({"key": str, "value": object}),
    "drop_in_rows": Kind({"key": str}, {"every": int}),
    "set_in_rows": Kind({"key": str, "value": object}, {"every": int}),
    "delay": Kind({"seconds": _NUMBER}),
    "hang": Kind({"seconds": _NUMBER}),
    "slow_drip": Kind({"bytes_per_s": _NUMBER}),
    "short_body": Kind(),
    "reset_before_headers": Kind(),
    "reset_in_body": Kind(),
}
NO_RESPONSE = ("hang", "reset_before_headers")
"""The kinds after which the client gets no response at all."""
_MATCH = {
    "endpoint": str,
    "query": dict,
    "wider_than_days": _NUMBER,
    "limit_above": int,
    "nth": int,
}


@dataclass(slots=True)
class Fault:
    """One fault, the queries of the requests that it has matched, and how many it has struck."""

    kind: str
    options: Mapping[str, Any]
    endpoint: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    wider_than_days: float = 0
    limit_above: int = 0
    nth: int = 1
    times: int | None = 1
    matched: list[Mapping[str, str]] = field(default_factory=list)
    struck: int = 0

    @classmethod
    def parse(cls, spec: Any, kinds: Mapping[str, Kind]) -> Fault:
        """Return the fault that a JSON object describes.

        Raises:
            ValueError: A member is unknown, missing or of the wrong type.
        """
        if not isinstance(spec, dict) or spec.get("kind") not in kinds:
            raise ValueError(
                f"Fault {spec!r} is not an object with a known kind.\n"
                f"Use one of the kinds {', '.join(kinds)}."
            )
        name, match = spec["kind"], spec.get("match", {})
        if not isinstance(match, dict):
            raise ValueError(  # noqa: TRY004 - like every other mistake in a fault
                f"Fault {name}: match is {match!r}.\nUse an object with {', '.join(_MATCH)}."
            )
        members = {**kinds[name].required, **kinds[name].optional}
        options = {member: value for member, value in spec.items() if member in members}
        unknown = (spec.keys() - members.keys() - {"kind", "match", "times"}) | (
            match.keys() - _MATCH.keys()
        )
        missing = kinds[name].required.keys() - options.keys()
        if unknown or missing:
            raise ValueError(
                f"Fault {name}: unknown members: {sorted(unknown)}, "
                f"missing members: {sorted(missing)}.\n"
                f"It takes {', '.join([*members, 'times'])} and, in match, {', '.join(_MATCH)}."
            )
        times = spec.get("times", 1)
        types = {**members, **_MATCH, "times": int | None}
        given = {**options, **match, "times": times}
        wrong = {name: value for name, value in given.items() if not isinstance(value, types[name])}
        if wrong:
            raise ValueError(
                f"Fault {spec['kind']}: of the wrong type: {wrong}.\nCheck their types."
            )
        return cls(name, options, **match, times=times)

    def matches(self, endpoint: str | None, path: str, query: Mapping[str, str]) -> bool:
        """Tell whether ``match`` selects such a request."""
        by_name = self.endpoint in (*mintlify.ENDPOINTS, *vyom.ENDPOINTS)
        here = self.endpoint == endpoint if by_name else self.endpoint in path
        same = self.query.items() <= query.items()
        return here and same and self._is_large(query) and self._is_wide(query)

    def _is_large(self, query: Mapping[str, str]) -> bool:
        limit = query.get("limit", "")
        return not self.limit_above or (limit.isdecimal() and int(limit) > self.limit_above)

    def _is_wide(self, query: Mapping[str, str]) -> bool:
        """Tell whether the window is too wide; one with an invalid date is not."""
        if not self.wider_than_days:
            return True
        dates = [query.get(name) for name in (*mintlify.DATES, *vyom.DATES)]
        try:
            given = [values.parse_instant(date) for date in dates if date is not None]
        except ValueError:
            return False
        return len(given) != 2 or given[1] - given[0] > self.wider_than_days * values.DAY_MS  # noqa: PLR2004 - a start and an end

    @property
    def is_due(self) -> bool:
        """Whether the fault strikes the request that it has matched last."""
        return self.nth <= len(self.matched) and (self.times is None or self.struck < self.times)


class Faults:
    """The active faults of these kinds, in the order in which they were added."""

    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        self._kinds = kinds
        self._faults: list[Fault] = []
        self._lock = Lock()

    def add(self, specs: Iterable[Any]) -> None:
        """Add faults, all of them or none.

        Raises:
            ValueError: One is invalid.
        """
        added = [Fault.parse(spec, self._kinds) for spec in specs]
        with self._lock:
            self._faults += added

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._faults.clear()

    def pick(self, endpoint: str | None, path: str, query: Mapping[str, str]) -> Fault | None:
        """Return the fault that strikes this request, if any."""
        with self._lock:
            matching = [fault for fault in self._faults if fault.matches(endpoint, path, query)]
            for fault in matching:
                fault.matched.append(query)
            striking = next((fault for fault in matching if fault.is_due), None)
            if striking is not None:
                striking.struck += 1
        return striking


def apply_fault(fault: Fault, response: Response) -> Response:
    """Return the response with the fault applied; the bodies of errors are not edited."""
    options = fault.options
    if fault.kind in ("status", "body"):
        return Response(
            options.get("status", response.status),
            options.get("body", '{"error":"Scripted fault"}').encode(),
            headers=options.get("headers", {}),
            content_type=options.get("content_type", response.content_type),
        )
    if fault.kind == "html":
        return Response(200, _HTML, content_type="text/html; charset=utf-8")
    if response.status != HTTPStatus.OK:
        return response
    return replace(response, body=_edited(fault, response.body))


def _edited(fault: Fault, body: bytes) -> bytes:
    """Return the body of a successful response with the fault applied."""
    options = fault.options
    value = [options["value"]] if "value" in options else []
    match fault.kind:
        case "truncated_json":
            body = body[: len(body) // 2]
        case "drop_key" | "set_key":
            document = json.loads(body)
            _set(document, options["key"], value)
            body = dump(document)
        case "drop_in_rows" | "set_in_rows":
            document = json.loads(body)
            every = options.get("every", 1)
            for row in _rows(document)[every - 1 :: every]:
                _set(row, options["key"], value)
            body = dump(document)
    return body


def _rows(document: dict[str, Any]) -> list[Any]:
    """Return the rows of a response; without a list of them, the response is the only row."""
    inner = document["data"] if "success" in document else document
    lists = [
        member
        for name, member in inner.items()
        if isinstance(member, list) and name != "messages"  # a part of a thread, which is a row
    ]
    return lists[0] if lists else [inner]


def _set(target: Any, dotted: str, value: list[Any]) -> None:
    """Set the member at the dotted path to the one value, or remove it if there is none.

    A list on the path stands for each of its elements.
    """
    name, _, rest = dotted.partition(".")
    if isinstance(target, list):
        for element in target:
            _set(element, dotted, value)
    elif rest:
        _set(target[name], rest, value)
    elif value:
        target[name] = value[0]
    else:
        target.pop(name, None)
