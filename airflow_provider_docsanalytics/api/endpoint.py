"""The types of the endpoint tables: endpoint, selection, request, response and page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from types import MappingProxyType
from typing import Any, ClassVar

import msgspec

from airflow_provider_docsanalytics import _json
from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.fields import Field
from airflow_provider_docsanalytics.parameters import (
    check_page_size,
    checked_id,
    did_you_mean,
    id_text,
)
from airflow_provider_docsanalytics.window import DateWindow

Query = dict[str, str]


class Filter(msgspec.Struct, frozen=True):
    """One filter of an endpoint.

    Attributes:
        values: the values that the API accepts; empty means any text.
        many: whether it accepts several, as a list or joined by commas.
    """

    values: tuple[str, ...] = ()
    many: bool = False

    def spell(self, name: str, value: object) -> str:
        """Return ``value`` in the API's format, or raise :class:`ConfigError`."""
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
            raise ConfigError(f"{error}\nUse {known}{several}.") from error
        if self.many:
            words = sorted(set(words))
        unknown = self.values and set(words) - set(self.values)
        clean = words and all(word and word.isprintable() for word in words)
        if unknown or not clean or (len(words) > 1 and not self.many):
            suggestion = did_you_mean(next(iter(unknown), None), self.values) if unknown else ""
            raise ConfigError(
                f"filters[{name!r}]={value!r:.100} is not a value of this filter.{suggestion}\n"
                f"Use {known}{several}."
            )
        return ",".join(words)


class Body(msgspec.Struct, frozen=True):
    """The body of a response: its complete text, and its top-level fields as undecoded slices.

    Attributes:
        unknown: names of an envelope's unknown fields, once it has been unwrapped.
        plain_rows: the rows of a plain page, which are not in ``fields``; see :mod:`._plain`.
    """

    raw: bytes | msgspec.Raw
    fields: Mapping[str, msgspec.Raw]
    unknown: tuple[str, ...] = ()
    plain_rows: list[bytes] | None = None

    @classmethod
    def parse(cls, raw: bytes | msgspec.Raw) -> Body:
        """Return the body of a JSON object; raises :class:`._json.NotJson`."""
        return cls(raw, _json.members(raw))


class PageRequest(msgspec.Struct, frozen=True):
    """What one request adds to the selection: paging parameters, and which part it is for."""

    query: Query
    window: DateWindow | None
    thread_id: str = ""


class PageResult(msgspec.Struct, frozen=True):
    """What a response contains: its rows' own text, and the next cursor, if there is one."""

    rows: list[bytes]
    next_cursor: str | None


class Paging(msgspec.Struct, frozen=True):
    """A pagination strategy: pure functions without state.

    A cursor is text from which any process can resume at any time; ``None`` is the start.

    Attributes:
        response_fields: names of the response's fields that are about the next page.
        by_offset: whether requests have an offset, which counts rows.
        counts_rows: whether cursors are ours, and do not depend on the page size.
    """

    response_fields: ClassVar[tuple[str, ...]] = ()
    by_offset: ClassVar[bool] = False
    counts_rows: ClassVar[bool] = True

    def request(self, selection: Selection, cursor: str | None) -> PageRequest:
        """Return the request to send at ``cursor``."""
        raise NotImplementedError

    def result(self, selection: Selection, cursor: str | None, body: Body | None) -> PageResult:
        """Return the response's rows and the next cursor, or raise :class:`.BadResponse`.

        ``body`` is ``None`` if the service says that the requested object does not exist.
        """
        raise NotImplementedError

    def split(self, selection: Selection, cursor: str | None) -> str | None:  # noqa: ARG002 - for the strategies that can
        """Return the cursor that requests the same rows by narrower windows.

        ``None``: it cannot, or the rows would not be exactly the same.
        """
        return None


class Endpoint(msgspec.Struct, frozen=True):
    """One row of a platform's table.

    Attributes:
        path: the URL's path under the base URL, with ``{project_id}`` and ``{thread_id}``.
        rows_key: the field that holds the rows; ``""`` if the response is itself the only row. It
            is none if it is empty and every field may be absent.
        page_size: the largest page that the service returns; 0 if it does not page.
        totals: fields of the response that are about the complete selection, not one page.
        fields: the fields of a row, as the API documents them. Others are kept, too.
        key: the fields that tell rows apart; without any, the complete row does.
        moment: the field with the instant of a row, by which the service selects it for a window;
            ``""`` if rows are about the complete window.
    """

    name: str
    path: str
    paging: Paging
    rows_key: str = ""
    page_size: int = 0
    windowed: bool = True
    filters: Mapping[str, Filter] = msgspec.field(default_factory=lambda: MappingProxyType({}))
    totals: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    key: tuple[str, ...] = ()
    moment: str = ""

    @property
    def by_id(self) -> bool:
        """Whether each row has a request of its own, by ID."""
        return "{thread_id}" in self.path


class Platform(msgspec.Struct, frozen=True):
    """One service: its endpoints, and its formats of keys, dates and responses.

    Attributes:
        quota: requests per seconds of a whole organisation, as documented, such as ``100/3600``.
        notes: facts about an error status at this service, for the error's message.
        health_check_endpoint: the one that a test of the connection requests.
    """

    name: str
    title: str
    default_url: str
    endpoints: Mapping[str, Endpoint]
    has_projects: bool
    check_key: Callable[[str], None]
    dates: Callable[[DateWindow], Query]
    unwrap: Callable[[Body], Body]
    health_check_endpoint: str
    notes: Mapping[int, str]
    quota: str | None = None

    def endpoint(self, name: str) -> Endpoint:
        """Return the endpoint of that name, or raise :class:`ConfigError` with the known names."""
        if not isinstance(name, str) or name not in self.endpoints:
            raise ConfigError(
                f"endpoint={name!r:.100}: {self.title} has no such endpoint."
                f"{did_you_mean(name, self.endpoints)}\n"
                f"Known endpoints: {', '.join(self.endpoints)}."
            )
        return self.endpoints[name]

    def no_project_id(self) -> ConfigError:
        """Return the error of a selection without a project."""
        return ConfigError(
            f"{self.title} needs a project ID.\nPass project_id, or save it as the connection's "
            "login (it is on the API keys page of the dashboard)."
        )

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
        """Return the checked selection; raise :class:`ConfigError`, which names the wrong field.

        ``page_size``: rows per request; default: the endpoint's largest page.
        """
        row = self.endpoint(endpoint)
        check_page_size(page_size, row.page_size, row.name)
        if self.has_projects:
            if project_id is None:
                raise self.no_project_id()
            project_id = checked_id("project_id", project_id)
        if not isinstance(window, DateWindow | None):
            raise ConfigError(
                f"window={window!r:.100} is not a DateWindow.\n"
                "Pass DateWindow.parse(date_from, date_to)."
            )
        if window is not None and not row.windowed:
            raise ConfigError(
                f"{endpoint} takes no dates.\nLeave out date_from, date_to and lookback."
            )
        return Selection(
            platform=self,
            endpoint=row,
            project_id=project_id if self.has_projects else None,
            window=window,
            filters=_checked_filters(row, {} if filters is None else filters),
            thread_ids=_checked_threads(row, thread_ids),
            page_size=page_size or row.page_size,
        )


class Selection(msgspec.Struct, frozen=True):
    """Which rows to read: checked, so that every request made from it is well-formed."""

    platform: Platform
    endpoint: Endpoint
    project_id: str | None
    window: DateWindow | None
    filters: Mapping[str, str]
    thread_ids: tuple[str, ...] = ()
    page_size: int = 0
    allow_invalid_rows: bool = False  # the caller handles rows that are not objects, or not UTF-8

    @property
    def is_empty(self) -> bool:
        """Whether it selects nothing, so that no request is necessary: an empty list of IDs."""
        return self.endpoint.by_id and not self.thread_ids

    @property
    def smaller_page(self) -> int | None:
        """The page size, if it is smaller than the largest."""
        return self.page_size if self.page_size < self.endpoint.page_size else None

    def __str__(self) -> str:
        return f"{self.endpoint.name} {self.window or ''}".rstrip()


class Page(msgspec.Struct, frozen=True):
    """One page: what a request has returned.

    Attributes:
        rows: each row as the JSON text that the service sent, valid UTF-8.
        totals: the whole-response fields, under the API's own names.
        next_cursor: where to resume, also in another process; ``None`` after the last page.
        missing: requested IDs that do not exist.
        unknown: names of fields of the response that this version does not know, at most 20.
        page_size: the page size of the next request, if it is not the endpoint's largest. A reading
            that begins at ``next_cursor`` requests no larger pages.
        fingerprint: for the loop guard; see :func:`._loop_guard.page_fingerprint`.
        plain: whether the rows are plain, so that every reader can parse them; see :mod:`._plain`.
    """

    rows: Sequence[bytes]
    totals: Mapping[str, Any]
    next_cursor: str | None
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    page_size: int | None = None
    fingerprint: str = ""
    plain: bool = False

    def decode(self) -> list[dict[str, Any]]:
        """Return the rows as dictionaries."""
        return [_json.value(row) for row in self.rows]


def _checked_filters(endpoint: Endpoint, given: Mapping[str, object]) -> Mapping[str, str]:
    if not isinstance(given, Mapping):
        raise ConfigError(
            f"filters={given!r:.100}: expected a dictionary, as in {{'status': 'pending'}}.\n"
            "A template gives one only if the Dag has render_template_as_native_obj=True; "
            "otherwise write the dictionary, and use templates for its values."
        )
    unknown = sorted(set(given) - set(endpoint.filters), key=str)
    if unknown:
        known = ", ".join(endpoint.filters) or "none"
        raise ConfigError(
            f"{endpoint.name} has no filter {unknown[0]!r:.100}."
            f"{did_you_mean(unknown[0], endpoint.filters)}\nKnown filters: {known}."
        )
    return {name: endpoint.filters[name].spell(name, given[name]) for name in sorted(given)}


def _checked_threads(endpoint: Endpoint, given: Iterable[str] | None) -> tuple[str, ...]:
    if not endpoint.by_id:
        if given is not None:
            raise ConfigError(
                f"thread_ids goes with the endpoint threads, not {endpoint.name}.\n"
                "Leave it out, or change the endpoint."
            )
        return ()
    # Not an iterator: it would be empty the second time.
    if isinstance(given, str | bytes) or not isinstance(given, Sequence | AbstractSet):
        raise ConfigError(
            f"{endpoint.name} needs thread_ids, a list of IDs (the id of conversation rows); "
            f"got {given!r:.100}.\nPass another task's output, or a list; a template gives a list "
            "only if the Dag has render_template_as_native_obj=True."
        )
    return tuple(dict.fromkeys(checked_id("thread_ids", each) for each in given))
