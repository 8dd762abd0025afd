"""The time range that an export covers: half-open, in UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import MAXYEAR, UTC, date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from airflow_provider_docsanalytics.errors import ConfigError

_DAY = timedelta(days=1)
MILLISECOND = timedelta(milliseconds=1)
MOST_DAYS = 1000
"""Of a window that is split; each is a directory with a manifest."""


def parse_instant(value: object, field: str) -> datetime:
    """Return ``value`` as an instant in UTC, truncated to milliseconds.

    Args:
        value: a ``datetime``, a ``date``, or ISO 8601 text. Without a zone it means UTC; a date
            means its midnight.
        field: the name of the parameter, for the error.

    Raises:
        ConfigError: ``value`` is none of these, or not in the years 1 to 9998.
    """
    instant = _aware(value, field)
    try:
        instant = instant.astimezone(UTC)
    except OverflowError as error:
        raise _out_of_range(field, value) from error
    if instant.year == MAXYEAR:  # nothing can be added to it
        raise _out_of_range(field, value)
    # A plain datetime, because the text of a subclass (pendulum's) may differ.
    return datetime(
        instant.year,
        instant.month,
        instant.day,
        instant.hour,
        instant.minute,
        instant.second,
        instant.microsecond // 1000 * 1000,
        tzinfo=UTC,
    )


def parse_local(value: object, field: str) -> datetime:
    """Return the instant of :func:`parse_instant` in the zone of ``value``, UTC if it has none.

    An offset counts as a zone without daylight saving time.
    """
    return parse_instant(value, field).astimezone(named_zone(_aware(value, field)))


def _out_of_range(field: str, value: object) -> ConfigError:
    return ConfigError(
        f"{field}={value!r:.100} is out of the range of dates.\n"
        "Use a date from year 1 to 9998, in UTC."
    )


def named_zone(instant: datetime) -> tzinfo:
    """Return the zone of an aware ``datetime``, as one that has an IANA name or a fixed offset."""
    key = getattr(instant.tzinfo, "key", None)
    return ZoneInfo(key) if key else timezone(instant.utcoffset() or timedelta(0))


def _aware(value: object, field: str) -> datetime:
    if isinstance(value, datetime):
        instant = value
    elif isinstance(value, date):
        instant = datetime.combine(value, time())
    else:
        try:
            if not isinstance(value, str):
                raise ValueError(type(value).__name__)  # noqa: TRY004, TRY301 - as any other value
            instant = datetime.fromisoformat(value.strip())
        except ValueError as error:
            raise ConfigError(
                f"{field}={value!r:.100} is not a date.\nWrite ISO 8601, such as 2026-01-31 or "
                "2026-01-31T06:00:00Z (no zone means UTC)."
            ) from error
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def iso_ms(instant: datetime) -> str:
    """Return a UTC instant as both APIs accept it: ``2026-01-01T00:00:00.000Z``."""
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class DateWindow:
    """``[start, end)`` in UTC, to the millisecond: adjacent windows never share an instant.

    Attributes:
        start: the first instant inside, in UTC.
        end: the first instant after, in UTC.
        start_zone: the zone in which ``start`` was given, for paths and partition keys; windows
            that differ only in their zones are equal.
        end_zone: the same for ``end``.

    Raises:
        ConfigError: the start is not before the end.
    """

    start: datetime
    end: datetime
    start_zone: tzinfo = field(default=UTC, compare=False)
    end_zone: tzinfo = field(default=UTC, compare=False)

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise ConfigError(
                f"date_from={iso_ms(self.start)} is not before date_to={iso_ms(self.end)}.\n"
                "Correct them; the window is half-open: it includes date_from, not date_to."
            )

    @classmethod
    def parse(cls, date_from: object, date_to: object) -> DateWindow:
        """Return the window between two instants, each as :func:`parse_instant` accepts it."""
        return cls(parse_instant(date_from, "date_from"), parse_instant(date_to, "date_to"))

    @classmethod
    def between(cls, start: datetime, end: datetime) -> DateWindow:
        """Return the window between two aware instants, each given in its own zone."""
        zones = named_zone(start), named_zone(end)
        return cls(start.astimezone(UTC), end.astimezone(UTC), *zones)

    @property
    def local_start(self) -> datetime:
        """The first instant inside, in the zone in which it was given."""
        return self.start.astimezone(self.start_zone)

    @property
    def local_end(self) -> datetime:
        """The first instant after, in the zone in which it was given."""
        return self.end.astimezone(self.end_zone)

    @property
    def date_from(self) -> str:
        """The first instant inside, as ISO 8601 text."""
        return iso_ms(self.start)

    @property
    def date_to(self) -> str:
        """The first instant after, as ISO 8601 text."""
        return iso_ms(self.end)

    @property
    def last_ms(self) -> str:
        """The last millisecond inside: the end for an API whose end is inclusive."""
        return iso_ms(self.end - MILLISECOND)

    def halves(self) -> tuple[DateWindow, DateWindow] | None:
        """Return two adjacent windows that cover this one, ``None`` if it is 1 ms long."""
        length_ms = (self.end - self.start) // MILLISECOND
        if length_ms < 2:  # noqa: PLR2004 - a half needs at least one millisecond
            return None
        middle = self.start + (length_ms // 2) * MILLISECOND
        return DateWindow(self.start, middle), DateWindow(middle, self.end)

    def days(self) -> tuple[DateWindow, ...]:
        """Return its days, each from midnight to midnight in the zone of its start.

        Where the clock skips midnight, a day starts when the clock is set; where midnight comes
        twice, at the first.

        Raises:
            ConfigError: it does not start and end at midnight, or has too many days.
        """
        zone, first = self.start_zone, self.local_start.date()
        last = self.end.astimezone(zone).date()
        if (last - first).days > MOST_DAYS:
            raise ConfigError(
                f"The window {self} has {(last - first).days} days; at most {MOST_DAYS} can be "
                "split.\nExport several narrower windows."
            )
        if self.start != _midnight(first, zone):
            raise _not_midnight("date_from", self.start, _midnight(first + _DAY, zone), zone)
        if self.end != _midnight(last, zone):
            if self.local_end.time() == time():
                raise self._two_zones()
            complete = _midnight(last if last > first else last + _DAY, zone)
            raise _not_midnight("date_to", self.end, complete, zone)
        starts = [_midnight(first + number * _DAY, zone) for number in range((last - first).days)]
        return tuple(
            DateWindow(start, end, zone, zone)
            for start, end in zip(starts, [*starts[1:], self.end], strict=True)
        )

    def _two_zones(self) -> ConfigError:
        return ConfigError(
            f"split='day' writes complete days of one zone: date_from="
            f"{self.local_start.isoformat()} is midnight in {self.start_zone}, and date_to="
            f"{self.local_end.isoformat()} in {self.end_zone}.\nGive both in one zone. If its "
            "clocks change in between, leave both out, so that the Dag's zone counts, or pass "
            "datetimes with the zone's name, as ZoneInfo('Europe/Berlin') has it."
        )

    def __str__(self) -> str:
        return f"[{self.date_from}, {self.date_to})"


def _midnight(day: date, zone: tzinfo) -> datetime:
    """Return the first instant of a day, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _not_midnight(name: str, given: datetime, complete: datetime, zone: tzinfo) -> ConfigError:
    given, complete = given.astimezone(zone), complete.astimezone(zone)
    return ConfigError(
        f"split='day' writes complete days, and {name}={given.isoformat()} is not the start of a "
        f"day in the window's zone, {zone}.\nUse {name}={complete.isoformat()!r}, or leave out "
        "split."
    )
