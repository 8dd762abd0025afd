"""Checkpoints of exports that grow: the same JSON as ever, and nothing is encoded twice."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from msgspec import structs

from airflow_provider_docsanalytics.export.documents import (
    Checkpoint,
    CheckpointEncoder,
    File,
    Identity,
    Progress,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
IDENTITY = Identity("mintlify", "views", "p", None, None, {"a": '"}}'}, "jsonl", None)


def _file(number: int) -> File:
    return File(f"part-{number:05d}-0123abcd.jsonl", number, 10 * number, "0" * 64)


def _checkpoint(parts: int, **progress: Any) -> Checkpoint:
    """Return the checkpoint of so many parts, each of a page."""
    grown: dict[str, Any] = {
        "files": tuple(_file(number) for number in range(parts)),
        "keys": tuple(f"key{number}" for number in range(parts)),
        "fingerprints": tuple(f"{number:016x}" for number in range(2 * parts)),
    }
    return Checkpoint(
        identity=IDENTITY,
        source="https://service",
        owner="0123abcd",
        updated_at=NOW,
        progress=Progress(started_at=NOW, totals={"files": [], "b": "}}"}, **grown | progress),
    )


CHECKPOINTS = {
    "it grows": [_checkpoint(parts) for parts in (0, 1, 2, 5, 5, 6)],
    "it starts over": [_checkpoint(parts) for parts in (4, 0, 1, 3)],
    "another one takes its place": [_checkpoint(2), _checkpoint(2, files=(_file(7), _file(8)))],
    "the oldest keys are dropped": [_checkpoint(3), _checkpoint(4, keys=("key2", "key3"))],
    "a page without rows": [_checkpoint(1), _checkpoint(1, fingerprints=("a", "b", "c"))],
}


@pytest.mark.parametrize("checkpoints", CHECKPOINTS.values(), ids=CHECKPOINTS)
def test_what_is_written_is_the_checkpoint_whatever_was_written_before(
    checkpoints: list[Checkpoint],
) -> None:
    encoder = CheckpointEncoder()
    for checkpoint in checkpoints:
        text = encoder.encode(checkpoint)
        assert msgspec.json.decode(text, type=Checkpoint) == checkpoint
        assert msgspec.json.decode(text) == msgspec.json.decode(msgspec.json.encode(checkpoint))


def test_a_part_is_encoded_for_one_checkpoint_and_not_again_for_the_next() -> None:
    """Shown by a part that changes after it was encoded, as no part ever does."""
    encoder = CheckpointEncoder()
    before = _checkpoint(3)
    encoder.encode(before)
    structs.force_setattr(before.progress.files[0], "sha256", "changed")
    files = (*before.progress.files, _file(3))
    after = structs.replace(before, progress=structs.replace(before.progress, files=files))
    text = encoder.encode(after)
    assert b"changed" not in text
    assert text.count(b'"name"') == 4
