"""What can be said of an export's parameters when its Dag is parsed.

Each function takes the operator as something that has the parameters as attributes.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.operators._path import fields_of, fill, given_path
from airflow_provider_docsanalytics.operators._storage import check_options
from airflow_provider_docsanalytics.parameters import (
    check_page_size,
    check_texts,
    duration,
    flag,
    holds_template,
    one_of,
    whole,
)
from airflow_provider_docsanalytics.window import DateWindow, parse_instant

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.api.endpoint import Endpoint, Platform
LONGEST_SETTLE = timedelta(days=300)
"""The latest window ends a year before the last date that there is; a wait has to end before it."""
LONGEST_LOOKBACK = date.max - date.min
_SOME_DAY = DateWindow.parse("2026-01-01", "2026-01-02")


def check_given(operator: Any, platform: Platform) -> None:
    """Raise a :class:`ConfigError` for a parameter that is wrong and holds no template.

    Nothing is read, connected to or rendered; whether a package is installed is not asked: the
    Dag may be parsed elsewhere. ``path`` becomes text.
    """
    from airflow_provider_docsanalytics.export.formats import check_format
    from airflow_provider_docsanalytics.export.plan import IF_EXISTS

    operator.path = given_path(operator.path)
    check_texts(operator, parsing=True)
    duration("settle", operator.settle, LONGEST_SETTLE)
    if operator.lookback is not None:
        duration("lookback", operator.lookback, LONGEST_LOOKBACK)
    for name in ("escape_formulas", "deferrable", "partitioned"):
        flag(name, getattr(operator, name))
    whole("pages_per_file", operator.pages_per_file)
    check_page_size(operator.page_size)
    one_of("if_exists", operator.if_exists, IF_EXISTS)
    check_format(
        operator.file_format, operator.compression, escape_formulas=operator.escape_formulas
    )
    if operator.storage_options is not None and not holds_template(operator.storage_options):
        check_options(operator.storage_options)
    _check_dates(operator)
    if not holds_template(operator.endpoint):
        row = platform.endpoint(operator.endpoint)
        check_windowed(operator, row)
        _check_selection(operator, platform, row)


def is_mapped(operator: Any) -> bool:
    """Return whether this is one task of a mapped one, made when it runs, which is checked then.

    An error in its ``__init__`` is none of the task's to Airflow, which would retry it.
    """
    return bool(getattr(operator, "_BaseOperator__from_mapped", False))


def check_windowed(operator: Any, row: Endpoint) -> None:
    """Refuse dates, and what is made of them, where the endpoint takes none."""
    if row.windowed:
        return
    if operator.partitioned:
        raise ConfigError(f"{row.name} takes no dates, so it has no partitions: partitioned.")
    dates = (operator.date_from, operator.date_to, operator.lookback)
    if any(each is not None for each in dates):
        raise ConfigError(f"{row.name} takes no dates: leave out date_from, date_to, lookback.")


def _check_dates(operator: Any) -> None:
    dates = {"date_from": operator.date_from, "date_to": operator.date_to}
    fixed = {
        name: parse_instant(value, name)
        for name, value in dates.items()
        if value is not None and not holds_template(value)
    }
    if fixed.keys() == dates.keys() and not operator.lookback:
        DateWindow(fixed["date_from"], fixed["date_to"])


def _check_selection(operator: Any, platform: Platform, row: Endpoint) -> None:
    """Check what depends on the endpoint, with something in place of each template."""
    arguments = operator.selection_arguments()
    given: dict[str, Any] = {
        name: value for name, value in arguments.items() if not holds_template(value)
    }
    if row.by_id:
        given.setdefault("thread_ids", ())
    if given.get("project_id") is None:
        given["project_id"] = "project"
    window = _SOME_DAY if row.windowed else None
    selection = platform.select(row.name, window=window, **given)
    if not holds_template(operator.path):
        fill(operator.path, fields_of(selection))
