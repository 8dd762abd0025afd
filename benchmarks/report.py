"""What answers cost: all models over 90 days of a mid-sized site, from the files to the rows."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.window import iso_ms
from benchmarks.parts import Part
from benchmarks.prose import Author
from benchmarks.rig import BASE, HOME, OUT, figures_of, medians
from tests.lake.made import DAY, START, make_of
from tests.support.airflow_home import airflow_environment

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

DAYS = 90
_PAGES, _TURNS, _SEARCHES, _ENTRIES = 2000, 300, 500, 40
_ANSWER = 2000
"""Characters of an answer of the assistant."""


def report(rounds: int, **_: Any) -> Part:
    """What all models cost, one after the other, with opening the lake."""
    lake = write_site(OUT / "site", DAYS)
    size_mb = sum(file.stat().st_size for file in lake.rglob("part-*")) / 1e6
    command = [BASE, "-m", "benchmarks.asker", lake, str(DAYS * _PAGES)]
    measured = [figures_of("report", command, airflow_environment(HOME)) for _ in range(rounds)]
    median = medians(measured)
    part = Part()
    part.row(f"all models, {DAYS} days, {size_mb:.0f} MB", "seconds", "CPU s", "peak MB")
    part.row(
        "from the files to the rows",
        *(f"{median[name]:.1f}" for name in ("wall_s", "cpu_s")),
        f"{median['peak_mb']:.0f}",
    )
    part.figures = {"models_cpu_s": median["cpu_s"], "models_mb": median["peak_mb"]}
    return part


def write_site(lake: Path, days: int) -> Path:
    """Write exports of 13 endpoints, one a day each, for so many days; return the lake."""
    site = _Site(Author(seed=1), Random(1))  # noqa: S311 - made-up data
    for day in (START + number * DAY for number in range(days)):
        for endpoint, rows in site.day(day).items():
            owner: dict[str, Any] = {}
            if endpoint in ("dashboard", "tokens_summary") or endpoint.startswith("calls_"):
                owner = {"platform": "vyom", "project_id": None, "account": "vyom_default"}
            make_of(lake / endpoint / f"dt={day:%Y-%m-%d}", endpoint, rows, day, day + DAY, **owner)
    return lake


class _Site:
    def __init__(self, author: Author, random: Random) -> None:
        self._author, self._random = author, random
        self._paths = [f"/section-{page % 40}/page-{page}" for page in range(_PAGES)]
        self._terms = [f"term{number} of {number % 97}" for number in range(_SEARCHES)]

    def day(self, day: datetime) -> dict[str, list[dict[str, Any]]]:
        """Return a day's rows, by endpoint."""
        number, pick = self._random.randrange, self._random.choice
        traffic = [
            {"path": path, "human": number(40), "ai": number(40), "total": 50}
            for path in self._paths
        ]
        searches = [
            {"searchQuery": term, "hits": number(1, 30), "ctr": pick((0, 20.5))}
            for term in self._terms
        ]
        votes = [
            {"path": pick(self._paths), "thumbsUp": number(5), "thumbsDown": number(5)}
            for _ in range(_ENTRIES)
        ]
        calls = {"total_calls": 30, "total_duration_minutes": 61.5}
        return {
            "conversations": [self._turn(day, at) for at in range(_TURNS)],
            "caller_stats": [{"web": 200, "api": 90, "other": 10, "total": 300}],
            "feedback": [self._entry(day, at) for at in range(_ENTRIES)],
            "feedback_by_page": votes,
            "searches": searches,
            "views": traffic,
            "visitors": traffic,
            "calls_by_assistant": [{"assistant_id": "a", "assistant_name": "Ann"} | calls],
            "calls_by_phone_number": [{"phone_number": "WEB_CALL"} | calls],
            "calls_by_service": [{"service": "web"} | calls],
            "calls_by_time": [{"date": f"{day:%F}"} | calls],
            "dashboard": [calls],
            "tokens_summary": [{"total_estimated_cost_usd": 1.25}],
        }

    def _turn(self, day: datetime, at: int) -> dict[str, Any]:
        pick = self._random.choice
        return {
            "id": f"{day:%F}-{at}",
            "timestamp": iso_ms(day + timedelta(seconds=at * 250)),
            "query": self._author.text(80),
            "response": self._author.text(_ANSWER),
            "sources": [{"title": "t", "url": f"https://docs.example.com{pick(self._paths)}"}] * 3,
            "resolutionStatus": pick(("answered", "answered", "unanswered")),
            "queryCategory": pick(("setup", "billing", None)),
            "pageUrl": f"https://docs.example.com{pick(self._paths)}",
        }

    def _entry(self, day: datetime, at: int) -> dict[str, Any]:
        pick = self._random.choice
        return {
            "id": f"{day:%F}-{at}",
            "path": pick(self._paths),
            "comment": self._author.text(100),
            "createdAt": iso_ms(day + timedelta(minutes=at)),
            "source": pick(("agent", "contextual")),
            "status": pick(("pending", "resolved")),
        }
