"""What is done to a lake, and the codes by which an audit must find it: these, and no others."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.window import iso_ms
from tests.reliability.vandal import CHECKPOINT, MANIFEST
from tests.support.lake import DAY

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.reliability.vandal import Vandal


@dataclass(frozen=True)
class Sabotage:
    """One.

    Attributes:
        does: the damage.
        found: the codes of the findings.
        deep: whether only a deep audit can find it.
        formats: of the lakes to which it can be done.
    """

    name: str
    does: Callable[[Vandal], None]
    found: frozenset[str]
    deep: bool = False
    formats: tuple[str, ...] = ("jsonl", "parquet")


TABLE: list[Sabotage] = []


def _add(
    name: str, does: Callable[[Vandal], Any], *found: str, deep: bool = False, **more: Any
) -> None:
    TABLE.append(Sabotage(name, does, frozenset(found), deep, **more))


def _flip(content: bytes, at: float) -> bytes:
    place = min(int(len(content) * at), len(content) - 1)
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def _on_part(
    change: Callable[[bytes], bytes], endpoint: str = "searches"
) -> Callable[[Vandal], None]:
    return lambda lake: lake.change(lake.part(lake.day(endpoint)), change)


# Files

for place, at in (("first", 0.0), ("middle", 0.5), ("last", 1.0)):
    _add(
        f"the {place} byte of a file flipped", _on_part(partial(_flip, at=at)), "sha256", deep=True
    )
_add("a file filled with zeros", _on_part(lambda text: bytes(len(text))), "sha256", deep=True)
_add("a file cut by one byte", _on_part(lambda text: text[:-1]), "size")
_add("a file cut in half", _on_part(lambda text: text[: len(text) // 2], "views"), "size")
_add("a file emptied", _on_part(lambda _: b"", "conversations"), "size")
_add("a byte added to a file", _on_part(lambda text: text + b"\n"), "size")
_add("a file deleted", lambda lake: lake.delete(lake.part(lake.day("feedback"))), "missing-file")


def _rename_part(lake: Vandal) -> None:
    path = lake.part(lake.day("views"))
    lake.write(path.replace("part-00000", "part-00007"), lake.read(path))
    lake.delete(path)


def _add_part(lake: Vandal) -> None:
    path = lake.part(lake.day("views"))
    lake.write(path.replace("part-00000", "part-00001"), lake.read(path))


def _swap_files(lake: Vandal) -> None:
    one, other = lake.part(lake.day("searches", 3)), lake.part(lake.day("searches", 4))
    texts = lake.read(one), lake.read(other)
    lake.write(one, texts[1])
    lake.write(other, texts[0])


_add("a file renamed", _rename_part, "missing-file", "unlisted-part")
_add("a file of rows added", _add_part, "unlisted-part")
_add("the files of two days swapped", _swap_files, "size")

# Manifests


def _on_manifest(content: bytes, endpoint: str = "views") -> Callable[[Vandal], None]:
    return lambda lake: lake.write(f"{lake.day(endpoint)}/{MANIFEST}", content)


def _edit(endpoint: str, /, **changed: Any) -> Callable[[Vandal], None]:
    return lambda lake: lake.edit(lake.day(endpoint), **changed)


def _count_more(lake: Vandal) -> None:
    day = lake.day("views")
    lake.edit(day, rows=lake.manifest(day)["rows"] + 1)


def _count_more_in_file(lake: Vandal) -> None:
    day = lake.day("visitors")
    rows = lake.manifest(day)["files"][0]["rows"] + 1
    lake.edit_file(day, rows=rows)
    lake.edit(day, rows=rows)


def _list_twice(lake: Vandal) -> None:
    day = lake.day("views")
    files = lake.manifest(day)["files"]
    lake.edit(day, files=files * 2, rows=2 * lake.manifest(day)["rows"])


def _list_from_elsewhere(lake: Vandal) -> None:
    other = lake.part(lake.day("views", 2)).rpartition("/")[2]
    lake.edit_file(lake.day("views"), name=f"../dt={lake.date(2):%Y-%m-%d}/{other}")


def _shift(lake: Vandal) -> None:
    dates = {"date_from": iso_ms(lake.date() + DAY), "date_to": iso_ms(lake.date() + 2 * DAY)}
    lake.edit(lake.day("feedback"), **dates)


_LOST = ("damaged-manifest", "gap")
_add("a manifest cut in half", lambda lake: lake.change(
    f"{lake.day('views')}/{MANIFEST}", lambda text: text[: len(text) // 2]), *_LOST)  # fmt: skip
_add("a manifest emptied", _on_manifest(b""), *_LOST)
_add("a manifest of another program", _on_manifest(b'{"manifest": []}'), *_LOST)
_add("a manifest of the next version", _edit("views", manifest_version=2), *_LOST)
_add("a manifest nested 100,000 deep", _on_manifest(b"[" * 100_000), *_LOST)
_add("a manifest that is not UTF-8", _on_manifest(b"\xff\xfe"), *_LOST)
_add("a manifest that lists a file elsewhere", _list_from_elsewhere, *_LOST)
_add("a manifest whose window ends before it starts", _edit("views", date_to="2020-01-01"), *_LOST)
_add("a manifest whose date is none", _edit("views", date_from="yesterday"), *_LOST)
_add("a manifest that counts a row more", _count_more, "damaged-manifest")
_add("a manifest that lists a file twice", _list_twice, "damaged-manifest")
_add("a manifest deleted", lambda lake: lake.delete(f"{lake.day('views')}/{MANIFEST}"),
     "unlisted-part", "gap")  # fmt: skip
_add("a manifest that counts a row more, in its file, too", _count_more_in_file, "rows", deep=True)
_add("a checksum edited", lambda lake: lake.edit_file(lake.day("visitors"), sha256="0" * 64),
     "sha256", deep=True)  # fmt: skip
_add("a size edited", lambda lake: lake.edit_file(lake.day("visitors"), bytes=1), "size")
_add("a manifest's window shifted by a day", _shift, "gap", "overlap")
_add("a manifest of another endpoint", _edit("views", endpoint="visitors"), "gap", "overlap")
_add("a manifest of another project", _edit("views", project_id="proj_other"), "gap")
_add("a manifest with a filter", _edit("feedback", filters={"status": "pending"}), "gap")
_add("a manifest of another account", _edit("calls_by_service", account="vyom_other"), "gap")
_add("a manifest with a field that is new", _edit("views", drift={"new": ["language"]}), "drift")

# Windows


def _delete_days(endpoint: str, *numbers: int) -> Callable[[Vandal], None]:
    def delete(lake: Vandal) -> None:
        for number in numbers:
            lake.delete_export(lake.day(endpoint, number % lake.days))

    return delete


def _copy_day(to: str, endpoint: str = "conversations") -> Callable[[Vandal], None]:
    return lambda lake: lake.copy_export(lake.day(endpoint), to)


def _export(endpoint: str, number: int, length: timedelta) -> Callable[[Vandal], None]:
    """Return an export into a day's directory, of a window of another length."""

    def write(lake: Vandal) -> None:
        number_of_day = number % lake.days
        path = lake.day(endpoint, number_of_day)
        lake.delete_export(path)
        start = lake.date(number_of_day)
        lake.writer.write(MINTLIFY, endpoint, start, start + length, path=path)
        lake.added(path)

    return write


def _swap_days(lake: Vandal) -> None:
    one, other = lake.day("views", 3), lake.day("views", 4)
    lake.copy_export(one, "aside")
    lake.delete_export(one)
    lake.copy_export(other, one)
    lake.delete_export(other)
    lake.copy_export("aside", other)
    lake.delete_export("aside")


_add("a day deleted", _delete_days("searches", 9), "gap")
_add("three days deleted", _delete_days("calls_by_service", 5, 6, 7), "gap")
_add("two days apart deleted", _delete_days("conversations", 5, 9), "gap")
_add("the last three days deleted", _delete_days("feedback", -1, -2, -3), "gap")
_add("a day twice, side by side", _copy_day("mintlify/conversations/copy-of-a-day"), "overlap")
_add("a day twice, in another directory", _copy_day("backfill/conversations/2026"), "overlap")
_add("a day of counts twice", _copy_day("backfill/views/2026", "views"), "overlap")
_add("a week in a day's directory", _export("conversations", 7, 7 * DAY), "overlap")
_add("a week of counts in a day's directory", _export("views", 7, 7 * DAY), "overlap")
_add("a week in the last day's directory", _export("feedback", -1, 7 * DAY), "label")
_add("half a day in a day's directory", _export("searches", 7, DAY / 2), "gap")
_add("two days in each other's directory", _swap_days, "label")

# Silence


def _silence(
    endpoint: str, days: Callable[[Vandal], range | list[int]]
) -> Callable[[Vandal], None]:
    def silence(lake: Vandal) -> None:
        for number in days(lake):
            lake.silence(lake.day(endpoint, number))

    return silence


def _last(number: int) -> Callable[[Vandal], range]:
    return lambda lake: range(lake.days - number, lake.days)


def _weekends(lake: Vandal) -> list[int]:
    return [number for number in range(lake.days) if number % 7 in (5, 6)]


_add("a source quiet for two weeks", _silence("visitors", _last(14)), "silent-zero")
_add("a source quiet for two days", _silence("views", _last(2)), "silent-zero")
_add("a source quiet for a week in the middle", _silence("searches", lambda _: range(30, 37)),
     "silent-zero")  # fmt: skip
_add("nothing: a source quiet at every weekend", _silence("visitors", _weekends))
_add("a source quiet at weekends, and for two weeks", _silence(
    "visitors", lambda lake: [*_weekends(lake), *_last(14)(lake)]), "silent-zero")  # fmt: skip

# Rows, with manifests that fit


def _fit(endpoint: str, change: Callable[[list[Any]], list[Any]]) -> Callable[[Vandal], None]:
    return lambda lake: lake.fit_rows(lake.day(endpoint), change)


_COUNTED = ("conversations", "feedback", "feedback_by_page", "searches", "views")
for _endpoint in (*_COUNTED, "calls_by_service"):
    _add(
        f"{_endpoint}: a row removed, the manifest fitted",
        _fit(_endpoint, lambda rows: rows[1:]),
        "totals",
        deep=True,
    )
for _endpoint in ("conversations", "feedback", "views", "visitors"):
    _add(
        f"{_endpoint}: a row doubled, the manifest fitted",
        _fit(_endpoint, lambda rows: [*rows, rows[0]]),
        *("duplicate-key", "totals")[: 2 if _endpoint in _COUNTED else 1],
        deep=True,
    )


def _yesterdays_row(lake: Vandal) -> None:
    day, before = lake.day("feedback"), lake.day("feedback", lake.days // 2 - 1)
    taken: list[Any] = []
    lake.fit_rows(before, lambda rows: taken.append(rows[0]) or rows)
    lake.fit_rows(day, lambda rows: [*rows[:-1], *taken])


def _another_days_rows(lake: Vandal) -> None:
    day, before = lake.day("visitors"), lake.day("visitors", 3)
    taken: list[Any] = []
    lake.fit_rows(before, lambda rows: taken.extend(rows) or rows)
    lake.fit_rows(day, lambda _: taken)


_add("a row of the day before, the manifest fitted", _yesterdays_row, "duplicate-key", deep=True)
_add("the rows of another day, the manifest fitted", _another_days_rows, "rows", deep=True)
_add("rows that are no rows, the manifest fitted", _fit(
    "visitors", lambda rows: [b"{%d\n" % at for at, _ in enumerate(rows)]),
     "rows", deep=True, formats=("jsonl",))  # fmt: skip
_add("a total edited", _edit("searches", totals={"totalSearches": 1}), "totals", deep=True)
_add("a total of another endpoint edited", _edit("caller_stats", totals={"total": 1}), "totals")

# Unfinished exports, and what is as it should be


def _checkpoint(hours: float, **more: Any) -> Callable[[Vandal], None]:
    """Return an unfinished export beside a finished one, that was last continued so long ago."""

    def write(lake: Vandal) -> None:
        day = lake.day("views")
        at = iso_ms(lake.date(lake.days) - timedelta(hours=hours))
        names = ("platform", "endpoint", "project_id", "date_from", "date_to", "filters",
                 "file_format", "compression")  # fmt: skip
        identity = {name: lake.manifest(day)[name] for name in names}
        text = {"checkpoint_version": 1, "identity": identity, "source": "s", "owner": "1f3a9c2e",
                "updated_at": at, "progress": {"started_at": at}} | more  # fmt: skip
        lake.write(f"{day}/{CHECKPOINT}", json.dumps(text).encode())

    return write


def _never_finished(lake: Vandal) -> None:
    _checkpoint(30)(lake)
    lake.delete(f"{lake.day('views')}/{MANIFEST}")


def _older_manifests(lake: Vandal) -> None:
    for number in range(lake.days // 2):
        day = lake.day("calls_by_service", number)
        older = {
            name: value
            for name, value in lake.manifest(day).items()
            if name not in ("service", "account", "drift")
        }
        lake.write(f"{day}/{MANIFEST}", json.dumps(older).encode())


def _monthly(lake: Vandal) -> None:
    path = "monthly/visitors/1"
    lake.writer.write(MINTLIFY, "visitors", lake.date(0), lake.date(28), path=path)
    lake.added(path)


_add("an export unfinished for 7 hours", _checkpoint(7), "unfinished")
_add("an export never finished", _never_finished, "unfinished", "gap")
_add("a checkpoint that cannot be read", lambda lake: lake.write(
    f"{lake.day('views')}/{CHECKPOINT}", b"{"), "unfinished")  # fmt: skip
_add("nothing: an export that runs", _checkpoint(1))
_add("nothing: a checkpoint that may not be deleted", _checkpoint(999, finished=True))
_add("nothing: manifests of an older version", _older_manifests)
_add("nothing: a file of someone else", lambda lake: lake.write(
    f"{lake.day('views')}/notes.txt", b"x"))  # fmt: skip
_add("nothing: a month of visitors beside the days", _monthly)


def _do_all(lake: Vandal) -> None:
    for each in _SEVERAL:
        each.does(lake)


_NAMES = ("the middle byte of a file flipped", "a file deleted", "a day twice, side by side",
          "visitors: a row doubled, the manifest fitted")  # fmt: skip
_SEVERAL = [each for each in TABLE if each.name in _NAMES]
TOGETHER = Sabotage(
    f"{len(_SEVERAL)} of these at once",
    _do_all,
    frozenset[str]().union(*(each.found for each in _SEVERAL)),
    deep=True,
)
