"""Random rows with everything that JSON allows and readers differ on, and what they say."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.fields import Field, Kind

if TYPE_CHECKING:
    from collections.abc import Collection
    from random import Random

FIELDS = (
    Field("id", Kind.TEXT),
    Field("at", Kind.TIMESTAMP),
    Field("hits", Kind.INTEGER),
    Field("ctr", Kind.NUMBER),
    Field("ok", Kind.BOOLEAN),
    Field("sources", Kind.OBJECTS, fields=(Field("title", Kind.TEXT), Field("url", Kind.TEXT))),
    Field("range", Kind.OBJECT, fields=(Field("from", Kind.TIMESTAMP),)),
)
TEXTS = (
    r'""', r'"x"', r'"x\ud83d"', r'"\ude00"', r'"\ud83d\ude00"', r'"a\u0000b"', r'"\r\n\r\t"',
    r'"say \"a\", b"', r'"NA"', r'"null"', r'"007"', r'" x "', r'"a\\"', r'"\u2028\u0085\ufeff"',
    '"\u00e9\U0001f600"', r'"\u0001\u001f\u007f"', r'"2026-01-03"', r'"=1+1"', r'"{\"a\":1}"',
    r'"\/"', '"' + "x" * 5000 + '"',
)  # fmt: skip
INSTANTS = (
    '"2026-01-03T00:00:00.000Z"', '"2026-01-03T05:30:00.123456+05:30"', '"2026-01-03 01:02:03Z"',
    '"2026-01-03T23:59:59.999999000Z"', '"0001-01-01T00:00:00Z"', '"9999-12-31T23:59:59.999999Z"',
    r'"\u0032026-01-03T00:00:00Z"',
)  # fmt: skip
ODD_INSTANTS = (
    '"2026-01-03T23:59:59.9999999Z"', '"2026-01-03T00:00:00.123456789Z"', '"2026-01-03T00:00:60Z"',
    '"9999-12-31T23:59:59-14:00"', '"0001-01-01T00:00:00+14:00"', '"2026-01-03T24:00:00Z"',
    '"2026-01-03T00:00:00"', '"yesterday"',
)  # fmt: skip
INTEGERS = ("0", "12", "-1", "9223372036854775807", "-9223372036854775808")
NUMBERS = ("0.5", "-0.0", "1.50", "33.333333333333336", "1E2", "1e-300", "7")
ODD_NUMBERS = (
    "12.0", "1.2e1", "-0", "9223372036854775808", "18446744073709551616", "9" * 40,
    "9007199254740993", "0.12345678901234567890", "1e-400",
)  # fmt: skip
BEYOND = ("1e999", "-1e999")
"""Numbers that polars and pyarrow refuse wherever they stand; JSON has no limit."""
NAMES = (
    '"language"', r'"l\ud83d"', r'"l\ude00"', '"_project_id"', '"_date_from"', '"_extra"',
    '"ID"', r'"n\u0000"', '"a.b"', '"\u00e9"', r'"\u0069d"', '"id__1"', '"x y"',
)  # fmt: skip
FITTING = {
    Kind.TEXT: TEXTS,
    Kind.TIMESTAMP: INSTANTS,
    Kind.INTEGER: INTEGERS,
    Kind.NUMBER: NUMBERS,
    Kind.BOOLEAN: ("true", "false"),
}


def row(random: Random, *, typed: bool) -> bytes:
    """Return one row; ``typed``: what the table knows has the table's types."""
    members = [
        (json.dumps(field.name), _value(random, field, typed=typed))
        for field in FIELDS
        for _ in range(random.choices((0, 1, 2), weights=(5, 90, 5))[0])
    ]
    for _ in range(random.choice((0, 0, 1, 3))):
        name = random.choice([name for name in NAMES if not (typed and "0069" in name)])
        members.append((name, _anything(random, typed=typed)))
    if _now_and_then(random, 0.3):
        random.shuffle(members)
    space = random.choice(("", "", "", " ", "\n  "))
    inner = f",{space}".join(f"{name}:{space}{value}" for name, value in members)
    return f"{{{space}{inner}{space}}}".encode()


def said(row: bytes) -> dict[str, Any]:
    """Return what a row says: numbers exactly, every value of a name that comes twice."""
    return json.loads(row, object_pairs_hook=_pairs, parse_float=Decimal, parse_int=Decimal)  # type: ignore[no-any-return]


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mended = [(whole(name), whole(value)) for name, value in pairs]
    found = dict(mended)
    last = {name: at for at, (name, _) in enumerate(mended)}
    for at, (name, value) in enumerate(mended):
        if last[name] != at:
            found[free(name, found)] = value
    return found


def free(name: str, used: Collection[str]) -> str:
    """Return the name under which the documentation says that an earlier value is kept."""
    return next(f"{name}__{n}" for n in range(1, len(used) + 2) if f"{name}__{n}" not in used)


def whole(value: Any) -> Any:
    """Return a value with half characters replaced."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return [whole(inner) for inner in value] if isinstance(value, list) else value


def _now_and_then(random: Random, share: float) -> bool:
    return random.random() < share


def _value(random: Random, field: Field, *, typed: bool) -> str:
    if _now_and_then(random, 0.1):
        return "null"
    if not typed and _now_and_then(random, 0.3):
        return _anything(random, typed=typed)
    if not field.fields:
        return random.choice(FITTING[field.kind])
    objects = [_object(random, field, typed=typed) for _ in range(random.randrange(3))]
    if field.kind is Kind.OBJECT:
        return objects[0] if objects else "null"
    return f"[{','.join(objects)}]"


def _object(random: Random, field: Field, *, typed: bool) -> str:
    names = [inner for inner in field.fields if _now_and_then(random, 0.9)]
    members = [f'"{inner.name}":{_value(random, inner, typed=typed)}' for inner in names]
    if _now_and_then(random, 0.1):
        members += members[:1]
    if _now_and_then(random, 0.1):
        members.append(f"{random.choice(NAMES)}:{_anything(random, typed=typed)}")
    return f"{{{','.join(members)}}}"


def _anything(random: Random, *, typed: bool) -> str:
    if typed:
        return random.choice((*TEXTS, "null", "true", '{"a":1,"a":2}'))
    deep = random.choice((3, 60, 200))
    return random.choice(
        (
            *(random.choice(kind) for kind in (TEXTS, INSTANTS, ODD_INSTANTS, INTEGERS, NUMBERS)),
            *(random.choice(kind) for kind in (ODD_NUMBERS, BEYOND)),
            "null", "true", "[]", "{}", '{"a":1,"a":[2,"\\ud83d"]}', '[1,{"b":{"c":1.50}},null]',
            "[" * deep + "1" + "]" * deep,
        )
    )  # fmt: skip
