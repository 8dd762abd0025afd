"""Text that readers wrote, made fit for a page: one line, cut, without what is private in it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import quote

LONGEST = 240
"""Characters of a text on the page."""
_LONGEST_READ = 4000
_LONGEST_PAGE = 160

# Every repetition is bounded, so that no text takes long. What is matched first wins.
_KEY = r"[A-Za-z0-9+/_=-]"
_PRIVATE = re.compile(
    r"""
      (?P<email> [\w.+%'-]{1,64} @ [\w-]{1,63} (?: \.[\w-]{1,63} ){1,8} )
    | (?P<named> \b(?:password|passwd|passphrase|secret|token|api[ _-]?key|access[ _-]?key|bearer)\b
                 ["']? (?:\s{0,3}[:=]\s{0,3}|\s{1,3}(?:is\s{1,3})?(?=\S{0,99}\d))
                 ["']? [^\s"'<>,;]{4,400} )
    | (?P<key>   \b(?:sk|pk|rk|mint|gh[opsu]|glpat|github_pat|xox[abeoprs]|npm|pypi|hf)
                 [_-] [\w-]{8,400}
               | \b(?:AKIA|ASIA|AIza) [\w-]{12,80}
               | \beyJ [\w-]{8,2000} (?: \.[\w-]{0,2000} ){0,2}
               | -----BEGIN [A-Z ]{1,40}----- .{0,4000}
               | \b[0-9a-fA-F]{32,400}\b
               | \b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b )
    | (?P<phone> (?<![\w.]) (?!\d{4}-\d\d-\d\d) [+(]? \d (?: [ ()./-]{0,2} \d ){8,18} (?![\w]) )
    """,
    re.VERBOSE | re.IGNORECASE,
)
_LONG = re.compile(rf"(?<!{_KEY}){_KEY}{{24,400}}")
_WORDS = {"email": "[e-mail]", "named": "[key]", "key": "[key]", "phone": "[number]"}


@dataclass(slots=True)
class ReaderText:
    """Prepares the texts of one page.

    Attributes:
        redacted: how many e-mail addresses, keys and phone numbers were replaced so far.
    """

    redacted: int = 0

    def line(self, text: str) -> str:
        """Return a text as one line of at most :data:`LONGEST` characters."""
        return _cut(self._redact(_one_line(text)), LONGEST)

    def page(self, key: str) -> str:
        """Return a page's key, which a reader's browser may have named."""
        return _cut(self._redact(_one_line(key)), _LONGEST_PAGE)

    def _redact(self, text: str) -> str:
        return _LONG.sub(self._long, _PRIVATE.sub(self._replace, text))

    def _replace(self, found: re.Match[str]) -> str:
        self.redacted += 1
        return _WORDS[found.lastgroup or "key"]

    def _long(self, found: re.Match[str]) -> str:
        """Replace a word that mixes small and capital letters and digits, as only keys do."""
        word = found[0]
        kinds = (str.isupper, str.islower, str.isdigit)
        if not all(any(map(kind, word)) for kind in kinds):
            return word
        self.redacted += 1
        return "[key]"


def _one_line(text: str) -> str:
    """Return text without controls, marks of direction and half characters, in one line."""
    folded = unicodedata.normalize("NFKC", text[:_LONGEST_READ])
    visible = "".join(" " if each.isspace() else each for each in folded)
    return " ".join("".join(each for each in visible if each == " " or _is_visible(each)).split())


def _is_visible(character: str) -> bool:
    return unicodedata.category(character)[0] != "C"


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"


def link(base_url: str, key: str) -> str:
    """Return the address of a page, ``""`` if the key names none or the site is not known."""
    if not base_url or not key.startswith("/") or key.startswith("//"):
        return ""
    if len(key) > _LONGEST_PAGE or _one_line(key) != key or "\\" in key:
        return ""
    return f"{base_url}{quote(key, safe='/-._~%')}"
