"""Errors of a store: what failed, and the permission to grant, in the store's own terms."""

from __future__ import annotations

import errno
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from airflow_provider_docsanalytics.errors import (
    ConfigError,
    DocsAnalyticsError,
    StorageError,
    StorageRefused,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

Action = Literal["open a local file for", "make", "list", "read", "write", "replace", "delete"]

_FORBIDDEN = 403
_DENIED = frozenset({"AccessDenied", "AllAccessDisabled", "MethodNotAllowed", "403", "405"})
"""S3's codes for a denied request. Other ``PermissionError`` of s3fs: a wrong or expired key."""
_IMMUTABLE = frozenset({"BlobImmutableDueToPolicy"})
"""Azure's codes, with status 409, for a blob that must not be replaced or deleted."""

_PAYS = "For a requester-pays bucket, set storage_options={'requester_pays': True}."
_ENCRYPTED = (
    "If the bucket's policy requires encryption, set storage_options={'s3_additional_kwargs': "
    "{'ServerSideEncryption': 'aws:kms', 'SSEKMSKeyId': '…'}}."
)
_S3: dict[Action, str] = {
    "list": f"s3:ListBucket on the bucket. {_PAYS}",
    "read": "s3:GetObject below this path, and s3:ListBucket on the bucket, without which S3 does "
    f"not report that a file is missing. With a KMS key it also needs kms:Decrypt. {_PAYS}",
    "write": "s3:PutObject below this path; with a KMS key also kms:GenerateDataKey and "
    f"kms:Decrypt. {_ENCRYPTED}",
    "replace": "s3:PutObject below this path. If it has that, the bucket does not allow replacing "
    f"files: use another bucket. {_ENCRYPTED}",
    "delete": "s3:DeleteObject below this path.",
}
_GCS: dict[Action, str] = {
    "list": "storage.objects.list on the bucket.",
    "read": "storage.objects.get on the bucket, and storage.objects.list, without which Google "
    "does not report that a file is missing.",
    "write": "storage.objects.create on the bucket.",
    "replace": "storage.objects.create and storage.objects.delete on the bucket: Google requires "
    "both to replace a file. If it has them, the bucket does not allow replacing files (a "
    "retention policy, a hold): use another bucket.",
    "delete": "storage.objects.delete on the bucket.",
}
_ROLE = "the role Storage Blob Data Contributor on the container, or a SAS with"
_AZURE: dict[Action, str] = {
    "list": f"{_ROLE} list (l).",
    "read": f"{_ROLE} read (r).",
    "write": f"{_ROLE} write (w).",
    "replace": f"{_ROLE} write (w). If it has that, the container does not allow replacing files "
    "(an immutability policy): use another container.",
    "delete": f"{_ROLE} delete (d).",
}
_NEEDED = {"s3": _S3, "gcs": _GCS, "azure": _AZURE}
_LOCAL = "Check the permissions of the user that this worker runs as."
_OTHERS = "Check the permissions of the connection's user there."
_ABORT = (
    "A multipart upload failed, and its parts could not be deleted: grant the connection "
    "s3:AbortMultipartUpload, or add a lifecycle rule to the bucket."
)
# A store's secrets are not known here, as the key is in api/_redact: their names give them away.
_SECRET = re.compile(
    r"(?i)\b(sig|signature|token|[\w-]*(?:key|secret|password|credential|security-token))"
    r"=[^\s&;,'\"]+"
)
_MAX_CHARS = 1000
_NO_DIRECTORY = frozenset({errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EEXIST})
"""No retry helps: a file is in the way, a name is too long, links form a loop."""


@contextmanager
def translate_errors(uri: str, store: str, action: Action, what: str) -> Iterator[None]:
    """Raise every error of the block as one of ours, which says what failed and what to do.

    Args:
        uri: the directory.
        store: ``local``, ``s3``, ``gcs``, ``azure``, or another.
        action: what the block does.
        what: the file that it does it to.
    """
    try:
        yield
    except DocsAnalyticsError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _NO_DIRECTORY:
            raise ConfigError(
                f"{uri} cannot be a directory: {error}. Nothing was changed there.\n"
                "Correct path, or move away the file that has its name."
            ) from error
        redacted = _SECRET.sub(r"\1=***", str(error))[:_MAX_CHARS]
        failed = f"{uri}: could not {action} {what}: {type(error).__name__}: {redacted}."
        if is_denied(error):
            raise StorageRefused(
                f"{failed} Published files are kept, and a retry resumes.\n"
                f"The storage denied the request. {remedy(store, action, error)}"
            ) from error
        raise StorageError(
            f"{failed} Published files are kept, and a retry resumes.\n"
            "Check free space, permissions, and whether this worker can reach the storage."
        ) from error


def is_denied(error: BaseException) -> bool:
    """Return whether the store denied the request, as opposed to a failure."""
    code = getattr(error, "error_code", None)
    if isinstance(error, PermissionError):  # also s3fs
        response = getattr(error.__cause__, "response", None)
        return not isinstance(response, dict) or response["Error"].get("Code") in _DENIED
    return (
        getattr(error, "status_code", None) == _FORBIDDEN  # Azure's client
        or str(getattr(code, "value", code)) in _IMMUTABLE
        or (isinstance(error, OSError) and str(error).startswith("Forbidden"))  # gcsfs
    )


def remedy(store: str, action: Action, error: BaseException) -> str:
    """Return the permission that the connection needs, and what else to do.

    Args:
        store: ``local``, ``s3``, ``gcs``, ``azure``, or another.
        action: what was denied.
        error: of the store.
    """
    if getattr(error.__cause__, "operation_name", "") == "AbortMultipartUpload":
        return _ABORT
    if permission := _NEEDED.get(store, {}).get(action):
        return f"The connection needs {permission}"
    return _LOCAL if store == "local" else _OTHERS
