"""Which window a row belongs to, by the instant that it carries."""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from airflow_provider_docsanalytics import _json
from airflow_provider_docsanalytics.errors import BadResponse
from airflow_provider_docsanalytics.window import iso_ms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_docsanalytics.window import DateWindow

_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_REMEDY = "Export each day by itself, without split. The service then decides which rows it has."


class WindowOfRow:
    """Finds the window of a row. Call it with the row's text; it returns the window's index.

    A row in none of the windows would be lost, and one without a readable instant could be in any
    of them. Both are a :class:`.BadResponse`.

    Args:
        endpoint: for the errors.
        field: the field with the instant: ISO 8601 text with a zone.
        windows: adjacent, in order.
    """

    def __init__(self, endpoint: str, field: str, windows: Sequence[DateWindow]) -> None:
        self._endpoint = endpoint
        self._field = field
        self._starts = [window.start for window in windows]
        self._end = windows[-1].end
        kind = msgspec.defstruct("Row", [("moment", str)], rename={"moment": field})
        self._decoder = msgspec.json.Decoder(kind)

    def __call__(self, row: bytes) -> int:
        """Return the index of the window that the row is in."""
        try:
            instant = datetime.fromisoformat(self._text_of(row))
        except ValueError:
            instant = None
        if instant is None or instant.tzinfo is None:
            raise BadResponse(
                f"{self._endpoint}: a row has no readable {self._field} (ISO 8601 with a zone), so "
                "its day is unknown.",
                _REMEDY,
            )
        if not self._starts[0] <= instant < self._end:
            raise BadResponse(
                f"{self._endpoint}: the service returned a row of {instant.isoformat()}, which is "
                f"outside of the window [{iso_ms(self._starts[0])}, {iso_ms(self._end)}).",
                _REMEDY,
            )
        return bisect_right(self._starts, instant) - 1

    def _text_of(self, row: bytes) -> str:
        """Return the text of the field; raises ``ValueError`` if there is none."""
        try:
            text: str = self._decoder.decode(row).moment  # type: ignore[attr-defined]
        except _UNREADABLE:  # another type, or a lone surrogate anywhere in the row
            raw = _json.members(row).get(self._field)
            value = None if raw is None else _json.value(raw)
            if not isinstance(value, str):
                raise ValueError(self._field) from None  # noqa: TRY004 - as any unreadable text
            return value
        return text
