"""Who is measured: each exports all conversations in a process of its own.

usage: python -m benchmarks.contenders NAME SERVICE DIRECTORY; SERVICE is a JSON object with the
service's ``url``, ``mintlify_key`` and ``shape``, and ``options`` of the operator. Prints one JSON
object of figures.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

from benchmarks.pages import END, START

QUERY = {"limit": "1000", "dateFrom": START, "dateTo": END}
# As dlt's page on performance says: rotated files, a pool of processes, larger buffers, and no
# compression, which the others do not do here either. A pool cannot be larger than this machine.
DLT_SETTINGS = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "DATA_WRITER__BUFFER_MAX_ITEMS": "20000",
    "SOURCES__DATA_WRITER__FILE_MAX_ITEMS": "25000",
    "NORMALIZE__DATA_WRITER__FILE_MAX_ITEMS": "25000",
    "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",
    "NORMALIZE__WORKERS": str(os.cpu_count()),
}
_PAGES_AT_EACH_END = 500
_Result = TypeVar("_Result")


def floor(service: Mapping[str, Any], out: str) -> int:
    """Write every raw body to disk, and look at nothing but the cursor."""
    import re

    import requests

    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {service['mintlify_key']}"
    url, query = f"{service['url']}{_path(service)}", dict(QUERY)
    rows = 0
    with (Path(out) / "raw.json").open("wb") as file:
        while True:
            body = session.get(url, params=query, timeout=30).content
            file.write(body)
            rows += body.count(b'"timestamp":')
            cursor = re.search(rb'"nextCursor": ?"([^"]+)"', body[-200:])
            if cursor is None:
                return rows
            query["cursor"] = cursor[1].decode()


def ours(service: Mapping[str, Any], out: str) -> int:
    """Run the operator's ``execute``."""
    from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator

    options = {"path": f"file://{out}/export", **service.get("options", {})}
    operator = MintlifyExportOperator(
        task_id="operator", endpoint="conversations", date_from=START, date_to=END, **options
    )
    return int(operator.execute({})["rows"])


def http_operator(service: Mapping[str, Any], out: str) -> int:
    """Page with Airflow's own HttpOperator, and write JSON lines page by page.

    Its ``pagination_function`` sees every response as it comes. The operator keeps them all.
    """
    from airflow.providers.http.operators.http import HttpOperator

    count = 0
    with (Path(out) / "rows.jsonl").open("w") as file:

        def write(response: Any) -> dict[str, Any] | None:
            nonlocal count
            body = response.json()
            file.writelines(json.dumps(row) + "\n" for row in body["conversations"])
            count += len(body["conversations"])
            cursor = body["nextCursor"]
            return {"data": {**QUERY, "cursor": cursor}} if cursor else None

        HttpOperator(
            task_id="operator",
            http_conn_id="bench_http",
            endpoint=_path(service),
            method="GET",
            headers={"Authorization": f"Bearer {service['mintlify_key']}"},
            data=QUERY,
            pagination_function=write,
            response_filter=len,  # or it would return the text of all responses, for XCom
        ).execute({})
    return count


def dlt_rest(service: Mapping[str, Any], out: str) -> int:
    """Page with dlt's REST client into dlt's file-system destination as JSON lines."""
    import dlt
    from dlt.sources.helpers.rest_client import RESTClient
    from dlt.sources.helpers.rest_client.auth import BearerTokenAuth
    from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator

    client = RESTClient(
        service["url"],
        auth=BearerTokenAuth(token=service["mintlify_key"]),
        paginator=JSONResponseCursorPaginator("nextCursor", cursor_param="cursor"),
        data_selector="conversations",
    )

    @dlt.resource(name="conversations", max_table_nesting=0)
    def conversations() -> Iterator[Any]:
        yield from client.paginate(_path(service), params=dict(QUERY))

    pipeline = dlt.pipeline(
        "bench",
        pipelines_dir=f"{out}/state",
        destination=dlt.destinations.filesystem(f"file://{out}/lake"),
        dataset_name="docs",
    )
    pipeline.run(conversations(), loader_file_format="jsonl").raise_on_failed_jobs()
    return int(pipeline.last_trace.last_normalize_info.row_counts["conversations"])


CONTENDERS: Mapping[str, Callable[[Mapping[str, Any], str], int]] = {
    "floor": floor,
    "ours": ours,
    "HttpOperator": http_operator,
    "dlt": dlt_rest,
}


def _path(service: Mapping[str, Any]) -> str:
    return f"/v1/analytics/{service['shape']}/assistant"


def cpu_s() -> float:
    """Return the CPU time of this process and of those that it started and that have ended."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _stamp_requests() -> list[float]:
    """Return a list to which every request of urllib3 adds the CPU time of that moment."""
    import logging

    stamps: list[float] = []

    class Stamp(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "HTTP" in record.msg:
                stamps.append(time.process_time())

    logger = logging.getLogger("urllib3.connectionpool")
    logger.addHandler(Stamp(logging.DEBUG))
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    return stamps


def ms_a_page(stamps: list[float]) -> dict[str, float]:
    """Return the CPU time between two requests, at the beginning and at the end."""
    first, last = stamps[: _PAGES_AT_EACH_END + 1], stamps[-_PAGES_AT_EACH_END - 1 :]
    return {
        f"{name}_ms": (each[-1] - each[0]) / (len(each) - 1) * 1000
        for name, each in (("first", first), ("last", last))
    }


def contend(name: str, service: Mapping[str, Any], out: str) -> dict[str, float]:
    """Run one contender in this process; return its figures."""
    if name not in ("floor", "dlt"):
        import airflow.sdk  # noqa: F401 - a worker has it loaded
    if service.get("metered"):
        from benchmarks.meter import metered

        return metered(service, out)
    stamps = _stamp_requests() if service.get("stamped") else []
    rows, figures = spent(lambda: CONTENDERS[name](service, out))
    return {"rows": rows, **figures} | (ms_a_page(stamps) if stamps else {})


def spent(work: Callable[[], _Result]) -> tuple[_Result, dict[str, float]]:
    """Do some work in this process; return its result, and what it took."""
    cpu, started = cpu_s(), time.perf_counter()
    result = work()
    wall = time.perf_counter() - started
    return result, {"wall_s": wall, "cpu_s": cpu_s() - cpu, "peak_mb": _peak_mb()}


def _peak_mb() -> float:
    """Return the largest memory of this program; ``getrusage`` counts that of its parent, too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    print(json.dumps(contend(sys.argv[1], json.loads(sys.argv[2]), sys.argv[3])), flush=True)
    os._exit(0)  # nothing that a library does at exit belongs to the measurement
