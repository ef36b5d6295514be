"""The local Glue Data Catalog against boto3, as AWS documents each operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

COLUMNS = [{"Name": "amount", "Type": "decimal(10,2)"}]


def make_table(glue: Any, database: str, name: str = "sales", keys: tuple[tuple[str, str], ...] = ()) -> None:
    glue.create_table(
        DatabaseName=database,
        TableInput={
            "Name": name,
            "TableType": "EXTERNAL_TABLE",
            "StorageDescriptor": {"Columns": COLUMNS, "Location": f"s3://lake/{name}/"},
            "PartitionKeys": [{"Name": key, "Type": kind} for key, kind in keys],
        },
    )


def partition(*values: str, **members: Any) -> dict[str, Any]:
    location = "s3://lake/sales/" + "/".join(values) + "/"
    return {"Values": list(values), "StorageDescriptor": {"Columns": COLUMNS, "Location": location}, **members}


def values_of(reply: dict[str, Any]) -> list[tuple[str, ...]]:
    return [tuple(one["Values"]) for one in reply["Partitions"]]


def code_of(call: Callable[..., Any], **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


@pytest.fixture
def table(glue: Any, database: str) -> dict[str, str]:
    """A table by year and month, both strings, without partitions."""
    make_table(glue, database, keys=(("year", "string"), ("month", "string")))
    return {"DatabaseName": database, "TableName": "sales"}


@pytest.fixture
def filled(glue: Any, table: dict[str, str]) -> dict[str, str]:
    """The same table with the months of 2023 and 2024."""
    months = [partition(year, f"{month:02}") for year in ("2023", "2024") for month in range(1, 13)]
    assert glue.batch_create_partition(**table, PartitionInputList=months)["Errors"] == []
    return table


class TestNames:
    def test_are_kept_in_lower_case_and_found_in_any(self, glue: Any, unique: Callable[[str], str]) -> None:
        name = unique("Mixed_Case_")
        glue.create_database(DatabaseInput={"Name": name})
        make_table(glue, name, "Sales")
        assert glue.get_database(Name=name)["Database"]["Name"] == name.lower()
        found = glue.get_table(DatabaseName=name.upper(), Name="SALES")["Table"]
        assert (found["DatabaseName"], found["Name"]) == (name.lower(), "sales")

    def test_of_a_database_are_taken_whatever_their_case(self, glue: Any, database: str) -> None:
        again = {"Name": database.upper()}
        assert code_of(glue.create_database, DatabaseInput=again) == "AlreadyExistsException"

    def test_of_another_account_are_not_found(self, glue: Any, database: str) -> None:
        assert code_of(glue.get_tables, CatalogId="1" * 12, DatabaseName=database) == "EntityNotFoundException"


class TestDatabases:
    def test_are_listed_in_pages(self, glue: Any, unique: Callable[[str], str]) -> None:
        made = {unique("paged_database_") for _ in range(5)}
        for name in made:
            glue.create_database(DatabaseInput={"Name": name})
        pages = list(glue.get_paginator("get_databases").paginate(PaginationConfig={"PageSize": 2}))
        found = [database["Name"] for page in pages for database in page["DatabaseList"]]
        assert all(len(page["DatabaseList"]) <= 2 for page in pages)
        assert made <= set(found)
        assert len(found) == len(set(found))

    def test_that_are_missing_are_named(self, glue: Any) -> None:
        for call in (glue.get_database, glue.delete_database):
            with pytest.raises(glue.exceptions.EntityNotFoundException, match="Database nowhere not found"):
                call(Name="nowhere")
        for call in (glue.get_tables, lambda DatabaseName: make_table(glue, DatabaseName)):
            with pytest.raises(glue.exceptions.EntityNotFoundException, match="Database nowhere not found"):
                call(DatabaseName="nowhere")

    def test_are_replaced_by_an_update(self, glue: Any, database: str) -> None:
        glue.update_database(Name=database, DatabaseInput={"Name": database, "Parameters": {"owner": "lake"}})
        glue.update_database(Name=database, DatabaseInput={"Name": database, "Description": "all of it"})
        found = glue.get_database(Name=database)["Database"]
        assert found["Description"] == "all of it"
        assert "Parameters" not in found
        other = {"Name": "other"}
        assert code_of(glue.update_database, Name=database, DatabaseInput=other) == "InvalidInputException"

    def test_take_their_tables_and_partitions_with_them(self, glue: Any, filled: dict[str, str]) -> None:
        database = filled["DatabaseName"]
        glue.delete_database(Name=database)
        glue.create_database(DatabaseInput={"Name": database})
        make_table(glue, database, keys=(("year", "string"), ("month", "string")))
        assert glue.get_partitions(**filled)["Partitions"] == []


class TestTables:
    def test_without_a_table_type_have_none(self, glue: Any, database: str) -> None:
        glue.create_table(DatabaseName=database, TableInput={"Name": "bare"})
        found = glue.get_table(DatabaseName=database, Name="bare")["Table"]
        assert "TableType" not in found
        assert "ViewOriginalText" not in found
        assert found["VersionId"] == "0"

    def test_cannot_be_made_twice(self, glue: Any, table: dict[str, str]) -> None:
        again = {"Name": "SALES"}
        assert (
            code_of(glue.create_table, DatabaseName=table["DatabaseName"], TableInput=again) == "AlreadyExistsException"
        )

    def test_are_listed_by_a_pattern_of_the_entire_name_in_pages(self, glue: Any, database: str) -> None:
        for name in ("sales_2023", "sales_2024", "orders", "presales_2024"):
            make_table(glue, database, name)
        pages = glue.get_paginator("get_tables").paginate(
            DatabaseName=database, Expression="sales_.*", PaginationConfig={"PageSize": 1}
        )
        assert [[table["Name"] for table in page["TableList"]] for page in pages] == [["sales_2023"], ["sales_2024"]]
        assert glue.get_tables(DatabaseName=database, Expression="sales")["TableList"] == []

    def test_a_pattern_that_is_none_is_refused(self, glue: Any, database: str) -> None:
        assert code_of(glue.get_tables, DatabaseName=database, Expression="sales[") == "InvalidInputException"

    def test_more_than_a_page_may_hold_cannot_be_asked_for(self, glue: Any, database: str) -> None:
        assert code_of(glue.get_tables, DatabaseName=database, MaxResults=101) == "ValidationException"

    def test_a_token_of_no_list_is_refused(self, glue: Any, database: str) -> None:
        assert code_of(glue.get_tables, DatabaseName=database, NextToken="page 2") == "InvalidInputException"

    def test_an_update_replaces_the_definition(self, glue: Any, database: str) -> None:
        make_table(glue, database)
        glue.update_table(DatabaseName=database, TableInput={"Name": "sales", "Parameters": {"owner": "finance"}})
        found = glue.get_table(DatabaseName=database, Name="sales")["Table"]
        assert found["Parameters"] == {"owner": "finance"}
        assert "StorageDescriptor" not in found
        assert found["VersionId"] == "1"

    def test_an_update_of_a_version_that_is_gone_is_refused(self, glue: Any, database: str) -> None:
        make_table(glue, database)
        update = {"DatabaseName": database, "TableInput": {"Name": "sales", "Owner": "first"}, "VersionId": "0"}
        glue.update_table(**update)
        update["TableInput"] = {"Name": "sales", "Owner": "second"}
        assert code_of(glue.update_table, **update) == "ConcurrentModificationException"
        assert glue.get_table(DatabaseName=database, Name="sales")["Table"]["Owner"] == "first"

    def test_keep_their_versions_unless_told_otherwise(self, glue: Any, database: str) -> None:
        make_table(glue, database)
        for number, skip in ((1, False), (2, True), (3, False)):
            owner = {"Name": "sales", "Owner": f"owner {number}"}
            glue.update_table(DatabaseName=database, TableInput=owner, SkipArchive=skip)
        versions = glue.get_table_versions(DatabaseName=database, TableName="sales")["TableVersions"]
        assert [(one["VersionId"], one["Table"].get("Owner")) for one in versions] == [
            ("3", "owner 3"),
            ("2", "owner 2"),
            ("0", None),
        ]
        first = glue.get_table_version(DatabaseName=database, TableName="sales", VersionId="0")["TableVersion"]
        assert first["Table"]["StorageDescriptor"]["Location"] == "s3://lake/sales/"
        glue.delete_table_version(DatabaseName=database, TableName="sales", VersionId="0")
        errors = glue.batch_delete_table_version(DatabaseName=database, TableName="sales", VersionIds=["0", "2"])
        assert [error["VersionId"] for error in errors["Errors"]] == ["0"]
        versions = glue.get_table_versions(DatabaseName=database, TableName="sales")["TableVersions"]
        assert [one["VersionId"] for one in versions] == ["3"]

    def test_made_again_have_no_older_versions(self, glue: Any, database: str) -> None:
        make_table(glue, database)
        glue.update_table(DatabaseName=database, TableInput={"Name": "sales"})
        glue.delete_table(DatabaseName=database, Name="sales")
        make_table(glue, database)
        versions = glue.get_table_versions(DatabaseName=database, TableName="sales")["TableVersions"]
        assert [one["VersionId"] for one in versions] == ["0"]

    def test_deleted_in_a_batch_report_those_missing(self, glue: Any, table: dict[str, str]) -> None:
        database = table["DatabaseName"]
        errors = glue.batch_delete_table(DatabaseName=database, TablesToDelete=["sales", "orders"])["Errors"]
        assert [(error["TableName"], error["ErrorDetail"]["ErrorCode"]) for error in errors] == [
            ("orders", "EntityNotFoundException")
        ]
        assert glue.get_tables(DatabaseName=database)["TableList"] == []


class TestMissingTables:
    @pytest.mark.parametrize(
        ("operation", "arguments"),
        [
            ("get_partition", {"PartitionValues": ["2024"]}),
            ("get_partitions", {}),
            ("create_partition", {"PartitionInput": partition("2024")}),
            ("batch_create_partition", {"PartitionInputList": [partition("2024")]}),
            ("batch_get_partition", {"PartitionsToGet": [{"Values": ["2024"]}]}),
            ("update_partition", {"PartitionValueList": ["2024"], "PartitionInput": partition("2024")}),
            (
                "batch_update_partition",
                {"Entries": [{"PartitionValueList": ["2024"], "PartitionInput": partition("2024")}]},
            ),
            ("delete_partition", {"PartitionValues": ["2024"]}),
            ("batch_delete_partition", {"PartitionsToDelete": [{"Values": ["2024"]}]}),
            ("get_partition_indexes", {}),
            ("create_partition_index", {"PartitionIndex": {"Keys": ["year"], "IndexName": "by_year"}}),
            ("get_table_versions", {}),
        ],
    )
    def test_are_named(self, glue: Any, database: str, operation: str, arguments: dict[str, Any]) -> None:
        call = getattr(glue, operation)
        with pytest.raises(glue.exceptions.EntityNotFoundException, match="Table nothing not found"):
            call(DatabaseName=database, TableName="nothing", **arguments)
        with pytest.raises(glue.exceptions.EntityNotFoundException, match="Database nowhere not found"):
            call(DatabaseName="nowhere", TableName="nothing", **arguments)


class TestCreatingPartitions:
    def test_keeps_what_was_given(self, glue: Any, table: dict[str, str]) -> None:
        glue.create_partition(**table, PartitionInput=partition("2024", "03", Parameters={"rows": "7"}))
        found = glue.get_partition(**table, PartitionValues=["2024", "03"])["Partition"]
        assert found["StorageDescriptor"]["Location"] == "s3://lake/sales/2024/03/"
        assert found["Parameters"] == {"rows": "7"}
        assert (found["DatabaseName"], found["TableName"]) == (table["DatabaseName"], "sales")

    def test_twice_is_refused(self, glue: Any, filled: dict[str, str]) -> None:
        assert (
            code_of(glue.create_partition, **filled, PartitionInput=partition("2024", "03")) == "AlreadyExistsException"
        )

    @pytest.mark.parametrize("values", [["2024"], ["2024", "03", "15"]])
    def test_needs_one_value_for_each_key(self, glue: Any, table: dict[str, str], values: list[str]) -> None:
        batch = [partition("2024", "01"), partition(*values)]
        calls = [
            lambda: glue.create_partition(**table, PartitionInput=partition(*values)),
            lambda: glue.batch_create_partition(**table, PartitionInputList=batch),
            lambda: glue.get_partition(**table, PartitionValues=values),
        ]
        for call in calls:
            with pytest.raises(glue.exceptions.InvalidInputException, match="number of partition keys do not match"):
                call()
        assert glue.get_partitions(**table)["Partitions"] == []

    def test_in_a_batch_reports_those_that_exist_and_makes_the_others(self, glue: Any, table: dict[str, str]) -> None:
        glue.create_partition(**table, PartitionInput=partition("2024", "01"))
        batch = [partition("2024", "01"), partition("2024", "02"), partition("2024", "02")]
        errors = glue.batch_create_partition(**table, PartitionInputList=batch)["Errors"]
        assert [(error["PartitionValues"], error["ErrorDetail"]["ErrorCode"]) for error in errors] == [
            (["2024", "01"], "AlreadyExistsException"),
            (["2024", "02"], "AlreadyExistsException"),
        ]
        assert values_of(glue.get_partitions(**table)) == [("2024", "01"), ("2024", "02")]

    def test_in_a_batch_takes_a_hundred_at_most(self, glue: Any, table: dict[str, str]) -> None:
        batch = [partition("2024", str(number)) for number in range(101)]
        assert code_of(glue.batch_create_partition, **table, PartitionInputList=batch) == "ValidationException"
        assert glue.batch_create_partition(**table, PartitionInputList=batch[:100])["Errors"] == []
        assert len(glue.get_partitions(**table)["Partitions"]) == 100


class TestUpdatingPartitions:
    def test_replaces_everything_but_the_values(self, glue: Any, filled: dict[str, str]) -> None:
        before = glue.get_partition(**filled, PartitionValues=["2024", "03"])["Partition"]
        moved = {"Values": ["2024", "03"], "StorageDescriptor": {"Location": "s3://lake/moved/"}}
        glue.update_partition(**filled, PartitionValueList=["2024", "03"], PartitionInput=moved)
        after = glue.get_partition(**filled, PartitionValues=["2024", "03"])["Partition"]
        assert after["StorageDescriptor"] == {"Location": "s3://lake/moved/"}
        assert after["CreationTime"] == before["CreationTime"]
        assert len(glue.get_partitions(**filled)["Partitions"]) == 24

    def test_cannot_change_the_values(self, glue: Any, filled: dict[str, str]) -> None:
        code = code_of(
            glue.update_partition, **filled, PartitionValueList=["2024", "03"], PartitionInput=partition("2025", "03")
        )
        assert code == "InvalidInputException"

    def test_that_are_missing_is_refused(self, glue: Any, filled: dict[str, str]) -> None:
        code = code_of(
            glue.update_partition, **filled, PartitionValueList=["2025", "01"], PartitionInput=partition("2025", "01")
        )
        assert code == "EntityNotFoundException"

    def test_in_a_batch_reports_those_missing(self, glue: Any, filled: dict[str, str]) -> None:
        moved = {"StorageDescriptor": {"Location": "s3://lake/moved/"}}
        entries = [
            {"PartitionValueList": list(values), "PartitionInput": {**moved, "Values": list(values)}}
            for values in (("2024", "01"), ("2025", "01"))
        ]
        errors = glue.batch_update_partition(**filled, Entries=entries)["Errors"]
        assert [(error["PartitionValueList"], error["ErrorDetail"]["ErrorCode"]) for error in errors] == [
            (["2025", "01"], "EntityNotFoundException")
        ]
        found = glue.get_partition(**filled, PartitionValues=["2024", "01"])["Partition"]
        assert found["StorageDescriptor"]["Location"] == "s3://lake/moved/"


class TestDeletingPartitions:
    def test_removes_one(self, glue: Any, filled: dict[str, str]) -> None:
        glue.delete_partition(**filled, PartitionValues=["2024", "03"])
        assert code_of(glue.delete_partition, **filled, PartitionValues=["2024", "03"]) == ("EntityNotFoundException")
        assert len(glue.get_partitions(**filled)["Partitions"]) == 23

    def test_in_a_batch_reports_those_missing(self, glue: Any, filled: dict[str, str]) -> None:
        gone = [{"Values": ["2024", "01"]}, {"Values": ["2025", "01"]}, {"Values": ["2024", "02"]}]
        errors = glue.batch_delete_partition(**filled, PartitionsToDelete=gone)["Errors"]
        assert [(error["PartitionValues"], error["ErrorDetail"]["ErrorCode"]) for error in errors] == [
            (["2025", "01"], "EntityNotFoundException")
        ]
        assert len(glue.get_partitions(**filled)["Partitions"]) == 22

    def test_in_a_batch_takes_twenty_five_at_most(self, glue: Any, filled: dict[str, str]) -> None:
        gone = [{"Values": ["2024", f"{number:02}"]} for number in range(26)]
        assert code_of(glue.batch_delete_partition, **filled, PartitionsToDelete=gone) == "ValidationException"
        assert len(glue.get_partitions(**filled)["Partitions"]) == 24


class TestReadingPartitions:
    def test_in_a_batch_leaves_out_those_missing(self, glue: Any, filled: dict[str, str]) -> None:
        wanted = [{"Values": ["2024", "02"]}, {"Values": ["2025", "01"]}, {"Values": ["2023", "12"]}]
        reply = glue.batch_get_partition(**filled, PartitionsToGet=wanted)
        assert values_of(reply) == [("2024", "02"), ("2023", "12")]
        assert reply["UnprocessedKeys"] == []

    def test_in_a_batch_takes_a_thousand_at_most(self, glue: Any, filled: dict[str, str]) -> None:
        wanted = [{"Values": ["2024", str(number)]} for number in range(1001)]
        assert code_of(glue.batch_get_partition, **filled, PartitionsToGet=wanted) == "ValidationException"

    def test_comes_in_pages_that_hold_each_once(self, glue: Any, filled: dict[str, str]) -> None:
        pages = list(glue.get_paginator("get_partitions").paginate(**filled, PaginationConfig={"PageSize": 7}))
        assert [len(page["Partitions"]) for page in pages] == [7, 7, 7, 3]
        assert len({values for page in pages for values in values_of(page)}) == 24

    def test_goes_on_where_it_was_when_partitions_go_between_pages(self, glue: Any, filled: dict[str, str]) -> None:
        first = glue.get_partitions(**filled, MaxResults=12)
        glue.delete_partition(**filled, PartitionValues=["2023", "01"])
        second = glue.get_partitions(**filled, MaxResults=12, NextToken=first["NextToken"])
        assert values_of(second) == [("2024", f"{month:02}") for month in range(1, 13)]

    def test_by_segments_gives_each_once(self, glue: Any, filled: dict[str, str]) -> None:
        parts = [
            values_of(glue.get_partitions(**filled, Segment={"SegmentNumber": number, "TotalSegments": 3}))
            for number in range(3)
        ]
        assert sorted(values for part in parts for values in part) == values_of(glue.get_partitions(**filled))
        assert all(parts)

    def test_can_leave_the_columns_out(self, glue: Any, filled: dict[str, str]) -> None:
        reply = glue.get_partitions(**filled, ExcludeColumnSchema=True)
        assert all("Columns" not in one["StorageDescriptor"] for one in reply["Partitions"])
        assert all("Location" in one["StorageDescriptor"] for one in reply["Partitions"])
        full = glue.get_partitions(**filled)
        assert all(one["StorageDescriptor"]["Columns"] == COLUMNS for one in full["Partitions"])

    def test_by_an_expression_comes_in_pages_too(self, glue: Any, filled: dict[str, str]) -> None:
        pages = glue.get_paginator("get_partitions").paginate(
            **filled, Expression="year = '2024' AND month > '09'", PaginationConfig={"PageSize": 2}
        )
        assert [values_of(page) for page in pages] == [[("2024", "10"), ("2024", "11")], [("2024", "12")]]

    def test_by_an_expression_of_the_key_types(self, glue: Any, database: str) -> None:
        keys = (("day", "date"), ("hour", "int"))
        make_table(glue, database, "events", keys)
        table = {"DatabaseName": database, "TableName": "events"}
        batch = [partition(day, hour) for day in ("2024-02-29", "2024-03-01") for hour in ("9", "10")]
        glue.batch_create_partition(**table, PartitionInputList=batch)
        found = glue.get_partitions(**table, Expression="day >= '2024-03-01' AND hour > 9")
        assert values_of(found) == [("2024-03-01", "10")]

    def test_by_an_expression_that_is_none_is_refused(self, glue: Any, filled: dict[str, str]) -> None:
        assert (
            code_of(glue.get_partitions, **filled, Expression="year = 2024; DROP TABLE sales")
            == "InvalidInputException"
        )

    def test_that_its_type_does_not_fit_is_reported_when_compared(self, glue: Any, database: str) -> None:
        make_table(glue, database, "events", (("hour", "int"),))
        table = {"DatabaseName": database, "TableName": "events"}
        glue.create_partition(**table, PartitionInput=partition("null"))
        with pytest.raises(ClientError, match='For input string: "null" is not an integer') as caught:
            glue.get_partitions(**table, Expression="hour >= 0")
        assert caught.value.response["Error"]["Code"] == "InvalidStateException"


def test_what_is_not_wrapped_is_ministacks(glue: Any, table: dict[str, str]) -> None:
    glue.create_partition_index(
        DatabaseName=table["DatabaseName"].upper(),
        TableName="SALES",
        PartitionIndex={"Keys": ["year"], "IndexName": "by_year"},
    )
    found = glue.get_partition_indexes(**table)["PartitionIndexDescriptorList"]
    assert [index["IndexName"] for index in found] == ["by_year"]


def test_regions_are_apart(local_aws: Any, table: dict[str, str]) -> None:
    elsewhere = local_aws.client("glue", "eu-west-1")
    assert code_of(elsewhere.get_partitions, **table) == "EntityNotFoundException"
