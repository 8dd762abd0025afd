"""``docsanalytics quota``: who has spent what of the last period, what is left, when more comes."""

from __future__ import annotations

import json
import sys
from collections import Counter
from contextlib import redirect_stdout
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.commands import FINE, FOUND
from airflow_provider_docsanalytics.commands.connections import hook_of, provide_of
from airflow_provider_docsanalytics.errors import ConfigError

if TYPE_CHECKING:
    import argparse

    from airflow_provider_docsanalytics.quota.account import Account, Quota

_DESCRIPTION = """\
Show the organisation's account of requests: the file in the ledger that the connection names.
No request is sent to the service, and nothing is changed.
Exit status: 0 if there is room for a request, 1 if there is none, 2 if it cannot be read."""


def add_command(commands: Any) -> None:
    """Add the command to the parser's subcommands."""
    about = "show who has spent the quota, and when there is more"
    parser = commands.add_parser("quota", help=about, description=_DESCRIPTION)
    parser.add_argument(
        "--conn-id",
        metavar="ID",
        default="mintlify_default",
        help="an Airflow connection with a ledger in its extra (%(default)s)",
    )
    parser.add_argument("--format", choices=["table", "json"], default="table", help="(table)")
    parser.set_defaults(run=_show)


def _show(options: argparse.Namespace) -> int:
    with redirect_stdout(sys.stderr):  # Airflow logs to it, and it is the command's result
        summary = _read(options.conn_id)
    if options.format == "json":
        sys.stdout.write(json.dumps(summary, indent=2) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in _lines(summary))
    return FINE if summary["left"] else FOUND


def _read(conn_id: str) -> dict[str, Any]:
    """Return the account of a connection, as it stands."""
    from airflow_provider_docsanalytics.hooks._ledger import open_ledger, quota_of

    hook = hook_of(conn_id)
    if hook.settings.ledger is None:
        raise ConfigError(
            f"Connection {conn_id!r} has no ledger.\nAdd one to its extra, for example "
            '{"ledger": "s3://lake/quota"}: the directory of the account that its tasks share.'
        )
    provide_of(hook.settings.ledger)
    ledger = open_ledger(hook.settings, quota_of(hook.platform, hook.settings), hook.quota_share)
    account = ledger.read()
    return _summary(account, ledger.quota, ledger.now())


def _summary(account: Account, quota: Quota, now: float) -> dict[str, Any]:
    """Return the account of a moment, as JSON."""
    used = account.used(now, quota)
    next_request, opens_at = account.room_at(now, quota), account.opens_at(now, quota)
    spenders = Counter((each.by, each.host) for each in account.entries)
    ends = sorted(each.moment + quota.kept_s for each in account.entries)
    return {
        "service": account.service,
        "quota": str(quota),
        "used": used,
        "left": max(0, quota.limit - used) if next_request <= now else 0,
        "refuses_until": _text(opens_at) if opens_at > now else None,
        "next_request": _text(next_request),
        "all_free": _text(max([now, *ends[-1:]])),
        "spenders": [
            {"by": by, "host": host, "requests": requests}
            for (by, host), requests in sorted(spenders.items(), key=lambda each: (-each[1], each))
        ],
    }


def _lines(summary: dict[str, Any]) -> list[str]:
    """Return the summary as people read it."""
    used, limit = summary["used"], summary["quota"].partition("/")[0]
    lines = [f"{summary['service']}: {used} of {limit} requests used, {summary['left']} left"]
    if refuses_until := summary["refuses_until"]:
        lines.append(f"The service refuses requests until {refuses_until}, by its last refusal.")
    if not summary["left"]:
        lines.append(f"The next request may be sent at {summary['next_request']}.")
    if summary["used"]:
        lines.append(f"All of them are free again at {summary['all_free']}.")
        width = max(len(each["by"]) for each in summary["spenders"])
        lines += [
            f"{each['requests']:>6}  {each['by']:<{width}}  {each['host']}".rstrip()
            for each in summary["spenders"]
        ]
    return lines


def _text(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%S} UTC"
