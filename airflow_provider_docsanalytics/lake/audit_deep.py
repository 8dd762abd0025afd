"""The deep audit: every file is read, hashed and counted, its rows' keys compared and added up."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.export.row_keys import RowKeys, RowsMoved
from airflow_provider_docsanalytics.lake.audit_files import MOVE_AWAY
from airflow_provider_docsanalytics.lake.audit_totals import SUMMED, check_response
from airflow_provider_docsanalytics.lake.finding import Finding, finding
from airflow_provider_docsanalytics.lake.read_ahead import read_export
from airflow_provider_docsanalytics.lake.rows import PartReader, UnreadableRows
from airflow_provider_docsanalytics.storage.permissions import is_denied
from airflow_provider_docsanalytics.window import parse_instant

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from airflow_provider_docsanalytics.export.documents import File, Manifest
    from airflow_provider_docsanalytics.lake.catalog import Export
    from airflow_provider_docsanalytics.lake.files import LakeFiles
    from airflow_provider_docsanalytics.lake.read_ahead import ReadExport

_EXPORT_AGAIN = "Run the export of this window again: it replaces what is there."


class DeepResult(NamedTuple):
    """What reading an export shows.

    Attributes:
        sums: of the fields of :data:`.audit_totals.SUMMED`; ``None`` if the rows are not as the
            manifest says, so that their sums mean nothing.
    """

    findings: list[Finding]
    sums: dict[str, int] | None


def check_rows(
    files: LakeFiles,
    export: Export,
    read: ReadExport,
    earlier: RowKeys | None,
    known: Collection[str],
) -> DeepResult:
    """Compare the rows of an export with its manifest.

    Args:
        files: the lake.
        export: what is compared.
        read: what was read of it so far.
        earlier: the keys of the series so far, of which none may come again; ``None`` if they may.
        known: files that another finding is about; they are not read.
    """
    result = _check(files, export, read, earlier, known)
    if not result.findings:
        return result
    now = read_export(files, export)
    if now.manifest != read.manifest:  # it was replaced while it was read
        return _check(files, export, now, None, known)
    return result


def new_keys(export: Export) -> RowKeys:
    """Return an empty set of the keys of this export's rows."""
    row = export.series.table_row
    return RowKeys(row.key if row else (), (), inclusive=False)


def _check(
    files: LakeFiles,
    export: Export,
    read: ReadExport,
    earlier: RowKeys | None,
    known: Collection[str],
) -> DeepResult:
    manifest = read.manifest
    if manifest is None:  # deleted since, or damaged: the next audit says so
        return DeepResult([], None)
    exported = _Rows(export, earlier)
    findings: list[Finding] = []
    with closing(exported.own):
        for file in manifest.files:
            if files.uri_of(export.path, file.name) not in known:
                findings += _check_part(files, export, file, exported, read)
    complete = not findings and exported.rows == manifest.rows
    if complete and not exported.has_odd_sums:
        findings += check_response(files, export, manifest.totals, exported.sums)
    if exported.doubles:
        findings.append(_doubles(files, export, exported.doubles))
    return DeepResult(findings, exported.sums if complete and not exported.has_odd_sums else None)


class _Rows:
    """What the rows of one export come to, file by file."""

    def __init__(self, export: Export, earlier: RowKeys | None) -> None:
        self.own = new_keys(export)
        self._earlier = earlier
        self._summed = SUMMED.get(export.series.endpoint, ())
        self.sums = dict.fromkeys(self._summed, 0)
        self.has_odd_sums = False
        self.rows = 0
        self.doubles = ""

    def add(self, rows: list[bytes]) -> None:
        """Add some rows."""
        self.rows += len(rows)
        if _comes_twice(self.own, rows):
            self.doubles = "in this export"
        elif self._earlier and _comes_twice(self._earlier, rows) and not self.doubles:
            self.doubles = "in this export and in an earlier one of the series"
        if self._summed and not self.has_odd_sums:
            self.has_odd_sums = not all(map(self._add_up, rows))

    def _add_up(self, row: bytes) -> bool:
        """Add the numbers of a row; return whether they are some."""
        try:
            values = msgspec.json.decode(row)
            for name in self._summed:
                self.sums[name] += int(values.get(name) or 0)
        except (msgspec.DecodeError, AttributeError, TypeError, ValueError, RecursionError):
            return False
        return True


def _comes_twice(keys: RowKeys, rows: list[bytes]) -> bool:
    try:
        return keys.add_page(rows, None).duplicates > 0
    except RowsMoved:
        return True


def _check_part(
    files: LakeFiles, export: Export, file: File, exported: _Rows, read: ReadExport
) -> Iterator[Finding]:
    """Check one file; its rows count only if its checksum is right."""
    assert read.manifest is not None
    where = files.uri_of(export.path, file.name)
    try:
        with read.open(files, export, file.name) as opened:
            reader = PartReader(opened, file.name)
            problem, action = _add_rows(reader, file, exported, read.manifest)
            sha256 = reader.finish()
    except FileNotFoundError:
        what = f"The manifest lists this file with {file.rows:,} rows, and it is not there."
        yield finding("missing-file", "error", where, what, _EXPORT_AGAIN)
        return
    except Exception as error:
        if isinstance(error, ConfigError) or not (
            isinstance(error, PermissionError) or is_denied(error)
        ):
            raise
        yield finding(
            "unreadable",
            "error",
            where,
            "The storage does not allow reading this file.",
            "Give the audit's connection the right to read there.",
        )
        return
    if sha256 != file.sha256:
        what = "The content has changed since it was exported: its SHA-256 is another."
        yield finding("sha256", "error", where, what, _EXPORT_AGAIN)
        return
    if problem:
        yield finding("rows", "error", where, problem, action)


def _add_rows(
    reader: PartReader, file: File, exported: _Rows, manifest: Manifest
) -> tuple[str, str]:
    """Add the rows of a file; return what is wrong with them, and what to do about it."""
    before = exported.rows
    try:
        for rows in reader.chunks():
            if another := _of_another(reader, manifest):
                return another, MOVE_AWAY  # its keys say nothing about this series
            exported.add(rows)
            if exported.rows - before > file.rows:
                break
    except UnreadableRows as error:
        return f"The rows cannot be read: {error}.", _EXPORT_AGAIN
    return _miscounted(exported.rows - before, file), _EXPORT_AGAIN


def _miscounted(rows: int, file: File) -> str:
    if rows == file.rows:
        return ""
    number = f"more than {file.rows:,}" if rows > file.rows else f"{rows:,}"
    return f"The file has {number} rows, and the manifest says {file.rows:,}."


def _of_another(reader: PartReader, manifest: Manifest) -> str:
    """Return whose the rows are, if not this export's."""
    context: dict[str, Any] = msgspec.json.decode(reader.context or b"{}")
    for name in ("project_id", "date_from", "date_to"):
        expected = getattr(manifest, name)
        if (found := context.get(f"_{name}")) is not None and not _same(found, expected):
            return f"The rows are of {name} {found}, and the manifest says {expected}."
    return ""


def _same(found: object, expected: object) -> bool:
    if found == expected:
        return True
    try:  # Parquet's timestamps are spelled otherwise
        return parse_instant(found, "") == parse_instant(expected, "")
    except ConfigError:
        return False


def _doubles(files: LakeFiles, export: Export, where: str) -> Finding:
    return finding(
        "duplicate-key",
        "error",
        files.uri_of(export.path),
        f"{export.series}: a row comes twice, {where}. Where rows moved while they were read, "
        "others may be missing.",
        _EXPORT_AGAIN,
    )
