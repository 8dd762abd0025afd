"""Conditional writes to S3 and compatible stores, by ETag, through ``s3fs``."""

from __future__ import annotations

from typing import Any

from airflow_provider_docsanalytics.storage.conditional import (
    NoConditions,
    StoreClock,
    check_size,
    run,
)

_CONFLICTS = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict", "409"})
_NOT_FOUND = frozenset({"NoSuchKey", "404"})
_NOT_IMPLEMENTED = frozenset({"NotImplemented", "501"})
_CHUNK_BYTES = 2**20


class S3Objects:
    """Objects of S3; a version is an ETag.

    Few S3-compatible stores support a conditional DELETE, so none is sent.

    Args:
        filesystem: an ``s3fs.S3FileSystem``.
    """

    deletes_on_condition = False

    def __init__(self, filesystem: Any) -> None:
        self._fs = filesystem
        self.clock = StoreClock()
        if pays := getattr(filesystem, "req_kw", None):
            # Older s3fs sends it with reads only, not with writes and deletes.
            filesystem.s3_additional_kwargs = {**filesystem.s3_additional_kwargs, **pays}

    def read(self, path: str) -> tuple[bytes, str] | None:
        """Return content and ETag; 1 request."""
        found: tuple[bytes, str] | None = run(self._fs, self._read, path)
        return found

    def write(self, path: str, text: bytes, version: str | None) -> str | None:
        """Put an object in place if it has this ETag; 1 request.

        Raises:
            NoConditions: the store responded with 501.
        """
        condition = {"IfMatch": version} if version else {"IfNoneMatch": "*"}
        try:
            response = run(self._fs, self._call, "put_object", path, {"Body": text, **condition})
        except Exception as error:
            code = _code(error)
            if code in _CONFLICTS or (code in _NOT_FOUND and version):
                return None
            if code in _NOT_IMPLEMENTED:
                raise NoConditions("this store has no conditional writes") from error
            raise
        self._fs.invalidate_cache(path)  # shared by all that use this file system
        return str(response["ETag"])

    def delete(self, path: str, version: str) -> bool:
        """Delete an object if it has this ETag; 2 requests, so not atomic."""
        try:
            found = run(self._fs, self._call, "head_object", path, {})
        except FileNotFoundError:
            return True
        if found["ETag"] != version:
            return False
        run(self._fs, self._call, "delete_object", path, {})
        self._fs.invalidate_cache(path)
        return True

    async def _read(self, path: str) -> tuple[bytes, str] | None:
        from s3fs.core import S3_RETRYABLE_ERRORS  # type: ignore[import-untyped]

        for tries_left in reversed(range(max(self._fs.retries, 1))):
            try:
                return await self._read_once(path)
            except FileNotFoundError:
                return None
            except S3_RETRYABLE_ERRORS:  # the body was cut off
                if not tries_left:
                    raise
        return None

    async def _read_once(self, path: str) -> tuple[bytes, str]:
        response = await self._call("get_object", path, {})
        async with response["Body"]:  # entering it returns an object that cannot read in chunks
            check_size(response.get("ContentLength") or 0)
            text = bytearray()
            while chunk := await response["Body"].read(_CHUNK_BYTES):
                text += chunk
                check_size(len(text))
            return bytes(text), str(response["ETag"])

    async def _call(self, method: str, path: str, arguments: dict[str, Any]) -> Any:
        bucket, key, _ = self._fs.split_path(path)
        response = await self._fs._call_s3(method, Bucket=bucket, Key=key, **arguments)  # noqa: SLF001 - the asynchronous call_s3 has no public name
        self.clock.saw(response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date"))
        return response


def _code(error: BaseException) -> str:
    """Return S3's error code; ``fsspec`` maps several of them to one Python exception."""
    for each in (error, error.__cause__):
        response = getattr(each, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code", ""))
    return ""
