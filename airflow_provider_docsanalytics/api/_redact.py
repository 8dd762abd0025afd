"""Secrets are redacted from text from outside, and text from outside is made fit for messages."""

from __future__ import annotations

import logging
import re
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_docsanalytics.api._encodings import codes, layers, written
from airflow_provider_docsanalytics.errors import DocsAnalyticsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

REDACTED = "***"
LEAST_CHARS = 8
"""So many characters of a secret in a row are redacted; a shorter secret is as a whole."""

_MOST_READ = 64 * 1024
_SHORTEST_CODE = 3
_USER_INFO = re.compile(r"(?<=://)[^/\s@]*@")


class Secret(NamedTuple):
    """A text that no message may show; ``in_parts``: nor 8 characters of it in a row."""

    text: str
    in_parts: bool = True


class _Windows(NamedTuple):
    """What gives a secret away, folded: parts by their length, and texts that do as a whole."""

    parts: dict[int, set[str]]
    wholes: set[str]


def sanitize(text: str, secrets: Sequence[Secret], limit: int) -> str:
    """Return ``text`` without the secrets, its control characters escaped, cut at ``limit``."""
    redacted = redact(text[:_MOST_READ], secrets)
    return "".join(map(_visible, redacted[:limit]))[:limit]


def redact(text: str, secrets: Sequence[Secret]) -> str:
    """Return ``text`` without the secrets, in any encoding, and without the users of URLs."""
    windows = _windows(tuple(secrets))
    spans: list[tuple[int, int]] = []
    for layer in layers(text):
        for first, end in _hits(_fold(layer.text), windows):
            start, stop = layer.starts[first], layer.ends[end - 1]
            # A short secret that is only there without the spaces is a coincidence.
            if end - first >= LEAST_CHARS or not re.search(r"\s", text[start:stop]):
                spans.append((start, stop))
    return _USER_INFO.sub(f"{REDACTED}@", _without(text, spans))


@contextmanager
def redacted_errors(fit: Callable[[str], str]) -> Iterator[None]:
    """Make errors that quote the service fit for logs, by ``fit``.

    They lose causes that are not ours: those hold the request and with it the key, or the answer.
    """
    try:
        yield
    except DocsAnalyticsError as error:
        _make_fit(error, fit)
        raise


def _make_fit(error: DocsAnalyticsError, fit: Callable[[str], str]) -> None:
    error.args = tuple(fit(arg) if isinstance(arg, str) else arg for arg in error.args)
    for name, value in vars(error).items():
        if isinstance(value, str):
            setattr(error, name, fit(value))
    cause = error.__cause__
    error.__cause__ = error.__context__ = None
    if isinstance(cause, DocsAnalyticsError):
        _make_fit(cause, fit)
        error.__cause__ = cause


_fit_for_logs: ContextVar[Callable[[str], str] | None] = ContextVar("_fit_for_logs", default=None)


@contextmanager
def redacted_logs(fit: Callable[[str], str]) -> Iterator[None]:
    """Make what loggers with a :class:`LogFilter` say in this block fit for logs, by ``fit``."""
    token = _fit_for_logs.set(fit)
    try:
        yield
    finally:
        _fit_for_logs.reset(token)


class LogFilter(logging.Filter):
    """For a library's logger: it quotes URLs, and headers of a service that cannot be parsed.

    Lines about anybody else's requests stay as they are.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the record's message; a traceback would quote it again, and is left out."""
        if (fit := _fit_for_logs.get()) is not None:
            record.msg, record.args = fit(record.getMessage()), ()
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
        for first in range(len(text) - size + 1):
            if text[first : first + size] in known:
                yield first, first + size
    for whole in windows.wholes:
        first = text.find(whole)
        while first >= 0:
            yield first, first + len(whole)
            first = text.find(whole, first + 1)


def _fold(text: str) -> str:
    """Return text in which case and the two alphabets of base64 make no difference.

    Every character stays one: of all, only the dotted capital I has a longer lower case.
    """
    return text.replace("\u0130", "i").lower().translate({ord("-"): "+", ord("_"): "/"})


@lru_cache(maxsize=16)
def _windows(secrets: tuple[Secret, ...]) -> _Windows:
    windows = _Windows({}, set())
    for given, in_parts in secrets:
        secret = given.encode(errors="replace").decode()  # of the environment it may be any bytes
        whole = not in_parts or len(secret) < LEAST_CHARS
        for text in _spellings(secret):
            _add(windows, text, 0 if whole else LEAST_CHARS)
        for text in {secret, secret.lower(), secret.upper()}:
            for data in written(text):
                for code, chars in codes(data):
                    if len(code) >= max(len(secret), _SHORTEST_CODE):
                        _add(windows, code, 0 if whole else int(LEAST_CHARS * chars))
    return windows


def _spellings(secret: str) -> set[str]:
    """Return the secret as texts show it: its own escapes may be undone with the text's."""
    given = {secret, secret.replace(" ", "+"), secret.encode().decode("latin-1")}
    return {layer.text for text in given for layer in layers(text)}


def _add(windows: _Windows, text: str, size: int) -> None:
    """Add the parts of this size, or where ``size`` is 0 or the text no longer, the text."""
    text = _fold(text)
    if size and len(text) > size:
        parts = (text[first : first + size] for first in range(len(text) - size + 1))
        windows.parts.setdefault(size, set()).update(parts)
    elif text:
        windows.wholes.add(text)


def _visible(character: str) -> str:
    return character if character.isprintable() else ascii(character)[1:-1]
