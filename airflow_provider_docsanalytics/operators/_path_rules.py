"""What the path of an export may look like; for everything else, what to write instead."""

from __future__ import annotations

import re
from unicodedata import bidirectional, category

LOCAL = ("file", "local")
_MOST_BYTES = 960
"""S3 and GCS take keys of 1024 bytes; the rest is for the names of our files."""
_MOST_BYTES_OF_A_NAME = 255
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):(?P<slashes>/*)(?P<rest>.*)", re.DOTALL)
_BUCKETS = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss"})
"""Schemes whose URLs name a bucket or a container; those of others may leave out the host."""
_BUCKET = re.compile(r"[A-Za-z0-9._-]+|arn:[A-Za-z0-9:_-]+")
_HOST = re.compile(rf"{_BUCKET.pattern}|[A-Za-z0-9._-]+:[0-9]+")
_BREAKS = ("Cc", "Cs", "Zl", "Zp")
"""Control characters, halves of characters, and what ends a line or a paragraph."""
_TURNS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
"""What makes text read in another order than it is written."""


def has_password(path: str) -> bool:
    """Return whether a path may carry credentials; such a path must not be quoted."""
    url = _as_url(path)
    if url is None or (url["scheme"].lower() in LOCAL and len(url["slashes"]) > len("//")):
        return False
    user, _, host = url["rest"].partition("/")[0].rpartition("@")
    return ":" in user or (":" in host and not _HOST.fullmatch(host))


def trouble_with(path: str) -> str:
    """Return what is wrong with a path, and what to write instead; ``""`` if nothing is."""
    if not path:
        return "it is empty. Write a directory, such as s3://bucket/docs/{endpoint}."
    if any(category(each) in _BREAKS or bidirectional(each) in _TURNS for each in path):
        return "it holds a line break or another control character."
    if path != path.strip():
        return "it starts or ends with a space. Remove it; a template may have given nothing."
    if len(path.encode()) > _MOST_BYTES:
        return f"it is longer than {_MOST_BYTES} bytes, more than every storage takes. Shorten it."
    url = _as_url(path)
    return _with_url(url["scheme"], url["slashes"], url["rest"]) if url else _with_disk(path)


def _as_url(path: str) -> re.Match[str] | None:
    """Return the parts of a URL, and of what was meant to be one, such as ``s3:/bucket``."""
    url = _URL.fullmatch(path)
    is_meant = url and (url["slashes"] or url["scheme"].lower() in (*LOCAL, *_BUCKETS))
    return url if is_meant else None


def _with_url(scheme: str, slashes: str, rest: str) -> str:
    if scheme != scheme.lower():
        return f"write {scheme.lower()}://, in lower case."
    if found := next((each for each in ("?", "#", "::", "://") if each in rest), None):
        return (
            f"it holds {found!r}, which file systems and loaders do not take as a part of a name "
            "but as a query, a version or another URL. Replace it, as in {{ value | replace('"
            f"{found}', '-') }}}}."
        )
    if scheme in LOCAL:
        if len(slashes) < len("///"):
            return (
                "a local path has three slashes and no host. Write file:///lake/docs or /lake/docs."
            )
        return _with_disk(f"{slashes.removeprefix('//')}{rest}")
    authority, _, key = rest.partition("/")
    return _with_authority(scheme, slashes, authority) or (_with_parts(key) if key else "")


def _with_authority(scheme: str, slashes: str, authority: str) -> str:
    connection, at, bucket = authority.rpartition("@")
    if at and not connection:
        return "it names no connection before '@'. Name one, or leave out the '@'."
    if slashes != "//" or not authority or (scheme in _BUCKETS and not bucket):
        return f"it names no bucket. Write {scheme}://bucket/docs, with two slashes."
    if scheme in _BUCKETS and not _BUCKET.fullmatch(bucket):
        return f"{bucket!r} cannot be the name of a bucket. Correct it."
    return ""


def _with_disk(path: str) -> str:
    if not path.startswith("/"):
        return (
            "it depends on where the worker runs: write an absolute path or a URL (file:///, "
            "s3://, gs://, abfs://)."
        )
    if path == "/":
        return "it is the root of the file system. Write a directory, such as /lake/docs."
    if any(len(part.encode()) > _MOST_BYTES_OF_A_NAME for part in path.split("/")):
        return f"a name in it is longer than {_MOST_BYTES_OF_A_NAME} bytes. Shorten it."
    return _with_parts(path.removeprefix("/"))


def _with_parts(key: str) -> str:
    parts = key.removesuffix("/").split("/")
    if not all(map(str.strip, parts)):
        return (
            "a name between two slashes is empty, or only spaces: a template may have given "
            "nothing. Give it a value, as in {{ value or 'none' }}, or remove the slash."
        )
    if {".", ".."} & set(parts):
        return "it holds '.' or '..': write where it leads to."
    return ""
