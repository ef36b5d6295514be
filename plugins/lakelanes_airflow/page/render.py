"""How a page is made of a template, and the headers of every response."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from lakelanes.ledger.summaries import FILE_STATES
from lakelanes_airflow.page import labels

PREFIX = "/lake"
HERE = Path(__file__).parent

# Nothing from elsewhere, nothing inline, no frame but Airflow's own, no form to anywhere else.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'self'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}

_templates = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters |= labels.FILTERS
_templates.globals |= {
    "states": labels.STATES,
    "entity_states": labels.ENTITIES,
    "table_states": labels.TABLES,
    "window_states": labels.WINDOWS,
    "stream_states": labels.STREAMS,
    "file_states": FILE_STATES,
}


def page(request: Request, template: str, status_code: int = 200, **values: Any) -> HTMLResponse:
    """The page of a template, with ``values`` and what all templates use."""
    root = request.scope.get("root_path", "").rstrip("/")
    run = request.query_params.get("run", "")
    started = re.fullmatch(r"([\w.-]{1,250})/([\w.:+~-]{1,250})", run)
    html = _templates.get_template(template).render(
        root=root,
        airflow=root.removesuffix(PREFIX),
        url=request.url.path,
        here=request.url.path.removeprefix(root),
        query=dict(request.query_params),
        started=started.groups() if started else None,
        **values,
    )
    return HTMLResponse(html, status_code)


def back(request: Request, path: str, dag_id: str, run: str) -> Response:
    """The redirect after a POST: to the page it came from, which says that the run was started."""
    return back_with(request, path, run=f"{dag_id}/{run}")


def back_with(request: Request, path: str, **said: str) -> Response:
    """The redirect after a POST, to a page that is told what was done."""
    root = request.scope.get("root_path", "").rstrip("/")
    mark = "&" if "?" in path else "?"
    return RedirectResponse(f"{root}{path}{mark}{urlencode(said)}", status_code=303)
