"""Pages of lists."""

from __future__ import annotations

import pytest

from localaws import protocol


def test_pages_follow_one_another_and_the_last_one_has_no_token() -> None:
    records, request, seen = list(range(6)), {"MaxResults": 3}, []
    for _ in range(2):
        chosen, token = protocol.page(request, records, 50)
        seen.append((list(chosen), bool(token)))
        request = {"MaxResults": 3, **token}
    assert seen == [([0, 1, 2], True), ([3, 4, 5], False)]
    assert protocol.page({}, records, 4)[0] == [0, 1, 2, 3]


@pytest.mark.parametrize("token", ["strange", protocol.encode_token(["a", 1])])
def test_a_token_that_is_not_ours_is_no_position(token: str) -> None:
    with pytest.raises(ValueError, match="paging token"):
        protocol.page({"NextToken": token}, [1], 50)
