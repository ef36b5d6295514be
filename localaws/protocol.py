"""The AWS JSON protocol: what a request asks for, and how replies, errors and paging tokens are written.

See https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

Headers = dict[str, str]
Request = dict[str, Any]
Reply = tuple[int, Headers, bytes]
Handler = Callable[[str, str, Headers, bytes, dict[str, list[str]]], Awaitable[Reply]]

T = TypeVar("T")

_CONTENT_TYPE = "application/x-amz-json-1.1"


class AwsError(Exception):
    """An error as AWS replies it: ``code`` is the exception's name in the service's model."""

    def __init__(self, code: str, message: str, *, status: int = 400, **members: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = members

    def reply(self) -> Reply:
        """The error's wire form."""
        body = {"__type": self.code, "message": self.message, "Message": self.message, **self.members}
        headers = {"Content-Type": _CONTENT_TYPE, "x-amzn-errortype": self.code}
        return self.status, headers, json.dumps(body).encode()


def reply(payload: dict[str, Any]) -> Reply:
    """A successful reply."""
    return 200, {"Content-Type": _CONTENT_TYPE}, json.dumps(payload, ensure_ascii=False).encode()


def operation(headers: Headers) -> str:
    """The operation that the request names, "" when it names none."""
    return headers.get("x-amz-target", "").rpartition(".")[2]


def decode(body: bytes) -> Request:
    """The request's members; raises SerializationException when the body is not a JSON object."""
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        request = None
    if not isinstance(request, dict):
        raise AwsError("SerializationException", "The request body is not a JSON object")
    return request


def constraint_error(code: str, member: str, value: object, constraint: str) -> AwsError:
    """The error AWS gives for a member outside its modelled bounds."""
    return AwsError(
        code, f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"
    )


def check_length(code: str, member: str, value: Sequence[Any], maximum: int, minimum: int = 0) -> None:
    """Raise the error ``code`` unless ``minimum <= len(value) <= maximum``."""
    if len(value) > maximum:
        raise constraint_error(
            code, member, _shortened(value), f"Member must have length less than or equal to {maximum}"
        )
    if len(value) < minimum:
        raise constraint_error(
            code, member, _shortened(value), f"Member must have length greater than or equal to {minimum}"
        )


def check_range(code: str, member: str, value: int, minimum: int, maximum: int) -> None:
    """Raise the error ``code`` unless ``minimum <= value <= maximum``."""
    if value > maximum:
        raise constraint_error(code, member, value, f"Member must have value less than or equal to {maximum}")
    if value < minimum:
        raise constraint_error(code, member, value, f"Member must have value greater than or equal to {minimum}")


def encode_token(position: object) -> str:
    """A paging token that clients treat as opaque."""
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


def decode_token(token: str) -> Any:
    """What ``encode_token`` was given; raises ValueError for anything else."""
    try:
        return json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
    except (binascii.Error, UnicodeError) as error:
        raise ValueError("not a paging token") from error


def page(request: Request, records: Sequence[T], largest: int) -> tuple[Sequence[T], dict[str, str]]:
    """The page that MaxResults and NextToken ask for, and the reply's NextToken member, empty on the last page.

    Tokens are positions. Raises ValueError for one that is not ours.
    """
    token = request.get("NextToken")
    start = decode_token(token) if token else 0
    if not isinstance(start, int):
        raise ValueError("not a paging token")
    end = start + (request.get("MaxResults") or largest)
    return records[start:end], {"NextToken": encode_token(end)} if end < len(records) else {}


def _shortened(value: Sequence[Any], characters: int = 200) -> str:
    text = str(value)
    return text if len(text) <= characters else text[:characters] + "..."
