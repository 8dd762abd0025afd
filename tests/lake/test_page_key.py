"""One key for a page, however it is named."""

from __future__ import annotations

import re
from importlib import resources

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.lake.reference import page_of

SITE = "https://www.Docs.example.com/docs"
CASES = [
    # without base_url, every host counts as the site
    ("", "/guide", "/guide"),
    ("", "guide", "/guide"),
    ("", "./guide", "/guide"),
    ("", " /guide/ ", "/guide"),
    ("", "//guide.example/a//b/", "/a/b"),
    ("", "https://docs.example.com/guide", "/guide"),
    ("", "docs.example.com/guide", "/guide"),
    ("", "docs.example.com", "/"),
    ("", "quickstart.md", "/quickstart"),
    ("", "/guide.md", "/guide"),
    ("", "/guide.mdx?x=1", "/guide"),
    ("", "/guide.HTML", "/guide"),
    ("", "/guide/index", "/guide"),
    ("", "/guide/index.md", "/guide"),
    ("", "/guide/.md", "/guide"),
    ("", "/index", "/"),
    ("", "/my-index", "/my-index"),
    ("", "/release-1.2", "/release-1.2"),
    ("", "/guide?a=1#top", "/guide"),
    ("", "/guide#a?b", "/guide"),
    ("", "/a%20b/%C3%A4", "/a b/ä"),
    ("", "/100%25", "/100%"),
    ("", "/bad%FF", "/bad%FF"),
    ("", "/50%-off", "/50%-off"),
    ("", "/Guide", "/Guide"),
    ("", "/", "/"),
    ("", "", None),
    ("", "  ", None),
    ("", "#top", None),
    ("", None, None),
    # with it, its host and its path go
    (SITE, "https://docs.example.com/docs/guide", "/guide"),
    (SITE, "HTTP://WWW.DOCS.EXAMPLE.COM:80/docs/guide/", "/guide"),
    (SITE, "https://user@docs.example.com:443/docs", "/"),
    (SITE, "docs.example.com/docs/guide", "/guide"),
    (SITE, "/docs/guide", "/guide"),
    (SITE, "/guide", "/guide"),
    (SITE, "/docs", "/"),
    (SITE, "/docs-old/guide", "/docs-old/guide"),
    # and another host stays
    (SITE, "https://github.com/docs/guide.md", "github.com/docs/guide"),
    (SITE, "https://github.com", "github.com"),
    (SITE, "https://docs.example.com:8080/docs/a", "docs.example.com:8080/docs/a"),
    ("https://a.example/d.cs", "/dXcs/guide", "/dXcs/guide"),
]


@pytest.fixture(scope="module")
def database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    macros = resources.files("airflow_provider_docsanalytics.lake").joinpath("macros.sql")
    connection.execute(macros.read_text())
    return connection


def _keys(
    database: duckdb.DuckDBPyConnection, urls: list[str | None], base: str
) -> list[str | None]:
    """Return the keys of a column: constants take another way through DuckDB."""
    query = "SELECT page_key(url, ?) FROM (SELECT unnest(?::VARCHAR[]) AS url)"
    return [key for (key,) in database.execute(query, [base, urls]).fetchall()]


@pytest.mark.parametrize(("base_url", "url", "key"), CASES)
def test_a_page_has_one_key(
    database: duckdb.DuckDBPyConnection, base_url: str, url: str | None, key: str | None
) -> None:
    assert _keys(database, [url], base_url) == [key]


def test_a_key_is_the_key_of_itself(database: duckdb.DuckDBPyConnection) -> None:
    for base in ("", SITE):
        keys = [key for of, _, key in CASES if of == base and key and "%" not in key]
        assert _keys(database, keys, base) == keys


_PIECES = (
    "https:",
    "//",
    "/",
    "docs.example.com",
    "www.",
    "docs",
    "guide",
    "index",
    ".md",
    ".html",
)
_PIECES += ("?a", "#b", "%20", "%C3%A4", "%", "..", "@", ":443", " ", "ß", "GUIDE", "github.com")


@settings(max_examples=25)
@given(
    st.lists(st.lists(st.sampled_from(_PIECES), max_size=6).map("".join), min_size=1, max_size=40)
)
def test_any_address_has_the_key_of_the_slow_and_obvious_way(
    database: duckdb.DuckDBPyConnection, urls: list[str | None]
) -> None:
    for base in ("", SITE):
        assert _keys(database, urls, base) == [page_of(url, base) for url in urls]


def test_the_path_of_an_address_is_worked_out_alike_on_postgresql() -> None:
    """No other part of a key can be the same text in both."""
    lake = resources.files("airflow_provider_docsanalytics.lake")
    ours, theirs = (lake.joinpath(name).read_text() for name in ("macros.sql", "postgres.sql"))
    (macro,) = re.findall(r"CREATE MACRO path_of\(address\) AS\s+(.*?);", ours, re.DOTALL)
    (function,) = re.findall(r"path_of\(address text\).*?SELECT\s+(.*?)\s+\$\$", theirs, re.DOTALL)
    assert macro.split() == function.split()
