"""Reads the body of an HTTP response, within limits on size, time and memory."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import urllib3

from airflow_provider_docsanalytics import _json
from airflow_provider_docsanalytics.api._plain import plain_page
from airflow_provider_docsanalytics.api.endpoint import Body
from airflow_provider_docsanalytics.errors import BadResponse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import requests

    from airflow_provider_docsanalytics.api.endpoint import Selection

MAX_BODY_BYTES = 256 * 1024 * 1024
"""A response larger than this, once decompressed, is not read to its end."""
MOST_VALUES = 200_000
BYTES_PER_MORE_VALUE = 256
"""A response may hold 200,000 values (rows, members, elements), and one more for each 256 bytes.

Cutting it into rows takes about 200 bytes of memory for each value, however short it is: otherwise
30 kB could take a gigabyte. For a single row the limit is :data:`._fields.MOST_ROW_VALUES`. So no
response takes more than 8 times its size and 64 MB, or as Parquet 10 times.
"""
MAX_ERROR_BYTES = 64 * 1024
"""The most that is read of an error's body: its status matters more than its text."""
PIECE_BYTES = 256 * 1024
"""The size of the pieces in which a body is read and decompressed."""
_GZIP = ("gzip", "x-gzip")
_CODINGS = ("", "identity", *_GZIP)


def read_body(response: requests.Response, selection: Selection) -> bytes:
    """Return the decompressed body; raise :class:`BadResponse` if it is too large.

    Raises ``urllib3``'s errors if the connection breaks, or the deadline is over.
    """
    pieces, size = [], 0
    coding = _coding(response)
    if coding not in _CODINGS:
        raise BadResponse(f"{selection}: a response in another Content-Encoding than gzip.")
    for piece in _pieces(response, coding):
        pieces.append(piece)
        size += len(piece)
        if size > MAX_BODY_BYTES:
            raise BadResponse(
                f"{selection}: a response of more than {MAX_BODY_BYTES >> 20} MiB.",
                "Use a narrower window (date_from, date_to).",
            )
    return b"".join(pieces)


def parse_body(content: bytes, selection: Selection) -> Body:
    """Return the body of a response.

    Raises:
        BadResponse: it would take too much memory to decode: nothing of it is decoded, unless it is
            a plain page.
        NotJson: it is no JSON object.
    """
    most = MOST_VALUES + len(content) // BYTES_PER_MORE_VALUE
    page = plain_page(selection.endpoint, content)
    if page is not None and page.values <= most:
        return Body(content, page.fields, plain_rows=page.rows)
    if _json.has_more_values(content, most):
        raise BadResponse(
            f"a response of {len(content)} bytes that holds more than {most} values.",
            "Use a narrower window (date_from, date_to). If that does not help, check the "
            "connection's Base URL, and the proxies between this worker and the service.",
        )
    return Body.parse(content)


def read_error(response: requests.Response) -> tuple[bytes, bool]:
    """Return what can be read of an error's body, and whether that is all of it; never raises.

    The status came first, so it counts whatever is wrong with the body.
    """
    content, coding = b"", _coding(response)
    if coding not in _CODINGS:
        return content, False
    try:
        for piece in _pieces(response, coding):
            content += piece
            if len(content) > MAX_ERROR_BYTES:
                return content[:MAX_ERROR_BYTES], False
    except (OSError, urllib3.exceptions.HTTPError):
        return content, False
    return content, True


def _coding(response: requests.Response) -> str:
    return response.headers.get("Content-Encoding", "").strip().lower()


def _pieces(response: requests.Response, coding: str) -> Iterator[bytes]:
    # read1 returns what has arrived; read would wait for a full piece, however slowly it comes.
    read = getattr(response.raw, "read1", response.raw.read)
    chunks = iter(lambda: read(PIECE_BYTES, decode_content=False) or b"", b"")
    return gunzip(chunks) if coding in _GZIP else chunks


def gunzip(packed: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the content of gzip data, at most :data:`PIECE_BYTES` at a time.

    ``urllib3`` before 2.6 decompresses everything that it has read, then copies the rest for each
    piece that is taken: 300 MiB from 300 kB take minutes.

    Raises:
        urllib3.exceptions.DecodeError: the data is not gzip, or is truncated.
    """
    member = None
    for chunk in packed:
        rest = chunk
        while rest:
            if member is None or member.eof:
                member = zlib.decompressobj(zlib.MAX_WBITS | 16)
            try:
                yield member.decompress(rest, PIECE_BYTES)
            except zlib.error as error:
                raise urllib3.exceptions.DecodeError(f"damaged gzip: {error}") from error
            rest = member.unconsumed_tail or member.unused_data
    if member is not None and not member.eof:
        raise urllib3.exceptions.DecodeError("truncated gzip")
