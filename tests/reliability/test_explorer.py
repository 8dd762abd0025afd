"""The schedule explorer finds what it is there to find, and can show it again."""

from __future__ import annotations

from typing import Any

from tests.reliability.explorer import explore
from tests.reliability.object_stores import ObjectStore, S3Store


class Careless(S3Store):
    """A store that takes conditions and does not heed them."""

    def _check(self, _name: str, _conditions: dict[str, str]) -> None:
        pass

    def objects(self) -> Any:
        return _Careless(self)


class _Careless:
    deletes_on_condition = True
    clock = None

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def read(self, path: str) -> tuple[bytes, Any] | None:
        try:
            return self._store.cat_file(path), b"any"
        except FileNotFoundError:
            return None

    def write(self, path: str, text: bytes, _version: Any) -> Any:
        self._store.pipe_file(path, text)
        return b"any"

    def delete(self, path: str, _version: Any) -> bool:
        self._store.rm_file(path)
        return True


class Forgetful(S3Store):
    """A store that loses one file in twenty."""

    def put(self, name: str, content: bytes) -> None:
        super().put(name, content)
        if name.startswith("part-") and self.baton.happens(1 / 20):
            self.drop(name)


def test_a_store_that_ignores_conditions_is_found_out() -> None:
    found = explore(Careless(), "careless", range(500))
    assert any("GONE" in each for each in found["broken"])


def test_a_store_that_loses_files_is_found_out() -> None:
    found = explore(Forgetful(), "forgetful", range(30))
    assert found["broken"]


def test_a_schedule_is_the_same_whenever_it_is_played() -> None:
    once: list[str] = []
    again: list[str] = []
    explore(S3Store(), "S3-like", range(20), once.append)
    explore(S3Store(), "S3-like", range(20), again.append)
    assert _without_etags(once) == _without_etags(again)
    assert len(once) > 1000


def test_in_most_schedules_attempts_get_in_each_others_way() -> None:
    found = explore(S3Store(), "S3-like", range(100))
    assert found["runs"] == 100
    assert found["saw"]["Superseded"] > 20
    assert found["saw"]["killed"] > 20
    assert found["saw"]["complete"] > 100


def _without_etags(lines: list[str]) -> list[str]:
    """Leave out what holds the time of day: attempts write it into their checkpoints."""
    return [line.split(" {")[0].split(" if its version")[0] for line in lines]
