"""The audit: whether a lake holds what its manifests say, without gaps, doubles or silence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.lake.audit_files import check_files
from airflow_provider_docsanalytics.lake.catalog import Export, join_older, read_directories
from airflow_provider_docsanalytics.lake.finding import CODES, Finding, Report, printable

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from airflow_provider_docsanalytics.lake.files import LakeFiles


@dataclass(frozen=True, slots=True)
class Scope:
    """What is audited.

    Attributes:
        until: the instant up to which there should be exports: usually now.
        since: windows that end before it are left out; ``None``: none are.
        every: how often each series is exported; ``None``: learned from each.
        deep: also read every file, and compare checksums, rows and keys.
    """

    until: datetime
    since: datetime | None = None
    every: timedelta | None = None
    deep: bool = False

    def covers(self, export: Export) -> bool:
        """Return whether an export is in the scope; one without a window always is."""
        window = export.window
        return window is None or (
            (self.since is None or window.end > self.since) and window.start < self.until
        )


def audit(
    files: LakeFiles, scope: Scope, on_progress: Callable[[str], None] = lambda _: None
) -> Report:
    """Return what is wrong in a lake.

    Args:
        files: the lake.
        scope: what of it is audited.
        on_progress: called now and then with a sentence, in an audit that takes long.

    Raises:
        ConfigError: there is no lake.
        StorageError: the storage failed.
    """
    findings: list[Finding] = []
    exports: list[Export] = []
    for number, directory in enumerate(read_directories(files), start=1):
        export = directory.export
        if export is None or scope.covers(export):
            findings += check_files(files, directory, scope.until)
            exports += [export] if export else []
        if number % 1000 == 0:
            on_progress(f"{number:,} directories read")
    if not exports and not findings:
        raise ConfigError(
            f"{files.uri} holds no exports.\n"
            "Give the root of your exports: what stands before the first field of path."
        )
    exports = join_older(exports)
    return Report(
        lake=printable(files.uri),
        exports=len(exports),
        rows=sum(export.rows for export in exports),
        findings=sorted(findings, key=_order),
    )


def _order(each: Finding) -> tuple[bool, str, int, str]:
    return each.severity != "error", each.where, CODES.index(each.code), each.what
