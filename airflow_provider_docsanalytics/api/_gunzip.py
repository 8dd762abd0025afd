"""Decompression in small pieces, whatever version of urllib3 is installed.

Before 2.6 urllib3 unpacks all of what it has read at once, and then copies the rest for each piece
taken off it: 300 MiB that had been 300 kB take minutes.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import urllib3

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PIECE_BYTES = 256 * 1024
_GZIP = zlib.MAX_WBITS | 16


def gunzip(packed: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the content of gzip data, at most :data:`PIECE_BYTES` at a time.

    Raises:
        urllib3.exceptions.DecodeError: it is no gzip, or not all of it.
    """
    member = None
    for chunk in packed:
        rest = chunk
        while rest:
            if member is None or member.eof:
                member = zlib.decompressobj(_GZIP)
            try:
                yield member.decompress(rest, PIECE_BYTES)
            except zlib.error as error:
                raise urllib3.exceptions.DecodeError(f"damaged gzip: {error}") from error
            rest = member.unconsumed_tail or member.unused_data
    if member is not None and not member.eof:
        raise urllib3.exceptions.DecodeError("gzip that was cut off")
