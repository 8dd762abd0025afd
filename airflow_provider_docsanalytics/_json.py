r"""Cuts JSON into slices of its own text, so that rows stay byte for byte the same.

``msgspec`` cuts. It rejects one thing that services do send: an escaped lone surrogate
(``"\ud83d"``, half an emoji, which JavaScript's ``slice`` leaves when it cuts a text in the middle
of one). Such a text is checked with U+FFFD in its place, and then cut here, byte by byte. No
function here needs more memory than a few copies of the text, whatever the text is.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_VALUE = msgspec.json.Decoder()
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""The errors of the fast scanner; the second is for names that are not UTF-8."""
_LONGEST_TOKEN = len(r"\ud83d\ude00")
STRING = rb'"(?:[^"\\]++|\\.)*+"'
"""A string, as a regular expression that needs no memory proportional to its length."""
_STRING = re.compile(STRING)
_BRACKET = re.compile(STRING + rb"|[\[\]{}]")
_SCALAR = re.compile(rb"[^\s,\]}]+")
_GAP = re.compile(rb"[ \t\n\r,:]*")
_SPACE = re.compile(r"[ \t\n\r]*")
_SURROGATES = re.compile(
    rb"\\(?:\\(?:\\\\)*+|u(?:[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|([dD][89a-fA-F][0-9a-fA-F]{2})))"
)
"""Escaped backslashes, pairs of surrogates, and, in a group, lone surrogates."""
_FILLING = b"\xff\xff\xff"
"""Bytes that UTF-8 does not have."""
_REPLACEMENT = "\ufffd".encode() + _FILLING
"""As long as the escape that it replaces, so that offsets stay valid until all are replaced."""
_AT_BYTE = re.compile(r"\(byte (\d+)\)")
_NOT_VALUES = bytes(set(range(256)) - set(b",[{"))
_NOT_STRUCTURE = bytes(set(range(256)) - set(b'",[{'))
_STRUCTURE_CHUNK = 1024 * 1024
_CACHED_CHUNK = 64 * 1024


class NotJson(ValueError):  # noqa: N818 - named for what it is
    """The text is not the expected JSON; ``truncated`` if it only ends too early."""

    def __init__(self, reason: str, *, truncated: bool = False) -> None:
        super().__init__(reason)
        self.truncated = truncated


def members(text: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    """Return the members of a JSON object, each value as a slice of ``text``."""
    try:
        return _MEMBERS.decode(text)
    except _UNREADABLE as error:
        raw = _checked(text, _MEMBERS, error)
        return {json.loads(name): msgspec.Raw(value) for name, value in _cut(raw)}


def duplicate_name(text: bytes | msgspec.Raw, found: Mapping[str, msgspec.Raw]) -> str | None:
    """Return a name that a JSON object has twice; :func:`members` keeps only the last of them.

    A compact object is as long as its members together; only other objects are cut again.
    """
    raw = bytes(text).strip()
    lengths = (
        len(name.encode(errors="replace")) + len(memoryview(value)) for name, value in found.items()
    )
    if len(raw) == 1 + sum(lengths) + 4 * len(found):
        return None
    names: set[str] = set()
    for spelled, _ in _cut(raw):
        name = json.loads(spelled.decode(errors="replace"))
        if name in names:
            return str(name)
        names.add(name)
    return None


def elements(text: bytes | msgspec.Raw) -> list[msgspec.Raw]:
    """Return the elements of a JSON array, each as a slice of ``text``."""
    try:
        return _ELEMENTS.decode(text)
    except _UNREADABLE as error:
        raw = _checked(text, _ELEMENTS, error)
        return [msgspec.Raw(value) for _, value in _cut(raw)]


def replace_lone_surrogates(text: bytes) -> bytes:
    """Return JSON with U+FFFD in place of each escaped lone surrogate.

    If there is none, return the same object.
    """
    if b"\\u" not in text:
        return text
    repaired: bytearray | None = None
    for match in _SURROGATES.finditer(text):
        if match[1]:
            repaired = repaired or bytearray(text)
            repaired[match.start() : match.end()] = _REPLACEMENT
    return text if repaired is None else bytes(repaired.replace(_FILLING, b""))


def values(text: bytes) -> int:
    """Return the maximum number of values in a JSON text, without decoding it."""
    # One pass, in pieces that stay in the processor's cache; three counts take twice as long.
    pieces = (text[at : at + _CACHED_CHUNK] for at in range(0, len(text), _CACHED_CHUNK))
    return 1 + sum(len(piece.translate(None, _NOT_VALUES)) for piece in pieces)


def values_outside_text(text: bytes) -> int:
    """Return the number of values in a JSON text, strings excluded; slower than :func:`values`."""
    structure = text.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _NOT_STRUCTURE)
    count, inside = 1, False
    for start in range(0, len(structure), _STRUCTURE_CHUNK):
        parts = structure[start : start + _STRUCTURE_CHUNK].split(b'"')
        count += sum(map(len, parts[inside::2]))
        inside ^= len(parts) % 2 == 0
    return count


def has_more_values(text: bytes, most: int) -> bool:
    """Return whether a JSON text holds more than ``most`` values, without decoding it."""
    return values(text) > most and values_outside_text(text) > most


def depth(text: bytes | msgspec.Raw) -> int:
    """Return the levels of objects and arrays in a JSON text: 1 for ``[0]``."""
    deepest = level = 0
    for match in _BRACKET.finditer(bytes(text)):
        level += (match[0] in (b"[", b"{")) - (match[0] in (b"]", b"}"))
        deepest = max(deepest, level)
    return deepest


def value(text: bytes | msgspec.Raw) -> Any:
    """Return the decoded value of any JSON text."""
    try:
        return _VALUE.decode(text)
    except _UNREADABLE as error:
        source = _decoded(text, error)
        decoded, end = _scan(source, _space(source, 0))
        _nothing_after(source, end)
        return decoded


def dump(decoded: Any) -> bytes:
    """Return the JSON text of any decoded value."""
    try:
        return msgspec.json.encode(decoded)
    except (UnicodeEncodeError, OverflowError):  # a lone surrogate, an integer beyond 64 bits
        return json.dumps(decoded, separators=(",", ":")).encode()


def _decoded(text: bytes | msgspec.Raw, error: Exception) -> str:
    """Return the text for the slow scanner, if a lone surrogate may be the fast one's problem."""
    raw = bytes(text)
    if b"\\u" not in raw or isinstance(error, msgspec.ValidationError | RecursionError):
        raise NotJson(str(error), truncated="truncated" in str(error)) from error
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise NotJson("not UTF-8") from error


def _checked(
    text: bytes | msgspec.Raw, decoder: msgspec.json.Decoder[Any], error: Exception
) -> bytes:
    """Return the text if the decoder accepts it without its lone surrogates; else raise."""
    raw = bytes(text)
    repaired = (
        raw
        if isinstance(error, msgspec.ValidationError | RecursionError)
        else replace_lone_surrogates(raw)
    )
    if repaired is not raw:
        try:
            decoder.decode(repaired)
        except _UNREADABLE as wrong:
            error = wrong
        else:
            return raw
    at = _AT_BYTE.search(str(error))  # "1." at the end is an invalid number
    cut_off = "truncated" in str(error) or (at is not None and int(at[1]) >= len(repaired))
    raise NotJson(str(error), truncated=cut_off) from error


def _cut(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the undecoded name, ``b""`` in an array, and the slice of each member or element.

    The text must be valid JSON.
    """
    start = len(raw) - len(raw.lstrip())
    named = raw[start : start + 1] == b"{"
    at = _skip(_GAP, raw, start + 1)
    while raw[at : at + 1] not in (b"}", b"]"):
        name = b""
        if named:
            end = _skip(_STRING, raw, at)
            name, at = raw[at:end], _skip(_GAP, raw, end)
        end = _end(raw, at)
        yield name, raw[at:end]
        at = _skip(_GAP, raw, end)


def _end(raw: bytes, at: int) -> int:
    """Return the end of the value that starts at ``at``."""
    first = raw[at : at + 1]
    if first not in (b"{", b"["):
        return _skip(_STRING if first == b'"' else _SCALAR, raw, at)
    level = 0
    for match in _BRACKET.finditer(raw, at):
        level += (match[0] in (b"[", b"{")) - (match[0] in (b"]", b"}"))
        if level == 0:
            return match.end()
    raise NotJson("the text ends too early", truncated=True)


def _skip(what: re.Pattern[bytes], raw: bytes, at: int) -> int:
    match = what.match(raw, at)
    if match is None:
        raise NotJson(f"unexpected at byte {at}", truncated=at >= len(raw))
    return match.end()


def _space(source: str, at: int) -> int:
    match = _SPACE.match(source, at)
    return match.end() if match else at


def _nothing_after(source: str, at: int) -> None:
    if _space(source, at) != len(source):
        raise NotJson(f"trailing characters at character {at}")


def _no_constant(name: str) -> NoReturn:
    raise NotJson(f"{name} is not JSON")


_SCANNER = json.JSONDecoder(parse_constant=_no_constant)


def _scan(source: str, at: int) -> tuple[Any, int]:
    try:
        return _SCANNER.raw_decode(source, at)
    except RecursionError as error:
        raise NotJson("nested too deeply") from error
    except json.JSONDecodeError as error:
        at_end = error.pos > len(source) - _LONGEST_TOKEN or error.msg.startswith("Unterminated")
        raise NotJson(str(error), truncated=at_end) from error
