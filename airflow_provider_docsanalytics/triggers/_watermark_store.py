"""Where watermarks are stored: in the asset state store of Airflow 3.3+, before that nowhere."""

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
    from airflow.sdk.execution_time.context import AssetStateStoreAccessors

log = logging.getLogger(__name__)

PREFIX = "docsanalytics_conversations:"
"""The start of a watcher's key in the store; its digest follows."""
INDEX = "docsanalytics_watchers"
"""The key of the digests of all watchers of an asset: the store itself lists nothing."""
OLD_KEY = "docsanalytics_conversations"
"""The key of the one watermark that versions up to 0.1 stored for all watchers of an asset."""
SAVED_AT = "saved_at"
RETENTION = timedelta(days=90)
"""After this long without a save, a watcher has ended: a running one saves at each poll."""
_FIRST_CLEANUP_S = 3600.0
_CLEANUP_INTERVAL_S = 86_400.0


def digest(*, conn_id: str, project_id: str | None, minimum: int, status: str | None) -> str:
    """Return what tells a watcher from the others of an asset: all that its events depend on.

    Not the interval, which only changes when it polls, nor ``since``, which only says where a
    watcher starts that has no watermark yet.
    """
    identity = json.dumps([conn_id, project_id, minimum, status]).encode()
    return blake2b(identity, digest_size=8).hexdigest()


class WatermarkStore:
    """Stores the watermark of one watcher with each asset that it watches; before 3.3, nowhere.

    Airflow runs watchers with equal parameters as one, however many assets they belong to.

    Args:
        accessors: the asset state stores of the trigger; ``None`` before Airflow 3.3.
        watcher: the watcher's :func:`digest`.
    """

    def __init__(self, accessors: AssetStateStoreAccessors | None, watcher: str) -> None:
        listed = [] if accessors is None else _assets_of(accessors)
        self._assets: list[Any] = listed or []
        self._unlisted: Any = accessors if listed is None else None
        self._watcher = watcher
        self._next_cleanup = time.monotonic() + _FIRST_CLEANUP_S

    async def load(self) -> Watermark | None:
        """Return the watermark: the earliest, so that no asset misses a turn."""
        return await self._earliest(PREFIX + self._watcher)

    async def save(self, watermark: Watermark) -> None:
        """Store the watermark with each asset."""
        value = watermark.as_json() | {SAVED_AT: iso_ms(datetime.now(UTC))}
        for asset in self._assets:
            await asset.aset(PREFIX + self._watcher, value)

    async def load_or_save(self, first: Watermark) -> Watermark:
        """Return the stored watermark, else an older version's, else ``first``, and store it.

        The first watcher of an asset that has none of its own takes the watermark of an older
        version. That is deleted once the new one is stored.
        """
        await self._find_single_asset()
        watermark = await self.load()
        migrates = watermark is None and (watermark := await self._earliest(OLD_KEY)) is not None
        watermark = watermark or first
        await self.save(watermark)
        for asset in self._assets:
            if migrates:
                await asset.adelete(OLD_KEY)
            watchers = _texts(await asset.aget(INDEX))
            if self._watcher not in watchers:
                await asset.aset(INDEX, [*watchers, self._watcher])
        return watermark

    async def _find_single_asset(self) -> None:
        """If Airflow's list of assets is not found, use its documented methods for a single one."""
        if self._unlisted is None:
            return
        try:
            await self._unlisted.aget(INDEX)
        except (AttributeError, TypeError, ValueError) as error:
            log.warning(
                "Cannot use the asset state store of this Airflow (%s). This watcher's watermark "
                "is not stored: it starts again when the triggerer restarts. Upgrade "
                "airflow-provider-docsanalytics.",
                error,
            )
        else:
            self._assets = [self._unlisted]
        self._unlisted = None

    async def clean_up(self) -> None:
        """Delete the watermarks of watchers that have ended; an hour after the start, then daily.

        Not at the start: after a long outage the other watchers have to restart first. Two
        triggerers that change the index at once may leave a watermark behind, but never delete that
        of a running watcher: its own watermark, which no other writes, says whether it runs.
        """
        if time.monotonic() < self._next_cleanup:
            return
        self._next_cleanup = time.monotonic() + _CLEANUP_INTERVAL_S
        try:
            for asset in self._assets:
                await self._delete_expired(asset)
        except Exception:
            log.exception("Watermarks of ended watchers could not be deleted; retrying tomorrow")

    async def _delete_expired(self, asset: Any) -> None:
        listed = _texts(await asset.aget(INDEX))
        kept = [self._watcher]
        for watcher in listed:
            if watcher == self._watcher:
                continue
            if _is_expired(await asset.aget(PREFIX + watcher)):
                await asset.adelete(PREFIX + watcher)
            else:
                kept.append(watcher)
        if sorted(kept) != sorted(listed):
            await asset.aset(INDEX, kept)

    async def _earliest(self, key: str) -> Watermark | None:
        watermarks = []
        for asset in self._assets:
            stored = await asset.aget(key)
            watermark = Watermark.parse(stored)
            if watermark is not None:
                watermarks.append(watermark)
            elif stored is not None:
                log.warning("%r: %r is not a watermark and is ignored", asset, stored)
        return min(watermarks, key=Watermark.position, default=None)


def _assets_of(accessors: AssetStateStoreAccessors) -> list[Any] | None:
    """Return the accessor of each asset; ``None``: Airflow has no public list, and no private one.

    An asset that is named by ``Asset.ref(uri=…)`` is in the second.
    """
    found = [getattr(accessors, name, None) for name in ("_by_name", "_by_uri")]
    assets = [asset for each in found if isinstance(each, dict) for asset in each.values()]
    known = all(isinstance(each, dict) for each in found)
    return assets if known and all(hasattr(asset, "aget") for asset in assets) else None


def _texts(stored: Any) -> list[str]:
    values = stored if isinstance(stored, list) else []
    return [value for value in values if isinstance(value, str)]


def _is_expired(stored: Any) -> bool:
    """Return whether a watermark was last saved long ago; one of unknown age is kept."""
    if stored is None:
        return True
    saved_at = stored.get(SAVED_AT) if isinstance(stored, dict) else None
    if not isinstance(saved_at, str):
        return False
    try:
        return datetime.now(UTC) - parse_instant(saved_at, SAVED_AT) > RETENTION
    except ConfigError:
        return False
