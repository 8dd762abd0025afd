"""Parameters as authors write them, and as Airflow renders them in Dags of both kinds."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, TaskDeferred

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.operators._window import LONGEST_SETTLE
from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator
from airflow_provider_docsanalytics.operators.vyom import VyomExportOperator
from airflow_provider_docsanalytics.sensors.mintlify import MintlifyConversationSensor
from airflow_provider_docsanalytics.triggers.mintlify import MintlifyConversationTrigger

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_docsanalytics.simulator import Simulator

REFUSED = (ConfigError, AirflowFailException)
DAY = {"date_from": "2026-01-10", "date_to": "2026-01-11"}
EITHER_KIND = pytest.mark.parametrize("kind", ["text", "native"])
"""Of Dag: native has ``render_template_as_native_obj=True``."""
LIKE_NUMBERS = [
    "123456",
    "123456789012345678901234",
    "1_000",
    "007",
    "000",
    "0x10",
    "0b11",
    "-5",
    "661e30",
    "0e1",
    "1.5",
    "1e999",
    "3j",
    "True",
]
"""IDs that Python would parse as another type."""


class _Anything:
    """Stands for an object of Airflow that is neither a list nor a date."""

    def __str__(self) -> str:
        return "proj_of_an_object"


def _rendered(kind: Any, context: dict[str, Any], *, native: bool, **arguments: Any) -> Any:
    """Return a task whose templates were rendered as Airflow renders them before it executes."""
    with DAG("rendering", schedule=None, render_template_as_native_obj=native):
        task = kind(task_id="task", **arguments)
    task.render_template_fields(context)
    return task


def _export(lake: Path, context: dict[str, Any], *, native: bool, **arguments: Any) -> Any:
    usual: dict[str, Any] = {"endpoint": "views", "path": f"{lake}/{{endpoint}}"}
    if arguments.get("endpoint") != "threads":
        usual |= DAY
    kind = VyomExportOperator if arguments.get("endpoint") == "calls_by_time" else None
    return _rendered(kind or MintlifyExportOperator, context, native=native, **usual | arguments)


# IDs that look like numbers


@EITHER_KIND
@pytest.mark.parametrize("value", LIKE_NUMBERS)
def test_an_id_from_a_template_stays_text_whatever_it_resembles(
    connections: Simulator, tmp_path: Path, value: str, kind: str
) -> None:
    task = _export(
        tmp_path,
        {"given": value},
        native=kind == "native",
        endpoint="threads",
        project_id="{{ given }}",
        thread_ids=["{{ given }}", "x{{ given }}"],
    )
    assert (task.project_id, task.thread_ids) == (value, [value, f"x{value}"])
    with pytest.raises(Exception, match="HTTP 40"):
        task.execute({})
    assert {request["path"].split("/")[3] for request in connections.requests} == {value}


@EITHER_KIND
@pytest.mark.parametrize("value", LIKE_NUMBERS)
def test_an_id_in_a_filter_stays_text_too(
    connections: Simulator, tmp_path: Path, value: str, kind: str
) -> None:
    task = _export(
        tmp_path,
        {"given": value},
        native=kind == "native",
        endpoint="calls_by_time",
        filters={"assistant_id": "{{ given }}"},
    )
    task.execute({})
    assert {request["query"]["assistant_id"] for request in connections.requests} == {value}


@EITHER_KIND
@pytest.mark.parametrize("field", ["project_id", "mintlify_conn_id", "storage_conn_id", "endpoint"])
@pytest.mark.parametrize("given", ["123", 123, "661e30", _Anything()])
def test_native_rendering_and_text_give_the_same_text(
    tmp_path: Path, field: str, given: object, kind: str
) -> None:
    task = _export(tmp_path, {"given": given}, native=kind == "native", **{field: "{{ given }}"})
    assert getattr(task, field) == str(given)


@pytest.mark.parametrize(("value", "sent"), [(123456, "123456"), (0, "0")])
def test_an_integer_is_converted_to_its_digits(
    connections: Simulator, tmp_path: Path, value: Any, sent: str
) -> None:
    task = _export(tmp_path, {}, native=False, project_id=value)
    with pytest.raises(Exception, match="HTTP 40"):
        task.execute({})
    assert {request["path"].split("/")[3] for request in connections.requests} == {sent}
    filtered = _export(
        tmp_path, {}, native=False, endpoint="calls_by_time", filters={"assistant_id": value}
    )
    filtered.execute({})
    assert connections.requests[-1]["query"]["assistant_id"] == sent


LOST = [6.61e32, 1.0, float("nan"), True, False, 3j]


@pytest.mark.parametrize("value", LOST)
@pytest.mark.parametrize(
    ("endpoint", "written"),
    [
        ("views", lambda value: {"project_id": value}),
        ("threads", lambda value: {"thread_ids": [value]}),
        ("calls_by_time", lambda value: {"filters": {"assistant_id": value}}),
    ],
    ids=["project_id", "thread_ids", "filters"],
)
def test_a_number_that_lost_its_original_text_is_refused_as_an_id(
    connections: Simulator, tmp_path: Path, endpoint: str, written: Any, value: Any
) -> None:
    (name,) = written(value)
    with pytest.raises(ConfigError, match=rf"(?s)^{name}.*in quotes"):
        _export(tmp_path, {}, native=False, endpoint=endpoint, **written(value))
    given: Any = f"{{{{ given.{name} }}}}"
    rendering = {"given": written(value)}
    if name == "project_id":
        return  # a single text is the text that it is in any Dag
    task = _export(tmp_path, rendering, native=True, endpoint=endpoint, **{name: given})
    with pytest.raises(REFUSED, match=rf"(?s)^{name}.*in quotes"):
        task.execute({})
    assert connections.requests == []


# Lists, dictionaries and dates


def test_native_rendering_gives_lists_dictionaries_and_dates(tmp_path: Path) -> None:
    start = datetime(2026, 1, 10, tzinfo=ZoneInfo("Europe/London"))
    context = {"ids": ["01HQ", "661e30"], "filters": {"source": ["widget"]}, "start": start}
    task = _export(
        tmp_path,
        context,
        native=True,
        endpoint="{{ 'threads' }}",
        thread_ids="{{ ids }}",
        filters="{{ filters }}",
        date_from="{{ start }}",
        date_to="{{ start.date() }}",
    )
    assert (task.thread_ids, task.filters) == (context["ids"], context["filters"])
    assert task.date_from is start
    assert task.date_to == date(2026, 1, 10)


@pytest.mark.parametrize("written", ["{{ ids }}", "['661e30', '{{ ids[1] }}']", "{{ ids | list }}"])
def test_a_list_that_a_native_template_writes_keeps_what_it_has_in_quotes(
    tmp_path: Path, written: str
) -> None:
    context = {"ids": ("661e30", "1_000")}
    task = _export(tmp_path, context, native=True, endpoint="threads", thread_ids=written)
    assert list(task.thread_ids) == list(context["ids"])


@EITHER_KIND
@pytest.mark.parametrize("day", ["20260110", "2026-01-10", date(2026, 1, 10)])
def test_a_date_may_look_like_a_number(
    connections: Simulator, tmp_path: Path, day: object, kind: str
) -> None:
    task = _export(tmp_path, {"day": day}, native=kind == "native", date_from="{{ day }}")
    assert task.execute({})["date_from"] == "2026-01-10T00:00:00.000Z"


@pytest.mark.parametrize(("endpoint", "name"), [("feedback", "filters"), ("threads", "thread_ids")])
def test_the_text_of_a_list_or_a_dictionary_is_refused_with_what_to_write(
    connections: Simulator, tmp_path: Path, endpoint: str, name: str
) -> None:
    thread = connections.truth("conversations")[0][0]["id"]
    value = {"filters": {"status": ["pending"]}, "thread_ids": [thread]}[name]
    arguments: Any = {"endpoint": endpoint, name: "{{ given }}"}
    task = _export(tmp_path, {"given": value}, native=False, **arguments)
    with pytest.raises(REFUSED, match=rf"(?s){name}.*render_template_as_native_obj=True"):
        task.execute({})
    assert connections.requests == []
    assert _export(tmp_path, {"given": value}, native=True, **arguments).execute({})["requests"]


@EITHER_KIND
def test_filters_may_hold_templates_in_any_dag(
    connections: Simulator, tmp_path: Path, kind: str
) -> None:
    filters = {"status": "{{ wanted }}"}
    task = _export(
        tmp_path,
        {"wanted": "pending,resolved"},
        native=kind == "native",
        endpoint="feedback",
        filters=filters,
    )
    task.execute({})
    assert connections.requests[0]["query"]["status"] == "pending,resolved"


# Empty values


TEMPLATED = {
    "endpoint": "{{ given }}",
    "path": "{{ given }}",
    "storage_conn_id": "{{ given }}",
    "date_from": "{{ given }}",
    "date_to": "{{ given }}",
    "filters": "{{ given }}",
    "project_id": "{{ given }}",
    "mintlify_conn_id": "{{ given }}",
}


@EITHER_KIND
@pytest.mark.parametrize("given", ["", " ", None, "None"])
@pytest.mark.parametrize("name", TEMPLATED)
def test_a_template_that_renders_to_nothing_is_never_the_default(
    connections: Simulator, tmp_path: Path, name: str, given: str | None, kind: str
) -> None:
    task = _export(tmp_path, {"given": given}, native=kind == "native", **{name: TEMPLATED[name]})
    with pytest.raises(REFUSED, match=name):
        task.execute({})
    assert connections.requests == []


@EITHER_KIND
def test_threads_and_filter_values_that_render_to_nothing_are_refused_too(
    connections: Simulator, tmp_path: Path, kind: str
) -> None:
    for given in ("", None):
        for arguments in (
            {"endpoint": "threads", "thread_ids": "{{ given }}"},
            {"endpoint": "threads", "thread_ids": ["{{ given }}"]},
            {"endpoint": "feedback", "filters": {"status": "{{ given }}"}},
            {"endpoint": "calls_by_time", "filters": {"assistant_id": "{{ given }}"}},
        ):
            task = _export(tmp_path, {"given": given}, native=kind == "native", **arguments)  # type: ignore[arg-type]
            with pytest.raises(REFUSED, match=r"thread_ids|filters"):
                task.execute({})
    assert connections.requests == []


@pytest.mark.parametrize("name", ["project_id", "date_from", "filters", "storage_conn_id"])
def test_an_empty_value_of_a_runs_configuration_is_not_the_default(
    connections: Simulator, tmp_path: Path, name: str
) -> None:
    with DAG("rendering", schedule=None) as dag:
        arguments: Any = DAY | {name: dag.param("given", default="x")}
        task = MintlifyExportOperator(
            task_id="task", endpoint="views", path=f"{tmp_path}/x", **arguments
        )
    run: Any = {"dag_run": SimpleNamespace(conf={"given": None}), "params": {}}
    task.render_template_fields(run)
    with pytest.raises(REFUSED, match=name):
        task.execute({})
    assert connections.requests == []


# The sensor and the trigger


@EITHER_KIND
@pytest.mark.parametrize("given", ["", None, "None"])
@pytest.mark.parametrize("name", ["since", "project_id", "mintlify_conn_id"])
def test_an_empty_value_is_not_the_sensors_default(
    connections: Simulator, name: str, given: str | None, kind: str
) -> None:
    arguments: Any = {"since": "2026-01-01", name: "{{ given }}"}
    sensor = _rendered(
        MintlifyConversationSensor,
        {"given": given},
        native=kind == "native",
        timeout=1,
        **arguments,
    )
    with pytest.raises(REFUSED, match=name):
        sensor.execute({})
    assert connections.requests == []


@EITHER_KIND
@pytest.mark.parametrize("value", LIKE_NUMBERS)
def test_a_sensors_project_stays_text(connections: Simulator, value: str, kind: str) -> None:
    sensor = _rendered(
        MintlifyConversationSensor,
        {"given": value, "day": "20260110"},
        native=kind == "native",
        since="{{ day }}",
        project_id="{{ given }}",
    )
    assert (sensor.project_id, sensor.since) == (value, "20260110")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"project_id": 6.61e32}, "project_id=6.61e"),
        ({"project_id": ""}, "project_id=''"),
        ({"project_id": "a/b"}, "project_id='a/b' is not an ID"),
        ({"mintlify_conn_id": None}, "mintlify_conn_id=None"),
        ({"mintlify_conn_id": ""}, "mintlify_conn_id=''"),
        ({"since": ""}, "since=''"),
        ({"since": 5.5}, "since=5.5"),
        ({"minimum": "3"}, "minimum='3'"),
    ],
)
def test_a_wrong_literal_of_sensor_and_trigger_is_refused_at_once(
    arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        MintlifyConversationSensor(task_id="wait", **arguments)
    with pytest.raises(ConfigError, match=said):
        MintlifyConversationTrigger(**arguments)


def test_the_sensors_deferrable_must_be_a_bool() -> None:
    with pytest.raises(ConfigError, match="deferrable='false'"):
        MintlifyConversationSensor(task_id="wait", deferrable="false")  # type: ignore[arg-type]


def test_an_integer_is_a_triggers_project() -> None:
    _, kept = MintlifyConversationTrigger(project_id=123456).serialize()  # type: ignore[arg-type]
    assert kept["project_id"] == "123456"


# When the Dag is parsed


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"endpoint": "view"}, "(?s)endpoint='view': .*Did you mean 'views'?.*Known endpoints"),
    ({"endpoint": None}, "endpoint=None"),
    ({"endpoint": "{{ e }}", "path": 5}, "path=5"),
    ({"path": None}, "path=None"),
    ({"path": ""}, "path=''"),
    ({"path": "lake/x"}, "absolute path or a URL"),
    ({"path": "/lake/{day}"}, "unknown field {day}"),
    ({"storage_conn_id": ""}, "storage_conn_id=''"),
    ({"storage_conn_id": 5}, "storage_conn_id=5"),
    ({"mintlify_conn_id": None}, "mintlify_conn_id=None"),
    ({"project_id": ""}, "project_id=''"),
    ({"project_id": "None"}, "project_id='None'"),
    ({"project_id": "a/b"}, "project_id='a/b' is not an ID"),
    ({"project_id": 1.5}, "project_id=1.5"),
    ({"date_from": ""}, "date_from=''"),
    ({"date_from": "yesterday"}, "date_from='yesterday' is not a date"),
    ({"date_to": True}, "date_to=True"),
    ({"date_from": "2026-01-12"}, "is not before date_to"),
    ({"filters": "source=widget"}, "filters='source=widget': expected a dictionary"),
    ({"filters": ""}, "filters=''"),
    ({"filters": []}, r"filters=\[\]"),
    ({"filters": {"sauce": "x"}}, "no filter 'sauce'"),
    ({"filters": {1: "x", "sauce": "x"}}, "no filter 1"),
    ({"thread_ids": ["01"]}, "goes with the endpoint threads"),
    ({"endpoint": "feedback", "filters": {"status": ["lost"]}}, r"filters\['status'\]"),
    ({"endpoint": "feedback", "filters": {"status": []}}, r"filters\['status'\]"),
    ({"endpoint": "feedback", "filters": {"status": b"pending"}}, r"filters\['status'\]"),
    ({"endpoint": "threads"}, "takes no dates"),
    ({"lookback": 3}, "lookback=3"),
    ({"lookback": timedelta(-1)}, "lookback="),
    ({"lookback": timedelta.max}, "lookback="),
    ({"settle": timedelta.max}, "settle="),
    ({"settle": timedelta(seconds=-1)}, "settle="),
    ({"settle": None}, "settle=None"),
    ({"settle": 600}, "settle=600"),
    ({"settle": "{{ settle }}"}, "settle="),
    ({"pages_per_file": 0}, "pages_per_file=0"),
    ({"pages_per_file": True}, "pages_per_file=True"),
    ({"pages_per_file": 2.0}, "pages_per_file=2.0"),
    ({"pages_per_file": "10"}, "pages_per_file='10'"),
    ({"file_format": "xml"}, "file_format='xml'"),
    ({"file_format": ["csv"]}, "file_format="),
    ({"compression": ""}, "compression=''"),
    ({"compression": "None"}, "compression='None'"),
    ({"escape_formulas": True}, "escape_formulas=True is not available"),
    ({"escape_formulas": "no", "file_format": "csv"}, "escape_formulas='no'"),
    ({"if_exists": "ignore"}, "if_exists='ignore'"),
    ({"if_exists": None}, "if_exists=None"),
    ({"deferrable": "false"}, "deferrable='false'"),
    ({"deferrable": None}, "deferrable=None"),
    ({"partitioned": 1}, "partitioned=1"),
]
THREADS: list[tuple[dict[str, Any], str]] = [
    ({}, "needs thread_ids"),
    ({"thread_ids": "01HQ"}, "needs thread_ids"),
    ({"thread_ids": b"01HQ"}, "needs thread_ids"),
    ({"thread_ids": {"01HQ": 1}}, "needs thread_ids"),
    ({"thread_ids": ["a b"]}, "thread_ids='a b' is not an ID"),
    ({"thread_ids": [None]}, "thread_ids=None"),
    ({"thread_ids": ["01"], "lookback": timedelta(1)}, "takes no dates"),
    ({"thread_ids": ["01"], "partitioned": True}, "so it has no partitions"),
]


@pytest.mark.parametrize(
    ("arguments", "said"),
    WRONG + [({"endpoint": "threads"} | each, said) for each, said in THREADS],
)
def test_a_wrong_literal_is_refused_when_the_dag_is_parsed(
    arguments: dict[str, Any], said: str
) -> None:
    usual = {"endpoint": "views", "path": "/lake/{endpoint}"}
    by_id = arguments.get("endpoint") == "threads" and "needs" in said + "needs" * bool(
        arguments.get("thread_ids")
    )
    dates = {} if by_id else DAY
    with pytest.raises(ConfigError, match=said):
        MintlifyExportOperator(task_id="export", **usual | dates | arguments)


RIGHT: list[dict[str, Any]] = [
    {"endpoint": "{{ e }}", "filters": {"sauce": "x"}},
    {"path": "{{ lake }}/{unknown}"},
    {"path": "s3://lake/{platform}/{project_id}/{date_from:%Y}"},
    {"date_from": "{{ ds }}"},
    {"date_from": "2026-01-12", "lookback": timedelta(days=3)},
    {"date_from": date(2026, 1, 10), "date_to": datetime(2026, 1, 11)},  # noqa: DTZ001 - means UTC
    {"filters": "{{ params.filters }}"},
    {"endpoint": "feedback", "filters": {"status": {"pending", "resolved"}}},
    {"endpoint": "feedback", "filters": {"status": ["{{ wanted }}"]}},
    {"settle": timedelta(0), "lookback": timedelta(0)},
    {"settle": LONGEST_SETTLE},
    {"project_id": 123456},
    {"file_format": "parquet", "compression": "zstd"},
]


@pytest.mark.parametrize("arguments", RIGHT)
def test_values_that_may_be_right_are_left_to_the_run(arguments: dict[str, Any]) -> None:
    usual = {"endpoint": "views", "path": "/lake/{endpoint}"}
    MintlifyExportOperator(task_id="export", **usual | DAY | arguments)


@pytest.mark.parametrize("ids", [(), [], ("01",), {"01"}, ["{{ id }}"], "{{ ids }}"])
def test_threads_are_any_list_of_ids(ids: Any) -> None:
    MintlifyExportOperator(task_id="export", endpoint="threads", path="/lake", thread_ids=ids)


def test_the_last_possible_window_can_settle(connections: Simulator, tmp_path: Path) -> None:
    task = _export(
        tmp_path,
        {"end": "9998-12-31T23:59:59.999Z"},
        native=False,
        date_to="{{ end }}",
        settle=LONGEST_SETTLE,
        deferrable=True,
    )
    with pytest.raises(TaskDeferred):
        task.execute({})
