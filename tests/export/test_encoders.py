from __future__ import annotations

import csv
import gc
import gzip
import hashlib
import io
import json
import sys
from typing import TYPE_CHECKING

import pytest
import zstandard
from pyarrow import parquet

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.export.formats import OutputFormat
from airflow_provider_docsanalytics.export.part import Part
from airflow_provider_docsanalytics.export.readable import readable
from airflow_provider_docsanalytics.fields import Field, Kind

if TYPE_CHECKING:
    from pathlib import Path

CONTEXT = {"_project_id": 'p"1', "_date_from": "2026-01-01T00:00:00.000Z"}
LENGTHS = (1, 300_000, 2, 3, 700_000, 4)
HEAD = b'{"_project_id":"p\\"1","_date_from":"2026-01-01T00:00:00.000Z"'


def _lines(*rows: bytes) -> bytes:
    sink = io.BytesIO()
    output_format = OutputFormat("jsonl", None, CONTEXT, ())
    encoder = output_format.encoder(sink)
    encoder.write(readable(rows, output_format.reserved_names).rows)
    encoder.close()
    return sink.getvalue()


def test_rows_keep_their_own_text_behind_the_context_fields() -> None:
    row = '{"a": 1.50, "b":"\\u00e9\u2028 \\n \U0001f600", "big":12345678901234567890}'.encode()
    assert _lines(row) == HEAD + b"," + row[1:] + b"\n"


def test_a_row_without_fields_is_still_json() -> None:
    assert _lines(b"{}", b"{ \n }") == HEAD + b"}\n" + HEAD + b"}\n"
    assert _lines(b'{"a":1}', b"{  }") == HEAD + b',"a":1}\n' + HEAD + b"}\n"


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_a_pretty_printed_row_becomes_one_line_with_its_values_untouched(newline: bytes) -> None:
    compact_start = newline.join([b'{"c":0,', b'"d":1}'])
    assert _lines(compact_start) == HEAD + b',"c":0,"d":1}\n'
    pretty = newline.join([b"{", b'\t "a" : 1.50e3 ,', b' "b": [ "x  y\\n", ', b"  2 ]", b"}"])
    line = _lines(pretty)
    assert line == HEAD + b',"a" : 1.50e3 ,"b": [ "x  y\\n",2 ]}\n'
    assert json.loads(line)["b"] == ["x  y\n", 2]


def _part(spool: Path, file_format: str, compression: str | None) -> tuple[bytes, int, str, int]:
    output_format = OutputFormat(file_format, compression, CONTEXT, (Field("n", Kind.INTEGER),))
    part = Part("part", spool.open("xb"), output_format)
    for number in range(3):
        part.write([b'{"n":%d}' % number] * 100)
    size, sha256 = part.finish()
    content = spool.read_bytes()
    part.close()
    assert not spool.exists()
    return content, size, sha256, part.rows


def _numbers(content: bytes, file_format: str) -> list[int]:
    if file_format == "jsonl":
        return [json.loads(line)["n"] for line in content.splitlines()]
    if file_format == "csv":
        return [int(row["n"]) for row in csv.DictReader(content.decode().splitlines())]
    return parquet.read_table(io.BytesIO(content)).column("n").to_pylist()  # type: ignore[no-any-return]


@pytest.mark.parametrize("compression", [None, "gzip", "zstd"])
@pytest.mark.parametrize("file_format", ["jsonl", "csv", "parquet"])
def test_a_part_reads_back_and_is_described_as_it_is(
    tmp_path: Path, file_format: str, compression: str | None
) -> None:
    content, size, sha256, rows = _part(tmp_path / "spool", file_format, compression)
    assert (size, sha256) == (len(content), hashlib.sha256(content).hexdigest())
    if file_format == "parquet" or compression is None:
        plain = content
    elif compression == "gzip":
        plain = gzip.decompress(content)
        assert content[4:8] == bytes(4), "gzip's header tells a time"
    else:
        plain = zstandard.ZstdDecompressor().stream_reader(content).read()
    assert _numbers(plain, file_format) == [0] * 100 + [1] * 100 + [2] * 100
    assert rows == 300
    # The same rows give the same bytes.
    assert content == _part(tmp_path / "spool", file_format, compression)[0]


@pytest.mark.parametrize("file_format", ["jsonl", "csv"])
def test_gzip_needs_no_extra_and_the_extra_changes_no_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file_format: str
) -> None:
    fast = _part(tmp_path / "spool", file_format, "gzip")[0]
    monkeypatch.setitem(sys.modules, "isal.igzip", None)
    plain = _part(tmp_path / "spool", file_format, "gzip")[0]
    assert gzip.decompress(fast) == gzip.decompress(plain)
    assert fast != plain, "the extra is not used"
    assert plain == _part(tmp_path / "spool", file_format, "gzip")[0]
    # Neither a name nor a time: they would differ from run to run.
    assert fast[:8] == plain[:8] == b"\x1f\x8b\x08" + bytes(5)


def test_rows_of_any_length_keep_their_order_in_csv() -> None:
    sink = io.BytesIO()
    encoder = OutputFormat("csv", None, {}, (Field("text", Kind.TEXT),)).encoder(sink)
    texts = [letter * length for letter, length in zip("abcdef", LENGTHS, strict=True)]
    encoder.write([b'{"text":"%s"}' % text.encode() for text in texts])
    encoder.write([])
    assert sink.getvalue().decode().splitlines() == ["text,_extra"] + [
        f'"{text}",' for text in texts
    ]


@pytest.mark.parametrize("compression", [None, "gzip", "zstd"])
@pytest.mark.parametrize("file_format", ["jsonl", "csv", "parquet"])
def test_a_part_that_is_given_up_leaves_nothing_and_is_silent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], file_format: str, compression: str | None
) -> None:
    output_format = OutputFormat(file_format, compression, CONTEXT, ())
    part = Part("part", (tmp_path / "spool").open("xb"), output_format)
    part.write([b'{"n":1}'])
    part.close()
    del part
    gc.collect()
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr().err == ""


def test_an_unknown_format_or_compression_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"(?s)file_format='xml'.*'jsonl', 'csv', 'parquet'"):
        OutputFormat("xml", None, CONTEXT, ())
    with pytest.raises(ConfigError, match=r"(?s)compression='zip'.*None, 'gzip', 'zstd'"):
        OutputFormat("jsonl", "zip", CONTEXT, ())


@pytest.mark.parametrize(
    ("file_format", "compression", "package", "extra"),
    [("parquet", None, "pyarrow", "parquet"), ("jsonl", "zstd", "zstandard", "zstd")],
)
def test_a_package_that_is_not_installed_is_named_with_the_extra_that_brings_it(
    monkeypatch: pytest.MonkeyPatch,
    file_format: str,
    compression: str | None,
    package: str,
    extra: str,
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError, match=rf"needs the package {package}\.\n.*\[{extra}\]"):
        OutputFormat(file_format, compression, CONTEXT, ())
