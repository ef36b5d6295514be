"""Ways to lay out a Parquet file, each with one of our writer's choices changed: what the kind "layout" compares."""

from __future__ import annotations

from typing import Any

# By name, what differs from the product's own choice: `tuning` and `parquet` are fields of lakelanes.convert.Tuning and
# ParquetSettings, `sort_by` is the entity's setting.
LAYOUTS: dict[str, dict[str, Any]] = {
    "row_groups_4mb": {"tuning": {"row_group_bytes": 4 << 20}},
    "row_groups_64mb": {"tuning": {"row_group_bytes": 64 << 20}},
    "row_groups_128mb": {"tuning": {"row_group_bytes": 128 << 20}},
    "no_statistics": {"parquet": {"statistics": False}},
    "no_page_index": {"parquet": {"page_index": False}},
    "dictionary_for_all": {"parquet": {"dictionary": "all"}},
    "dictionary_for_none": {"parquet": {"dictionary": "none"}},
    "no_deltas": {"parquet": {"deltas": False}},
    "compression_of_all": {"parquet": {"compression": "all"}},
    "sort_by_customer": {"sort_by": ["customer_id"]},
}
