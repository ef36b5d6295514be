"""Target keys: one object per source file, whatever its name."""

from __future__ import annotations

from lakelanes.files.matching import partition_for
from lakelanes.files.target_keys import rejects_key, target_key
from tests.lakelanes.files.support import KEY


def test_targets_of_rows_and_rejects_are_told_apart_by_folder() -> None:
    from tests.support.lakes import make_config

    sales = make_config().entities["sales"]
    where = partition_for(sales, f"a b/{KEY}")
    assert target_key(sales, where, f"a b/{KEY}") == (
        "sales_data/year=2024/month=03/day=15/sales_data_2024_03_15-421118ce.parquet"
    )
    assert rejects_key(sales, where, f"a b/{KEY}") == (
        "lake-rejects/sales_data/year=2024/month=03/day=15/sales_data_2024_03_15-421118ce.parquet"
    )
