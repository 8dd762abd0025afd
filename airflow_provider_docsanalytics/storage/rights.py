"""Which right a store has refused, in the words of its own policies."""

from __future__ import annotations

from typing import Literal

Deed = Literal["open a local file for", "make", "list", "read", "write", "replace", "delete"]

_FORBIDDEN = 403
_DENIED = frozenset({"AccessDenied", "AllAccessDisabled", "MethodNotAllowed", "403", "405"})
"""S3's names of refusals; what else s3fs calls a ``PermissionError`` is a wrong or an old key."""
_IMMUTABLE = frozenset({"BlobImmutableDueToPolicy"})
"""What Azure answers with 409 whoever replaces or deletes what must stay."""

_PAYS = "If the requester pays there, set storage_options={'requester_pays': True}."
_ENCRYPTED = (
    "If the bucket's policy demands encryption, set storage_options={'s3_additional_kwargs': "
    "{'ServerSideEncryption': 'aws:kms', 'SSEKMSKeyId': '…'}}."
)
_S3: dict[Deed, str] = {
    "list": f"s3:ListBucket on the bucket. {_PAYS}",
    "read": "s3:GetObject below this path, and s3:ListBucket on the bucket, without which S3 "
    f"refuses to say that a file is not there. With a KMS key it needs kms:Decrypt, too. {_PAYS}",
    "write": "s3:PutObject below this path; with a KMS key kms:GenerateDataKey and kms:Decrypt, "
    f"too. {_ENCRYPTED}",
    "replace": "s3:PutObject below this path. If it has that, files there can be written once and "
    f"never replaced: use another bucket. {_ENCRYPTED}",
    "delete": "s3:DeleteObject below this path.",
}
_GCS: dict[Deed, str] = {
    "list": "storage.objects.list on the bucket.",
    "read": "storage.objects.get on the bucket, and storage.objects.list, without which Google "
    "refuses to say that a file is not there.",
    "write": "storage.objects.create on the bucket.",
    "replace": "storage.objects.create and storage.objects.delete on the bucket: Google asks for "
    "both to replace a file. If it has them, files there can be written once and never replaced "
    "(a retention policy, a hold): use another bucket.",
    "delete": "storage.objects.delete on the bucket.",
}
_ROLE = "the role Storage Blob Data Contributor on the container, or a SAS with"
_AZURE: dict[Deed, str] = {
    "list": f"{_ROLE} list (l).",
    "read": f"{_ROLE} read (r).",
    "write": f"{_ROLE} write (w).",
    "replace": f"{_ROLE} write (w). If it has that, files there can be written once and never "
    "replaced (an immutability policy): use another container.",
    "delete": f"{_ROLE} delete (d).",
}
_NEEDED = {"s3": _S3, "gcs": _GCS, "azure": _AZURE}
_LOCAL = "Check the permissions of the user that this worker runs as."
_OTHERS = "Check the permissions of the connection's user there."
_ABORT = (
    "An upload in several parts had failed, and what it had sent could not be removed: that needs "
    "s3:AbortMultipartUpload, or a lifecycle rule of the bucket."
)


def is_refusal(error: BaseException) -> bool:
    """Return whether a store has refused what was asked, and did not only fail."""
    code = getattr(error, "error_code", None)
    if isinstance(error, PermissionError):  # also s3fs
        response = getattr(error.__cause__, "response", None)
        return not isinstance(response, dict) or response["Error"].get("Code") in _DENIED
    return (
        getattr(error, "status_code", None) == _FORBIDDEN  # Azure's client
        or str(getattr(code, "value", code)) in _IMMUTABLE
        or (isinstance(error, OSError) and str(error).startswith("Forbidden"))  # gcsfs
    )


def remedy(store: str, deed: Deed, error: BaseException) -> str:
    """Return what the connection needs for what was refused, and what to do.

    Args:
        store: ``local``, ``s3``, ``gcs``, ``azure``, or another.
        deed: what was being done.
        error: the refusal.
    """
    if getattr(error.__cause__, "operation_name", "") == "AbortMultipartUpload":
        return _ABORT
    if right := _NEEDED.get(store, {}).get(deed):
        return f"The connection needs {right}"
    return _LOCAL if store == "local" else _OTHERS
