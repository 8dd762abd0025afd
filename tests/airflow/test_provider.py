from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import airflow
import jsonschema
import pytest

from airflow_provider_docsanalytics import __version__, _airflow_retry
from airflow_provider_docsanalytics.errors import (
    LONGEST_RETRY_AFTER,
    ApiError,
    AuthError,
    BadResponse,
    ConfigError,
    RateLimited,
    ServerError,
    Superseded,
    Unreachable,
)
from airflow_provider_docsanalytics.get_provider_info import get_provider_info
from airflow_provider_docsanalytics.hooks._connection import EXTRA_FIELDS
from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook
from airflow_provider_docsanalytics.hooks.vyom import VyomHook
from airflow_provider_docsanalytics.operators.lake import LakeAuditOperator, LakeReportOperator
from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator
from airflow_provider_docsanalytics.operators.vyom import VyomExportOperator
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_3_PLUS, AIRFLOW_V_3_4_PLUS

HOOKS = {"mintlify": MintlifyHook, "vyom": VyomHook}
OPERATORS = (MintlifyExportOperator, VyomExportOperator)


def test_the_provider_info_is_valid_against_airflows_schema() -> None:
    schema = json.loads(Path(airflow.__file__).with_name("provider_info.schema.json").read_text())
    info = get_provider_info()
    jsonschema.validate(info, schema)
    assert info["versions"] == [__version__]


def test_airflow_finds_the_provider_and_its_hooks() -> None:
    from airflow.providers_manager import ProvidersManager

    manager = ProvidersManager()
    assert "airflow-provider-docsanalytics" in manager.providers
    for kind, hook in HOOKS.items():
        found = manager.hooks[kind]
        assert found is not None
        assert found.hook_class_name.endswith(hook.__name__)
        assert found.connection_id_attribute_name == f"{kind}_conn_id"


def test_every_module_that_the_provider_info_names_can_be_imported() -> None:
    info = get_provider_info()
    for kind in ("hooks", "operators", "sensors", "triggers", "retry-policies"):
        for entry in info[kind]:
            for module in entry["python-modules"]:
                assert importlib.import_module(module)


def test_every_link_of_an_operator_is_declared() -> None:
    """Airflow 2 shows no other."""
    used = {
        type(link)
        for operator in (*OPERATORS, LakeAuditOperator, LakeReportOperator)
        for link in operator.operator_extra_links
    }
    declared = get_provider_info()["extra-links"]
    assert sorted(declared) == sorted(f"{link.__module__}.{link.__name__}" for link in used)


@pytest.mark.parametrize("kind", HOOKS)
def test_the_form_is_the_same_declared_either_way(kind: str) -> None:
    """Airflow 3.2+ reads the metadata, older ones ask the hook."""
    (declared,) = [
        entry
        for entry in get_provider_info()["connection-types"]
        if entry["connection-type"] == kind
    ]
    hook = HOOKS[kind]
    assert declared["hook-name"] == hook.hook_name
    assert hook.conn_type == kind
    behaviour = hook.get_ui_field_behaviour()
    assert declared["ui-field-behaviour"] == {
        name.replace("_", "-"): value for name, value in behaviour.items()
    }
    assert list(declared["conn-fields"]) == list(EXTRA_FIELDS)
    hidden = set(behaviour["hidden_fields"])
    assert not hidden & {"host", "port", "password"}  # Test of Airflow 3.3.1 and 3.3.2 needs a port
    assert ("login" in hidden) is (kind == "vyom")
    assert not hidden & set(behaviour["relabeling"])


@pytest.mark.skipif(
    airflow.__version__.startswith("3.0."),
    reason="Airflow 3.0 shows the fields of providers only beside Flask AppBuilder",
)
def test_airflows_own_form_has_what_is_declared() -> None:
    """Airflow before 3.2 does not see methods that a hook inherits."""
    script = Path(__file__).with_name("forms.py")  # Airflow 3 stands mocks in for FAB in there
    told = subprocess.run([sys.executable, script], capture_output=True, check=True)
    forms = json.loads(told.stdout.splitlines()[-1])
    for kind, hook in HOOKS.items():
        assert forms[kind]["labels"] == hook.get_ui_field_behaviour()["relabeling"]
        assert forms[kind]["extra"] == {name: each.label for name, each in EXTRA_FIELDS.items()}


@pytest.mark.parametrize("operator", OPERATORS)
def test_every_template_field_is_an_attribute_and_a_parameter(operator: Any) -> None:
    made = operator(task_id="t", endpoint="{{ params.x }}", path="/x")
    parameters = {
        name
        for kind in operator.__mro__
        if "__init__" in vars(kind)
        for name in inspect.signature(kind.__init__).parameters
    }
    for field in operator.template_fields:
        assert hasattr(made, field)
        assert field in parameters
    assert f"{operator.__module__.rsplit('.', 1)[-1]}_conn_id" in operator.template_fields


@pytest.mark.parametrize("operator", OPERATORS)
def test_creating_an_operator_keeps_templates_and_reads_nothing(operator: Any) -> None:
    made = operator(task_id="t", endpoint="{{ params.x }}", path="{{ y }}", date_from="{{ z }}")
    assert made.endpoint == "{{ params.x }}"


def test_default_args_reach_the_operator_and_its_base() -> None:
    from airflow.providers.common.compat.sdk import DAG

    defaults = {
        "path": "/everything",
        "lookback": timedelta(days=1),
        "mintlify_conn_id": "other",
        "retries": 7,
    }
    with DAG("d", schedule=None, default_args=defaults):
        made = MintlifyExportOperator(task_id="t", endpoint="views")
    assert (made.path, made.lookback) == ("/everything", timedelta(days=1))
    assert (made.mintlify_conn_id, made.retries) == ("other", 7)


NON_RETRYABLE = [
    ConfigError("x"),
    AuthError(401, "views", "x"),
    AuthError(403, "views", "x"),
    Superseded("x"),
]
RETRYABLE = [
    ServerError(500, "views", "x"),
    Unreachable("x"),
    BadResponse("x"),
    ApiError(400, "views", "x"),
    RateLimited(429, "views", "x"),
]


@pytest.mark.skipif(not AIRFLOW_V_3_3_PLUS, reason="retry policies came with Airflow 3.3")
class TestRetryPolicy:
    def test_a_non_retryable_error_fails_at_once(self) -> None:
        for error in NON_RETRYABLE:
            decision = _airflow_retry.DEFAULT_RETRY_POLICY.evaluate(error, 1, 3)
            assert decision.action.value == "fail"

    def test_a_spent_quota_is_retried_when_it_returns(self) -> None:
        told = RateLimited(429, "views", "x", retry_after_s=1234)
        decision = _airflow_retry.DEFAULT_RETRY_POLICY.evaluate(told, 1, 3)
        assert decision.action.value == ("reschedule" if AIRFLOW_V_3_4_PLUS else "retry")
        assert timedelta(seconds=1234) < decision.retry_delay <= timedelta(seconds=1239)

    def test_the_backoff_for_a_quota_without_retry_after_doubles_up_to_a_bound(self) -> None:
        silent = RateLimited(429, "views", "x")
        delays = [
            _airflow_retry.DEFAULT_RETRY_POLICY.evaluate(
                silent, number, 99
            ).retry_delay.total_seconds()
            for number in range(1, 9)
        ]
        assert delays == [60, 120, 240, 480, 900, 900, 900, 900]

    @pytest.mark.skipif(not AIRFLOW_V_3_4_PLUS, reason="reschedules came with Airflow 3.4")
    def test_a_wait_uses_no_retry_and_ends_after_the_longest_that_a_service_may_request(
        self,
    ) -> None:
        for error in (
            RateLimited(429, "views", "x", retry_after_s=1),
            RateLimited(429, "views", "x"),
            ServerError(503, "views", "x", retry_after_s=LONGEST_RETRY_AFTER.total_seconds()),
        ):
            decision = _airflow_retry.DEFAULT_RETRY_POLICY.evaluate(error, 1, 0)
            assert decision.reschedule_timeout == LONGEST_RETRY_AFTER
            assert decision.retry_delay >= timedelta(minutes=1)

    def test_the_backoff_grows_with_each_reschedule_of_one_try(self) -> None:
        silent = RateLimited(429, "views", "x")
        delays = [
            _airflow_retry.DEFAULT_RETRY_POLICY.evaluate(
                silent, 1, 0, {"task_reschedule_count": count}
            ).retry_delay.total_seconds()
            for count in (0, 1, 2, 9)
        ]
        assert delays == [60, 120, 240, 900]

    def test_other_errors_are_retried_as_the_task_says(self) -> None:
        for error in [*RETRYABLE[:-1], RuntimeError("x")]:
            decision = _airflow_retry.DEFAULT_RETRY_POLICY.evaluate(error, 1, 3)
            assert decision.action.value == "default"

    def test_the_retry_policy_is_the_default_and_default_args_win(self) -> None:
        from airflow.sdk import DAG

        made = MintlifyExportOperator(task_id="t", endpoint="views", path="/x")
        assert made.retry_policy is _airflow_retry.DEFAULT_RETRY_POLICY
        other = _airflow_retry.DocsAnalyticsRetryPolicy()
        with DAG("d", schedule=None, default_args={"retry_policy": other}):
            made = MintlifyExportOperator(task_id="t", endpoint="views", path="/x")
        assert made.retry_policy is other


def test_errors_reach_airflow_as_its_version_can_handle_them() -> None:
    from airflow.providers.common.compat.sdk import AirflowFailException

    for error in NON_RETRYABLE:
        expected = type(error) if AIRFLOW_V_3_3_PLUS else AirflowFailException
        with pytest.raises(expected, match="x"), _airflow_retry.airflow_failures():
            raise error
    for error in RETRYABLE:
        with pytest.raises(type(error)), _airflow_retry.airflow_failures():
            raise error
