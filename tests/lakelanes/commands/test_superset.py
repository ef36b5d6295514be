"""``superset`` writes the repository's dashboards as a bundle for Apache Superset."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from lakelanes.dashboards.loading import read_dashboards
from lakelanes.dashboards.model import Dashboard
from tests.lakelanes.commands.terminal import Terminal

pytestmark = pytest.mark.usefixtures("sample_config")


def test_it_writes_a_bundle_and_says_what_is_in_it(terminal: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "build" / "superset.zip"
    text = terminal.text("superset", str(path))
    visuals = sum(len(dashboard.visuals) for dashboard in read_dashboards())
    assert terminal.code == 0 and f"{visuals} charts, " in text and text.startswith(f"{path}: ")
    counts = terminal.data("superset", str(path))
    names = zipfile.ZipFile(path).namelist()
    for folder in ("dashboards", "charts", "datasets"):
        assert counts[folder] == sum(name.startswith(f"lakelanes/{folder}/") for name in names) > 0


def test_a_place_that_cannot_be_written_to_is_said(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = terminal.text("superset", str(tmp_path / "file" / "bundle.zip"))
    assert terminal.code == 1 and "cannot be written to: " in said and said.count("\n") == 1
    assert "name another file" in terminal.text("superset", str(tmp_path / "file"))
    assert terminal.code == 1


def test_faulty_dashboards_and_none_are_refused(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    visual = {"id": "v", "title": "V", "kind": "bar", "dataset": "s", "x": {"column": "no_column"}}
    raw = {"name": "s", "title": "S", "datasets": {"s": {"view": "revenue_by_day_and_category"}}}
    sheets = [{"title": "S", "visuals": [{**visual, "y": [{"aggregation": "count"}]}]}]
    found = [Dashboard.model_validate({**raw, "sheets": sheets})]
    monkeypatch.setattr("lakelanes.dashboards.configured.read_dashboards", lambda _: found)
    said = terminal.text("superset", str(tmp_path / "bundle.zip"))
    assert "s.json: sheets[0].visuals[0].x.column: " in said and "no_column" in said
    found.clear()
    assert "has no dashboard" in terminal.text("superset", str(tmp_path / "bundle.zip"))
    assert terminal.code == 1 and not (tmp_path / "bundle.zip").exists()
