"""``storage_options``: what a bucket's policy requires beyond the connection."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_docsanalytics.errors import ConfigError, StorageError, StorageRefused
from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator
from airflow_provider_docsanalytics.operators.vyom import VyomExportOperator
from tests.reliability.s3_rights import Policy, proxy, set_policy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.providers.common.compat.sdk import ObjectStoragePath

    from airflow_provider_docsanalytics.simulator import Simulator

pytestmark = pytest.mark.usefixtures("connections", "lake")
KMS_KEY = "arn:aws:kms:eu-west-1:123456789012:key/lake"
ENCRYPTED = {
    "s3_additional_kwargs": {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": KMS_KEY},
}


@pytest.fixture
def url(
    s3_url: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[str]:
    """A proxy in front of S3, behind the connection ``aws_door_…``: Airflow keeps file systems."""
    with proxy(s3_url) as url:
        extra = {"endpoint_url": url, "region_name": "us-east-1"}
        aws = {"conn_type": "aws", "login": "k", "password": "s", "extra": extra}
        monkeypatch.setenv(f"AIRFLOW_CONN_{_conn_id(request.node.name).upper()}", json.dumps(aws))
        yield url


@pytest.fixture
def conn_id(request: pytest.FixtureRequest, url: str) -> str:
    return _conn_id(request.node.name)


def _conn_id(name: str) -> str:
    return "".join(char if char.isalnum() else "_" for char in name).lower()


def _operator(name: str, conn_id: str, **arguments: Any) -> MintlifyExportOperator:
    return MintlifyExportOperator(
        task_id="export",
        endpoint="views",
        path=f"s3://bucket/options/{name}",
        date_from="2026-01-01",
        date_to="2026-01-03",
        storage_conn_id=conn_id,
        **arguments,
    )


def test_a_bucket_that_requires_encryption_accepts_an_export_and_its_repetition(
    url: str, conn_id: str, lake: ObjectStoragePath, connections: Simulator
) -> None:
    set_policy(url, Policy(kms_key=KMS_KEY))
    with pytest.raises(StorageRefused, match="storage_options"):
        _operator("kms", conn_id).execute({})
    assert connections.requests == []
    for _ in range(2):
        result = _operator("kms", conn_id, storage_options=ENCRYPTED).execute({})
    names = {path.name for path in (lake / "options" / "kms").iterdir()}
    assert len(names) == result["files"] + 1
    assert KMS_KEY not in (lake / "options" / "kms" / "_manifest.json").read_text()


def test_a_requester_pays_bucket_accepts_an_export_and_its_repetition(
    url: str, conn_id: str
) -> None:
    set_policy(url, Policy(requester_pays=True))
    for _ in range(2):
        result = _operator("pays", conn_id, storage_options={"requester_pays": True}).execute({})
    assert result["rows"] > 0


def test_options_are_rendered_and_are_not_part_of_an_exports_identity(
    url: str, conn_id: str
) -> None:
    set_policy(url, Policy(kms_key=KMS_KEY))
    kms = {**ENCRYPTED["s3_additional_kwargs"], "SSEKMSKeyId": "{{ key }}"}
    operator = _operator("rendered", conn_id, storage_options={"s3_additional_kwargs": kms})
    operator.render_template_fields({"key": KMS_KEY})
    operator.execute({})
    set_policy(url, Policy())
    _operator("rendered", conn_id).execute({})  # is not refused as another export


def test_the_connections_own_options_are_kept(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its proxy, which is not there, is asked also where a member beside it is set."""
    nobody = {"http": "http://127.0.0.1:9"}
    config = {"proxies": nobody, "retries": {"max_attempts": 0}}
    extra = {"endpoint_url": s3_url, "region_name": "us-east-1", "config_kwargs": config}
    aws = {"conn_type": "aws", "login": "k", "password": "s", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_PROXIED", json.dumps(aws))
    options = {"config_kwargs": {"connect_timeout": 7}}
    with pytest.raises(StorageError, match=r"127\.0\.0\.1:9"):
        _operator("merged", "aws_proxied", storage_options=options).execute({})


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (
            {"s3_aditional_kwargs": {}},
            "S3FileSystem has no option s3_aditional_kwargs.\nUse its options:",
        ),
        ("requester_pays", "storage_options is str, not a dict"),
        ([1], "storage_options is list, not a dict"),
    ],
)
def test_an_unknown_option_is_refused_before_the_first_request(
    options: Any, why: str, connections: Simulator
) -> None:
    with pytest.raises((ConfigError, AirflowFailException), match=why):
        _operator("never", "aws_lake", storage_options=options).execute({})
    assert connections.requests == []


def test_other_storages_accept_their_own_options(tmp_path: Any) -> None:
    def export(options: dict[str, Any]) -> dict[str, Any]:
        return VyomExportOperator(
            task_id="export",
            endpoint="dashboard",
            path=f"file://{tmp_path}/out",
            date_from="2026-01-01",
            date_to="2026-01-03",
            storage_options=options,
        ).execute({})

    assert export({"auto_mkdir": True})["files"] == 1
