"""Pages of sorted records. A token names the last record given, so a page is right even if records came or went."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from localaws import protocol
from localaws.protocol import AwsError, Request


def page(
    request: Request, records: Sequence[dict[str, Any]], key: Callable[[dict[str, Any]], Any], maximum: int
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The page of ``records`` that the request's MaxResults and NextToken ask for.

    ``records`` are sorted by ``key``, whose results JSON can carry; ``maximum`` is both the limit and the default of
    MaxResults. Returns the page and the reply's NextToken member, empty on the last page. Raises InvalidInputException
    for a token that is not ours.
    """
    size = request.get("MaxResults")
    size = maximum if size is None else size
    protocol.check_range("ValidationException", "maxResults", size, 1, maximum)
    rest = list(records)
    token = request.get("NextToken")
    if token:
        try:
            last = protocol.decode_token(token)
            rest = [record for record in rest if key(record) > last]
        except (TypeError, ValueError) as error:
            raise AwsError("InvalidInputException", "The pagination token is not valid") from error
    chosen = rest[:size]
    return chosen, {"NextToken": protocol.encode_token(key(chosen[-1]))} if len(rest) > size else {}
