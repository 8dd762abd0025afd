"""Paths: one that cannot work is refused before the first request, any other is literal."""

from __future__ import annotations

import unicodedata
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, ObjectStoragePath

from airflow_provider_docsanalytics.errors import ConfigError, StorageError
from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.simulator import Simulator

REFUSED = (ConfigError, AirflowFailException)
DAY = {"date_from": "2026-01-10", "date_to": "2026-01-11"}


def _operator(path: Any, **arguments: Any) -> MintlifyExportOperator:
    usual = {"task_id": "export", "endpoint": "views", **DAY}
    return MintlifyExportOperator(path=path, **usual | arguments)


def _rendered(given: str, path: Any, **arguments: Any) -> MintlifyExportOperator:
    """Return an operator whose template has given this path."""
    operator = _operator(given, **arguments)
    operator.path = path
    return operator


def _refused_twice(path: str) -> str:
    """Return how a path is refused: when the Dag is parsed, and as a template gives it."""
    with pytest.raises(ConfigError) as parsed:
        _operator(path)
    with pytest.raises(REFUSED) as run:
        _rendered("{{ path }}", path).execute({})
    assert "path=" in str(parsed.value)
    assert "path=" in str(run.value)
    return str(parsed.value)


DISKS = ["{disk}", "file://{disk}", "local://{disk}"]
STORES = [
    "s3://bucket",
    "s3a://bucket/a",
    "s3://aws_lake@bucket",
    "gs://bucket",
    "gcs://bucket",
    "abfs://container",
    "abfss://container/a",
    "sftp://host",
]
ANYWHERE = [
    ("//x", "is empty, or only spaces"),
    ("/x//y", "is empty, or only spaces"),
    ("/x//", "is empty, or only spaces"),
    ("/ /x", "is empty, or only spaces"),
    ("/x/ ", "starts or ends with a space"),
    ("/./x", "contains '.' or '..'"),
    ("/x/..", "contains '.' or '..'"),
    ("/a\nb", "control character"),
    ("/a\x00b", "control character"),
    ("/\ud800", "control character"),
    ("/x" * 500, "longer than 960 bytes"),
    ("/é/" + "é/" * 320, "longer than 960 bytes"),
    ("/{date_from:%s}", "does not give the same text on every worker"),
    ("/{endpoint}/{oops}", "unknown field {oops}"),
]
IN_URLS = [
    ("/a?versionId=", "contains '?'"),
    ("/a?versionId=1#2", "contains '?'"),
    ("/a?", "contains '?'"),
    ("/a#", "contains '#'"),
    ("/a#1", "contains '#'"),
    ("/a::memory://x", "contains '::'"),
    ("/a::b", "contains '::'"),
    ("/s3://x", "contains '://'"),
]
URLS = [*DISKS[1:], *STORES]


@pytest.mark.parametrize(
    ("root", "rest", "said"),
    [(root, *trouble) for root in [*DISKS, *STORES] for trouble in ANYWHERE]
    + [(root, *trouble) for root in URLS for trouble in IN_URLS],
)
def test_a_name_that_cannot_work_is_refused_in_every_storage_before_the_first_request(
    connections: Simulator, tmp_path: Path, root: str, rest: str, said: str
) -> None:
    assert said in _refused_twice(root.replace("{disk}", str(tmp_path)) + rest)
    assert connections.requests == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("", "it is empty"),
        (" ", "starts or ends with a space"),
        ("/", "root of the file system"),
        ("file:///", "root of the file system"),
        ("//", "is empty, or only spaces"),
        ("//lake/x", "is empty, or only spaces"),
        ("file:////lake", "is empty, or only spaces"),
        ("lake/x", "depends on where the worker runs"),
        ("~/lake", "depends on where the worker runs"),
        ("C:\\lake", "depends on where the worker runs"),
        ("C:/lake", "depends on where the worker runs"),
        ("\\\\server\\lake", "depends on where the worker runs"),
        ("simplecache::s3://bucket/x", "depends on where the worker runs"),
        ("file:/lake", "Write file:///lake/docs or /lake/docs"),
        ("file:lake", "Write file:///lake/docs or /lake/docs"),
        ("file://lake/x", "three slashes and no host"),
        ("file://localhost/lake", "three slashes and no host"),
        ("local://localhost/lake", "three slashes and no host"),
        ("FILE:///lake", "Write file://, in lower case"),
        ("S3://bucket/x", "Write s3://, in lower case"),
        ("Gs://bucket/x", "Write gs://, in lower case"),
        ("s3:///x", "Write s3://bucket/docs, with two slashes"),
        ("s3://", "it names no bucket"),
        ("s3:/x", "it names no bucket"),
        ("s3:x", "it names no bucket"),
        ("gs:/bucket/x", "Write gs://bucket/docs"),
        ("abfs:///x", "Write abfs://bucket/docs"),
        ("s3://aws_lake@/x", "it names no bucket"),
        ("s3://@bucket/x", "no connection before '@'"),
        ("s3://buc ket/x", "'buc ket' cannot be the name of a bucket"),
        ("s3://buc*/x", "cannot be the name of a bucket"),
        ("s3://[x]/y", "cannot be the name of a bucket"),
        ("s3://bückêt/x", "cannot be the name of a bucket"),
        ("/" + "x" * 256, "longer than 255 bytes"),
        ("file:///" + "é" * 128, "longer than 255 bytes"),
    ],
)
def test_a_path_with_a_wrong_start_is_refused_with_what_to_write(
    connections: Simulator, path: str, said: str
) -> None:
    assert said in _refused_twice(path)
    assert connections.requests == []


@pytest.mark.parametrize(
    "path",
    [
        "s3://AKIA:s3cret@bucket/x",
        "s3://AKIA:s3c/s3cret@bucket/x",
        "s3://AKIA:s3cret@bucket/{oops}",
        "s3://AKIA:s3cret@bucket//x",
        "S3://AKIA:s3cret@bucket/x",
        "s3:/AKIA:s3cret@bucket/x",
        "s3:///AKIA:s3cret@bucket/x",
        "sftp://me:s3cret@host/{date_from:%s}",
        "file://me:s3cret@host/x",
    ],
)
def test_a_password_is_not_quoted_whatever_else_is_wrong(connections: Simulator, path: str) -> None:
    with pytest.raises(ConfigError, match="path carries a user with a password") as parsed:
        _operator(path)
    with pytest.raises(REFUSED, match="path carries a user with a password") as run:
        _rendered("{{ path }}", path).execute({})
    assert "s3c" not in f"{parsed.value!r} {run.value!r}"


NAMES = [
    "*",
    "[x]",
    "a b",
    "%2F",
    "%2e%2e",
    "~",
    "$HOME",
    "NUL",
    "a\\b",
    "a:b",
    "a@b",
    "a;b&c=d+e,f",
    "'\"|<x>",
    "x.",
    ".x",
    "...",
    "{{x}}",
    "x" * 255,
    "no\u00a0break",
    "\U0001f468\u200d\U0001f469",
    "\N{GRINNING FACE}",
    unicodedata.normalize("NFC", "é"),
    unicodedata.normalize("NFD", "é"),
]
ON_DISK = ["a?b", "a?", "a#b", "a#", "a::b", "a::memory:", "a?versionId=1"]


@pytest.mark.parametrize("name", [*NAMES, *ON_DISK])
def test_a_directory_on_disk_has_the_name_in_the_path(
    connections: Simulator, tmp_path: Path, name: str
) -> None:
    results = [_rendered("{{ path }}", f"{tmp_path}/a/{name}").execute({})]
    if name not in ON_DISK:
        results.append(_rendered("{{ path }}", f"file://{tmp_path}/b/{name}/").execute({}))
    literal = name.replace("{{", "{").replace("}}", "}")
    for result, top in zip(results, "ab", strict=False):
        assert result["path"].endswith(f"{tmp_path}/{top}/{literal}")
        assert [each.name for each in (tmp_path / top).iterdir()] == [literal]
        assert len(list((tmp_path / top / literal).iterdir())) == 2
        assert (tmp_path / top / literal / "_manifest.json").is_file()


@pytest.mark.parametrize("name", NAMES)
def test_a_directory_in_s3_has_the_name_in_the_path(
    connections: Simulator, lake: ObjectStoragePath, name: str
) -> None:
    top = f"names/{NAMES.index(name)}"
    result = _rendered("{{ path }}", f"s3://aws_lake@bucket/{top}/{name}").execute({})
    literal = name.replace("{{", "{").replace("}}", "}")
    found = sorted(lake.fs.find(f"bucket/{top}"))
    assert [key.rpartition("/")[0] for key in found] == [f"bucket/{top}/{literal}"] * 2
    assert result["uris"] == [f"s3://{found[1]}"]
    assert found[0].endswith("/_manifest.json")


@pytest.mark.parametrize(("bucket", "slash"), [("paths", ""), ("paths2", "/")])
def test_a_bucket_may_hold_one_export_at_its_root(
    connections: Simulator, lake: ObjectStoragePath, bucket: str, slash: str
) -> None:
    lake.fs.makedirs(bucket, exist_ok=True)
    result = _operator(f"s3://aws_lake@{bucket}{slash}").execute({})
    assert result["manifest"] == f"s3://aws_lake@{bucket}/_manifest.json"
    assert lake.fs.exists(f"{bucket}/_manifest.json")


# What is no text, and what templates give


def test_a_path_object_is_converted_to_its_text(
    connections: Simulator, lake: ObjectStoragePath, tmp_path: Path
) -> None:
    in_s3 = ObjectStoragePath("s3://bucket/object", conn_id="aws_lake")
    for given in (in_s3, tmp_path / "{endpoint}", PurePosixPath(tmp_path) / "pure"):
        for operator in (_operator(given), _rendered("{{ path }}", given)):
            operator.render_template_fields({})
            result = operator.execute({})
            assert result["path"] == str(given).replace("{endpoint}", "views")
    assert str(in_s3) == "s3://aws_lake@bucket/object"


def test_an_object_storage_path_with_options_is_refused_since_they_would_be_lost() -> None:
    given = ObjectStoragePath("s3://bucket/object", conn_id="aws_lake", anon=True)
    with pytest.raises(ConfigError, match="with storage options, which would be lost"):
        _operator(given)


@pytest.mark.parametrize("path", [None, 5, 1.5, True, b"/x", ["/x"], {}, Path("s3://bucket/x")])
def test_a_value_that_is_not_a_path_is_refused(connections: Simulator, path: Any) -> None:
    with pytest.raises(ConfigError, match="path="):
        _operator(path)
    with pytest.raises(REFUSED, match="path="):
        _rendered("{{ path }}", path).execute({})
    assert connections.requests == []


def test_a_path_with_a_template_is_checked_when_the_task_runs(
    connections: Simulator, tmp_path: Path
) -> None:
    with DAG("paths", schedule=None, render_template_as_native_obj=True):
        for task_id, text in enumerate(("{{ x }}", "s3://{{ x }}/y", "{% if x %}/y{% endif %}")):
            _operator(text, task_id=str(task_id))
        number = _operator("{{ 7 }}", task_id="number")
        upstream = _operator("/x", task_id="upstream")
        _operator(upstream.output, task_id="downstream")
        mapped = MintlifyExportOperator.partial(task_id="mapped", endpoint="views", **DAY)
        mapped = mapped.expand(path=["s3:///x"])
    number.render_template_fields({})
    with pytest.raises(REFUSED, match="path='7': it depends on where"):
        number.execute({})
    unmapped = mapped.unmap({"path": "s3:///x"})
    with pytest.raises(REFUSED, match="it names no bucket"):
        unmapped.execute({})
    assert connections.requests == []


@pytest.mark.parametrize(
    "directive",
    [*"aAbBcpxXshrPkltnQ+", "Ey", "Od", ":z", "5Y", "^b", "#Z", "0d", "_d", "", "-", "-%", "é"],
)
def test_a_date_format_that_depends_on_the_worker_is_refused(directive: str) -> None:
    for path in (f"/x/{{date_from:%Y%{directive}}}", f"/x/{{date_to:%{directive}}}"):
        with pytest.raises(ConfigError, match="does not give the same text on every worker"):
            _operator(path)


@pytest.mark.parametrize(
    ("form", "label"),
    [
        ("%Y-%m-%dT%H%M%S.%f", "2026-01-10T000000.000000"),
        ("%-d.%-m.%y", "10.1.26"),
        ("%G-W%V-%u", "2026-W02-6"),
        ("%j %U %W %w", "010 01 01 6"),
        ("%F %T%z", "2026-01-10 00:00:00+0000"),
        ("%Z %I %R", "UTC 12 00:00"),
        ("100%% %e", "100% 10"),
    ],
)
def test_a_date_is_written_the_same_on_every_worker(
    connections: Simulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    form: str,
    label: str,
) -> None:
    for zone in ("Asia/Tokyo", "America/New_York"):
        monkeypatch.setenv("TZ", zone)
        _operator(f"{tmp_path}/{{date_from:{form}}}").execute({})
        assert [path.name for path in tmp_path.iterdir()] == [label]


# What is there


@pytest.mark.parametrize("below", ["file", "file/below", "loop", "link/below", "nowhere"])
@pytest.mark.parametrize("scheme", ["", "file://"])
@pytest.mark.parametrize("endpoint", ["views", "threads"])
def test_a_file_in_the_directorys_place_is_refused_before_the_first_request(
    connections: Simulator, tmp_path: Path, endpoint: str, scheme: str, below: str
) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    arguments: dict[str, Any] = {"endpoint": endpoint}
    if endpoint == "threads":
        arguments |= {"thread_ids": ["x"], "date_from": None, "date_to": None}
    with pytest.raises(REFUSED, match="cannot be a directory"):
        _operator(f"{scheme}{tmp_path}/{below}", **arguments).execute({})
    assert connections.requests == []
    assert (tmp_path / "file").read_text() == "mine"


def test_a_directory_may_be_a_link(connections: Simulator, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there")
    for _ in range(2):
        assert _operator(f"{tmp_path}/link").execute({})["rows"] > 0
    assert len(list((tmp_path / "there").iterdir())) == 2


def test_a_directory_without_write_permission_costs_no_request(connections: Simulator) -> None:
    with pytest.raises(StorageError, match="could not make the directory"):
        _operator("/sys/docs").execute({})
    assert connections.requests == []
