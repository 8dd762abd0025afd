"""A proxy in front of S3 that refuses what a policy does not allow, as S3 does.

As S3 does: 403 AccessDenied, and 403 instead of 404 to whoever may not list the bucket.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from tests.reliability.s3_proxy import TIMEOUT_S, Handler, Proxy, opened, serve

_POLICY = "/_policy"
_CHECKSUMS = ("content-md5", "x-amz-checksum-", "x-amz-sdk-checksum-algorithm", "x-amz-trailer")
_DENIED = ("AccessDenied", 403)


@dataclass(frozen=True, slots=True)
class Policy:
    """What a bucket allows.

    Attributes:
        allowed: IAM's names of actions, ``None`` for all.
        denied: IAM's names of actions.
        prefix: the only prefix that may be listed, and below which objects may be reached.
        kms_key: what each upload must be encrypted with.
        requester_pays: each request must say that it pays.
        write_once: what is there is neither written again nor deleted.
        object_lock: each upload must carry a checksum.
        parts_denied: no part of an upload in several is taken.
    """

    allowed: tuple[str, ...] | None = None
    denied: tuple[str, ...] = ()
    prefix: str = ""
    kms_key: str = ""
    requester_pays: bool = False
    write_once: bool = False
    object_lock: bool = False
    parts_denied: bool = False

    def allows(self, action: str) -> bool:
        """Return whether an action is allowed."""
        return action not in self.denied and (self.allowed is None or action in self.allowed)


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    query: dict[str, list[str]]
    headers: Any

    @property
    def key(self) -> str:
        return self.path.strip("/").partition("/")[2]

    @property
    def action(self) -> str:
        """IAM's name of what it takes."""
        if not self.key:
            return "s3:GetBucketLocation" if "location" in self.query else _OF_BUCKETS[self.method]
        if self.method == "DELETE" and "uploadId" in self.query:
            return "s3:AbortMultipartUpload"
        return _OF_OBJECTS[self.method]

    @property
    def uploads(self) -> bool:
        return self.method == "PUT" or "uploads" in self.query


_OF_BUCKETS = {"GET": "s3:ListBucket", "HEAD": "s3:ListBucket", "PUT": "s3:CreateBucket"}
_OF_OBJECTS = {
    "GET": "s3:GetObject",
    "HEAD": "s3:GetObject",
    "PUT": "s3:PutObject",
    "POST": "s3:PutObject",
    "DELETE": "s3:DeleteObject",
}


class _Proxy(Proxy):
    def __init__(self, upstream: str) -> None:
        super().__init__(upstream, _Handler)
        self.policy = Policy()
        self.asked: list[str] = []


class _Handler(Handler):
    server: _Proxy

    def take(self, body: bytes) -> None:
        """Pass the request on, or refuse it."""
        if self.path == _POLICY:
            asked, self.server.asked = self.server.asked, []
            self.server.policy = Policy(**json.loads(body))
            self.send(200, {}, json.dumps(asked).encode())
            return
        parts = urlsplit(self.path)
        query = parse_qs(parts.query, keep_blank_values=True)
        request = _Request(self.command, parts.path, query, self.headers)
        self.server.asked.append(request.action)
        refused = self._refused(request)
        answer = None if refused else self.pass_on(body)
        if answer is not None and answer.status_code == requests.codes.not_found and request.key:
            refused = None if self.server.policy.allows("s3:ListBucket") else _DENIED
        if refused:
            self.refuse(*refused, "Access Denied")
        elif answer is not None:
            self.send(answer.status_code, answer.headers, answer.content)

    def _refused(self, request: _Request) -> tuple[str, int] | None:
        policy, headers = self.server.policy, request.headers
        encryption = headers.get("x-amz-server-side-encryption-aws-kms-key-id")
        pays = headers.get("x-amz-request-payer") == "requester"
        below = request.key or request.query.get("prefix", [""])[0]
        changes_what_is_there = (
            policy.write_once and request.method in ("PUT", "DELETE") and self._is_there(request)
        )
        if (
            not policy.allows(request.action)
            or not below.startswith(policy.prefix)
            or (
                policy.kms_key
                and request.uploads
                and _lacks_encryption(request, encryption, policy)
            )
            or (policy.requester_pays and not pays)
            or changes_what_is_there
            or (policy.parts_denied and "partNumber" in request.query)
        ):
            return _DENIED
        if policy.object_lock and request.method == "PUT" and not _has_checksum(headers):
            return ("InvalidRequest", 400)
        return None

    def _is_there(self, request: _Request) -> bool:
        url = self.server.upstream + request.path
        authorization = {"Authorization": self.headers.get("Authorization", "")}
        return requests.head(url, headers=authorization, timeout=TIMEOUT_S).ok


def _lacks_encryption(request: _Request, encryption: str | None, policy: Policy) -> bool:
    """Return whether an upload lacks its encryption; parts of one have that of the whole."""
    return "uploadId" not in request.query and encryption != policy.kms_key


def _has_checksum(headers: Any) -> bool:
    return any(name.lower().startswith(_CHECKSUMS) for name in headers)


proxy = partial(opened, "tests.reliability.s3_rights")
"""Start a proxy of the S3 of a URL in a process of its own; give its URL."""


def set_policy(url: str, policy: Policy) -> list[str]:
    """Let a policy hold from now on; return the actions that were asked for under the last."""
    answer = requests.post(url + _POLICY, data=json.dumps(asdict(policy)), timeout=TIMEOUT_S)
    asked: list[str] = answer.json()
    return asked


if __name__ == "__main__":
    serve(_Proxy(sys.argv[1]))
