"""The template: the file of the repository, the same each time, and refused for what QuickSight could not show."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from lakelanes.config.loading import DEFAULT_PATH, load_config, parse_config
from lakelanes.dashboards.loading import DASHBOARDS, datasets_of, read_dashboards
from lakelanes.dashboards.quicksight import template as module
from lakelanes.dashboards.quicksight.template import dashboards_template, text
from lakelanes.errors import DashboardError
from scripts import templates
from tests.support.lakes import config_text
from tests.support.localaws import ACCOUNT, REPOSITORY

CONFIG = load_config(DEFAULT_PATH, {"AWS_ACCOUNT_ID": ACCOUNT})
FILE = REPOSITORY / "infrastructure" / "dashboards.yaml"


def changed(folder: Path, name: str, change: Any) -> Path:
    """The dashboards of the repository, one of them changed."""
    copied = folder / "dashboards"
    shutil.copytree(DASHBOARDS, copied)
    raw = json.loads((copied / name).read_text())
    change(raw)
    (copied / name).write_text(json.dumps(raw))
    return copied


@pytest.mark.slow
def test_the_file_of_the_repository_is_what_is_made() -> None:
    made = dashboards_template(CONFIG)
    assert text(made) == FILE.read_text(encoding="utf-8")
    # As those read it who deploy the file.
    assert templates.load(FILE) == made


def test_the_account_is_not_in_it() -> None:
    other = load_config(DEFAULT_PATH, {"AWS_ACCOUNT_ID": "123456789012"})
    assert text(dashboards_template(other)) == FILE.read_text(encoding="utf-8")


def test_it_has_a_data_set_for_each_dataset_and_two_boards_for_each_file() -> None:
    resources = dashboards_template(CONFIG)["Resources"]
    kinds = [one["Type"].rpartition("::")[2] for one in resources.values()]
    dashboards = read_dashboards()
    assert kinds.count("DataSet") == len(datasets_of(dashboards))
    assert kinds.count("Analysis") == kinds.count("Dashboard") == len(dashboards)
    assert (kinds.count("DataSource"), kinds.count("Theme"), kinds.count("Role")) == (1, 1, 1)


def test_every_visual_of_the_files_is_in_it() -> None:
    resources = dashboards_template(CONFIG)["Resources"]
    for dashboard in read_dashboards():
        [sheets] = [
            one["Properties"]["Definition"]["Sheets"]
            for one in resources.values()
            if one["Type"] == "AWS::QuickSight::Dashboard" and one["Properties"]["Name"] == dashboard.title
        ]
        found = [one["VisualId"] for sheet in sheets for visual in sheet["Visuals"] for one in visual.values()]
        assert found == [visual.id for visual in dashboard.visuals]


def test_a_reference_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    def misspell(raw: dict[str, Any]) -> None:
        raw["sheets"][0]["visuals"][0]["y"][0]["column"] = "revenues"

    with pytest.raises(DashboardError, match=r"sales.json: sheets\[0\].visuals\[0\].y\[0\].column: .*did you mean"):
        dashboards_template(CONFIG, changed(tmp_path, "sales.json", misspell))


def test_a_count_of_a_column_that_no_data_set_has_is_refused(tmp_path: Path) -> None:
    views = tmp_path / "views"
    shutil.copytree(module.VIEWS, views)
    (views / "nested.sql").write_text("SELECT status, items FROM orders_current\n")

    def count_it(raw: dict[str, Any]) -> None:
        raw["datasets"]["nested"] = {"view": "nested"}
        raw["sheets"][0]["visuals"].append(
            {
                "id": "nested",
                "title": "Nested",
                "kind": "bar",
                "dataset": "nested",
                "x": {"column": "status"},
                "y": [{"aggregation": "count", "column": "items"}],
            }
        )

    with pytest.raises(DashboardError, match="'items' is of no type that QuickSight has; CAST it in the view"):
        dashboards_template(CONFIG, changed(tmp_path, "orders.json", count_it), views)


def test_a_template_that_cloudformation_does_not_take_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    with pytest.raises(DashboardError, match=r"their template has \d+ bytes, and CloudFormation takes 1000"):
        dashboards_template(CONFIG)


def test_texts_that_look_like_functions_stay_texts() -> None:
    written = text({"Resources": {"A": {"Title": "!Ref 'x'", "Other": {"Ref": "B"}, "Date": "2024-01-01"}}})
    assert "Title: '!Ref ''x'''\n" in written and "Other: !Ref B\n" in written and "Date: '2024-01-01'\n" in written


def test_what_the_configuration_does_not_make_is_left_out() -> None:
    without_orders = parse_config(config_text(json.loads(DEFAULT_PATH.read_text())["entities"]), {})
    resources = dashboards_template(without_orders)["Resources"]
    assert "DashboardSales" in resources and not [name for name in resources if "Order" in name]
    with pytest.raises(DashboardError, match="there is no dashboard of views that this configuration makes"):
        dashboards_template(parse_config(config_text(), {}))
