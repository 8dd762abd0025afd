"""The input of an export: where its pages come from, and how to write them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from airflow_provider_docsanalytics.export.formats import OutputFormat
from airflow_provider_docsanalytics.parameters import one_of, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from airflow_provider_docsanalytics.export.documents import Identity
    from airflow_provider_docsanalytics.fields import Field

IF_EXISTS = ("error", "replace")


class PageLike(Protocol):
    """One page, as the API client returns it."""

    @property
    def rows(self) -> Sequence[bytes]:
        """Each row as JSON text."""

    @property
    def totals(self) -> Mapping[str, Any]:
        """Response fields that are not part of a row."""

    @property
    def next_cursor(self) -> str | None:
        """The cursor of the next page; ``None`` at the end."""

    @property
    def missing(self) -> tuple[str, ...]:
        """IDs that do not exist."""

    @property
    def unknown(self) -> tuple[str, ...]:
        """Names of response fields that the endpoint table does not know."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the pages come from.

    Attributes:
        name: the service's base URL: a checkpoint is not resumed from another service.
        pages: yields the pages from a cursor on. If an earlier attempt reduced the page size, the
            second argument is that size, which requests must not exceed.
        requests_sent: how many requests this source has sent so far.
        quota_left: how many requests the organisation has left in the last hour; ``None`` if that
            is unknown.
        redact: removes secrets from text of the service, for a log.
    """

    name: str
    pages: Callable[..., Iterator[PageLike]]
    requests_sent: Callable[[], int]
    redact: Callable[[str], str] = str
    quota_left: Callable[[], int | None] = lambda: None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is exported, and how it is written.

    Attributes:
        context: the fields that are put first into every row.
        pages_per_file: after how many pages a part is published and the checkpoint moves.
        if_exists: what to do if the directory holds a finished export of another identity.
        fields: the known fields of the rows; without any, rows are not checked.
        key: the fields that identify a row; without any, all of it does.
        by_offset: whether pages are requested by row offset.
        page_size: the page size of the requests, if it is less than the maximum.
        run: the ID of the run of the exporting task; ``None`` outside Airflow.
        raw: write rows as they came, for another export to read: see :mod:`.split`.
    """

    identity: Identity
    context: Mapping[str, str]
    pages_per_file: int = 10
    if_exists: Literal["error", "replace"] = "error"
    fields: tuple[Field, ...] = ()
    key: tuple[str, ...] = ()
    run: str | None = None
    by_offset: bool = False
    page_size: int | None = None
    raw: bool = False

    def __post_init__(self) -> None:
        _ = self.output_format
        whole("pages_per_file", self.pages_per_file)
        one_of("if_exists", self.if_exists, IF_EXISTS)

    @property
    def may_replace(self) -> bool:
        """Whether the export may replace a different one."""
        return self.if_exists == "replace"

    @property
    def output_format(self) -> OutputFormat:
        """How the rows are written.

        Raises:
            ConfigError: that is impossible.
        """
        identity = self.identity
        return OutputFormat(
            identity.file_format,
            identity.compression,
            self.context,
            self.fields,
            escape_formulas=identity.escape_formulas is True,
            raw=self.raw,
        )
