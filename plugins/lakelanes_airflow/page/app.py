"""The routes of the Lake page. Every one needs a login and the right to read DAG runs; see ``access``.

Filters are part of the URL, so that what one sees can be sent to somebody else. A POST ends in a redirect to the page
that it came from, with the id of the run that it started.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from botocore.exceptions import BotoCoreError, ClientError
from fastapi import Depends, FastAPI, Form, HTTPException, Query, Request, Response
from pydantic import Field

from lakelanes.alerts.incidents import open_incidents
from lakelanes.aws.storage import place_of
from lakelanes.config.model import Entity
from lakelanes.errors import LakeError
from lakelanes.files.listing import list_partition
from lakelanes.lake import Lake
from lakelanes.ledger import summaries
from lakelanes.ledger.entries import UNPLACED
from lakelanes.ledger.summaries import FILE_STATES
from lakelanes.overview import files as overview
from lakelanes_airflow.notifications.run_alerts import LOAD_PREFIX
from lakelanes_airflow.page import calendars, dashboards, incidents, tables
from lakelanes_airflow.page import files as file_routes
from lakelanes_airflow.page.access import Reader, User, from_the_page, may_read, may_trigger, reader, require_trigger
from lakelanes_airflow.page.actions import AirflowRefusedError, trigger
from lakelanes_airflow.page.alert_groups import MOST_IN_A_GROUP
from lakelanes_airflow.page.background import BackgroundWork
from lakelanes_airflow.page.costs import cost_of
from lakelanes_airflow.page.entity_facts import facts_of
from lakelanes_airflow.page.files import StateFilter
from lakelanes_airflow.page.periods import standing
from lakelanes_airflow.page.render import HEADERS, HERE, back, page
from lakelanes_airflow.page.visibility import Visibility
from lakelanes_airflow.process_lake import open_lake

_STATIC = {
    **{"lake.css": "text/css", "lake.js": "text/javascript"},
    **{"icon.svg": "image/svg+xml", "icon-dark.svg": "image/svg+xml"},
}
_ROWS = 50
_LATEST = 8
Cursor = Annotated[str, Query(max_length=2100)]


def create_app(background: BackgroundWork | None = None) -> FastAPI:
    """The application. Every route checks the user first, and no other route is added."""
    app = FastAPI(title="Lake", dependencies=[Depends(reader)], docs_url=None, redoc_url=None, openapi_url=None)
    app.state.background = background or BackgroundWork()
    app.state.streams = {}
    app.state.costs = {}
    app.middleware("http")(_with_headers)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(AirflowRefusedError, _refused_by_airflow)
    for kind in (LakeError, ClientError, BotoCoreError):
        app.add_exception_handler(kind, _broken)
    app.get("/")(lake_page)
    incidents.add_routes(app)
    app.get("/entities/{entity}")(entity_page)
    app.get("/entities/{entity}/periods/{period}")(period_page)
    tables.add_routes(app)
    file_routes.add_routes(app)
    dashboards.add_routes(app)
    app.get("/static/{name}")(static)
    app.post("/entities/{entity}/retry", dependencies=[Depends(from_the_page)])(retry_file)
    app.post("/entities/{entity}/reload", dependencies=[Depends(from_the_page)])(reload_period)
    return app


@lru_cache(maxsize=1)
def the_app() -> FastAPI:
    """The application of this process."""
    return create_app()


def lake_page(request: Request, user: Reader) -> Response:
    """Every entity and table that the user may see, and what happened last."""
    lake = open_lake()
    sight = Visibility(request, user, lake.config)
    names = sight.entities()
    _count(request, lake, names)
    seen = incidents.seen(sight, lake, open_incidents(lake))
    statuses = overview.status(lake, names, seen)
    return page(
        request,
        "lake.html",
        statuses=statuses,
        tables=tables.visible(sight, lake, seen),
        alerts=incidents.arranged(sight, lake, seen),
        mutes=incidents.MUTES,
        letters=overview.dead_letters_of(lake, statuses),
        latest=overview.latest_of_all(lake, names, limit=_LATEST, fields=overview.LISTED),
        unmatched=overview.latest_files(lake, "", ["unmatched"], limit=_LATEST, fields=overview.LISTED),
    )


def entity_page(
    request: Request,
    user: Reader,
    entity: str,
    span: Annotated[str, Query(max_length=7)] = "",
    state: StateFilter = "",
    after: Cursor = "",
    partitions_after: Cursor = "",
) -> Response:
    """An entity: freshness, counts by lane, calendar (or partitions, without dates), its latest files."""
    lake, described = _entity(request, user, entity)
    _count(request, lake, [entity])
    [status] = overview.status(lake, [entity])
    states = [state] if state and state != "unmatched" else FILE_STATES
    files = overview.latest_files(lake, entity, states, limit=_ROWS // 2, after=after, fields=overview.LISTED)
    grid: dict[str, Any] = {"span": None, "partitions": [], "more_partitions": ""}
    if described.partition_grain:
        grid |= _calendar(lake, described, span)
    else:
        found = summaries.partition_summaries(lake.ledger, entity, after=partitions_after, limit=_ROWS + 1)
        more = found[_ROWS - 1].version if len(found) > _ROWS else ""
        found = [one for one in found[:_ROWS] if not one.version.startswith(UNPLACED)]
        grid |= {"partitions": found, "more_partitions": more}
    return page(
        request,
        "entity.html",
        status=status,
        entity=described,
        facts=facts_of(described, place_of(files.entries[0].source)[1] if files.entries else ""),
        cost=cost_of(request, lake, described),
        state=state,
        files=files,
        after=after,
        **grid,
    )


def period_page(request: Request, user: Reader, entity: str, period: str, after: Cursor = "") -> Response:
    """A period of an entity: its partitions and their files, and the button that loads it again."""
    lake, described = _entity(request, user, entity)
    if not described.partition_grain or not overview.is_period(described, period):
        raise HTTPException(404, f"{period!r} is not a period of {entity}.")
    whole = summaries.total(lake.ledger, entity)
    cells = overview.calendar(lake, described, period, period, whole)
    if not cells:
        raise HTTPException(404, f"Clocks of {described.timezone} skip {period}, and no file is named for it.")
    [cell] = cells
    _count(request, lake, [entity])
    # Only where nothing is known is the bucket asked, with a request or a few.
    unseen = list_partition(lake, described, period) if described.grain and not cell.counts.files else []
    partitions = overview.period_partitions(lake, described, period)
    path, _, cursor = after.partition("|")
    files: list[tuple[str, overview.FilePage]] = []
    for one in partitions[:20]:
        start = cursor if one.version == path else ""
        files.append((one.version, overview.partition_files(lake, entity, one.version, limit=_ROWS, after=start)))
    return page(
        request,
        "period.html",
        entity=described,
        cell=cell,
        stand=standing(
            described,
            cell,
            whole,
            lake.clock(),
            [entry for _, found in files for entry in found.entries],
            len(unseen),
        ),
        unseen=unseen,
        partitions=partitions,
        files=files,
        may_load=may_trigger(request, user, LOAD_PREFIX + entity),
    )


def static(name: str) -> Response:
    """The stylesheet, the script, and the icons of Airflow's navigation."""
    if name not in _STATIC:
        raise HTTPException(404, "There is no such file.")
    return Response((HERE / "static" / name).read_bytes(), media_type=_STATIC[name])


async def retry_file(
    request: Request,
    user: Reader,
    entity: str,
    uri: Annotated[list[Annotated[str, Field(max_length=1200)]], Form(max_length=MOST_IN_A_GROUP)],
    first_page: Annotated[bool, Form()] = False,
) -> Response:
    """Starts a run of the files' entity that loads them alone, again if all of them are loaded. Leads back to the page
    of the file, or, with ``first_page``, to that."""
    lake, _ = _entity(request, user, entity)
    require_trigger(request, user, LOAD_PREFIX + entity)
    entries = lake.ledger.get_many(uri)
    for one in uri:
        if one not in entries or entries[one].entity != entity:
            raise HTTPException(404, f"The ledger knows no file {one} of {entity}.")
    left = [one for one in uri if entries[one].state != "loaded"]
    run = await trigger(request, LOAD_PREFIX + entity, {"keys": left or uri, "reload": not left})
    where = "/" if first_page else f"/file?{urlencode({'uri': uri[0]})}"
    return back(request, where, f"{LOAD_PREFIX}{entity}", run)


async def reload_period(
    request: Request,
    user: Reader,
    entity: str,
    period: Annotated[str, Form(max_length=13)],
    reload: Annotated[bool, Form()] = False,
) -> Response:
    """Starts a run that loads the files of a period: what is not loaded, or, with ``reload``, everything again."""
    _, described = _entity(request, user, entity)
    require_trigger(request, user, LOAD_PREFIX + entity)
    if described.grain is None or not overview.is_period(described, period):
        raise HTTPException(404, f"{period!r} is not a period that {LOAD_PREFIX}{entity} can load.")
    run = await trigger(request, LOAD_PREFIX + entity, {"partition": period, "reload": reload})
    return back(request, f"/entities/{quote(entity)}/periods/{quote(period)}", f"{LOAD_PREFIX}{entity}", run)


def _calendar(lake: Lake, entity: Entity, wanted: str) -> dict[str, Any]:
    """What the template shows of a span: its blocks, and what of it stands out."""
    whole = summaries.total(lake.ledger, entity.name)
    span = calendars.span_of(entity, wanted, whole, lake.clock())
    cells = overview.calendar(lake, entity, span.first, span.last, whole)
    return {
        "span": span,
        "blocks": calendars.blocks(entity, span, cells),
        "tally": calendars.tally(cells),
        "notable": calendars.notable(cells),
        "heats": calendars.heats(cells) if entity.partition_grain == "hour" else {},
    }


def _entity(request: Request, user: User, name: str) -> tuple[Lake, Entity]:
    lake = open_lake()
    if name not in lake.config.entities or not may_read(request, user, LOAD_PREFIX + name):
        raise HTTPException(404, f"There is no entity {name!r}, or you may not see it.")
    return lake, lake.config.entities[name]


def _count(request: Request, lake: Lake, names: list[str]) -> None:
    for name in names:
        request.app.state.background.request(
            f"counting {name}", lambda name=name: summaries.refresh(lake.ledger, [lake.config.entities[name]])
        )


async def _with_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await call_next(request)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _refused(request: Request, error: Any) -> Response:
    titles = {401: "Log in to Airflow first", 403: "You may not do this", 404: "There is nothing here"}
    title = titles.get(error.status_code, "This cannot be done")
    return page(request, "refused.html", error.status_code, title=title, reason=str(error.detail))


def _refused_by_airflow(request: Request, error: Any) -> Response:
    return page(request, "refused.html", error.status, title="Airflow did not start the run", reason=str(error))


def _broken(request: Request, error: Any) -> Response:
    title = "The lake cannot be read at the moment"
    return page(request, "refused.html", 502, title=title, reason=f"{type(error).__name__}: {error}")
