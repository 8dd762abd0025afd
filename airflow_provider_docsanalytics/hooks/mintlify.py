"""The hook for Mintlify's Analytics Export API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.errors import BadResponse, ConfigError
from airflow_provider_docsanalytics.hooks.base import DocsAnalyticsHook
from airflow_provider_docsanalytics.window import DateWindow, parse_instant

RESOLUTIONS = ("answered", "unanswered")


@dataclass(frozen=True, slots=True)
class ConversationsSeen:
    """What one look at the conversations has shown.

    Attributes:
        count: matching turns on the page that was looked at.
        newest: the newest of their timestamps, as the service spells it.
    """

    count: int
    newest: str | None

    def summary(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        return {"count": self.count, "newest": self.newest}


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

    def see_conversations(
        self,
        *,
        since: object,
        minimum: int = 1,
        resolution_status: str | None = None,
        project_id: str | None = None,
    ) -> ConversationsSeen:
        """Spend one request on whether at least ``minimum`` turns exist at or after ``since``.

        The page asked for is no larger than the answer takes: ``minimum`` turns, or the largest
        page where ``resolution_status`` has to be looked for.
        """
        largest = MINTLIFY.endpoint("conversations").page_size
        if not isinstance(minimum, int) or not 1 <= minimum <= largest:
            raise ConfigError(f"minimum={minimum!r}: expected a whole number from 1 to {largest}.")
        if resolution_status not in (None, *RESOLUTIONS):
            known = ", ".join(RESOLUTIONS)
            raise ConfigError(f"resolution_status={resolution_status!r}: expected {known} or None.")
        start = parse_instant(since, "since")
        # A day more than now: the clock here may be behind the service's.
        end = max(start, parse_instant(datetime.now(UTC), "now")) + timedelta(days=1)
        selection = self.select(
            "conversations",
            window=DateWindow(start, end),
            project_id=project_id,
            page_size=minimum if resolution_status is None else largest,
        )
        rows = self.ask_once(selection).decode()
        if resolution_status is not None:
            if rows and not any("resolutionStatus" in row for row in rows):
                raise BadResponse(
                    f"{selection}: the rows have no 'resolutionStatus' (the service's older "
                    "schema), so resolution_status cannot be waited for."
                )
            rows = [row for row in rows if row.get("resolutionStatus") == resolution_status]
        return ConversationsSeen(len(rows), max((row["timestamp"] for row in rows), default=None))
