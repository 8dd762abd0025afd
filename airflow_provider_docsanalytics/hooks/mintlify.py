"""The hook for Mintlify's Analytics Export API."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics import _json
from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.errors import BadResponse, ConfigError
from airflow_provider_docsanalytics.hooks._base import DocsAnalyticsHook
from airflow_provider_docsanalytics.window import DateWindow, iso_ms, parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_docsanalytics.api.endpoint import Page

_KEY_BYTES = 8

AHEAD = timedelta(days=1)
"""How far beyond now turns are looked for: the clock here may be behind the service's."""
SHORTEST_INTERVAL_S = 0.05
"""Less would be no pause; a real service, with 100 requests an hour, is asked every few minutes."""
LONGEST_INTERVAL_S = 366 * 86_400.0

LARGEST_PAGE = MINTLIFY.endpoint("conversations").page_size
RESOLUTIONS = ("answered", "unanswered")


@dataclass(frozen=True, slots=True)
class Turn:
    """What is kept of a conversation turn once it was looked at: nothing that was said.

    Attributes:
        key: tells it from any other turn; a digest, since several turns share an ``id``.
        timestamp: ISO 8601, UTC, milliseconds; such texts are in order of time.
        resolution: ``answered``, ``unanswered``, or ``None`` in the service's older schema.
    """

    key: str
    timestamp: str
    resolution: str | None


@dataclass(frozen=True, slots=True)
class TurnsSeen:
    """What one look at the conversations has shown.

    Attributes:
        turns: in no order that can be relied on.
        more: there are turns that the page had no room for.
        odd: rows that are no turns, since they have no moment; they count nowhere.
    """

    turns: tuple[Turn, ...]
    more: bool
    odd: int = 0


class MintlifyHook(DocsAnalyticsHook):
    """Reads Mintlify's analytics: conversations, threads, feedback, searches, views, visitors.

    Args:
        mintlify_conn_id: the connection; its password is an admin API key (``mint_…``), its login
            the default project ID.
    """

    platform = MINTLIFY
    conn_name_attr = "mintlify_conn_id"
    default_conn_name = "mintlify_default"
    conn_type = "mintlify"
    hook_name = "Mintlify"

    def __init__(self, mintlify_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(mintlify_conn_id, **kwargs)
        self.mintlify_conn_id = mintlify_conn_id

    def see_turns(
        self, *, since: object, limit: int = LARGEST_PAGE, project_id: str | None = None
    ) -> TurnsSeen:
        """Spend one request on the turns at or after ``since``: at most ``limit`` of them.

        A row without a timestamp that can be read is left out, with one line in the log for all of
        them; so is a turn stamped more than a day ahead of now, until then.

        Args:
            since: a moment; no zone means UTC.
            limit: up to 1000, the largest page.
            project_id: default: the connection's login.
        """
        start = parse_instant(since, "since")
        window = DateWindow(start, max(start, parse_instant(datetime.now(UTC), "now")) + AHEAD)
        selection = self.select(
            "conversations", window=window, project_id=project_id, page_size=limit
        )
        page = self.ask_once(replace(selection, odd_rows=True))
        turns, odd = self._turns(page)
        # A service that does not keep to the window must not move a watermark out of it.
        inside = tuple(
            turn for turn in turns if window.date_from <= turn.timestamp < window.date_to
        )
        return TurnsSeen(inside, more=page.next_cursor is not None, odd=odd)

    def see_conversations(
        self,
        *,
        since: object,
        minimum: int = 1,
        resolution_status: str | None = None,
        project_id: str | None = None,
    ) -> tuple[Turn, ...]:
        """Spend one request on whether at least ``minimum`` turns exist at or after ``since``.

        The page asked for is no larger than the answer takes: ``minimum`` turns, or the largest
        page where ``resolution_status`` has to be looked for. Where rows without a moment have
        taken the room of turns on it, a second request asks for the largest page.

        Returns:
            the matching turns of that page.
        """
        check_wanted(minimum, resolution_status)
        limit = minimum if resolution_status is None else LARGEST_PAGE
        seen = self.see_turns(since=since, limit=limit, project_id=project_id)
        if seen.odd and seen.more and limit < LARGEST_PAGE:
            seen = self.see_turns(since=since, project_id=project_id)
        return matching(seen.turns, resolution_status)

    def _turns(self, page: Page) -> tuple[list[Turn], int]:
        """Return the turns of a page, and how many of its rows are none."""
        turns, odd = [], []
        for row in page.rows:
            try:
                turns.append(_turn(row))
            except _OddRowError as error:
                odd.append(error)
        if odd:
            self.log.warning(
                "conversations: %d of %d rows left out: no turns, since they have no moment. The "
                "first: %s. If this stays, the service has changed: report it with this message.",
                len(odd),
                len(page.rows),
                self.settings.redact(str(odd[0])),
            )
        return turns, len(odd)


class _OddRowError(Exception):
    """A row of the conversations that is no turn; the text says why, and quotes no more of it."""


@contextmanager
def connection_must_exist() -> Iterator[None]:
    """Make a connection that is missing what it is to those who poll: a ``ConfigError``."""
    from airflow.providers.common.compat.sdk import AirflowNotFoundException

    try:
        yield
    except AirflowNotFoundException as error:
        raise ConfigError(f"{error}. Create it: the next poll uses it.") from error


def check_interval(name: str, interval: object) -> float:
    """Return the seconds between two polls, from seconds or a ``timedelta``.

    Raises:
        ConfigError: it is no number, or a loop with it would not pause or never come back.
    """
    seconds = interval.total_seconds() if isinstance(interval, timedelta) else interval
    if (
        isinstance(seconds, bool)
        or not isinstance(seconds, int | float)
        or not SHORTEST_INTERVAL_S <= seconds <= LONGEST_INTERVAL_S  # false for NaN
    ):
        raise ConfigError(
            f"{name}={interval!r:.100}: expected seconds, more than 0 (at least "
            f"{SHORTEST_INTERVAL_S}) and at most a year. 900, a quarter of an hour, is usual."
        )
    return float(seconds)


def check_wanted(minimum: object, resolution_status: object) -> None:
    """Raise a ``ConfigError`` for what one page cannot show, or the service does not know."""
    whole = isinstance(minimum, int) and not isinstance(minimum, bool)
    if not whole or not 1 <= minimum <= LARGEST_PAGE:  # type: ignore[operator]
        raise ConfigError(
            f"minimum={minimum!r:.100}: expected a whole number from 1 to {LARGEST_PAGE}."
        )
    if resolution_status not in (None, *RESOLUTIONS):
        known = ", ".join(RESOLUTIONS)
        raise ConfigError(
            f"resolution_status={resolution_status!r:.100}: expected {known} or None."
        )


def matching(turns: tuple[Turn, ...], resolution_status: str | None) -> tuple[Turn, ...]:
    """Return the turns that were resolved so; all of them for ``None``.

    Raises:
        BadResponse: the service does not tell, so waiting for it would never end.
    """
    if resolution_status is None:
        return turns
    if turns and all(turn.resolution is None for turn in turns):
        raise BadResponse(
            "conversations: the rows have no 'resolutionStatus' (the service's older schema), so "
            "resolution_status cannot be waited for."
        )
    return tuple(turn for turn in turns if turn.resolution == resolution_status)


def in_short(turns: tuple[Turn, ...]) -> dict[str, Any]:
    """Return what a sensor gives on: ``count``, and the ``newest`` timestamp or ``None``."""
    return {"count": len(turns), "newest": max((turn.timestamp for turn in turns), default=None)}


def _turn(text: bytes) -> Turn:
    try:
        row = _json.value(text)
    except _json.NotJson as error:
        raise _OddRowError(f"it cannot be read ({error})") from error
    if not isinstance(row, dict):
        raise _OddRowError(f"it is no object, but {type(row).__name__}")
    told = row.get("timestamp")
    if not isinstance(told, str):
        raise _OddRowError(f"its 'timestamp' is {told!r:.50}, expected a text")
    try:
        timestamp = iso_ms(parse_instant(told, "timestamp"))
    except ConfigError:
        raise _OddRowError(f"its 'timestamp' is {told!r:.50}, expected a date") from None
    identity = repr((row.get("conversationId") or row.get("id"), told)).encode()
    resolution = row.get("resolutionStatus")
    return Turn(
        key=blake2b(identity, digest_size=_KEY_BYTES).hexdigest(),
        timestamp=timestamp,
        resolution=resolution if isinstance(resolution, str) else None,
    )
