"""The SELECT of a data set, and the tables that are not read here."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from localaws.protocol import AwsError
from localaws.quicksight.tables import table_of

COLUMNS = [{"Name": "a", "Type": "STRING"}, {"Name": 'b "c"', "Type": "DATETIME"}]
RELATIONAL = {
    "DataSourceArn": "arn",
    "Catalog": "AwsDataCatalog",
    "Schema": "lake",
    "Name": "v",
    "InputColumns": COLUMNS,
}


def request(table: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"PhysicalTableMap": {"one": table}, **members}


def test_all_rows_of_a_table_are_read_by_their_columns() -> None:
    table = table_of(request({"RelationalTable": RELATIONAL}))
    assert table.query() == 'SELECT "a", "b ""c""" FROM "AwsDataCatalog"."lake"."v"'


def test_a_window_is_read_from_its_begin_on() -> None:
    table = table_of(
        request({"CustomSql": {"DataSourceArn": "arn", "Name": "q", "SqlQuery": "SELECT 1", "Columns": COLUMNS}})
    )
    assert table.query('b "c"', datetime(2026, 1, 31, 12)) == (
        'SELECT "a", "b ""c""" FROM (SELECT 1) AS "q" WHERE "b ""c""" >= TIMESTAMP \'2026-01-31 12:00:00.000\''
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (request({"S3Source": {}}), "S3Source"),
        (request({"RelationalTable": {**RELATIONAL, "InputColumns": []}}), "has no columns"),
        (request({"RelationalTable": {**RELATIONAL, "InputColumns": [COLUMNS[0], COLUMNS[0]]}}), "columns twice: a"),
        (request({"RelationalTable": {**RELATIONAL, "InputColumns": [{"Name": "a", "Type": "JSON"}]}}), "Type JSON"),
        (
            request({"RelationalTable": {**RELATIONAL, "InputColumns": [{**COLUMNS[0], "SubType": "FIXED"}]}}),
            "for columns of type DECIMAL",
        ),
        (
            request(
                {"RelationalTable": RELATIONAL}, LogicalTableMap={"l": {"Alias": "l", "Source": {"DataSetArn": "x"}}}
            ),
            "no physical table",
        ),
        (
            request(
                {"RelationalTable": RELATIONAL},
                LogicalTableMap={"l": {"Source": {"PhysicalTableId": "one"}, "DataTransforms": [{}]}},
            ),
            "DataTransforms is not supported",
        ),
        ({"PhysicalTableMap": {"one": {}, "two": {}}}, "2 physical tables"),
    ],
)
def test_other_tables_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(AwsError, match=message) as caught:
        table_of(given)
    assert caught.value.code == "InvalidParameterValueException"
