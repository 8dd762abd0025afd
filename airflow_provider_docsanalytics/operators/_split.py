"""``split="day"``: one wide window is read, and each of its days has a directory of its own."""

from __future__ import annotations

import hashlib
import posixpath
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec
from msgspec import structs

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.operators._path import example_fields, fill
from airflow_provider_docsanalytics.parameters import holds_template, one_of
from airflow_provider_docsanalytics.window import DateWindow, parse_local

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from airflow_provider_docsanalytics.api.endpoint import Endpoint
    from airflow_provider_docsanalytics.export.plan import Plan

SplitBy = Literal["day"]
_THREE_DAYS = DateWindow.parse("2026-01-30", "2026-02-02")
_BUCKET_PARTS = 3
"""Of a URL's parts between slashes: the scheme, nothing, the bucket."""


def check_split(split: object, path: object, dates: Sequence[object]) -> None:
    """Raise :class:`ConfigError` for a wrong ``split``, or what does not go with it.

    Args:
        split: the operator's.
        path: the operator's.
        dates: its ``date_from``, ``date_to`` and ``lookback``.
    """
    one_of("split", split, (None, "day"))
    if split is None:
        return
    if not holds_template(path):
        directories_of_days(path, [example_fields(day) for day in _THREE_DAYS.days()])
    start, end, lookback = dates
    if not lookback and not any(each is None or holds_template(each) for each in (start, end)):
        DateWindow.between(parse_local(start, "date_from"), parse_local(end, "date_to")).days()


def check_splits(endpoint: Endpoint) -> None:
    """Raise :class:`ConfigError` for an endpoint whose rows cannot be split."""
    if not endpoint.moment:
        raise ConfigError(
            f"split='day': rows of {endpoint.name} have no time of their own, so one response for "
            "several days cannot be split.\nLeave out split, and export this endpoint day by day."
        )


def reading_plan(plan: Plan) -> Plan:
    """Return how the wide window is read: raw rows, in a directory that no export uses."""
    identity = structs.replace(
        plan.identity, file_format="jsonl", compression=None, escape_formulas=msgspec.UNSET
    )
    return replace(plan, identity=identity, context={}, fields=(), raw=True)


class Directories(NamedTuple):
    """The directories of the days: what they have in common, and the rest of each."""

    common: str
    below: Sequence[str]


def directories_of_days(path: object, days: Sequence[Mapping[str, str | datetime]]) -> Directories:
    """Return the directories that a path gives to days, each with its fields.

    Raises:
        ConfigError: two days would share one, or the days are not in one bucket.
    """
    urls: dict[str, Mapping[str, str | datetime]] = {}
    for fields in days:
        url = fill(path, fields).rstrip("/")
        if url in urls:
            one, other = (f"{each['date_from']:%Y-%m-%d}" for each in (urls[url], fields))
            raise ConfigError(
                f"path={str(path)!r:.200} is one directory for {one} and {other}, and split='day' "
                "needs one for each day.\nPut {date_from:%Y-%m-%d} into the path."
            )
        urls[url] = fields
    parents = [url.split("/")[:-1] for url in urls]
    parts = posixpath.commonprefix(parents)
    if any("://" in url for url in urls) and len(parts) < _BUCKET_PARTS:
        raise ConfigError(
            f"path={str(path)!r:.200} gives the days different buckets, and split='day' needs "
            "one.\nPut the date below the bucket."
        )
    common = "/".join(parts)
    return Directories(common, [url.removeprefix(f"{common}/") for url in urls])


def reading_url(path: object, directories: Directories, plan: Plan, window: DateWindow) -> str:
    """Return the directory of the reading, next to those of the days.

    Its name has a fingerprint of the path and of what is read, so that two tasks do not share it.
    """
    fingerprint = hashlib.sha256(f"{path}\n{plan.identity}".encode()).hexdigest()[:8]
    end = window.end.astimezone(window.start_zone)
    name = f"_split-{window.local_start:%Y-%m-%d}-{end:%Y-%m-%d}-{fingerprint}"
    return f"{directories.common}/{name}"


def summary_of_days(
    days: Sequence[Mapping[str, Any]], reading: str, *, pages: int, requests: int
) -> dict[str, Any]:
    """Return what a split export gives to XCom and to asset events.

    Args:
        days: the summary of each day.
        reading: the URI of the directory of the reading.
        pages: of the wide window.
        requests: for the wide window.
    """
    return {
        "manifest": None,
        "manifests": [day["manifest"] for day in days],
        "path": posixpath.dirname(reading),
        "endpoint": days[0]["endpoint"],
        "project_id": days[0]["project_id"],
        "date_from": days[0]["date_from"],
        "date_to": days[-1]["date_to"],
        "rows": sum(day["rows"] for day in days),
        "pages": pages,
        "requests": requests,
        "bytes": sum(day["bytes"] for day in days),
        "files": sum(day["files"] for day in days),
        "uris": [uri for day in days for uri in day["uris"]],
        "totals": {},
    }
