r"""Rows that every reader can parse: DuckDB, pandas, polars, pyarrow, Spark.

Services send three things that make some readers fail, often for all files of a lake at once. Rows
that contain one of them are rewritten; all others keep their text:

* an escaped lone surrogate (``"\ud83d"``, half an emoji) becomes U+FFFD, also in names;
* a duplicate name in one object: the last value keeps the name, as in JavaScript, and earlier
  values become ``name__1``, ``name__2``, …; so does a value under a reserved name;
* a value nested deeper than :data:`DEEPEST` levels becomes text: its own JSON.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from airflow_provider_docsanalytics import _json
from airflow_provider_docsanalytics.export.drift import Drift, DriftFinding

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

DEEPEST = 64
"""Levels of a row that stay unchanged. Spark fails beyond a few hundred, DuckDB beyond 128."""
_FAST_LEVELS = 3
_LONGEST_PATH = 200
_MAX_FINDINGS = 1000
_CHUNK_ROWS = 256

Scalar = str | int | float | bool | None
_nested: Any = Scalar
for _ in range(_FAST_LEVELS):
    _nested = Scalar | list[_nested] | dict[str, _nested]
_ROW = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NESTED = msgspec.json.Decoder(list[_nested])
_NESTED_TEXT = re.compile(rb"\n([\[{][^\n]*)")
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_OPENERS, _CLOSERS = frozenset((b"{", b"[")), frozenset((b"}", b"]"))
_TOKEN = re.compile(_json.STRING + rb'|[{}\[\]:,]|[^\s"{}\[\]:,]+')


class Readable(NamedTuple):
    """Rows as they are written.

    Attributes:
        rows: each on one line that begins with its first name, or ``{}``.
        repaired: how many of them were rewritten.
        drift: the names that were changed, and the values that became text.
    """

    rows: Sequence[bytes]
    repaired: int = 0
    drift: Drift = Drift()


def readable(rows: Sequence[bytes], reserved: Collection[str] = ()) -> Readable:
    """Return the rows, rewritten where some reader would fail.

    Rows of the usual form take one pass in C.

    Args:
        rows: JSON objects, valid apart from lone surrogates.
        reserved: names that a row cannot have, because the context fields have them.
    """
    findings: list[DriftFinding] = []
    written, repaired = list(rows), 0
    for at in _suspects(rows, reserved):
        rewriting = _Rewriting(rows[at], reserved)
        findings += rewriting.findings
        _cap(findings)
        repaired += rewriting.changed
        written[at] = rewriting.text if rewriting.changed else one_line(rows[at])
    return Readable(written, repaired, Drift.of(findings))


def _cap(findings: list[DriftFinding]) -> None:
    """Keep only the findings that a manifest has room for."""
    if len(findings) > _MAX_FINDINGS:
        findings[:] = Drift.of(findings).findings()


def _suspects(rows: Sequence[bytes], reserved: Collection[str]) -> Iterator[int]:
    """Yield the indexes of the rows that may have to be rewritten."""
    for start in range(0, len(rows), _CHUNK_ROWS):
        some = rows[start : start + _CHUNK_ROWS]
        if not _is_plain(some, reserved):
            for at, row in enumerate(some, start):
                if not _is_plain([row], reserved):
                    yield at


def one_line(text: bytes) -> bytes:
    """Return an object's JSON on one line; strings and numbers stay as they are.

    Within JSON a raw line break stands only between tokens (in strings it is escaped), and so does
    the white space next to it.
    """
    line = b"".join(line.strip(b" \t") for line in text.splitlines())
    return b"{" + line[1:].lstrip(b" \t")


def _is_plain(rows: Sequence[bytes], reserved: Collection[str]) -> bool:
    """Return whether no row has to be rewritten.

    A compact object is as long as its names and values and the signs between them. It is longer if
    a name comes twice (the decoder keeps one) or is escaped, or if there is white space. Nested
    values are few: decoded and encoded again, they are the same bytes.
    """
    try:
        objects = list(map(_ROW.decode, rows))
        values = b"\n".join(chain([b""], chain.from_iterable(map(dict.values, objects))))
        nested = b"[" + b",".join(_NESTED_TEXT.findall(values)) + b"]"
        if msgspec.json.encode(_NESTED.decode(nested)) != nested:
            return False
    except _UNREADABLE:
        return False
    # Each member has four signs: two quotes, a colon, and a comma or the closing brace. `values`
    # has one of them.
    signs = sum(map(len, objects)) * 3 + len(rows)
    names = "".join(chain.from_iterable(objects))
    return (
        len(values) + len(names) + signs == sum(map(len, rows))
        and all(objects)
        and set().union(*objects).isdisjoint(reserved)
    )


class _Level:
    """An object or a list that is open.

    Attributes:
        start: where it begins in what is written.
        names: the names so far, each with its latest position.
        earlier: earlier positions of duplicate names, with the names.
    """

    def __init__(self, path: str, start: int) -> None:
        self.path = path
        self.start = start
        self.names: dict[str, int] = {}
        self.earlier: list[tuple[int, str]] = []


class _Rewriting:
    """One row, token by token, so that no nesting is too deep.

    Attributes:
        text: the row as every reader can parse it, without white space between tokens.
        changed: whether anything but white space changed.
        findings: the names that were changed, and the values that became text.
    """

    def __init__(self, row: bytes, reserved: Collection[str]) -> None:
        whole = _json.replace_lone_surrogates(row)
        self.changed = whole is not row
        self.findings: list[DriftFinding] = []
        self._reserved = reserved
        self._out: list[bytes] = []
        self._open: list[_Level] = []
        name = ""
        for token, is_name in _tokens(whole):
            if is_name:
                name = self._name(token)
            elif token in _OPENERS:
                self._begin(name if self._out[-1:] == [b":"] else "", token)
            elif token in _CLOSERS:
                self._end(token)
            else:
                self._out.append(token)
        self.text = b"".join(self._out)

    def _name(self, token: bytes) -> str:
        level, name = self._open[-1], str(json.loads(token))
        if name in level.names:
            level.earlier.append((level.names[name], name))
        level.names[name] = len(self._out)
        self._out.append(token)
        return name

    def _begin(self, name: str, token: bytes) -> None:
        outer = self._open[-1].path if self._open else ""
        path = f"{outer}.{name}" if outer and name else outer or name
        self._open.append(_Level(path[:_LONGEST_PATH], len(self._out)))
        self._out.append(token)

    def _end(self, token: bytes) -> None:
        level = self._open.pop()
        self._rename(level, self._reserved if not self._open else ())
        self._out.append(token)
        if len(self._open) == DEEPEST:
            text = b"".join(self._out[level.start :])
            self._out[level.start :] = [_as_text(text)]
            self._change("types", f"{level.path}: nested beyond {DEEPEST} levels, kept as text")

    def _rename(self, level: _Level, reserved: Collection[str]) -> None:
        """Give each reserved or duplicate name a unique name."""
        ours = [(level.names[name], name) for name in reserved if name in level.names]
        given: set[str] = set()
        numbers: Counter[str] = Counter()
        for at, name in sorted(level.earlier + ours):
            new = name
            while new in level.names or new in reserved or new in given:
                numbers[name] += 1
                new = f"{name}__{numbers[name]}"
            given.add(new)
            self._out[at] = json.dumps(new, ensure_ascii=False).encode()
            path = f"{level.path}.{name}" if level.path else name
            self._change("renamed", f"{path}: {new}")

    def _change(self, sort: str, text: str) -> None:
        self.changed = True
        self.findings.append(DriftFinding(sort, text))
        _cap(self.findings)


def _as_text(json_text: bytes) -> bytes:
    """Return JSON as a string of JSON; between its tokens there is no white space."""
    return b'"' + json_text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def _tokens(row: bytes) -> Iterator[tuple[bytes, bool]]:
    """Yield each token, and whether it is a member's name."""
    before: bytes | None = None
    for match in _TOKEN.finditer(row):
        token = match[0]
        if before is not None:
            yield before, token == b":"
        before = token
    if before is not None:
        yield before, False
