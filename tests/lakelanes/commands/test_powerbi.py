"""``powerbi`` writes the repository's dashboards as a Power BI project."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lakelanes.dashboards.loading import read_dashboards
from tests.lakelanes.commands.terminal import Terminal

VISUAL = {
    "id": "v",
    "title": "V",
    "kind": "bar",
    "dataset": "sales",
    "x": {"column": "product_categry"},
    "y": [{"aggregation": "count"}],
}


pytestmark = pytest.mark.usefixtures("sample_config")


def test_it_writes_a_project_and_says_what_is_in_it(terminal: Terminal, tmp_path: Path) -> None:
    folder = tmp_path / "build" / "powerbi"
    text = terminal.text("powerbi", str(folder), "--dsn", "my lake", "--catalogue", "other")
    assert text.startswith(f"{folder / 'analytics_db.pbip'}: ") and " pages, " in text
    assert terminal.code == 0 and (folder / "analytics_db.pbip").is_file()
    parameters = (folder / "analytics_db.SemanticModel" / "definition" / "expressions.tmdl").read_text()
    assert '"my lake" meta' in parameters and '"other" meta' in parameters and '"analytics_db" meta' in parameters
    counts = terminal.data("powerbi", str(folder), "--dsn", "my lake", "--catalogue", "other")
    assert counts["visuals"] == len(list(folder.rglob("visual.json"))) > 0
    assert counts["pages"] == len(list(folder.rglob("page.json"))) > 0


@pytest.mark.slow
def test_what_was_changed_since_is_replaced_on_request_alone(terminal: Terminal, tmp_path: Path) -> None:
    terminal.text("powerbi", str(tmp_path / "folder"))
    changed = next(tmp_path.rglob("page.json"))
    changed.write_text("{}")
    assert "replace them with --replace" in terminal.text("powerbi", str(tmp_path / "folder"))
    assert terminal.code == 1 and changed.read_text() == "{}"
    terminal.text("powerbi", str(tmp_path / "folder"), "--replace")
    assert terminal.code == 0 and changed.read_text() != "{}"


def test_a_place_that_cannot_be_written_to_is_said(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = terminal.text("powerbi", str(tmp_path / "file" / "folder"))
    assert said.startswith(f"{tmp_path / 'file' / 'folder'}: cannot be written to: ") and said.count("\n") == 1
    assert terminal.code == 1


def test_faults_of_dashboards_are_said_as_check_says_them(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dashboards").mkdir()
    raw = {"title": "S", "datasets": {"sales": {"view": "revenue_by_day_and_category"}}}
    path = tmp_path / "dashboards" / "s.json"
    path.write_text(json.dumps({**raw, "sheets": [{"title": "S", "visuals": [VISUAL]}]}))
    monkeypatch.setattr(
        "lakelanes.dashboards.configured.read_dashboards", lambda _: read_dashboards(tmp_path / "dashboards")
    )
    said = terminal.text("check")
    assert "s.json: sheets[0].visuals[0].x.column: " in said and "product_categry" in said
    assert terminal.text("powerbi", str(tmp_path / "folder")) == said
    assert terminal.code == 1 and not (tmp_path / "folder").exists()
    path.unlink()
    assert "has no dashboard" in terminal.text("powerbi", str(tmp_path / "folder"))
    assert terminal.code == 1 and not (tmp_path / "folder").exists()
