"""Lakes of made-up readers: odd addresses, threads that repeat, windows that overlap."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.window import iso_ms
from tests.lake.made import DAY, START, make_of

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

BASE_URL = "https://docs.example.com/docs"
DAYS = 12
_PROJECTS = ("proj", "other 'project'")
_PAGES = ("guide", "guide/install", "api/keys", "index", "weiß", "")
_HOSTS = (
    "https://docs.example.com/docs/",
    "http://WWW.docs.example.com:80/docs/",
    "/docs/",
    "/",
    "",
)
_ENDINGS = ("", "/", ".md", "?a=1", "#top", "/index.html", "/?q#a")
_TERMS = (
    "i",
    "in",
    "inst",
    "install",
    "Install  Docker",
    "install docker",
    "how to",
    "how to install",
    "sign in",
    "sign in with",
    "sign in with saml",
    "api",
    "apis",
    "lösung",
)
_STATUSES = ("pending", "in_progress", "resolved", "dismissed")
_SOURCES = ("code_snippet", "contextual", "agent", "thumbs_only")


def write_talk(lake: Path, seed: int) -> None:
    """Write a lake of twelve days, some of which were exported twice, longer, or not at all."""
    _Talk(lake, Random(seed)).write()  # noqa: S311 - made-up data


class _Talk:
    def __init__(self, lake: Path, random: Random) -> None:
        self.lake, self.random = lake, random
        self.exports = self.ids = 0

    def write(self) -> None:
        for project in _PROJECTS:
            events = {"conversations": self._turns(), "feedback": self._feedback()}
            for endpoint, rows in events.items():
                self._write_events(project, endpoint, rows)
            for endpoint in ("views", "searches", "feedback_by_page", "caller_stats"):
                self._write_counts(project, endpoint)
        for endpoint in ("calls_by_assistant", "calls_by_service", "dashboard", "tokens_summary"):
            self._write_counts(None, endpoint)

    def _windows(self) -> list[tuple[datetime, datetime]]:
        """Return the windows of days, most of them, and a few others across them."""
        days = [(START + n * DAY, START + (n + 1) * DAY) for n in range(DAYS)]
        windows = [each for each in days if self.random.random() < 0.9]
        windows += self.random.sample(days, 2)
        for hours in (30, 60):
            start = START + timedelta(hours=self.random.randrange(24 * (DAYS - 3)))
            windows.append((start, start + timedelta(hours=hours)))
        return windows

    def _export(self, project: str | None, endpoint: str, rows: list[Any], window: Any) -> None:
        self.exports += 1
        finished = START + timedelta(days=30, seconds=self.random.randrange(10**6))
        owner = {"project_id": project}
        if project is None:
            owner |= {"platform": "vyom", "account": "vyom_default"}
        make_of(
            self.lake / f"{endpoint} [{self.exports}]*'",
            endpoint,
            rows,
            *window,
            finished_at=iso_ms(finished),
            **owner,
        )

    def _write_events(self, project: str, endpoint: str, rows: list[dict[str, Any]]) -> None:
        """Write each window as the service saw it then: later, the status of some has changed."""
        name = {"conversations": "timestamp", "feedback": "createdAt"}[endpoint]
        for start, end in self._windows():
            inside = [
                dict(row)
                for row in rows
                if (not row[name] and self.random.random() < 0.2)
                or (row[name] and iso_ms(start) <= row[name] < iso_ms(end))
            ]
            for row in inside:
                if "status" in row and self.random.random() < 0.3:
                    row["status"] = self.random.choice(_STATUSES)
            self._export(project, endpoint, inside, (start, end))

    def _write_counts(self, project: str | None, endpoint: str) -> None:
        for window in self._windows():
            rows = getattr(self, f"_{endpoint}")() if self.random.random() < 0.9 else []
            self._export(project, endpoint, rows, window)

    def _at(self) -> datetime:
        return START + timedelta(seconds=self.random.randrange(DAYS * 86_400))

    def _page(self) -> str:
        pick = self.random.choice
        return f"{pick(_HOSTS)}{pick(_PAGES)}{pick(_ENDINGS)}" or "/"

    def _id(self) -> str:
        self.ids += 1
        return f"id{self.ids}"

    def _turns(self) -> list[dict[str, Any]]:
        turns = []
        for _ in range(60):
            at, thread, page = self._at(), self._id(), self._page()
            for _ in range(self.random.choice((1, 1, 2, 3))):
                turns.append(self._turn(at, thread, page))
                at += timedelta(seconds=self.random.choice((20, 300, 600, 601, 4000)))
        return turns

    def _turn(self, at: datetime, thread: str, page: str) -> dict[str, Any]:
        pick = self.random.choice
        turn = {
            "id": self._id() if self.random.random() < 0.5 else thread,
            "conversationId": thread,
            "timestamp": iso_ms(at),
            "query": f"How {self.random.randrange(99)}?",
            "response": "So.",
            "sources": [{"title": "t", "url": self._page()} for _ in range(pick((0, 1, 3)))],
            "responseType": pick(("answer", "clarifying_question")),
            "resolutionStatus": pick(("answered", "answered", "unanswered")),
            "queryCategory": pick((None, "setup")),
            "pageUrl": page,
            "new_field": {"a": 1},
        }
        if self.random.random() < 0.2:  # an older schema
            for name in ("responseType", "resolutionStatus", "new_field"):
                del turn[name]
        if self.random.random() < 0.1:
            turn["pageUrl"] = None
        return turn

    def _feedback(self) -> list[dict[str, Any]]:
        pick = self.random.choice
        rows = []
        for _ in range(60):
            row = {
                "id": self._id(),
                "path": self._page(),
                "comment": pick((None, "", " wrong ", "half \ud83d", "no\x00 end")),
                "createdAt": pick((None, *[iso_ms(self._at()) for _ in range(5)])),
                "source": pick(_SOURCES),
                "status": pick(_STATUSES),
            }
            row["comment"] = row["comment"] and row["comment"].encode("utf-8", "replace").decode()
            if row["source"] == "contextual":
                row["helpful"] = pick((True, False))
            rows.append(row)
        return rows

    def _views(self) -> list[dict[str, Any]]:
        rows = {self._page(): self.random.randrange(20) for _ in range(8)}
        ai = self.random.randrange(20)
        return [
            {"path": path, "human": human, "ai": ai, "total": human + ai}
            for path, human in rows.items()
        ]

    def _feedback_by_page(self) -> list[dict[str, Any]]:
        rows = {self._page(): self.random.randrange(5) for _ in range(4)}
        return [
            {"path": path, "thumbsUp": up, "thumbsDown": 3, "code": 0, "total": up + 3}
            for path, up in rows.items()
        ]

    def _searches(self) -> list[dict[str, Any]]:
        terms = self.random.sample(_TERMS, 6)
        return [
            {
                "searchQuery": term,
                "hits": self.random.randrange(1, 30),
                "ctr": self.random.choice((0, 0, 0, 0, 12.5)),
                "topClickedPage": None,
                "lastSearchedAt": iso_ms(START),
            }
            for term in terms
        ]

    def _caller_stats(self) -> list[dict[str, Any]]:
        return [{"web": 3, "api": self.random.randrange(9), "other": 0, "total": 20}]

    def _calls_by_assistant(self) -> list[dict[str, Any]]:
        names = (("a1", "Ann"), ("a1", "Bob"), ("a2", None), (None, None))
        return [
            {"assistant_id": id_, "assistant_name": name} | self._calls() for id_, name in names
        ]

    def _calls_by_service(self) -> list[dict[str, Any]]:
        return [{"service": name} | self._calls() for name in ("twilio", "web")]

    def _dashboard(self) -> list[dict[str, Any]]:
        return [self._calls() | {"date_range": {"start_date": "a", "end_date": "b"}}]

    def _tokens_summary(self) -> list[dict[str, Any]]:
        return [{"total_records": 3} | self.random.choice(({}, {"total_estimated_cost_usd": 0.25}))]

    def _calls(self) -> dict[str, Any]:
        calls = self.random.randrange(50)
        return {
            "total_calls": calls,
            "total_duration_minutes": calls * 1.5,
            "total_duration_hours": calls / 40,
        }
