r"""Cut JSON into slices of its own text, so that rows are kept to the letter.

``msgspec`` does the cutting. It refuses one thing that services do send: an escaped lone surrogate
(``"\ud83d"``, half an emoji, what JavaScript's ``slice`` leaves of a text cut at the wrong place).
Only then the standard library's slower scanner takes over.
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
"""What the fast scanner raises; the second for names that are not UTF-8."""
_LONGEST_TOKEN = len(r"\ud83d\ude00")
_SPACE = re.compile(r"[ \t\n\r]*")


class NotJson(ValueError):  # noqa: N818 - named for what it is
    """The text is not the JSON that was asked for; ``truncated`` if it just ends too early."""

    def __init__(self, reason: str, *, truncated: bool = False) -> None:
        super().__init__(reason)
        self.truncated = truncated


def members(text: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    """Return the members of a JSON object, each value as the slice that it is in ``text``."""
    try:
        return _MEMBERS.decode(text)
    except _UNREADABLE as error:
        return dict(_cut(text, "{", error))


def twice(text: bytes | msgspec.Raw, found: Mapping[str, msgspec.Raw]) -> str | None:
    """Return a name that comes twice in a JSON object, of which :func:`members` gives the last.

    A compact object is as long as its members; only another one is taken apart again.
    """
    raw = bytes(text).strip()
    lengths = (len(name.encode(errors="replace")) + len(bytes(raw)) for name, raw in found.items())
    if len(raw) == 1 + sum(lengths) + 4 * len(found):
        return None
    names = [name for name, _ in _cut_up(raw.decode(errors="replace"), "{")]
    return next((name for name in names if names.count(name) > 1), None)


def elements(text: bytes | msgspec.Raw) -> list[msgspec.Raw]:
    """Return the elements of a JSON array, each as the slice that it is in ``text``."""
    try:
        return _ELEMENTS.decode(text)
    except _UNREADABLE as error:
        return [value for _, value in _cut(text, "[", error)]


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
    """Return the text for the slow scanner, if a lone surrogate may be why the fast one failed."""
    raw = bytes(text)
    if b"\\u" not in raw or isinstance(error, msgspec.ValidationError | RecursionError):
        raise NotJson(str(error), truncated="truncated" in str(error)) from error
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise NotJson("not UTF-8") from error


def _cut(
    text: bytes | msgspec.Raw, opener: str, error: Exception
) -> Iterator[tuple[str, msgspec.Raw]]:
    """Yield (name, slice) of an object's members, or ("", slice) of an array's elements."""
    return _cut_up(_decoded(text, error), opener)


def _cut_up(source: str, opener: str) -> Iterator[tuple[str, msgspec.Raw]]:
    closer = {"{": "}", "[": "]"}[opener]
    at = _space(source, _expect(source, 0, opener))
    while source[at : at + 1] != closer:
        name = ""
        if opener == "{":
            name, at = _scan(source, at)
            if not isinstance(name, str):
                raise NotJson(f"a member's name is not text at character {at}")
            at = _space(source, _expect(source, at, ":"))
        _, end = _scan(source, at)
        yield name, msgspec.Raw(source[at:end].encode())
        at = _space(source, end)
        if source[at : at + 1] == closer:
            break
        at = _space(source, _expect(source, at, ","))
        if source[at : at + 1] == closer:
            raise NotJson(f"a comma before {closer!r} at character {at}")
    _nothing_after(source, at + 1)


def _space(source: str, at: int) -> int:
    match = _SPACE.match(source, at)
    return match.end() if match else at


def _expect(source: str, at: int, token: str) -> int:
    at = _space(source, at)
    if source[at : at + 1] != token:
        raise NotJson(f"expected {token!r} at character {at}", truncated=at >= len(source))
    return at + 1


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
