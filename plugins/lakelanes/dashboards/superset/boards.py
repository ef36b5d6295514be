"""Dashboards: a tab for each sheet, with its charts in the order of reading, in rows of a grid of 12 columns."""

from __future__ import annotations

from collections.abc import Sequence

from lakelanes.dashboards.model import Dashboard, Visual
from lakelanes.dashboards.sheet_rows import sheet_rows
from lakelanes.dashboards.superset.charts import chart_id
from lakelanes.dashboards.superset.datasets import VERSION, Json, object_id

COLUMNS = 12
# In units of 8 pixels.
_HEIGHTS = {"figure": 30, "table": 50, "heat_map": 60}
# Of a bar chart that has a row to itself: it may have many bars.
_ALONE = 64


def board(database: str, dashboard: Dashboard) -> Json:
    """The file of a dashboard. database: Glue's."""
    numbers = {visual.id: number for number, visual in enumerate(dashboard.visuals, 1)}
    return {
        "dashboard_title": dashboard.title,
        "description": dashboard.description,
        "css": "",
        "slug": f"{database}-{dashboard.name}",
        "uuid": object_id(database, "dashboard", dashboard.name),
        "position": _position(database, dashboard, numbers),
        "metadata": {
            "color_scheme": "supersetColors",
            "refresh_frequency": 0,
            "cross_filters_enabled": True,
            "native_filter_configuration": [],
            # What one should know to read a chart stands below its title.
            "expanded_slices": {str(numbers[one.id]): True for one in dashboard.visuals if one.description},
        },
        "published": True,
        "version": VERSION,
    }


def _position(database: str, dashboard: Dashboard, numbers: dict[str, int]) -> Json:
    """Where everything is: parts by their ids. numbers: by which Superset finds charts until it has given its own."""
    found: Json = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": _part("ROOT", "ROOT_ID", [], ["GRID_ID"]),
        "GRID_ID": _part("GRID", "GRID_ID", ["ROOT_ID"], ["TABS-sheets"]),
        "HEADER_ID": _part("HEADER", "HEADER_ID", [], [], {"text": dashboard.title}),
    }
    above = ["ROOT_ID", "GRID_ID", "TABS-sheets"]
    tabs = []
    for at, sheet in enumerate(dashboard.sheets, 1):
        tab, rows = f"TAB-{at}", []
        for number, together in enumerate(sheet_rows(sheet.visuals), 1):
            row = f"ROW-{at}-{number}"
            rows.append(row)
            charts = []
            for visual in together:
                charts.append(f"CHART-{visual.id}")
                meta = {
                    "chartId": numbers[visual.id],
                    "uuid": chart_id(database, dashboard.name, visual),
                    "sliceName": visual.title,
                    "width": COLUMNS // len(together),
                    "height": _height(together),
                }
                found[charts[-1]] = _part("CHART", charts[-1], [*above, tab, row], [], meta)
            found[row] = _part("ROW", row, [*above, tab], charts, {"background": "BACKGROUND_TRANSPARENT"})
        tabs.append(tab)
        found[tab] = _part("TAB", tab, above, rows, {"text": sheet.title, "defaultText": sheet.title})
    found["TABS-sheets"] = _part("TABS", "TABS-sheets", above[:2], tabs, {})
    return found


def _height(together: Sequence[Visual]) -> int:
    if len(together) == 1 and together[0].kind in ("bar", "stacked_bar"):
        return _ALONE
    return max(_HEIGHTS.get(one.kind, 50) for one in together)


def _part(kind: str, name: str, parents: list[str], children: list[str], meta: Json | None = None) -> Json:
    found: Json = {"type": kind, "id": name, "children": children}
    found |= {"parents": parents} if parents else {}
    return found | ({} if meta is None else {"meta": meta})
