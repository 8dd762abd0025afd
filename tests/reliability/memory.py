"""Answers that are made to fill the memory, and how much of it each of them takes.

The promise: no answer takes more than 8 times its unpacked size and 64 MB (as Parquet 10 times),
whatever is in it; it ends in a typed error or in a whole export. Each runs in a child, whose peak
is measured.
"""

from __future__ import annotations

import gzip
import tempfile
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import fsspec

from airflow_provider_docsanalytics.api._fields import BYTES_PER_MORE_ROW_VALUE, MOST_ROW_VALUES
from airflow_provider_docsanalytics.api._response import BYTES_PER_MORE_VALUE, MOST_VALUES
from airflow_provider_docsanalytics.api.client import Client
from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.settings import Settings
from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.errors import DocsAnalyticsError
from airflow_provider_docsanalytics.export.directory import ExportDirectory
from airflow_provider_docsanalytics.export.plan import Plan, Source
from airflow_provider_docsanalytics.export.run import export
from airflow_provider_docsanalytics.window import DateWindow
from tests.reliability import children
from tests.reliability.exports import identity_of
from tests.reliability.summary import Case

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_docsanalytics.api.endpoint import Selection

TIMES = {"jsonl": 8, "csv": 8, "parquet": 10}
MORE_BYTES = 64_000_000
FORMATS = ("jsonl", "csv", "parquet")
DAY = DateWindow.parse("2026-01-10", "2026-01-11")
_WHOLE_MB = 1_000_000
_MANY = 12_000_000
_BIG_MB = 24


@dataclass(frozen=True)
class Shape:
    """An answer.

    Attributes:
        endpoint: what is asked for.
        body: makes the answer of so many values, with so many bytes of text beside them.
        rows: 1 where one row has the values; else they are of many rows, or beside the rows.
    """

    name: str
    endpoint: str
    body: Callable[[int, int], bytes]
    rows: int = 1

    def size(self, name: str) -> tuple[int, int]:
        """Return how many values and how many bytes of text make an answer of that size."""
        most, per_value = MOST_ROW_VALUES, BYTES_PER_MORE_ROW_VALUE
        if self.rows != 1:
            most, per_value = MOST_VALUES, BYTES_PER_MORE_VALUE
        sizes = {
            "as dense as allowed": (most - 1000, 0),
            "dense, and long": (most + _BIG_MB * _WHOLE_MB // per_value, _BIG_MB * _WHOLE_MB),
            "far too dense": (_MANY, 0),
        }
        return sizes[name]


def _page(rows: bytes) -> bytes:
    return b'{"views":[%s],"hasMore":false}' % rows


def _groups(rows: bytes) -> bytes:
    return b'{"success":true,"message":"","data":{"assistants":[%s]}}' % rows


def _names(count: int) -> bytes:
    return b",".join(b'"%x":0' % number for number in range(max(0, count)))


def _text(size: int) -> bytes:
    """Return text, of which decoding makes four bytes for each of its own."""
    return b'"\xf0\x9f\x98\x80%s\\ud83d"' % (b"x" * size)


def _row(members: bytes, size: int) -> bytes:
    return b'{"path":%s%s}' % (_text(size), b"," * bool(members) + members)


def _deep(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def _list(element: bytes, count: int) -> bytes:
    return b"[%s]" % b",".join([element] * max(1, count))


def _empty(count: int, size: int) -> bytes:
    return b",".join([b"{}"] * (count // 2)) + b" " * size


def _one_member(count: int, size: int) -> bytes:
    return b",".join([*(b'{"a":%d}' % number for number in range(count // 2)), _row(b"", size)])


def _thread(members: bytes, size: int) -> bytes:
    return b'{"threadId":"1",%s,"t":%s}' % (members, _text(size))


def _beside(row: bytes, members: bytes) -> bytes:
    return b'{"views":[%s],"hasMore":false,%s}' % (row, members)


def _row_of(name: str, members: Callable[[int], bytes]) -> Shape:
    """Return a page of views whose only row has these members."""
    return Shape(name, "views", lambda n, s: _page(_row(members(n), s)))


def _field_of(name: str, value: Callable[[int], bytes]) -> Shape:
    """Return a page of views whose only row has this value in a field."""
    return _row_of(name, lambda n: b'"a":%s' % value(n))


SHAPES = (
    Shape("page of {}", "views", lambda n, s: _page(_empty(n, s)), rows=0),
    Shape("{} without a limit", "calls", lambda n, s: _groups(_empty(n, s)), rows=0),
    Shape("rows of one member", "calls", lambda n, s: _groups(_one_member(n, s)), rows=0),
    _row_of("row of members", _names),
    Shape("object as the row", "threads", lambda n, s: _thread(_names(n), s)),
    Shape(
        "members beside the rows",
        "views",
        lambda n, s: _beside(_row(b"", s), _names(n)),
        rows=0,
    ),
    _field_of("lists in a row", lambda n: _list(b"[]", n // 2)),
    _field_of("objects in a row", lambda n: _list(b'{"a":0}', n // 2)),
    _field_of("numbers in a row", lambda n: _list(b"0", n)),
    _field_of("texts in a row", lambda n: _list(b'"ab"', n)),
    Shape(
        "objects in a known field",
        "threads",
        lambda n, s: _thread(b'"messages":%s' % _list(b'{"a":0}', n // 2), s),
    ),
    _row_of("name that comes a thousand times", lambda n: b",".join([b'"a":0'] * n)),
    Shape(
        "escapes in a text",
        "views",
        lambda n, s: _page(_row(b'"a":"%s"' % (b"\\n\\\\" * (n + s // 4)), 0)),
    ),
    Shape(
        "total of lists",
        "views",
        lambda n, s: _beside(_row(b"", s), b'"totals":%s' % _list(b"[]", n // 2)),
        rows=0,
    ),
    Shape(
        "total 900 deep", "views", lambda _, s: _beside(_row(b"", s), b'"totals":%s' % _deep(900))
    ),
    _field_of("row 900 deep", lambda n: _list(_deep(900), n // 900)),
    Shape(
        "error beside the rows",
        "views",
        lambda n, s: _beside(b"", b'"errors":%s,"s":%s' % (_list(b"{}", n // 2), _text(s))),
        rows=0,
    ),
)
SIZES = ("as dense as allowed", "dense, and long", "far too dense")


class _Service(ThreadingHTTPServer):
    """Answers whatever is asked with the same."""

    daemon_threads = True
    status = 200
    body = b""
    coding = ""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def say(self, status: int, body: bytes, *, packed: bool) -> None:
        """Answer with this from now on."""
        self.status, self.coding = status, "gzip" if packed else ""
        self.body = gzip.compress(body, 1) if packed else body


class _Handler(BaseHTTPRequestHandler):
    server: _Service

    def do_GET(self) -> None:
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.server.body)))
        if self.server.coding:
            self.send_header("Content-Encoding", self.server.coding)
        self.end_headers()
        try:
            self.wfile.write(self.server.body)
        except OSError:  # whoever asked has heard enough
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def _service() -> Iterator[_Service]:
    with _Service() as service:
        Thread(target=service.serve_forever, daemon=True).start()
        yield service
        service.shutdown()


def cases() -> Iterator[Case]:
    """Yield a case for each shape and size."""
    for shape in SHAPES:
        for size in SIZES:
            yield case(shape, size, FORMATS if size != "far too dense" else FORMATS[:1])


def case(shape: Shape, size: str, formats: tuple[str, ...] = FORMATS) -> Case:
    """Let an answer come with 200, in each format, and with errors, plain and packed."""
    body = shape.body(*shape.size(size))
    responses = [(200, number % 2 == 1, name) for number, name in enumerate(formats)]
    responses += [(401, True, formats[0]), (500, False, formats[0])]
    saw: Counter[str] = Counter()
    broken, peak = [], 0.0
    with _service() as service:
        for status, packed, file_format in responses:
            service.say(status, body, packed=packed)
            ended = children.run(partial(_measured, service.url, shape, file_format))
            what = f"{status} {'gzip' if packed else 'plain'} {file_format}"
            if ended.error:
                broken.append(f"{what}: {ended.saw} {ended.text[:200]}")
                continue
            outcome, grown = ended.result
            saw[outcome] += 1
            peak = max(peak, grown)
            if grown > TIMES[file_format] * len(body) + MORE_BYTES:
                broken.append(f"{what}: {grown / 1e6:.0f} MB for {len(body) / 1e6:.1f} MB")
    words = ", ".join(f"{kind} {times}" for kind, times in saw.most_common())
    return Case(
        name=f"memory: {shape.name}, {size}",
        runs=len(responses),
        saw=f"{words}; at most {peak / 1e6:.0f} MB for {len(body) / 1e6:.1f} MB",
        broken=tuple(broken),
    )


def _measured(url: str, shape: Shape, file_format: str) -> tuple[str, float]:
    """Return how an export ends, and by how many bytes the process has grown at most."""
    with _service() as small:
        small.body = shape.body(4, 10) if "total" not in shape.name else _page(b"{}")
        _outcome(small.url, shape, file_format)  # all is imported and warm
    Path("/proc/self/clear_refs").write_text("5")
    before = _status_bytes("VmRSS")
    outcome = _outcome(url, shape, file_format)
    return outcome, _status_bytes("VmHWM") - before


def _status_bytes(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


def _outcome(url: str, shape: Shape, file_format: str) -> str:
    with tempfile.TemporaryDirectory() as directory:
        try:
            manifest = _exported(url, shape, file_format, directory)
        except DocsAnalyticsError as error:
            return type(error).__name__
        found = {path.name for path in Path(directory).iterdir()}
        listed = {"_manifest.json", *(file.name for file in manifest.files)}
        return "complete" if found == listed else "incomplete"


def _exported(url: str, shape: Shape, file_format: str, directory: str) -> Any:
    selection = _selection(shape)
    endpoint = selection.endpoint
    plan = Plan(
        identity_of(selection, file_format=file_format),
        {"_project_id": "p"},
        fields=endpoint.fields,
        key=endpoint.key,
        by_offset=endpoint.paging.by_offset,
    )
    with Client(Settings(url, "mint_key", max_attempts=1)) as client:
        source = Source(url, partial(client.iter_pages, selection), lambda: client.requests_sent)
        directory_ = ExportDirectory(fsspec.filesystem("file"), directory, directory)
        return export(plan, directory_, source)


def _selection(shape: Shape) -> Selection:
    if shape.endpoint == "calls":
        return VYOM.select("calls_by_assistant", window=DAY)
    if shape.endpoint == "threads":
        return MINTLIFY.select("threads", project_id="p", thread_ids=["1"])
    return MINTLIFY.select(shape.endpoint, project_id="p", window=DAY)
