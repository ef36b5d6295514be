"""A lake is its configuration with clients, a ledger and a clock, each made once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.session import Session

from lakelanes.lake import Lake
from tests.support.lakes import config_text, make_config

NOON = datetime(2024, 3, 15, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")


def test_the_configuration_is_the_one_that_is_given_or_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config()
    assert Lake.open(config).config is config
    (tmp_path / "lake.json").write_text(config_text(name="named"))
    monkeypatch.setenv("LAKE_CONFIG", str(tmp_path / "lake.json"))
    assert Lake.open().config.resources.ledger_table == "named_ledger"


def test_clients_are_made_once_and_in_the_configured_region() -> None:
    lake = Lake.open(make_config())
    for service in ("s3", "glue", "athena", "sns", "sqs", "dynamodb"):
        client = getattr(lake, service)
        assert client is getattr(lake, service)
        assert client.meta.service_model.service_name == service
        assert client.meta.region_name == lake.config.aws.region


def test_the_clients_of_every_load_can_be_made_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    made: dict[str, Any] = {}
    create = Session.create_client

    def noted(session: Session, service: str, **options: Any) -> Any:
        made[service] = create(session, service, **options)
        return made[service]

    monkeypatch.setattr(Session, "create_client", noted)
    lake = Lake.open(make_config())
    lake.make_clients()
    before = dict(made)
    assert before.keys() == {"s3", "dynamodb"}
    assert (lake.s3, lake.ledger.client) == (before["s3"], before["dynamodb"])
    assert made == before
    for service in ("s3", "dynamodb"):
        assert made[service].meta.service_model.service_name == service
        assert made[service].meta.region_name == lake.config.aws.region


def test_the_ledger_has_the_lakes_table_client_and_clock() -> None:
    lake = Lake.open(make_config(), clock=lambda: NOON)
    assert lake.ledger is lake.ledger
    assert (lake.ledger.table, lake.ledger.client) == (lake.config.resources.ledger_table, lake.dynamodb)
    assert lake.ledger.now() == "2024-03-15T12:00:00.000000Z"


def test_without_a_clock_the_time_is_now_in_utc() -> None:
    now = Lake.open(make_config()).clock()
    assert now.tzinfo is UTC
    assert abs(datetime.now(UTC) - now) < timedelta(minutes=1)
