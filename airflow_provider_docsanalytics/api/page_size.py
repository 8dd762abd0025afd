"""Reduces the page size if requests for larger pages fail.

Gateways transfer 4.5 to 6 MB and return 413, 500 or 502 for more, or cut the body off; services
lower their largest ``limit``. At first none of this differs from an outage, so one request decides:
the smallest page, once. If it fails too, the size is not the reason: the error is raised, and an
outage has cost one more request. If it succeeds, the page size is halved until a request succeeds,
with one attempt each. The rest is read with that size.

A cursor may count in pages, so no page may be larger than the one before: the small page of the
trial is read again with the final size, and a resume uses the size of its checkpoint. A *smaller*
page skips no row; it may repeat some, which an export detects by their keys. If we count the rows
ourselves, any size is fine.

A smaller page is tried before a narrower window, also on timeouts (504, 522, 524): a full page is
as large in a narrower window, and if the window is the reason, the smallest page fails too. It may
be both, so the smallest page is tried once more in the narrowest window. 414 and 431 are about the
length of the request, which no page size changes.
"""

from __future__ import annotations

import logging
import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from msgspec.structs import replace

from airflow_provider_docsanalytics.errors import ApiError, Unreachable

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.api.endpoint import Selection

log = logging.getLogger(__name__)

SMALLEST_PAGE = 25
"""The minimum, unless the service itself names a number: with 100 requests an hour such pages give
2,500 rows."""

_REFUSALS = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)
_LIMIT = re.compile(
    r"(?<!rate )\b(limit|page.?size|number must be|expected number)\b", re.IGNORECASE
)
_NUMBER = re.compile(r"(?<![\w.,])\d{1,9}(?![\w]|[.,]\d)")


class PageSize:
    """The page size of one reading.

    Args:
        selection: what to read; its page size is the first to try.
        most: the page size that an earlier attempt has reduced to.
    """

    def __init__(self, selection: Selection, most: int | None = None) -> None:
        self._selection = selection
        self._size = min(selection.page_size, most or selection.page_size)
        self._size_works = True
        self._tries_smallest = False
        self._reason = ""
        self._smallest_failed = ""

    @property
    def selection(self) -> Selection:
        """The selection for the next request, with the current page size."""
        size = SMALLEST_PAGE if self._tries_smallest else self._size
        return replace(self._selection, page_size=size)

    @property
    def on_trial(self) -> bool:
        """Whether no request of this size has succeeded yet, so that it gets one attempt."""
        return self._tries_smallest or not self._size_works

    @property
    def reduced(self) -> int | None:
        """The page size, if it is smaller than the largest."""
        return self._size if self._size < self._selection.endpoint.page_size else None

    def grows_from(self, requested: Selection) -> bool:
        """Return whether the next page is larger than one that was requested."""
        return self._size > requested.page_size

    def succeeded(self) -> None:
        """Record that a request has succeeded."""
        self._smallest_failed = ""
        if self._tries_smallest:
            self._lower(self._smaller, known=self._smaller == SMALLEST_PAGE)
        else:
            self._size_works = True

    def failed(self, error: ApiError | Unreachable, *, can_split: bool) -> bool:
        """Record that a request has failed; return whether to request a smaller page instead.

        ``can_split``: whether the window can be split; then the smallest page, once it has failed,
        is not tried again before the narrowest window.
        """
        self._reason = (
            f"HTTP {error.status}" if isinstance(error, ApiError) else "a truncated response"
        )
        if not may_be_too_large(error):
            return False
        if (limit := _limit_in(error, self.selection.page_size)) is not None:
            self._lower(limit, known=True)
        elif self._tries_smallest:
            self._tries_smallest, self._smallest_failed = False, self._reason
            return False
        elif (can_split and self._reason == self._smallest_failed) or self._smaller >= self._size:
            return False
        elif self._size_works:
            self._tries_smallest = True
            log.info("%s: %s; trying a small page", self.selection, self._reason)
        else:
            self._lower(self._smaller, known=False)
        return True

    @property
    def _smaller(self) -> int:
        return max(self._size // 2, SMALLEST_PAGE)

    def _lower(self, size: int, *, known: bool) -> None:
        log.warning(
            "%s: %s for a page of %d rows; requesting %d rows a page from here on",
            self._selection,
            self._reason,
            self._size,
            size,
        )
        self._size, self._size_works, self._tries_smallest = size, known, False


def may_be_too_large(error: ApiError | Unreachable) -> bool:
    """Return whether services and gateways return this error for a page that is too large."""
    if isinstance(error, Unreachable):
        return error.cut_off
    too_large = error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    return too_large or error.status >= HTTPStatus.INTERNAL_SERVER_ERROR or is_about_limit(error)


def is_about_limit(error: ApiError) -> bool:
    """Return whether the API itself rejects the number of rows that was requested."""
    refused = error.status in _REFUSALS and error.from_api
    return refused and _LIMIT.search(error.detail) is not None


def _limit_in(error: ApiError | Unreachable, requested: int) -> int | None:
    """Return the largest page that an error names; ``None`` if none below the requested one.

    ``limit must be <= 50``; ``limit: 1000 is not between 1 and 50``. 1 is the lower bound.
    """
    if not isinstance(error, ApiError) or not is_about_limit(error):
        return None
    return max(
        (n for n in map(int, _NUMBER.findall(error.detail)) if 1 < n < requested), default=None
    )
