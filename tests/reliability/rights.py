"""S3 with rights taken away one by one: what of an export, when, and what the user is told."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tests.reliability.children import run
from tests.reliability.exports import KINDS, PAGES_PER_FILE, Exports
from tests.reliability.s3_rights import Policy, proxy, set_policy
from tests.reliability.stage import play, stage
from tests.reliability.summary import Summary, listed_rows
from tests.reliability.targets import S3Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.reliability.summary import Case
    from tests.reliability.targets import S3

_ALL = Policy()
_BEFORE = ("empty", "finished", "unfinished")
_SUFFICIENT = ("s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject")
_CHUNK_BYTES, _ROW_BYTES = 5 * 2**20, 600_000
"""S3's least, and rows of which a file's 20 make more than two of those."""
_WORKS: dict[str, Policy] = {
    "no right but the four of the documented policy": Policy(allowed=_SUFFICIENT),
    "no s3:DeleteObject": Policy(denied=("s3:DeleteObject",)),
    "no s3:GetBucketLocation": Policy(denied=("s3:GetBucketLocation",)),
    "no s3:AbortMultipartUpload": Policy(denied=("s3:AbortMultipartUpload",)),
    "Object Lock: each upload needs a checksum": Policy(object_lock=True),
}
_REFUSED: dict[str, tuple[Policy, str]] = {
    "no s3:ListBucket": (Policy(denied=("s3:ListBucket",)), "s3:ListBucket on the bucket"),
    "no s3:GetObject": (Policy(denied=("s3:GetObject",)), "s3:GetObject below this path"),
    "no s3:PutObject": (Policy(denied=("s3:PutObject",)), "s3:PutObject below this path"),
    "encryption is demanded": (Policy(kms_key="k"), "'ServerSideEncryption': 'aws:kms'"),
    "the requester pays": (Policy(requester_pays=True), "{'requester_pays': True}"),
    "files are written once": (Policy(write_once=True), "use another bucket"),
}


def cases() -> Iterator[Case]:
    """Take each right away from exports into an empty, a finished and an unfinished directory."""
    with stage() as (_, s3):
        works: list[Callable[[], Case]] = [
            partial(works_without, s3, name, policy) for name, policy in _WORKS.items()
        ]
        works += [partial(refused, s3, name, *told) for name, told in _REFUSED.items()]
        yield from play([*works, partial(not_aborted, s3)])


def quick() -> Iterator[Case]:
    """Try one of each."""
    with stage() as (_, s3):
        yield works_without(s3, "no s3:DeleteObject", _WORKS["no s3:DeleteObject"])
        yield refused(s3, "no s3:ListBucket", *_REFUSED["no s3:ListBucket"])


def works_without(s3: S3, name: str, policy: Policy) -> Case:
    """Export where something is not allowed that an export can do without."""
    row_bytes = 0 if policy.allowed is None else _ROW_BYTES  # the least, also for large parts
    target = partial(S3Target, s3, _prefix(name), chunk_bytes=_CHUNK_BYTES)
    with proxy(s3.url) as url, Exports(KINDS[0], target(url), row_bytes=row_bytes) as exports:
        rows, finished = exports.undisturbed()
        summary = Summary(f"S3: {name}", rows, PAGES_PER_FILE)
        for before in _BEFORE:
            _prepare(exports, before, finished)
            set_policy(url, policy)
            ended = run(exports.export)
            if ended.saw == "complete":
                summary.complain(
                    *(f"{before}: {wrong}" for wrong in listed_rows(exports.target)[1])
                )
            set_policy(url, _ALL)
            if not policy.allows("s3:DeleteObject"):
                exports.service.forget_requests()
                run(exports.export)  # which removes what stayed
            summary.finish(ended, exports, before)
        return summary.case()


def refused(s3: S3, name: str, policy: Policy, told: str) -> Case:
    """Export where something is refused: before the first request, by name, and with no harm."""
    with proxy(s3.url) as url, Exports(KINDS[0], S3Target(s3, _prefix(name), url)) as exports:
        rows, finished = exports.undisturbed()
        summary = Summary(f"S3: {name}", rows, PAGES_PER_FILE)
        for before in _BEFORE:
            _prepare(exports, before, finished)
            asked = len(exports.service.requests())
            set_policy(url, policy)
            failed = run(exports.export)
            set_policy(url, _ALL)
            if told not in failed.text or exports.target.root not in failed.text:
                summary.complain(f"{before}: {failed.saw} {failed.text}")
            if len(exports.service.requests()) > asked:
                summary.complain(f"{before}: the service was asked first")
            if before == "finished":
                summary.complain(*listed_rows(exports.target)[1])
            retried = run(exports.export)
            if retried.saw != "complete":
                summary.complain(f"{before}: once allowed: {retried.saw} {retried.text}")
            summary.add(f"{failed.saw} before the first request", exports, before)
        return summary.case()


def not_aborted(s3: S3) -> Case:
    """Fail an upload in several parts that may not be aborted either."""
    policy = Policy(denied=("s3:AbortMultipartUpload",), parts_denied=True)
    target = partial(S3Target, s3, "aborted", chunk_bytes=_CHUNK_BYTES)
    with proxy(s3.url) as url, Exports(KINDS[0], target(url), row_bytes=_ROW_BYTES) as exports:
        rows, old = exports.undisturbed()
        name = "S3: an upload fails in its parts, and no s3:AbortMultipartUpload"
        summary = Summary(name, rows, PAGES_PER_FILE)
        exports.fresh(old)
        set_policy(url, policy)
        failed = run(exports.export)
        set_policy(url, _ALL)
        if failed.saw != "StorageRefused" or "s3:AbortMultipartUpload" not in failed.text:
            summary.complain(f"{failed.saw} {failed.text}")
        summary.complain(*listed_rows(exports.target)[1])
        summary.finish(run(exports.export), exports, "once allowed")
        return summary.case()


def _prefix(name: str) -> str:
    return "".join(char for char in name if char.isalnum())


def _prepare(exports: Exports, before: str, finished: dict[str, bytes]) -> None:
    """Put the directory into a state, and empty the service's log but for a half export's pages."""
    exports.fresh(finished if before == "finished" else None)
    if before == "unfinished":
        exports.service.set_faults({"kind": "status", "status": 429, "match": {"nth": 4}})
        run(exports.export)
        exports.service.set_faults()
