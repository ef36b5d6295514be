"""The local AWS's own controls, for tests."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from datetime import datetime
from typing import Any

from tests.support.localaws import LocalAws


class ControlRefused(Exception):
    """The local AWS did not do what it was asked."""


def control(aws: LocalAws, path: str, **members: Any) -> dict[str, Any]:
    """POST to a control; returns its reply."""
    request = urllib.request.Request(
        f"{aws.endpoint_url}/_localaws/{path}", data=json.dumps(members).encode(), method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return dict(json.load(reply))
    except urllib.error.HTTPError as error:
        raise ControlRefused(json.load(error)["error"]) from error


def now(aws: LocalAws) -> datetime:
    """The time that DynamoDB's clock shows."""
    return datetime.fromisoformat(control(aws, "clock")["now"])
