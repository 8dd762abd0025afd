"""Whatever the key, whatever it is written in: no 8 characters of it stay readable."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from airflow_provider_docsanalytics.api._redact import Secret, redact
from tests.security.encodings import CODES, ESCAPES, NAMES, PAIRS, say, told

PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
WORDS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
KEY = "mint_Canary+Zebra/Quilt=7"
keys = st.one_of(
    st.text(WORDS, min_size=16, max_size=40).map("mint_".__add__),
    st.text(PRINTABLE, min_size=8, max_size=24),
)
spoken = st.sampled_from([str, str.lower, str.upper])


@pytest.mark.parametrize("outer", NAMES)
def test_a_key_in_any_two_encodings_is_redacted(outer: str) -> None:
    for inner, case in product(NAMES, (str, str.lower, str.upper)):
        pair = (inner, outer)
        for before in ("", ":", "Bearer: ") if {*pair} & {*CODES} else ("",):
            text = f"it was {case(say(KEY, *pair, before=before))} and no more"
            assert told(KEY, text, (pair,))
            hidden = redact(text, [Secret(KEY)])
            assert told(KEY, hidden, (pair,)) == set()
            assert hidden.startswith("it was ")
            assert hidden.endswith(" and no more")


@settings(max_examples=300, deadline=None)
@given(keys, st.sampled_from(PAIRS), spoken, st.integers(0, 9), st.integers(0, 3))
@example("\\u0041%41&amp;#43;bcd", ("json", "quote"), str, 0, 0)
@example("ab%2541\\\\x41cd", ("quote", "html.escape"), str, 0, 0)
@example("aaaaaaaaaaaaaaaa", ("base64", "hex"), str.upper, 0, 0)
def test_no_part_of_a_key_stays(
    key: str, pair: tuple[str, str], case: type[str], skipped: int, cut: int
) -> None:
    part = key[min(skipped, len(key) - 8) :]
    part = part[: max(8, len(part) - cut)]
    hidden = redact(f"no: '{case(say(part, *pair))}'", [Secret(key)])
    assert told(key, hidden, (pair,)) == set()


@settings(max_examples=300, deadline=None)
@given(
    st.text(WORDS + "+/=-_.~!$*", min_size=8, max_size=40),
    st.sampled_from(NAMES),
    st.sampled_from(["\n", "\r\n ", " ", "\\n", "\t", "<br>", "\u200b", "&#10;", "%0A"]),
    st.integers(1, 30),
)
def test_a_key_that_is_broken_over_lines_is_redacted(
    key: str, name: str, between: str, width: int
) -> None:
    # An escape is broken between characters, a code anywhere.
    units = [ESCAPES[name](each) for each in key] if name in ESCAPES else list(say(key, name))
    lines = ["".join(units[first : first + width]) for first in range(0, len(units), width)]
    hidden = redact(f"no: '{between.join(lines)}'", [Secret(key)])
    assert told(key, hidden.replace(between, ""), ((name, "as it is"),)) == set()


@settings(max_examples=50, deadline=None)
@given(st.text(WORDS, min_size=20, max_size=40).map("mint_".__add__))
def test_what_is_no_key_stays(key: str) -> None:
    text = (
        "The connection's key (mint_…, from the API keys page of project 507f1f77bcf86cd799439011) "
        "was refused: see https://api.example.com/v1/analytics?limit=50&cursor=bWludF9hZG1pbg== "
        r"and C:\new\u0041 &amp; 100% of %41 at 2026-01-10T00:00:00.000Z; Content-Type: text/html."
    )
    assert redact(text, [Secret(key)]) == text


def test_a_secret_of_few_letters_is_redacted_as_a_whole_and_not_across_words() -> None:
    short = [Secret("ate")]
    assert redact("that error: ate, YXRl, %61te, at e", short) == "that error: ***, ***, ***, at e"
    assert redact("late", short) == "l***"
    assert redact("ate, ate, ate.", short) == "***, ***, ***."


HOSTILE = {
    "of nothing": "a",
    "of half the key": KEY[:7] + "x",
    "of the key": KEY[:8] + "x",
    "of its base64": "bWludF9DY",
    "of backslashes": "\\",
    "of escapes cut off": "\\u",
    "of percents": "%25",
    "of nested percents": "%2525252541",
    "of entities": "&amp;#38;#38;",
    "of entities cut off": "&#x0",
    "of ampersands": "&",
    "of spaces": "a ",
    "of tags": "<br ",
    "of URLs": "://",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_text_made_to_take_long_is_done_before_anybody_asks(name: str) -> None:
    """Work that grew with the square of the text would not end here."""
    secrets = [Secret(KEY), Secret("abc"), Secret("user:abc", in_parts=False)]
    text = HOSTILE[name] * (2**17 // len(HOSTILE[name]))
    hidden = redact(f"{text} {KEY} {text}", secrets)
    assert told(KEY, hidden[: len(text)][-500:] + hidden[-500:]) == set()
    assert "***" in hidden
