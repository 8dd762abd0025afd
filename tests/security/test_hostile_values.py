"""Template variables in an attacker's hands: what goes out, and where files land."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException

from airflow_provider_docsanalytics.errors import ConfigError, DocsAnalyticsError
from airflow_provider_docsanalytics.operators.mintlify import MintlifyExportOperator
from airflow_provider_docsanalytics.operators.vyom import VyomExportOperator
from tests.airflow.conftest import connect

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_docsanalytics.simulator import Simulator

DAY = {"date_from": "2026-01-10", "date_to": "2026-01-11"}
HOSTILE = [
    "../../etc",
    "..",
    ".",
    "a/b",
    "/etc",
    "a\\b",
    "%2e%2e",
    "%2e%2e%2f",
    "a%00b",
    "a\x00b",
    "a\nb",
    "a\n",
    "a?b=c",
    "a#b",
    "a&b",
    "a;b",
    "a b",
    "a:b",
    "a@b",
    "~",
    "{project_id}",
    "{{ 7 * 7 }}",
    "${IFS}",
    "\N{FULLWIDTH FULL STOP}\N{FULLWIDTH FULL STOP}",
    "\N{TWO DOT LEADER}",
    "\N{CYRILLIC SMALL LETTER A}",
    "\ud800",
    "",
    " ",
]


@pytest.fixture
def lake(service: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A directory to write to, inside one that must stay empty otherwise."""
    connect(monkeypatch, "mintlify", service, login="")
    connect(monkeypatch, "vyom", service)
    directory = tmp_path / "outer" / "lake"
    directory.mkdir(parents=True)
    return directory


def _execute(lake: Path, **arguments: Any) -> Any:
    usual = {"endpoint": "conversations", "path": f"{lake}/{{endpoint}}/{{project_id}}"}
    if arguments.get("endpoint") != "threads":
        usual |= DAY
    kind = MintlifyExportOperator
    if str(arguments.get("endpoint", "")).startswith("calls"):
        kind, usual["path"] = VyomExportOperator, f"{lake}/x"  # type: ignore[assignment]
    return kind(task_id="export", **usual | arguments).execute({})


def _refused(lake: Path, **arguments: Any) -> str:
    with pytest.raises((ConfigError, AirflowFailException)) as refused:
        _execute(lake, **arguments)
    assert [path.name for path in lake.parent.rglob("*")] == ["lake"]
    message = str(refused.value)
    assert len(message) < 1000
    return message


@pytest.mark.parametrize("value", HOSTILE)
def test_a_project_that_is_no_id_reaches_neither_url_nor_path(
    service: Simulator, lake: Path, value: str
) -> None:
    assert "project" in _refused(lake, project_id=value)
    assert service.requests == []


@pytest.mark.parametrize("value", [*HOSTILE, ["x"], {"x": 1}, 7.0, True, None, b"x"])
def test_a_thread_that_is_no_id_reaches_no_url(
    service: Simulator, lake: Path, value: object
) -> None:
    message = _refused(
        lake, endpoint="threads", project_id=service.project_id, thread_ids=["fine", value]
    )
    assert "thread_ids" in message
    assert service.requests == []


@pytest.mark.parametrize("value", [*HOSTILE, ["views"], {}, 7, None, "views/../x", "Views"])
def test_an_endpoint_is_one_of_the_table(service: Simulator, lake: Path, value: Any) -> None:
    assert "no such endpoint" in _refused(lake, project_id=service.project_id, endpoint=value)
    assert service.requests == []


DATES_BEYOND_ALL = ["0001-01-01T00:00:00+14:00", "9999-12-31T23:00:00-14:00", "9999-12-31"]


@pytest.mark.parametrize("value", [*HOSTILE, "x" * 100_000, *DATES_BEYOND_ALL])
@pytest.mark.parametrize("field", ["date_from", "date_to"])
def test_a_date_is_a_date(service: Simulator, lake: Path, field: str, value: str) -> None:
    with pytest.raises((ConfigError, AirflowFailException)):
        _execute(lake, project_id=service.project_id, **{field: value})
    assert service.requests == []


@pytest.mark.parametrize("value", [text for text in HOSTILE if text.strip().isprintable()][:-2])
def test_a_filter_of_any_text_stays_one_parameter(
    service: Simulator, lake: Path, value: str
) -> None:
    _execute(lake, endpoint="calls_by_time", filters={"assistant_id": value})
    (request,) = service.requests
    assert request["path"] == "/analytics/calls/by-time"
    assert request["query"] == {
        "start_date": "2026-01-10T00:00:00.000Z",
        "end_date": "2026-01-10T23:59:59.999Z",
        "assistant_id": value.strip(),
    }


@pytest.mark.parametrize("value", ["", " ", "a\nb", "a\x00b", "\ud800", "a\x1b[2K"])
def test_a_filter_without_a_text_that_can_be_sent_is_refused(
    service: Simulator, lake: Path, value: str
) -> None:
    assert "assistant_id" in _refused(
        lake, endpoint="calls_by_time", filters={"assistant_id": value}
    )
    assert service.requests == []


@pytest.mark.parametrize("value", HOSTILE)
def test_a_filter_of_known_words_takes_no_other(service: Simulator, lake: Path, value: str) -> None:
    filters = {"status": f"pending,{value}"}
    _refused(lake, endpoint="feedback", project_id=service.project_id, filters=filters)
    _refused(lake, endpoint="feedback", project_id=service.project_id, filters={value: "x"})
    assert service.requests == []


@pytest.mark.parametrize(
    "path",
    [
        "{lake}/../stolen",
        "{lake}/a/../../../stolen",
        "file://{lake}/../stolen",
        "{lake}/./x",
        "{lake}/x/..",
        "{lake}/a\x00b",
        "{lake}/a\nb",
        "{lake}/a\x1b[2Kb",
        "{lake}/a\N{RIGHT-TO-LEFT OVERRIDE}b",
        "{lake}/" + "x" * 2000,
        "lake",
        "~/lake",
        "file://lake",
        "file:lake",
        "file:////{lake}",
        "lake/../x://y",
        "simplecache::file://{lake}",
        "{lake}//x",
        "file://{lake}/a::memory://x",
        "file://{lake}/a?x",
        "s3://lake//x",
        "s3://lake/x?versionId=1",
        "s3://lake/a::file://{lake}/x",
        "gs://lake/x#1",
        "s3://",
        "s3:///lake",
        "/",
        "",
    ],
)
def test_a_path_that_leaves_its_place_is_refused(
    service: Simulator, lake: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(lake.parent)
    told = path.replace("{lake}", str(lake))
    assert "path" in _refused(lake, path=told, project_id=service.project_id)
    assert service.requests == []


@pytest.mark.parametrize(
    "field",
    [
        "{project_id.__class__}",
        "{project_id.__class__.__mro__[1]}",
        "{project_id[0]}",
        "{project_id!r}",
        "{project_id!s}",
        "{project_id!a}",
        "{date_from!r}",
        "{project_id:>999999999}",
        "{project_id:{project_id}}",
        "{date_from:%999999999Y}",
        "{date_from:" + "%A" * 1000 + "}",
        "{date_from:%n}",
        "{date_from.tzinfo}",
        "{0}",
        "{}",
        "{",
        "}",
        "{a{b}}",
        "{self}",
        "{api_key}",
        "{ project_id }",
    ],
)
def test_a_field_of_the_path_is_a_plain_name(service: Simulator, lake: Path, field: str) -> None:
    assert "path" in _refused(lake, path=f"{lake}/{field}", project_id=service.project_id)
    assert service.requests == []


def test_a_path_with_a_password_is_refused_and_not_repeated(service: Simulator, lake: Path) -> None:
    path = "s3://AKIA:s3cret@bucket/x"
    assert "s3cret" not in _refused(lake, path=path, project_id=service.project_id)


@pytest.mark.parametrize("name", ["%2e%2e", "%2e%2e%2fx", "..%2f..%2fx", "~", "a b", "$HOME", "*"])
def test_a_directory_is_called_what_the_path_says_to_the_letter(
    service: Simulator, lake: Path, name: str
) -> None:
    result = _execute(lake, path=f"{lake}/{name}", project_id=service.project_id)
    assert result["rows"] > 0
    assert (lake / name / "_manifest.json").is_file()
    assert [path.name for path in lake.iterdir()] == [name]
    assert [path.name for path in lake.parent.iterdir()] == ["lake"]


def test_a_value_is_rendered_by_jinja_once(service: Simulator, lake: Path) -> None:
    """A row, an asset event or a run's conf may hold templates; they are text."""
    event = {"evil": "{{ 7 * 7 }}", "field": "{project_id}"}
    with DAG("once", schedule=None):
        operator = MintlifyExportOperator(
            task_id="export",
            endpoint="{{ event.evil }}",
            path=str(lake) + "/{{ event.evil }}/{{ event.field }}",
            project_id="{{ event.evil }}",
            thread_ids=["{{ event.evil }}"],
            filters={"source": "{{ event.evil }}"},
        )
    operator.render_template_fields({"event": event})  # type: ignore[typeddict-item]
    assert operator.endpoint == operator.project_id == "{{ 7 * 7 }}"
    assert operator.thread_ids == ["{{ 7 * 7 }}"]
    assert operator.filters == {"source": "{{ 7 * 7 }}"}
    with pytest.raises((DocsAnalyticsError, AirflowFailException)):
        operator.execute({})
    assert operator.path.endswith("/{{ 7 * 7 }}/{project_id}")
    assert service.requests == []
