"""Serve both analytics APIs on 127.0.0.1 until SIGTERM or SIGINT.

When ready, the simulator prints one line of JSON with its URL and its keys.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from threading import Event
from typing import Any

from airflow_provider_docsanalytics.simulator.data import Config
from airflow_provider_docsanalytics.simulator.faults import KINDS
from airflow_provider_docsanalytics.simulator.request import RETRY_AFTER_STYLES, Quota
from airflow_provider_docsanalytics.simulator.server import Simulator


def main(arguments: list[str] | None = None) -> None:
    """Run the simulator as a command."""
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_docsanalytics.simulator", description=__doc__
    )
    add_options(parser)
    serve(parser, parser.parse_args(arguments))


def serve(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Serve until a signal; a value that cannot be used is the parser's error."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        simulator = _simulator(options)
    except ValueError as error:
        parser.error(str(error))
    except (OSError, OverflowError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or "it is no port from 0 to 65535"
        parser.error(
            f"Cannot listen on port {options.port}: {reason}.\n"
            "Choose another --port, or leave it out to get a free one."
        )
    with simulator:
        ready = ("url", "project_id", "mintlify_key", "vyom_key")
        sys.stdout.write(json.dumps({name: getattr(simulator, name) for name in ready}) + "\n")
        sys.stdout.flush()
        stop.wait()


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the simulator's options to a parser."""
    defaults = Config()
    add = parser.add_argument
    add("--port", type=int, default=0, help="0, the default, picks a free one")
    add(
        "--projects",
        type=int,
        default=1,
        help="proj_sim_docs, proj_sim_docs_2 …, each with its own rows (%(default)s)",
    )
    add(
        "--keys",
        type=int,
        default=1,
        help="Mintlify keys of the organisation, numbered as the projects are (%(default)s)",
    )
    add("--rows", type=int, default=defaults.rows, help="conversation turns (%(default)s)")
    add("--pages", type=int, default=defaults.pages, help="documentation pages (%(default)s)")
    add("--seed", type=int, default=defaults.seed, help="equal seeds give equal data")
    add("--start", help="ISO date or time of the first data (30 days before --end)")
    add("--end", help="ISO date or time after the last data (the end of today, UTC)")
    add("--legacy-schema", action="store_true", help="conversations with the older, fewer fields")
    add("--row-bytes", type=int, help="pad conversation rows to this size (no padding)")
    add(
        "--quota",
        metavar="N/SECONDS",
        help="Mintlify requests in any period of this length (no limit)",
    )
    add(
        "--retry-after",
        choices=RETRY_AFTER_STYLES,
        default="seconds",
        help="form of the header of a 429 (%(default)s)",
    )
    add(
        "--others",
        type=int,
        default=0,
        metavar="N",
        help="requests that others spend of the quota in each period (%(default)s)",
    )
    add("--latency-ms", type=float, default=0, help="delay of every response (%(default)s)")
    add("--gzip", action="store_true", help="compress responses for clients that accept it")
    add(
        "--fault",
        type=_fault,
        action="append",
        default=[],
        metavar="JSON",
        help='can be repeated; for example {"kind": "status", "status": 503}; '
        f"kinds: {', '.join(KINDS)}",
    )


def _simulator(options: argparse.Namespace) -> Simulator:
    config = Config(
        rows=options.rows,
        pages=options.pages,
        seed=options.seed,
        start=options.start,
        end=options.end,
        legacy_schema=options.legacy_schema,
        row_bytes=options.row_bytes,
    )
    return Simulator(
        config,
        projects=options.projects,
        keys=options.keys,
        port=options.port,
        quota=_quota(options) if options.quota else None,
        latency_ms=options.latency_ms,
        gzip=options.gzip,
        faults=options.fault,
    )


def _quota(options: argparse.Namespace) -> Quota:
    limit, _, period_s = options.quota.partition("/")
    try:
        numbers = int(limit), float(period_s)
    except ValueError:
        raise ValueError(
            f"--quota {options.quota} is not N/SECONDS.\nUse for example 100/3600."
        ) from None
    return Quota(*numbers, options.retry_after, options.others)


def _fault(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text} is not JSON: {error}.\nPut the object in single quotes."
        ) from None


if __name__ == "__main__":
    main()
