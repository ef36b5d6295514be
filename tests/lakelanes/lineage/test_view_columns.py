"""The sources of a view's columns, by its SQL."""

from __future__ import annotations

import pytest
from sqlglot.errors import SqlglotError

from lakelanes.lineage.datasets import glue_name
from lakelanes.lineage.view_columns import sources_of
from tests.support.lakes import make_config

CONFIG = make_config()
TABLES = {"s": ["id", "amount", "kind", "day", "address"], "t": ["id", "name"]}


def found(sql: str) -> dict[str, list[str]]:
    """By column ``table.column: kind``."""
    return {
        column: [f"{one.at.name.rsplit('/', 1)[1]}.{one.column}: {one.kind}" for one in sources]
        for column, sources in sources_of(CONFIG, sql, TABLES).items()
    }


@pytest.mark.parametrize(
    ("expression", "sources"),
    [
        ("amount", ["s.amount: IDENTITY"]),
        ('"amount"', ["s.amount: IDENTITY"]),
        ("amount + 1", ["s.amount: TRANSFORMATION"]),
        ("CAST(amount AS double)", ["s.amount: TRANSFORMATION"]),
        ("address.city", ["s.address: TRANSFORMATION"]),
        ("SUM(amount)", ["s.amount: AGGREGATION"]),
        ("ROUND(100 * SUM(amount) / COUNT(*), 2)", ["s.amount: AGGREGATION"]),
        ("COUNT(*)", []),
        ("1", []),
        ("CASE WHEN kind = 'x' THEN amount END", ["s.amount: TRANSFORMATION", "s.kind: CONDITIONAL"]),
        ("CASE kind WHEN 'x' THEN amount END", ["s.amount: TRANSFORMATION", "s.kind: CONDITIONAL"]),
        ("IF(kind = 'x', amount, 0)", ["s.amount: TRANSFORMATION", "s.kind: CONDITIONAL"]),
        ("SUM(amount) FILTER (WHERE kind = 'x')", ["s.amount: AGGREGATION", "s.kind: CONDITIONAL"]),
        (
            "LAG(amount) OVER (PARTITION BY kind ORDER BY day)",
            ["s.amount: AGGREGATION", "s.day: WINDOW", "s.kind: WINDOW"],
        ),
        # Of two ways the stronger one is told.
        ("CASE WHEN amount > 0 THEN amount END", ["s.amount: TRANSFORMATION"]),
    ],
)
def test_what_an_expression_does_to_columns(expression: str, sources: list[str]) -> None:
    assert found(f"SELECT {expression} AS x FROM s") == {"x": sources}


def test_columns_are_followed_through_ctes_subqueries_and_unions() -> None:
    sql = """
        WITH first AS (SELECT id, SUM(amount) AS total FROM s GROUP BY id),
        both AS (SELECT id, total FROM first UNION ALL SELECT id, 0 FROM t)
        SELECT b.id, b.total * 2 AS twice, names.label
        FROM both AS b JOIN (SELECT id, upper(name) AS label FROM t) AS names ON names.id = b.id
    """
    assert found(sql) == {
        "id": ["s.id: IDENTITY", "t.id: IDENTITY"],
        "twice": ["s.amount: AGGREGATION"],
        "label": ["t.name: TRANSFORMATION"],
    }


def test_a_condition_stays_one_whatever_is_done_with_its_result() -> None:
    sql = "SELECT SUM(x) AS y FROM (SELECT IF(kind = 'a', amount, 0) AS x FROM s)"
    assert found(sql) == {"y": ["s.amount: AGGREGATION", "s.kind: CONDITIONAL"]}


def test_columns_without_their_table_are_found_by_the_columns_of_the_inputs() -> None:
    assert found("SELECT name, amount FROM s JOIN t ON s.id = t.id WHERE day > '2024'") == {
        "name": ["t.name: IDENTITY"],
        "amount": ["s.amount: IDENTITY"],
    }


def test_a_named_database_is_the_lakes_own() -> None:
    [source] = sources_of(CONFIG, 'SELECT "id" FROM "db"."s"', TABLES)["id"]
    assert source.at == glue_name(CONFIG, "s")


def test_columns_of_named_databases_are_found_without_their_table() -> None:
    assert found('SELECT name, amount FROM "db"."s" JOIN "db"."t" ON s.id = t.id') == {
        "name": ["t.name: IDENTITY"],
        "amount": ["s.amount: IDENTITY"],
    }


def test_each_part_of_a_union_does_its_own_to_its_columns() -> None:
    assert found("SELECT SUM(amount) AS x FROM s UNION ALL SELECT id FROM t") == {
        "x": ["s.amount: AGGREGATION", "t.id: IDENTITY"]
    }


def test_sql_that_cannot_be_read_is_told() -> None:
    with pytest.raises(SqlglotError):
        sources_of(CONFIG, "SELECT FROM WHERE", TABLES)
