"""The configuration: what it accepts, and that every fault is reported at once with its path."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from lakelanes.config.loading import load_config, parse_config
from lakelanes.config.model import LakeConfig
from lakelanes.convert import SchemaPolicy
from lakelanes.errors import ConfigError

# The shape that every configuration starts from, with the names of a small company in it.
SKETCH: dict[str, Any] = {
    "aws": {"region": "us-east-1", "account_id": "${AWS_ACCOUNT_ID}"},
    "resources": {
        "source_bucket": "my-company-data-source",
        "analytics_bucket": "my-company-analytics",
        "glue_database": "analytics_db",
        "workgroup_name": "analytics_workgroup",
        "sqs_queue": "file_processing_queue",
    },
    "entities": {
        "sales": {
            "table_name": "sales_data",
            "filename_pattern": "sales_data_(\\d{4})_(\\d{2})_(\\d{2})\\.csv",
            "partition_keys": ["year", "month", "day"],
            "schema": [
                {"name": "transaction_id", "type": "string"},
                {"name": "customer_id", "type": "string"},
                {"name": "amount", "type": "decimal(10,2)"},
                {"name": "transaction_date", "type": "date"},
            ],
        }
    },
}
ENV = {"AWS_ACCOUNT_ID": "123456789012"}


def parse(raw: Any, env: dict[str, str] | None = None) -> LakeConfig:
    return parse_config(json.dumps(raw), ENV if env is None else env, "lake.json")


def changed(path: str, value: Any) -> dict[str, Any]:
    """The sketch with one setting replaced: ``changed("entities.sales.format", "csv")``."""
    raw = copy.deepcopy(SKETCH)
    *parents, last = path.split(".")
    at = raw
    for name in parents:
        at = at[int(name)] if isinstance(at, list) else at[name]
    if isinstance(at, list):
        at[int(last)] = value
    else:
        at[last] = value
    return raw


def faults(raw: Any, env: dict[str, str] | None = None) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as error:
        parse(raw, env)
    return error.value.faults


def test_the_sketch_loads_unchanged() -> None:
    config = parse(SKETCH)
    sales = config.entities["sales"]
    assert config.aws.account_id == "123456789012"
    assert (sales.name, sales.format, sales.registration, sales.grain) == ("sales", "parquet", "add_partition", "day")
    assert [(column.name, column.type.text) for column in sales.columns][2] == ("amount", "decimal(10,2)")


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
        ("entities.sales.dialect", {"delimiter": ",,"}, "entities.sales.dialect: delimiter is ',,', expected one"),
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


def test_the_schema_policy_keeps_to_the_table_by_default() -> None:
    policy = parse(SKETCH).entities["sales"].schema_policy
    assert policy.converter() == SchemaPolicy("discard_value", "discard_row", rescue=False)
    given = {"new_columns": "evolve", "type_misfits": "freeze", "rescue": True}
    assert parse(changed("entities.sales.schema_policy", given)).entities["sales"].schema_policy.model_dump() == given


@pytest.mark.parametrize(("old", "new"), [("ignore", "discard_value"), ("error", "freeze"), (7, "discard_value")])
def test_the_setting_that_the_schema_policy_replaced_is_a_fault_that_names_it(old: Any, new: str) -> None:
    [fault] = faults(changed("entities.sales.extra_columns", old))
    assert fault == (
        "entities.sales.extra_columns: is schema_policy.new_columns now; write "
        f'"schema_policy": {{"new_columns": "{new}"}}'
    )


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


def test_a_csv_table_takes_the_default_policy_only() -> None:
    raw = changed("entities.sales.format", "csv")
    raw["entities"]["sales"]["schema_policy"] = {"new_columns": "discard_value"}
    assert parse(raw).entities["sales"].format == "csv"
    for policy in ({"new_columns": "evolve"}, EVOLVE, {"rescue": True}):
        raw["entities"]["sales"]["schema_policy"] = policy
        assert faults(raw) == (
            "entities.sales: schema_policy needs format 'parquet': a 'csv' table is the file as it came",
        )


def test_rows_are_not_sorted_unless_columns_are_named() -> None:
    assert parse(SKETCH).entities["sales"].sort_by == ()
    raw = changed("entities.sales.sort_by", ["customer_id", "amount"])
    assert parse(raw).entities["sales"].sort_by == ("customer_id", "amount")


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


def test_a_csv_table_is_not_sorted() -> None:
    raw = changed("entities.sales.format", "csv")
    raw["entities"]["sales"]["sort_by"] = ["amount"]
    assert faults(raw) == ("entities.sales: sort_by needs format 'parquet': a 'csv' table is the file as it came",)


def two_entities(**second: Any) -> dict[str, Any]:
    raw = copy.deepcopy(SKETCH)
    raw["entities"]["returns"] = {**raw["entities"]["sales"], "table_name": "returns_data", **second}
    return raw


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


def test_names_are_folded_to_lower_case_as_glue_does() -> None:
    sales = parse(changed("entities.sales.schema.0.name", "Transaction_ID")).entities["sales"]
    assert sales.columns[0].name == "transaction_id"


def test_a_dollar_brace_can_be_written_literally() -> None:
    config = parse(changed("entities.sales.schema.0.comment", "costs $${AMOUNT}"))
    assert config.entities["sales"].columns[0].comment == "costs ${AMOUNT}"


def test_a_value_from_the_environment_is_checked_like_any_other() -> None:
    raw = changed("resources.glue_database", "${DB}")
    assert faults(raw, {**ENV, "DB": "x`; DROP"})[0].startswith("resources.glue_database: 'x`; DROP' is not a database")


def test_json_that_does_not_parse_is_reported_with_line_and_column() -> None:
    with pytest.raises(ConfigError, match=r"lake\.json: 1 fault in the configuration\n  line 2, column 10: "):
        parse_config('{\n  "aws": nope}', ENV, "lake.json")


def test_a_setting_given_twice_is_a_fault() -> None:
    text = json.dumps(SKETCH).replace('"region": "us-east-1"', '"region": "us-east-1", "region": "eu-west-1"')
    with pytest.raises(ConfigError, match="region: is given twice"):
        parse_config(text, ENV)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing\.json: 1 fault"):
        load_config(tmp_path / "missing.json", ENV)


def test_lake_config_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(SKETCH))
    assert load_config(env={**ENV, "LAKE_CONFIG": str(path)}).resources.glue_database == "analytics_db"


@pytest.mark.parametrize(
    ("keys", "pattern", "grain", "form"),
    [
        (["year"], r"x_(\d{4})", "year", "%Y"),
        (["year", "month"], r"x_(\d{4})_(\d{2})", "month", "%Y-%m"),
        (["year", "month", "day", "hour"], r"x_(\d{4})_(\d{2})_(\d{2})_(\d{2})", "hour", "%Y-%m-%dT%H"),
        (["dt"], r"x_(\d{4}-\d{2}-\d{2})", "day", "%Y-%m-%d"),
        ([{"name": "sold_on", "type": "date"}], r"x_(\d{4}-\d{2}-\d{2})", "day", "%Y-%m-%d"),
        (["region", "year"], r"x_([a-z]+)_(\d{4})", "year", "%Y"),
        (["region"], r"x_([a-z]+)", None, None),
    ],
)
def test_the_grain_follows_from_the_partition_keys(keys: list[Any], pattern: str, grain: str, form: str) -> None:
    raw = changed("entities.sales.partition_keys", keys)
    raw["entities"]["sales"]["filename_pattern"] = pattern
    sales = parse(raw).entities["sales"]
    assert (sales.grain, sales.partition_key_format) == (grain, form)


DATA_KEYS = [
    {"name": "year", "column": "transaction_date", "format": "%Y", "type": "int"},
    {"name": "month", "column": "transaction_date", "format": "%m"},
]


def with_keys(*keys: Any, **settings: Any) -> dict[str, Any]:
    """The sketch with these partition keys, and no groups in its pattern unless it is given one."""
    raw = changed("entities.sales.partition_keys", list(keys))
    raw["entities"]["sales"] |= {"filename_pattern": r"sales_.*\.csv", **settings}
    return raw


def test_partition_keys_may_come_from_columns() -> None:
    sales = parse(with_keys("region", *DATA_KEYS, filename_pattern=r"sales_([a-z]+)_\d{4}\.csv")).entities["sales"]
    assert [key.name for key in sales.name_keys] == ["region"]
    assert [key.value and key.value.number for key in sales.data_keys] == [True, False]
    assert len(sales.table_columns) == len(sales.columns)


def test_a_column_named_like_its_key_is_not_in_the_table() -> None:
    sales = parse(with_keys({"name": "Customer_ID", "column": "customer_id"})).entities["sales"]
    assert "customer_id" not in [column.name for column in sales.table_columns]
    assert "customer_id" in [column.name for column in sales.columns]


@pytest.mark.parametrize(
    ("keys", "pattern", "grain", "form"),
    [
        (DATA_KEYS, r"x", None, "%Y-%m"),
        ([{"name": "dt", "column": "transaction_date"}], r"x", None, "%Y-%m-%d"),
        ([{"name": "dt", "column": "transaction_date", "format": "%Y%m%d"}], r"x", None, "%Y-%m-%d"),
        ([{"name": "dt", "column": "transaction_date", "format": "%Y-W%V"}], r"x", None, None),
        ([{"name": "sold", "column": "transaction_date", "type": "date"}], r"x", None, "%Y-%m-%d"),
        ([{"name": "year", "column": "transaction_date", "format": "%y"}], r"x", None, None),
        (["year", {"name": "month", "column": "transaction_date", "format": "%m"}], r"x_(\d{4})", None, "%Y-%m"),
        (["year", {"name": "customer", "column": "customer_id"}], r"x_(\d{4})", "year", "%Y"),
    ],
)
def test_a_date_in_the_rows_gives_partitions_a_date_and_runs_none(
    keys: list[Any], pattern: str, grain: str | None, form: str | None
) -> None:
    sales = parse(with_keys(*keys, filename_pattern=pattern)).entities["sales"]
    assert (sales.grain, sales.partition_key_format) == (grain, form)


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
