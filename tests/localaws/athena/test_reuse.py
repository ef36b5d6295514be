"""Which queries' results may be reused."""

from __future__ import annotations

import pytest

from localaws.athena.engine import QueryContext, is_repeatable

ROWS = "FROM (VALUES 1) t(x)"
REPEATABLE = {
    f"SELECT x {ROWS}": True,
    f"SELECT x {ROWS} ORDER BY x LIMIT 1": True,
    f"SELECT x {ROWS} ORDER BY x FETCH FIRST ROW WITH TIES": True,
    f"SELECT transform(ARRAY[x], y -> y + 1) {ROWS}": True,
    f"SELECT x {ROWS} LIMIT 1": False,
    f"SELECT x FROM (SELECT x {ROWS} LIMIT 1) ORDER BY x LIMIT 1": False,
    f"(SELECT x {ROWS}) UNION ALL (SELECT 2) LIMIT 1": False,
    f"SELECT x {ROWS} WHERE random() < 2": False,
    f"SELECT y {ROWS}": False,
}


@pytest.mark.parametrize("sql", REPEATABLE)
def test_only_what_has_one_answer_is_repeatable(sql: str) -> None:
    assert is_repeatable(sql, QueryContext("db", None, None)) == REPEATABLE[sql]
