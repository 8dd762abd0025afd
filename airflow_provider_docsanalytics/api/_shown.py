"""Text from outside, made fit for a message: without secrets, on one line, not too long."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HIDDEN = "***"
_MOST_READ = 64 * 1024
_USER_INFO = re.compile(r"(?<=://)[^/\s@]*@")


def shown(text: str, secrets: Iterable[str], limit: int) -> str:
    """Return ``text`` without the secrets, its control characters escaped, cut at ``limit``.

    It is cut last: half a secret would not be recognised.
    """
    hidden = hide(text[:_MOST_READ], secrets)
    return "".join(map(_visible, hidden[:limit]))[:limit]


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return ``text`` without the secrets, in any of their forms, and without users of URLs."""
    forms = sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True)
    if forms:
        # Of a host name only lower case is left.
        text = re.sub("|".join(map(re.escape, forms)), HIDDEN, text, flags=re.IGNORECASE)
    return _USER_INFO.sub(f"{HIDDEN}@", text)


def _forms(secret: str) -> Iterator[str]:
    """Yield the secret, percent-encoded, and as base64 shows it wherever it stands in the text."""
    yield from (secret, quote(secret, safe=""))
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + secret.encode()).decode().rstrip("=")
        # The characters at both ends also depend on what stands around the secret.
        if len(core := encoded[(0, 2, 3)[before] : -1]) >= len(secret):
            yield core


def _visible(character: str) -> str:
    return character if character.isprintable() else ascii(character)[1:-1]
