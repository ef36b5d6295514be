"""An ingestion that is over before its rows have come."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from localaws.clock import ServiceClock
from localaws.quicksight.ingestions import FULL, Ingestions
from localaws.quicksight.loading import Loaded
from localaws.quicksight.plan import Plan
from localaws.quicksight.spice import Spice
from localaws.quicksight.store import DATA_SET, Context, Resource, Scope, Store
from tests.support.waiting import wait_for

SCOPE = Scope("000000000000", "us-east-1")


class SlowLoader:
    """Lets something happen while it reads."""

    def __init__(self) -> None:
        self.meanwhile: Callable[[], Any] = lambda: None
        self.loaded = threading.Event()

    def load(self, data_set: Resource, kind: str, dropped: int, cancelled: threading.Event) -> Loaded:
        self.meanwhile()
        self.loaded.set()
        return Loaded((("id", "INTEGER"),), [], [(1,)], 0)


@pytest.mark.parametrize("ending", ["cancel", "forget", "reset"])
def test_rows_that_come_too_late_are_not_seen(ending: str) -> None:
    loader, spice, context = SlowLoader(), Spice(), Context(SCOPE, 0.0)
    ingestions = Ingestions(ServiceClock(), loader, spice, Plan(0.0, list))  # type: ignore[arg-type]
    data_set = Store().create(context, DATA_SET, "sales", {})
    endings: dict[str, Callable[[], Any]] = {
        "cancel": lambda: ingestions.cancel(data_set, {"IngestionId": "one"}),
        "forget": lambda: ingestions.forget(data_set),
        "reset": ingestions.reset,
    }
    loader.meanwhile = endings[ending]
    made = ingestions.start(context, data_set, "one", FULL)
    assert loader.loaded.wait(30)
    loader.meanwhile = lambda: None
    ingestions.start(context, data_set, "two", FULL)
    wait_for(lambda: spice.get(data_set.arn), lambda copy: copy is not None and copy.ingestion == "two")
    expected = {"cancel": "CANCELLED", "forget": "FAILED", "reset": "CANCELLED"}
    assert (made.status, made.rows) == (expected[ending], {})
