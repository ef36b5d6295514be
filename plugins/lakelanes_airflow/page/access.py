"""Who may see the page and press its buttons, and which requests come from the page itself.

Airflow mounts a plugin's application without a login of its own, so every route asks here: whoever has no valid token
gets 401 or 403, whoever may not read DAG runs gets 403. An entity is seen by those who may read the runs of its
load_<entity>, and loaded by those who may trigger it: the right that Airflow itself asks for. The same goes for a
DynamoDB table and its export_<table>.

A form's POST must come from the page (cross-site request forgery). Airflow's cookie is SameSite=Lax, which keeps other
sites out but not another host of the same site (a.example.com and b.example.com are one site), so the browser's own
word counts: ``Sec-Fetch-Site: same-origin``, which no script can set and every current browser sends, else an
``Origin`` equal to ours. A token in the form would say no more than that and would need a secret and a session to keep
it in. A request with neither is no browser's, and must bring its own Authorization header. (That header alone proves
nothing: an Airflow without a login, ``simple_auth_manager_all_admins``, adds it to every request.)
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import get_user, requires_access_dag
from airflow.sdk.configuration import conf
from fastapi import Depends, HTTPException, Request

User = BaseUser
_reads_runs = requires_access_dag("GET", DagAccessEntity.RUN)


def reader(request: Request, user: Annotated[User, Depends(get_user)]) -> User:
    """The logged-in user; 401 or 403 for anybody who may not read DAG runs."""
    _reads_runs(request, user)
    return user


Reader = Annotated[User, Depends(reader)]


def may_read(request: Request, user: User, dag_id: str) -> bool:
    """Whether the user sees what the DAG fills: an entity, or a table."""
    return _may("GET", request, user, dag_id)


def may_trigger(request: Request, user: User, dag_id: str) -> bool:
    """Whether the user may start runs of the DAG."""
    return _may("POST", request, user, dag_id)


def require_trigger(request: Request, user: User, dag_id: str) -> None:
    """403 for a user who may not start runs of the DAG."""
    if not may_trigger(request, user, dag_id):
        raise HTTPException(403, f"You may not trigger {dag_id}: ask for the right to edit its DAG runs.")


def from_the_page(request: Request) -> None:
    """403 for a POST that another site's page, or another host's of the same site, may have made the browser send."""
    fetch_site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if fetch_site is not None:
        allowed = fetch_site == "same-origin"
    elif origin is not None:
        own = {request.headers.get("host", ""), urlsplit(conf.get("api", "base_url", fallback="")).netloc}
        allowed = urlsplit(origin).netloc in own - {""}
    else:
        allowed = "authorization" in request.headers
    if not allowed:
        raise HTTPException(403, "The request does not come from the Lake page. Open the page and press its button.")


def _may(method: str, request: Request, user: User, dag_id: str) -> bool:
    check = requires_access_dag(method, DagAccessEntity.RUN, dag_id)  # type: ignore[arg-type]
    try:
        check(request, user)
    except HTTPException as error:
        if error.status_code != 403:
            raise
        return False
    return True
