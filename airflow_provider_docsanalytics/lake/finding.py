"""What an audit finds: stable codes, each with a severity, a place, and what to do."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

Severity = Literal["error", "warning"]
Code = Literal[
    "damaged-manifest",
    "unreadable",
    "missing-file",
    "size",
    "sha256",
    "rows",
    "unlisted-part",
    "unfinished",
    "label",
    "gap",
    "overlap",
    "duplicate-key",
    "totals",
    "silent-zero",
    "drift",
]
CODES: tuple[Code, ...] = get_args(Code)
DEEP: frozenset[Code] = frozenset({"sha256", "rows", "duplicate-key"})
"""Codes that only a deep audit reports, because it reads every file."""
_MAX_CHARS = 500


class Finding(msgspec.Struct, frozen=True):
    """One finding.

    Attributes:
        code: what kind it is, one of :data:`CODES`.
        severity: ``error`` if rows are or may be wrong, ``warning`` if you should look.
        where: the directory, file or series, as a URL or path.
        what: what was found, in a sentence.
        do: what to do about it.
    """

    code: Code
    severity: Severity
    where: str
    what: str
    do: str


def finding(code: Code, severity: Severity, where: str, what: str, do: str) -> Finding:
    """Return a finding whose text is safe to print: a lake may hold names from anyone."""
    return Finding(code, severity, printable(where), printable(what), printable(do))


def printable(text: str) -> str:
    """Return text without control characters and half characters, cut if it is long."""
    safe = "".join(
        each if each.isprintable() else each.encode("unicode_escape", "replace").decode()
        for each in text[: _MAX_CHARS + 1]
    )
    return safe if len(text) <= _MAX_CHARS else f"{safe}…"


class Report(msgspec.Struct, frozen=True):
    """What an audit returns; as JSON, it is the report.

    Attributes:
        lake: the URL that was audited.
        exports: how many finished exports were read.
        rows: how many rows they have, by their manifests.
        findings: errors first, then by place.
    """

    lake: str
    exports: int
    rows: int
    findings: list[Finding]

    @property
    def errors(self) -> list[Finding]:
        """The findings that are errors."""
        return [each for each in self.findings if each.severity == "error"]

    def as_json(self) -> bytes:
        """Return the report as indented JSON."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"
