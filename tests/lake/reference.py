"""The models in plain Python, slow and obvious: loops over the rows of a lake of JSON lines."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Row = dict[str, Any]
SLACK = timedelta(hours=14)
MOMENTS = {"conversations": "timestamp", "feedback": "createdAt"}


def instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)


def page_of(url: str | None, base_url: str = "") -> str | None:
    """Return the key of a page."""
    host, path = _host_and_path(url or "")
    if host is None:
        return None
    base_host, base_path = _host_and_path(base_url) if base_url else ("", "")
    if base_host and host and host != base_host:
        return host + path
    if base_path and (path == base_path or path.startswith(f"{base_path}/")):
        path = path[len(base_path) :]
    return path or "/"


def _host_and_path(url: str) -> tuple[str | None, str]:
    url = re.split(r"[?#]", url.strip(" "))[0]
    if not url:
        return None, ""
    try:
        decoded = unquote_to_bytes(url).decode()
    except UnicodeDecodeError:
        decoded = url
    host = ""
    if found := re.match(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?//([^/]*)", decoded):
        host, path = found[1], decoded[found.end() :]
    else:
        first, _, rest = decoded.partition("/")
        looks = re.fullmatch(
            r"([a-z0-9-]+\.)+[a-z]{2,}(:[0-9]+)?", url.split("/")[0], re.IGNORECASE
        )
        page = "/" not in url and re.search(r"\.(md|mdx|html?|txt|xml|json)$", url, re.IGNORECASE)
        host, path = (first, f"/{rest}") if looks and not page else ("", decoded)
    host = host.rpartition("@")[2].lower().removeprefix("www.")
    host = re.sub(r"\.?(:80|:443)?$", "", host)
    steps = [step for step in path.split("/") if step not in ("", ".")]
    if steps:
        steps[-1] = re.sub(r"\.(md|mdx|html?)$", "", steps[-1], flags=re.IGNORECASE)
        if steps[-1].lower() in ("index", ""):
            steps.pop()
    return host, "".join(f"/{step}" for step in steps)


class Lake:
    """The rows that count, by endpoint.

    Attributes:
        extent: from the first window to the last.
        start, end: the period.
    """

    def __init__(self, root: Path, base_url: str = "") -> None:
        self.base_url = base_url
        self.exports: dict[str, list[Row]] = defaultdict(list)
        for file in sorted(root.rglob("_manifest.json")):
            manifest = json.loads(file.read_text())
            if manifest["filters"]:
                continue
            lines = [
                line
                for part in manifest["files"]
                for line in (file.parent / part["name"]).read_text().split("\n")[:-1]
            ]
            manifest |= {
                "path": str(file.parent),
                "rows": [json.loads(line) for line in lines],
                "from": instant(manifest["date_from"]),
                "to": instant(manifest["date_to"]),
                "finished": instant(manifest["finished_at"]),
                "owner": manifest["project_id"] or manifest["account"],
            }
            self.exports[manifest["endpoint"]].append(manifest)
        for exports in self.exports.values():
            exports.sort(key=lambda each: (each["finished"], each["path"]), reverse=True)
        counting = [each for name in self.exports for each in self.counted(name)]
        self.extent = (
            min(each["from"] for each in counting if each["from"]),
            max(each["to"] for each in counting if each["to"]),
        )
        self.start, self.end = self.extent

    def counted(self, endpoint: str) -> list[Row]:
        """Return the exports of counts that count: the fresher first, none that shares time."""
        taken: list[Row] = []
        for each in self.exports[endpoint]:
            if endpoint in MOMENTS or not any(_shares(each, other) for other in taken):
                taken.append(each)
        return taken

    def counts(
        self, endpoint: str, start: Any = None, end: Any = None
    ) -> Iterator[tuple[Row, Row]]:
        """Yield the rows of windows that belong to a time, each with its export."""
        start, end = start or self.start, end or self.end
        for export in self.counted(endpoint):
            if belongs(export, start, end):
                yield from ((export, row) for row in export["rows"])

    @cache  # noqa: B019 - a lake lives as long as its test
    def events(self, endpoint: str) -> list[Row]:
        """Return every event once, in the fresher version, with its owner, instant and page."""
        found, seen = [], set()
        for export in self.exports[endpoint]:
            for row in export["rows"]:
                at = instant(row.get(MOMENTS[endpoint]))
                speaker = next(
                    (
                        each
                        for each in self.exports[endpoint]
                        if at
                        and each["owner"] == export["owner"]
                        and each["from"] <= at < each["to"]
                    ),
                    None,
                )
                if speaker is not None and speaker is not export:
                    continue
                key = export["owner"], row["id"]
                if endpoint == "feedback" and key in seen:
                    continue
                seen.add(key)
                page = page_of(row.get("pageUrl") or row.get("path"), self.base_url)
                day = at and _day_of(export) + (at - export["from"]).days * timedelta(days=1)
                found.append({**row, "owner": export["owner"], "at": at, "page": page, "day": day})
        return found

    def within(self, endpoint: str) -> list[Row]:
        """Return the events of the period."""
        events = self.events(endpoint)
        return [each for each in events if each["at"] and self.start <= each["at"] < self.end]


def _shares(one: Row, other: Row) -> bool:
    return bool(
        one["owner"] == other["owner"] and one["from"] < other["to"] and other["from"] < one["to"]
    )


def _day_of(export: Row) -> date:
    """Return the day that most of the first 24 hours of a window are of."""
    length = min(export["to"] - export["from"], timedelta(days=1))
    middle: datetime = export["from"] + length / 2
    return middle.date()


def belongs(export: Row, start: datetime, end: datetime) -> bool:
    """Whether a window belongs to a time."""
    middle = export["from"] + (export["to"] - export["from"]) / 2
    inside = start - SLACK <= export["from"] and export["to"] <= end + SLACK
    return bool(start <= middle < end and inside)


def unanswered_questions(lake: Lake) -> list[Row]:
    turns = [each for each in lake.events("conversations") if each["at"] < lake.end]
    groups: dict[Any, list[Row]] = defaultdict(list)
    for turn in turns:
        groups[turn["owner"], turn["page"], turn.get("queryCategory")].append(turn)
    exported_before = {
        each["owner"] for each in lake.exports["conversations"] if each["from"] < lake.start
    }
    answers = []
    for (owner, page, category), group in groups.items():
        now = [each for each in group if each["at"] >= lake.start]
        unanswered = [each for each in now if each.get("resolutionStatus") == "unanswered"]
        repeated = [
            each
            for each in now
            if each not in unanswered
            and (each.get("responseType") or "answer") == "answer"
            and _asked_again(each, lake)
        ]
        if not unanswered and not repeated:
            continue
        latest = max(
            [*unanswered, *repeated], key=lambda each: (each["at"], each["id"], each["query"])
        )
        answers.append(
            {
                "page": page,
                "category": category,
                "question": latest["query"],
                "asked": len(now),
                "callers": len({_thread(each) for each in now}),
                "agents": sum(
                    page is not None
                    and (each["owner"], each["page"], each["source"]) == (owner, page, "agent")
                    for each in lake.within("feedback")
                ),
                "unanswered": len(unanswered),
                "repeated": len(repeated),
                "first_asked": min(each["at"] for each in now),
                "last_asked": max(each["at"] for each in now),
                "is_new": len(now) == len(group) if owner in exported_before else None,
                "thread_id": latest["id"],
                "project": owner,
            }
        )
    return answers


def _thread(turn: Row) -> str:
    return turn.get("conversationId") or turn["id"]


def _asked_again(turn: Row, lake: Lake) -> bool:
    others = [
        each
        for each in lake.events("conversations")
        if (each["owner"], each["page"], _thread(each))
        == (turn["owner"], turn["page"], _thread(turn))
    ]
    later = [each["at"] for each in others if each["at"] > turn["at"]]
    twins = sum(each["at"] == turn["at"] for each in others)
    assert twins == 1, "the made turns of a thread have instants of their own"
    return bool(later) and min(later) - turn["at"] <= timedelta(minutes=10)


_UNFINISHED = re.compile(
    r"(.* )?(an?|and|are|can|do|does|for|from|how|i|is|my|of|or|the|to|what|when|where|which|why"
    r"|with|your)"
)
"""How no search ends."""


def _goes_on(term: str, longer: str) -> bool:
    """Return whether who typed a term had not come to its end."""
    if not longer.startswith(term):
        return False
    rest = longer[len(term) :]
    return rest[:1].isalnum() or (rest[:1] == " " and bool(_UNFINISHED.fullmatch(term)))


def searches_without_click(lake: Lake) -> list[Row]:
    length = lake.end - lake.start
    hits: dict[Any, Counter[str]] = defaultdict(Counter)
    clicks: dict[Any, Counter[str]] = defaultdict(Counter)
    before: dict[Any, Counter[str]] = defaultdict(Counter)
    for export, row in lake.counts("searches"):
        term = " ".join(row["searchQuery"].split()).lower()
        hits[export["owner"]][term] += row["hits"]
        clicks[export["owner"]][term] += row["hits"] * row["ctr"]
    earlier = {
        each["owner"]
        for each in lake.counted("searches")
        if belongs(each, lake.start - length, lake.start)
    }
    for export, row in lake.counts("searches", lake.start - length, lake.start):
        before[export["owner"]][" ".join(row["searchQuery"].split()).lower()] += row["hits"]
    answers = []
    for owner, terms in hits.items():
        continued = {
            term: [each for each in terms if _goes_on(term, each)]
            for term in terms
            if term and not clicks[owner][term]
        }
        prefixes = {
            term
            for term, others in continued.items()
            if others and sum(terms[each] for each in others) >= terms[term]
        }
        answers += [
            {
                "query": term,
                "hits": terms[term],
                "ctr": 0,
                "prefixes": sum(term in continued[prefix] for prefix in prefixes),
                "previous_hits": before[owner][term] if owner in earlier else None,
                "project": owner,
            }
            for term in continued
            if term not in prefixes
        ]
    return answers


def page_quality(lake: Lake) -> list[Row]:
    pages: dict[Any, Counter[str]] = defaultdict(Counter)
    for export, row in lake.counts("views"):
        pages[export["owner"], page_of(row["path"], lake.base_url)].update(
            views=row["total"] or 0, human_views=row["human"] or 0, ai_views=row["ai"] or 0
        )
    voted = set()
    for export in lake.counted("feedback_by_page"):
        if belongs(export, lake.start, lake.end):
            voted.add(export["owner"])
    for export, row in lake.counts("feedback_by_page"):
        pages[export["owner"], page_of(row["path"], lake.base_url)].update(
            helpful=row["thumbsUp"] or 0, unhelpful=row["thumbsDown"] or 0
        )
    for each in lake.within("feedback"):
        if each["owner"] not in voted and each.get("helpful") is not None:
            name = "helpful" if each["helpful"] else "unhelpful"
            pages[each["owner"], each["page"]][name] += 1
    for each in lake.within("conversations"):
        pages[each["owner"], each["page"]]["questions"] += 1
    names = ("views", "human_views", "ai_views", "helpful", "unhelpful", "questions")
    return [
        {"page": page, "project": owner}
        | {name: figures[name] for name in names}
        | {
            "unhelpful_share": _share(
                figures["unhelpful"], figures["helpful"] + figures["unhelpful"]
            )
        }
        for (owner, page), figures in pages.items()
        if page is not None
    ]


def _share(part: float, total: float) -> float | None:
    return part / total if total else None


def human_and_ai_views(lake: Lake) -> list[Row]:
    figures: dict[Any, list[Row]] = defaultdict(list)
    for export, row in lake.counts("views"):
        figures[_day_of(export), page_of(row["path"], lake.base_url), export["owner"]].append(row)
    return [
        {
            "date": day,
            "page": page,
            "human": _sum(rows, "human"),
            "ai": _sum(rows, "ai"),
            "definition": (day >= date(2026, 6, 12)) + (day >= date(2026, 7, 31)),
            "project": owner,
        }
        for (day, page, owner), rows in figures.items()
        if page is not None
    ]


def agent_pages(lake: Lake) -> list[Row]:
    views: dict[Any, Counter[str]] = defaultdict(Counter)
    for export, row in lake.counts("views"):
        key = export["owner"], page_of(row["path"], lake.base_url)
        views[key].update(human=row["human"] or 0, ai=row["ai"] or 0)
    agents: dict[Any, list[Row]] = defaultdict(list)
    for each in lake.within("feedback"):
        if each["source"] == "agent" and each["page"]:
            agents[each["owner"], each["page"]].append(each)
    answers = []
    for key in {*views, *agents}:
        owner, page = key
        said = [each for each in agents[key] if (each["comment"] or "").strip()]
        latest = max(said, key=lambda each: (each["at"], each["id"]), default=None)
        if page and (agents[key] or views[key]["ai"] > views[key]["human"]):
            answers.append(
                {
                    "page": page,
                    "human": views[key]["human"],
                    "ai": views[key]["ai"],
                    "agent_feedback": len(agents[key]),
                    "complaint": latest and latest["comment"].strip(" "),
                    "project": owner,
                }
            )
    return answers


def asking_pages(lake: Lake) -> list[Row]:
    return [
        {
            "page": each["page"],
            "questions": each["questions"],
            "views": each["human_views"],
            "questions_per_100_views": _share(100 * each["questions"], each["human_views"]),
            "project": each["project"],
        }
        for each in page_quality(lake)
        if each["questions"]
    ]


def cited_pages(lake: Lake) -> list[Row]:
    figures: dict[Any, Counter[str]] = defaultdict(Counter)
    for turn in lake.within("conversations"):
        status = turn.get("resolutionStatus")
        pages = Counter(page_of(each["url"], lake.base_url) for each in turn["sources"])
        for page, citations in pages.items():
            figures[turn["owner"], page].update(
                citations=citations,
                answers=1,
                unanswered=int(status == "unanswered"),
                known=int(status is not None),
            )
    return [
        {
            "page": page,
            **{name: each[name] for name in ("citations", "answers", "unanswered")},
            "unanswered_share": _share(each["unanswered"], each["known"]),
            "project": owner,
        }
        for (owner, page), each in figures.items()
        if page is not None
    ]


def open_feedback(lake: Lake) -> list[Row]:
    seen: dict[Any, list[datetime]] = defaultdict(list)
    for export in lake.exports["feedback"]:
        for row in export["rows"]:
            seen[export["owner"], row["id"]].append(export["finished"])
    return [
        {
            "feedback_id": each["id"],
            "page": each["page"],
            **{name: each[name] for name in ("source", "status", "comment")},
            "created_at": each["at"],
            "age_days": each["at"] and (lake.end - each["at"]) / timedelta(days=1),
            "first_seen": min(seen[each["owner"], each["id"]]),
            "last_seen": max(seen[each["owner"], each["id"]]),
            "project": each["owner"],
        }
        for each in lake.events("feedback")
        if each["status"] in ("pending", "in_progress")
        and (not each["at"] or each["at"] < lake.end)
    ]


def assistant_usage(lake: Lake) -> list[Row]:
    stats: dict[Any, Counter[str]] = defaultdict(Counter)
    for export, row in lake.counts("caller_stats"):
        known = any(_shares(export, each) for each in lake.exports["conversations"])
        stats[export["owner"], _day_of(export)].update(row | ({"total": 0} if known else {}))
    turns: dict[Any, list[Any]] = defaultdict(list)
    for each in lake.within("conversations"):
        turns[each["owner"], each["day"]].append(each.get("resolutionStatus"))
    answers = []
    for owner, day in {*stats, *turns}:
        row = {"date": day, "project": owner, "answered": None, "unanswered": None}
        row["answered_share"] = None
        here = stats.get((owner, day))
        if here is not None:
            answers += [
                row | {"caller": name, "questions": here[name]} for name in ("web", "api", "other")
            ]
        statuses = turns.get((owner, day))
        total = row | {"caller": "total", "questions": here["total"] if here else None}
        if statuses:
            good, bad = statuses.count("answered"), statuses.count("unanswered")
            total |= {"questions": len(statuses), "answered": good, "unanswered": bad}
            total["answered_share"] = _share(good, good + bad)
        answers.append(total)
    return answers


def call_usage(lake: Lake) -> list[Row]:
    figures: dict[Any, list[Row]] = defaultdict(list)
    for endpoint in ("calls_by_assistant", "calls_by_service", "dashboard", "tokens_summary"):
        for export, row in lake.counts(endpoint):
            assistant = service = None
            if endpoint == "calls_by_assistant":
                assistant = row["assistant_name"] or row["assistant_id"] or "none"
            elif endpoint == "calls_by_service":
                service = row["service"]
            figures[_day_of(export), assistant, service, export["owner"]].append(row)
    return [
        {
            "date": day,
            "assistant": assistant,
            "service": service,
            "calls": _sum(rows, "total_calls"),
            "minutes": _sum(rows, "total_duration_minutes"),
            "cost": _sum(rows, "total_estimated_cost_usd"),
            "project": owner,
        }
        for (day, assistant, service, owner), rows in figures.items()
    ]


def _sum(rows: list[Row], name: str) -> float | None:
    values = [row[name] for row in rows if row.get(name) is not None]
    return sum(values) if values else None


def page_changes(lake: Lake, change: datetime) -> list[Row]:
    sides = {"before": (lake.start, change), "after": (change, lake.end)}
    sums: dict[Any, Counter[str]] = defaultdict(Counter)
    days: dict[Any, float] = {}
    for side, (start, end) in sides.items():
        for turn in lake.events("conversations"):
            if turn["page"] and start <= turn["at"] < end:
                key = turn["owner"], turn["page"]
                sums[*key, "questions"][side] += 1
                sums[*key, "unanswered"][side] += int(turn.get("resolutionStatus") == "unanswered")
        for endpoint, signals in (
            ("views", {"human_views": "human", "ai_views": "ai"}),
            ("feedback_by_page", {"helpful": "thumbsUp", "unhelpful": "thumbsDown"}),
        ):
            for export, row in lake.counts(endpoint, start, end):
                for signal, name in signals.items():
                    key = export["owner"], page_of(row["path"], lake.base_url), signal
                    sums[key][side] += row[name] or 0
        for endpoint in ("conversations", "views", "feedback_by_page"):
            for owner in {each["owner"] for each in lake.exports[endpoint]}:
                exports = [each for each in lake.counted(endpoint) if each["owner"] == owner]
                days[endpoint, owner, side] = _covered(exports, start, end)
    of = {"questions": "conversations", "unanswered": "conversations"}
    of |= {"human_views": "views", "ai_views": "views"}
    return [
        {
            "page": page,
            "signal": signal,
            "before": each["before"],
            "after": each["after"],
            "days_before": days[of.get(signal, "feedback_by_page"), owner, "before"],
            "days_after": days[of.get(signal, "feedback_by_page"), owner, "after"],
            "project": owner,
        }
        for (owner, page, signal), each in sums.items()
        if page is not None and each["before"] + each["after"]
    ]


def _covered(exports: list[Row], start: datetime, end: datetime) -> float:
    """Return the days of a time that some window covers, hour by hour."""
    hours = int((end - start) / timedelta(hours=1))
    instants = (start + timedelta(hours=number) for number in range(hours))
    return sum(any(each["from"] <= at < each["to"] for each in exports) for at in instants) / 24


ORDERS = {
    "unanswered_questions": "-unanswered+repeated -asked page category project",
    "searches_without_click": "-hits query project",
    "page_quality": "-unhelpful -views page project",
    "human_and_ai_views": "date page project",
    "agent_pages": "-agent_feedback -ai page project",
    "asking_pages": "-questions -views page project",
    "cited_pages": "-citations page project",
    "page_changes": "page signal project",
    "open_feedback": "created_at feedback_id project",
    "assistant_usage": "date project caller",
    "call_usage": "date project assistant service",
}
"""By which columns the rows of a model are sorted; the largest first where there is a minus."""


def in_order(model: str, rows: list[Row]) -> list[Row]:
    """Return the rows of a model in its order."""
    return sorted(rows, key=lambda row: [_rank(row, name) for name in ORDERS[model].split()])


def _rank(row: Row, name: str) -> Any:
    if name.startswith("-"):
        return -sum(row[each] for each in name[1:].split("+"))
    value, nulls_first = row[name], name == "created_at"
    return (value is None) != nulls_first, value or ""


MODELS: dict[str, Callable[[Lake], list[Row]]] = {
    each.__name__: each
    for each in (
        unanswered_questions,
        searches_without_click,
        page_quality,
        human_and_ai_views,
        agent_pages,
        asking_pages,
        cited_pages,
        open_feedback,
        assistant_usage,
        call_usage,
    )
}
