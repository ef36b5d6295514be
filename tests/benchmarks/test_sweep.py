"""The bench of the sweep knows which files a sweep has to find, and takes nothing else for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from benchmarks import sweep as module
from benchmarks.cases import all_cases, chosen
from benchmarks.tools.sweep import digest
from lakelanes.config.loading import parse_config
from lakelanes.ledger.entries import Entry
from tests.support.lakes import config_text

NOW = datetime(2024, 3, 15, 12, 34, 56, tzinfo=UTC)
ENTITY = parse_config(config_text({"files": module._ENTITY}, "bench"), {}).entities["files"]


def test_the_ledger_knows_each_file_that_is_not_new() -> None:
    minutes = module.Minutes(10_000, NOW)
    items = [item for item in minutes.items("source", ENTITY) if item["source"]["S"].startswith("s3://")]
    known = {item["source"]["S"].removeprefix("s3://source/") for item in items}
    new = minutes.new(ENTITY)
    assert (len(known), len(new)) == (10_000, 100)
    assert sorted([*known, *new]) == minutes.keys(), "sorted as S3 has them"
    entry = Entry.from_item(items[-1])
    assert (entry.state, entry.partition) == ("loaded", "year=2024/month=03/day=15/hour=12")
    assert all(Entry.from_item(item).to_item() == item for item in (items[0], items[-1]))


def test_what_is_new_of_the_last_days_is_named_for_them() -> None:
    minutes = module.Minutes(10_000, NOW)
    recent = minutes.new(ENTITY, NOW - timedelta(days=3))
    assert recent == [key for key in minutes.new(ENTITY) if key >= "files_2024_03_12_12"]
    assert 0 < len(recent) < 100


@pytest.mark.slow
def test_a_small_sweep_is_right_in_both_ways() -> None:
    # Enough minutes for both to differ: the last three days are 4,320.
    figures, _, requests = module.run(replace(all_cases()["sweep_few"], files=5_000), print)
    assert figures["full"]["correct"] is figures["last_days"]["correct"] is True, figures
    assert figures["full"]["rows_ok"] == 50
    assert figures["full"]["listed"] == 5050 > figures["last_days"]["listed"] > 4320
    assert requests["full"]["dynamodb.BatchGetItem"] == 51
    # Two find the folders, and five have what there is.
    assert requests["last_days"]["s3.ListObjectsV2"] == 7


@pytest.mark.parametrize(
    ("change", "is_right"),
    [({}, True), ({"keys_digest": digest(["a", "b", "b"])}, False), ({"others": 1}, False)],
)
def test_other_files_than_those_expected_are_a_fault(change: dict[str, object], is_right: bool) -> None:
    sample = {"rows_ok": 2, "keys_digest": digest(["b", "a"]), "others": 0} | change
    assert (module._faults(sample, ["a", "b"]) == []) is is_right


def test_the_million_is_run_by_name_alone() -> None:
    assert "sweep_few" in {case.name for case in chosen("small")}
    assert "sweep_million" not in {case.name for size in ("small", "full") for case in chosen(size)}
