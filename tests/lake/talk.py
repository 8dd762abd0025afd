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
_EARLY = START - 12 * DAY
"""A day long before the others, of which each project has something else."""
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
    " api ",
    "apis",
    "apple",
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
            self.ids = 0  # projects share IDs
            events = {"conversations": self._turns(), "feedback": self._feedback()}
            for endpoint, rows in events.items():
                self._write_events(project, endpoint, rows)
            for endpoint in ("views", "searches", "feedback_by_page", "caller_stats"):
                self._write_counts(project, endpoint)
        for endpoint in ("calls_by_assistant", "calls_by_service", "dashboard", "tokens_summary"):
            self._write_counts(None, endpoint)
        self._write_odd()

    def _write_odd(self) -> None:
        """Write the early day, and exports with filters, which count for nothing."""
        one, other = _PROJECTS
        early, filtered = (_EARLY, _EARLY + DAY), {"filters": {"source": "agent"}}
        self._export(one, "searches", self._searches(), early)
        self._export(other, "views", self._views(), early)
        self._export("gone", "views", self._views(), early)
        turn = {"id": "1", "timestamp": iso_ms(_EARLY), "query": "?", "sources": []}
        self._export("gone", "conversations", [turn], early)
        self._export(one, "caller_stats", self._caller_stats(), early)
        before = (_EARLY + 2 * DAY, _EARLY + 3 * DAY)
        self._export(other, "searches", self._searches(), before, **filtered)
        votes = (START + 6 * DAY, START + 7 * DAY)
        self._export(other, "feedback_by_page", self._feedback_by_page(), votes, **filtered)

    def _windows(self) -> list[tuple[datetime, datetime]]:
        """Return the windows of days, most of them, and a few others across them."""
        days = [(START + n * DAY, START + (n + 1) * DAY) for n in range(DAYS)]
        windows = [each for each in days if self.random.random() < 0.9]
        windows += self.random.sample(days, 2)
        for hours in (30, 60):
            start = START + timedelta(hours=self.random.randrange(24 * (DAYS - 3)))
            windows.append((start, start + timedelta(hours=hours)))
        halves = [START + DAYS * DAY + half * DAY / 2 for half in range(2)]
        return [*windows, *((half, half + DAY / 2) for half in halves)]

    def _export(
        self, project: str | None, endpoint: str, rows: list[Any], window: Any, **manifest: Any
    ) -> None:
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
            **manifest,
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
        windows = self._windows()
        if (project, endpoint) == (_PROJECTS[1], "feedback_by_page"):
            windows = windows[-2:]  # before, its votes are those of feedback
        for window in windows:
            rows = getattr(self, f"_{endpoint}")() if self.random.random() < 0.9 else []
            if project == _PROJECTS[0] and endpoint == "searches":
                rows += self._asked(("ties", 2))
            self._export(project, endpoint, rows, window)

    def _at(self) -> datetime:
        if self.random.random() < 0.2:  # where a period starts or ends, or a page changes
            return START + self.random.choice((3, 5, 7.25, 9)) * DAY
        return START + timedelta(seconds=self.random.randrange(DAYS * 86_400))

    def _page(self) -> str:
        pick = self.random.choice
        return f"{pick(_HOSTS)}{pick(_PAGES)}{pick(_ENDINGS)}" or "/"

    def _page_or_odd(self) -> str:
        """Return a page, perhaps one whose views are null."""
        odd = self.random.choice(("/null/human", "/null/ai"))
        return odd if self.random.random() < 0.1 else self._page()

    def _id(self) -> str:
        self.ids += 1
        return f"id{self.ids}"

    def _turns(self) -> list[dict[str, Any]]:
        turns = []
        for _ in range(60):
            at, thread, page = self._at(), self._id(), self._page_or_odd()
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
            for name in ("conversationId", "responseType", "resolutionStatus", "new_field"):
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
                "path": self._page_or_odd(),
                "comment": pick((None, "", "  ", " wrong ", "half \ud83d", "no\x00 end")),
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
            *(
                {"path": path, "human": human, "ai": ai, "total": human + ai}
                for path, human in rows.items()
            ),
            {"path": "/null/human", "human": None, "ai": 1, "total": None},
            {"path": "/null/ai", "human": 1, "ai": None, "total": 1},
        ]

    def _feedback_by_page(self) -> list[dict[str, Any]]:
        rows = {self._page(): self.random.randrange(5) for _ in range(4)}
        return [
            {"path": path, "thumbsUp": up, "thumbsDown": 3, "code": 0, "total": up + 3}
            for path, up in rows.items()
        ] + [
            {"path": "/null/up", "thumbsUp": None, "thumbsDown": 1, "code": 0, "total": 1},
            {"path": "/null/down", "thumbsUp": 1, "thumbsDown": None, "code": 0, "total": 1},
        ]

    def _searches(self) -> list[dict[str, Any]]:
        return [
            self._search(term, self.random.randrange(1, 30), self.random.choice((0, 0, 0, 0, 12.5)))
            for term in self.random.sample(_TERMS, 6)
        ] + self._asked(("tie", 4), ("tied", 2), (" ", 3))

    def _asked(self, *terms: tuple[str, int]) -> list[dict[str, Any]]:
        """Return searches that led nowhere."""
        return [self._search(term, hits, 0) for term, hits in terms]

    def _search(self, term: str, hits: int, ctr: float) -> dict[str, Any]:
        seen = {"topClickedPage": None, "lastSearchedAt": iso_ms(START)}
        return {"searchQuery": term, "hits": hits, "ctr": ctr, **seen}

    def _caller_stats(self) -> list[dict[str, Any]]:
        return [{"web": 3, "api": self.random.randrange(9), "other": 1, "total": 20}]

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
        cost = {"total_estimated_cost_usd": 0.25}
        return [{"total_records": 3} | self.random.choice(({}, cost, cost, cost))]

    def _calls(self) -> dict[str, Any]:
        calls = self.random.randrange(50)
        return {
            "total_calls": calls,
            "total_duration_minutes": calls * 1.5,
            "total_duration_hours": calls / 40,
        }
