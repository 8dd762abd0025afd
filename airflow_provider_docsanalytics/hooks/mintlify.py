"""The hook for Mintlify's Analytics Export API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.errors import BadResponse, ConfigError
from airflow_provider_docsanalytics.hooks.base import DocsAnalyticsHook
from airflow_provider_docsanalytics.window import DateWindow, iso_ms, parse_instant

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.api.endpoint import Selection

_KEY_BYTES = 8

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
    """

    turns: tuple[Turn, ...]
    more: bool


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

        Args:
            since: a moment; no zone means UTC.
            limit: up to 1000, the largest page.
            project_id: default: the connection's login.
        """
        start = parse_instant(since, "since")
        # A day more than now: the clock here may be behind the service's.
        end = max(start, parse_instant(datetime.now(UTC), "now")) + timedelta(days=1)
        selection = self.select(
            "conversations",
            window=DateWindow(start, end),
            project_id=project_id,
            page_size=limit,
        )
        page = self.ask_once(selection)
        turns = tuple(_turn(row, selection) for row in page.decode())
        return TurnsSeen(turns, more=page.next_cursor is not None)

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
        page where ``resolution_status`` has to be looked for.

        Returns:
            the matching turns of that page.
        """
        check_wanted(minimum, resolution_status)
        limit = minimum if resolution_status is None else LARGEST_PAGE
        seen = self.see_turns(since=since, limit=limit, project_id=project_id)
        return matching(seen.turns, resolution_status)


def check_wanted(minimum: object, resolution_status: object) -> None:
    """Raise a ``ConfigError`` for what one page cannot show, or the service does not know."""
    if not isinstance(minimum, int) or not 1 <= minimum <= LARGEST_PAGE:
        raise ConfigError(f"minimum={minimum!r}: expected a whole number from 1 to {LARGEST_PAGE}.")
    if resolution_status not in (None, *RESOLUTIONS):
        known = ", ".join(RESOLUTIONS)
        raise ConfigError(f"resolution_status={resolution_status!r}: expected {known} or None.")


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


def _turn(row: dict[str, Any], selection: Selection) -> Turn:
    told = row.get("timestamp")
    if not isinstance(told, str):
        raise BadResponse(f"{selection}: a row's 'timestamp' is {told!r}, expected a text.")
    try:
        timestamp = iso_ms(parse_instant(told, "timestamp"))
    except ConfigError as error:
        raise BadResponse(f"{selection}: a row's {error}") from None
    identity = repr((row.get("conversationId") or row.get("id"), told)).encode()
    resolution = row.get("resolutionStatus")
    return Turn(
        key=blake2b(identity, digest_size=_KEY_BYTES).hexdigest(),
        timestamp=timestamp,
        resolution=resolution if isinstance(resolution, str) else None,
    )
