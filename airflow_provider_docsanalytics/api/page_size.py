"""How many rows to ask for, where a page of the wanted size gets no answer.

Gateways carry 4.5 to 6 MB and answer 413, 500 or 502 to more, or cut the body off; services lower
their largest ``limit``. None of this differs from an outage at first sight, so one request decides:
the smallest page, once. If it gets no answer either, the size is not the cause: the error stands,
and an outage has cost that one request. If it is answered, half of the size is asked for from
there on, and half of that, each once, until one is answered. That is then the size.

A cursor may count in pages, so behind a page no larger one is asked for: the small page of the
trial is read again in the size that is settled on, and a resume keeps to the size that its
checkpoint has come to. Behind a page no *smaller* one skips a row; it may repeat some, which an
export notices by their keys. Where we count the rows ourselves, any size will do.

A smaller page comes before a narrower window, also for time-outs (504, 522, 524): a page that is
full is as large in a narrower window, and where the window is the cause, the smallest page gets no
answer either. Both may be at fault, so the narrowest window gets the smallest page once more. 414
and 431 are about the request's own length, which no page size changes.
"""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from airflow_provider_docsanalytics.errors import ApiError, Unreachable

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.api.endpoint import Selection

log = logging.getLogger(__name__)

SMALLEST_PAGE = 25
"""Less is never asked for, unless the service itself names a number: 100 requests an hour give no
more than 2,500 rows of such pages."""

_REFUSALS = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)
_LIMIT = re.compile(
    r"(?<!rate )\b(limit|page.?size|number must be|expected number)\b", re.IGNORECASE
)
_NUMBER = re.compile(r"(?<![\w.,])\d{1,9}(?![\w]|[.,]\d)")


class PageSize:
    """The page size of one reading.

    Args:
        selection: what is read; its page size is the wanted one.
        most: what an earlier attempt has come to.
    """

    def __init__(self, selection: Selection, most: int | None = None) -> None:
        self._wanted = selection
        self._size = min(selection.page_size, most or selection.page_size)
        self._answered = True
        self._asks_smallest = False
        self._why = ""
        self._smallest_refused = ""

    @property
    def selection(self) -> Selection:
        """What to ask for now: the wanted rows, in pages of this size."""
        size = SMALLEST_PAGE if self._asks_smallest else self._size
        return replace(self._wanted, page_size=size)

    @property
    def on_trial(self) -> bool:
        """Whether no page of this size was answered yet, so that it is asked for once."""
        return self._asks_smallest or not self._answered

    @property
    def kept(self) -> int | None:
        """The size to go on with; ``None``: the largest."""
        return self._size if self._size < self._wanted.endpoint.page_size else None

    def grows_from(self, asked: Selection) -> bool:
        """Whether the next page is to be larger than one that was asked for."""
        return self._size > asked.page_size

    def answered(self) -> None:
        """Note that there was an answer."""
        self._smallest_refused = ""
        if self._asks_smallest:
            self._lower(self._smaller, known=self._smaller == SMALLEST_PAGE)
        else:
            self._answered = True

    def refused(self, error: ApiError | Unreachable, *, narrows: bool) -> bool:
        """Note that there was no answer; return whether to ask for a smaller page instead.

        ``narrows``: whether the window can be halved, so that what the smallest page got in a wider
        one need not be asked about before no window can.
        """
        self._why = f"HTTP {error.status}" if isinstance(error, ApiError) else "a cut-off answer"
        if not may_be_too_large(error):
            return False
        if (named := _named(error, self.selection.page_size)) is not None:
            self._lower(named, known=True)
        elif self._asks_smallest:
            self._asks_smallest, self._smallest_refused = False, self._why
            return False
        elif (narrows and self._why == self._smallest_refused) or self._smaller >= self._size:
            return False
        elif self._answered:
            self._asks_smallest = True
            log.info("%s: %s; asking for a small page", self.selection, self._why)
        else:
            self._lower(self._smaller, known=False)
        return True

    @property
    def _smaller(self) -> int:
        return max(self._size // 2, SMALLEST_PAGE)

    def _lower(self, size: int, *, known: bool) -> None:
        log.warning(
            "%s: %s to a page of %d rows; asking for %d rows a page from here on",
            self._wanted,
            self._why,
            self._size,
            size,
        )
        self._size, self._answered, self._asks_smallest = size, known, False


def may_be_too_large(error: ApiError | Unreachable) -> bool:
    """Whether an error is what services and gateways answer to a page that is too large."""
    if isinstance(error, Unreachable):
        return error.cut_off
    too_large = error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    return too_large or error.status >= HTTPStatus.INTERNAL_SERVER_ERROR or is_about_limit(error)


def is_about_limit(error: ApiError) -> bool:
    """Whether the API itself refuses the number of rows that was asked for."""
    refused = error.status in _REFUSALS and error.from_api
    return refused and _LIMIT.search(error.detail) is not None


def _named(error: ApiError | Unreachable, asked: int) -> int | None:
    """Return the largest page that a refusal names, ``None`` if it names none below the asked.

    ``limit must be <= 50``; ``limit: 1000 is not between 1 and 50``. A 1 is where limits begin.
    """
    if not isinstance(error, ApiError) or not is_about_limit(error):
        return None
    return max((n for n in map(int, _NUMBER.findall(error.detail)) if 1 < n < asked), default=None)
