"""Faults between the settings of entities: names that are taken, columns that cannot be what they are to be."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lakelanes.config.support import changed, faults, parse, two_entities, with_keys

EVOLVE = {"type_misfits": "evolve"}


@pytest.mark.parametrize(
    ("policy", "columns", "keys", "fault"),
    [
        (
            {"new_columns": "ignore"},
            {},
            ["dt"],
            "schema_policy.new_columns: found 'ignore', expected 'evolve', 'freeze',",
        ),
        ({"rescue": 1}, {}, ["dt"], "schema_policy.rescue: found 1, expected a valid boolean"),
        ({"rescued": True}, {}, ["dt"], "schema_policy.rescued: unknown setting; did you mean 'rescue'?"),
        ({"rescue": True}, {"_Rescued": "string"}, ["dt"], "schema[1]: '_rescued' is the name of a column that"),
        (
            {"rescue": True},
            {},
            ["_rescued"],
            "partition_keys[0]: '_rescued' is the name of a column that schema_policy",
        ),
        (
            EVOLVE,
            {"n": "int", "n__v_string": "string"},
            ["dt"],
            "schema[2]: 'n__v_string' is the name of a column that",
        ),
        (EVOLVE, {"n": "int"}, ["n__v_string"], "partition_keys[0]: 'n__v_string' is the name of a column that"),
        (EVOLVE, {"n" * 120: "int"}, ["dt"], "schema_policy: the column that schema_policy.type_misfits, for 'nnn"),
    ],
)
def test_a_policy_that_cannot_be_kept_is_a_fault(
    policy: dict[str, Any], columns: dict[str, str], keys: list[str], fault: str
) -> None:
    raw = changed("entities.sales.schema_policy", policy)
    raw["entities"]["sales"] |= {
        "schema": [{"name": name, "type": kind} for name, kind in {"a": "string", **columns}.items()],
        "partition_keys": keys,
        "filename_pattern": "sales_(.*)",
    }
    [found] = faults(raw)
    assert found.startswith(f"entities.sales.{fault}")


def test_names_that_a_policy_would_add_are_free_where_it_does_not() -> None:
    columns = [
        ("n__v_string", "string"),
        ("n", "int"),
        ("_rescued", "string"),
        ("s", " String"),
        ("s__v_string", "int"),
    ]
    raw = changed("entities.sales.schema", [{"name": name, "type": kind} for name, kind in columns])
    assert len(parse(raw).entities["sales"].columns) == 5
    raw["entities"]["sales"]["schema"] = raw["entities"]["sales"]["schema"][3:]
    raw["entities"]["sales"]["schema_policy"] = EVOLVE
    assert len(parse(raw).entities["sales"].columns) == 2


def test_columns_to_sort_by_are_of_the_table_have_an_order_and_come_once() -> None:
    raw = changed("entities.sales.sort_by", ["customer", "items", "amount", "year", "amount", 3])
    raw["entities"]["sales"]["schema"].append({"name": "items", "type": "array<string>"})
    assert faults(raw) == (
        "entities.sales.sort_by[5]: found 3, expected a valid string",
        "entities.sales.sort_by[0]: 'customer' is no column of schema; did you mean 'customer_id'?",
        "entities.sales.sort_by[1]: 'items' is of type array<string>, which has no order; name another column",
        "entities.sales.sort_by[3]: 'year' is no column of schema",
        "entities.sales.sort_by[4]: 'amount' is there twice; once is enough",
    )


def test_partition_keys_are_no_columns_to_sort_by() -> None:
    raw = changed("entities.sales.sort_by", ["transaction_date"])
    raw["entities"]["sales"]["filename_pattern"] = r"sales\.csv"
    raw["entities"]["sales"]["partition_keys"] = [
        {"name": "transaction_date", "column": "transaction_date", "type": "date"}
    ]
    assert faults(raw) == (
        "entities.sales.sort_by[0]: 'transaction_date' is a partition key, the same in all rows of a file; "
        "name another column",
    )


def test_two_entities_with_one_pattern_are_a_fault() -> None:
    [fault] = faults(two_entities())
    assert fault.startswith("entities.returns.filename_pattern: ")
    assert fault.endswith("is the pattern of entities.sales too; every file would match two entities")


def test_an_example_that_matches_two_entities_is_a_fault() -> None:
    raw = two_entities(filename_pattern=r"sales_.*?(\d+)_(\d+)_(\d+)\.csv")
    raw["entities"]["sales"]["example"] = "sales_data_2024_03_15.csv"
    assert faults(raw) == (
        "entities.sales.example: 'sales_data_2024_03_15.csv' also matches entities.returns.filename_pattern",
    )


@pytest.mark.parametrize("table", ["sales_data", "SALES_DATA", "sales_data_rejects"])
def test_two_entities_cannot_share_a_table(table: str) -> None:
    found = faults(two_entities(table_name=table, filename_pattern=r"returns_(\d{4})_(\d{2})_(\d{2})\.csv"))
    assert any("belongs to entities.sales already" in fault for fault in found)


TYPED = [
    {"name": "t", "type": "string"},
    {"name": "d", "type": "date"},
    {"name": "ts", "type": "timestamp"},
    {"name": "n", "type": "bigint"},
    {"name": "x", "type": "double"},
]


@pytest.mark.parametrize(
    ("key", "where", "what"),
    [
        ({"name": "k", "column": "dd"}, "partition_keys[0].column", "'dd' is no column of entities.sales.schema"),
        ({"name": "k", "column": "t", "format": "%Y"}, "partition_keys[0].format", "needs a date or timestamp column"),
        ({"name": "k", "column": "d", "format": "%Q"}, "partition_keys[0].format", "'%Q'"),
        ({"name": "k", "column": "d", "format": "%Y", "type": "tinyint"}, "partition_keys[0].format", "cannot hold"),
        ({"name": "k", "column": "ts"}, "partition_keys[0]", "needs a 'format'"),
        ({"name": "k", "column": "x"}, "partition_keys[0]", "cannot be a partition key"),
        ({"name": "k", "column": "n", "type": "int"}, "partition_keys[0]", "cannot hold"),
        ({"name": "k", "column": "t", "type": "date"}, "partition_keys[0]", "cannot hold"),
        ({"name": "t", "column": "d"}, "partition_keys[0]", "is a column as well"),
    ],
)
def test_a_key_that_its_column_cannot_give_is_a_fault(key: dict[str, Any], where: str, what: str) -> None:
    [fault] = faults(with_keys(key, schema=TYPED))
    assert fault.startswith(f"entities.sales.{where}: "), fault
    assert what in fault


@pytest.mark.parametrize(
    ("settings", "where", "what"),
    [
        ({"format": "csv"}, "format", "keeps a file as it came"),
        ({"registration": "projection"}, "registration", "rejected rows"),
        ({"schema": TYPED[:1]}, "schema", "a column of its own"),
        (
            {"partition_keys": [{"name": "k", "format": "%Y"}], "filename_pattern": r"x_(\d+)"},
            "partition_keys[0].format",
            "name it in 'column'",
        ),
        ({"filename_pattern": r"x_(\d+)"}, "", "1 groups for 0 partition_keys"),
        ({"max_partitions_per_file": 0}, "max_partitions_per_file", "greater than or equal to 1"),
    ],
)
def test_settings_that_do_not_go_with_data_keys_are_faults(settings: dict[str, Any], where: str, what: str) -> None:
    [fault] = faults(with_keys({"name": "t", "column": "t"}, **{"schema": TYPED, **settings}))
    assert fault.startswith(f"entities.sales.{where}".rstrip(".") + ": "), fault
    assert what in fault


@pytest.mark.parametrize(
    ("keys", "pattern"),
    [
        (["day", "month", "year"], r"sales_(\d{4})_(\d{2})_(\d{2})\.csv"),
        (["year", "month", "day"], r"sales_(\d{2})\.(\d{2})\.(\d{4})\.csv"),
        (["year", "country"], r"([A-Z]{2})_(20\d\d)\.csv"),
        (["year", "hour"], r"x\((?:a|b)[(]([0-2][0-9])-([0-9]{4})\.csv"),
    ],
)
def test_groups_in_another_order_than_the_keys_ask_for_names(keys: list[str], pattern: str) -> None:
    raw = changed("entities.sales.partition_keys", keys)
    raw["entities"]["sales"]["filename_pattern"] = pattern
    raw["entities"]["sales"].pop("example", None)
    [fault] = faults(raw)
    assert fault.startswith("entities.sales.filename_pattern: its groups are in another order than partition_keys: ")
    assert fault.endswith("name the groups: " + ", ".join(f"(?P<{key}>...)" for key in keys))


@pytest.mark.parametrize(
    ("keys", "pattern"),
    [
        (["day", "month", "year"], r"sales_(\d{2})\.(\d{2})\.(\d{4})\.csv"),
        (["day", "month", "year"], r"sales_(?P<year>\d{4})_(?P<month>\d{2})_(?P<day>\d{2})\.csv"),
        (["country", "year"], r"([A-Z]{2})_(20\d\d)\.csv"),
        (["year", "month"], r"x_(\d\d)_(\d\d)\.csv"),
        (["year", "month", "day"], r"x_(.*)_(.*)_(.*)\.csv"),
    ],
)
def test_groups_in_the_order_of_the_keys_need_no_names(keys: list[str], pattern: str) -> None:
    raw = changed("entities.sales.partition_keys", keys)
    raw["entities"]["sales"]["filename_pattern"] = pattern
    raw["entities"]["sales"].pop("example", None)
    assert parse(raw)
