"""Where a watcher's mark lies: the asset state store of Airflow 3.3+, before that nowhere."""

from __future__ import annotations

import json
import logging
import time
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.triggers._watermark import Watermark
from airflow_provider_docsanalytics.window import iso_ms, parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow.sdk.execution_time.context import AssetStateStoreAccessors

log = logging.getLogger(__name__)

PREFIX = "docsanalytics_conversations:"
"""What a watcher's key begins with; its own digest follows."""
INDEX = "docsanalytics_watchers"
"""The digests of all watchers that have a mark with an asset: the store itself has no listing."""
OLD_KEY = "docsanalytics_conversations"
"""Where versions up to 0.1 kept one mark for all watchers of an asset."""
SAVED_AT = "saved_at"
FORGET_AFTER = timedelta(days=90)
"""A watcher that has not saved its mark for so long has ended: a running one does at each poll."""
_FIRST_TIDY_S = 3600.0
_TIDY_EVERY_S = 86_400.0


def digest(*, conn_id: str, project_id: str | None, minimum: int, status: str | None) -> str:
    """Return what tells a watcher of an asset from the others: all that its events depend on.

    Not the interval, since another one changes when and not what; and not ``since``, which says
    where a watcher begins that has no mark yet.
    """
    told = json.dumps([conn_id, project_id, minimum, status]).encode()
    return blake2b(told, digest_size=8).hexdigest()


class WatermarkStore:
    """The mark of one watcher, with every asset that it watches.

    To Airflow watchers with equal parameters are one, whatever number of assets they belong to.

    Args:
        accessors: what the triggerer has given to the trigger; ``None`` before Airflow 3.3.
        watcher: the watcher's :func:`digest`.
    """

    def __init__(self, accessors: AssetStateStoreAccessors | None, watcher: str) -> None:
        listed = [] if accessors is None else _listed(accessors)
        self._assets: list[Any] = listed or []
        self._unlisted: Any = accessors if listed is None else None
        self._watcher = watcher
        self._tidy_at = time.monotonic() + _FIRST_TIDY_S

    async def load(self) -> Watermark | None:
        """Return the mark: the earliest, so that no asset misses anything."""
        return await self._earliest(PREFIX + self._watcher)

    async def save(self, mark: Watermark) -> None:
        """Keep the mark."""
        value = mark.as_json() | {SAVED_AT: iso_ms(datetime.now(UTC))}
        for asset in self._assets:
            await asset.aset(PREFIX + self._watcher, value)

    async def begin(self, first: Watermark) -> Watermark:
        """Return the stored mark, else an older version's, else ``first``; from now on it is kept.

        The first of an asset's watchers that finds nothing of its own goes on with the mark of an
        older version. The old mark goes only when the new one is there.
        """
        await self._find_single_asset()
        mark = await self.load()
        taken_over = mark is None and (mark := await self._earliest(OLD_KEY)) is not None
        mark = mark or first
        await self.save(mark)
        for asset in self._assets:
            if taken_over:
                await asset.adelete(OLD_KEY)
            watchers = _texts(await asset.aget(INDEX))
            if self._watcher not in watchers:
                await asset.aset(INDEX, [*watchers, self._watcher])
        return mark

    async def _find_single_asset(self) -> None:
        """Where Airflow's list is not where it was: use what it documents for a single asset."""
        if self._unlisted is None:
            return
        try:
            await self._unlisted.aget(INDEX)
        except (AttributeError, TypeError, ValueError) as error:
            log.warning(
                "The asset state store of this Airflow is not as expected (%s): this watcher's "
                "place is not kept, and it begins anew when the triggerer restarts. Upgrade "
                "airflow-provider-docsanalytics.",
                error,
            )
        else:
            self._assets = [self._unlisted]
        self._unlisted = None

    async def tidy(self) -> None:
        """Remove the marks of watchers that have ended; an hour after the start, then once a day.

        Not at the start: after a long outage the others have to come back first. What two
        triggerers do to the index at once can leave a mark behind, never remove that of a watcher
        that runs: whether one does stands with its own mark, which no other writes.
        """
        if time.monotonic() < self._tidy_at:
            return
        self._tidy_at = time.monotonic() + _TIDY_EVERY_S
        try:
            for asset in self._assets:
                await self._tidy(asset)
        except Exception:
            log.exception("Marks of ended watchers could not be removed; tried again tomorrow")

    async def _tidy(self, asset: Any) -> None:
        listed = _texts(await asset.aget(INDEX))
        kept = [self._watcher]
        for watcher in listed:
            if watcher == self._watcher:
                continue
            if _has_ended(await asset.aget(PREFIX + watcher)):
                await asset.adelete(PREFIX + watcher)
            else:
                kept.append(watcher)
        if sorted(kept) != sorted(listed):
            await asset.aset(INDEX, kept)

    async def _earliest(self, key: str) -> Watermark | None:
        marks = []
        for asset in self._assets:
            stored = await asset.aget(key)
            mark = Watermark.parse(stored)
            if mark is not None:
                marks.append(mark)
            elif stored is not None:
                log.warning("%r: %r is no mark, and is left out of account", asset, stored)
        return min(marks, key=Watermark.reach, default=None)


def _listed(accessors: AssetStateStoreAccessors) -> list[Any] | None:
    """Return the accessor of every asset; ``None``: Airflow has no public list, and no private one.

    An asset that is named by ``Asset.ref(uri=…)`` is in the second.
    """
    found = [getattr(accessors, name, None) for name in ("_by_name", "_by_uri")]
    assets = [asset for each in found if isinstance(each, dict) for asset in each.values()]
    known = all(isinstance(each, dict) for each in found)
    return assets if known and all(hasattr(asset, "aget") for asset in assets) else None


def _texts(stored: Any) -> list[str]:
    values: Iterable[Any] = stored if isinstance(stored, list) else ()
    return [value for value in values if isinstance(value, str)]


def _has_ended(stored: Any) -> bool:
    """Return whether a mark has not been saved for long; one of no known age is kept."""
    if stored is None:
        return True
    saved_at = stored.get(SAVED_AT) if isinstance(stored, dict) else None
    if not isinstance(saved_at, str):
        return False
    try:
        return datetime.now(UTC) - parse_instant(saved_at, SAVED_AT) > FORGET_AFTER
    except ConfigError:
        return False
