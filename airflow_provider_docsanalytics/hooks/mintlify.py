"""The hook for Mintlify's Analytics Export API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Literal, get_args

from msgspec.structs import replace

from airflow_provider_docsanalytics import _json
from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.errors import BadResponse, ConfigError
from airflow_provider_docsanalytics.hooks._base import DocsAnalyticsHook
from airflow_provider_docsanalytics.parameters import connection_id, did_you_mean
from airflow_provider_docsanalytics.window import DateWindow, iso_ms, parse_instant

if TYPE_CHECKING:
    from datetime import date

    from airflow_provider_docsanalytics.api.endpoint import Page

_KEY_BYTES = 8

AHEAD = timedelta(days=1)
"""How far the window reaches beyond now: the clock here may be behind the service's."""
SHORTEST_INTERVAL_S = 0.05
"""Less is not a pause. Poll a real service, with 100 requests an hour, every few minutes."""
LONGEST_INTERVAL_S = 366 * 86_400.0

LARGEST_PAGE = MINTLIFY.endpoint("conversations").page_size
Resolution = Literal["answered", "unanswered"]
RESOLUTIONS: tuple[str, ...] = get_args(Resolution)


@dataclass(frozen=True, slots=True)
class Turn:
    """A conversation turn without its texts.

    Attributes:
        key: identifies the turn; a digest, because several turns share an ``id``.
        timestamp: ISO 8601, UTC, milliseconds; such texts sort by time.
        resolution: ``answered``, ``unanswered``, or ``None`` in the service's older schema.
    """

    key: str
    timestamp: str
    resolution: str | None


@dataclass(frozen=True, slots=True)
class TurnsPage:
    """The turns of one page of conversations.

    Attributes:
        turns: in any order.
        more: there are more turns than the page holds.
        invalid: the number of rows without a valid timestamp, which are left out.
    """

    turns: tuple[Turn, ...]
    more: bool
    invalid: int = 0


class MintlifyHook(DocsAnalyticsHook):
    """Reads Mintlify's analytics: conversations, threads, feedback, searches, views, visitors.

    Args:
        mintlify_conn_id: the connection; its password is an admin API key (``mint_…``), its login
            the default project ID.
        quota_share: send a request only while the organisation has used less than this share of
            its quota, by the connection's ledger; more than 0, at most 1.
    """

    platform = MINTLIFY
    conn_name_attr = "mintlify_conn_id"
    default_conn_name = "mintlify_default"
    conn_type = "mintlify"
    hook_name = "Mintlify"

    def __init__(
        self, mintlify_conn_id: str = default_conn_name, *, quota_share: float = 1.0, **kwargs: Any
    ) -> None:
        checked = connection_id("mintlify_conn_id", mintlify_conn_id)
        super().__init__(checked, quota_share=quota_share, **kwargs)
        self.mintlify_conn_id = mintlify_conn_id

    def fetch_turns(
        self, *, since: str | date, limit: int = LARGEST_PAGE, project_id: str | None = None
    ) -> TurnsPage:
        """Return the turns at or after ``since``, at most ``limit`` of them; one request.

        Rows without a valid timestamp are left out, with one log line for all of them. So is a turn
        whose timestamp is more than a day in the future, until then.

        Args:
            since: an instant; no zone means UTC.
            limit: up to 1000, the largest page.
            project_id: default: the connection's login.
        """
        start = parse_instant(since, "since")
        window = DateWindow(start, max(start, parse_instant(datetime.now(UTC), "now")) + AHEAD)
        selection = self.select(
            "conversations", window=window, project_id=project_id, page_size=limit
        )
        page = self.fetch_once(replace(selection, allow_invalid_rows=True))
        turns, invalid = self._turns(page)
        # A service that ignores the window must not move a watermark out of it.
        inside = tuple(
            turn for turn in turns if window.date_from <= turn.timestamp < window.date_to
        )
        return TurnsPage(inside, more=page.next_cursor is not None, invalid=invalid)

    def find_conversations(
        self,
        *,
        since: str | date,
        minimum: int = 1,
        resolution_status: Resolution | None = None,
        project_id: str | None = None,
    ) -> tuple[Turn, ...]:
        """Return up to one page of turns at or after ``since``, to compare with ``minimum``.

        This is the sensor's question, and costs one request. Its page is as small as possible:
        ``minimum`` turns, or the largest page with a ``resolution_status``. If invalid rows take
        the place of turns on it, a second request is for the largest page.

        Returns:
            the turns of that page with that ``resolution_status``.
        """
        check_condition(minimum, resolution_status)
        limit = minimum if resolution_status is None else LARGEST_PAGE
        page = self.fetch_turns(since=since, limit=limit, project_id=project_id)
        if page.invalid and page.more and limit < LARGEST_PAGE:
            page = self.fetch_turns(since=since, project_id=project_id)
        return matching(page.turns, resolution_status)

    def _turns(self, page: Page) -> tuple[list[Turn], int]:
        """Return the turns of a page, and the number of its invalid rows."""
        turns, invalid = [], []
        for row in page.rows:
            try:
                turns.append(_turn(row))
            except _InvalidRowError as error:
                invalid.append(error)
        if invalid:
            self.log.warning(
                "conversations: %d of %d rows left out, because they have no valid timestamp. The "
                "first: %s.\nIf this persists, the service has changed: report this message.",
                len(invalid),
                len(page.rows),
                self.settings.redact(str(invalid[0])),
            )
        return turns, len(invalid)


class _InvalidRowError(Exception):
    """A row of conversations that is not a turn; the text gives the reason, not the row."""


def check_interval(name: str, interval: object) -> float:
    """Return the seconds between two polls, from seconds or a ``timedelta``.

    Raises:
        ConfigError: it is not a number, or is too short or too long for a poll.
    """
    seconds = interval.total_seconds() if isinstance(interval, timedelta) else interval
    if (
        isinstance(seconds, bool)
        or not isinstance(seconds, int | float)
        or not SHORTEST_INTERVAL_S <= seconds <= LONGEST_INTERVAL_S  # false for NaN
    ):
        raise ConfigError(
            f"{name}={interval!r:.100}: expected seconds, more than 0 (at least "
            f"{SHORTEST_INTERVAL_S}) and at most a year.\n"
            "Write 900, for example: a quarter of an hour."
        )
    return float(seconds)


def check_condition(minimum: object, resolution_status: object) -> None:
    """Raise a ``ConfigError`` for a condition that one page cannot show, or that is unknown."""
    is_integer = isinstance(minimum, int) and not isinstance(minimum, bool)
    if not is_integer or not 1 <= minimum <= LARGEST_PAGE:  # type: ignore[operator]
        raise ConfigError(
            f"minimum={minimum!r:.100}: expected a whole number from 1 to {LARGEST_PAGE}.\n"
            "Correct it: one poll returns no more turns."
        )
    if resolution_status not in (None, *RESOLUTIONS):
        known = ", ".join(RESOLUTIONS)
        raise ConfigError(
            f"resolution_status={resolution_status!r:.100}: expected {known} or None."
            f"{did_you_mean(resolution_status, RESOLUTIONS)}\nWith None, all turns count."
        )


def matching(turns: tuple[Turn, ...], resolution_status: Resolution | None) -> tuple[Turn, ...]:
    """Return the turns with that ``resolution_status``; all of them for ``None``.

    Raises:
        BadResponse: the service does not return it, so that a wait for it would never end.
    """
    if resolution_status is None:
        return turns
    if turns and all(turn.resolution is None for turn in turns):
        raise BadResponse(
            "conversations: the rows have no 'resolutionStatus' (the service's older schema), so "
            "resolution_status cannot be waited for.",
            "Leave resolution_status out.",
        )
    return tuple(turn for turn in turns if turn.resolution == resolution_status)


def summary(turns: tuple[Turn, ...]) -> dict[str, Any]:
    """Return a sensor's XCom value: ``count``, and the ``newest`` timestamp or ``None``."""
    return {"count": len(turns), "newest": max((turn.timestamp for turn in turns), default=None)}


def _turn(text: bytes) -> Turn:
    try:
        row = _json.value(text)
    except _json.NotJson as error:
        raise _InvalidRowError(f"it cannot be read ({error})") from error
    if not isinstance(row, dict):
        raise _InvalidRowError(f"it is not an object, but {type(row).__name__}")
    stamp = row.get("timestamp")
    if not isinstance(stamp, str):
        raise _InvalidRowError(f"its 'timestamp' is {stamp!r:.50}, expected text")
    try:
        timestamp = iso_ms(parse_instant(stamp, "timestamp"))
    except ConfigError:
        raise _InvalidRowError(f"its 'timestamp' is {stamp!r:.50}, expected a date") from None
    identity = repr((row.get("conversationId") or row.get("id"), stamp)).encode()
    resolution = row.get("resolutionStatus")
    return Turn(
        key=blake2b(identity, digest_size=_KEY_BYTES).hexdigest(),
        timestamp=timestamp,
        resolution=resolution if isinstance(resolution, str) else None,
    )
