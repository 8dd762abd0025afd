"""How the rows of an export lie in its files: format, compression and columns.

The registry stands above the encoders: they know nothing of it.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from importlib import import_module
from typing import IO, TYPE_CHECKING, NamedTuple, Protocol

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.export.formats.parquet import Parquet
from airflow_provider_docsanalytics.export.formats.table import Table
from airflow_provider_docsanalytics.export.formats.text import Csv, JsonLines
from airflow_provider_docsanalytics.parameters import one_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from airflow_provider_docsanalytics.fields import Field


class Encoder(Protocol):
    """Writes the rows of one file."""

    def write(self, rows: Sequence[bytes]) -> None:
        """Append rows, each as :func:`.readable.readable` gives it."""

    def close(self) -> None:
        """Write what is still held back; the sink stays open."""


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """How rows are written; an impossible one is a :class:`ConfigError`, whatever is installed.

    Attributes:
        context: the fields put first into every row.
        fields: the row's, as the endpoint table has them: the columns of formats that have some.
        escape_formulas: CSV alone: keep spreadsheet programs from running what readers wrote.
    """

    file_format: str
    compression: str | None
    context: Mapping[str, str]
    fields: tuple[Field, ...]
    escape_formulas: bool = False

    def __post_init__(self) -> None:
        check_format(self.file_format, self.compression, escape_formulas=self.escape_formulas)
        if self._format.needs:
            _must_have(self._format.needs, f"file_format={self.file_format!r}")
        if self._codec.needs:
            _must_have(self._codec.needs, f"compression={self.compression!r}")

    @property
    def suffix(self) -> str:
        """The ending of a file's name."""
        return f".{self.file_format}{self._codec.suffix}"

    @property
    def has_columns(self) -> bool:
        """Whether a file names its columns, also one without rows."""
        return self._format.has_columns

    @property
    def taken(self) -> Collection[str]:
        """The names that no row can have: ours, where both stand in one object."""
        return () if self.has_columns else self.context.keys()

    def compressed(self, sink: IO[bytes]) -> IO[bytes] | None:
        """Return what compresses a whole file into ``sink``, ``None`` where nothing does."""
        return self._codec.compress(sink) if self._codec.compress else None

    def encoder(self, sink: IO[bytes]) -> Encoder:
        """Return what writes rows into ``sink``."""
        return self._format.encoder(sink, self)

    @property
    def _format(self) -> _Format:
        return FORMATS[self.file_format]

    @property
    def _codec(self) -> _Compression:
        """The compression of the whole file; none where the format compresses by itself."""
        return COMPRESSIONS[None if self._format.compresses else self.compression]


def check_format(file_format: object, compression: object, *, escape_formulas: bool) -> None:
    """Refuse what no file can be, whatever is installed."""
    one_of("file_format", file_format, FORMATS)
    one_of("compression", compression, COMPRESSIONS)
    if escape_formulas and file_format != "csv":
        raise ConfigError("escape_formulas goes with file_format='csv' alone: leave it out.")


class _Package(NamedTuple):
    name: str
    extra: str


class _Format(NamedTuple):
    encoder: Callable[[IO[bytes], OutputFormat], Encoder]
    has_columns: bool = True
    compresses: bool = False
    needs: _Package | None = None


class _Compression(NamedTuple):
    suffix: str = ""
    compress: Callable[[IO[bytes]], IO[bytes]] | None = None
    needs: _Package | None = None


def _gzip(sink: IO[bytes]) -> IO[bytes]:
    # Neither a file name nor a time in the header: the same rows give the same bytes.
    return gzip.GzipFile("", "wb", compresslevel=6, fileobj=sink, mtime=0)  # type: ignore[return-value]


def _zstd(sink: IO[bytes]) -> IO[bytes]:
    import zstandard

    return zstandard.ZstdCompressor(level=3).stream_writer(sink, closefd=False)


def _must_have(package: _Package, wanted: str) -> None:
    try:
        import_module(package.name)
    except ImportError as error:
        raise ConfigError(
            f"{wanted} needs the package {package.name}: "
            f"pip install airflow-provider-docsanalytics[{package.extra}] where the workers run."
        ) from error


def _json_lines(sink: IO[bytes], form: OutputFormat) -> Encoder:
    return JsonLines(sink, form.context)


def _csv(sink: IO[bytes], form: OutputFormat) -> Encoder:
    table = Table(form.context, form.fields)
    return Csv(sink, table, escape_formulas=form.escape_formulas)


def _parquet(sink: IO[bytes], form: OutputFormat) -> Encoder:
    return Parquet(sink, Table(form.context, form.fields), form.compression)


FORMATS = {
    "jsonl": _Format(_json_lines, has_columns=False),
    "csv": _Format(_csv),
    "parquet": _Format(_parquet, compresses=True, needs=_Package("pyarrow", "parquet")),
}
COMPRESSIONS: Mapping[str | None, _Compression] = {
    None: _Compression(),
    "gzip": _Compression(".gz", _gzip),
    "zstd": _Compression(".zst", _zstd, _Package("zstandard", "zstd")),
}
