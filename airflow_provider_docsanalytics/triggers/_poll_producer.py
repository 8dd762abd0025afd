"""The shared poll as Airflow 3.3+ drives it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airflow.triggers.shared_stream import SharedStreamProducer

from airflow_provider_docsanalytics.triggers._shared_poll import poll_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from airflow.triggers.shared_stream import AdvanceItem

    from airflow_provider_docsanalytics.triggers._shared_poll import Source
    from airflow_provider_docsanalytics.triggers._watermark import PollResult

log = logging.getLogger(__name__)


class PollProducer(SharedStreamProducer):
    """Shows each look to all watchers, and moves their marks once their events are stored."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def open_stream(self) -> AsyncIterator[tuple[PollResult, PollResult]]:
        """Yield each look, as what the watchers see and as what is to be settled afterwards."""
        async for look in poll_of(self._source).looks(self._source):
            yield look, look

    async def advance(self, batch: Sequence[AdvanceItem]) -> None:
        """Move the marks behind looks whose events are in Airflow's database.

        Where one of a look's events is not, all of its marks stay: announced again is better than
        never. An error here would end the poll, so it is only said; the next look's mark covers it.
        """
        for item in batch:
            if item.outcome.failed:
                log.warning("Events were not stored; their turns are announced again: %s", item)
                continue
            look: PollResult = item.broker_payload
            for save in look.on_persisted:
                try:
                    await save()
                except Exception:
                    log.exception("A watcher's mark could not be stored; it stays where it was")
