"""Workgroups: the records are ministack's own, so that those CloudFormation creates are seen here.

See https://docs.aws.amazon.com/athena/latest/ug/workgroups-settings.html.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from localaws.athena.errors import InvalidRequest
from localaws.protocol import Request

ENGINE_VERSION = {"SelectedEngineVersion": "AUTO", "EffectiveEngineVersion": "Athena engine version 3"}
PRIMARY = "primary"

_OUTPUT_LOCATION = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(/.*)?")
_UNSUPPORTED = (
    "AdditionalConfiguration",
    "CustomerContentEncryptionConfiguration",
    "EnableMinimumEncryptionConfiguration",
    "EngineConfiguration",
    "ExecutionRole",
    "IdentityCenterConfiguration",
    "ManagedQueryResultsConfiguration",
    "MonitoringConfiguration",
    "QueryResultsS3AccessGrantsConfiguration",
)

Record = dict[str, Any]


@dataclass(frozen=True)
class WorkGroup:
    """A workgroup's settings, whichever way its record was made. ``cutoff`` is in bytes scanned per query."""

    name: str
    state: str
    description: str
    created: float
    enforced: bool
    metrics: bool
    requester_pays: bool
    cutoff: int | None
    result_configuration: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, record: Record) -> WorkGroup:
        """From ministack's record. CloudFormation leaves numbers and booleans as text."""
        configuration = record.get("Configuration") or {}
        cutoff = configuration.get("BytesScannedCutoffPerQuery")
        return cls(
            name=record["Name"],
            state=record.get("State") or "ENABLED",
            description=record.get("Description") or "",
            created=float(record.get("CreationTime") or 0),
            enforced=_boolean(configuration.get("EnforceWorkGroupConfiguration"), record["Name"] != PRIMARY),
            metrics=_boolean(configuration.get("PublishCloudWatchMetricsEnabled"), False),
            requester_pays=_boolean(configuration.get("RequesterPaysEnabled"), False),
            cutoff=None if cutoff in (None, "") else int(cutoff),
            result_configuration=dict(configuration.get("ResultConfiguration") or {}),
        )

    def shown(self) -> dict[str, Any]:
        """As GetWorkGroup replies it."""
        configuration: dict[str, Any] = {
            "ResultConfiguration": self.result_configuration,
            "EnforceWorkGroupConfiguration": self.enforced,
            "PublishCloudWatchMetricsEnabled": self.metrics,
            "RequesterPaysEnabled": self.requester_pays,
            "EngineVersion": ENGINE_VERSION,
        }
        if self.cutoff is not None:
            configuration["BytesScannedCutoffPerQuery"] = self.cutoff
        return {**self.summary(), "Configuration": configuration}

    def summary(self) -> dict[str, Any]:
        """As ListWorkGroups replies it, without the engine version."""
        return {"Name": self.name, "State": self.state, "Description": self.description, "CreationTime": self.created}

    def results(self, client: dict[str, Any] | None) -> dict[str, Any]:
        """The result configuration of a query whose client asked for ``client``.

        Enforced settings replace the client's entirely; otherwise the workgroup only fills in a missing location.
        Raises InvalidRequest when neither has a location.
        """
        chosen = dict(client or {})
        if self.enforced:
            chosen = dict(self.result_configuration)
        elif not chosen.get("OutputLocation"):
            chosen = {**self.result_configuration, **chosen}
        if not chosen.get("OutputLocation"):
            raise InvalidRequest(
                "No output location provided. An output location is required either through the Workgroup result "
                "configuration setting or as an API input."
            )
        check_result_configuration(chosen)
        return chosen


def find(name: str | None) -> WorkGroup:
    """The workgroup, ``primary`` when none is named; raises InvalidRequest when it is missing."""
    return WorkGroup.read(_record(name or PRIMARY))


def every() -> list[WorkGroup]:
    """All workgroups, by name."""
    return sorted((WorkGroup.read(record) for record in _store().values()), key=lambda one: one.name)


def create(request: Request) -> dict[str, Any]:
    """CreateWorkGroup."""
    if request["Name"] in _store():
        raise InvalidRequest("WorkGroup is already created")
    _check(request.get("Configuration") or {})
    _ministack()._create_workgroup(request)
    return {}


def delete(request: Request, holds_queries: bool) -> dict[str, Any]:
    """DeleteWorkGroup; one that ``holds_queries`` only goes with RecursiveDeleteOption."""
    name = _record(request.get("WorkGroup") or "")["Name"]
    if name == PRIMARY:
        raise InvalidRequest("Primary WorkGroup could not be deleted")
    if holds_queries and not request.get("RecursiveDeleteOption"):
        raise InvalidRequest(f"WorkGroup {name} is not empty")
    _ministack()._delete_workgroup(request)
    return {}


def check_result_configuration(configuration: dict[str, Any]) -> None:
    """Raise InvalidRequest unless OutputLocation, when there is one, is a place in S3."""
    location = configuration.get("OutputLocation")
    if location and not _OUTPUT_LOCATION.fullmatch(location):
        raise InvalidRequest(f"outputLocation is not a valid S3 path: {location}")


def _ministack() -> Any:
    from ministack.services import athena

    return athena


def _store() -> Any:
    """ministack's workgroups of the request's account and region, ``primary`` among them."""
    _ministack()._ensure_default_workgroup()
    return _ministack()._workgroups


def _record(name: str) -> Record:
    record: Record | None = _store().get(name)
    if record is None:
        raise InvalidRequest(f"WorkGroup {name} is not found.")
    return record


def _boolean(value: object, default: bool) -> bool:
    return default if value in (None, "") else str(value).lower() == "true"


def _check(configuration: dict[str, Any]) -> None:
    for member in _UNSUPPORTED:
        if configuration.get(member):
            raise InvalidRequest(f"{member} is not supported by the local Athena")
    version = (configuration.get("EngineVersion") or {}).get("SelectedEngineVersion", "AUTO")
    if version not in ENGINE_VERSION.values():
        raise InvalidRequest(f"Engine version {version!r} is not available")
    check_result_configuration(configuration.get("ResultConfiguration") or {})
