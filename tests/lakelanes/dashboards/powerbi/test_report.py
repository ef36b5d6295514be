"""The report's files: a page per sheet, whose visuals name only what the model has."""

from __future__ import annotations

import json
import re

import pytest

from lakelanes.dashboards.powerbi.report import files, folder_names
from tests.lakelanes.dashboards.powerbi.made import NASTY, SUM, dashboard, everything, model_of


def test_a_page_per_sheet_in_the_order_of_the_dashboards() -> None:
    dashboards = everything()
    found = files(model_of(*dashboards), dashboards)
    pages = found["pages/pages.json"]
    folders = sorted(path.split("/")[1] for path in found if path.endswith("page.json"))
    assert sorted(pages["pageOrder"]) == folders and pages["activePageName"] == pages["pageOrder"][0]
    titles = [found[f"pages/{name}/page.json"]["displayName"] for name in pages["pageOrder"]]
    assert titles == [f"shop: {NASTY}", f"visits: {NASTY}"]


def test_a_visual_keeps_its_name() -> None:
    made = dashboard({"kind": "line", "id": "by_day", "x": {"column": "day"}, "y": [SUM]})
    [path] = [path for path in files(model_of(made), [made]) if path.endswith("visual.json")]
    assert path.split("/")[-2] == "by_day"


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        (["Sales: days", "sales_weeks"], ["sales_days", "sales_weeks"]),
        (["a", "A", "a!"], ["a", r"a_[0-9a-f]{12}", r"a_[0-9a-f]{12}"]),
        (["\N{GREEK SMALL LETTER BETA}", "..", ""], [r"_[0-9a-f]{12}"] * 3),
        (["x" * 51], ["x" * 36 + "_[0-9a-f]{12}"]),
        (["x" * 50], ["x" * 50]),
        (["a", "a", "a"], ["a", r"a_[0-9a-f]{12}", r"a_[0-9a-f]{12}"]),
    ],
)
def test_folders_have_names_that_windows_and_power_bi_take(texts: list[str], names: list[str]) -> None:
    found = folder_names(texts)
    assert len(set(found)) == len(found) and all(re.fullmatch(r"[a-z0-9_]{1,50}", name) for name in found)
    assert all(re.fullmatch(pattern, name) for pattern, name in zip(names, found, strict=True))
    assert folder_names(texts) == found


def test_every_file_is_json_with_a_schema() -> None:
    dashboards = everything()
    for path, document in files(model_of(*dashboards), dashboards).items():
        assert json.loads(json.dumps(document)) == document, path
        assert document["$schema"].startswith("https://developer.microsoft.com/json-schemas/fabric/item/report/"), path
