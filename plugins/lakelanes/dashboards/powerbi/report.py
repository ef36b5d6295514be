"""The report as PBIR, a page per sheet (https://learn.microsoft.com/en-us/power-bi/developer/projects/projects-report)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence

from lakelanes.dashboards.model import Dashboard
from lakelanes.dashboards.powerbi import layout
from lakelanes.dashboards.powerbi.filters import Json
from lakelanes.dashboards.powerbi.semantic_model import SemanticModel
from lakelanes.dashboards.powerbi.visuals import SCHEMAS, visual_json

_DEFINITION = f"{SCHEMAS}/definition"
# Of a page's and a visual's name, which are names of folders too.
_LONGEST = 50


def files(model: SemanticModel, dashboards: Iterable[Dashboard]) -> dict[str, Json]:
    """The files of the report's folder ``definition``, by path."""
    sheets = [(dashboard, sheet) for dashboard in dashboards for sheet in dashboard.sheets]
    pages = folder_names([f"{dashboard.name} {sheet.title}" for dashboard, sheet in sheets])
    found: dict[str, Json] = {
        "version.json": {"$schema": f"{_DEFINITION}/versionMetadata/1.0.0/schema.json", "version": "2.0.0"},
        "report.json": _report(),
        "pages/pages.json": {
            "$schema": f"{_DEFINITION}/pagesMetadata/1.1.0/schema.json",
            "pageOrder": pages,
            "activePageName": pages[0],
        },
    }
    for page, (dashboard, sheet) in zip(pages, sheets, strict=True):
        places, height = layout.places([visual.kind for visual in sheet.visuals])
        found[f"pages/{page}/page.json"] = {
            "$schema": f"{_DEFINITION}/page/2.1.0/schema.json",
            "name": page,
            "displayName": f"{dashboard.title}: {sheet.title}",
            "displayOption": "FitToWidth",
            "height": height,
            "width": layout.WIDTH,
        }
        names = folder_names([visual.id for visual in sheet.visuals])
        for order, (name, visual, place) in enumerate(zip(names, sheet.visuals, places, strict=True)):
            made = visual_json(model, dashboard.name, visual, name, place, order)
            found[f"pages/{page}/visuals/{name}/visual.json"] = made
    return found


def folder_names(texts: Sequence[str]) -> list[str]:
    """A name for each text, all different: word characters, 50 at most, told from the text where that can be."""
    found: list[str] = []
    for number, text in enumerate(texts):
        name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
        if not name or len(name) > _LONGEST or name in found:
            digest = hashlib.sha256(f"{text}/{texts[:number].count(text)}".encode()).hexdigest()[:12]
            name = f"{name[:36]}_{digest}"
        found.append(name)
    return found


def _report() -> Json:
    return {
        "$schema": f"{_DEFINITION}/report/3.3.0/schema.json",
        # None of its own: Power BI's default.
        "themeCollection": {},
        "settings": {
            "useStylableVisualContainerHeader": True,
            "defaultDrillFilterOtherVisuals": True,
            "useEnhancedTooltips": True,
            "exportDataMode": "AllowSummarized",
            # Formats say how many digits are shown; 'M' for millions would hide them.
            "defaultDisplayUnitsToNone": True,
        },
    }
