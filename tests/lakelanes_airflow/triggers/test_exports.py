"""The triggers of a DynamoDB table, against a real local AWS; the operators' tests have their whole way."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk.module_loading import import_string

from lakelanes.lake import Lake
from lakelanes_airflow.triggers.exports import ExportTrigger, RecoveryTrigger
from lakelanes_airflow.triggers.polling import PollingTrigger
from tests.support.localaws import LocalAws
from tests.support.source_tables import ORDERS, SourceTable

DEADLINE = "2100-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    "trigger",
    [
        RecoveryTrigger("orders", "2024-03-15T10:00:00+00:00", DEADLINE),
        ExportTrigger("arn:aws:dynamodb:eu-central-1:000000000000:table/orders/export/1", DEADLINE),
    ],
)
def test_a_restarted_triggerer_makes_it_again(trigger: PollingTrigger) -> None:
    classpath, arguments = trigger.serialize()
    restored: Any = import_string(classpath)(**json.loads(json.dumps(arguments)))
    assert type(restored) is type(trigger)
    assert restored.serialize() == (classpath, arguments)


def test_recovery_that_was_turned_off_is_not_waited_for(local_aws: LocalAws, make_lake: Callable[..., Lake]) -> None:
    source = SourceTable(local_aws, make_lake(tables={"orders": {"dynamodb_table": "trigger-orders", **ORDERS}}))
    source.create()
    ahead = RecoveryTrigger("orders", (source.now() + timedelta(days=1)).isoformat(), DEADLINE)
    assert not ahead.is_ready(source.lake)
    source.recovery(False)
    assert ahead.is_ready(source.lake)
