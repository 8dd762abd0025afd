"""How rows become files: format, compression and columns. This registry picks the encoders."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from importlib import import_module
from typing import IO, TYPE_CHECKING, NamedTuple, Protocol

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.export.formats.parquet import GZIP_LEVEL, Parquet
from airflow_provider_docsanalytics.export.formats.table import Table
from airflow_provider_docsanalytics.export.formats.text import Csv, JsonLines, RawLines
from airflow_provider_docsanalytics.parameters import one_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from airflow_provider_docsanalytics.fields import Field


_ISAL_LEVEL = 3
"""The extra ``[isal]``: the best of its levels, a fifth of the CPU of the standard library's 4."""


class Encoder(Protocol):
    """Writes the rows of one file."""

    def write(self, rows: Sequence[bytes]) -> Sequence[int]:
        """Append rows, each as :func:`.readable.readable` gives it.

        Return the indexes of those that may differ from the endpoint table: a format that decodes
        rows knows it, to others each of them may.
        """

    def close(self) -> None:
        """Write what is still buffered; the sink stays open."""


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """How rows are written; an impossible combination is a :class:`ConfigError`.

    Attributes:
        context: the fields that are put first into every row.
        fields: the row's, as in the endpoint table: the columns, in formats that have columns.
        escape_formulas: CSV only: keeps spreadsheet programs from running text as formulas.
        raw: write rows as they came, one on a line, for another export to read.
    """

    file_format: str
    compression: str | None
    context: Mapping[str, str]
    fields: tuple[Field, ...]
    escape_formulas: bool = False
    raw: bool = False

    def __post_init__(self) -> None:
        check_format(self.file_format, self.compression, escape_formulas=self.escape_formulas)
        if self._format.needs:
            _require_package(self._format.needs, f"file_format={self.file_format!r}")
        if self._codec.needs:
            _require_package(self._codec.needs, f"compression={self.compression!r}")

    @property
    def suffix(self) -> str:
        """The ending of a file's name."""
        return f".{self.file_format}{self._codec.suffix}"

    @property
    def has_columns(self) -> bool:
        """Whether a file names its columns, even without rows."""
        return self._format.has_columns

    @property
    def reserved_names(self) -> Collection[str]:
        """Names that no row can have, because the context fields are in the same object."""
        return () if self.has_columns else self.context.keys()

    def compressed(self, sink: IO[bytes]) -> IO[bytes] | None:
        """Return a compressor of the complete file into ``sink``, ``None`` if there is none."""
        return self._codec.compress(sink) if self._codec.compress else None

    def encoder(self, sink: IO[bytes]) -> Encoder:
        """Return an encoder of rows into ``sink``."""
        return RawLines(sink) if self.raw else self._format.encoder(sink, self)

    @property
    def _format(self) -> _Format:
        return FORMATS[self.file_format]

    @property
    def _codec(self) -> _Compression:
        """The compression of the complete file; none if the format compresses by itself."""
        return COMPRESSIONS[None if self._format.compresses else self.compression]


def check_format(file_format: object, compression: object, *, escape_formulas: bool) -> None:
    """Raise :class:`ConfigError` for an unknown format, compression, or combination."""
    one_of("file_format", file_format, FORMATS)
    one_of("compression", compression, COMPRESSIONS)
    if escape_formulas and file_format != "csv":
        raise ConfigError(
            f"escape_formulas=True is not available with file_format={file_format!r:.100}.\n"
            "Remove escape_formulas, or set file_format='csv'."
        )


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
    # No file name and no time in the header, so that the same rows give the same bytes.
    try:
        from isal.igzip import IGzipFile
    except ImportError:
        return gzip.GzipFile("", "wb", compresslevel=GZIP_LEVEL, fileobj=sink, mtime=0)  # type: ignore[return-value]
    return IGzipFile("", "wb", _ISAL_LEVEL, sink, 0)  # type: ignore[no-untyped-call, return-value]


def _zstd(sink: IO[bytes]) -> IO[bytes]:
    import zstandard

    return zstandard.ZstdCompressor(level=3).stream_writer(sink, closefd=False)


def _require_package(package: _Package, wanted: str) -> None:
    try:
        import_module(package.name)
    except ImportError as error:
        raise ConfigError(
            f"{wanted} needs the package {package.name}.\n"
            f"Run pip install 'airflow-provider-docsanalytics[{package.extra}]' on the workers."
        ) from error


def _json_lines(sink: IO[bytes], output_format: OutputFormat) -> Encoder:
    return JsonLines(sink, output_format.context)


def _csv(sink: IO[bytes], output_format: OutputFormat) -> Encoder:
    table = Table(output_format.context, output_format.fields)
    return Csv(sink, table, escape_formulas=output_format.escape_formulas)


def _parquet(sink: IO[bytes], output_format: OutputFormat) -> Encoder:
    table = Table(output_format.context, output_format.fields)
    return Parquet(sink, table, output_format.compression)


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
