"""An object that is not there is a secret: S3 answers 403 instead of 404 to those who may not list its bucket.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html and API_HeadObject.html, "Permissions".
"""

from __future__ import annotations

import uuid

from localaws.access import Caller
from localaws.iam.rights import allowed
from localaws.protocol import Handler, Headers, Reply


def hidden(handler: Handler) -> Handler:
    """S3's handler, which keeps that secret."""

    async def handle(method: str, path: str, headers: Headers, body: bytes, query: dict[str, list[str]]) -> Reply:
        reply = await handler(method, path, headers, body, query)
        bucket, _, key = path.lstrip("/").partition("/")
        if reply[0] != 404 or not key or method not in ("GET", "HEAD") or b"NoSuchBucket" in (reply[2] or b""):
            return reply
        resource = f"arn:aws:s3:::{bucket}"
        if allowed(Caller.of_request(headers, query), "s3:ListBucket", resource):
            return reply
        return _denied(resource, headers)

    return handle


def _denied(resource: str, headers: Headers) -> Reply:
    from ministack.core.iam_actions import access_denied_response

    denied: Reply = access_denied_response(
        "s3", "s3:ListBucket", "", uuid.uuid4().hex, headers=headers, resource_arn=resource, explicit_deny=False
    )
    return denied
