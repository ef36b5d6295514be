"""QuickSight's resources, copies and ingestions are there again after an orderly stop."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from tests.localaws.controls import control
from tests.localaws.quicksight.conftest import Sales
from tests.support.localaws import CLOCKED, LocalAws, running_localaws


def test_copies_are_served_and_refreshed_again(tmp_path: Path, make_sales: Callable[[LocalAws], Sales]) -> None:
    environment = {**CLOCKED, "LOCALAWS_KEEP": str(tmp_path / "lake.kept")}
    with running_localaws(tmp_path / "state", environment=environment) as aws:
        sales = make_sales(aws)
        sales.put([(1, "Ulm", "1.25", datetime(2026, 1, 1), True)])
        data_set = sales.loaded()
        sales.look_back(data_set, 1, "DAY")
        first = sales.spice(data_set)
        control(aws, "quicksight/ingestions", hold=True)
        running, waiting = sales.start(data_set), sales.start(data_set)
    with running_localaws(tmp_path / "state", environment=environment) as aws:
        sales.aws = aws
        assert sales.spice(data_set) == first != []
        for identifier in (running, waiting):
            found = sales.ingestion(data_set, identifier)
            assert (found["IngestionStatus"], found["ErrorInfo"]["Message"]) == ("FAILED", "The local AWS was stopped")
        sales.put([(2, "Bonn", "2", datetime(2026, 1, 2), False)])
        assert sales.refresh(data_set)["IngestionStatus"] == "COMPLETED"
        assert [row[1] for row in sales.spice(data_set)] == ["Bonn"]
