"""The dashboards on the page: which there are, and each as charts, figures and tables.

Athena is asked for what somebody looks at, in the background: the visuals of one sheet. Charts are images with an
address of their own, so that the page is there at once, and each is drawn for the light and for the dark theme and for
wide and narrow screens.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import FastAPI, HTTPException, Query, Request, Response

from lakelanes.dashboards import answers, questions, vega
from lakelanes.dashboards.answers import Answer
from lakelanes.dashboards.drawing import Drawing, Figure, drawing, figure
from lakelanes.dashboards.model import Dashboard, Visual
from lakelanes.dashboards.questions import Library, Question
from lakelanes.lake import Lake
from lakelanes_airflow.page import charts
from lakelanes_airflow.page.access import Reader
from lakelanes_airflow.page.render import page
from lakelanes_airflow.page.visibility import Visibility
from lakelanes_airflow.process_lake import open_lake

# Of a table on the page; the chart is of all groups.
ROWS = 200
_DRAWN = ("line", "bar", "stacked_bar", "heat_map")


@dataclass(frozen=True)
class Shown:
    """A visual on the page. answer: None while its view is not there, or when its description has a fault.

    image: the address of its chart below the dashboard's own, without theme and size; '' where nothing is drawn.
    """

    visual: Visual
    view: str
    answer: Answer | None = None
    drawn: Drawing | None = None
    figure: Figure | None = None
    image: str = ""
    fault: str = ""


def add_routes(app: FastAPI) -> None:
    """Adds the dashboards' routes to the page's application."""
    app.get("/dashboards")(dashboards_page)
    app.get("/dashboards/{name}")(dashboard_page)
    app.get("/dashboards/{name}/{visual}.svg")(chart)
    app.get("/dashboards/{name}/{visual}.vl.json")(specification)
    app.get("/views/{name}")(view_page)


def dashboards_page(request: Request, user: Reader) -> Response:
    """The dashboards of which the user may see something, and the views that none of them draws."""
    lake = open_lake()
    library, made = questions.library(lake), questions.made_views(lake)
    sight = Visibility(request, user, lake.config)
    asked = library.all_questions(made)
    known = answers.tables_of(lake, asked)
    seen = {one.id for one in asked if sight.rows_of(known[one.id])}
    # One whose views are all missing is nobody's secret: it says of what it waits.
    shown = [one for one in library.dashboards if _is_shown(library, one, {q.id for q in asked}, seen)]
    undrawn = [name for name in library.undrawn(made) if questions.view_question(name).id in seen]
    faults = library.faults if sight.all() else ()
    return page(
        request,
        "dashboards.html",
        dashboards=shown,
        undrawn=[(name, questions.asks(name)) for name in undrawn],
        faults=faults,
    )


def dashboard_page(
    request: Request, user: Reader, name: str, sheet: Annotated[int, Query(ge=1, le=20)] = 1
) -> Response:
    """A sheet of a dashboard: the last answers to its questions, as far as the user may see their rows."""
    lake = open_lake()
    library = questions.library(lake)
    dashboard = library.dashboard(name)
    if dashboard is None or sheet > len(dashboard.sheets):
        raise HTTPException(404, f"There is no dashboard {name!r} with a sheet {sheet}.")
    sight = Visibility(request, user, lake.config)
    made = set(questions.made_views(lake))
    visuals = dashboard.sheets[sheet - 1].visuals
    of_sheet = {visual.id: questions.visual_question(dashboard, visual) for visual in visuals}
    asked = [one for one in of_sheet.values() if one.id not in library.faulty and one.view in made]
    found = _seen(lake, sight, asked)
    _ask(request, lake, [answer.question for answer in found.values()])
    shown, hidden = [], 0
    for visual in visuals:
        question = of_sheet[visual.id]
        if question.id in found:
            shown.append(_shown(lake, visual, found[question.id]))
        elif question in asked:
            hidden += 1
        else:
            fault = "; ".join(library.faults) if question.id in library.faulty and sight.all() else ""
            shown.append(Shown(visual, question.view, fault=fault))
    if hidden == len(visuals):
        raise HTTPException(403, "You may not see all that this sheet's views read.")
    return page(
        request,
        "dashboard.html",
        dashboard=dashboard,
        sheet=sheet,
        shown=shown,
        hidden=hidden,
        waiting=any(one.answer and not one.answer.asked_at for one in shown),
        max_age=answers.MAX_AGE,
        rows=ROWS,
    )


def chart(
    request: Request,
    user: Reader,
    name: str,
    visual: str,
    theme: vega.Theme = "light",
    size: vega.Size = "wide",
    answer: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """A visual's chart as SVG. With the id of the answer in its address it never changes."""
    drawn, found = _drawn(request, user, name, visual)
    image = charts.svg(vega.spec(drawn, theme=theme, size=size))
    kept = {"Cache-Control": "private, max-age=86400"} if found.query_id == answer else {}
    return Response(image, media_type="image/svg+xml", headers=kept)


def specification(request: Request, user: Reader, name: str, visual: str) -> Response:
    """A visual's chart as Vega-Lite with its data, to take along."""
    drawn, _ = _drawn(request, user, name, visual)
    saved = {"Content-Disposition": f'attachment; filename="{name}-{visual}.vl.json"'}
    text = json.dumps(vega.spec(drawn), indent=2, ensure_ascii=False)
    return Response(text, media_type="application/json", headers=saved)


def view_page(request: Request, user: Reader, name: str) -> Response:
    """The first rows of a view."""
    lake = open_lake()
    sight = Visibility(request, user, lake.config)
    question = questions.view_question(name)
    found = _seen(lake, sight, [question]) if name in questions.made_views(lake) else {}
    if not found:
        raise HTTPException(404, f"There is no view {name!r}, or you may not see all that it reads.")
    _ask(request, lake, [question])
    return page(
        request,
        "view.html",
        view=name,
        asks=questions.asks(name),
        answer=found[question.id],
        max_age=answers.MAX_AGE,
        rows=ROWS,
    )


def _is_shown(library: Library, dashboard: Dashboard, asked: set[str], seen: set[str]) -> bool:
    own = {questions.visual_question(dashboard, visual).id for visual in dashboard.visuals}
    return bool(own & seen) or not own & asked


def _seen(lake: Lake, sight: Visibility, asked: list[Question]) -> dict[str, Answer]:
    """The last answers whose rows the user may see, by question id."""
    # What a view reads may have changed since it was asked, with its rows: both must be the user's to see.
    return {one.question.id: one for one in answers.read(lake, asked) if sight.rows_of(one.tables)}


def _ask(request: Request, lake: Lake, asked: list[Question]) -> None:
    def compute() -> None:
        for question in answers.stale(lake, asked):
            answers.update(lake, question, if_stale=True)

    if asked:
        request.app.state.background.request(f"asking {', '.join(one.id for one in asked)}", compute)


def _shown(lake: Lake, visual: Visual, answer: Answer) -> Shown:
    columns = questions.columns_of(lake.config)[answer.question.view]
    if not answer.rows:
        return Shown(visual, answer.question.view, answer)
    drawn = drawing(visual, columns, answer.rows)
    if visual.kind == "figure":
        return Shown(visual, answer.question.view, answer, drawn, figure(drawn))
    image = f"{visual.id}.svg?{urlencode({'answer': answer.query_id})}" if visual.kind in _DRAWN else ""
    return Shown(visual, answer.question.view, answer, drawn, image=image)


def _drawn(request: Request, user: Any, name: str, visual: str) -> tuple[Drawing, Answer]:
    lake = open_lake()
    library = questions.library(lake)
    dashboard = library.dashboard(name)
    found = [one for one in library.questions(dashboard) if one.visual and one.visual.id == visual] if dashboard else []
    answer = next(iter(_seen(lake, Visibility(request, user, lake.config), found).values()), None)
    if answer is None or not answer.rows or found[0].visual is None or found[0].visual.kind not in _DRAWN:
        raise HTTPException(404, f"There is no chart {visual!r} to see in {name!r}.")
    return drawing(found[0].visual, questions.columns_of(lake.config)[found[0].view], answer.rows), answer
