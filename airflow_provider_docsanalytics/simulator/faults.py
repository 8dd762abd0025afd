"""Scripted faults: how they are written, and which requests they strike.

A fault is a JSON object. ``kind`` is a key of :data:`KINDS`, whose value names the kind's own
members. ``match`` holds ``endpoint`` (a name, or else a part of the path), ``query`` (parameters
that must have these values), ``wider_than_days`` (the window asked for; no dates are the widest),
``limit_above`` (more rows asked for than that, by ``limit``) and ``nth`` (1 by default: the first
matching request since the fault was added that it may strike); ``times`` is how many it strikes
from then on (1 by default, null for ever). Of several faults that are due, the first strikes and
the others wait for the next request.

A gateway that cannot carry large pages is a ``status``, ``short_body``, ``truncated_json`` or
``reset_in_body`` with ``limit_above``; a service that has lowered its largest page to ``largest``
is a ``lowered_limit``. Both last with ``"times": null``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_docsanalytics.simulator import mintlify, timestamps, vyom

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class _Members(NamedTuple):
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


KINDS = {
    "status": _Members(("status",), ("body", "headers", "content_type", "damage")),
    "body": _Members(("body",), ("status", "headers", "content_type", "damage")),
    "html": _Members(),
    "lowered_limit": _Members(("largest",)),
    "redirect": _Members(("location",), ("status",)),
    "drop_key": _Members(("key",)),
    "set_key": _Members(("key", "value")),
    "drop_in_rows": _Members(("key",), ("every",)),
    "set_in_rows": _Members(("key", "value"), ("every",)),
    "repeat_cursor": _Members(),
    "cursor_loop": _Members(("back",)),
    "cursor_as_url": _Members(),
    "duplicate_page": _Members(),
    "ignored_offset": _Members(),
    "empty_page": _Members(),
    "numbers_as_text": _Members(),
    "content_type": _Members(("content_type",)),
    "truncated_json": _Members(),
    "invalid_utf8": _Members(),
    "big_body": _Members(("bytes",)),
    "gzip_bomb": _Members(("size",)),
    "delay": _Members(("seconds",)),
    "hang": _Members(("seconds",)),
    "slow_drip": _Members(("bytes_per_s",)),
    "short_body": _Members(),
    "reset_before_headers": _Members(),
    "reset_in_body": _Members(),
}
DAMAGES = ("cut", "gzip", "utf8")
"""What ``damage`` does to a scripted body: half of it is missing, it is announced as gzip and is
none, or there is a byte in it that no UTF-8 has."""
_MATCH = ("endpoint", "nth", "query", "wider_than_days", "limit_above")
_TYPES: dict[str, Any] = {
    "endpoint": str,
    "nth": int,
    "wider_than_days": int | float,
    "limit_above": int,
    "largest": int,
    "back": int,
    "query": dict,
    "times": int | None,
    "status": int,
    "body": str,
    "headers": dict,
    "content_type": str,
    "damage": str,
    "location": str,
    "key": str,
    "value": object,
    "every": int,
    "bytes": int,
    "size": int,
    "seconds": int | float,
    "bytes_per_s": int | float,
}


@dataclass(slots=True)
class Fault:
    """One scripted fault, how many matching requests it has seen, and the cursors of those."""

    kind: str
    options: Mapping[str, Any]
    endpoint: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    wider_than_days: float = 0
    limit_above: int = 0
    nth: int = 1
    times: int | None = 1
    seen: int = 0
    struck: int = 0
    cursors: list[str | None] = field(default_factory=list)

    @classmethod
    def parse(cls, spec: Any) -> Fault:
        """Return the fault of a JSON object.

        Raises:
            ValueError: A member is unknown, missing or of the wrong kind.
        """
        if not isinstance(spec, dict) or spec.get("kind") not in KINDS:
            raise ValueError(f"a fault is an object whose kind is one of {', '.join(KINDS)}")
        match = spec.get("match", {})
        if not isinstance(match, dict):
            raise ValueError(f"fault {spec['kind']}: match is an object")  # noqa: TRY004 - as above
        members = KINDS[spec["kind"]]
        own = (*members.required, *members.optional)
        options = {name: value for name, value in spec.items() if name in own}
        unknown = (spec.keys() - options.keys() - {"kind", "match", "times"}) | (
            match.keys() - set(_MATCH)
        )
        missing = set(members.required) - options.keys()
        if unknown or missing:
            raise ValueError(
                f"fault {spec['kind']}: unknown members: {sorted(unknown)}, "
                f"missing members: {sorted(missing)}"
            )
        times = spec.get("times", 1)
        given = {**options, **match, "times": times}
        wrong = [name for name, value in given.items() if not isinstance(value, _TYPES[name])]
        if wrong:
            raise ValueError(f"fault {spec['kind']}: of the wrong type: {wrong}")
        if options.get("damage") not in (None, *DAMAGES):
            raise ValueError(f"fault {spec['kind']}: damage is one of {', '.join(DAMAGES)}")
        if "largest" in options:
            match = {"limit_above": options["largest"], **match}
        return cls(spec["kind"], options, **match, times=times)

    def matches(self, endpoint: str | None, path: str, query: Mapping[str, str]) -> bool:
        """Tell whether the fault is meant for such a request."""
        by_name = self.endpoint in (*mintlify.ENDPOINTS, *vyom.ENDPOINTS)
        here = self.endpoint == endpoint if by_name else self.endpoint in path
        asked = self.query.items() <= query.items() and self._is_large(query)
        return here and asked and self._is_wide(query)

    def _is_large(self, query: Mapping[str, str]) -> bool:
        """Tell whether more rows are asked for than is still answered."""
        limit = query.get("limit", "")
        return not self.limit_above or (limit.isdecimal() and int(limit) > self.limit_above)

    def _is_wide(self, query: Mapping[str, str]) -> bool:
        """Tell whether the window is wider than what is still answered; one that is none is not."""
        if not self.wider_than_days:
            return True
        dates = [query.get(name) for names in (mintlify.DATES, vyom.DATES) for name in names]
        try:
            given = [timestamps.parse(date) for date in dates if date is not None]
        except ValueError:
            return False
        return len(given) != 2 or given[1] - given[0] > self.wider_than_days * timestamps.DAY_MS  # noqa: PLR2004 - a start and an end

    @property
    def is_due(self) -> bool:
        """Whether the request last seen is one to strike."""
        return self.nth <= self.seen and (self.times is None or self.struck < self.times)


class Faults:
    """The faults in force, in the order in which they were added."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = Lock()

    def add(self, specs: Iterable[Any]) -> None:
        """Add faults, all of them or none.

        Raises:
            ValueError: One is not a fault.
        """
        added = [Fault.parse(spec) for spec in specs]
        with self._lock:
            self._faults += added

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._faults.clear()

    def pick(self, endpoint: str | None, path: str, query: Mapping[str, str]) -> Fault | None:
        """Return the fault that strikes this request, if any."""
        with self._lock:
            matching = [fault for fault in self._faults if fault.matches(endpoint, path, query)]
            for fault in matching:
                fault.seen += 1
                fault.cursors.append(query.get("cursor"))
            striking = next((fault for fault in matching if fault.is_due), None)
            if striking is not None:
                striking.struck += 1
        return striking
