"""``make reliability ARGS=differential``, in short."""

from __future__ import annotations

import pytest

from airflow_provider_docsanalytics.export.formats import OutputFormat
from tests.reliability.differential import COMPRESSIONS, CONTEXT, FORMATS, differences
from tests.reliability.odd_rows import FIELDS, said
from tests.reliability.readers import READERS, TYPED


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("file_format", "compression"), list(zip(FORMATS, COMPRESSIONS, strict=True))
)
def test_every_reader_gives_back_every_value_as_it_was_sent(
    reader: str, file_format: str, compression: str | None
) -> None:
    layout = OutputFormat(file_format, compression, CONTEXT, FIELDS)
    typed = file_format == "jsonl" and reader in TYPED
    assert differences(layout, reader, READERS[reader], 1000, typed=typed) == []


def test_a_reader_that_rounds_or_drops_a_value_is_found() -> None:
    layout = OutputFormat("parquet", None, CONTEXT, FIELDS)

    def forgetful(file: str) -> list[dict[str, object]]:
        return [{**row, "hits": None} for row in READERS["pyarrow"](file)]

    found = differences(layout, "forgetful", forgetful, 0, typed=False)
    assert len(found) > 100
    assert "hits: None" in found[0]


def test_what_a_row_says_has_every_value_of_a_name_that_comes_twice() -> None:
    assert said(rb'{"a":"\ud83d","a":1.50,"a":2}').keys() == {"a", "a__1", "a__2"}
