"""The requests of an export to S3, each with its reason in the documentation."""

from __future__ import annotations

import re
import threading
import uuid
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import fsspec
import pytest

from airflow_provider_docsanalytics.errors import RateLimited
from airflow_provider_docsanalytics.export.directory import ExportDirectory
from airflow_provider_docsanalytics.export.run import export
from tests.export.test_run import QUOTA, Service, _plan
from tests.reliability.s3_proxy import Handler, Proxy
from tests.storage.places import s3

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENT = Path(__file__).parents[2] / "docs" / "storage.md"
PAGES_PER_FILE = 10
FIRST = {1: 10, 10: 10, 25: 14}
"""Pages, and the requests of an export into an empty directory."""
AGAIN = {1: 12, 10: 12, 25: 18}
"""The same for an export that replaces itself: a look at the checkpoint, a deletion a file."""


PATIENCE_S = 300
"""A request that is sent again because this machine is busy would be counted twice."""


class _Recorder(Proxy):
    """Passes every request on, and notes its verb and what it is about."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream, _Recording)
        self.requests: list[str] = []

    def take(self) -> list[str]:
        """Return the requests since the last time."""
        taken, self.requests = self.requests, []
        return taken


class _Recording(Handler):
    server: _Recorder

    def take(self, body: bytes) -> None:
        """Note the request and pass it on."""
        url = urlsplit(self.path)
        name = "the directory" if "list-type" in url.query else url.path.rsplit("/", 1)[-1]
        name = re.sub(r"part-.*", "a part", name)
        self.server.requests.append(f"{self.command} {name}")
        answer = self.pass_on(body)
        self.send(answer.status_code, answer.headers, answer.content)


class _Bucket:
    """A directory of S3 whose requests are noted."""

    def __init__(self, recorder: _Recorder) -> None:
        self.recorder = recorder
        self._filesystem = fsspec.filesystem(
            "s3",
            key="k",
            secret="s",
            client_kwargs={"endpoint_url": f"http://127.0.0.1:{recorder.server_address[1]}"},
            config_kwargs={"read_timeout": PATIENCE_S, "retries": {"max_attempts": 0}},
            skip_instance_cache=True,
        )
        self._root = f"lake/{uuid.uuid4()}"

    def export(self, service: Service) -> list[str]:
        """Export; return the requests."""
        directory = ExportDirectory(self._filesystem, self._root, "s3://lake")
        export(_plan(PAGES_PER_FILE), directory, service.source())
        return self.recorder.take()


@pytest.fixture
def bucket(s3_url: str) -> Iterator[_Bucket]:
    s3(s3_url)  # makes the bucket
    with _recorder(s3_url) as recorder:
        yield _Bucket(recorder)


@contextmanager
def _recorder(upstream: str) -> Iterator[_Recorder]:
    with _Recorder(upstream) as recorder:
        thread = threading.Thread(target=recorder.serve_forever)
        thread.start()
        try:
            yield recorder
        finally:
            recorder.shutdown()
            thread.join()


@pytest.mark.parametrize("pages", FIRST)
def test_an_export_sends_the_requests_that_are_documented_and_no_other(
    bucket: _Bucket, pages: int
) -> None:
    sent = bucket.export(Service(pages))
    files = -(-pages // PAGES_PER_FILE)
    assert Counter(sent) == _documented("an empty directory", files)
    assert len(sent) == FIRST[pages]
    sent = bucket.export(Service(pages))
    assert Counter(sent) == _documented("the same export again", files)
    assert len(sent) == AGAIN[pages]


def test_what_decides_is_asked_in_the_order_of_the_protocol(bucket: _Bucket) -> None:
    assert bucket.export(Service(11)) == [
        "GET _manifest.json",
        "PUT _checkpoint.json",
        "GET _manifest.json",
        "PUT _checkpoint.json",
        "PUT a part",
        "PUT _checkpoint.json",
        "PUT a part",
        "GET the directory",
        "PUT _checkpoint.json",
        "PUT _manifest.json",
        "HEAD _checkpoint.json",
        "DELETE _checkpoint.json",
    ]


def test_a_retry_lists_once_to_find_the_parts_and_once_to_commit(bucket: _Bucket) -> None:
    service = Service(25, fail_at={12: QUOTA})
    with pytest.raises(RateLimited):
        bucket.export(service)
    bucket.recorder.take()
    sent = bucket.export(service)
    assert sent[:6] == [
        "GET _manifest.json",
        "PUT _checkpoint.json",  # which is refused, because there is one
        "GET _checkpoint.json",
        "GET the directory",
        "PUT _checkpoint.json",
        "GET _manifest.json",
    ]
    assert sent.count("GET the directory") == 2
    assert sent.count("GET _checkpoint.json") == 1


def _documented(when: str, files: int) -> Counter[str]:
    """Return how often the documentation's table has each request, for so many files."""
    table = DOCUMENT.read_text().partition("\n## Requests\n")[2].partition("\n\nEach ")[0]
    columns, _, *rows = (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table.splitlines()
        if line.startswith("|")
    )
    at = columns.index(when)
    counts: Counter[str] = Counter()
    for row in rows:
        times = {"": 0, "1": 1, "each file": files}[row[at]]
        counts[row[0].strip("`")] += times
    return +counts
