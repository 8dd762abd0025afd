"""What people ask the assistant, and what it answers: the text of conversation turns."""

# ruff: noqa: PLR2004 - the proportions of made-up data need no names

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from airflow_provider_docsanalytics.simulator import site, topics, values, words

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.simulator.topics import Topic

Scene = Literal["usual", "release", "outage"]

_POOL = 311  # a prime number, so that no period of the row numbers is a multiple of it
_HEAD_BYTES = 73  # from the opening brace of a row to "query", without the brace of the padded part
_DECK = [topic for topic in topics.TOPICS for _ in range(topic.weight)]
_DECK_STRIDE = 37  # without a common factor with the deck: neighbours differ, and all have a turn
_ODD_FORMS = {5: "#example", 8: "?utm_source=newsletter", 11: "/", 12: ".md"}


class _Kind(NamedTuple):
    """All turns of a kind have the same text. ``again`` follows the same kind without it."""

    scene: Scene
    number: int
    again: bool = False


class Texts:
    """The texts of all turns: a pool, of which each is rendered when it is first needed.

    Args:
        seed: of the texts.
        pages: how many documentation pages there are.
        legacy_schema: whether rows have the older, fewer fields.
        row_bytes: the size to which rows are padded.
    """

    def __init__(
        self, *, seed: int, pages: int, legacy_schema: bool = False, row_bytes: int | None = None
    ) -> None:
        self._seed = seed
        self._pages = pages
        self._legacy_schema = legacy_schema
        self._row_bytes = row_bytes
        self._pool: dict[tuple[Scene, int, bool], bytes] = {}

    def pooled(self, scene: Scene, number: int, *, again: bool) -> bytes:
        """Return the JSON of a turn from ``"query"`` on."""
        key = scene, number % _POOL, again
        text = self._pool.get(key)
        if text is None:
            text = self._pool[key] = self._render(_Kind(*key))
        return text

    def added(self, number: int, resolution_status: str | None) -> bytes:
        """Return the same for a turn with this status, if there is one."""
        return self._render(_Kind("usual", number % _POOL), resolution_status)

    def _render(self, kind: _Kind, resolution_status: str | None = None) -> bytes:
        row = self._row(kind, resolution_status)
        if self._legacy_schema:
            row = {name: row[name] for name in ("query", "response", "sources", "queryCategory")}
        escaped = kind.number % 8 == 5
        padding = 0
        if self._row_bytes is not None:
            padding = self._row_bytes - _HEAD_BYTES - len(_json(row, escaped=escaped))
        elif kind == ("usual", _POOL // 2, False):
            padding = values.LONG_ANSWER_BYTES
        if padding > 0:
            row["response"] += values.prose(self._random(f"padding:{kind}"), padding)
        return _json(row, escaped=escaped)[1:]

    def _row(self, kind: _Kind, resolution_status: str | None) -> dict[str, Any]:
        scene, number, again = kind
        topic = (
            site.RELEASE_TOPIC if scene == "release" else _DECK[number * _DECK_STRIDE % len(_DECK)]
        )
        rng = self._random(f"turn:{kind}")
        question = rng.choice(words.AGAIN if again else ("",)) + rng.choice(topic.questions)
        row = {
            "query": site.fill(rng, question) + awkward(number),
            **_answer(rng, number + again, topic, self._pages, resolution_status),
            "queryCategory": None if number % 7 == 2 else topic.category,
            "pageUrl": None if number % 6 == 3 else self._asked_from(scene, number, topic),
        }
        if scene == "outage":
            row |= {"response": rng.choice(words.OUTAGE), "sources": []}
            row["resolutionStatus"] = "unanswered"
        if number % 3 == 0:
            del row["responseType"]
        return row

    def _asked_from(self, scene: Scene, number: int, topic: Topic) -> str:
        """Return a URL, the same for a question and the next one, in a form that browsers send."""
        rng = self._random(f"page:{scene}:{number}")
        elsewhere = site.choose_page(rng, self._pages)
        page = elsewhere if rng.random() < 0.3 else site.page_of(topic, self._pages)
        return site.page_url(page) + (_ODD_FORMS.get(number % 13, "") if page else "")

    def _random(self, name: str) -> Random:
        return Random(f"{self._seed}:{name}")  # noqa: S311 - repeatable, not secret


def awkward(number: int) -> str:
    """Return text that breaks exporters for one number in 17, and none for the others."""
    return values.AWKWARD[number // 17 % len(values.AWKWARD)] if number % 17 == 4 else ""


def _answer(
    rng: Random, number: int, topic: Topic, pages: int, resolution_status: str | None
) -> dict[str, Any]:
    page = site.page_of(topic, pages)
    status = "unanswered" if rng.random() < topic.unanswered else "answered"
    status = resolution_status or status
    is_question = number % 17 == 1
    if is_question:
        sentences = [rng.choice(words.CLARIFYING)]
    elif status == "unanswered":
        sentences = [rng.choice(words.UNANSWERED)]
    else:
        first = rng.randrange(max(1, len(topic.answers) - 1))
        sentences = [*topic.answers[first : first + 2], rng.choice(words.MORE)]
    cited = [page, *(site.choose_page(rng, pages) for _ in range(2))]
    return {
        "response": site.fill(rng, " ".join(sentences), site.page_title(page)) + awkward(number),
        "responseType": "clarifying_question" if is_question else "answer",
        "sources": [
            {"title": site.page_title(each), "url": site.page_url(each)}
            for each in cited[: number % 11 and 1 + number % 3]
        ],
        "resolutionStatus": status,
    }


def _json(row: dict[str, Any], *, escaped: bool) -> bytes:
    return json.dumps(row, ensure_ascii=escaped, separators=(",", ":")).encode()
