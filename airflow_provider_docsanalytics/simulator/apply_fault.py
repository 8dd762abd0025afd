"""The faults that change an answer; those of the connection are in :mod:`.http_server`."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from airflow_provider_docsanalytics.simulator.query import Answer, dump

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_docsanalytics.simulator.cursor_aliases import Detours
    from airflow_provider_docsanalytics.simulator.faults import Fault

_HTML = b"<!doctype html><title>One moment</title><p>Checking your browser</p>"
_LIMIT_REFUSED = (
    b'{"error":"Invalid query parameters","details":[{"message":"limit must be <= %d"}]}'
)
_BLOCK = b" " * (1 << 20)


def spoil(fault: Fault, answer: Answer, query: Mapping[str, str], detours: Detours) -> Answer:
    """Return the answer as the fault leaves it; bodies of errors are not edited."""
    options = fault.options
    match fault.kind:
        case "status" | "body" | "redirect" | "lowered_limit":
            return _instead(options, answer)
        case "html":
            return Answer(200, _HTML, content_type="text/html; charset=utf-8")
        case "content_type":
            return replace(answer, content_type=options["content_type"])
        case "gzip_bomb":
            headers = {**answer.headers, "Content-Encoding": "gzip"}
            return replace(answer, body=_bomb(answer.body, options["size"]), headers=headers)
        case _ if answer.status == HTTPStatus.OK:
            return replace(answer, body=_body(fault, answer.body, query, detours))
        case _:
            return answer


def _body(fault: Fault, body: bytes, query: Mapping[str, str], detours: Detours) -> bytes:
    options = fault.options
    middle = len(body) // 2
    match fault.kind:
        case "drop_key" | "set_key":
            body = _with_key(body, options["key"], _value(options))
        case "drop_in_rows" | "set_in_rows":
            body = _with_rows(body, options["key"], options.get("every", 1), _value(options))
        case "cursor_as_url":
            body = _with_cursor_as_url(body)
        case "repeat_cursor" | "cursor_loop":
            body = _with_next_cursor(body, _earlier_cursor(fault, query))
        case "duplicate_page" | "empty_page":
            body = _detoured(fault.kind, body, query, detours)
        case "truncated_json":
            body = body[:middle]
        case "numbers_as_text":
            body = dump(json.loads(body, parse_int=str, parse_float=str))
        case "invalid_utf8":
            body = body[:middle] + b"\xff" + body[middle:]
        case "big_body":
            body = body.rjust(options["bytes"])
    return body


def _value(options: Mapping[str, Any]) -> list[Any] | None:
    """Return the value to set, in a list of its own; ``None``: there is to be none."""
    return [options["value"]] if "value" in options else None


def _instead(options: Mapping[str, Any], answer: Answer) -> Answer:
    """Return an answer that takes nothing from the true one but what the fault leaves out."""
    headers = dict(options.get("headers", {}))
    status = options.get("status", answer.status)
    if "location" in options:
        headers["Location"] = options["location"]
        status = options.get("status", 302)
    body = options.get("body", '{"error":"Scripted fault"}').encode()
    if "largest" in options:
        status, body = 400, _LIMIT_REFUSED % options["largest"]
    if "damage" in options:
        body = _damaged(options["damage"], body, headers)
    content_type = options.get("content_type", answer.content_type)
    return Answer(status, body, headers=headers, content_type=content_type)


def _damaged(how: str, body: bytes, headers: dict[str, str]) -> bytes:
    middle = len(body) // 2
    if how == "cut":
        return body[:middle]
    if how == "utf8":
        return body[:middle] + b"\xff" + body[middle:]
    headers["Content-Encoding"] = "gzip"
    return body


def _with_key(body: bytes, dotted: str, value: list[Any] | None = None) -> bytes:
    """Return the JSON object with the member at the dotted path replaced, or left out."""
    document = json.loads(body)
    _set(document, dotted, value)
    return dump(document)


def _with_rows(body: bytes, dotted: str, every: int, value: list[Any] | None = None) -> bytes:
    """Return the answer with the member edited in every row, in every second row, and so on.

    A step of the path that is a list stands for each of its elements; an answer that is the one row
    itself is edited as such.
    """
    document = json.loads(body)
    inner = document["data"] if "success" in document else document
    lists = [member for name, member in inner.items() if _is_rows(name, member)]
    for row in (lists[0] if lists else [inner])[every - 1 :: every]:
        _set(row, dotted, value)
    return dump(document)


def _is_rows(name: str, member: Any) -> bool:
    return isinstance(member, list) and name != "messages"  # those are inside a thread, a row


def _set(target: Any, dotted: str, value: list[Any] | None) -> None:
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


def _with_next_cursor(body: bytes, cursor: str | None) -> bytes:
    """Return the page with this cursor as the next one; without one, as it is."""
    if cursor is None:
        return body
    document = json.loads(body)
    document["nextCursor"] = cursor
    if "hasMore" in document:
        document["hasMore"] = True
    return dump(document)


def _earlier_cursor(fault: Fault, query: Mapping[str, str]) -> str | None:
    """Return the cursor of this request, or the one so many requests back."""
    if fault.kind == "repeat_cursor":
        return query.get("cursor")
    return fault.cursors[-fault.options["back"] :][0]


def _with_cursor_as_url(body: bytes) -> bytes:
    """Return the page with the URL of the next page in the place of its cursor, if it has one."""
    document = json.loads(body)
    if cursor := document.get("nextCursor"):
        query = urlencode({"limit": 1, "cursor": cursor})
        document["nextCursor"] = f"https://api.example.com/next?{query}"
    return dump(document)


def _detoured(kind: str, body: bytes, query: Mapping[str, str], detours: Detours) -> bytes:
    """Return the page, or one without rows, with a next cursor that leads to the same page."""
    document = json.loads(body)
    if kind == "empty_page":
        for rows in document.values():
            if isinstance(rows, list):
                rows.clear()
    return _with_next_cursor(dump(document), detours.back_to(query.get("cursor")))


def _bomb(body: bytes, size: int) -> bytes:
    """Return the body, behind spaces that make it this long, in gzip."""
    gzip = zlib.compressobj(wbits=31)
    blocks, rest = divmod(max(0, size - len(body)), len(_BLOCK))
    parts = [gzip.compress(_BLOCK) for _ in range(blocks)]
    return b"".join([*parts, gzip.compress(_BLOCK[:rest] + body), gzip.flush()])
