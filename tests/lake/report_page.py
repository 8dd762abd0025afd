"""A page of a report as a browser's parser sees it, and lakes for such pages."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

from fsspec.implementations.local import LocalFileSystem

from airflow_provider_docsanalytics.lake.files import LakeFiles
from airflow_provider_docsanalytics.lake.report import Report, make_report
from airflow_provider_docsanalytics.window import DateWindow, iso_ms
from tests.lake.made import DAY, START, make_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import timedelta
    from pathlib import Path

SITE = "https://docs.example.com"
NOW = START + 7 * DAY
"""The start of the period of :func:`reported`: a Monday; the period before starts at START."""
WEEK = DateWindow(NOW, NOW + 7 * DAY)
Rows = list[dict[str, Any]]


class Parsed(HTMLParser):
    """The elements of a page, and its text.

    Attributes:
        elements: tag and attributes of each, in order.
        text: as a reader of plain text sees it, a line for each block.
    """

    def __init__(self, html: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._pieces: list[str] = []
        self._inside: list[str] = []
        self.feed(html.decode("utf-8"))
        lines = "".join(self._pieces).split("\n")
        self.text = "\n".join(" ".join(line.split()) for line in lines if line.strip())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside.append(tag)
        if tag in ("p", "li", "tr", "h1", "h2", "caption", "title"):
            self._pieces.append("\n")
        elif tag in ("td", "th"):
            self._pieces.append(" | ")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._inside:
            while self._inside.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if "style" not in self._inside and "svg" not in self._inside:
            self._pieces.append(re.sub(r"\s+", " ", data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of each element of a name."""
        return [attributes for name, attributes in self.elements if name == tag]


def reported(lake: Path, window: DateWindow | None = WEEK, base_url: str = SITE) -> Report:
    """Return the report of a lake."""
    return make_report(LakeFiles(LocalFileSystem(), str(lake), str(lake)), window, base_url)


def text_of(lake: Path, window: DateWindow | None = WEEK) -> str:
    """Return the text of a lake's page."""
    return Parsed(reported(lake, window).html).text


def write(
    lake: Path,
    endpoint: str,
    rows: Callable[[datetime], Rows],
    days: Iterable[int] = range(14),
    length: timedelta = DAY,
    **manifest: Any,
) -> None:
    """Export an endpoint on these days from START on."""
    for place in days:
        start = START + place * DAY
        owner = manifest.get("project_id") or "proj"
        directory = lake / str(owner) / endpoint / f"dt={start:%Y-%m-%d}"
        make_of(directory, endpoint, rows(start), start, start + length, **manifest)


def turns(asked: int, unanswered: int = 0, **fields: Any) -> Callable[[datetime], Rows]:
    """Return rows of conversations: so many questions on each day."""

    def rows(day: datetime) -> Rows:
        return [
            {
                "id": f"thread-{day:%d}-{number}",
                "timestamp": iso_ms(day.astimezone(UTC) + number * DAY / 2000),
                "query": "How do I rotate a key?",
                "response": "…",
                "sources": [],
                "resolutionStatus": "unanswered" if number < unanswered else "answered",
                "queryCategory": "Keys",
                "pageUrl": f"{SITE}/guides/keys",
                **fields,
            }
            for number in range(asked)
        ]

    return rows


def views(human: int, ai: int = 10) -> Callable[[datetime], Rows]:
    """Return rows of views: so many on each day."""
    row = {"path": "/guides/keys", "human": human, "ai": ai, "total": human + ai}
    return lambda _: [row]


def votes(up: int, down: int, path: str = "/guides/keys") -> Callable[[datetime], Rows]:
    """Return rows of feedback by page."""
    row = {"path": path, "thumbsUp": up, "thumbsDown": down, "code": 0, "total": up + down}
    return lambda _: [row]
