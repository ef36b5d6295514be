"""Answers of AWS with a code, in the place of those of the local AWS: which requests get one, a test says."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

from lakelanes.aws.error_codes import CODES, COMMON, Kind
from lakelanes.lake import Lake
from tests.faults.points import refusal
from tests.support.properties import EFFORT

# The status that goes with a kind; S3's codes that are one have it.
STATUS: dict[Kind, int] = {
    **{"passing": 503, "changed": 412, "exists": 409, "missing": 404, "nowhere": 404, "refused": 403},
    **{"key": 400, "archived": 403, "full": 400, "invalid": 400},
}
# Which code a request is answered with, by the name of its operation; None to let it through.
Choice = Callable[[str, Any], str | None]


def kinds_of(service: str, *, common: bool = True) -> dict[str, Kind]:
    """The codes of a service with their kinds. common: also those that all services have."""
    found: dict[str, Kind] = {code: row.kind for row in COMMON for code in row.codes} if common else {}
    return found | {code: row.kind for row in CODES[service] for code in row.codes}


def tried(service: str, call: str, *, common: bool) -> dict[str, Kind]:
    """The codes of a service that a call meets: with more effort each of them, else one of each kind, which depends on
    the call."""
    kinds = kinds_of(service, common=common)
    if EFFORT > 1:
        return kinds
    ordered = sorted(kinds, key=lambda code: zlib.crc32(f"{call} {code}".encode()))
    return {code: kinds[code] for code in {kinds[code]: code for code in ordered}.values()}


@contextmanager
def answering(lake: Lake, service: str, choose: Choice) -> Iterator[list[str]]:
    """Within the block requests to a service are answered with the codes that ``choose`` names; the list gets them."""
    client, kinds, given = getattr(lake, service), kinds_of(service), list[str]()

    def before_send(request: Any, event_name: str, **_: Any) -> Any:
        code = choose(event_name.rsplit(".", 1)[1], request)
        if code is None:
            return None
        given.append(code)
        return refusal(request, service, code, int(code) if code.isdigit() else STATUS[kinds[code]])

    client.meta.events.register_first("before-send", before_send)
    try:
        yield given
    finally:
        client.meta.events.unregister("before-send", before_send)


def always(operation: str, code: str) -> Choice:
    """Answers every request of an operation with a code."""
    return lambda name, request: code if name == operation else None


def key_of(request: Any) -> str:
    """The key of a request to S3."""
    return unquote(urlsplit(request.url).path).lstrip("/").partition("/")[2]
