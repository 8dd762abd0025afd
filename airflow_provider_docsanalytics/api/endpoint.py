"""The vocabulary of the endpoint tables: what an endpoint is, what is asked, what comes back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from airflow_provider_docsanalytics import _json
from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.parameters import check_page_size, id_text

if TYPE_CHECKING:
    from collections.abc import Callable

    import msgspec

    from airflow_provider_docsanalytics.fields import Field
    from airflow_provider_docsanalytics.window import DateWindow

Query = dict[str, str]
_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter of an endpoint.

    Attributes:
        values: the values that the API knows; empty means any text.
        many: whether several may be given, as a list or joined by commas.
    """

    values: tuple[str, ...] = ()
    many: bool = False

    def spell(self, name: str, value: object) -> str:
        """Return ``value`` as the API takes it, or raise :class:`ConfigError`."""
        given: Iterable[object] = [value]
        if isinstance(value, str):
            given = value.split(",") if self.many else given
        elif isinstance(value, Sequence | AbstractSet) and not isinstance(value, bytes):
            given = value
        known = ", ".join(self.values) or "one text"
        several = " (several: a list, or joined by commas)" if self.many else ""
        try:
            words = [id_text(f"filters[{name!r}]", word).strip() for word in given]
        except ConfigError as error:
            raise ConfigError(f"{error} It takes {known}{several}.") from error
        if self.many:
            words = sorted(set(words))
        unknown = self.values and set(words) - set(self.values)
        clean = words and all(word and word.isprintable() for word in words)
        if unknown or not clean or (len(words) > 1 and not self.many):
            raise ConfigError(f"filters[{name!r}]={value!r:.100}: expected {known}{several}.")
        return ",".join(words)


@dataclass(frozen=True, slots=True)
class Body:
    """One answer: its whole text, and its top-level members as undecoded slices.

    Attributes:
        unknown: names beside an envelope's known ones, once it has been opened.
    """

    raw: bytes | msgspec.Raw
    members: Mapping[str, msgspec.Raw]
    unknown: tuple[str, ...] = ()

    @classmethod
    def parse(cls, raw: bytes | msgspec.Raw) -> Body:
        """Return the body of a JSON object; raises :class:`._json.NotJson`."""
        return cls(raw, _json.members(raw))


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What one request asks beyond the selection: paging parameters, and which part of it."""

    query: Query
    window: DateWindow | None
    thread_id: str = ""


@dataclass(frozen=True, slots=True)
class PageResult:
    """What one answer gave: its rows' own text, and the cursor of the next ask, if there is one."""

    rows: list[bytes]
    next_cursor: str | None


class Paging(Protocol):
    """How an endpoint is read to its end: pure functions and no state of its own.

    A cursor is text that resumes the reading at any time, in any process; ``None`` is the start.

    Attributes:
        members: names of the answer's members that say how to go on.
        by_offset: whether pages are asked for by counting rows.
        counts_rows: whether what a cursor says does not depend on the page size: it is ours.
    """

    members: ClassVar[tuple[str, ...]] = ()
    by_offset: ClassVar[bool] = False
    counts_rows: ClassVar[bool] = True

    def ask(self, selection: Selection, cursor: str | None) -> PageRequest:
        """Return the request to send at ``cursor``."""

    def step(self, selection: Selection, cursor: str | None, body: Body | None) -> PageResult:
        """Return what the answer gave and how to go on, or raise :class:`.BadResponse`.

        ``body`` is ``None`` where the service has said that the asked-for thing does not exist.
        """

    def narrowed(self, selection: Selection, cursor: str | None) -> str | None:  # noqa: ARG002 - for those that can
        """Return the cursor that asks for the same rows by narrower windows.

        ``None``: it cannot, or what it gave would not be exactly the same rows.
        """
        return None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row of a platform's table.

    Attributes:
        path: the URL's path under the base URL, with ``{project_id}`` and ``{thread_id}``.
        rows_key: the member that holds the rows; ``""`` if the whole object is the one row.
        page_size: the largest page that the service gives; 0 where nothing pages.
        totals: members of the answer that speak of the whole selection, not of one page.
        fields: what the API promises of each row. More may come, and is kept.
        key: the fields that tell rows apart; without any, the whole row does.
    """

    name: str
    path: str
    paging: Paging
    rows_key: str = ""
    page_size: int = 0
    windowed: bool = True
    filters: Mapping[str, Filter] = field(default_factory=lambda: MappingProxyType({}))
    totals: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    key: tuple[str, ...] = ()

    @property
    def by_id(self) -> bool:
        """Whether rows are asked for one by one, by ID."""
        return "{thread_id}" in self.path


@dataclass(frozen=True, slots=True)
class Platform:
    """One service: its endpoints, and how it spells keys, dates and answers.

    Attributes:
        notes: what is known of an error status here and not elsewhere, for the error's message.
    """

    name: str
    title: str
    default_url: str
    endpoints: Mapping[str, Endpoint]
    has_projects: bool
    check_key: Callable[[str], None]
    dates: Callable[[DateWindow], Query]
    unwrap: Callable[[Body], Body]
    probe: str
    notes: Mapping[int, str]

    def endpoint(self, name: str) -> Endpoint:
        """Return the table's row, or raise :class:`ConfigError` with the known names."""
        if not isinstance(name, str) or name not in self.endpoints:
            raise ConfigError(
                f"{self.title} has no endpoint {name!r:.100}; known: {', '.join(self.endpoints)}."
            )
        return self.endpoints[name]

    def select(
        self,
        endpoint: str,
        *,
        window: DateWindow | None = None,
        project_id: str | None = None,
        filters: Mapping[str, object] | None = None,
        thread_ids: Iterable[str] | None = None,
        page_size: int | None = None,
    ) -> Selection:
        """Return the checked selection; raises :class:`ConfigError` naming the wrong field.

        ``page_size``: rows to ask for at once; default: the largest page there is.
        """
        row = self.endpoint(endpoint)
        check_page_size(page_size, row.page_size, row.name)
        if self.has_projects:
            if project_id is None:
                raise ConfigError(
                    f"{self.title} needs a project ID: pass project_id, or put it into the "
                    "connection's login (it stands on the API keys page of the dashboard)."
                )
            project_id = checked_id("project_id", project_id)
        if window is not None and not row.windowed:
            raise ConfigError(f"{endpoint} takes no dates: leave out date_from, date_to, lookback.")
        return Selection(
            platform=self,
            endpoint=row,
            project_id=project_id if self.has_projects else None,
            window=window,
            filters=_checked_filters(row, {} if filters is None else filters),
            thread_ids=_checked_threads(row, thread_ids),
            page_size=page_size or row.page_size,
        )


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows are wanted: checked, so that every request made from it is well-formed."""

    platform: Platform
    endpoint: Endpoint
    project_id: str | None
    window: DateWindow | None
    filters: Mapping[str, str]
    thread_ids: tuple[str, ...] = ()
    page_size: int = 0
    odd_rows: bool = False  # whoever asks deals with rows that are no objects, or not UTF-8

    @property
    def is_empty(self) -> bool:
        """Whether it selects nothing, so that there is nothing to ask: an empty list of IDs."""
        return self.endpoint.by_id and not self.thread_ids

    @property
    def smaller_page(self) -> int | None:
        """The page size, where it is less than the largest."""
        return self.page_size if self.page_size < self.endpoint.page_size else None

    def __str__(self) -> str:
        return f"{self.endpoint.name} {self.window or ''}".rstrip()


@dataclass(frozen=True, slots=True)
class Page:
    """What one request brought.

    Attributes:
        rows: each row as the JSON text that the service sent, valid UTF-8.
        totals: the whole-response fields, under the API's own names.
        next_cursor: where to go on, also in another process; ``None`` after the last page.
        missing: IDs that were asked for and do not exist.
        unknown: names of members of the answer that this version does not know, at most 20.
        page_size: the page size to go on with, where it is not the endpoint's largest. A reading
            that begins at ``next_cursor`` asks for no larger pages.
    """

    rows: Sequence[bytes]
    totals: Mapping[str, Any]
    next_cursor: str | None
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    page_size: int | None = None

    def decode(self) -> list[dict[str, Any]]:
        """Return the rows as dictionaries."""
        return [_json.value(row) for row in self.rows]


def checked_id(field_name: str, value: object) -> str:
    """Return an ID as text; refuse one that could turn into another URL or another directory."""
    checked = id_text(field_name, value)
    if not _IDENTIFIER.fullmatch(checked):
        raise ConfigError(
            f"{field_name}={value!r:.100} is not an ID: letters, digits, '_', '-' and single "
            "dots only. Copy it from the service as it is."
        )
    return checked


def _checked_filters(endpoint: Endpoint, given: Mapping[str, object]) -> Mapping[str, str]:
    if not isinstance(given, Mapping):
        raise ConfigError(
            f"filters={given!r:.100}: expected a dictionary, as in {{'status': 'pending'}}. A "
            "template gives one if the Dag has render_template_as_native_obj=True; elsewhere write "
            "the dictionary, and templates for its values."
        )
    unknown = sorted(set(given) - set(endpoint.filters), key=str)
    if unknown:
        known = ", ".join(endpoint.filters) or "none"
        raise ConfigError(f"{endpoint.name} has no filter {unknown[0]!r}; known: {known}.")
    return {name: endpoint.filters[name].spell(name, given[name]) for name in sorted(given)}


def _checked_threads(endpoint: Endpoint, given: Iterable[str] | None) -> tuple[str, ...]:
    if not endpoint.by_id:
        if given is not None:
            raise ConfigError(f"thread_ids goes with the endpoint threads, not {endpoint.name}.")
        return ()
    # No iterator: it would be empty the second time.
    if isinstance(given, str | bytes) or not isinstance(given, Sequence | AbstractSet):
        raise ConfigError(
            f"{endpoint.name} needs thread_ids, a list of IDs (the id of conversation rows); "
            f"got {given!r:.100}. A template gives a list if the Dag has "
            "render_template_as_native_obj=True; another task's output needs none."
        )
    return tuple(dict.fromkeys(checked_id("thread_ids", each) for each in given))
