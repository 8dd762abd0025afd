"""What crosses Airflow's database: triggers without secrets, events that are checked."""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_docsanalytics.assets import mintlify_asset, vyom_asset
from airflow_provider_docsanalytics.operators._waiting import Resumed
from airflow_provider_docsanalytics.sensors.mintlify import MintlifyConversationSensor
from airflow_provider_docsanalytics.triggers.mintlify import MintlifyConversationTrigger
from airflow_provider_docsanalytics.triggers.wait import WaitTrigger
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_0_PLUS
from tests.security.conftest import KEY

refuses_assets = pytest.mark.skipif(
    not AIRFLOW_V_3_0_PLUS, reason="Airflow 2 warns of malformed asset URIs and takes them"
)

EVENTS: list[Any] = [
    None,
    "waited",
    [],
    {},
    {"status": "done"},
    {"status": ["waited"]},
]


@pytest.mark.parametrize(
    "event",
    [
        *EVENTS,
        {"status": "waited"},
        {"status": "waited", "waits": "1"},
        {"status": "waited", "waits": True},
        {"status": "waited", "waits": -1},
        {"status": "waited", "waits": 1.5},
        {"status": "waited", "waits": None, "x": "x" * 1_000_000},
    ],
)
def test_a_resume_by_anything_but_a_wait_is_refused(event: Any) -> None:
    with pytest.raises(AirflowException, match="no wait of this provider") as refused:
        Resumed.from_event(event)
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize("event", EVENTS)
def test_a_sensor_resumed_by_anything_but_its_trigger_fails(event: Any) -> None:
    sensor = MintlifyConversationSensor(task_id="sensor")
    with pytest.raises(AirflowException, match="does not send"):
        sensor.execute_complete({}, event)


@pytest.mark.parametrize(
    "trigger",
    [
        MintlifyConversationTrigger(since="2026-01-01T00:00:00.000Z"),
        WaitTrigger("2026-01-01T00:00:00+00:00", 1),
    ],
)
def test_a_trigger_carries_the_connections_name_and_no_more(
    trigger: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = {"conn_type": "mintlify", "login": "p", "password": KEY}
    monkeypatch.setenv("AIRFLOW_CONN_MINTLIFY_DEFAULT", json.dumps(connection))
    stored = json.dumps(trigger.serialize())
    assert KEY not in stored
    allowed = {"since", "minimum", "resolution_status", "project_id", "mintlify_conn_id"}
    allowed |= {"poke_interval_s", "once", "not_before", "until", "waits", "quota_share"}
    assert set(trigger.serialize()[1]) <= allowed


@refuses_assets
@pytest.mark.parametrize("project", ["a/../b", "a?b", "a#b/views", "../x", "", "a b/c"])
def test_an_asset_of_a_project_that_is_none_is_refused(project: str) -> None:
    with pytest.raises(ValueError, match="endpoint"):
        mintlify_asset(project_id=project, endpoint="views")


@refuses_assets
def test_an_asset_of_an_endpoint_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="endpoint"):
        vyom_asset(endpoint="dashboard/../../x")
