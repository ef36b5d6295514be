"""QuickSight's copies while everything goes wrong: refreshed beside the lanes.

Refreshes fail, take long, drop rows, are refused, or lose the process that waits for them. In the end SPICE has the
views' rows, and the quota was kept.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from botocore.exceptions import ClientError

from lakelanes.catalog import athena, views
from lakelanes.dashboards import loading, questions, refresh_plan, spice
from lakelanes.errors import LakeError, RefreshError, ViewError
from lakelanes.lake import Lake
from tests.localaws.controls import control
from tests.support.localaws import LocalAws
from tests.support.spice import Spice

# One that is read by days, which reach back to all of the plan's, and one that is always read whole.
VIEWS = {
    "chaos_days": (
        "SELECT CAST(concat(year, '-', month, '-', day) AS date) AS covered_day, file_id, version, count(*) AS n, "
        "sum(amount) AS amount FROM orders_data GROUP BY 1, 2, 3"
    ),
    "chaos_files": "SELECT file_id, max(version) AS version, count(*) AS n FROM orders_data GROUP BY 1",
}
_DATASETS: dict[str, Any] = {
    "days": {"view": "chaos_days", "date_column": "covered_day", "changes_days": 3000},
    "files": {"view": "chaos_files"},
}
_PAUSE = 0.05
# As long as nothing may be waited for: a run of the plan takes seconds.
_TIMES = {
    "QUIET": timedelta(seconds=0.2),
    "MAX_WAIT": timedelta(seconds=1),
    "MIN_SPACING": timedelta(seconds=0.3),
    "WIDE_SPACING": timedelta(seconds=1),
}
_LAST_TRIES = 12


@dataclass
class Refreshed:
    """What came of the data sets: refreshes by kind, faults by kind, what differs in the end, and the most refreshes
    that a data set had."""

    kinds: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    differs: dict[str, str] = field(default_factory=dict)
    most: int = 0


class Refresher:
    """Refreshes the data sets of a lake, as refresh_dashboards does, until it is told to end.

    ``lake`` has the rights of Airflow's workers.
    """

    def __init__(self, aws: LocalAws, lake: Lake, seed: str) -> None:
        self.aws, self.lake = aws, lake
        self.random = random.Random(f"{seed}/dashboards")
        self.result = Refreshed()
        self._deployed: Spice | None = None
        self._ended = threading.Event()

    def run(self) -> None:
        """Goes on until ``end``; whatever a refresh raises, the next look goes on."""
        while not self._ended.wait(_PAUSE):
            if self._deployed or self._deploy():
                self._arm()
                self._look(lose=self.random.random() < 0.2)

    def end(self) -> Refreshed:
        """Refreshes without faults until SPICE has everything, by hand where the quota's share is used up."""
        self._ended.set()
        self._disarm()
        assert self._deployed or self._deploy(), "no view was made"
        for _ in range(_LAST_TRIES):
            self._look(asked=True)
            if not any(self._differences().values()):
                break
            time.sleep(0.5)
        self.result.differs = {name: said for name, said in self._differences().items() if said}
        assert self._deployed
        self.result.most = max(len(self._deployed.begun(name)) for name in _DATASETS)
        return self.result

    def _deploy(self) -> bool:
        try:
            done = views.refresh(self.lake, questions.VIEWS)
        except (ViewError, ClientError):
            return False
        if any(one.action not in ("created", "unchanged") for one in done):
            return False
        made = Spice(self.aws, self.lake)
        for name, dataset in spice.datasets(self.lake).items():
            made.create(name, dataset)
        self._deployed = made
        return True

    def _arm(self) -> None:
        """Sometimes, a fault for one of the next refreshes."""
        fault, count = self.random.choice(["", "", "", "fail", "drop", "refuse", "delay"]), {"count": 1}
        if not fault:
            return
        settings: dict[str, Any] = {
            "fail": {"fail": {**count, "type": "INTERNAL_SERVICE_ERROR", "message": "chaos"}},
            "drop": {"drop": {**count, "rows": 1}},
            "refuse": {"refuse": {**count, "code": "ThrottlingException", "message": "chaos", "after_accepting": True}},
            "delay": {"delay": self.random.choice([0, 0.1, 0.5])},
        }[fault]
        control(self.aws, "quicksight/ingestions", **settings)
        self.result.faults[fault] += 1

    def _disarm(self) -> None:
        """Faults that are armed still come; so there are several last tries."""
        control(self.aws, "quicksight/ingestions", hold=False, delay=0)

    def _look(self, *, lose: bool = False, asked: bool = False) -> None:
        """One look, and the refreshes that it finds. lose: their process dies while it waits for the first."""
        try:
            found = spice.plan(self.lake, only=list(_DATASETS) if asked else ())
        except (LakeError, ClientError):
            self.result.faults["look"] += 1
            return
        known = spice.datasets(self.lake)
        for name, look in found.items():
            if look.refresh is None:
                continue
            try:
                if not spice.begin(self.lake, look.refresh):
                    continue
                if lose:
                    self.result.faults["lost"] += 1
                    return
                while spice.is_active(self.lake, look.refresh):
                    time.sleep(_PAUSE)
                spice.finish(self.lake, look.refresh, known[name])
                self.result.kinds[look.refresh.kind] += 1
            except RefreshError:
                self.result.kinds["failed"] += 1
            except (LakeError, ClientError):
                self.result.faults["call"] += 1

    def _differences(self) -> dict[str, str]:
        """By data set, how SPICE's rows differ from the view's; '' where they do not."""
        assert self._deployed
        found = {}
        for name, dataset in spice.datasets(self.lake).items():
            wanted = Counter(tuple(row.values()) for row in athena.query(self.lake, f"SELECT * FROM {dataset.view}"))
            have = Counter(tuple(_text(value) for value in row) for row in self._deployed.rows(name))
            wanted = Counter({tuple(_text(value) for value in row): count for row, count in wanted.items()})
            more, less = (have - wanted).total(), (wanted - have).total()
            found[name] = f"{more} rows too many, {less} missing" if more or less else ""
        return found


def _text(value: Any) -> str:
    text = "" if value is None else str(value)
    try:
        return f"{float(text):.2f}"
    except ValueError:
        return text[:10] if text[4:5] == "-" and text[10:11] in ("T", " ") else text


@contextmanager
def refreshing(aws: LocalAws, lake: Lake, seed: str, folder: Path) -> Iterator[Refresher]:
    """A refresher at work beside the block, with views and dashboards of its own."""
    for name in ("views", "boards"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name, sql in VIEWS.items():
        (folder / "views" / f"{name}.sql").write_text(sql)
    measure = {"aggregation": "sum", "column": "n"}
    visuals = [{"id": n, "title": n, "kind": "figure", "dataset": n, "y": [measure]} for n in _DATASETS]
    board = {"title": "Chaos", "datasets": _DATASETS, "sheets": [{"title": "One", "visuals": visuals}]}
    (folder / "boards" / "chaos.json").write_text(json.dumps(board))
    boards = folder / "boards"
    refresher = Refresher(aws, lake, seed)
    with (
        patch.object(questions, "VIEWS", folder / "views"),
        patch.object(spice, "read_dashboards", lambda: loading.read_dashboards(boards)),
        patch.multiple(refresh_plan, **_TIMES),
    ):
        thread = threading.Thread(target=refresher.run)
        thread.start()
        try:
            yield refresher
        finally:
            refresher._ended.set()
            thread.join()
            refresher._disarm()
