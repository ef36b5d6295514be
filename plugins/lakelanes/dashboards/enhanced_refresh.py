"""Refreshing a semantic model of Power BI after loads, by its REST API.

An enhanced refresh (https://learn.microsoft.com/en-us/power-bi/connect-data/asynchronous-refresh) is asked for with the
tables that are due, and answered with an id, under which its state is looked up and it can be cancelled. It needs a
workspace with Premium, PPU or Fabric, and an application (service principal) that may write the model. A table with
a refresh policy reads its last days alone where the policy is applied, and everything where it is not
(https://learn.microsoft.com/en-us/power-bi/connect-data/incremental-refresh-overview); a request does one or the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import requests

from lakelanes.dashboards import refresh_plan
from lakelanes.dashboards.model import Dataset
from lakelanes.dashboards.refresh_plan import Refresh
from lakelanes.errors import RefreshError
from lakelanes.ledger.entries import timestamp

if TYPE_CHECKING:
    from lakelanes.lake import Lake

NAME = "Power BI"
API = "https://api.powerbi.com"
AUTHORITY = "https://login.microsoftonline.com"
_SCOPE = "https://analysis.windows.net/powerbi/api/.default"
_KEEPER: refresh_plan.Keeper = "powerbi"
# Under this name the ledger has the request that is under way.
_REQUEST = "request"
# "Unknown" is the API's word for a refresh in progress.
_ACTIVE = frozenset({"Unknown", "NotStarted", "InProgress"})
_TIMEOUT_SECONDS = 60
_IDENTIFIER = re.compile(r"[0-9A-Za-z._-]{1,128}")
_WORDS = {
    401: ("the application could not log in", "Look at client id, secret and tenant of the connection"),
    403: (
        "the application may not refresh the model",
        "Add it to the workspace as a member, and allow service principals in the tenant's settings",
    ),
    404: ("there is no such workspace or model", "Look at workspace and semantic_model of the connection"),
    429: ("too many requests were made", "It is tried again by itself"),
}


class PowerBIError(Exception):
    """The API refused a request. ``status``: HTTP's, ``code``: Power BI's, '' where there is none."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code = status, code
        super().__init__(message or f"HTTP {status}")

    @property
    def is_busy(self) -> bool:
        """Whether another refresh of the model is under way; there can be one at a time."""
        return self.status in (400, 409) and "progress" in f"{self.code} {self}".lower()


@dataclass(frozen=True)
class PowerBI:
    """A semantic model, and the application that refreshes it. Nothing of it is ever written to a log."""

    tenant: str
    client_id: str
    secret: str = field(repr=False)
    workspace: str
    model: str
    api: str = API
    authority: str = AUTHORITY

    def __post_init__(self) -> None:
        for name in ("tenant", "client_id", "workspace", "model"):
            if not _IDENTIFIER.fullmatch(getattr(self, name)):
                raise RefreshError(
                    NAME, f"the connection's {name} is missing or no identifier", "Correct the connection"
                )

    def begin(self, tables: Iterable[str], *, apply_policy: bool) -> str:
        """Asks for a refresh of tables; returns its id. All of them change at once, or none."""
        body = {
            "type": "full",
            "commitMode": "transactional",
            "applyRefreshPolicy": apply_policy,
            "objects": [{"table": table} for table in tables],
        }
        answer = self._call("POST", "refreshes", json=body)
        found = (
            answer.headers.get("x-ms-request-id") or answer.headers.get("Location", "").rstrip("/").rsplit("/", 1)[-1]
        )
        if not found:
            raise PowerBIError(answer.status_code, "", "the answer names no refresh")
        return str(found)

    def state(self, request: str) -> dict[str, Any]:
        """The details of a refresh: status, and messages or an error code where it failed."""
        found: dict[str, Any] = self._call("GET", f"refreshes/{quote(request, safe='')}").json()
        return found

    def is_active(self, request: str) -> bool:
        return self.state(request).get("status") in _ACTIVE

    def cancel(self, request: str) -> None:
        """Ends a refresh; the model keeps the rows that it had."""
        self._call("DELETE", f"refreshes/{quote(request, safe='')}")

    def _call(self, method: str, path: str, **options: Any) -> requests.Response:
        address = f"{self.api}/v1.0/myorg/groups/{self.workspace}/datasets/{self.model}/{path}"
        answer = requests.request(
            method, address, headers={"Authorization": f"Bearer {self._token()}"}, timeout=_TIMEOUT_SECONDS, **options
        )
        if answer.ok:
            return answer
        raise PowerBIError(answer.status_code, *_error_of(answer))

    def _token(self) -> str:
        """https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow"""
        answer = requests.post(
            f"{self.authority}/{self.tenant}/oauth2/v2.0/token",
            data={
                "grant_type": "client_credentials",
                "client_id": self.client_id,
                "client_secret": self.secret,
                "scope": _SCOPE,
            },
            timeout=_TIMEOUT_SECONDS,
        )
        if not answer.ok:
            # Its text may hold what was sent.
            raise PowerBIError(401, "", "no token was given")
        return str(answer.json()["access_token"])


@dataclass(frozen=True)
class Request:
    """A refresh of the model that is due or under way: the tables, and the plan of each. id: '' before it is begun."""

    refreshes: tuple[Refresh, ...]
    apply_policy: bool
    id: str = ""

    @property
    def tables(self) -> list[str]:
        return [one.dataset for one in self.refreshes]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form, for the ledger and a trigger."""
        return {
            "refreshes": [one.to_dict() for one in self.refreshes],
            "apply_policy": self.apply_policy,
            "id": self.id,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Request:
        """What ``to_dict`` made."""
        refreshes = tuple(map(Refresh.from_dict, data["refreshes"]))
        return cls(refreshes, bool(data["apply_policy"]), str(data["id"]))


def plan(
    lake: Lake, datasets: Mapping[str, Dataset], *, asked: bool = False, full: bool = False
) -> tuple[Request | None, dict[str, str]]:
    """The request to make, or that is under way; and why, by data set. Of tables that are to be read whole and others
    the first ones are refreshed first; the next look finds the rest."""
    under_way = refresh_plan.read_note(lake, _REQUEST, _KEEPER)
    if under_way.get("id"):
        request = Request.from_dict(under_way)
        return request, dict.fromkeys(request.tables, f"goes on with {request.id}")
    due: list[Refresh] = []
    notes = {}
    for name, dataset in datasets.items():
        found = refresh_plan.look(lake, name, dataset, used=0, full=full and asked, asked=asked, keeper=_KEEPER)
        notes[name] = found.note
        due += [found.refresh] if found.refresh else []
    whole = tuple(one for one in due if one.kind == "FULL_REFRESH")
    chosen = whole or tuple(due)
    return (Request(chosen, not whole) if chosen else None), notes


def begin(lake: Lake, power_bi: PowerBI, request: Request) -> Request | None:
    """Begins a refresh, or goes on with the one under way; None when another one keeps the model busy."""
    if request.id:
        return request
    try:
        begun = Request(
            request.refreshes,
            request.apply_policy,
            power_bi.begin(request.tables, apply_policy=request.apply_policy),
        )
    except PowerBIError as error:
        if error.is_busy:
            return None
        raise _said(error) from None
    refresh_plan.write_note(lake, _REQUEST, begun.to_dict(), _KEEPER)
    return begun


def finish(lake: Lake, power_bi: PowerBI, request: Request) -> list[str]:
    """Notes what a refresh that has ended brought; returns its tables. Raises RefreshError when it did not complete."""
    try:
        found = power_bi.state(request.id)
    except PowerBIError as error:
        if error.status == 404:
            # It is forgotten, or never was; the next look plans anew.
            refresh_plan.write_note(lake, _REQUEST, {}, _KEEPER)
        raise _said(error) from None
    refresh_plan.write_note(lake, _REQUEST, {}, _KEEPER)
    now = timestamp(lake.clock())
    completed = found.get("status") == "Completed"
    for one in request.refreshes:
        note = {**refresh_plan.read_note(lake, one.dataset, _KEEPER), "refreshed_at": now}
        if completed:
            note |= {"until": one.until, "fingerprint": one.fingerprint}
        refresh_plan.write_note(lake, one.dataset, note, _KEEPER)
    if not completed:
        status = str(found.get("extendedStatus") or found.get("status") or "of unknown state")
        said = "; ".join(filter(None, (*_messages(found), str(found.get("serviceExceptionJson") or ""))))
        remedy = "Look at the model's refresh history in Power BI: its gateway, its credentials, the tables' columns"
        raise RefreshError(NAME, f"the refresh {request.id} is {status}" + (f": {said}" if said else ""), remedy)
    return request.tables


def cancel(power_bi: PowerBI, request: Request) -> None:
    """Ends a refresh that takes too long; one that has ended meanwhile is left as it is."""
    try:
        power_bi.cancel(request.id)
    except PowerBIError as error:
        if error.status not in (400, 404):
            raise _said(error) from None


def _messages(found: Mapping[str, Any]) -> list[str]:
    return [str(one.get("message", "")) for one in found.get("messages") or () if isinstance(one, dict)]


def _error_of(answer: requests.Response) -> tuple[str, str]:
    """Code and message of an error, in either of the API's forms."""
    try:
        error = answer.json().get("error", {})
        return str(error.get("code", "")), str(error.get("message", ""))
    except (ValueError, AttributeError):
        return "", ""


def _said(error: PowerBIError) -> RefreshError:
    words, remedy = _WORDS.get(error.status, ("", "Look at the model in Power BI"))
    reason = ": ".join(filter(None, (words, str(error)))) + (f" ({error.code})" if error.code else "")
    return RefreshError(NAME, reason, remedy)
