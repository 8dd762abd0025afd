"""Who answered: the API itself, or something that stands between here and it.

Between client and service are proxies, firewalls, challenge pages and gateways. What they say is
about the way, not about the key, the thread or the cursor.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics import _json

if TYPE_CHECKING:
    from collections.abc import Mapping

_TITLE = re.compile(r"<title[^<>]*>([^<]*)</title", re.IGNORECASE)
_LONGEST_TITLE = 100
_LONGEST_WORDS = 2000
"""More of an answer's words is not looked at: a message has room for 500 characters."""
_MOST_DETAILS = 20


class Author(Enum):
    """Whose words an answer holds.

    ``API``: JSON of its own kind. ``UNKNOWN``: nothing to tell by, such as an empty body, or one
    that is announced as JSON and damaged. ``OTHER``: what the API does not write; ``PAGE``: a page
    in HTML among that, or an answer that a filter has marked as its own.
    """

    API = "api"
    UNKNOWN = "unknown"
    OTHER = "other"
    PAGE = "page"


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """What an answer with an error status says, and who says it.

    Attributes:
        words: for a message; ``""`` where there are none.
        what: what the answer is, where it is not the API's: ``an HTML page``.
    """

    speaker: Author
    words: str
    what: str = ""


def parse_error_body(content: bytes, headers: Mapping[str, str], *, whole: bool) -> ErrorBody:
    """Return who speaks in an answer and what; ``whole``: all of the content was read."""
    text = content.decode(errors="replace").strip() if content else ""
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if text.startswith("<") or "html" in kind:
        what = "an XML document" if text[:5].lower() == "<?xml" else "an HTML page"
        return ErrorBody(Author.PAGE, _title(text), what)
    own = _own_words(content)[:_LONGEST_WORDS]
    if "cf-mitigated" in headers or (not own and _asks_for_a_login(headers)):
        return ErrorBody(
            Author.PAGE, own or text[:_LONGEST_WORDS], "the answer of a filter or a proxy"
        )
    if own:
        return ErrorBody(Author.API, own)
    readable = text[:_LONGEST_WORDS] if whole and "\ufffd" not in text else ""
    if whole and not text:
        return ErrorBody(Author.UNKNOWN, "", "an answer without content")
    if not kind or kind.endswith("json"):
        return ErrorBody(Author.UNKNOWN, readable)
    return ErrorBody(Author.OTHER, readable, kind)


def _own_words(content: bytes) -> str:
    """Return ``error`` and each ``details[].message``, or ``message``, of the API's own JSON."""
    try:
        answer = _json.value(content)
    except _json.NotJson:
        return ""
    if not isinstance(answer, dict):
        return ""
    words: list[Any] = [answer.get("error") or answer.get("message")]
    details = answer.get("details")
    if words[0] and isinstance(details, list):
        words += [
            entry.get("message") for entry in details[:_MOST_DETAILS] if isinstance(entry, dict)
        ]
    return "; ".join(str(word)[:_LONGEST_WORDS] for word in words if word)


def _asks_for_a_login(headers: Mapping[str, str]) -> bool:
    """Whether it wants a login that is not the API's: its keys are bearer tokens."""
    asked = headers.get("WWW-Authenticate", "").strip().lower()
    return "Proxy-Authenticate" in headers or bool(asked and not asked.startswith("bearer"))


def _title(text: str) -> str:
    found = _TITLE.search(text)
    return " ".join(found[1].split())[:_LONGEST_TITLE] if found else ""
