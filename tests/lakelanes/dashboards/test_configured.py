"""The dashboards of include/dashboards for a configuration."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lakelanes.config.loading import DEFAULT_PATH, load_config
from lakelanes.dashboards.configured import NothingMadeError, checked_dashboards, configured_dashboards
from lakelanes.dashboards.loading import read_dashboards
from lakelanes.errors import DashboardError
from tests.support.lakes import SALES, make_config

VISUAL = {"id": "v", "title": "V", "kind": "figure", "dataset": "d", "y": [{"aggregation": "count"}]}


def board(folder: Path, view: str, **changes: object) -> None:
    described = {"title": "B", "datasets": {"d": {"view": view}}}
    sheet = {"title": "S", "visuals": [{**VISUAL, **changes}]}
    (folder / "b.json").write_text(json.dumps({**described, "sheets": [sheet]}))


def test_dashboards_are_held_against_the_views_of_their_folder(tmp_path: Path) -> None:
    (tmp_path / "amounts.sql").write_text("SELECT amount FROM sales_data")
    (tmp_path / "others.sql").write_text("SELECT x FROM what_nothing_makes")
    board(tmp_path, "others")
    [dashboard], found = checked_dashboards(make_config(), tmp_path, tmp_path)
    assert (dashboard.name, list(found.columns), list(found.left_out)) == ("b", ["amounts"], ["others"])
    board(tmp_path, "amounts", y=[{"aggregation": "sum", "column": "amuont"}])
    with pytest.raises(DashboardError, match="amuont"):
        checked_dashboards(make_config(), tmp_path, tmp_path)


def test_what_reads_views_that_nothing_makes_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCOUNT_ID", "000000000000")
    dashboards, _ = configured_dashboards(load_config(DEFAULT_PATH))
    assert [one.name for one in dashboards] == [one.name for one in read_dashboards()]
    with pytest.raises(NothingMadeError, match="has no dashboard of views"):
        configured_dashboards(make_config({"sales": SALES}))
