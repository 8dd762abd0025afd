"""Where a watcher's mark lies: the asset state store of Airflow 3.3+, before that nowhere."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.triggers.marks import Mark

if TYPE_CHECKING:
    from airflow.sdk.execution_time.context import AssetStateStoreAccessors

log = logging.getLogger(__name__)

KEY = "docsanalytics_conversations"


class MarkStore:
    """The mark of one watcher, with every asset that it watches.

    To Airflow watchers with equal parameters are one, whatever number of assets they belong to.

    Args:
        accessors: what the triggerer has given to the trigger; ``None`` before Airflow 3.3.
    """

    def __init__(self, accessors: AssetStateStoreAccessors | None) -> None:
        # There is no public list of them, and without one only a single asset can be served.
        self._assets: list[Any] = [] if accessors is None else [*accessors._by_name.values()]  # noqa: SLF001

    async def load(self) -> Mark | None:
        """Return the mark: the earliest, so that no asset misses anything."""
        marks = []
        for asset in self._assets:
            stored = await asset.aget(KEY)
            mark = Mark.parse(stored)
            if mark is not None:
                marks.append(mark)
            elif stored is not None:
                log.warning("%r: %r is no mark, and is left out of account", asset, stored)
        return min(marks, key=Mark.reach, default=None)

    async def save(self, mark: Mark) -> None:
        """Keep the mark."""
        for asset in self._assets:
            await asset.aset(KEY, mark.as_json())
