"""Views: read from files, made in order, made again only when something changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lakelanes.catalog import athena
from lakelanes.catalog.views import read_views, refresh
from lakelanes.errors import QueryError, ViewError
from lakelanes.lake import Lake


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes views, ``write(name="SELECT ...")``, and returns their directory."""

    def views(**sql: str) -> Path:
        for name, text in sql.items():
            (tmp_path / f"{name}.sql").write_text(text)
        return tmp_path

    return views


def test_views_come_after_the_views_they_read(write: Callable[..., Path]) -> None:
    directory = write(
        a_last="SELECT x FROM middle",
        middle="WITH first AS (SELECT 1 AS x) SELECT x FROM first JOIN z_first ON true",
        z_first="SELECT CAST(count(*) AS bigint) AS n FROM sales_data",
    )
    assert [(v.name, sorted(v.inputs)) for v in read_views(directory)] == [
        ("z_first", ["sales_data"]),
        ("middle", ["z_first"]),
        ("a_last", ["middle"]),
    ]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELEC x", r"bad\.sql: "),
        ("SELECT 1; DROP TABLE x", r"bad\.sql: expected one SELECT and nothing else"),
        ("DROP TABLE x", r"bad\.sql: expected one SELECT and nothing else"),
        ("SELECT * FROM sales_data", r"bad\.sql: SELECT \* makes a view that breaks"),
        ("SELECT a FROM (SELECT * FROM sales_data)", r"bad\.sql: SELECT \* makes a view that breaks"),
        ("SELECT a FROM other.sales_data", r"bad\.sql: other\.sales_data names its database"),
        ("SELECT a FROM bad", r"the views read each other in a circle: bad -> bad"),
    ],
)
def test_sql_that_cannot_be_a_view_is_refused_with_its_file(write: Callable[..., Path], sql: str, message: str) -> None:
    with pytest.raises(ViewError, match=message):
        read_views(write(bad=sql))


def test_a_file_name_that_is_no_name_for_a_view_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a`b.sql").write_text("SELECT 1 AS x")
    with pytest.raises(ViewError, match="'a`b' is not a table name"):
        read_views(tmp_path)


def actions(lake: Lake, directory: Path) -> dict[str, str]:
    return {outcome.name: outcome.action for outcome in refresh(lake, directory)}


def statements(lake: Lake) -> int:
    workgroup = lake.config.resources.workgroup_name
    return len(lake.athena.list_query_executions(WorkGroup=workgroup)["QueryExecutionIds"])


def test_a_view_is_made_once_and_again_when_its_sql_or_its_inputs_change(
    lake: Lake, write: Callable[..., Path]
) -> None:
    bucket = lake.config.resources.analytics_bucket
    columns = [{"Name": "a", "Type": "bigint"}]
    storage = {
        "Columns": columns,
        "Location": f"s3://{bucket}/t/",
        "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
        "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
    }
    table = {"Name": "t", "TableType": "EXTERNAL_TABLE", "StorageDescriptor": storage, "PartitionKeys": []}
    database = lake.config.resources.glue_database
    directory = write(totals="SELECT CAST(count(a) AS bigint) AS n FROM t", twice="SELECT n * 2 AS n FROM totals")

    assert actions(lake, directory) == {"totals": "not configured", "twice": "not configured"}

    lake.glue.create_table(DatabaseName=database, TableInput=table)
    assert actions(lake, directory) == {"totals": "created", "twice": "created"}
    assert athena.query(lake, 'SELECT n FROM "twice"') == [{"n": "0"}]

    before = statements(lake)
    assert actions(lake, directory) == {"totals": "unchanged", "twice": "unchanged"}
    assert statements(lake) == before

    write(twice="SELECT n * 2 AS n, n AS single FROM totals")
    assert actions(lake, directory) == {"totals": "unchanged", "twice": "created"}

    storage["Columns"] = [*columns, {"Name": "b", "Type": "string"}]
    lake.glue.update_table(DatabaseName=database, TableInput=table)
    assert actions(lake, directory) == {"totals": "created", "twice": "unchanged"}

    lake.glue.delete_table(DatabaseName=database, Name="twice")
    assert actions(lake, directory) == {"totals": "unchanged", "twice": "created"}


def test_a_view_whose_tables_are_not_there_says_what_it_waits_for(
    make_lake: Callable[..., Lake], write: Callable[..., Path]
) -> None:
    table = {
        "dynamodb_table": "app-orders",
        "table_name": "orders",
        "keys": ["id"],
        "schema": [{"name": "id", "type": "string"}],
    }
    lake = make_lake(tables={"orders": table})
    directory = write(
        now="SELECT 1 AS x",
        counted="SELECT count(*) AS n FROM orders_current JOIN sales_data_rejects ON true",
        twice="SELECT n * 2 AS n FROM counted",
        others="SELECT count(*) AS n FROM payments JOIN sales_data ON true",
        others_too="SELECT n FROM others",
    )
    assert {outcome.name: (outcome.action, outcome.reason) for outcome in refresh(lake, directory)} == {
        "now": ("created", ""),
        "counted": ("waiting", "for orders_current, sales_data_rejects"),
        "twice": ("waiting", "for counted"),
        "others": ("not configured", "nothing in the configuration makes payments"),
        "others_too": ("not configured", "nothing in the configuration makes others"),
    }


@pytest.mark.parametrize("can_pass", [True, False])
def test_views_that_athena_may_make_later_are_tried_again(
    lake: Lake, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, can_pass: bool
) -> None:
    def refuse(lake: Lake, sql: str) -> str:
        raise QueryError("q-1", "FAILED", "it was too busy", sql, retryable=can_pass)

    monkeypatch.setattr(athena, "execute", refuse)
    with pytest.raises(ViewError, match="it was too busy") as error:
        refresh(lake, write(one="SELECT 1 AS x"))
    assert error.value.retryable is can_pass


def test_a_view_that_athena_refuses_is_an_error_with_athenas_reason_after_the_others_are_made(
    lake: Lake, write: Callable[..., Path]
) -> None:
    directory = write(
        bad="SELECT no_such_function(1) AS x",
        good="SELECT 1 AS x",
        on_bad="SELECT x FROM bad",
        worse="SELECT 1 AS x, 2 AS x",
    )
    with pytest.raises(
        ViewError, match=r"refused 2 of 4 views(.*\n)+bad: .*no_such_function(.*\n)+worse: .*x"
    ) as error:
        refresh(lake, directory)
    found = {outcome.name: (outcome.action, outcome.sql) for outcome in error.value.outcomes}
    assert found == {
        **{"bad": ("failed", ""), "good": ("created", "SELECT 1 AS x")},
        **{"on_bad": ("waiting", ""), "worse": ("failed", "")},
    }
    assert athena.query(lake, "SELECT x FROM good") == [{"x": "1"}]

    write(bad="SELECT 2 AS x", worse="SELECT 1 AS x, 2 AS y")
    assert actions(lake, directory) == {"bad": "created", "good": "unchanged", "on_bad": "created", "worse": "created"}
