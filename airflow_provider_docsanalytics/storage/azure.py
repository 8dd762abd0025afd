"""Conditional writes to Azure Blob Storage, by ETag, through ``adlfs``."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from airflow_provider_docsanalytics.storage.conditional import (
    READ_ATTEMPTS,
    StoreClock,
    check_size,
    run,
)

_CONFLICTS = ("ConditionNotMet", "TargetConditionNotMet", "BlobAlreadyExists", "BlobNotFound")
_NOT_FOUND = ("BlobNotFound", "ContainerNotFound", "ResourceNotFound")
_HTTP_NOT_FOUND = 404


class AzureObjects:
    """Blobs of one account; a version is an ETag.

    Args:
        filesystem: an ``adlfs.AzureBlobFileSystem``.
    """

    deletes_on_condition = True

    def __init__(self, filesystem: Any) -> None:
        self._fs = filesystem
        self.clock = StoreClock()

    def read(self, path: str) -> tuple[bytes, str] | None:
        """Return content and ETag; 2 requests, more if the blob changes meanwhile.

        The first checks the encoding, because the library decompresses blobs without a limit.
        """
        for _ in range(READ_ATTEMPTS):
            try:
                found: tuple[bytes, str] = run(self._fs, self._read, path)
            except Exception as error:
                if getattr(error, "status_code", None) == _HTTP_NOT_FOUND:
                    return None
                if _code(error) not in _CONFLICTS:
                    raise
            else:
                return found
        raise TimeoutError(f"it was replaced during each of {READ_ATTEMPTS} reads")

    def write(self, path: str, text: bytes, version: str | None) -> str | None:
        """Put a blob in place if it has this ETag; 1 request."""
        try:
            return str(run(self._fs, self._write, path, text, version))
        except Exception as error:
            if _code(error) in _CONFLICTS:
                return None
            raise

    def delete(self, path: str, version: str) -> bool:
        """Delete a blob if it has this ETag; 1 request."""
        try:
            run(self._fs, self._delete, path, version)
        except Exception as error:
            if _code(error) in _NOT_FOUND:
                return True
            if _code(error) in _CONFLICTS:
                return self.read(path) is None  # the condition also fails for a missing blob
            raise
        return True

    async def _read(self, path: str) -> tuple[bytes, str]:
        async with self._blob(path) as blob:
            found = await blob.get_blob_properties(raw_response_hook=self._see)
            check_size(found.size, found.content_settings.content_encoding)
            version = str(found.etag)
            stream = await blob.download_blob(**_has(version))
            return bytes(await stream.readall()), version

    async def _write(self, path: str, text: bytes, version: str | None) -> Any:
        condition = {**_has(version), "overwrite": True} if version else {"overwrite": False}
        async with self._blob(path) as blob:
            response = await blob.upload_blob(text, **condition)
        self._fs.invalidate_cache(path.rpartition("/")[0])
        self.clock.saw(response.get("date"))
        return response["etag"]

    async def _delete(self, path: str, version: str) -> None:
        async with self._blob(path) as blob:
            await blob.delete_blob(**_has(version))
        self._fs.invalidate_cache(path.rpartition("/")[0])

    def _see(self, response: Any) -> None:
        self.clock.saw(response.http_response.headers.get("Date"))

    def _blob(self, path: str) -> Any:
        container, name, _ = self._fs.split_path(path)
        return self._fs.service_client.get_blob_client(container=container, blob=name)


def _has(version: str) -> dict[str, Any]:
    not_modified = import_module("azure.core").MatchConditions.IfNotModified
    return {"etag": version, "match_condition": not_modified}


def _code(error: BaseException) -> str:
    """Return Azure's error code."""
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or "")
