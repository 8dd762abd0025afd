"""What an export is made from: where its pages come from, and how they are to be written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from airflow_provider_docsanalytics.export.formats import OutputFormat
from airflow_provider_docsanalytics.parameters import one_of, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from airflow_provider_docsanalytics.export.store import Identity
    from airflow_provider_docsanalytics.fields import Field

IF_EXISTS = ("error", "replace")


class PageLike(Protocol):
    """One page, as the API package gives it."""

    @property
    def rows(self) -> Sequence[bytes]:
        """Each row as JSON text."""

    @property
    def totals(self) -> Mapping[str, Any]:
        """Whole-response fields."""

    @property
    def next_cursor(self) -> str | None:
        """Where to go on; ``None`` at the end."""

    @property
    def missing(self) -> tuple[str, ...]:
        """IDs that do not exist."""

    @property
    def unknown(self) -> tuple[str, ...]:
        """Names of members of the answer that are not known."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the pages come from.

    Attributes:
        name: the service's base URL: a checkpoint is not resumed from another service.
        pages: yields the pages from a cursor on. Where pages of an earlier attempt were lowered
            (``page_size``), a second argument says to what: no larger ones are asked for.
        requests_sent: how many requests this source has spent so far.
        redact: takes secrets out of what the service has said, for a log.
    """

    name: str
    pages: Callable[..., Iterator[PageLike]]
    requests_sent: Callable[[], int]
    redact: Callable[[str], str] = str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is exported, and how it is written.

    Attributes:
        context: the fields put first into every row.
        pages_per_file: pages after which a part is published and the checkpoint moves.
        if_exists: what to do about a finished export of another identity.
        fields: what is known of the rows; without any, they are not looked at.
        key: the fields that tell rows apart; without any, the whole row does.
        by_offset: whether pages are asked for by counting rows.
        page_size: rows asked for at once, where that is less than the largest page.
        run: ID of the run of the task that exports; ``None`` outside Airflow.
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

    def __post_init__(self) -> None:
        _ = self.output_format
        whole("pages_per_file", self.pages_per_file)
        one_of("if_exists", self.if_exists, IF_EXISTS)

    @property
    def output_format(self) -> OutputFormat:
        """How the rows are written; raises :class:`ConfigError` where that cannot be."""
        identity = self.identity
        return OutputFormat(
            identity.file_format,
            identity.compression,
            self.context,
            self.fields,
            escape_formulas=identity.escape_formulas is True,
        )
