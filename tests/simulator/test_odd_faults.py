"""The faults that only tests need."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.simulator.test_faults import fault

if TYPE_CHECKING:
    from tests.simulator.client import Client


@pytest.mark.parametrize(
    ("how", "got"), [("cut", b'{"err'), ("utf8", b'{"err\xffor":1}'), ("gzip", b'{"error":1}')]
)
def test_a_scripted_body_can_be_damaged(small: Client, how: str, got: bytes) -> None:
    fault(small, "status", status=429, body='{"error":1}', damage=how, content_type="text/plain")
    with small.get("views", stream=True) as response:
        assert (response.status_code, response.headers["Content-Type"]) == (429, "text/plain")
        assert response.raw.read(decode_content=False) == got
    with pytest.raises(ValueError, match="damage is one of"):
        fault(small, "status", status=429, damage="else")


def test_a_cursor_can_be_a_url(small: Client) -> None:
    fault(small, "cursor_as_url")
    given = small.get("feedback", {"limit": 1}).json()["nextCursor"]
    assert given.startswith("https://api.example.com/next?limit=1&cursor=")


def test_invalid_utf8_cannot_be_decoded(small: Client) -> None:
    fault(small, "invalid_utf8")
    with pytest.raises(UnicodeDecodeError):
        small.get("conversations").content.decode()


@pytest.mark.parametrize(("kind", "rows"), [("duplicate_page", 50), ("empty_page", 0)])
def test_a_new_cursor_can_lead_to_the_same_page(small: Client, kind: str, rows: int) -> None:
    whole = small.rows("conversations", {"limit": 50})
    fault(small, kind, match={"nth": 2})
    pages = [page["conversations"] for page in small.pages("conversations", {"limit": 50})]
    assert [len(page) for page in pages] == [50, rows, 50, 20]
    assert [row for page in (pages[0], *pages[2:]) for row in page] == whole
    assert pages[1] in ([], pages[2])


def test_an_offset_can_be_ignored(small: Client) -> None:
    fault(small, "ignored_offset", match={"nth": 2})
    first, second, third = (small.ok("views", {"limit": 50, "offset": n}) for n in (0, 50, 50))
    assert second == first != third


def test_cursors_can_loop(small: Client) -> None:
    fault(small, "cursor_loop", back=2, match={"nth": 3})
    query, cursors = {"limit": "10"}, []
    for _ in range(3):
        cursors.append(small.ok("searches", query)["nextCursor"])
        query["cursor"] = cursors[-1]
    assert cursors[2] == cursors[0] != cursors[1]


def test_the_content_type_can_be_wrong_and_numbers_text(small: Client) -> None:
    fault(small, "content_type", content_type="text/html")
    assert small.get("caller_stats").headers["Content-Type"] == "text/html"
    fault(small, "numbers_as_text")
    assert all(isinstance(count, str) for count in small.ok("caller_stats").values())


def test_a_cursor_can_repeat(small: Client) -> None:
    fault(small, "repeat_cursor", match={"nth": 2})
    first = small.ok("conversations", {"limit": 50})
    query = {"limit": "50", "cursor": first["nextCursor"]}
    assert small.ok("conversations", query)["nextCursor"] == first["nextCursor"]
    assert small.ok("conversations", query)["nextCursor"] != first["nextCursor"]


def test_bodies_can_be_huge_with_the_same_content(small: Client) -> None:
    true = small.ok("views")
    fault(small, "big_body", bytes=3_000_000)
    big = small.get("views")
    assert (len(big.content), big.json()) == (3_000_000, true)
    fault(small, "gzip_bomb", size=5_000_000)
    bomb = small.get("views")
    assert int(bomb.headers["Content-Length"]) < 20_000
    assert (len(bomb.content), bomb.json()) == (5_000_000, true)


def test_pretty_responses_have_the_same_content(small: Client) -> None:
    fault(small, "pretty")
    pretty = small.get("conversations")
    assert pretty.text.startswith('{\n  "conversations": [\n')
    assert pretty.json() == small.ok("conversations")
