"""Airflow's database, and connections to the simulator as a deployment would have them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import ObjectStoragePath

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.simulator import Simulator


@pytest.fixture
def connections(service: Simulator, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """The simulator, behind ``mintlify_default`` and ``vyom_default``."""
    connect(monkeypatch, "mintlify", service)
    connect(monkeypatch, "vyom", service)
    return service


@pytest.fixture
def lake(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> ObjectStoragePath:
    """The bucket ``s3://bucket``, behind the connection ``aws_lake``."""
    extra = {"endpoint_url": s3_url, "region_name": "us-east-1"}
    aws = {"conn_type": "aws", "login": "k", "password": "s", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_LAKE", json.dumps(aws))
    root = ObjectStoragePath("s3://bucket", conn_id="aws_lake")
    root.fs.makedirs("bucket", exist_ok=True)
    return root


def connect(
    monkeypatch: pytest.MonkeyPatch, platform: str, service: Simulator, **fields: Any
) -> None:
    """Define the platform's default connection, as an environment variable does."""
    usual = {
        "mintlify": {"login": service.project_id, "password": service.mintlify_key},
        "vyom": {"password": service.vyom_key},
    }[platform]
    connection = {"conn_type": platform, "host": service.url} | usual | fields
    monkeypatch.setenv(f"AIRFLOW_CONN_{platform.upper()}_DEFAULT", json.dumps(connection))
