"""Reads an answer within bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import urllib3

from airflow_provider_docsanalytics import _json
from airflow_provider_docsanalytics.api._gunzip import PIECE_BYTES, gunzip
from airflow_provider_docsanalytics.errors import BadResponse

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

    from airflow_provider_docsanalytics.api.endpoint import Selection

MAX_BODY_BYTES = 256 * 1024 * 1024
"""An answer larger than this, once decompressed, is not read to its end."""
MOST_VALUES = 200_000
BYTES_PER_MORE_VALUE = 256
"""An answer may hold 200,000 values (rows, members, elements), and one more for each 256 bytes.

Cutting it into rows takes about 200 bytes of memory for each, however short it is: a gigabyte could
come in 30 kB. What a single row may hold: :data:`._fields.MOST_ROW_VALUES`. So no answer takes more
than 8 times its size and 64 MB, as Parquet 10 times.
"""
_GZIP = ("gzip", "x-gzip")
_CODINGS = ("", "identity", *_GZIP)
MAX_ERROR_BYTES = 64 * 1024
"""Of the body of an error no more is read: its status says more than its text."""


def read_body(response: requests.Response, selection: Selection) -> bytes:
    """Return the decompressed body, or raise where it is too large.

    Raises ``urllib3``'s errors where the connection fails in the middle, or the deadline is over.
    """
    pieces, size = [], 0
    coding = _coding(response)
    if coding not in _CODINGS:
        raise BadResponse(f"{selection}: an answer in another Content-Encoding than gzip.")
    for piece in _pieces(response, coding):
        pieces.append(piece)
        size += len(piece)
        if size > MAX_BODY_BYTES:
            raise BadResponse(f"{selection}: an answer of more than {MAX_BODY_BYTES >> 20} MiB.")
    content = b"".join(pieces)
    _refuse_dense(content, selection)
    return content


def _refuse_dense(content: bytes, selection: Selection) -> None:
    """Refuse an answer that decoding would make too much of, before any of it is decoded."""
    most = MOST_VALUES + len(content) // BYTES_PER_MORE_VALUE
    if _json.has_more_values(content, most):
        raise BadResponse(
            f"{selection}: an answer of {len(content)} bytes that holds more than {most} values.",
            "Use a narrower window (date_from, date_to). If it stays, check the connection's host, "
            "and what stands between here and the service.",
        )


def read_error(response: requests.Response) -> tuple[bytes, bool]:
    """Return what can be read of an error's body, and whether that is all of it; never raises.

    Whatever is wrong with the body, the status stands: it was there first.
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
    # read1 gives what has come; read would wait for a whole piece, however slowly it drips.
    read = getattr(response.raw, "read1", response.raw.read)
    chunks = iter(lambda: read(PIECE_BYTES, decode_content=False) or b"", b"")
    return gunzip(chunks) if coding in _GZIP else chunks
