"""The words of the data set: page paths, questions and answers, and text that breaks exporters."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

SITE = "https://docs.example.com"
LONG_ANSWER_BYTES = 60_000

_SECTIONS = ("guides", "api-reference", "sdk", "concepts", "tutorials", "changelog", "faq")
_TOPICS = (
    "webhooks",
    "authentication",
    "pagination",
    "rate-limits",
    "deployment",
    "search",
    "billing",
    "environments",
    "secrets",
    "migrations",
    "caching",
)
_VOCABULARY = (
    "the request token page server returns a list of objects when your project has been "
    "configured to allow access from this address otherwise it answers with an error whose "
    "message names field and value set retry after timeout before sending data again each "
    "environment keeps its own settings so rotate keys often export rows daily check status"
)
_WORDS = _VOCABULARY.split()

AWKWARD = (
    "",
    " \U0001f680 launch \u2705 caf\u00e9",
    " first line\nsecond line\r\nthird line",
    " she said \"no\" and 'yes', twice",
    " C:\\temp\\new and \\u0041 \\n are not escapes",
    " separators \u2028 and \u2029 inside",
    "\tcolumn\tcolumn",
    " \U0001f469\u200d\U0001f469\u200d\U0001f467 zero\u200dwidth",
    " \u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd right to left",
    " <script>alert(1)</script> &amp; <b>bold</b>",
    " astral \U0001d4b3 \U0002070e \U0001f1ea\U0001f1fa",
    " =SUM(A1:A9), 1;2;3",
    " e\u0301 combining, \u0001\u001f\u007f controls",
    ' ```json\n{"key": [1, null]}\n```',
    " \u65e5\u672c\u8a9e\u306e\u8cea\u554f \u4e2d\u6587 \ud55c\uad6d\uc5b4",
)


def page_path(page: int) -> str:
    """Return the path of a documentation page; page 0 is the home page."""
    if page == 0:
        return "/"
    return f"/{_SECTIONS[page % len(_SECTIONS)]}/{_TOPICS[page % len(_TOPICS)]}-{page}"


def page_title(page: int) -> str:
    """Return the title of a documentation page."""
    return f"{_TOPICS[page % len(_TOPICS)].replace('-', ' ').capitalize()} {page}"


def category(number: int) -> str:
    """Return one of the few categories of questions."""
    return _TOPICS[number % len(_TOPICS)]


def search_term(number: int) -> str:
    """Return a search term; no two numbers have the same."""
    topic = _TOPICS[number % len(_TOPICS)].replace("-", " ")
    return f"{topic} {number}{AWKWARD[number % len(AWKWARD)] if number % 4 == 0 else ''}"


def sentence(rng: Random, words: int) -> str:
    """Return so many words as one sentence."""
    return " ".join(rng.choices(_WORDS, k=words)).capitalize()


def prose(rng: Random, length: int) -> str:
    """Return ASCII text of exactly this length."""
    return sentence(rng, length // 2 + 1)[:length]
