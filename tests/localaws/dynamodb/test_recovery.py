"""Point-in-time recovery's state."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.localaws.controls import ControlRefused, control, now
from tests.localaws.dynamodb.conftest import Table
from tests.support.localaws import LocalAws

# A busy machine's answers come late; what is told apart here is hours apart.
LATE = timedelta(minutes=2)


def test_restorable_times_follow_the_clock(local_aws: LocalAws, table: Table) -> None:
    described = table.restorable()
    earliest = described["EarliestRestorableDateTime"]
    assert described["PointInTimeRecoveryStatus"] == "ENABLED"
    assert described["RecoveryPeriodInDays"] == 35
    assert described["LatestRestorableDateTime"] == earliest
    assert abs(earliest - now(local_aws)) < LATE
    control(local_aws, "clock", advance=3600)
    described = table.restorable()
    assert described["EarliestRestorableDateTime"] == earliest
    behind = now(local_aws) - described["LatestRestorableDateTime"]
    assert timedelta(minutes=5) <= behind < timedelta(minutes=5) + LATE


def test_the_past_before_the_period_is_forgotten_and_stays_so(local_aws: LocalAws, table: Table) -> None:
    assert table.recovery(True, RecoveryPeriodInDays=2)["RecoveryPeriodInDays"] == 2
    control(local_aws, "clock", advance=3 * 86_400)
    earliest = table.restorable()["EarliestRestorableDateTime"]
    assert abs(now(local_aws) - timedelta(days=2) - earliest) < LATE
    assert table.recovery(True, RecoveryPeriodInDays=35)["EarliestRestorableDateTime"] >= earliest


def test_off_and_on_again_begins_anew(local_aws: LocalAws, table: Table) -> None:
    assert table.recovery(False) == {"PointInTimeRecoveryStatus": "DISABLED"}
    assert table.restorable() == {"PointInTimeRecoveryStatus": "DISABLED"}
    control(local_aws, "clock", advance=3600)
    assert abs(table.recovery(True)["EarliestRestorableDateTime"] - now(local_aws)) < LATE


def test_a_missing_table_is_named(dynamodb: Any) -> None:
    with pytest.raises(dynamodb.exceptions.TableNotFoundException, match="no-such-table"):
        dynamodb.describe_continuous_backups(TableName="no-such-table")


def test_the_clock_never_goes_behind_what_was_written(local_aws: LocalAws, table: Table) -> None:
    table.put("a")
    with pytest.raises(ControlRefused, match="something was written at"):
        control(local_aws, "clock", now=(now(local_aws) - timedelta(hours=1)).isoformat())
    with pytest.raises(ControlRefused, match="unknown member 'forward'"):
        control(local_aws, "clock", forward=1)
    with pytest.raises(ControlRefused, match=r"there are .*POST /_localaws/clock"):
        control(local_aws, "clocks")
