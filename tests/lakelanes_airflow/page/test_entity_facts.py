"""An entity in words: partitions, when files are due, columns, settings that are not the defaults."""

from __future__ import annotations

from typing import Any

import pytest

from lakelanes.config.model import Entity
from lakelanes_airflow.page.entity_facts import ColumnFact, Setting, cron_words, duration_words, facts_of
from tests.support.lakes import SALES, make_config


def entity(**settings: Any) -> Entity:
    return make_config({"sales": {**SALES, **settings}}).entities["sales"]


BY_ROWS = {
    "filename_pattern": r"sales_([a-z]+)\.csv",
    "partition_keys": ["region", {"name": "day", "type": "date", "column": "transaction_date"}],
}


@pytest.mark.parametrize(
    ("settings", "partitions"),
    [
        ({}, "one for each day, which the file's name says"),
        (
            {"filename_pattern": r"s_([a-z]+)_(\d+)\.csv", "partition_keys": ["region", "dt"], "date_format": "%Y%m%d"},
            "one for each day and region: region and dt from the file's name",
        ),
        (BY_ROWS, "one for each day and region: region from the file's name, day from the column transaction_date"),
        (
            {"filename_pattern": r"s_([a-z]+)\.csv", "partition_keys": ["region"]},
            "one for each value: region from the file's name",
        ),
    ],
)
def test_partitions_are_told_with_where_they_come_from(settings: dict[str, Any], partitions: str) -> None:
    assert facts_of(entity(**settings)).partitions == partitions


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            {},
            "Every day. Its run starts when the day is over, at midnight (UTC), and its files may come until 24 hours "
            "later.",
        ),
        (
            {"schedule": "30 6 * * 1-5", "timezone": "Europe/Zurich", "deadline_minutes": 90},
            "Every day. Its run starts when the day is over, at the next time of this schedule: at 06:30, Monday "
            "through Friday (Europe/Zurich), and its files may come until 90 minutes later.",
        ),
        ({"lanes": ["fast"]}, "No run waits for its files, so nothing says when they are due."),
        (BY_ROWS, "Nothing says when its files are due."),
        (
            {**BY_ROWS, "schedule": "0 7 * * *"},
            "A run loads what has come: at 07:00 (UTC). No file has a deadline.",
        ),
    ],
)
def test_schedule_and_deadline_are_told_in_words(settings: dict[str, Any], expected: str) -> None:
    assert facts_of(entity(**settings)).expected == expected


def test_durations_are_written_in_the_largest_unit_that_says_them_exactly() -> None:
    written = [duration_words(minutes) for minutes in (1, 45, 60, 90, 180, 1440, 2880, 10080)]
    assert written == ["1 minute", "45 minutes", "1 hour", "90 minutes", "3 hours", "24 hours", "2 days", "7 days"]


def test_a_schedule_without_words_stands_as_it_is() -> None:
    assert (cron_words("@hourly"), cron_words("0 6 L * *")) == ("every hour", "at 06:00, on the last day of the month")
    assert cron_words("0 6 * * 99") == "0 6 * * 99"


def test_an_example_is_the_configurations_or_the_newest_file() -> None:
    given = facts_of(entity(example="sales_data_2024_03_15.csv", source_prefix="erp/"), "erp/other.csv")
    assert (given.example, given.is_given) == ("erp/sales_data_2024_03_15.csv", True)
    found = facts_of(entity(), "sales_data_2024_03_14.csv")
    assert (found.example, found.is_given) == ("sales_data_2024_03_14.csv", False)
    assert facts_of(entity()).example == ""


def test_settings_are_those_that_are_not_the_defaults() -> None:
    changed = entity(
        settle_seconds=30, dialect={"delimiter": ";", "null_values": ["", "NA"]}, schema_policy={"rescue": True}
    )
    assert facts_of(changed).settings == (
        Setting("dialect.delimiter", '";"', '","'),
        Setting("dialect.null_values", '["", "NA"]', '[""]'),
        Setting("schema_policy.rescue", "true", "false"),
        Setting("settle_seconds", "30", "10"),
    )


def test_columns_have_their_types_and_what_else_is_said_of_them() -> None:
    columns = [
        {"name": "amount", "type": "decimal(10,2)", "header": "Betrag", "required": True, "decimal_separator": ","},
        {"name": "note", "type": "string", "comment": "of the shop"},
        *SALES["schema"][3:],
    ]
    assert facts_of(entity(schema=columns)).columns[:2] == (
        ColumnFact("amount", "decimal(10,2)", ('"Betrag" in the header', "required", 'decimal_separator ","')),
        ColumnFact("note", "string", ("of the shop",)),
    )
