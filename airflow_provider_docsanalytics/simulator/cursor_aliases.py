"""New cursors that lead back to where they were given, as a service gives them that stumbles."""

from __future__ import annotations

import itertools
import time
from urllib.parse import parse_qsl, urlencode

from airflow_provider_docsanalytics.simulator import ulid

_SALT = ulid.salt("detour")


class Detours:
    """The detours given so far, and what each stands for."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._stands_for: dict[str, str | None] = {}

    def back_to(self, cursor: str | None) -> str:
        """Return a new cursor that stands for another, or for the first page."""
        detour = ulid.make(int(time.time() * 1000), _SALT, next(self._numbers))
        self._stands_for[detour] = self._stands_for.get(cursor or "", cursor)
        return detour

    def resolve(self, raw_query: str, ignored: str | None = None) -> str:
        """Return the query with what its cursor stands for, and without an ignored parameter."""
        query = parse_qsl(raw_query, keep_blank_values=True)
        if not any(name == ignored or value in self._stands_for for name, value in query):
            return raw_query
        resolved = [
            (name, self._stands_for.get(value, value) if name == "cursor" else value)
            for name, value in query
            if name != ignored
        ]
        return urlencode([(name, value) for name, value in resolved if value is not None])
