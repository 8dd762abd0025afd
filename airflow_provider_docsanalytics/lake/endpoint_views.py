"""One SQL query an endpoint: the rows of its exports, of every format and of older schemas."""

# ruff: noqa: S608 - made of the endpoint table, and of URLs that hold a number and a checked name

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from airflow_provider_docsanalytics.api.paging import CursorPaging
from airflow_provider_docsanalytics.fields import CONTEXT, EXTRA, Field, Kind
from airflow_provider_docsanalytics.lake.export_files import PROTOCOL, url_of
from airflow_provider_docsanalytics.lake.schema import column_type
from airflow_provider_docsanalytics.storage.conditional import LARGEST_READ_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_docsanalytics.api.endpoint import Endpoint
    from airflow_provider_docsanalytics.lake.settle import LakeExport

_FILE = "_file"
"""The column with a row's file."""
_CONTEXT_NAMES = {field.name for field in CONTEXT}
_PAGES = frozenset({"path", "pageUrl", "topClickedPage"})
"""Fields that name a page."""
_FORMULA = r"^'([=+\-@\t\r])"


def rows_query(endpoint: Endpoint, exports: Sequence[LakeExport]) -> str:
    """Return the query of all rows of some exports: ``export``, the endpoint's fields, ``_extra``.

    Files of one version have the same columns, so that DuckDB opens one of them to plan a query,
    and not all.
    """
    fields = endpoint.fields
    alike: dict[tuple[str, str], list[str]] = defaultdict(list)
    for each in exports:
        for file in each.files:
            alike[_format_of(each, file.name), each.version].append(url_of(each, file.name))
    queries = [_nothing(fields)]
    for (kind, _version), urls in alike.items():
        listed = "[{}]".format(", ".join(f"'{url}'" for url in urls))
        queries.append(_QUERIES[kind](fields, listed))
    return "\nUNION ALL\n".join(queries)


def _format_of(each: LakeExport, name: str) -> str:
    suffix = name.split(".")[1]
    return "escaped" if suffix == "csv" and each.escaped else suffix


def is_event(endpoint: Endpoint) -> bool:
    """Whether each row has one instant, so that it is in one window only."""
    return isinstance(endpoint.paging, CursorPaging) and endpoint.paging.events


def is_read(endpoint: Endpoint, each: LakeExport) -> bool:
    """Whether an export's files are read; of rows with keys, also if it is superseded."""
    if each.export.series.table_row is not endpoint or each.problem or each.filters:
        return False
    return not each.superseded or bool(is_event(endpoint) and endpoint.key)


def settled_query(endpoint: Endpoint) -> str:
    """Return the query of the rows that count, of ``rows_ENDPOINT``, with the columns of a view.

    Columns: ``_project_id``, ``_date_from``, ``_date_to``, ``_date``, the endpoint's fields,
    ``_extra`` and, where a field names a page, ``page``.
    """
    moments = [each.name for each in endpoint.fields if each.kind is Kind.TIMESTAMP]
    events = is_event(endpoint)
    instant = f"r.{_quoted(moments[0])}" if events else ""
    page = next((each.name for each in endpoint.fields if each.name in _PAGES), None)
    columns = [
        "e.owner AS _project_id",
        "e.date_from AS _date_from",
        "e.date_to AS _date_to",
        f"{_event_date(instant) if events else 'e.date'} AS _date",
        *(f"r.{_quoted(each.name)}" for each in (*endpoint.fields, EXTRA)),
    ]
    if page:
        columns.append(f"page_key(r.{_quoted(page)}, getvariable('base_url')) AS page")
    query = (
        f"SELECT {', '.join(columns)}\n"
        f"FROM rows_{endpoint.name} r JOIN exports e ON e.export = r.export"
    )
    if events:
        query += (
            "\nASOF LEFT JOIN segments s"
            " ON s.series = e.series"
            f" AND s.spoken_from <= coalesce({instant}, TIMESTAMPTZ '-infinity')"
            f"\nWHERE s.export IS NULL OR s.export = r.export OR s.spoken_to <= {instant}"
        )
    if endpoint.key and (events or not endpoint.windowed):
        key = ", ".join(f"r.{_quoted(name)}" for name in endpoint.key)
        query += (
            f"\nQUALIFY ({key}) IS NULL OR row_number() OVER"
            f" (PARTITION BY e.owner, {key} ORDER BY e.finished_at DESC, e.path DESC) = 1"
        )
    return query


def _event_date(instant: str) -> str:
    return (
        f"CASE WHEN e.offset_s IS NULL OR {instant} IS NULL THEN e.date "
        f"ELSE CAST({instant} + to_seconds(e.offset_s) AS DATE) END"
    )


def _nothing(fields: Sequence[Field]) -> str:
    columns = [f"CAST(NULL AS {_type(each)}) AS {_quoted(each.name)}" for each in (*fields, EXTRA)]
    return f"SELECT CAST(NULL AS INTEGER) AS export, {', '.join(columns)} WHERE false"


def _json_lines(fields: Sequence[Field], urls: str) -> str:
    """Return the query of JSON lines; a value of another type is null, as in Parquet."""
    paths = ", ".join(f"'{_pointer(each.name)}'" for each in fields)
    cells = [
        _FROM_JSON[each.kind].format(v=f"v[{at}]", type=_json_type(each))
        + f" AS {_quoted(each.name)}"
        for at, each in enumerate(fields, start=1)
    ]
    known = ", ".join(f"'{name}'" for name in (*_CONTEXT_NAMES, *(each.name for each in fields)))
    others = f"list_filter(json_keys(json), lambda k: NOT list_contains([{known}], k))"
    values = (
        f"list_transform({others}, lambda k: json_extract(json, "
        "'/' || replace(replace(k, '~', '~0'), '/', '~1')))"
    )
    extra = f"CASE WHEN len({others}) > 0 THEN to_json(map({others}, {values})) END"
    return (
        f"SELECT {_EXPORT}, {', '.join(cells)}, {extra} AS _extra FROM ("
        f"SELECT json, {_FILE}, json_extract(json, [{paths}]) AS v FROM read_ndjson_objects("
        f"{urls}, filename = '{_FILE}', maximum_object_size = {LARGEST_READ_BYTES}))"
    )


def _csv(fields: Sequence[Field], urls: str, *, escaped: bool = False) -> str:
    text = {
        each.name: _unescaped(_quoted(each.name)) if escaped else _quoted(each.name)
        for each in (*fields, EXTRA)
    }
    cells = [
        f"{_FROM_TEXT[each.kind].format(v=text[each.name], type=_json_type(each))}"
        f" AS {_quoted(each.name)}"
        for each in fields
    ]
    options = (
        "header = true, all_varchar = true, delim = ',', quote = '\"', escape = '\"', "
        f"comment = '', allow_quoted_nulls = false, filename = '{_FILE}', "
        f"max_line_size = {LARGEST_READ_BYTES}"
    )
    return _of_columns(fields, cells, f"read_csv({urls}, {options})", text[EXTRA.name])


def _escaped_csv(fields: Sequence[Field], urls: str) -> str:
    return _csv(fields, urls, escaped=True)


def _parquet(fields: Sequence[Field], urls: str) -> str:
    cells = [
        f"CAST({_quoted(each.name)} AS {_type(each)}) AS {_quoted(each.name)}" for each in fields
    ]
    scan = f"read_parquet({urls}, hive_partitioning = false, filename = '{_FILE}')"
    return _of_columns(fields, cells, scan, EXTRA.name, typed=True)


def _of_columns(
    fields: Sequence[Field], cells: Sequence[str], scan: str, extra: str, *, typed: bool = False
) -> str:
    """Return the query of files with columns; those that no file has are null."""
    nulls = [
        f"CAST(NULL AS {_type(each) if typed else 'VARCHAR'}) AS {_quoted(each.name)}"
        for each in fields
    ]
    return (
        f"SELECT {_EXPORT}, {', '.join(cells)}, CAST({extra} AS JSON) AS _extra FROM ("
        f"SELECT {', '.join(nulls)}, CAST(NULL AS VARCHAR) AS _extra, CAST(NULL AS VARCHAR) AS "
        f"{_FILE} WHERE false UNION ALL BY NAME SELECT * FROM {scan})"
    )


_QUERIES = {"jsonl": _json_lines, "csv": _csv, "escaped": _escaped_csv, "parquet": _parquet}
_EXPORT = f"CAST(regexp_extract({_FILE}, '^{PROTOCOL}://([0-9]+)/', 1) AS INTEGER) AS export"
_ZONED = "'(Z|[+-][0-9]{2}:?[0-9]{2})$'"
# {{v}} is a value as JSON, and {{type}} the members of an object.
_STRING = """CASE WHEN CAST({v} AS VARCHAR) LIKE '"%' THEN {v} ->> '$' END"""
_FROM_JSON = {
    Kind.TEXT: _STRING,
    Kind.INTEGER: "whole_number(CAST({v} AS VARCHAR))",
    Kind.NUMBER: "finite_number(CAST({v} AS VARCHAR))",
    Kind.BOOLEAN: "CASE CAST({v} AS VARCHAR) WHEN 'true' THEN true WHEN 'false' THEN false END",
    Kind.TIMESTAMP: f"instant({_STRING})",
    Kind.OBJECT: "CASE WHEN CAST({v} AS VARCHAR) LIKE '{{%' THEN from_json({v}, '{type}') END",
    Kind.OBJECTS: "CASE WHEN CAST({v} AS VARCHAR) LIKE '[%' THEN from_json({v}, '{type}') END",
}
_FROM_TEXT = {
    Kind.TEXT: "{v}",
    Kind.INTEGER: "whole_number({v})",
    Kind.NUMBER: "finite_number({v})",
    Kind.BOOLEAN: "CASE {v} WHEN 'true' THEN true WHEN 'false' THEN false END",
    Kind.TIMESTAMP: "instant({v})",
    Kind.OBJECT: "from_json(CAST({v} AS JSON), '{type}')",
    Kind.OBJECTS: "from_json(CAST({v} AS JSON), '{type}')",
}


def _unescaped(name: str) -> str:
    return f"regexp_replace({name}, {_sql_text(_FORMULA)}, '\\1')"


def _sql_text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _pointer(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _type(field: Field) -> str:
    return column_type(field, "duckdb")


def _json_type(field: Field) -> str:
    """Return the structure of an object for ``from_json``; ``""`` for other kinds."""
    if not field.fields:
        return ""
    inner = ",".join(f'"{each.name}":"{_type(each)}"' for each in field.fields)
    return f"[{{{inner}}}]" if field.kind is Kind.OBJECTS else f"{{{inner}}}"
