"""Full disks, refusals, a storage that fails, and files that are not what they should be."""

from __future__ import annotations

import errno
import json
import resource
from functools import partial
from itertools import count, islice
from typing import TYPE_CHECKING, Any

from tests.reliability.boundaries import Boundaries, fail_from
from tests.reliability.children import run
from tests.reliability.exports import KINDS, PAGES_PER_FILE, Exports
from tests.reliability.s3_proxy import FAULTS, LOST_UPLOAD, NO_CONDITIONS, fail, proxy
from tests.reliability.stage import play, stage
from tests.reliability.summary import Summary, listed_rows
from tests.reliability.targets import LocalTarget, S3Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.reliability.summary import Case
    from tests.reliability.targets import S3, Target

_ERRORS = (errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EIO)
_MANIFEST, _CHECKPOINT = "_manifest.json", "_checkpoint.json"
_CHUNK_BYTES, _ROW_BYTES = 5 * 2**20, 600_000
"""S3's least, and rows of which a file's 20 make more than two of those."""
_FOREIGN = {
    "part-0.jsonl": b"theirs",
    "part-00000-abc.snappy.parquet": b"theirs",
    "_SUCCESS": b"",
    ".part-00000.tmp": b"theirs",
}


def cases() -> Iterator[Case]:
    """Try the faults of local disks, of S3, and of what is read back."""
    with stage() as (lake, s3):
        works: list[Callable[[], Case]] = [
            partial(refused, LocalTarget(lake / f"refused-{code}"), code) for code in _ERRORS
        ]
        works += [partial(too_large, LocalTarget(lake / "large")), partial(s3_fails, s3)]
        for where, target in (("local", partial(_local, lake)), ("S3", partial(S3Target, s3))):
            works += [
                partial(foreign_files, target("foreign"), where),
                partial(damaged_checkpoints, target("checkpoints/here"), where),
                partial(damaged_manifests, target("manifests/here"), where),
            ]
        works += [partial(uploads_lost, s3), partial(no_conditions, s3), partial(no_bucket, s3)]
        yield from play(works)


def quick() -> Iterator[Case]:
    """Try a few of them."""
    with stage() as (lake, s3):
        yield too_large(LocalTarget(lake / "large"))
        yield foreign_files(LocalTarget(lake / "foreign"), "local")
        yield damaged_checkpoints(LocalTarget(lake / "checkpoints" / "here"), "local")
        yield no_conditions(s3)
        yield no_bucket(s3)


def _local(lake: Path, name: str) -> LocalTarget:
    return LocalTarget(lake / name)


def refused(target: Target, code: int) -> Case:
    """Let every change fail from one on: from the first, from the second, and so on."""
    name = f"{errno.errorcode[code]} from every file operation on (local)"
    with Exports(KINDS[0], target) as exports:
        rows, old = exports.undisturbed()
        summary = Summary(name, rows, allowed_again=PAGES_PER_FILE)
        for number in count(1):
            exports.fresh(old)
            failed = run(partial(exports.export, Boundaries(fail_from(number, code))))
            if failed.saw == "complete":
                break
            _must_be_told(summary, failed, exports, f"from operation {number} on")
        return summary.case()


def _must_be_told(summary: Summary, failed: Any, exports: Exports, what: str) -> None:
    """Note a failure that is not named, or has hurt the old export; then let a retry finish."""
    if (
        failed.saw not in ("StorageError", "StorageRefused")
        or exports.target.root not in failed.text
    ):
        summary.complain(f"{what}: {failed.saw} {failed.text}")
    summary.complain(*(f"{what}: {wrong}" for wrong in listed_rows(exports.target)[1]))
    if exports.is_finished:
        exports.service.forget_requests()
    retried = run(exports.export)
    if retried.saw != "complete":
        summary.complain(f"{what}: the retry: {retried.saw} {retried.text}")
    summary.add(f"{failed.saw}, then complete", exports, what)


def too_large(target: Target) -> Case:
    """Let the kernel cut every file at some size: a write stops in its middle, for real."""
    with Exports(KINDS[0], target) as exports:
        rows, old = exports.undisturbed()
        summary = Summary("files cut at a size limit by the kernel (local)", rows, PAGES_PER_FILE)
        for limit in range(0, 8000, 250):
            exports.fresh(old)
            failed = run(partial(_with_limit, exports, limit))
            if failed.saw == "complete":
                break
            _must_be_told(summary, failed, exports, f"at {limit} bytes")
        return summary.case()


def _with_limit(exports: Exports, limit: int) -> int:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    return exports.export()


def s3_fails(s3: S3) -> Case:
    """Fail every request to S3 in turn, each in one of five ways."""
    with proxy(s3.url) as url, Exports(KINDS[0], S3Target(s3, "failing", url)) as exports:
        rows, old = exports.undisturbed()
        summary = Summary(f"S3: {', '.join(FAULTS)}, at every request", rows, PAGES_PER_FILE)
        exports.fresh(old)
        fail(url, 0, "")
        run(exports.export)
        for number in range(1, fail(url, 0, "") + 1):
            exports.fresh(old)
            fault = FAULTS[number % len(FAULTS)]
            fail(url, number, fault)
            failed = run(exports.export)
            fail(url, 0, "")
            if failed.saw == "complete" and fault.startswith("AccessDenied"):
                exports.service.forget_requests()
                failed = run(exports.export)  # which removes what could not be deleted
            if failed.saw == "complete":
                summary.finish(failed, exports, f"{fault} at {number}")
            else:
                _must_be_told(summary, failed, exports, f"{fault} at {number}")
        return summary.case()


def uploads_lost(s3: S3) -> Case:
    """Forget each upload in several parts at each of its requests, as a lifecycle rule may."""
    with (
        proxy(s3.url) as url,
        Exports(
            KINDS[0], S3Target(s3, "large", url, chunk_bytes=_CHUNK_BYTES), row_bytes=_ROW_BYTES
        ) as exports,
    ):
        rows, old = exports.undisturbed()
        summary = Summary("S3: an upload in several parts is lost", rows, PAGES_PER_FILE)
        for number in count(1):
            exports.fresh(old)
            fail(url, number, LOST_UPLOAD)
            failed = run(exports.export)
            fail(url, 0, "")
            if failed.saw == "complete":
                break
            _must_be_told(summary, failed, exports, f"at request {number}")
        return summary.case()


def no_conditions(s3: S3) -> Case:
    """Export to a store that speaks S3 and does not know conditional writes."""
    with proxy(s3.url) as url, Exports(KINDS[0], S3Target(s3, "older", url)) as exports:
        rows, old = exports.undisturbed()
        summary = Summary("S3 without conditional writes", rows, allowed_again=0)
        fail(url, 0, NO_CONDITIONS)
        exports.fresh(old)
        summary.finish(run(exports.export), exports, "without conditions")
        return summary.case()


def no_bucket(s3: S3) -> Case:
    """Export to a bucket that does not exist; then it does."""
    target = S3Target(s3, "out", bucket="nowhere")
    with Exports(KINDS[0], S3Target(s3, "there")) as exports:
        rows, _ = exports.undisturbed()
        summary = Summary("S3: no such bucket", rows, allowed_again=0)
        exports.target, there = target, exports.target
        failed = run(exports.export)
        if failed.saw != "StorageError" or "nowhere/out" not in failed.text:
            summary.complain(f"{failed.saw} {failed.text}")
        exports.target = there
        summary.add(failed.saw, exports, "no bucket")
        return summary.case()


def foreign_files(target: Target, where: str) -> Case:
    """Export where files of others lie, under names that are nearly ours."""
    with Exports(KINDS[0], target) as exports:
        rows, _ = exports.undisturbed()
        summary = Summary(f"a directory with files of others ({where})", rows, allowed_again=0)
        exports.fresh(_FOREIGN)
        ended = run(exports.export)
        for name, content in _FOREIGN.items():
            if target.read(name) != content:
                summary.complain(f"{name} was touched")
            target.remove(name)
        summary.finish(ended, exports, "with files of others")
        return summary.case()


def damaged_checkpoints(target: Target, where: str) -> Case:
    """Resume from checkpoints that are cut, of other types, or name files outside."""
    with Exports(KINDS[0], target) as exports:
        rows, _ = exports.undisturbed()
        summary = Summary(f"damaged and hostile checkpoints ({where})", rows, None)
        exports.fresh()
        exports.service.set_faults({"kind": "status", "status": 429, "match": {"nth": 4}})
        run(exports.export)
        exports.service.set_faults()
        unfinished = {name: target.read(name) for name in target.names()}
        text = unfinished[_CHECKPOINT]
        for what, damaged in islice(_damages(text), 0, None, 1 if where == "local" else 4):
            exports.fresh({**unfinished, _CHECKPOINT: damaged})
            target.write("../victim", b"theirs")
            summary.finish(run(exports.export), exports, what)
            if target.read("../victim") != b"theirs":
                summary.complain(f"{what}: a file outside was touched")
        return summary.case()


def damaged_manifests(target: Target, where: str) -> Case:
    """Export over manifests that cannot be read: refused by name, and nothing is changed."""
    with Exports(KINDS[0], target) as exports:
        rows, old = exports.undisturbed()
        summary = Summary(f"damaged and hostile manifests ({where})", rows, None)
        text = old[_MANIFEST]
        for what, damaged in islice(_damages(text), 0, None, 1 if where == "local" else 4):
            files = {**old, _MANIFEST: damaged}
            exports.fresh(files)
            target.write("../victim", b"theirs")
            ended = run(partial(exports.export, if_exists="replace"))
            if ended.saw == "complete":  # the damage was not one
                summary.finish(ended, exports, what)
                continue
            if ended.saw != "ConfigError" or _MANIFEST not in ended.text:
                summary.complain(f"{what}: {ended.saw} {ended.text}")
            if {name: target.read(name) for name in target.names()} != files:
                summary.complain(f"{what}: something was changed")
            if target.read("../victim") != b"theirs":
                summary.complain(f"{what}: a file outside was touched")
            target.write(_MANIFEST, text)
            summary.add(ended.saw, exports, what)
        return summary.case()


def _damages(text: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield ways in which a document may be wrong."""
    for size in range(0, len(text) - 2, len(text) // 30):
        yield f"cut at {size}", text[:size]
    for content in (b"null", b"[]", b"\xff\xfe", b"{}", b"\x00" * len(text), b'"text"'):
        yield f"{content[:6]!r}", content
    document = json.loads(text)
    for key in document:
        for value in (None, -1, "x", [], {"a": 1}):
            if not _is_valid(key, value):
                yield f"{key}={value!r}", json.dumps({**document, key: value}).encode()
    newer = {
        key: 2 if key.endswith("_version") and value == 1 else value
        for key, value in document.items()
    }
    yield "version 2", json.dumps(newer).encode()
    part = b"part-00000-"
    for outside in (b"../victim", b"/etc/passwd", b"../../x/part-00000-", b"a/part-00000-"):
        name = text[text.index(part) :].split(b'"', 1)[0]
        yield f"names {outside!r}", text.replace(name, outside)
    yield "local time", text.replace(b'Z"', b'"').replace(b"+00:00", b"")


def _is_valid(key: str, value: Any) -> bool:
    """Whether that would be a sound document, too."""
    free = {"project_id": (None, "x"), "source": ("x",), "owner": ("x",)}
    texts = ("platform", "endpoint", "file_format", "provider_version")
    return (
        value in free.get(key, ())
        or (key in texts and value == "x")
        or (key in ("date_from", "date_to", "compression") and value in (None, "x"))
        or (key == "totals" and value == {"a": 1})
        or (key in ("files", "missing", "thread_ids") and value == [])
    )
