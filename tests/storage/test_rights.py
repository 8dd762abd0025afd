"""S3 with rights taken away one by one, by a door in front of moto that refuses as S3 does."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import fsspec
import pytest

from airflow_provider_docsanalytics.errors import (
    ConfigError,
    CursorLost,
    RateLimited,
    StorageError,
    StorageRefused,
)
from airflow_provider_docsanalytics.export.directory import ExportDirectory
from airflow_provider_docsanalytics.export.documents import Identity
from airflow_provider_docsanalytics.export.plan import Plan, Source
from airflow_provider_docsanalytics.export.run import export
from tests.reliability import s3_proxy
from tests.reliability.s3_rights import Policy, proxy, set_policy
from tests.storage.places import s3

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_docsanalytics.export.documents import Manifest

ALL = Policy()
PAGES = 4


class Page:
    totals: dict[str, Any] = {}  # noqa: RUF012 - never written to
    missing = ()
    unknown = ()

    def __init__(self, number: int, version: str) -> None:
        self.rows = (b'{"n":%d,"version":"%s"}' % (number, version.encode()),)
        self.next_cursor = str(number + 1) if number + 1 < PAGES else None


class Bucket:
    """A directory of a bucket behind the door, and a service whose rows can change."""

    def __init__(self, url: str, behind: Any) -> None:
        self.url = url
        self.root = f"lake/{uuid.uuid4()}"
        self.behind = behind
        self.asked = list[str]()
        self.version = "old"
        self.fails: dict[int, Exception] = {}
        self.options: dict[str, Any] = {}

    def allow(self, policy: Policy) -> list[str]:
        return set_policy(self.url, policy)

    def export(self, project: str = "p", if_exists: Any = "error") -> Manifest:
        self.asked.clear()
        filesystem = fsspec.filesystem(
            "s3",
            key="k",
            secret="s",
            client_kwargs={"endpoint_url": self.url, "region_name": "eu-west-1"},
            skip_instance_cache=True,
            **self.options,
        )
        directory = ExportDirectory(filesystem, self.root, f"s3://{self.root}")
        identity = Identity("mintlify", "views", project, None, None, {}, "jsonl", None)
        source = Source("https://service", self._pages, lambda: len(self.asked))
        plan = Plan(identity, {"_project_id": project}, 1, if_exists)
        return export(plan, directory, source)

    def files(self) -> dict[str, bytes]:
        self.behind.invalidate_cache()
        if not self.behind.exists(self.root):
            return {}
        return {path.rsplit("/", 1)[1]: self.behind.cat(path) for path in self.behind.ls(self.root)}

    def versions(self) -> list[str]:
        """Return which version of the rows each file that the manifest lists holds."""
        files = self.files()
        manifest = json.loads(files["_manifest.json"])
        return [json.loads(files[file["name"]])["version"] for file in manifest["files"]]

    def _pages(self, cursor: str | None) -> Iterator[Page]:
        for number in range(int(cursor or 0), PAGES):
            self.asked.append(str(number))
            if error := self.fails.pop(number, None):
                raise error
            yield Page(number, self.version)


@pytest.fixture(scope="module")
def url(s3_url: str) -> Iterator[str]:
    with proxy(s3_url) as url:
        yield url


@pytest.fixture
def bucket(url: str, s3_url: str) -> Bucket:
    bucket = Bucket(url, s3(s3_url))
    bucket.allow(ALL)
    return bucket


def _spent() -> RateLimited:
    return RateLimited(429, "views", "spent")


NO_DELETE = Policy(denied=("s3:DeleteObject",))


def test_without_deletions_an_export_is_complete_and_one_warning_says_what_stays(
    bucket: Bucket, caplog: pytest.LogCaptureFixture
) -> None:
    bucket.allow(NO_DELETE)
    assert bucket.export().rows == PAGES
    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "_checkpoint.json" in warning
    assert "s3:DeleteObject" in warning
    assert bucket.versions() == ["old"] * PAGES


def test_without_deletions_the_next_export_reads_everything_anew(
    bucket: Bucket, caplog: pytest.LogCaptureFixture
) -> None:
    """The checkpoint that stayed is of a finished export: there is nothing to resume."""
    caplog.set_level("INFO")
    bucket.allow(NO_DELETE)
    bucket.export()
    bucket.version = "new"
    manifest = bucket.export()
    assert bucket.asked == ["0", "1", "2", "3"]
    assert bucket.versions() == ["new"] * PAGES
    assert manifest.rows == manifest.requests == PAGES
    assert "resuming" not in caplog.text


def test_without_deletions_old_parts_stay_and_are_named_and_leave_with_the_right(
    bucket: Bucket, caplog: pytest.LogCaptureFixture
) -> None:
    bucket.allow(NO_DELETE)
    old = {file.name for file in bucket.export().files}
    caplog.clear()
    new = {file.name for file in bucket.export().files}
    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert f"{PAGES + 1} files stay" in warning
    assert min(old) in warning
    assert "part-*" in warning
    assert bucket.files().keys() == {*old, *new, "_manifest.json", "_checkpoint.json"}
    bucket.allow(ALL)
    newest = {file.name for file in bucket.export().files}
    assert bucket.files().keys() == {*newest, "_manifest.json"}


def test_without_deletions_a_retry_resumes_and_asks_for_no_page_twice(bucket: Bucket) -> None:
    bucket.allow(NO_DELETE)
    bucket.export()
    bucket.version, bucket.fails = "new", {2: _spent()}
    with pytest.raises(RateLimited):
        bucket.export()
    assert bucket.versions() == ["old"] * PAGES
    bucket.export()
    assert bucket.asked == ["2", "3"]
    assert bucket.versions() == ["new"] * PAGES


def test_without_deletions_another_export_is_refused_and_replaces_if_it_may(
    bucket: Bucket,
) -> None:
    bucket.allow(NO_DELETE)
    bucket.export()
    bucket.version = "new"
    with pytest.raises(ConfigError, match="holds a different export"):
        bucket.export("q")
    assert bucket.versions() == ["old"] * PAGES
    bucket.export("q", "replace")
    assert bucket.versions() == ["new"] * PAGES


def test_without_deletions_a_lost_cursor_starts_again(bucket: Bucket) -> None:
    bucket.allow(NO_DELETE)
    bucket.fails = {2: CursorLost("gone")}
    assert bucket.export().rows == PAGES
    assert bucket.versions() == ["old"] * PAGES
    bucket.version = "new"
    bucket.export()
    assert bucket.versions() == ["new"] * PAGES


def test_a_deletion_that_only_failed_is_an_error_and_the_retry_makes_it_good(
    bucket: Bucket,
) -> None:
    """An expired token is no missing right: with a new one the retry removes what stayed."""
    bucket.export()
    bucket.allow(ALL)
    bucket.export()
    number = bucket.allow(ALL).index("s3:DeleteObject") + 1
    with s3_proxy.proxy(bucket.url) as url:
        bucket.url = url
        s3_proxy.fail(url, number, "ExpiredToken 400")
        with pytest.raises(StorageError, match="could not delete part-0") as raised:
            bucket.export()
        assert not isinstance(raised.value, StorageRefused)
        manifest = bucket.export()
    assert bucket.asked == []
    assert bucket.files().keys() == {"_manifest.json", *(file.name for file in manifest.files)}


@pytest.mark.parametrize(
    ("right", "more"),
    [
        ("s3:GetObject", "s3:GetObject"),
        ("s3:PutObject", "s3:PutObject"),
        ("s3:ListBucket", "s3:ListBucket.*missing"),
    ],
)
@pytest.mark.parametrize("before", ["empty", "finished", "unfinished"])
def test_a_missing_right_is_named_before_the_first_request(
    bucket: Bucket, right: str, more: str, before: str
) -> None:
    if before == "unfinished":
        bucket.fails = {2: _spent()}
        with pytest.raises(RateLimited):
            bucket.export()
    elif before == "finished":
        bucket.export()
    there = bucket.files()
    bucket.allow(Policy(denied=(right,)))
    with pytest.raises(StorageRefused, match=f"(?s)s3://{bucket.root}: .*{more}"):
        bucket.export()
    assert bucket.asked == []
    assert bucket.files() == there
    bucket.allow(ALL)
    assert bucket.export().rows == PAGES


LEAST = ("s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject")


def test_the_rights_of_the_documented_policy_are_enough(bucket: Bucket) -> None:
    prefix = bucket.root.removeprefix("lake/") + "/"
    bucket.allow(Policy(allowed=LEAST, prefix=prefix))
    bucket.fails = {2: _spent()}
    with pytest.raises(RateLimited):
        bucket.export()
    bucket.export()
    bucket.version = "new"
    bucket.export("q", "replace")
    assert bucket.versions() == ["new"] * PAGES
    assert set(bucket.allow(ALL)) == set(LEAST)
    assert "_checkpoint.json" not in bucket.files()


ENCRYPTED = Policy(kms_key="arn:aws:kms:eu-west-1:1:key/k")
KMS = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": ENCRYPTED.kms_key}


def test_a_bucket_that_demands_encryption_gets_it_by_storage_options(bucket: Bucket) -> None:
    bucket.allow(ENCRYPTED)
    with pytest.raises(StorageRefused, match="storage_options"):
        bucket.export()
    assert bucket.asked == []
    bucket.options = {"s3_additional_kwargs": KMS}
    bucket.export()
    bucket.version = "new"
    bucket.export()
    assert bucket.versions() == ["new"] * PAGES
    assert "_checkpoint.json" not in bucket.files()


def test_a_bucket_whose_requester_pays_is_read_listed_written_and_cleared(bucket: Bucket) -> None:
    bucket.allow(Policy(requester_pays=True))
    with pytest.raises(StorageRefused, match="requester_pays"):
        bucket.export()
    assert bucket.asked == []
    bucket.options = {"requester_pays": True}
    bucket.export()
    bucket.version = "new"
    bucket.export()
    assert bucket.versions() == ["new"] * PAGES
    assert len(bucket.files()) == PAGES + 1


def test_a_bucket_with_object_lock_gets_the_checksums_that_it_wants(bucket: Bucket) -> None:
    bucket.allow(Policy(object_lock=True))
    bucket.export()
    assert bucket.versions() == ["old"] * PAGES


def test_a_bucket_in_which_files_are_written_once_is_refused_before_the_first_request(
    bucket: Bucket,
) -> None:
    bucket.allow(Policy(write_once=True))
    with pytest.raises(StorageRefused, match="does not allow replacing"):
        bucket.export()
    assert bucket.asked == []
    with pytest.raises(StorageRefused, match="does not allow replacing"):
        bucket.export()
    assert bucket.asked == []


def test_a_bucket_that_is_not_there_is_no_missing_right(bucket: Bucket) -> None:
    bucket.root = "nowhere/x"
    with pytest.raises(StorageError) as raised:
        bucket.export()
    assert not isinstance(raised.value, StorageRefused)
