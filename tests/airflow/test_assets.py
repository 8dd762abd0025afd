from __future__ import annotations

import pytest
from airflow import __version__ as airflow_version
from airflow.providers.common.compat.sdk import Asset

from airflow_provider_docsanalytics.assets import mintlify_asset, vyom_asset


def test_assets_are_named_by_service_and_endpoint() -> None:
    assert mintlify_asset(project_id="acme", endpoint="views").uri == "mintlify://acme/views"
    assert (
        vyom_asset(endpoint="dashboard", host="v.example.com").uri
        == "vyom://v.example.com/dashboard"
    )
    assert vyom_asset(endpoint="dashboard").uri == (
        "vyom://api-livekit-vyom.indusnettechnologies.com/dashboard"
    )
    assert mintlify_asset(project_id="acme", endpoint="views", extra={"a": 1}).extra == {"a": 1}


@pytest.mark.parametrize(
    "uri",
    [
        "mintlify://acme",
        "mintlify:///views",
        "mintlify://acme/dashboard",
        "mintlify://acme/views/2026",
        "mintlify://acme/views?day=1",
        "vyom://v.example.com/views",
    ],
)
def test_a_uri_that_names_no_endpoint_is_refused_when_the_dag_is_parsed(uri: str) -> None:
    complaint = "with an endpoint of"
    if airflow_version.startswith("2."):  # there it is a warning
        with pytest.warns(UserWarning, match=complaint):
            Asset(uri=uri)
    else:
        with pytest.raises(ValueError, match=complaint):
            Asset(uri=uri)
