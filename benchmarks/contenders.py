"""Who is measured: each exports all conversations in a process of its own.

usage: contenders.py NAME SERVICE DIRECTORY; prints one JSON object of figures.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

START, END = "2026-01-01", "2026-01-31"


def floor(service: Mapping[str, str], out: Path) -> int:
    """Write every raw body to disk, and look at nothing but the cursor."""
    import re

    import requests

    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {service['mintlify_key']}"
    url = f"{service['url']}/v1/analytics/{service['project_id']}/assistant"
    query = {"limit": "1000", "dateFrom": START, "dateTo": END}
    rows = 0
    with (out / "raw.json").open("wb") as file:
        while True:
            body = session.get(url, params=query, timeout=30).content
            file.write(body)
            rows += body.count(b'"timestamp":')
            cursor = re.search(rb'"nextCursor": ?"([^"]+)"', body[-200:])
            if cursor is None:
                return rows
            query["cursor"] = cursor[1].decode()


def ours(service: Mapping[str, str], out: Path, **options: Any) -> int:
    """Run the operator's ``execute``."""
    from airflow_provider_docsanalytics.operators.mintlify import (
        MintlifyExportOperator,
    )

    operator = MintlifyExportOperator(
        task_id="operator",
        endpoint="conversations",
        path=f"file://{out}/export",
        date_from=START,
        date_to=END,
        project_id=service["project_id"],
        **options,
    )
    return int(operator.execute({})["rows"])


def http_operator(service: Mapping[str, str], out: Path) -> int:
    """Page with Airflow's own HttpOperator as its documentation shows, then write JSON lines."""
    from airflow.providers.http.operators.http import HttpOperator

    def following(response: Any) -> dict[str, Any] | None:
        cursor = response.json()["nextCursor"]
        return {"data": {**query, "cursor": cursor}} if cursor else None

    query = {"limit": "1000", "dateFrom": START, "dateTo": END}
    operator = HttpOperator(
        task_id="operator",
        http_conn_id="bench_http",
        endpoint=f"/v1/analytics/{service['project_id']}/assistant",
        method="GET",
        headers={"Authorization": f"Bearer {service['mintlify_key']}"},
        data=query,
        pagination_function=following,
        response_filter=lambda responses: [
            row for response in responses for row in response.json()["conversations"]
        ],
    )
    rows = operator.execute({})
    with (out / "rows.jsonl").open("w") as file:
        for row in rows:
            file.write(json.dumps(row) + "\n")
    return len(rows)


def dlt_rest(service: Mapping[str, str], out: Path) -> int:
    """Page with dlt's REST client into dlt's file-system destination as JSON lines."""
    import dlt
    from dlt.sources.helpers.rest_client import RESTClient
    from dlt.sources.helpers.rest_client.auth import BearerTokenAuth
    from dlt.sources.helpers.rest_client.paginators import (
        JSONResponseCursorPaginator,
    )

    client = RESTClient(
        service["url"],
        auth=BearerTokenAuth(token=service["mintlify_key"]),
        paginator=JSONResponseCursorPaginator("nextCursor", cursor_param="cursor"),
        data_selector="conversations",
    )

    @dlt.resource(name="conversations", max_table_nesting=0)
    def conversations() -> Iterator[Any]:
        query = {"limit": "1000", "dateFrom": START, "dateTo": END}
        yield from client.paginate(f"/v1/analytics/{service['project_id']}/assistant", params=query)

    pipeline = dlt.pipeline(
        "bench",
        pipelines_dir=str(out / "state"),
        destination=dlt.destinations.filesystem(f"file://{out}/lake"),
        dataset_name="docs",
    )
    pipeline.run(conversations(), loader_file_format="jsonl")
    return int(pipeline.last_trace.last_normalize_info.row_counts["conversations"])


CONTENDERS: Mapping[str, Callable[[Mapping[str, str], Path], int]] = {
    "floor": floor,
    "ours": ours,
    "ours gzip": partial(ours, compression="gzip"),
    "HttpOperator": http_operator,
    "dlt": dlt_rest,
}
OTHERS = ("HttpOperator", "dlt")
FORMATS, COMPRESSIONS = ("jsonl", "csv", "parquet"), (None, "gzip", "zstd")
FORMS: Mapping[str, Callable[[Mapping[str, str], Path], int]] = {
    f"{form} {packing}": partial(ours, file_format=form, compression=packing)
    for form, packing in product(FORMATS, COMPRESSIONS)
}


def contend(name: str, service: Mapping[str, str], out: Path) -> dict[str, float]:
    """Run one contender in this process; return its figures."""
    if name not in ("floor", "dlt"):
        import airflow.sdk  # noqa: F401 - a worker has it loaded
    run = {**CONTENDERS, **FORMS}[name]
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    rows = run(service, out)
    wall_s = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "rows": rows,
        "rows_per_s": rows / wall_s,
        "cpu_us_per_row": cpu_s / rows * 1e6,
        "peak_mb": after.ru_maxrss / 1024,
    }


if __name__ == "__main__":
    print(json.dumps(contend(sys.argv[1], json.loads(sys.argv[2]), Path(sys.argv[3]))), flush=True)
    os._exit(0)  # nothing that a library does at exit belongs to the measurement
