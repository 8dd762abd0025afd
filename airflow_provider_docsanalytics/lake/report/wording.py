"""Numbers and differences in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import date

    from airflow_provider_docsanalytics.lake.report.noise import Share, Verdict


_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def day(when: date) -> str:
    """Return ``16 Nov``, whatever the locale."""
    return f"{when.day} {_MONTHS[when.month - 1]}"


def weekday(when: date) -> str:
    """Return ``Mon 16 Nov``."""
    return f"{_WEEKDAYS[when.weekday()]} {day(when)}"


def days(first: date, last: date) -> str:
    """Return ``16 to 22 Nov 2026``, as short as it can be."""
    if first == last:
        return f"{day(last)} {last.year}"
    if first.year != last.year:
        return f"{day(first)} {first.year} to {day(last)} {last.year}"
    start = str(first.day) if first.month == last.month else day(first)
    return f"{start} to {day(last)} {last.year}"


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return ``1 question`` or ``1,200 questions``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def percent(share: float) -> str:
    """Return a share as whole percent; one that is nearly all or nothing is not rounded to it."""
    rounded = round(share * 100)
    if rounded in (0, 100) and share not in (0, 1):
        return "less than 1 %" if share < 1 / 2 else "more than 99 %"
    return f"{rounded} %"


def part_of(share: Share) -> str:
    """Return ``81 % (252 of 312)``."""
    return f"{percent(share.value)} ({share.part:,} of {share.whole:,})"


_NO_CHANGE = {
    "noise": "no change that stands out from noise",
    "small": "too small a number to compare",
    "unknown": "not compared, because not every day of both periods has an export of its own",
}


class Compared(NamedTuple):
    """What a comparison found, and on which day if it is about one."""

    verdict: Verdict
    day: date | None

    @property
    def no_change(self) -> str:
        """Why this is no change."""
        if self.day is not None:
            return f"no change of all days, but {weekday(self.day)} stands out"
        return _NO_CHANGE[self.verdict]


def change_of_count(before: int, after: int, compared: Compared) -> str:
    """Return how a count differs from that of the period before, as the end of a sentence."""
    if compared.verdict != "changed":
        return f"{before:,} in the period before: {compared.no_change}"
    direction = "up" if after > before else "down"
    if not before:
        return f"{direction} from none in the period before"
    share = percent(abs(after - before) / before)
    return f"{direction} {share} from {before:,} in the period before"


def change_of_share(before: Share, after: Share, compared: Compared) -> str:
    """Return how a share differs from that of the period before, as the end of a sentence."""
    if compared.verdict == "changed":
        direction = "up" if after.value > before.value else "down"
        return f"{direction} from {part_of(before)} in the period before"
    if not before.whole:
        return compared.no_change
    return f"{part_of(before)} in the period before: {compared.no_change}"
