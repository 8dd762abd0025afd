r"""Redacts secrets from text from outside, and sanitizes such text for messages and logs.

A service or a proxy may return a secret in another encoding. There are two kinds. Escapes
(``%2B``, ``\u002b``, ``&#43;``), in :data:`ESCAPES`, are decoded, also nested ones, and the result
is searched. Codes (base64, hexadecimal) are searched for as they are, because a host name is in
lower case, and base64 in lower case cannot be decoded; :data:`WRITERS` has the escapes that a
secret may have had before it was coded.
"""

from __future__ import annotations

import base64
import html
import html.entities
import json
import logging
import re
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from airflow_provider_docsanalytics.errors import DocsAnalyticsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

REDACTED = "***"
LEAST_CHARS = 8
"""A part of a secret is redacted from this length on; a shorter secret only if complete."""

_MOST_READ = 64 * 1024
_SHORTEST_CODE = 3
_USER_INFO = re.compile(r"(?<=://)[^/\s@]*@")


class Secret(NamedTuple):
    """A text that no message may show; ``in_parts``: not even 8 consecutive characters of it."""

    text: str
    in_parts: bool = True


class _Windows(NamedTuple):
    """What reveals a secret, folded: parts by their length, and complete texts."""

    parts: dict[int, set[str]]
    texts: set[str]


def sanitize(text: str, secrets: Sequence[Secret], limit: int) -> str:
    """Return ``text`` without the secrets, its control characters escaped, cut at ``limit``."""
    redacted = redact(text[:_MOST_READ], secrets)
    return "".join(map(_visible, redacted[:limit]))[:limit]


def redact(text: str, secrets: Sequence[Secret]) -> str:
    """Return ``text`` without the secrets, in any encoding, and without user info in URLs."""
    windows = _windows(tuple(secrets))
    spans: list[tuple[int, int]] = []
    for layer in layers(text):
        for first, end in _hits(_fold(layer.text), windows):
            start, stop = layer.starts[first], layer.ends[end - 1]
            # A short secret that appears only if spaces are removed is a coincidence.
            if end - first >= LEAST_CHARS or not re.search(r"\s", text[start:stop]):
                spans.append((start, stop))
    return _USER_INFO.sub(f"{REDACTED}@", _without(text, spans))


@contextmanager
def redacted_errors(sanitize_text: Callable[[str], str]) -> Iterator[None]:
    """Sanitize the errors that are raised in this block and quote the service.

    They lose foreign causes, which hold the request, and with it the key, or the response.
    """
    try:
        yield
    except DocsAnalyticsError as error:
        _sanitize_error(error, sanitize_text)
        raise


def _sanitize_error(error: DocsAnalyticsError, sanitize_text: Callable[[str], str]) -> None:
    error.args = tuple(sanitize_text(arg) if isinstance(arg, str) else arg for arg in error.args)
    for name, value in vars(error).items():
        if isinstance(value, str):
            setattr(error, name, sanitize_text(value))
    cause = error.__cause__
    error.__cause__ = error.__context__ = None
    if isinstance(cause, DocsAnalyticsError):
        _sanitize_error(cause, sanitize_text)
        error.__cause__ = cause


_log_sanitizer: ContextVar[Callable[[str], str] | None] = ContextVar("_log_sanitizer", default=None)


@contextmanager
def redacted_logs(sanitize_text: Callable[[str], str]) -> Iterator[None]:
    """Sanitize what loggers with a :class:`LogFilter` log in this block."""
    token = _log_sanitizer.set(sanitize_text)
    try:
        yield
    finally:
        _log_sanitizer.reset(token)


class LogFilter(logging.Filter):
    """For a library's logger, which quotes URLs, and headers that cannot be parsed.

    Lines about other requests than ours stay unchanged.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the record's message, and drop its traceback, which would quote it again."""
        if (sanitize_text := _log_sanitizer.get()) is not None:
            record.msg, record.args = sanitize_text(record.getMessage()), ()
            record.exc_info = record.exc_text = record.stack_info = None
        return True


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    kept: list[str] = []
    last = 0
    for start, stop in sorted(spans):
        if start > last or not kept:
            kept.append(text[last:start])
        last = max(last, stop)
    return REDACTED.join([*kept, text[last:]]) if kept else text


def _hits(text: str, windows: _Windows) -> Iterator[tuple[int, int]]:
    for size, known in windows.parts.items():
        for first in range(len(text)):
            if text[first : first + size] in known:
                yield first, first + size
    for known_text in windows.texts:
        first = text.find(known_text)
        while first >= 0:
            yield first, first + len(known_text)
            first = text.find(known_text, first + 1)


def _fold(text: str) -> str:
    """Return text without differences of case and between the two alphabets of base64.

    Each character stays one character: only the dotted capital I has a longer lower case.
    """
    return text.replace("\u0130", "i").lower().translate({ord("-"): "+", ord("_"): "/"})


@lru_cache(maxsize=16)
def _windows(secrets: tuple[Secret, ...]) -> _Windows:
    windows = _Windows({}, set())
    for given, in_parts in secrets:
        secret = given.encode(errors="replace").decode()  # from the environment it may be any bytes
        complete_only = not in_parts or len(secret) < LEAST_CHARS
        for text in _spellings(secret):
            _add(windows, text, 0 if complete_only else LEAST_CHARS)
        for text in {secret, secret.lower(), secret.upper()}:
            for data in written(text):
                for code, chars in codes(data):
                    if len(code) >= max(len(secret), _SHORTEST_CODE):
                        _add(windows, code, 0 if complete_only else int(LEAST_CHARS * chars))
    return windows


def _spellings(secret: str) -> set[str]:
    """Return the secret as texts show it: its own escapes may be decoded with the text's."""
    given = {secret, secret.replace(" ", "+"), secret.encode().decode("latin-1")}
    return {layer.text for text in given for layer in layers(text)}


def _add(windows: _Windows, text: str, size: int) -> None:
    """Add the parts of this size; the complete text if ``size`` is 0 or the text is short."""
    text = _fold(text)
    if size and len(text) > size:
        parts = (text[first : first + size] for first in range(len(text) - size + 1))
        windows.parts.setdefault(size, set()).update(parts)
    elif text:
        windows.texts.add(text)


def _visible(character: str) -> str:
    return character if character.isprintable() else ascii(character)[1:-1]


# Encodings

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
    (r"%(?:25)*([0-9a-f]{2})", _character),  # quote(), encodeURIComponent(); also repeated
    # JSON, JavaScript and Python; in JSON within JSON the backslashes are doubled.
    (r"\\++u\{0*([0-9a-f]{1,6})\}", _character),
    (r"\\++u(?:0000)?([0-9a-f]{4})", _character),
    (r"\\++x([0-9a-f]{2})", _character),
    (r"\\++([0-3][0-7]{2})", lambda digits: _character(digits, 8)),
    (r"\\++[nrtfv]?()", _nothing),
    (r"&#x0*([0-9a-f]{1,6});?", _character),
    (r"&#0*([0-9]{1,7});?", lambda digits: _character(digits, 10)),
    (r"&([a-z]{2,31});", lambda name: _BY_NAME.get(name.lower(), "")),
    # Line breaks and invisible characters.
    (r"[\s\x00-\x1f\x7f\xad\u200b-\u200f\u2028-\u202e\u2060\ufeff]+()", _nothing),
    (r"<w?br ?/?>()", _nothing),
)
"""Escapes of one character, or of none, and how to decode their only group."""
_ESCAPED = re.compile("|".join(f"({pattern})" for pattern, _ in ESCAPES), re.IGNORECASE)


class Layer(NamedTuple):
    """A text with some escapes decoded, and each character's start and end in the original."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]


def layers(text: str) -> Iterator[Layer]:
    """Yield the text unchanged, then with its escapes decoded, level by level."""
    layer = Layer(text, range(len(text)), range(1, len(text) + 1))
    yield layer
    for _ in range(_ROUNDS):
        plainer = _unescape(layer)
        if plainer is layer:
            return
        yield (layer := plainer)


def _unescape(layer: Layer) -> Layer:
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
        _, read = ESCAPES[outer // 2]  # each has two groups: its own, and the one to decode
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
    """Return the bytes of a secret before it is coded, including nested codes."""
    texts = {write(text) for write in WRITERS}
    for code, _ in codes(text.encode()):
        texts |= {code, code.replace("+", "-").replace("/", "_")}
    data = {each.encode() for each in texts}
    # HTTP's encoding of passwords.
    return data | ({text.encode("latin-1")} if text.isascii() or max(text) <= "\xff" else set())


def codes(data: bytes) -> Iterator[tuple[str, float]]:
    """Yield each code of the data, and the number of its characters for one byte.

    Base64 has three forms, by the data's position in a longer text; the characters at both ends
    that depend on that text are left out.
    """
    yield data.hex(), 2.0
    for before in range(3):
        code = base64.b64encode(b"\0" * before + data).decode()
        yield code[-(-8 * before // 6) : 8 * (before + len(data)) // 6], 8 / 6
