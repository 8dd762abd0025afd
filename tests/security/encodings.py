"""How a service may say a secret back, and whether a text still tells it.

Written without a look at the code that redacts: an encoding here is what a program would write.
"""

from __future__ import annotations

import base64
import html
import html.entities
import json
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LEAST = 8
_NAMED = {text: name for name, text in sorted(html.entities.html5.items()) if name.endswith(";")}


def _each(form: str) -> Callable[[str], str]:
    return lambda text: "".join(form.format(ord(character)) for character in text)


def _odd_ones(form: str) -> Callable[[str], str]:
    return lambda text: "".join(
        character if character.isalnum() or character == "_" else form.format(ord(character))
        for character in text
    )


# By characters: a part of the secret is written as a part of the whole.
ESCAPES: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "quote": quote,
    "quote without safe": lambda text: quote(text, safe=""),
    "encodeURIComponent": lambda text: quote(text, safe="!*'()"),
    "percent, all": _each("%{:02X}"),
    "percent, all, small": _each("%{:02x}"),
    "html.escape": html.escape,
    "decimal entities": _each("&#{};"),
    "decimal entities of the odd ones": _odd_ones("&#{};"),
    "hexadecimal entities": _each("&#x{:x};"),
    "hexadecimal entities of the odd ones": _odd_ones("&#x{:X};"),
    "named entities": lambda text: "".join(f"&{_NAMED[c]}" if c in _NAMED else c for c in text),
    "json": lambda text: json.dumps(text)[1:-1],
    "json of php": lambda text: json.dumps(text)[1:-1].replace("/", r"\/"),
    "json, all": _each(r"\u{:04x}"),
    "json, the odd ones": _odd_ones(r"\u{:04X}"),
    "json in json": lambda text: json.dumps(json.dumps(text)[1:-1])[1:-1],
    "json in json, all": _each(r"\\u{:04x}"),
    "JavaScript, all": _each(r"\u{{{:x}}}"),
    "octal, all": _each(r"\{:03o}"),
    "repr, all": _each(r"\x{:02x}"),
    "hex": lambda text: text.encode().hex(),
}
CODES = ("base64", "base64url")
NAMES = (*ESCAPES, *CODES)
PAIRS = tuple(product(NAMES, NAMES))


def say(text: str, *encodings: str, before: str = "") -> str:
    """Return the text in these encodings, one after the other; ``before`` goes into the first."""
    text = before + text
    for name in encodings:
        if name == "base64":
            text = base64.b64encode(text.encode()).decode()
        elif name == "base64url":
            text = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
        else:
            text = ESCAPES[name](text)
    return text


def told(secret: str, text: str, pairs: tuple[tuple[str, str], ...] = PAIRS) -> set[str]:
    """Return the forms in which 8 characters of the secret stand in the text."""
    tight = "".join(text.split()).lower()
    return {
        tight[first : first + size]
        for size, forms in _forms(secret, pairs).items()
        for first in range(len(tight) - size + 1)
        if tight[first : first + size] in forms
    }


@lru_cache(maxsize=8)
def _forms(secret: str, pairs: tuple[tuple[str, str], ...]) -> dict[int, set[str]]:
    size = min(LEAST, len(secret))
    parts = {secret[first : first + size] for first in range(len(secret) - size + 1)}
    parts |= {part.lower() for part in parts} | {part.upper() for part in parts}
    by_size: dict[int, set[str]] = {}
    for inner, outer in {*pairs, ("as it is", "as it is")}:
        for part in parts:
            for form in (f for once in _written(part, inner) for f in _written(once, outer)):
                tight = "".join(form.split()).lower()
                by_size.setdefault(len(tight), set()).add(tight)
    return by_size


def _written(part: str, name: str) -> Iterator[str]:
    if name not in CODES:
        yield ESCAPES[name](part)
        return
    for before in range(3):
        data = b"\0" * before + part.encode()
        code = base64.b64encode(data) if name == "base64" else base64.urlsafe_b64encode(data)
        yield code.decode()[-(-8 * before // 6) : 8 * len(data) // 6]
