"""What the settings mean: defaults, names as Glue folds them, partition keys, and the grain that follows from them."""

from __future__ import annotations

from typing import Any

import pytest

from lakelanes.convert import SchemaPolicy
from tests.lakelanes.config.support import SKETCH, changed, faults, parse, with_keys


def test_the_sketch_loads_unchanged() -> None:
    config = parse(SKETCH)
    sales = config.entities["sales"]
    assert config.aws.account_id == "123456789012"
    assert (sales.name, sales.format, sales.registration, sales.grain) == ("sales", "parquet", "add_partition", "day")
    assert [(column.name, column.type.text) for column in sales.columns][2] == ("amount", "decimal(10,2)")


@pytest.mark.parametrize(
    ("setting", "least"),
    [
        ("fast_lane_concurrency", 2),
        ("bytes_scanned_cutoff", 10_000_000),
        ("query_result_days", 1),
        ("replaced_source_days", 1),
        ("export_days", 7),
    ],
)
def test_a_setting_of_the_deployment_has_a_least_value(setting: str, least: int) -> None:
    assert getattr(parse(changed(f"deployment.{setting}", least)).deployment, setting) == least
    (fault,) = faults(changed(f"deployment.{setting}", least - 1))
    assert fault == f"deployment.{setting}: found {least - 1}, expected greater than or equal to {least}"


def test_logs_are_kept_for_days_that_cloudwatch_knows() -> None:
    assert parse(changed("deployment.log_days", 1096)).deployment.log_days == 1096
    (fault,) = faults(changed("deployment.log_days", 31))
    assert fault.startswith("deployment.log_days: CloudWatch keeps logs for 1, 3, 5")


def test_the_dashboards_principal_is_an_arn_of_quicksights() -> None:
    group = "arn:aws:quicksight:eu-west-1:123456789012:group/default/analysts"
    assert parse(changed("deployment.dashboards_principal", group)).deployment.dashboards_principal == group
    (fault,) = faults(changed("deployment.dashboards_principal", "arn:aws:iam::123456789012:role/analysts"))
    assert fault.startswith("deployment.dashboards_principal: 'arn:aws:iam::123456789012:role/analysts' is not whom")


def test_arns_are_of_the_regions_partition() -> None:
    config = parse(changed("aws.region", "cn-north-1"))
    assert config.alert_topic_arn.startswith("arn:aws-cn:sns:cn-north-1:")


def test_names_are_folded_to_lower_case_as_glue_does() -> None:
    sales = parse(changed("entities.sales.schema.0.name", "Transaction_ID")).entities["sales"]
    assert sales.columns[0].name == "transaction_id"


def test_the_schema_policy_keeps_to_the_table_by_default() -> None:
    policy = parse(SKETCH).entities["sales"].schema_policy
    assert policy.converter() == SchemaPolicy("discard_value", "discard_row", rescue=False)
    given = {"new_columns": "evolve", "type_misfits": "freeze", "rescue": True}
    assert parse(changed("entities.sales.schema_policy", given)).entities["sales"].schema_policy.model_dump() == given


def test_a_csv_table_takes_the_default_policy_only() -> None:
    raw = changed("entities.sales.format", "csv")
    raw["entities"]["sales"]["schema_policy"] = {"new_columns": "discard_value"}
    assert parse(raw).entities["sales"].format == "csv"
    for policy in ({"new_columns": "evolve"}, {"type_misfits": "evolve"}, {"rescue": True}):
        raw["entities"]["sales"]["schema_policy"] = policy
        assert faults(raw) == (
            "entities.sales: schema_policy needs format 'parquet': a 'csv' table is the file as it came",
        )


def test_the_settings_of_a_csv_table_are_those_that_its_reader_has() -> None:
    raw = changed("entities.sales.format", "csv")
    for name, value in {"comment": "#", "skip_footer": 1, "pad_short_rows": True, "skip_empty_rows": True}.items():
        raw["entities"]["sales"]["dialect"] = {name: value}
        assert faults(raw) == (
            f"entities.sales: dialect.{name} needs format 'parquet': a 'csv' table is the file as it came",
        )
    raw["entities"]["sales"]["dialect"] = {"delimiter": "||"}
    (fault,) = faults(raw)
    assert fault.startswith("entities.sales: dialect.delimiter '||' needs format 'parquet'")


def test_a_delimiter_may_have_several_characters() -> None:
    assert parse(changed("entities.sales.dialect", {"delimiter": "||"})).entities["sales"].dialect.delimiter == "||"
    (fault,) = faults(changed("entities.sales.dialect", {"delimiter": '|"'}))
    assert fault.startswith("entities.sales.dialect: quote is '\"', which is in the delimiter already")


def test_a_footer_has_at_most_1000_lines() -> None:
    assert parse(changed("entities.sales.dialect.skip_footer", 1000)).entities["sales"].dialect.skip_footer == 1000
    (fault,) = faults(changed("entities.sales.dialect.skip_footer", 1001))
    assert fault == "entities.sales.dialect.skip_footer: found 1001, expected less than or equal to 1000"


def test_ignored_names_are_patterns() -> None:
    assert parse(SKETCH).ignored_names == ()
    assert parse(changed("ignored_names", [r"tmp/.*"])).ignored_names == (r"tmp/.*",)
    (fault,) = faults(changed("ignored_names", ["a", "(?=b)c"]))
    assert fault.startswith("ignored_names[1]: '(?=b)c' has looking ahead or back, which RE2 lacks")
    (fault,) = faults(changed("ignored_names", [".*"]))
    assert fault == "ignored_names[0]: '.*' matches an empty file name"


def test_an_empty_version_is_loaded_unless_it_is_to_be_refused() -> None:
    assert parse(SKETCH).entities["sales"].empty_versions == "load"
    assert parse(changed("entities.sales.empty_versions", "refuse")).entities["sales"].empty_versions == "refuse"
    (fault,) = faults(changed("entities.sales.empty_versions", "ignore"))
    assert fault.startswith("entities.sales.empty_versions: found 'ignore'")


def test_rows_are_not_sorted_unless_columns_are_named() -> None:
    assert parse(SKETCH).entities["sales"].sort_by == ()
    raw = changed("entities.sales.sort_by", ["customer_id", "amount"])
    assert parse(raw).entities["sales"].sort_by == ("customer_id", "amount")


def test_a_csv_table_is_not_sorted() -> None:
    raw = changed("entities.sales.format", "csv")
    raw["entities"]["sales"]["sort_by"] = ["amount"]
    assert faults(raw) == ("entities.sales: sort_by needs format 'parquet': a 'csv' table is the file as it came",)


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


FORMS = {
    "amount": {
        "required": True,
        "currencies": ["$"],
        "trailing_minus": True,
        "parentheses": True,
        "percent": "fraction",
    },
    "transaction_date": {"date_format": "%d.%m.%Y", "null_values": ["", "-"]},
    "customer_id": {"trim": True, "quoted_nulls": True},
}


def with_own(**own: dict[str, Any]) -> dict[str, Any]:
    """The sketch with settings for these columns."""
    schema = SKETCH["entities"]["sales"]["schema"]
    return changed("entities.sales.schema", [{**column, **own.get(column["name"], {})} for column in schema])


def test_a_column_has_settings_of_its_own_and_the_rest_of_its_dialect() -> None:
    columns = {column.name: column for column in parse(with_own(**FORMS)).entities["sales"].columns}
    assert columns["amount"].required and not columns["customer_id"].required
    assert columns["transaction_id"].value_settings == {}
    assert columns["amount"].value_settings == {
        "trailing_minus": True, "parentheses": True, "currencies": ("$",), "percent": "fraction",
    }  # fmt: skip
    entity = parse(changed("entities.sales.dialect", {"trim": True, "date_format": "%Y%m%d"})).entities["sales"]
    dialect = entity.dialect.converter()
    own = dialect.of_column(columns["transaction_date"].value_settings)
    assert (own.date_format, own.null_values, own.trim) == ("%d.%m.%Y", ("", "-"), True)
    # What a column says is said even if it is the default.
    assert dialect.of_column({"trim": False}).trim is False


@pytest.mark.parametrize(
    ("column", "settings", "fault"),
    [
        ("customer_id", {"date_format": "%d.%m.%Y"},
         "entities.sales.schema[1]: date_format is for columns of type date, not string"),
        ("amount", {"true_values": ["ja"]},
         "entities.sales.schema[2]: true_values is for columns of type boolean, not decimal(10,2)"),
        ("amount", {"trim": True},
         "entities.sales.schema[2]: trim is for columns of type string, char, varchar, not decimal(10,2)"),
        ("transaction_date", {"date_format": "%d.%m."},
         "entities.sales: schema[3], column 'transaction_date': date_format is '%d.%m.', which does not say year"),
        ("amount", {"thousands_separator": "."},
         "entities.sales: schema[2], column 'amount': thousands_separator is '.', which is the decimal_separator"),
        ("amount", {"currencies": ["5"]},
         "entities.sales: schema[2], column 'amount': currencies holds '5', which has a character"),
        ("amount", {"percent": "half"},
         "entities.sales.schema[2].percent: found 'half', expected 'number' or 'fraction'"),
    ],
)  # fmt: skip
def test_a_setting_that_a_column_cannot_have_is_a_fault(column: str, settings: dict[str, Any], fault: str) -> None:
    (found,) = faults(with_own(**{column: settings}))
    assert found.startswith(fault)


@pytest.mark.parametrize("settings", [{"required": True}, {"trim": True}])
def test_columns_of_a_table_of_the_files_as_they_came_have_no_settings_of_their_own(settings: dict[str, Any]) -> None:
    raw = with_own(customer_id=settings)
    raw["entities"]["sales"]["format"] = "csv"
    for column in raw["entities"]["sales"]["schema"]:
        column["type"] = "string"
    (fault,) = faults(raw)
    assert fault.startswith(f"entities.sales: schema[1].{next(iter(settings))} needs format 'parquet'")
