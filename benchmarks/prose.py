"""Made-up English that compressors find as hard as a person's; the same bytes on every machine.

Words come by Zipf's law from a few thousand, sentences from a small grammar, and a text comes back
to its own words, as an answer about one topic does. ``make bench ARGS=text`` compares how well it
compresses with Python's own documentation.
"""

# ruff: noqa: PLR2004 - the proportions of made-up text need no names

from __future__ import annotations

from bisect import bisect
from itertools import accumulate
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_STEMS = (
    "account action address agent alert answer array asset attach author batch bill block branch "
    "bridge browse bucket buffer build button cache call cancel capture card chain change channel "
    "chart check child class client clock cloud code collect column command commit compile "
    "compute confirm connect console contact contain content control convert cookie copy count "
    "create credit cursor custom data date debug declare default define delete deploy depend "
    "design detect develop device digest direct disable display document domain download draft "
    "drive drop edit embed enable encode encrypt endpoint engine enter error escape event exact "
    "example exclude execute expand expect expire explain export expose extend extract fail fetch "
    "field figure file filter find fix flag flow folder follow font force format forward frame "
    "function gate generate global grant graph group guard guide handle hash header heal help "
    "hide history host hour icon ignore image import include index inherit inject inline input "
    "insert inspect install integrate invite invoice issue item join journal key label language "
    "launch layer layout lead level library license limit line link list listen load local lock "
    "log loop mail maintain manage map mark mask match measure member memory menu merge message "
    "method migrate mirror mode model module monitor mount move multiple name navigate nest "
    "network node note notice number object offer open operate option order origin output own "
    "pack page panel parameter parse part pass paste patch path pause permit person phrase pin "
    "pipe place plan plug point policy poll port post prefer prefix preview price print private "
    "process product profile project prompt protect provide proxy public publish pull push query "
    "queue quote range rate react read reason receive record redirect refer refresh register "
    "relate release remove rename render repeat replace reply report request require reset "
    "resolve resource respond restart restore result retry return review revoke role roll root "
    "rotate route rule run save scale scan schedule schema scope screen script search secret "
    "section select send separate serve session set shape share shift show sign site size skip "
    "snippet sort source space spec split stack stage standard start state status step stop store "
    "stream string structure style submit subscribe suffix support switch symbol sync system tab "
    "table tag target task team template tenant term test text theme thread throttle time title "
    "toggle token tool track transfer transform translate trigger trust type update upgrade "
    "upload use user validate value vary verify version view visit wait warn watch webhook widget "
    "window work wrap write zone"
)
_ENDINGS = ("", "s", "ed", "ing", "er", "ers", "able", "ment", "ation", "less", "ly", "or")
_NAMES = (
    "Amazon Berlin Chrome Docker GitHub Google Helm Java Kubernetes Linux London Markdown "
    "Mintlify Monday Nginx Node OpenAPI Paris Postgres Python React Redis Slack Stripe Terraform "
    "Tuesday Ubuntu Vercel Windows YAML Zapier January September"
)
_QUALITIES = (
    "new same old full whole exact empty large small current next previous first last second "
    "different main simple single public private correct wrong early late long short safe own "
    "available necessary possible usual special separate several common complete recent visible"
)
_LINKS = (
    "of in to for with on from by at as into through before after between during without under "
    "over against per within"
)
_STARTS = "the a your this each that any every its our their one no some these both all another"
_JOINTS = ("and", "but", "so that", "because", "if", "when", "unless", "while", "which", "or")
_VERBS = (
    *("is", "are", "can", "has", "will", "does", "was", "must", "may", "should", "could"),
    *("needs to", "have to", "cannot", "does not", "did not", "is not", "would"),
)
_ADVERBS = (
    "also only still then now here again already always never often usually first instead "
    "directly quickly later once together however therefore otherwise"
)
_ZIPF = 1.0
_RECALL = 0.18
"""How often a text takes a word that it has used before."""


class Author:
    """Writes texts one after another; the same seed writes the same ones."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed).random  # noqa: S311 - repeatable, not secret
        ranks = {
            stem + ending: self._random() * (rank + 1)
            for stem in _STEMS.split()
            for rank, ending in enumerate(_ENDINGS)
        }
        self._content = self._by_zipf(sorted(ranks, key=ranks.__getitem__))
        self._joint = self._by_zipf(_JOINTS)
        self._link = self._by_zipf(_LINKS.split())
        self._start = self._by_zipf(_STARTS.split())
        self._verb = self._by_zipf(_VERBS)
        self._adverb = self._by_zipf(_ADVERBS.split())
        self._quality = self._by_zipf(_QUALITIES.split())
        self._name = self._by_zipf(_NAMES.split())

    def text(self, size: int) -> str:
        """Return sentences and a piece of code now and then, of at least so many characters."""
        recalled: list[str] = []
        pieces: list[str] = []
        while size > 0:
            piece = self._code() if self._random() < 0.04 else self._sentence(recalled)
            pieces += (piece, "\n\n" if self._random() < 0.15 else " ")
            size -= len(piece) + 1
        return "".join(pieces[:-1])

    def question(self) -> str:
        """Return one short question."""
        words = list(self._clause([]))[:12]
        return f"How {'do I' if self._random() < 0.5 else 'can we'} {' '.join(words)}?"

    def number(self, below: int) -> int:
        """Return a number from 0 on."""
        return int(self._random() * below)

    def _sentence(self, recalled: list[str]) -> str:
        words = list(self._clause(recalled))
        while self._random() < 0.45:
            words[-1] += "," if self._random() < 0.6 else ""
            words += (self._joint(), *self._clause(recalled))
        text = " ".join(words)
        return f"{text[0].upper()}{text[1:]}{'.' if self._random() < 0.9 else ':'}"

    def _clause(self, recalled: list[str]) -> Iterator[str]:
        yield from self._thing(recalled)
        yield self._verb()
        if self._random() < 0.2:
            yield self._adverb()
        yield self._word(recalled)
        while self._random() < 0.55:
            yield self._link()
            yield from self._thing(recalled)

    def _thing(self, recalled: list[str]) -> Iterator[str]:
        if self._random() < 0.08:
            yield self._name()
            return
        if self._random() < 0.75:
            yield self._start()
        if self._random() < 0.25:
            yield self._quality()
        yield self._word(recalled)
        if self._random() < 0.07:
            yield str(self.number(1000))

    def _word(self, recalled: list[str]) -> str:
        if recalled and self._random() < _RECALL:
            return recalled[self.number(len(recalled))]
        word = self._content()
        recalled.append(word)
        return word

    def _code(self) -> str:
        name, argument, value = self._content(), self._content(), self._content()
        if self._random() < 0.5:
            return f'`{name}.{argument}("{value}", {self.number(100)})`'
        return f"\n```python\n{name} = client.{argument}({value}={self.number(10_000)})\n```\n"

    def _by_zipf(self, words: Sequence[str]) -> Callable[[], str]:
        weights = list(accumulate(1 / (rank + 2) ** _ZIPF for rank in range(len(words))))
        total, random = weights[-1], self._random
        return lambda: words[bisect(weights, random() * total)]
