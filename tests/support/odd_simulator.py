"""The simulator with faults that only tests need: cursors that lead back, damaged bodies, bombs."""

from __future__ import annotations

import itertools
import json
import time
import zlib
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from airflow_provider_docsanalytics.simulator import Simulator, values
from airflow_provider_docsanalytics.simulator.faults import KINDS, Kind
from airflow_provider_docsanalytics.simulator.request import dump

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_docsanalytics.simulator.faults import Fault
    from airflow_provider_docsanalytics.simulator.request import Request, Response, Route

DAMAGES = ("cut", "gzip", "utf8")
"""What ``damage`` does to the body of a ``status`` or ``body``: half of it is missing, it is
announced as gzip and is not, or it has a byte that UTF-8 does not allow."""
_SALT = values.ulid_salt("alias")
_BLOCK = b" " * (1 << 20)


def _with_damage(kind: Kind) -> Kind:
    return kind._replace(optional={**kind.optional, "damage": str})


class OddSimulator(Simulator):
    """A simulator with more kinds of faults.

    - ``repeat_cursor``: the next cursor is that of the request; ``cursor_loop``: that of the
      matching request so many ``back``; ``cursor_as_url``: a URL that holds the cursor.
    - ``duplicate_page``, ``empty_page``: the next cursor is a new one that leads to the same page
      once more; the empty one has no rows. ``ignored_offset``: the page is the first one.
    - ``numbers_as_text``, ``pretty`` (indented), ``invalid_utf8``, ``content_type``: another form.
    - ``big_body``, ``gzip_bomb``: spaces make the body this long.
    """

    fault_kinds = KINDS | {
        "status": _with_damage(KINDS["status"]),
        "body": _with_damage(KINDS["body"]),
        "repeat_cursor": Kind(),
        "cursor_loop": Kind({"back": int}),
        "cursor_as_url": Kind(),
        "duplicate_page": Kind(),
        "empty_page": Kind(),
        "ignored_offset": Kind(),
        "numbers_as_text": Kind(),
        "pretty": Kind(),
        "invalid_utf8": Kind(),
        "content_type": Kind({"content_type": str}),
        "big_body": Kind({"bytes": int}),
        "gzip_bomb": Kind({"size": int}),
    }

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._alias_numbers = itertools.count()
        self._stands_for: dict[str, str | None] = {}
        super().__init__(*arguments, **options)

    def add_faults(self, specs: Iterable[Any]) -> None:
        """Add faults; a ``ValueError`` names a damage that does not exist, too."""
        specs = list(specs)
        for spec in specs:
            if isinstance(spec, dict) and spec.get("damage", "cut") not in DAMAGES:
                raise ValueError(f"Fault {spec}: damage is one of {', '.join(DAMAGES)}.")
        super().add_faults(specs)

    def _answer(self, request: Request, route: Route, fault: Fault | None) -> Response:
        ignored = "offset" if fault is not None and fault.kind == "ignored_offset" else None
        resolved = replace(request, raw_query=self._resolve(request.raw_query, ignored))
        response = super()._answer(resolved, route, fault)
        if fault is None:
            return response
        match fault.kind:
            case "status" | "body":
                return _damaged(fault.options.get("damage"), response)
            case "content_type":
                return replace(response, content_type=fault.options["content_type"])
            case "gzip_bomb":
                headers = {**response.headers, "Content-Encoding": "gzip"}
                bomb = _bomb(response.body, fault.options["size"])
                return replace(response, body=bomb, headers=headers)
            case _ if response.status == HTTPStatus.OK:
                return replace(response, body=self._edited(fault, response.body, request.query))
            case _:
                return response

    def _edited(self, fault: Fault, body: bytes, query: dict[str, str]) -> bytes:
        match fault.kind:
            case "repeat_cursor":
                body = _with_next_cursor(body, query.get("cursor"))
            case "cursor_loop":
                earlier = fault.matched[-fault.options["back"] :][0]
                body = _with_next_cursor(body, earlier.get("cursor"))
            case "cursor_as_url":
                body = _with_cursor_as_url(body)
            case "duplicate_page":
                body = _with_next_cursor(body, self._alias(query.get("cursor")))
            case "empty_page":
                body = _with_next_cursor(_without_rows(body), self._alias(query.get("cursor")))
            case "numbers_as_text":
                body = dump(json.loads(body, parse_int=str, parse_float=str))
            case "pretty":
                body = json.dumps(json.loads(body), ensure_ascii=False, indent=2).encode()
            case "invalid_utf8":
                body = _with_invalid_byte(body)
            case "big_body":
                body = body.rjust(fault.options["bytes"])
        return body

    def _alias(self, cursor: str | None) -> str:
        """Return a new cursor that stands for another, or for the first page."""
        alias = values.make_ulid(int(time.time() * 1000), _SALT, next(self._alias_numbers))
        self._stands_for[alias] = self._stands_for.get(cursor or "", cursor)
        return alias

    def _resolve(self, raw_query: str, ignored: str | None) -> str:
        """Return the query with the cursor that an alias stands for, without the ignored name."""
        query = parse_qsl(raw_query, keep_blank_values=True)
        if not any(name == ignored or value in self._stands_for for name, value in query):
            return raw_query
        resolved = [
            (name, self._stands_for.get(value, value) if name == "cursor" else value)
            for name, value in query
            if name != ignored
        ]
        return urlencode([(name, value) for name, value in resolved if value is not None])


def _damaged(how: str | None, response: Response) -> Response:
    body = response.body
    match how:
        case None:
            return response
        case "cut":
            return replace(response, body=body[: len(body) // 2])
        case "utf8":
            return replace(response, body=_with_invalid_byte(body))
        case _:
            return replace(response, headers={**response.headers, "Content-Encoding": "gzip"})


def _with_invalid_byte(body: bytes) -> bytes:
    middle = len(body) // 2
    return body[:middle] + b"\xff" + body[middle:]


def _with_next_cursor(body: bytes, cursor: str | None) -> bytes:
    """Return the page with this next cursor; without one, unchanged."""
    if cursor is None:
        return body
    document = json.loads(body)
    document["nextCursor"] = cursor
    if "hasMore" in document:
        document["hasMore"] = True
    return dump(document)


def _with_cursor_as_url(body: bytes) -> bytes:
    """Return the page with the URL of the next page instead of its cursor, if it has one."""
    document = json.loads(body)
    if cursor := document.get("nextCursor"):
        query = urlencode({"limit": 1, "cursor": cursor})
        document["nextCursor"] = f"https://api.example.com/next?{query}"
    return dump(document)


def _without_rows(body: bytes) -> bytes:
    document = json.loads(body)
    for rows in document.values():
        if isinstance(rows, list):
            rows.clear()
    return dump(document)


def _bomb(body: bytes, size: int) -> bytes:
    """Return the body, behind spaces that make it this long, in gzip."""
    gzip = zlib.compressobj(wbits=31)
    blocks, rest = divmod(max(0, size - len(body)), len(_BLOCK))
    parts = [gzip.compress(_BLOCK) for _ in range(blocks)]
    return b"".join([*parts, gzip.compress(_BLOCK[:rest] + body), gzip.flush()])
