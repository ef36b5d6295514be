"""Names of data sets: those of OpenLineage's rules, as its own client makes them."""

from __future__ import annotations

import pytest
from openlineage.client.naming import dataset as rules

from lakelanes.catalog.glue_tables import data_table
from lakelanes.config.partitions import Partition
from lakelanes.lineage.datasets import (
    Column,
    Name,
    athena_name,
    dynamodb_name,
    glue_dataset,
    glue_name,
    object_name,
)
from tests.support.lakes import make_config

CONFIG = make_config()
REGION, ACCOUNT, DATABASE = CONFIG.aws.region, CONFIG.aws.account_id, CONFIG.resources.glue_database


@pytest.mark.parametrize(
    ("ours", "rule"),
    [
        (object_name("b", "in/2024/a=1 b.csv"), rules.S3("b", "in/2024/a=1 b.csv")),
        (glue_name(CONFIG, "sales"), rules.AWSGlue(REGION, ACCOUNT, DATABASE, "sales")),
        (athena_name(CONFIG, "sales"), rules.Athena(REGION, "AwsDataCatalog", DATABASE, "sales")),
    ],
)
def test_names_are_those_of_the_rules(ours: Name, rule: rules.DatasetNaming) -> None:
    assert ours == (rule.get_namespace(), rule.get_name())


def test_a_dynamodb_table_is_named_by_its_arn() -> None:
    assert (
        ":".join((*dynamodb_name(CONFIG, "shop-orders"),)) == f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/shop-orders"
    )


def test_a_folder_has_no_slash_at_its_end_and_the_root_of_a_bucket_is_one() -> None:
    assert object_name("b", "in/2024/").name == "in/2024"
    assert object_name("b", "").name == "/"


def test_a_table_has_its_columns_then_those_it_gained_then_its_partition_keys() -> None:
    table = glue_dataset(CONFIG, data_table(CONFIG.entities["sales"]), added=[Column("note", "string")])
    assert [(column.name, column.type) for column in table.columns][2:] == [
        ("amount", "decimal(10,2)"),
        ("transaction_date", "date"),
        ("note", "string"),
        ("year", "string"),
        ("month", "string"),
        ("day", "string"),
    ]


def test_a_table_is_also_known_to_athena_and_by_its_folder() -> None:
    partitions = [Partition((("day", text),)) for text in ("16", "15")]
    table = glue_dataset(CONFIG, data_table(CONFIG.entities["sales"]), partitions)
    bucket = CONFIG.resources.analytics_bucket
    assert table.aliases == (athena_name(CONFIG, "sales_data"), (f"s3://{bucket}", "sales_data"))
    assert [one.path for one in table.partitions] == ["day=15", "day=16"]
