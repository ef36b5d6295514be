"""Every fault is reported at once, each with the path of its setting, what was found and what was expected."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.lakelanes.config.support import SKETCH, changed, faults, parse


def test_every_fault_is_reported_at_once_with_its_path() -> None:
    raw = changed("entities.sales.schema.2.type", "decimal(10;2)")
    raw["aws"]["region"] = 7
    del raw["resources"]["source_bucket"]
    raw["entities"]["sales"]["on_bad_row"] = "fail"
    raw["entities"]["sales"]["partition_keys"] = ["year", "month", "amount"]
    assert set(faults(raw, {})) == {
        "aws.region: found 7, expected a valid string",
        "aws.account_id: environment variable AWS_ACCOUNT_ID is not set",
        "resources.source_bucket: is missing",
        "entities.sales.schema[2].type: 'decimal(10;2)' is not a Hive type",
        "entities.sales.on_bad_row: unknown setting; did you mean 'on_bad_rows'?",
        "entities.sales.partition_keys[2]: 'amount' is a column as well (entities.sales.schema[2]); Athena refuses "
        "a table where a partition key is also a column",
    }


HOSTILE = [
    "x; DROP TABLE y",
    "a`b",
    'a"b',
    "a'b",
    "../up",
    "a/b",
    "a b",
    "",
    "ä",
    "a\nb",
    "x" * 300,
    "$(touch x)",
    "{{ 1 }}",
]


@pytest.mark.parametrize(
    "path",
    [
        "resources.source_bucket",
        "resources.analytics_bucket",
        "resources.glue_database",
        "resources.workgroup_name",
        "resources.sqs_queue",
        "resources.ledger_table",
        "resources.alert_topic",
        "entities.sales.table_name",
        "entities.sales.schema.0.name",
        "entities.sales.partition_keys.0",
        "aws.region",
        "aws.account_id",
    ],
)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_a_configuration_error(path: str, name: str) -> None:
    found = faults(changed(path, name))
    dotted = path.replace(".0", "[0]")
    assert any(fault.startswith(dotted) for fault in found), found


@pytest.mark.parametrize("name", ["", "a b", "a/b", "../x", "1st", "x" * 101, "{{ x }}"])
def test_a_hostile_entity_name_is_a_configuration_error(name: str) -> None:
    raw = copy.deepcopy(SKETCH)
    raw["entities"][name] = raw["entities"].pop("sales")
    assert any(f"entities.{name}: " in fault for fault in faults(raw))


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        ("entities", {}, "entities: found {}, expected at least one"),
        ("entities.sales.schema", [], "entities.sales.schema: found [], expected at least one"),
        ("entities.sales.format", "orc", "entities.sales.format: found 'orc', expected 'parquet' or 'csv'"),
        (
            "entities.sales.max_bad_rows",
            -1,
            "entities.sales.max_bad_rows: found -1, expected greater than or equal to 0",
        ),
        ("entities.sales.max_bad_rows", True, "entities.sales.max_bad_rows: found true, expected a valid integer"),
        (
            "entities.sales.max_compression_ratio",
            0,
            "entities.sales.max_compression_ratio: found 0, expected greater than or equal to 1",
        ),
        ("entities.sales.schedule", "daily", "entities.sales.schedule: 'daily' is not a cron expression"),
        ("entities.sales.date_format", "%Y", "entities.sales.date_format: '%Y' does not spell a day: use strftime"),
        ("entities.sales.timezone", "Mars/Olympus", "entities.sales.timezone: 'Mars/Olympus' is not a time zone"),
        ("entities.sales.source_prefix", "/incoming", "entities.sales.source_prefix: '/incoming' is not a key prefix"),
        (
            "entities.sales.filename_pattern",
            "sales_(\\d{4}",
            "entities.sales.filename_pattern: 'sales_(\\\\d{4}' is not a",
        ),
        (
            "entities.sales.filename_pattern",
            "sales.csv",
            "entities.sales: filename_pattern has 0 groups for 3 partition",
        ),
        ("entities.sales.dialect", {"delimiter": ""}, "entities.sales.dialect: delimiter is '', expected one"),
        ("entities.sales.dialect", {"quote": ","}, "entities.sales.dialect: quote is ',', which is the delimiter"),
        ("entities.sales.example", "other.csv", "entities.sales.example: 'other.csv' does not match entities.sales."),
        (
            "resources.analytics_bucket",
            "my-company-data-source",
            "resources.analytics_bucket: 'my-company-data-source' is",
        ),
    ],
)
def test_a_fault_says_what_was_found_and_what_was_expected(path: str, value: Any, fault: str) -> None:
    found = faults(changed(path, value))
    assert len(found) == 1
    assert found[0].startswith(fault)


@pytest.mark.parametrize(("old", "new"), [("ignore", "discard_value"), ("error", "freeze"), (7, "discard_value")])
def test_the_setting_that_the_schema_policy_replaced_is_a_fault_that_names_it(old: Any, new: str) -> None:
    [fault] = faults(changed("entities.sales.extra_columns", old))
    assert fault == (
        "entities.sales.extra_columns: is schema_policy.new_columns now; write "
        f'"schema_policy": {{"new_columns": "{new}"}}'
    )


@pytest.mark.parametrize(
    "address",
    [
        *(
            "",
            "airflow.example.com",
            "ftp://x",
            "https://",
            "https://a b",
            "https://u:p@x",
            "https://x/?a=1",
            "https://x#a",
        ),
        *(7, "https://x\n", "https://x/\N{CYRILLIC SMALL LETTER A}", "javascript:alert(1)", "http://[::1"),
    ],
)
def test_the_address_of_airflow_is_one_that_a_link_can_begin_with(address: Any) -> None:
    [fault] = faults(changed("airflow_url", address))
    assert fault.startswith("airflow_url: ")


def test_an_address_ends_without_a_slash() -> None:
    config = parse(changed("airflow_url", "https://x.example/base/"))
    assert config.airflow_url == "https://x.example/base"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("entities.sales.delimiter", "belongs into entities.sales.dialect.delimiter"),
        ("entities.sales.new_columns", "belongs into entities.sales.schema_policy.new_columns"),
        ("entities.sales.schema.0.delimiter", "belongs into entities.sales.dialect.delimiter"),
        ("entities.sales.dialect.on_bad_rows", "belongs into entities.sales.on_bad_rows"),
        (
            "entities.sales.null_values",
            "belongs into entities.sales.dialect.null_values or entities.sales.schema[].null_values",
        ),
        ("dialect", "belongs into entities.NAME.dialect"),
        ("aws.source_bucket", "belongs into resources.source_bucket"),
        ("region", "belongs into aws.region"),
        ("window_minutes", "belongs into tables.NAME.export.window_minutes"),
        ("entities.sales.delimeter", "unknown setting; did you mean entities.sales.dialect.delimiter?"),
        ("entities.sales.timezon", "unknown setting; did you mean 'timezone'?"),
        ("entities.sales.zzzz", "unknown setting"),
        ("entities.sales.dialect.nam", "unknown setting; did you mean entities.sales.schema[].name?"),
    ],
)
def test_a_setting_at_the_wrong_place_says_where_it_belongs(path: str, said: str) -> None:
    [fault] = [fault for fault in faults(changed(path, "x")) if fault.endswith(said)]
    assert fault.replace("[0]", ".0") == f"{path}: {said}".replace("[0]", ".0")


def test_no_fault_is_there_twice() -> None:
    raw = changed("entities.sales.schema.2.type", "number(10,2)")
    raw["entities"]["sales"]["dialect"] = {"delimiter": ""}
    found = faults(raw)
    assert sorted(found) == sorted(set(found))
    assert "entities.sales.schema[2].type: 'number(10,2)' is not a Hive type; did you mean 'decimal(10,2)'?" in found
