"""The rows of the bench, page by page, in bytes that are ready to send.

A shape, written ``100x1000x1500``, is a number of pages, rows in each and bytes in each row. Texts
repeat after :data:`_TEXTS` rows, which is farther than the window of any compressor here; IDs never
do.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any, NamedTuple, Self

from benchmarks.prose import Author

START, END = "2026-01-01", "2026-01-31"
_TEXTS = 3000
_SITE = "https://docs.example.com"
_SECTIONS = ("guides", "api-reference", "sdk", "concepts", "tutorials", "changelog", "faq")
_BEGIN = "01KF"
"""Of every ULID."""
_PAGE = "<page>"
_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_UNUSUAL = (
    " caf\u00e9 \U0001f680",
    ' "as it is"',
    " C:\\temp",
    "\n\n- one\n- two",
    " \u65e5\u672c",
)
_SECONDS_OF_WINDOW = 30 * 86_400


class Shape(NamedTuple):
    """How large an export is."""

    pages: int
    page_rows: int = 1000
    row_bytes: int = 1500

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the shape that a text names; raises ``ValueError``."""
        return cls(*map(int, text.split("x")))

    def __str__(self) -> str:
        """Return it as it stands in a URL, for the project's ID."""
        return "x".join(map(str, self))

    @property
    def rows(self) -> int:
        """Of all pages."""
        return self.pages * self.page_rows

    def body(self, page: int) -> bytes:
        """Return the response that has the page, counted from 0.

        Raises:
            IndexError: there is no such page.
        """
        if not 0 <= page < self.pages:
            raise IndexError(page)
        templates = _templates(self.page_rows, self.row_bytes)
        *pieces, last = templates[page % len(templates)]
        end = b'],"nextCursor":null,"hasMore":false}'
        if page + 1 < self.pages:
            end = b'],"nextCursor":"%s","hasMore":true}' % cursor_of(page + 1).encode()
        return _digits(page, 4).encode().join((*pieces, last + end))


def cursor_of(page: int) -> str:
    """Return the cursor that leads to a page: a ULID, as the API's."""
    return f"{_BEGIN}{_digits(page, 22)}"


def page_of(cursor: str) -> int:
    """Return the page to which a cursor leads; raises ``ValueError``."""
    number = 0
    for digit in cursor.removeprefix(_BEGIN):
        number = number * 32 + _DIGITS.index(digit)
    return number


def _digits(number: int, width: int) -> str:
    return "".join(_DIGITS[number >> shift & 31] for shift in range(5 * width - 5, -1, -5))


@cache
def _templates(page_rows: int, row_bytes: int) -> list[list[bytes]]:
    """Return pages cut where their number belongs, so that one join in C makes a page."""
    author = Author(seed=15)
    rows = [_row(author, number, row_bytes) for number in range(max(_TEXTS, page_rows))]
    pages = [rows[first : first + page_rows] for first in range(0, len(rows), page_rows)]
    whole = [page for page in pages if len(page) == page_rows]
    bodies = (f'{{"conversations":[{",".join(page)}' for page in whole)
    return [body.encode().split(_PAGE.encode()) for body in bodies]


def _row(author: Author, number: int, size: int) -> str:
    """Return a turn as the API writes it, newest first."""
    second = _SECONDS_OF_WINDOW - 1 - number * _SECONDS_OF_WINDOW // (2 * _TEXTS)
    day, rest = divmod(second, 86_400)
    row: dict[str, Any] = {
        "id": f"{_BEGIN}{_PAGE}{_digits(author.number(1 << 75), 15)}{_digits(number, 3)}",
        "timestamp": f"2026-01-{day + 1:02d}T{rest // 3600:02d}:{rest // 60 % 60:02d}:"
        f"{rest % 60:02d}.{author.number(1000):03d}Z",
        "query": author.question(),
        "response": "",
        "responseType": "clarifying_question" if number % 17 == 1 else "answer",
        "sources": [_source(author) for _ in range(number % 4)],
        "resolutionStatus": "unanswered" if number % 5 == 0 else "answered",
        "queryCategory": None if number % 7 == 2 else author.question().split()[-1][:-1],  # noqa: PLR2004
        "pageUrl": None if number % 6 == 3 else _source(author)["url"],  # noqa: PLR2004
    }
    if number % 3 == 0:
        del row["responseType"]
    unusual = _UNUSUAL[number % len(_UNUSUAL)] if number % 10 == 0 else ""
    missing = size - len(_json(row).encode()) + len(_PAGE) - 4
    row["response"] = author.text(max(1, missing))[: max(1, missing)] + unusual
    return _json(row)


def _source(author: Author) -> dict[str, str]:
    section = _SECTIONS[author.number(len(_SECTIONS))]
    title = " ".join(author.question().split()[2:5]).rstrip("?")
    return {"title": title, "url": f"{_SITE}/{section}/{title.lower().replace(' ', '-')}"}


def _json(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"))
