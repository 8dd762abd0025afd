"""The models on PostgreSQL, over the tables of ``docsanalytics schema --dialect postgres``.

``sqlglot`` translates a model. What a lake gives it as views are queries in front of it.
"""

from __future__ import annotations

from importlib import import_module, resources
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.fields import Kind
from airflow_provider_docsanalytics.lake.connection import ENDPOINTS
from airflow_provider_docsanalytics.lake.endpoint_views import PAGES, is_event
from airflow_provider_docsanalytics.lake.models import MODELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_provider_docsanalytics.api.endpoint import Endpoint
    from airflow_provider_docsanalytics.lake.models import Model

SCHEMA = "docsanalytics"
"""Of the functions and views."""
_NEED_MANIFESTS = frozenset({"completeness", "page_changes"})
TRANSLATED = tuple(each for each in MODELS if each.name not in _NEED_MANIFESTS)
"""The models whose questions the tables answer."""
_OURS = frozenset({"getvariable", "belongs"})
_CLASSES = {r"\pL\pN": "[:alnum:]", r"\s": r"[\t\n\f\r ]"}
"""Of DuckDB's regular expressions, as PostgreSQL has them; its own \\s knows more than ASCII."""
_CITATIONS = f"""
SELECT
  _project_id, page AS asked_on, "timestamp", "resolutionStatus", answer,
  source ->> 'title' AS title, source ->> 'url' AS url,
  {SCHEMA}.page_key(source ->> 'url', {SCHEMA}.base_url()) AS page
FROM (SELECT *, row_number() OVER () AS answer FROM conversations) AS turns
CROSS JOIN LATERAL jsonb_array_elements(
  CASE WHEN jsonb_typeof(sources) = 'array' THEN sources ELSE '[]' END
) AS source
"""  # noqa: S608 - a constant
_FEEDBACK_SEEN = """
SELECT
  CAST(NULL AS text) AS _project_id, CAST(NULL AS text) AS id,
  CAST(NULL AS timestamptz) AS first_seen, CAST(NULL AS timestamptz) AS last_seen
WHERE false
"""

_WINDOWS = """
SELECT DISTINCT {owner} AS owner, _date_from AS start, _date_to AS finish FROM {table}
"""
_COVERS_INSTANT = f"""NOT EXISTS (
  SELECT 1
  FROM (
    SELECT a.owner, a.start, b.start AS newer_from, b.finish AS newer_to
    FROM ({_WINDOWS}) AS a
    JOIN ({_WINDOWS}) AS b ON a.owner = b.owner AND b.start > a.start AND b.start < a.finish
  ) AS newer
  WHERE owner = {{owner}} AND start = _date_from
    AND {{instant}} >= newer_from AND {{instant}} < newer_to
)"""  # noqa: S608 - a constant
_COVERS_WINDOW = f"""({{owner}}, _date_from) IN (
  WITH RECURSIVE windows AS ({_WINDOWS}),
  latest AS (
    (SELECT DISTINCT ON (owner) owner, start, finish FROM windows ORDER BY owner, start DESC)
    UNION ALL
    SELECT earlier.owner, earlier.start, earlier.finish
    FROM latest CROSS JOIN LATERAL (
      SELECT w.owner, w.start, w.finish FROM windows AS w
      WHERE w.owner = latest.owner AND w.finish <= latest.start
      ORDER BY w.start DESC LIMIT 1
    ) AS earlier
  )
  SELECT owner, start FROM latest
)"""  # noqa: S608 - a constant


def script_of(models: Iterable[Model]) -> str:
    """Return the statements that create functions, and a view for each model, on PostgreSQL.

    Raises:
        ConfigError: a model needs what no table has, or sqlglot is not installed.
    """
    functions = resources.files("airflow_provider_docsanalytics.lake").joinpath("postgres.sql")
    return "\n".join([functions.read_text(encoding="utf-8"), *map(_view, models)])


def _view(model: Model) -> str:
    if model not in TRANSLATED:
        raise ConfigError(
            f"{model.name} needs the manifests of the exports, and no table has them.\n"
            f"Run docsanalytics sql {model.name} --lake LAKE without --dialect."
        )
    name = f"{SCHEMA}.{model.name}"
    comment = "\n".join(line for line in model.sql.splitlines() if line.startswith("-- "))
    return f"{comment}\nDROP VIEW IF EXISTS {name};\nCREATE VIEW {name} AS\n{_query(model)};\n"


def _query(model: Model) -> str:
    """Return a model in PostgreSQL's words."""
    sqlglot = _sqlglot()
    exp = sqlglot.exp
    query = sqlglot.parse_one(model.sql, dialect="duckdb")
    read = {table.name for table in query.find_all(exp.Table)}
    for call in reversed(list(query.find_all(exp.Anonymous))):  # the inner ones first
        if call.name.lower() in _OURS:
            call.replace(exp.Dot.build([exp.to_identifier(SCHEMA), call.copy()]))
    for match in query.find_all(exp.RegexpLike, exp.RegexpReplace):
        pattern = match.expression
        for theirs, ours in _CLASSES.items():
            pattern.set("this", pattern.name.replace(theirs, ours))
    own = query.ctes
    query.set("with_", None)
    for name, text in _sources(read):
        query = query.with_(name, sqlglot.parse_one(text, dialect="postgres"), copy=False)
    for each in own:
        query = query.with_(each.alias, each.this, copy=False)
    translated: str = query.sql("postgres", pretty=True, comments=False, normalize_functions=False)
    return translated


def _sources(read: set[str]) -> Iterator[tuple[str, str]]:
    """Yield names and queries of what a model reads; a query may read the table of its name."""
    if "citations" in read:
        read |= {"conversations"}
    endpoints = [each for name, each in ENDPOINTS.items() if name in read]
    for endpoint in endpoints:
        yield endpoint.name, _settled(endpoint)
    if "exports" in read:
        yield "exports", "\nUNION ALL\n".join(map(_windows, endpoints))
    if "citations" in read:
        yield "citations", _CITATIONS
    if "feedback_seen" in read:
        yield "feedback_seen", _FEEDBACK_SEEN


def _settled(endpoint: Endpoint) -> str:
    """Return the rows of a table that count, as a view of a lake has them.

    Where windows overlap, the one that starts later wins: for events at the instants that it
    covers, else over the whole window before it. Of rows with the same key, the latest counts.
    """
    table, owner = endpoint.name, "_project_id" if _has_projects(endpoint) else "CAST(NULL AS text)"
    moments = [f'"{each.name}"' for each in endpoint.fields if each.kind is Kind.TIMESTAMP]
    instant = f"coalesce({moments[0]}, _date_from)" if is_event(endpoint) else "_date_from"
    counts = _COVERS_INSTANT if is_event(endpoint) else _COVERS_WINDOW
    page = next((f'"{each.name}"' for each in endpoint.fields if each.name in PAGES), "NULL")
    key = ", ".join(f'"{name}"' for name in endpoint.key if is_event(endpoint))
    place = f"row_number() OVER (PARTITION BY {owner}, {key} ORDER BY _date_from DESC)"
    return f"""
SELECT t.*, _owner AS _project_id FROM (
  SELECT
    {_columns(endpoint)}, {owner} AS _owner, CAST({instant} AS date) AS _date,
    {SCHEMA}.page_key({page}, {SCHEMA}.base_url()) AS page,
    {f"({key}) IS NULL OR {place} = 1" if key else "true"} AS _is_latest
  FROM {table}
  WHERE {counts.format(table=table, owner=f"coalesce({owner}, '')", instant=instant)}
) AS t
WHERE _is_latest
"""  # noqa: S608 - of the endpoint table


def _columns(endpoint: Endpoint) -> str:
    return ", ".join(["_date_from", "_date_to", *(f'"{each.name}"' for each in endpoint.fields)])


def _windows(endpoint: Endpoint) -> str:
    """Return the windows of a table's rows, as the exports of a lake; they all count."""
    return (
        f"SELECT DISTINCT '{endpoint.name}' AS endpoint, _project_id AS owner, "  # noqa: S608
        f"_date_from AS date_from, _date_to AS date_to, true AS counts FROM {endpoint.name}"
    )


def _has_projects(endpoint: Endpoint) -> bool:
    from airflow_provider_docsanalytics.api.mintlify import MINTLIFY

    return endpoint.name in MINTLIFY.endpoints


def _sqlglot() -> Any:
    try:
        return import_module("sqlglot")
    except ImportError as error:
        raise ConfigError(
            "The dialect postgres needs the package sqlglot.\nRun pip install 'sqlglot>=30'."
        ) from error
