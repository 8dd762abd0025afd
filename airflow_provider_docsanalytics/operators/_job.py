"""What one task exports, and where to: one directory, or, with ``split``, one for each day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import structs

from airflow_provider_docsanalytics._object_storage import directory_at
from airflow_provider_docsanalytics.operators import _split
from airflow_provider_docsanalytics.operators._path import fields_of, fill, label_warning, verbatim
from airflow_provider_docsanalytics.operators._plan import OutputOptions, plan_of, summary_of
from airflow_provider_docsanalytics.operators._window import Pinned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_docsanalytics.api.endpoint import Selection
    from airflow_provider_docsanalytics.export.directory import ExportDirectory
    from airflow_provider_docsanalytics.export.plan import Plan, Source
    from airflow_provider_docsanalytics.export.split import Day
    from airflow_provider_docsanalytics.hooks._base import DocsAnalyticsHook
    from airflow_provider_docsanalytics.window import DateWindow


class Exported(NamedTuple):
    """What a job has written.

    Attributes:
        summary: for XCom.
        directories: the summary of each directory.
    """

    summary: dict[str, Any]
    directories: Sequence[dict[str, Any]]


def job_of(operator: Any, hook: DocsAnalyticsHook, selection: Selection, run: str | None) -> Job:
    """Return what an export operator does in this run.

    Args:
        operator: its parameters.
        hook: its hook.
        selection: what it reads.
        run: the ID of the task's run.

    Raises:
        ConfigError: the path, or the split, is not possible for this selection.
    """
    output, path = OutputOptions.of(operator), operator.path

    def plan_for(part: Selection) -> Plan:
        service = hook.settings.service
        return plan_of(part, output, service=service, conn_id=hook.conn_id, run=run)

    def directory(url: str) -> ExportDirectory:
        return directory_at(url, operator.storage_conn_id, operator.storage_options)

    plan = plan_for(selection)
    if not operator.split or selection.window is None:
        url = fill(path, fields_of(selection))
        return OneDirectory(path, selection, plan, directory(url))

    from airflow_provider_docsanalytics.export.split import Day

    parts = [structs.replace(selection, window=day) for day in selection.window.days()]
    names = _split.directories_of_days(path, [fields_of(part) for part in parts])
    plan = _split.reading_plan(plan)
    reading = directory(_split.reading_url(path, names, plan, selection.window))
    days = [
        Day(plan_for(part), reading.beside(name))
        for part, name in zip(parts, names.below, strict=True)
    ]
    return DirectoryPerDay(path, selection, plan, reading, days)


def path_of(pinned: Pinned | None, operator: Any) -> str:
    """Return an operator's path as the first try of its run has pinned it."""
    path: str = operator.path
    if pinned is None:
        return path
    if operator.split:
        return pinned.path_of_days or path
    return path if pinned.path is None else verbatim(pinned.path)


class OneDirectory(NamedTuple):
    """An export into one directory; ``path`` is the task's, with its fields."""

    path: str
    selection: Selection
    plan: Plan
    directory: ExportDirectory

    @property
    def pinned(self) -> Pinned:
        """The window and the directory."""
        return Pinned(self.selection.window, fill(self.path, fields_of(self.selection)))

    @property
    def windows(self) -> Sequence[DateWindow]:
        """The window, if there is one."""
        return [self.selection.window] if self.selection.window else []

    @property
    def label_warning(self) -> str:
        """Whether the directory is named after a part of its window."""
        return label_warning(self.path, self.selection.window) if self.selection.window else ""

    def run(self, source: Source) -> Exported:
        """Export."""
        from airflow_provider_docsanalytics.export.run import export

        summary = summary_of(export(self.plan, self.directory, source), self.directory.uri)
        return Exported(summary, [summary])


class DirectoryPerDay(NamedTuple):
    """A wide window, exported by day; plan and directory are those of the reading."""

    path: str
    selection: Selection
    plan: Plan
    directory: ExportDirectory
    days: Sequence[Day]

    @property
    def pinned(self) -> Pinned:
        """The window, and the path that gives the directory of each day."""
        return Pinned(self.selection.window, path_of_days=self.path)

    @property
    def windows(self) -> Sequence[DateWindow]:
        """The days."""
        return self.selection.window.days() if self.selection.window else ()

    @property
    def label_warning(self) -> str:
        """None: each directory has the name of its day."""
        return ""

    def run(self, source: Source) -> Exported:
        """Export."""
        from airflow_provider_docsanalytics.export.moments import WindowOfRow
        from airflow_provider_docsanalytics.export.split import export_by_day

        endpoint = self.selection.endpoint
        split = export_by_day(
            self.plan,
            self.directory,
            self.days,
            source,
            WindowOfRow(endpoint.name, endpoint.moment, self.windows),
            page_rows=self.selection.page_size,
        )
        summaries = [
            summary_of(manifest, day.directory.uri)
            for manifest, day in zip(split.manifests, self.days, strict=True)
        ]
        whole = _split.summary_of_days(
            summaries, self.directory.uri, pages=split.pages, requests=split.requests
        )
        return Exported(whole, summaries)


Job = OneDirectory | DirectoryPerDay
