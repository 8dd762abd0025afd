"""What is refused before a checkpoint or a manifest is read from an object store."""

from __future__ import annotations

import pytest

from airflow_provider_docsanalytics.errors import ConfigError
from airflow_provider_docsanalytics.storage.conditional import (
    LARGEST_READ_BYTES,
    TooLarge,
    check_size,
)


def test_the_largest_file_is_read_and_one_byte_more_is_refused_with_its_size() -> None:
    check_size(LARGEST_READ_BYTES)
    with pytest.raises(TooLarge) as refused:
        check_size(LARGEST_READ_BYTES + 1)
    assert refused.value.size == LARGEST_READ_BYTES + 1


def test_an_encoded_object_is_refused_whatever_its_size() -> None:
    check_size(1, encoding="")
    with pytest.raises(ConfigError, match=r"Content-Encoding \('gzip'\)(?s:.)*Move that file away"):
        check_size(1, encoding="gzip")
