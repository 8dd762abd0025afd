"""Conditional writes to Google Cloud Storage, by generation, through ``gcsfs``."""

from __future__ import annotations

import json
import secrets
from typing import Any
from urllib.parse import quote

from airflow_provider_docsanalytics.storage.conditional import (
    READ_ATTEMPTS,
    StoreClock,
    check_size,
    run,
)


class GcsObjects:
    """Objects of Google Cloud Storage; a version is a generation.

    Args:
        filesystem: a ``gcsfs.GCSFileSystem``.
    """

    deletes_on_condition = True

    def __init__(self, filesystem: Any) -> None:
        self._fs = filesystem
        self.clock = StoreClock()

    def read(self, path: str) -> tuple[bytes, str] | None:
        """Return content and generation; 2 requests, more if the object changes meanwhile."""
        for _ in range(READ_ATTEMPTS):
            try:
                found: tuple[bytes, str] = run(self._fs, self._read, path)
            except FileNotFoundError:
                return None
            except Exception as error:
                if not _is_conflict(error):
                    raise
            else:
                return found
        raise TimeoutError(f"it was replaced during each of {READ_ATTEMPTS} reads")

    def write(self, path: str, text: bytes, version: str | None) -> str | None:
        """Put an object in place if it has this generation; 1 request."""
        try:
            return str(run(self._fs, self._write, path, text, version or "0"))
        except Exception as error:
            if _is_conflict(error):
                return None
            raise

    def delete(self, path: str, version: str) -> bool:
        """Delete an object if it has this generation; 1 request."""
        try:
            run(self._fs, self._delete, path, version)
        except FileNotFoundError:
            return True
        except Exception as error:
            if _is_conflict(error):
                return self.read(path) is None  # the condition also fails for a missing object
            raise
        return True

    async def _read(self, path: str) -> tuple[bytes, str]:
        bucket, key, _ = self._fs.split_path(path)
        found = await self._fs._call("GET", "b/{}/o/{}", bucket, key, json_out=True)  # noqa: SLF001 - the asynchronous call has no public name
        check_size(int(found["size"]), found.get("contentEncoding"))
        generation = str(found["generation"])
        url = self._fs.url(path)
        headers, text = await self._fs._call("GET", url, ifGenerationMatch=generation)  # noqa: SLF001 - as above
        self.clock.saw(headers.get("Date"))
        return bytes(text), generation

    async def _write(self, path: str, text: bytes, version: str) -> Any:
        bucket, key, _ = self._fs.split_path(path)
        boundary = secrets.token_hex(16)
        about = json.dumps({"name": key, "contentType": "application/json"}).encode()
        parts = (
            b"\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n" + about + b"\r\n",
            b"\r\nContent-Type: application/json\r\n\r\n" + text + b"\r\n",
            b"--\r\n",
        )
        response = await self._fs._call(  # noqa: SLF001 - as above
            "POST",
            f"{self._fs._location}/upload/storage/v1/b/{quote(bucket, safe='')}/o",  # noqa: SLF001 - has no public name
            headers={"Content-Type": f'multipart/related; boundary="{boundary}"'},
            data=b"".join(b"--" + boundary.encode() + part for part in parts),
            json_out=True,
            uploadType="multipart",
            ifGenerationMatch=version,
        )
        self._fs.invalidate_cache(path)
        self.clock.saw(response.get("updated"))
        return response["generation"]

    async def _delete(self, path: str, version: str) -> None:
        bucket, key, _ = self._fs.split_path(path)
        await self._fs._call("DELETE", "b/{}/o/{}", bucket, key, ifGenerationMatch=version)  # noqa: SLF001 - as above
        self._fs.invalidate_cache(path)


def _is_conflict(error: BaseException) -> bool:
    """Return whether an error means status 412; versions of gcsfs raise different ones."""
    return isinstance(error, FileExistsError) or str(getattr(error, "code", "")) == "412"
