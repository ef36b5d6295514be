"""What a run may be asked for, and what is refused at once."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk import RetryAction

from lakelanes.config.model import LakeConfig
from lakelanes.errors import PartitionValueError, SelectionError
from lakelanes.lake import Lake
from lakelanes_airflow.defaults import RetryWhatCanPass
from lakelanes_airflow.runs.selection import MAX_KEYS, Selection, load_params
from tests.support.lakes import SALES, make_config

VISITS = {**SALES, "table_name": "visits", "filename_pattern": r"visits_(\d{4})_(\d{2})_(\d{2})\.csv"}
PRICES = {**SALES, "table_name": "prices", "filename_pattern": r"prices_(\w+)\.csv", "partition_keys": ["market"]}
DAY = "sales_data_2024_03_15.csv"


@pytest.fixture(scope="module")
def config() -> LakeConfig:
    return make_config({"sales": SALES, "visits": VISITS, "prices": PRICES})


def select(config: LakeConfig, entity: str = "sales", key: str | None = None, **params: Any) -> Selection:
    return Selection.of(Lake(config), config.entities[entity], key, params)


def test_without_params_a_run_is_about_all_files(config: LakeConfig) -> None:
    defaults = {name: param.value for name, param in load_params().items()}
    assert select(config, **defaults) == Selection()
    assert select(config).is_all and not select(config).answers_for_all


def test_a_partition_key_is_waited_for_and_a_param_is_not(config: LakeConfig) -> None:
    keyed, asked = select(config, key="2024-03-15"), select(config, partition="2024-03-15")
    assert (keyed.partition, keyed.waits) == ("2024-03-15", True)
    assert (asked.partition, asked.waits) == ("2024-03-15", False)
    assert select(config, key="2024-03-15", reload=True, dry_run=True).reload


def test_keys_may_be_uris_and_may_be_named_twice(config: LakeConfig) -> None:
    uri = f"s3://{config.resources.source_bucket}/in/{DAY}"
    assert select(config, keys=[uri, f"in/{DAY}", DAY]).keys == (f"in/{DAY}", DAY)
    assert select(config, prefix=f"s3://{config.resources.source_bucket}/in/").prefix == "in/"


@pytest.mark.parametrize(
    ("params", "param", "says"),
    [
        ({"keys": ["visits_2024_03_15.csv"]}, "keys", "is of entity visits: trigger load_visits"),
        ({"keys": ["notes.txt"]}, "keys", "'notes.txt' is of no entity; names of sales match"),
        (
            {"keys": [f"s3://elsewhere/{DAY}"]},
            "keys",
            f"s3://elsewhere/{DAY} is not in the source bucket, which is s3://",
        ),
        ({"prefix": "s3://elsewhere/in/"}, "prefix", "is not in the source bucket"),
        (
            {"partition": "15 March"},
            "partition",
            "'15 March' is not a partition of entity sales: write it as 2024-03-15",
        ),
        ({"first_partition": "2024-03"}, "first_partition", "write it as 2024-03-15"),
        ({"last_partition": "2024-02-31"}, "last_partition", "'2024-02-31' is not a partition"),
        (
            {"first_partition": "2024-03-16", "last_partition": "2024-03-15"},
            "first_partition",
            "2024-03-16 is after last_partition, 2024-03-15",
        ),
        ({"partition": "2024-03-15", "keys": [DAY]}, "keys", "it cannot go with partition"),
        ({"prefix": "in/", "last_partition": "2024-03-15"}, "last_partition", "it cannot go with prefix"),
        ({"key": "2024-03-15", "keys": [DAY]}, "keys", "the run has the partition key 2024-03-15"),
        ({"key": "2024-03-15", "partition": "2024-03-15"}, "partition", "trigger load_sales without a partition key"),
        ({"entity": "prices", "partition": "2024-03-15"}, "partition", "prices is not partitioned by date"),
    ],
)
def test_what_contradicts_is_refused_by_the_params_name_and_not_tried_again(
    config: LakeConfig, params: dict[str, Any], param: str, says: str
) -> None:
    with pytest.raises(SelectionError) as refused:
        select(config, **params)
    assert refused.value.param == param
    assert str(refused.value).startswith(f"Param {param}: ") and says in str(refused.value)
    assert RetryWhatCanPass().evaluate(refused.value, 1, 3).action is RetryAction.FAIL


def test_a_key_that_two_entities_match_is_refused() -> None:
    config = make_config(
        {
            "sales": SALES,
            "all": {
                **SALES,
                "table_name": "all",
                "filename_pattern": r"sales_.*\.csv",
                "partition_keys": [{"name": "dt", "column": "transaction_date"}],
            },
        }
    )
    with pytest.raises(SelectionError, match=r"Param keys: .*matches 2 entities"):
        select(config, keys=[DAY])


def test_a_partition_key_of_another_grain_is_refused_when_it_is_looked_for(config: LakeConfig) -> None:
    with pytest.raises(PartitionValueError):
        select(config, key="2024-03").find(Lake(config), config.entities["sales"])


@pytest.mark.parametrize(
    ("param", "value"),
    [("keys", DAY), ("keys", [""]), ("keys", ["x"] * (MAX_KEYS + 1)), ("keys", [1]), ("dry_run", "yes"), ("prefix", 1)],
)
def test_airflow_itself_refuses_values_of_another_type(param: str, value: Any) -> None:
    with pytest.raises(ValueError, match=r"(?i)is not|too long|too short|non-empty"):
        load_params()[param].resolve(value)
