"""The routes of DynamoDB tables: how far their exports are, which window is missing and why, and the buttons.

A table is seen by those who may read the runs of its export_<table>, whether its lanes have exports or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, get_args
from urllib.parse import quote

from fastapi import Depends, FastAPI, Form, HTTPException, Query, Request, Response

from lakelanes.alerts.incidents import Incident
from lakelanes.config.model import Table
from lakelanes.lake import Lake
from lakelanes.overview import streams, tables
from lakelanes.overview.streams import StreamStatus
from lakelanes.overview.tables import TableStatus, WindowCell
from lakelanes.tables.ledger import ExportState
from lakelanes.tables.windows import parse_minute
from lakelanes_airflow.notifications.run_alerts import EXPORT_PREFIX
from lakelanes_airflow.page.access import Reader, User, from_the_page, may_read, may_trigger, require_trigger
from lakelanes_airflow.page.actions import trigger
from lakelanes_airflow.page.labels import moment
from lakelanes_airflow.page.render import back, page
from lakelanes_airflow.page.visibility import Visibility
from lakelanes_airflow.page.window_layout import span_of, window_rows
from lakelanes_airflow.process_lake import open_lake

_LISTED = 50
_STATES: tuple[str, ...] = get_args(ExportState)
StateFilter = Literal["", "planned", "exporting", "exported", "converted", "published", "failed", "gap"]


def add_routes(app: FastAPI) -> None:
    """Adds them to the Lake's application, whose own dependencies ask for a login."""
    app.get("/tables/{table}")(table_page)
    app.get("/tables/{table}/exports/{kind}/{start}")(export_page)
    app.post("/tables/{table}/export", dependencies=[Depends(from_the_page)])(export_table)


def visible(sight: Visibility, lake: Lake, opened: Sequence[Incident]) -> list[TableStatus]:
    """The states of the tables that the user may see. ``opened``: the open alerts."""
    return tables.status(lake, sight.tables(), opened)


def table_page(
    request: Request,
    user: Reader,
    table: str,
    until: Annotated[str, Query(max_length=10)] = "",
    state: StateFilter = "",
) -> Response:
    """A table: freshness, windows of some days, gaps with their repair, snapshots, what its stream brought last."""
    lake, described = _table(request, user, table)
    [stand] = tables.status(lake, [table], figures=False)
    span = span_of(described, until, stand, lake.clock())
    cells = tables.windows(lake, described, stand, span.first, span.last)
    known = [cell for cell in reversed(cells) if cell.export]
    shows_stream = "stream" in described.lanes and not span.after
    return page(
        request,
        "table.html",
        stand=stand,
        table=described,
        nothing_due=_nothing_due(stand),
        span=span,
        window_rows=window_rows(described, cells),
        listed=[cell for cell in known if state in ("", cell.state)][:_LISTED],
        counts={name: sum(cell.state == name for cell in known) for name in _STATES},
        unplanned=[cell for cell in cells if cell.state in ("missing", "gap") and cell.export is None],
        state=state,
        snapshots=tables.snapshots(lake, described),
        # Shown beside the latest windows alone, for it is about the last hours.
        shows_stream=shows_stream,
        stream=_stream(request, lake, described, cells) if shows_stream else None,
        may_export=may_trigger(request, user, EXPORT_PREFIX + table),
    )


def export_page(request: Request, user: Reader, table: str, kind: Literal["full", "window"], start: str) -> Response:
    """One export: its state and reason, what it holds, its run."""
    lake, described = _table(request, user, table)
    found = tables.one_export(lake, described, kind, start) if _is_minute(start) else None
    if found is None:
        raise HTTPException(404, f"The ledger knows no such export of {table}: no run has planned it.")
    return page(
        request,
        "export.html",
        export=found,
        table=described,
        may_export=may_trigger(request, user, EXPORT_PREFIX + table),
    )


async def export_table(request: Request, user: Reader, table: str, full: Annotated[bool, Form()] = False) -> Response:
    """Starts a run that exports whatever is due, or, with ``full``, one that starts anew with a full export."""
    _, described = _table(request, user, table)
    if "export" not in described.lanes:
        raise HTTPException(404, f"tables.{table}.lanes has no exports.")
    require_trigger(request, user, EXPORT_PREFIX + table)
    run = await trigger(request, EXPORT_PREFIX + table, {"full": full})
    return back(request, f"/tables/{quote(table)}", EXPORT_PREFIX + table, run)


def _nothing_due(stand: TableStatus) -> str:
    """Why exporting what is due would do nothing; '' where it would do something."""
    if stand.state == "fresh":
        ends = moment(stand.next_end)
        return f"Nothing is due: every window that is over is in the lake. The next one ends at {ends} UTC."
    if stand.state == "loading":
        return "Nothing else is due before the full export is in the lake."
    return "No window can be exported before a new full export." if stand.state == "gap" else ""


def _stream(request: Request, lake: Lake, table: Table, cells: Sequence[WindowCell]) -> StreamStatus | None:
    """What the last listing found of the table's stream; None until this process has one.

    Listing the objects of a busy hour takes longer than all the rest of the page, so it is done in the background.
    """
    seen, key = request.app.state.streams, (lake.config.resources.analytics_bucket, table.name)
    exports = [cell.export for cell in cells if cell.export]

    def refresh() -> None:
        seen[key] = streams.status(lake, table, exports)

    request.app.state.background.request(f"the stream of {table.name}", refresh)
    found: StreamStatus | None = seen.get(key)
    return found


def _table(request: Request, user: User, name: str) -> tuple[Lake, Table]:
    lake = open_lake()
    if name not in lake.config.tables or not may_read(request, user, EXPORT_PREFIX + name):
        raise HTTPException(404, f"There is no table {name!r}, or you may not see it.")
    return lake, lake.config.tables[name]


def _is_minute(text: str) -> bool:
    try:
        parse_minute(text)
    except ValueError:
        return False
    return True
