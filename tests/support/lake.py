"""Lakes for tests: every endpoint, day by day, by the package's own exports from a simulator."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.api.client import Client
from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.settings import Settings
from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.export.directory import ExportDirectory
from airflow_provider_docsanalytics.export.run import export
from airflow_provider_docsanalytics.operators._plan import OutputOptions, plan_of, source_of
from airflow_provider_docsanalytics.window import DateWindow, iso_ms

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_docsanalytics.api.endpoint import Platform, Selection
    from airflow_provider_docsanalytics.export.documents import Manifest
    from airflow_provider_docsanalytics.simulator import Simulator

DAY = timedelta(days=1)
START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
ENDPOINTS = [(platform, name) for platform in (MINTLIFY, VYOM) for name in platform.endpoints]


@dataclass(frozen=True)
class LakeWriter:
    """Writes exports of one simulator below a root, as the example Dags do.

    Attributes:
        filesystem: of the lake, as ``fsspec`` has it.
        root: of the lake, as that file system names it.
        options: how the files are written.
        start: of the first day.
    """

    service: Simulator
    filesystem: Any
    root: str
    options: OutputOptions = OutputOptions("jsonl", None, False, 10, "error")  # noqa: RUF009 - frozen, too
    start: datetime = START

    def write(
        self,
        platform: Platform,
        endpoint: str,
        start: datetime,
        end: datetime | None = None,
        *,
        path: str = "",
        **selected: Any,
    ) -> Manifest:
        """Export one window, a day by default; return the manifest.

        Args:
            platform: the endpoint's.
            path: its directory below the root; by default ``mintlify/views/dt=2026-01-05``.
            selected: more arguments of the platform's ``select``.
        """
        windowed = platform.endpoints[endpoint].windowed
        window = DateWindow.between(start, end or start + DAY) if windowed else None
        if not windowed:
            selected["thread_ids"] = self._thread_ids(start, end or start + DAY)
        selection = platform.select(
            endpoint, window=window, project_id=self.service.project_id, **selected
        )
        path = path or f"{platform.name}/{endpoint}/dt={start:%Y-%m-%d}"
        directory = ExportDirectory(self.filesystem, f"{self.root}/{path}", path)
        return self._export(selection, directory)

    def days(
        self, number: int, endpoints: Iterable[tuple[Platform, str]] = tuple(ENDPOINTS)
    ) -> None:
        """Export so many days from the first on, each day's endpoints one after the other."""
        endpoints = list(endpoints)
        for day in range(number):
            for platform, endpoint in endpoints:
                self.write(platform, endpoint, self.start + day * DAY)

    def _export(self, selection: Selection, directory: ExportDirectory) -> Manifest:
        platform, service = selection.platform, self.service
        key = service.mintlify_key if selection.platform.has_projects else service.vyom_key
        settings = Settings(service.url, key)
        plan = plan_of(
            selection,
            self.options,
            service=settings.service,
            conn_id=f"{platform.name}_default",
            run=None,
        )
        with Client(settings) as client:
            return export(plan, directory, source_of(client, selection, settings))

    def _thread_ids(self, start: datetime, end: datetime) -> list[str]:
        turns, _ = self.service.truth("conversations", iso_ms(start), iso_ms(end))
        return sorted({turn["id"] for turn in turns})[:3]
