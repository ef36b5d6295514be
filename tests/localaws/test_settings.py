"""What the environment sets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from localaws.settings import SettingError, Settings
from tests.localaws.controls import control, now
from tests.localaws.dynamodb.conftest import Table
from tests.support.localaws import LocalAwsError, running_localaws, start_localaws


def test_everything_has_a_default() -> None:
    assert Settings.of_environment({}) == Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOCALAWS_EXPORT_SECONDS", "soon"),
        ("LOCALAWS_EXPORT_SECONDS", "-1"),
        ("LOCALAWS_EXPORT_FILES", "0"),
        ("LOCALAWS_CLOCK_OFFSET", "inf"),
    ],
)
def test_nonsense_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"{name} is '{value}', expected a number"):
        Settings.of_environment({name: value})


def test_nonsense_keeps_the_server_from_starting(tmp_path: Path) -> None:
    with pytest.raises(LocalAwsError, match=r"exit code 2.*\n.*LOCALAWS_TTL_SECONDS is 'x'"):
        start_localaws(tmp_path, environment={"LOCALAWS_TTL_SECONDS": "x"})


def test_the_clock_can_start_hours_ago_and_be_brought_to_the_present(tmp_path: Path) -> None:
    with running_localaws(tmp_path, environment={"LOCALAWS_CLOCK_OFFSET": "-7200"}) as aws:
        assert abs(datetime.now(UTC) - timedelta(hours=2) - now(aws)) < timedelta(minutes=10)
        table = Table(aws, "orders")
        control(aws, "clock", now=datetime.now(UTC).isoformat())
        window = table.restorable()
        earliest, latest = (window[f"{name}RestorableDateTime"] for name in ("Earliest", "Latest"))
        assert latest - earliest > timedelta(minutes=100)
        assert latest < datetime.now(UTC)
