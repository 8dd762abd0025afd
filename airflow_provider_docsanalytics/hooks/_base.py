"""The base class of both hooks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

from airflow_provider_docsanalytics.errors import (
    ConfigError,
    DocsAnalyticsError,
    QuotaReached,
    RateLimited,
)
from airflow_provider_docsanalytics.hooks import _connection as form
from airflow_provider_docsanalytics.parameters import share, text
from airflow_provider_docsanalytics.window import DateWindow, iso_ms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import date

    from airflow_provider_docsanalytics.api.client import Client
    from airflow_provider_docsanalytics.api.endpoint import Page, Platform, Selection
    from airflow_provider_docsanalytics.api.settings import Settings
    from airflow_provider_docsanalytics.quota.ledger import Ledger

_TEST_TIMEOUT_S = 10.0


class DocsAnalyticsHook(BaseHook):
    """Reads one platform's endpoints with the key of an Airflow connection."""

    platform: ClassVar[Platform]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Copy the form's methods into each class: Airflow before 3.2 ignores inherited ones."""
        super().__init_subclass__(**kwargs)
        for name in ("get_connection_form_widgets", "get_ui_field_behaviour"):
            if name not in vars(cls):
                setattr(cls, name, vars(DocsAnalyticsHook)[name])

    def __init__(self, conn_id: str, *, quota_share: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id
        self.quota_share = share("quota_share", quota_share)

    def get_conn(self) -> Client:
        """Return a client with its own keep-alive session; close it, or use it in a ``with``."""
        from airflow_provider_docsanalytics.api.client import Client

        return Client(self.settings, ledger=self.ledger)

    @cached_property
    def settings(self) -> Settings:
        """The connection's settings, checked; no request is sent."""
        try:
            connection = self.get_connection(self.conn_id)
        except AirflowNotFoundException as error:
            raise self._missing() from error
        return self._checked(connection, connection.extra_dejson)

    @cached_property
    def ledger(self) -> Ledger | None:
        """The organisation's ledger, if the connection names one that can be opened.

        Nothing is read. A ledger never fails an export, so one that cannot be opened is a warning.
        """
        from airflow_provider_docsanalytics.hooks._ledger import ledger_of

        return ledger_of(self.platform, self.settings, self.quota_share)

    async def aload_settings(self) -> None:
        """Load :attr:`settings` and :attr:`ledger` without blocking an event loop.

        With asgiref, which every Airflow has: from a plain thread Airflow before 3.2 does not reach
        its supervisor, and its own asynchronous loading can deadlock before 3.3.2.
        """
        from asgiref.sync import sync_to_async

        await sync_to_async(lambda: (self.settings, self.ledger))()

    def _missing(self) -> ConfigError:
        kind = self.platform.name
        login = " --conn-login PROJECT_ID" if self.platform.has_projects else ""
        return ConfigError(
            f"Connection {self.conn_id!r} does not exist, or Airflow cannot read it.",
            f"Create it: airflow connections add {self.conn_id} --conn-type {kind}{login} "
            f"--conn-password KEY. Or correct {kind}_conn_id. If AIRFLOW_CONN_"
            f"{self.conn_id.upper()} holds it, set that where this runs, as valid JSON or as a URI "
            "that percent-encodes '/' and ':' in its host.",
        )

    def _checked(self, connection: Any, extra: Mapping[str, Any]) -> Settings:
        try:
            settings = form.read_settings(self.platform, connection, extra, conn_id=self.conn_id)
        except ConfigError as error:
            raise ConfigError(f"Connection {self.conn_id!r}: {error}") from error
        if settings.verify is False:
            self.log.warning(
                "Connection %r: verify is false, so anyone on the network path can read the key.\n"
                "Set verify in the connection's extra to the path of a CA bundle.",
                self.conn_id,
            )
        return settings

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
        """Return the checked selection; arguments as :meth:`.api.endpoint.Platform.select`.

        The default project is the connection's.
        """
        if not self.platform.has_projects:
            if project_id is not None:
                raise ConfigError(
                    f"project_id={project_id!r:.100}: {self.platform.title} has no projects.\n"
                    "Leave out project_id: a key reads the data of its account."
                )
        elif project_id is None:
            project_id = self.settings.project_id
            if project_id is None:
                error = self.platform.no_project_id()
                raise ConfigError(f"Connection {self.conn_id!r}: {error}") from error
        return self.platform.select(
            endpoint,
            window=window,
            project_id=project_id,
            filters=filters,
            thread_ids=thread_ids,
            page_size=page_size,
        )

    def asset_uri(self, selection: Selection) -> str:
        """Return the URI of a selection's asset."""
        from airflow_provider_docsanalytics.assets import uri_of

        return uri_of(selection, self.settings.base_url)

    def fetch_once(self, selection: Selection, **settings: Any) -> Page:
        """Return the selection's first page; send exactly one request, without retries."""
        from airflow_provider_docsanalytics.api.client import Client

        once = replace(self.settings, max_attempts=1, **settings)
        with Client(once, ledger=self.ledger) as client:
            return next(client.iter_pages(selection))

    def iter_pages(
        self,
        endpoint: str,
        *,
        date_from: str | date | None = None,
        date_to: str | date | None = None,
        project_id: str | None = None,
        filters: Mapping[str, object] | None = None,
        cursor: str | None = None,
        thread_ids: Iterable[str] | None = None,
        page_size: int | None = None,
    ) -> Iterator[Page]:
        """Yield the pages of an endpoint lazily, one request each.

        Args:
            endpoint: a name of the endpoint table.
            date_from: first instant, a ``datetime`` or ISO 8601 text; no zone means UTC.
            date_to: first instant after; default: now. Without both, the service's own range.
            project_id: default: the connection's login.
            filters: the endpoint's own filters.
            cursor: the ``next_cursor`` of an earlier page, to resume after it.
            thread_ids: for ``threads``: the IDs, one request each.
            page_size: rows per request; default: the largest page, reduced automatically if
                requests for it fail.

        The endpoint's asset becomes an input of the running task's lineage.

        Raises:
            ConfigError: before any request, if a parameter or the connection is wrong.
            DocsAnalyticsError: while you iterate, see :mod:`.errors`.
        """
        window = _window(date_from, date_to)
        if cursor is not None:
            text("cursor", cursor)
        selection = self.select(
            endpoint,
            window=window,
            project_id=project_id,
            filters=filters,
            thread_ids=thread_ids,
            page_size=page_size,
        )
        self._report_lineage(selection)
        return self._pages(self.get_conn(), selection, cursor)

    def iter_rows(
        self,
        endpoint: str,
        *,
        date_from: str | date | None = None,
        date_to: str | date | None = None,
        project_id: str | None = None,
        filters: Mapping[str, object] | None = None,
        cursor: str | None = None,
        thread_ids: Iterable[str] | None = None,
        page_size: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Return the rows of an endpoint as dictionaries; arguments as :meth:`iter_pages`."""
        pages = self.iter_pages(
            endpoint,
            date_from=date_from,
            date_to=date_to,
            project_id=project_id,
            filters=filters,
            cursor=cursor,
            thread_ids=thread_ids,
            page_size=page_size,
        )
        return (row for page in pages for row in page.decode())

    def test_connection(self) -> tuple[bool, str]:
        """Send one request; return whether the key works, and what to do if it does not."""
        today = datetime.now(UTC)
        window = DateWindow.parse(today - timedelta(days=1), today)
        try:
            selection = self.select(self.platform.health_check_endpoint, window=window)
            # Without the connection's ID: Airflow's form tests a copy, whose ID is random.
            timeout_s = min(self.settings.timeout_s, _TEST_TIMEOUT_S)
            self.fetch_once(selection, timeout_s=timeout_s, connection="")
        except QuotaReached as error:
            return False, error.message_without_retry
        except RateLimited as error:
            return False, (
                f"The service responds, but the key was not tested: {error.message_without_retry}"
            )
        except ConfigError as error:
            # Without the ID in front, for the same reason.
            bare = error.__cause__ if isinstance(error.__cause__, ConfigError) else error
            return False, str(bare)
        except DocsAnalyticsError as error:
            return False, error.message_without_retry
        project = f" of the project {selection.project_id!r}" if selection.project_id else ""
        return True, (
            f"{self.platform.title} responds at {self.settings.service}, and the key may read "
            f"{selection.endpoint.name}{project}. This test sent 1 request."
        )

    def _report_lineage(self, selection: Selection) -> None:
        from airflow.providers.common.compat.lineage.hook import get_hook_lineage_collector

        collector = get_hook_lineage_collector()  # type: ignore[no-untyped-call]
        collector.add_input_asset(context=self, uri=self.asset_uri(selection))

    @staticmethod
    def _pages(client: Client, selection: Selection, cursor: str | None) -> Iterator[Page]:
        with client:
            yield from client.iter_pages(selection, cursor)

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the extra's form fields, for Airflow before 3.2."""
        return form.form_widgets()

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return labels and placeholders of Airflow's own fields, for Airflow before 3.2."""
        return {
            "hidden_fields": form.hidden_fields(cls.platform),
            "relabeling": form.relabeling(cls.platform),
            "placeholders": form.placeholders(cls.platform),
        }


def _window(date_from: object, date_to: object) -> DateWindow | None:
    if date_from is None and date_to is None:
        return None
    if date_from is None:
        raise ConfigError(
            f"date_to={date_to!r:.100} without date_from.\nSet date_from, the start of the window."
        )
    return DateWindow.parse(date_from, iso_ms(datetime.now(UTC)) if date_to is None else date_to)
