"""The codes, and the page that explains them."""

from __future__ import annotations

import re
from pathlib import Path

from airflow_provider_docsanalytics.lake.audit_silence import LEAST_EXPECTED, LEAST_IN_ONE
from airflow_provider_docsanalytics.lake.finding import CODES, DEEP, printable

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "audit.md").read_text()


def test_the_page_explains_every_code_and_says_which_take_a_deep_audit() -> None:
    rows = re.findall(
        r"^\| `([a-z0-9-]+)` \| (?:error|warning)[^|]*\| ([^|]+)\|", PAGE, re.MULTILINE
    )
    assert [code for code, _ in rows] == list(CODES)
    assert {code for code, meaning in rows if meaning.startswith("`--deep`")} == DEEP


def test_the_page_has_the_numbers_of_the_rule_of_silence() -> None:
    text = " ".join(PAGE.split())
    said = f"at least {LEAST_EXPECTED} rows were expected in it, or at least {LEAST_IN_ONE} if"
    assert said in text


def test_text_of_others_is_printed_on_one_line_and_cut() -> None:
    assert printable("a\nb\x1b[2J\ud800\u202e") == "a\\nb\\x1b[2J\\ud800\\u202e"
    assert printable("x" * 600) == "x" * 501 + "…"
