"""``docsanalytics plan``: what a backfill costs, and what would be cheaper, before it runs."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.commands import FINE, times
from airflow_provider_docsanalytics.commands.connections import hook_of, provide, provide_of
from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.parameters import share
from airflow_provider_docsanalytics.window import parse_instant

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from airflow_provider_docsanalytics.hooks._base import DocsAnalyticsHook
    from airflow_provider_docsanalytics.quota.plan import Costs, Past

_DESCRIPTION = """\
Estimate the requests, the hours of quota and the end of a backfill, from the manifests of a lake.
Nothing is sent, unless you ask for --probe. Without a lake and a probe, the table shows the least
that is possible: one request for each window."""


def add_command(commands: Any) -> None:
    """Add the command to the parser's subcommands."""
    about = "estimate what a backfill costs, before it runs"
    parser = commands.add_parser("plan", help=about, description=_DESCRIPTION)
    add = parser.add_argument
    add("--conn-id", metavar="ID", default="mintlify_default", help="(%(default)s)")
    add("--from", dest="start", metavar="DATE", required=True, help="start (ISO 8601, UTC)")
    add("--to", dest="end", metavar="DATE", required=True, help="end, exclusive")
    add(
        "--every",
        type=times.length,
        default=timedelta(days=1),
        metavar="TIME",
        help="length of a window, such as 1d or 1w (1d)",
    )
    add("--endpoint", action="append", metavar="E", help="can be repeated (all that take dates)")
    add("--lake", metavar="LAKE", help="the root of past exports, a path or a URL")
    add("--storage-conn-id", metavar="ID", help="the Airflow connection of LAKE")
    add("--share", type=float, default=1.0, help="quota_share of the backfill (1)")
    add("--probe", action="store_true", help="send one request for each endpoint without a past")
    add("--format", choices=["table", "json"], default="table", help="(table)")
    parser.set_defaults(run=_plan)


def _plan(options: argparse.Namespace) -> int:
    with redirect_stdout(sys.stderr):  # Airflow logs to it, and it is the command's result
        summary = _summary(options)
    if options.format == "json":
        sys.stdout.write(json.dumps(summary, indent=2) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in _lines(summary, datetime.now(UTC)))
    return FINE


def _summary(options: argparse.Namespace) -> dict[str, Any]:
    """Return the plan, as JSON."""
    from airflow_provider_docsanalytics.hooks._ledger import quota_of
    from airflow_provider_docsanalytics.quota.plan import estimate, hours, wider, windows_of

    start, end = parse_instant(options.start, "--from"), parse_instant(options.end, "--to")
    windows = windows_of(start, end, options.every)
    share("--share", options.share)
    hook = hook_of(options.conn_id)
    quota = quota_of(hook.platform, hook.settings)
    costs = _costs(hook, options, windows[-1])
    found = [estimate(each, windows) for each in costs]
    total = sum(each.requests for each in found)
    highs = [each.high for each in found]
    high = None if None in highs else sum(each or 0 for each in highs)
    return {
        "from": f"{start:%Y-%m-%dT%H:%M:%SZ}",
        "to": f"{end:%Y-%m-%dT%H:%M:%SZ}",
        "quota": str(quota),
        "share": options.share,
        "endpoints": [
            {
                "endpoint": each.endpoint,
                "windows": each.windows,
                "requests": each.requests,
                "requests_high": each.high,
                "estimated_from": each.basis,
                "cheaper": dict(wider(of, start, end, options.every)),
            }
            for of, each in zip(costs, found, strict=True)
        ],
        "requests": total,
        "requests_high": high,
        "hours": hours(total, quota, options.share),
        "hours_high": None if high is None else hours(high, quota, options.share),
        "backfill": _backfill(windows, options.every),
    }


def _costs(
    hook: DocsAnalyticsHook, options: argparse.Namespace, last: tuple[datetime, datetime]
) -> list[Costs]:
    """Return what is known of each endpoint."""
    from airflow_provider_docsanalytics.api.window_split import WindowSplitPaging
    from airflow_provider_docsanalytics.quota.plan import Costs

    platform = hook.platform
    windowed = [name for name, row in platform.endpoints.items() if row.windowed]
    past = _past(hook, options.lake, options.storage_conn_id) if options.lake else {}
    costs = []
    for name in dict.fromkeys(options.endpoint or windowed):
        row = platform.endpoint(name)
        if not row.windowed:
            raise ConfigError(f"{name} takes no dates.\nUse one of {', '.join(windowed)}.")
        known, at_least = past.get(name, []), False
        if not known and options.probe:
            probed, at_least = _probe(hook, name, last)
            known = [probed]
        costs.append(
            Costs(
                name,
                row.page_size,
                events=bool(getattr(row.paging, "events", False)),
                splits=isinstance(row.paging, WindowSplitPaging),
                past=tuple(known),
                at_least=at_least,
            )
        )
    return costs


def _backfill(windows: Sequence[tuple[datetime, datetime]], every: timedelta) -> str | None:
    """Return the command that runs it; ``None`` if windows are not the days of the example Dag."""
    first, last = windows[0][0], windows[-1]
    if every != timedelta(days=1) or any(each.time() != time() for each in (first, last[1])):
        return None
    return (  # Airflow's dates are both included
        "airflow backfill create --dag-id mintlify_backfill --run-backwards --max-active-runs 2 "
        f"--from-date {first:%Y-%m-%d} --to-date {last[0]:%Y-%m-%d}"
    )


def _past(hook: DocsAnalyticsHook, lake: str, storage_conn_id: str | None) -> dict[str, list[Past]]:
    """Return the exported windows of each endpoint of this project, each window once."""
    from airflow_provider_docsanalytics.lake.catalog import read_directories
    from airflow_provider_docsanalytics.operators._lake import files_at
    from airflow_provider_docsanalytics.quota.plan import Past

    provide(storage_conn_id)
    provide_of(lake)
    found: dict[str, dict[object, Past]] = {}
    for directory in read_directories(files_at(lake, storage_conn_id)):
        manifest, window = directory.manifest, directory.window
        if manifest is None or window is None or manifest.filters:
            continue
        of_ours = manifest.project_id in (None, hook.settings.project_id)
        if manifest.platform == hook.platform.name and of_ours:
            # A day of a window that was split counts no requests; alone, each page is one.
            requests = manifest.requests or manifest.pages
            past = Past(window.start, window.end, manifest.rows, requests)
            found.setdefault(manifest.endpoint, {})[window] = past
    return {endpoint: list(windows.values()) for endpoint, windows in found.items()}


def _probe(
    hook: DocsAnalyticsHook, endpoint: str, last: tuple[datetime, datetime]
) -> tuple[Past, bool]:
    """Return the last window, as one request shows it, and whether there is more than that."""
    from airflow_provider_docsanalytics.quota.plan import Past
    from airflow_provider_docsanalytics.window import DateWindow

    page = hook.fetch_once(hook.select(endpoint, window=DateWindow.between(*last)))
    has_more = page.next_cursor is not None
    return Past(*last, rows=len(page.rows), requests=2 if has_more else 1), has_more


_BASES = {
    "past exports": "",
    "past exports of other windows": "from other windows: not more than",
    "one window": "from one window",
    "nothing": "nothing is known: the least possible",
}


def _lines(summary: dict[str, Any], now: datetime) -> Iterator[str]:
    """Yield the plan as people read it."""
    endpoints: Sequence[dict[str, Any]] = summary["endpoints"]
    width = max(len(each["endpoint"]) for each in endpoints)
    yield f"{'endpoint':<{width}}  windows  requests  if busy"
    for each in endpoints:
        basis = _BASES[each["estimated_from"]]
        if each["estimated_from"] == "one window" and each["requests_high"] is None:
            basis = "from the first page of one window: the least possible"
        row = (
            f"{each['endpoint']:<{width}}  {each['windows']:>7,}  {each['requests']:>8,}  "
            f"{_number(each['requests_high']):>7}  {basis}"
        )
        yield row.rstrip()
    together = f"{summary['requests']:>8,}  {_number(summary['requests_high']):>7}"
    yield f"{'together':<{width}}  {'':>7}  {together}"
    yield ""
    usual, high = summary["hours"], summary["hours_high"]
    yield (
        f"With a share of {summary['share']:g} of {summary['quota']} (requests/seconds), which "
        f"nobody else uses: {usual:,.0f}{' or more' if high is None else f' to {high:,.0f}'} hours."
    )
    ends = now + timedelta(hours=usual if high is None else high)
    ends = max(ends, parse_instant(summary["to"], "--to"))  # no window is exported before its end
    yield (
        f"Begun now, it ends at {ends:%Y-%m-%d %H:%M} UTC at the "
        f"{'earliest' if high is None else 'latest'}."
    )
    for each in endpoints:
        ways = [f"{requests:,} {name}" for name, requests in each["cheaper"].items()]
        if ways:
            yield (
                f"Cheaper: {each['endpoint']} costs {', '.join(ways)} instead of "
                f"{each['requests']:,}. With split='day' in the task, each day still has its own "
                "directory."
            )
    yield ""
    if summary["backfill"]:
        yield "With these endpoints in the example Dag mintlify_backfill:"
    yield summary["backfill"] or (
        "The example Dag mintlify_backfill exports whole days. For other windows, write a Dag with "
        "them as date_from and date_to."
    )


def _number(requests: int | None) -> str:
    return "?" if requests is None else f"{requests:,}"
