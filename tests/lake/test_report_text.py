"""Text from readers on a page: one line, cut, nothing private, and no link that leads elsewhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.lake.report.reader_text import LONGEST, ReaderText, link
from airflow_provider_docsanalytics.parameters import site_url

SITE = "https://docs.example.com/docs"
HEX = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mail bob.o'neil+x@mail.example.co.uk, please", "mail [e-mail], please"),
        ("I am foo＠example．com", "I am [e-mail]"),  # noqa: RUF001 - as typed in Japan
        ("b\u200bob@exam\u00adple.com?", "[e-mail]?"),
        ("my key is sk-abc123DEF456ghi", "my key is [key]"),
        ("mint_dsc_abcdefgh123 fails", "[key] fails"),
        ("token: hunter2!", "[key]"),
        ("my password is hunter22, why?", "my [key], why?"),
        ('"api_key": "s3cret-value"', '"[key]"'),
        ("Authorization: Bearer abc.def.123", "Authorization: [key]"),
        ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY1", "[key]"),
        ("AKIAIOSFODNN7EXAMPLE", "[key]"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc", "[key]"),
        (f"hash {HEX}", "hash [key]"),
        ("id 123e4567-e89b-12d3-a456-426614174000", "id [key]"),
        ("call +44 20 7946 0958", "call [number]"),
        ("(555) 123-4567 or 0800/123 456 78", "[number] or [number]"),
        ("card 4111 1111 1111 1111", "card [number]"),
    ],
)
def test_what_is_private_is_redacted(text: str, shown: str) -> None:
    reader = ReaderText()
    assert reader.line(text) == shown
    assert reader.redacted == shown.count("[")


@pytest.mark.parametrize(
    "text",
    [
        "how do I reset my password?",
        "API key required? The API key is invalid",
        "what is a bearer token",
        "token refresh endpoint returns 401 after 30 minutes",
        "on 2026-01-31 06:00:00 we got error 500",
        "limits of v1.2.3, 100000 requests and 4096 bytes",
        "https://docs.example.com/guides/getting-started-with-v2-long-slug",
        "naïve 日本語 🚀 שלום",
    ],
)
def test_what_is_not_private_stays(text: str) -> None:
    reader = ReaderText()
    assert (reader.line(text), reader.redacted) == (text, 0)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x00b\n\tc  d\u2028e", "ab c d e"),
        ("\u202etxt.exe\u202c \u2066x\u2069", "txt.exe x"),
        ("half \ud83d", "half"),
        ("x" * 10_000, "x" * (LONGEST - 1) + "…"),
        ("", ""),
    ],
)
def test_a_text_is_one_line_and_cut(text: str, shown: str) -> None:
    assert ReaderText().line(text) == shown


@given(st.text(max_size=6000))
def test_any_text_becomes_a_short_printable_line(text: str) -> None:
    line = ReaderText().line(text)
    assert len(line) <= LONGEST
    assert line.isprintable()
    line.encode()


@pytest.mark.parametrize("text", ["a@" * 5000, "1 " * 5000, "eyJ" + "a." * 5000, "token='" * 2000])
def test_no_text_takes_long_because_every_repetition_is_bounded(text: str) -> None:
    assert len(ReaderText().line(text)) <= LONGEST


@pytest.mark.parametrize(
    ("key", "address"),
    [
        ("/guides/a b", f"{SITE}/guides/a%20b"),
        ("/é", f"{SITE}/%C3%A9"),
        ('/"><script>', f"{SITE}/%22%3E%3Cscript%3E"),
        ("/a?b#c", f"{SITE}/a%3Fb%23c"),
        ("javascript:alert(1)", ""),
        ("//evil.example/a", ""),
        ("/\\evil.example", ""),
        ("evil.example/a", ""),  # a page of another host
        ("/a\nb", ""),
        ("/\u202egpj", ""),
        ("/" + "x" * 500, ""),
        ("", ""),
    ],
)
def test_a_page_is_linked_on_the_site_or_not_at_all(key: str, address: str) -> None:
    assert link(SITE, key) == address
    assert link("", key) == ""


@pytest.mark.parametrize(
    ("address", "site"),
    [
        ("https://docs.example.com/", "https://docs.example.com"),
        (" https://example.com/docs// ", "https://example.com/docs"),
        ("http://localhost:3000", "http://localhost:3000"),
    ],
)
def test_a_site_is_an_address_without_its_last_slash(address: str, site: str) -> None:
    assert site_url("base_url", address) == site


@pytest.mark.parametrize(
    "address",
    [
        "docs.example.com",
        "javascript:alert(1)",
        "ftp://example.com",
        "https://",
        "https://example.com/?a=1",
        "https://example.com/#a",
        "https://user:pass@example.com",
        "https://exa mple.com",
        'https://example.com/"onclick="',
        "https://[::1",
        "https://example.com/a\nb",
    ],
)
def test_what_is_no_site_is_refused_by_name(address: str) -> None:
    with pytest.raises(ConfigError, match="is not the address of a site"):
        site_url("base_url", address)
