r"""The encodings in which a service or a proxy may say a secret back.

Two kinds, each with its table. :data:`ESCAPES` (``%2B``, ``\u002b``, ``&#43;``) are undone, also
one inside the other, and what is left is compared. Codes (base64, hexadecimal) are looked for as
they are: a host name is in lower case, and base64 in lower case cannot be decoded. What a secret
may be written in before it is coded is in :data:`WRITERS`.
"""

from __future__ import annotations

import base64
import html
import html.entities
import json
import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_ROUNDS = 4
_LAST_CHARACTER = 0x10FFFF
_BY_NAME = {
    name.lower().rstrip(";"): character
    for is_ascii in (False, True)  # the later wins: &lt; is no &Lt;
    for name, character in html.entities.html5.items()
    if len(character) == 1 and character.isascii() is is_ascii
}
_NAMES = {
    character: f"&{name}"
    for name, character in sorted(html.entities.html5.items(), reverse=True)
    if name.endswith(";")
}


def _character(digits: str, base: int = 16) -> str:
    code = int(digits, base)
    return chr(code) if code <= _LAST_CHARACTER else ""


def _nothing(_: str) -> str:
    return ""


ESCAPES: tuple[tuple[str, Callable[[str], str]], ...] = (
    (r"%(?:25)*([0-9a-f]{2})", _character),  # quote(), encodeURIComponent(); also of itself
    # JSON, JavaScript and Python; of JSON within JSON the backslashes are doubled.
    (r"\\++u\{0*([0-9a-f]{1,6})\}", _character),
    (r"\\++u(?:0000)?([0-9a-f]{4})", _character),
    (r"\\++x([0-9a-f]{2})", _character),
    (r"\\++([0-3][0-7]{2})", lambda digits: _character(digits, 8)),
    (r"\\++[nrtfv]?()", _nothing),
    (r"&#x0*([0-9a-f]{1,6});?", _character),
    (r"&#0*([0-9]{1,7});?", lambda digits: _character(digits, 10)),
    (r"&([a-z]{2,31});", lambda name: _BY_NAME.get(name.lower(), "")),
    # What breaks lines, and what nobody sees.
    (r"[\s\x00-\x1f\x7f\xad\u200b-\u200f\u2028-\u202e\u2060\ufeff]+()", _nothing),
    (r"<w?br ?/?>()", _nothing),
)
"""What stands for one character, or for none, and how its one group is read."""
_ESCAPED = re.compile("|".join(f"({pattern})" for pattern, _ in ESCAPES), re.IGNORECASE)


class Layer(NamedTuple):
    """A text with some escapes undone, and where each character starts and ends in the original."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]


def layers(text: str) -> Iterator[Layer]:
    """Yield the text as it is, then with its escapes undone, round by round."""
    layer = Layer(text, range(len(text)), range(1, len(text) + 1))
    yield layer
    for _ in range(_ROUNDS):
        plainer = _unescaped(layer)
        if plainer is layer:
            return
        yield (layer := plainer)


def _unescaped(layer: Layer) -> Layer:
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    last = 0
    for found in _ESCAPED.finditer(layer.text):
        first, end = found.span()
        pieces.append(layer.text[last:first])
        starts += layer.starts[last:first]
        ends += layer.ends[last:first]
        last, outer = end, found.lastindex or 1
        _, read = ESCAPES[outer // 2]  # each has two groups: its own, and the one that is read
        if character := read(found[outer + 1]):
            pieces.append(character)
            starts.append(layer.starts[first])
            ends.append(layer.ends[end - 1])
    if not last:
        return layer
    starts += layer.starts[last:]
    ends += layer.ends[last:]
    return Layer("".join([*pieces, layer.text[last:]]), starts, ends)


def _each(form: str, *, but_words: bool = False) -> Callable[[str], str]:
    def write(text: str) -> str:
        return "".join(
            each if but_words and (each.isalnum() or each == "_") else form.format(ord(each))
            for each in text
        )

    return write


WRITERS: tuple[Callable[[str], str], ...] = (
    str,
    quote,
    lambda text: quote(text, safe=""),
    lambda text: quote(text, safe="!*'()"),  # encodeURIComponent()
    *map(_each, ("%{:02x}", "%{:02X}")),
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text)[1:-1].replace("/", r"\/"),
    lambda text: json.dumps(json.dumps(text)[1:-1])[1:-1],
    *map(_each, (r"\u{:04x}", r"\u{:04X}", r"\\u{:04x}", r"\\u{:04X}", r"\x{:02x}")),
    *map(_each, (r"\u{{{:x}}}", r"\u{{{:X}}}", r"\{:03o}")),
    *(_each(form, but_words=True) for form in (r"\u{:04x}", r"\u{:04X}", r"\\u{:04x}")),
    html.escape,
    *map(_each, ("&#{};", "&#x{:x};", "&#x{:X};")),
    *(_each(form, but_words=True) for form in ("&#{};", "&#x{:x};", "&#x{:X};")),
    lambda text: "".join(_NAMES.get(each, each) for each in text),
    lambda text: text.encode().hex().upper(),
)


def written(text: str) -> set[bytes]:
    """Return the bytes that a secret may be when it is coded, a code of its own among them."""
    texts = {write(text) for write in WRITERS}
    for code, _ in codes(text.encode()):
        texts |= {code, code.replace("+", "-").replace("/", "_")}
    data = {each.encode() for each in texts}
    # As HTTP sends passwords.
    return data | ({text.encode("latin-1")} if text.isascii() or max(text) <= "\xff" else set())


def codes(data: bytes) -> Iterator[tuple[str, float]]:
    """Yield each code of the data, and how many of its characters one byte takes.

    Base64 in the three ways in which the data may lie in a longer text, without the characters at
    both ends that depend on that text.
    """
    yield data.hex(), 2.0
    for before in range(3):
        code = base64.b64encode(b"\0" * before + data).decode()
        yield code[-(-8 * before // 6) : 8 * (before + len(data)) // 6], 8 / 6
