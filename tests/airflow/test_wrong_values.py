"""Every parameter of every public class with values of every type: right, or a ``ConfigError``.

``RIGHT`` says which values of ``VALUES`` are right for a parameter; every other one is refused when
the Dag is parsed, and, if another task gives it, before the first request.
"""

from __future__ import annotations

import inspect
from collections import OrderedDict
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, ObjectStoragePath

from airflow_provider_docsanalytics.errors import ConfigError, DocsAnalyticsError
from airflow_provider_docsanalytics.hooks.mintlify import MintlifyHook
from airflow_provider_docsanalytics.hooks.vyom import VyomHook
from airflow_provider_docsanalytics.operators._export import ExportOperator
from airflow_provider_docsanalytics.operators.lake import LakeAuditOperator, LakeReportOperator
from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator
from airflow_provider_docsanalytics.operators.vyom import VyomExportOperator
from airflow_provider_docsanalytics.sensors.mintlify import MintlifyConversationSensor
from airflow_provider_docsanalytics.triggers.mintlify import MintlifyConversationTrigger
from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_3_PLUS
from airflow_provider_docsanalytics.window import DateWindow

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_docsanalytics.simulator import Simulator

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)
VALUES: dict[str, Any] = {
    "None": None,
    "True": True,
    "False": False,
    "0": 0,
    "-1": -1,
    "7": 7,
    "huge int": 10**400,
    "1.5": 1.5,
    "nan": float("nan"),
    "inf": float("inf"),
    "Decimal": Decimal(1),
    "complex": 3j,
    "empty text": "",
    "space": " ",
    "'None'": "None",
    "text": "word",
    "huge text": "x" * 100_000,
    "NUL": "a\0b",
    "line break": "a\nb",
    "surrogate": "\ud800",
    "unclosed brace": "/lake/{date_from",
    "text of a date": "2026-01-10",
    "bytes": b"word",
    "empty list": [],
    "list of text": ["word"],
    "list of None": [None],
    "list of lists": [[]],
    "tuple": ("word",),
    "set": {"word"},
    "range": range(3),
    "empty dict": {},
    "dict": {"word": "word"},
    "OrderedDict": OrderedDict(word=[None]),
    "dict of int": {1: "word"},
    "object": object(),
    "class": dict,
    "function": len,
    "iterator": iter(["word"]),
    "0 h": timedelta(0),
    "1 h": timedelta(hours=1),
    "-1 h": timedelta(hours=-1),
    "huge timedelta": timedelta.max,
    "date": date(2026, 1, 10),
    "time": time(12),
    "naive": datetime(2026, 1, 10, 12),  # noqa: DTZ001 - means UTC
    "aware": NOON,
    "last datetime": datetime.max,  # noqa: DTZ901 - out of range on purpose
    "relative Path": PurePosixPath("lake/x"),
    "Path": Path("/lake/x"),
    "ObjectStoragePath": ObjectStoragePath("file:///lake/x"),
    "window": DateWindow.parse("2026-01-10", "2026-01-11"),
}
ANY_TEXT = {"text", "text of a date", "unclosed brace", "huge text"}
FLAGS = {"True", "False"}
DATES = {"text of a date", "date", "naive", "aware"}
LISTS = {"empty list", "list of text", "tuple", "set", "range"}
IDS = {"text", "text of a date", "0", "-1", "7"}
CURSOR = {"None", "NUL", "line break"} | ANY_TEXT
SHARES: set[str] = set()  # 1.0 is one, 7 and 1.5 are none
POLICY = {"None"} if AIRFLOW_V_3_3_PLUS else set(VALUES)
OUTPUT: dict[str, set[str]] = {
    "endpoint": set(),
    "path": {"Path", "ObjectStoragePath"},
    "storage_conn_id": ANY_TEXT | {"None"},
    "storage_options": {"None", "empty dict", "dict", "OrderedDict"},
    "date_from": DATES | {"None"},
    "date_to": DATES | {"None"},
    "lookback": {"None", "0 h", "1 h"},
    "settle": {"0 h", "1 h"},
    "filters": {"None", "empty dict"},
    "file_format": set(),
    "compression": {"None"},
    "escape_formulas": {"False"},
    "pages_per_file": {"7", "huge int"},
    "page_size": {"None", "7"},
    "if_exists": set(),
    "deferrable": FLAGS,
    "partitioned": FLAGS,
    "quota_share": SHARES,
    "retry_policy": POLICY,
}
CONDITION: dict[str, set[str]] = {
    "since": DATES | {"None"},
    "minimum": {"7"},
    "resolution_status": {"None"},
    "project_id": IDS | {"None"},
    "mintlify_conn_id": ANY_TEXT,
}
SELECTION: dict[str, set[str]] = {
    "endpoint": set(),
    "project_id": IDS | {"None"},
    "filters": {"None", "empty dict"},
    "thread_ids": {"None"},
    "page_size": {"None", "7"},
}
PAGES = SELECTION | {"date_from": DATES, "date_to": {"None"}, "cursor": CURSOR}


def _made(kind: Any, **usual: Any) -> Callable[..., Any]:
    return lambda **arguments: kind(**usual | arguments)


def _called(kind: Any, method: str, **usual: Any) -> Callable[..., Any]:
    return lambda **arguments: getattr(kind(), method)(**usual | arguments)


EXPORT = {"task_id": "task", "endpoint": "feedback", "path": "/lake/{endpoint}"}
CALLS = EXPORT | {"endpoint": "dashboard"}
SENSOR = {"task_id": "task", "since": "2026-01-10"}
PAGE = {
    "lake": "/lake",
    "report": "/page.html",
    "date_from": "2026-01-05",
    "date_to": "2026-01-12",
}
PUBLIC: dict[str, tuple[Callable[..., Any], Any, dict[str, set[str]]]] = {
    "MintlifyExportOperator": (
        _made(MintlifyExportOperator, **EXPORT),
        MintlifyExportOperator.__init__,
        OUTPUT
        | {
            "split": {"None"},
            "project_id": IDS | {"None"},
            "thread_ids": {"None"},
            "mintlify_conn_id": ANY_TEXT,
        },
    ),
    "MintlifyExportOperator, threads": (
        _made(MintlifyExportOperator, **EXPORT | {"endpoint": "threads", "thread_ids": ["1"]}),
        None,
        {"thread_ids": LISTS, "date_from": {"None"}, "lookback": {"None"}, "page_size": {"None"}},
    ),
    "VyomExportOperator": (
        _made(VyomExportOperator, **CALLS),
        VyomExportOperator.__init__,
        OUTPUT | {"vyom_conn_id": ANY_TEXT, "page_size": {"None"}},
    ),
    "LakeAuditOperator": (
        _made(LakeAuditOperator, task_id="task", lake="/lake"),
        LakeAuditOperator.__init__,
        {
            "lake": {"Path", "ObjectStoragePath"},
            "storage_conn_id": ANY_TEXT | {"None"},
            "deep": FLAGS,
            "since": DATES | {"None"},
            "until": DATES | {"None"},
            "every": {"None", "1 h"},
            "fail_on": set(),
            "report": {"None", "Path", "ObjectStoragePath"},
            "retry_policy": POLICY,
        },
    ),
    "LakeReportOperator": (
        _made(LakeReportOperator, task_id="task", **PAGE),
        LakeReportOperator.__init__,
        {
            "lake": {"Path", "ObjectStoragePath"},
            "report": set(),
            "storage_conn_id": ANY_TEXT | {"None"},
            "date_from": DATES,
            "date_to": DATES,
            "base_url": {"None"},
            "retry_policy": POLICY,
        },
    ),
    "MintlifyConversationSensor": (
        _made(MintlifyConversationSensor, **SENSOR),
        MintlifyConversationSensor.__init__,
        CONDITION
        | {
            "deferrable": FLAGS,
            "poke_interval": {"1 h", "7", "1.5"},
            "quota_share": SHARES,
            "retry_policy": POLICY,
        },
    ),
    "MintlifyConversationTrigger": (
        _made(MintlifyConversationTrigger, since="2026-01-10"),
        MintlifyConversationTrigger.__init__,
        CONDITION
        | {
            "poke_interval_s": {"1 h", "7", "1.5"},
            "once": FLAGS,
            "not_before": DATES | {"None"},
            "failures": {"0", "7", "huge int"},
            "silent_fail": FLAGS,
            "quota_share": SHARES,
        },
    ),
    "MintlifyHook": (
        _made(MintlifyHook),
        MintlifyHook.__init__,
        {"mintlify_conn_id": ANY_TEXT, "quota_share": SHARES},
    ),
    "VyomHook": (
        _made(VyomHook),
        VyomHook.__init__,
        {"vyom_conn_id": ANY_TEXT, "quota_share": SHARES},
    ),
    "select": (
        _called(MintlifyHook, "select", endpoint="feedback"),
        MintlifyHook.select,
        SELECTION | {"window": {"None", "window"}},
    ),
    "iter_pages": (
        _called(MintlifyHook, "iter_pages", endpoint="feedback", date_from="2026-01-10"),
        MintlifyHook.iter_pages,
        PAGES
        | {"date_from": DATES | {"None"}, "date_to": DATES - {"text of a date", "date"} | {"None"}},
    ),
    "iter_rows": (
        _called(MintlifyHook, "iter_rows", endpoint="feedback", date_from="2026-01-10"),
        MintlifyHook.iter_rows,
        PAGES
        | {"date_from": DATES | {"None"}, "date_to": DATES - {"text of a date", "date"} | {"None"}},
    ),
    "fetch_turns": (
        _called(MintlifyHook, "fetch_turns", since="2026-01-10"),
        MintlifyHook.fetch_turns,
        {"since": DATES, "limit": {"None", "7"}, "project_id": IDS | {"None"}},
    ),
    "find_conversations": (
        _called(MintlifyHook, "find_conversations", since="2026-01-10"),
        MintlifyHook.find_conversations,
        {name: right for name, right in CONDITION.items() if name != "mintlify_conn_id"}
        | {"since": DATES},
    ),
}
CASES = [(where, name) for where, (_, _, right) in PUBLIC.items() for name in right]


@pytest.mark.parametrize(("where", "name"), CASES)
def test_a_value_of_any_type_is_right_or_a_config_error_when_the_dag_is_parsed(
    connections: Simulator, where: str, name: str
) -> None:
    make, _, right = PUBLIC[where]
    accepted = set()
    for label, value in VALUES.items():
        connections.clear_requests()
        try:
            make(**{name: value})
            accepted.add(label)
        except ConfigError as error:
            assert "\n" in str(error), f"no action: {error}"  # noqa: PT017 - not the only error
            assert len(str(error)) < 2000, label  # noqa: PT017
            assert not connections.requests, label
        except DocsAnalyticsError as error:  # the service's answer to an ID that may exist
            assert connections.requests, f"{label}: {error}"  # noqa: PT017
            accepted.add(label)
    assert accepted == right[name]


def test_every_parameter_of_every_public_class_is_tried() -> None:
    for where, (_, function, right) in PUBLIC.items():
        if function is None:
            continue
        named = {
            name
            for name, parameter in inspect.signature(inspect.unwrap(function)).parameters.items()
            if parameter.kind is not parameter.VAR_KEYWORD and name != "self"
        }
        assert named == right.keys(), where


@pytest.mark.parametrize("kind", [MintlifyExportOperator, VyomExportOperator])
def test_a_platforms_operator_repeats_the_signature_that_both_share(kind: Any) -> None:
    shared, own = (
        inspect.signature(inspect.unwrap(each.__init__)).parameters
        for each in (ExportOperator, kind)
    )
    for name, parameter in shared.items():
        assert own[name].annotation == parameter.annotation
        if name != "settle":  # a service may take longer to show its data
            assert own[name].default == parameter.default


# What another task gives, as it is when the task runs

GIVEN = [
    (kind, name)
    for kind in (
        *(MintlifyExportOperator, VyomExportOperator, LakeAuditOperator, LakeReportOperator),
        MintlifyConversationSensor,
    )
    for name in kind.template_fields
]


@pytest.mark.parametrize(("kind", "name"), GIVEN)
def test_a_wrong_value_of_another_task_fails_before_the_first_request(
    connections: Simulator, kind: Any, name: str, tmp_path: Path
) -> None:
    usual: dict[str, Any] = {
        MintlifyExportOperator: EXPORT | {"date_from": "2026-01-10", "date_to": "2026-01-11"},
        VyomExportOperator: CALLS | {"date_from": "2026-01-10", "date_to": "2026-01-11"},
        MintlifyConversationSensor: SENSOR | {"timeout": 0.1},
        LakeAuditOperator: {"task_id": "task", "lake": f"{tmp_path}/lake"},
        LakeReportOperator: {"task_id": "task"} | PAGE,
    }[kind] | ({"path": f"{tmp_path}/lake"} if issubclass(kind, ExportOperator) else {})
    right = PUBLIC[kind.__name__][2][name] - {"None"}
    with DAG("given", schedule=None) as dag:
        given: Any = dag.param("given", default="x")
        task = kind(**usual | {name: given})
    assert right < VALUES.keys()
    for label, value in VALUES.items():
        if label in right:
            continue
        task.render_template_fields(
            {"dag_run": SimpleNamespace(conf={"given": value}), "params": {}}
        )
        with pytest.raises((ConfigError, AirflowFailException)) as refused:
            task.execute({})
        assert name in str(refused.value), label
        assert not connections.requests, label
        setattr(task, name, given)


# As Airflow fills in parameters


def test_default_args_fill_in_every_kind_of_parameter() -> None:
    given: dict[str, Any] = {
        "endpoint": "views",
        "path": "/lake",
        "settle": timedelta(hours=1),
        "file_format": "csv",
        "mintlify_conn_id": "docs",
        "retry_policy": None,
        "retries": 7,
    }
    with DAG("defaults", schedule=None, default_args=given):
        plain: Any = MintlifyExportOperator(task_id="plain")  # type: ignore[call-arg]
        own: Any = MintlifyExportOperator(task_id="own", endpoint="visitors", path="/own")
    for name, value in given.items():
        if name != "retry_policy" or AIRFLOW_V_3_3_PLUS:
            assert getattr(plain, name) == value
    assert (own.endpoint, own.path, own.file_format) == ("visitors", "/own", "csv")


@pytest.mark.parametrize(
    ("partial", "expanded", "said"),
    [
        ({"settle": 600}, {"endpoint": "views"}, "settle=600"),
        ({}, {"endpoint": "vjews"}, "Did you mean 'views'"),
        ({"endpoint": "views"}, {"pages_per_file": "10"}, "pages_per_file='10'"),
    ],
)
def test_a_mapped_task_with_a_wrong_value_fails_before_the_first_request(
    connections: Simulator,
    tmp_path: Path,
    partial: dict[str, Any],
    expanded: dict[str, Any],
    said: str,
) -> None:
    with DAG("mapped", schedule=None):
        mapped = MintlifyExportOperator.partial(
            task_id="export", path=f"{tmp_path}/lake", date_from="2026-01-10", **partial
        ).expand(**{name: [value] for name, value in expanded.items()})
    task = mapped.unmap(expanded)
    with pytest.raises((ConfigError, AirflowFailException), match=said):
        task.execute({})
    assert connections.requests == []
