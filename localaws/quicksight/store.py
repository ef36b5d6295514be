"""What an account has in QuickSight, kept apart by account and region, and what every operation on it starts with."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from localaws import protocol
from localaws.access import Caller
from localaws.iam import rights
from localaws.protocol import AwsError, Request
from localaws.quicksight.operations import INVALID

Record = dict[str, Any]

DATA_SOURCE, DATA_SET, ANALYSIS, DASHBOARD, THEME = "datasource", "dataset", "analysis", "dashboard", "theme"
_NAMES = {
    DATA_SOURCE: "DataSource",
    DATA_SET: "DataSet",
    ANALYSIS: "Analysis",
    DASHBOARD: "Dashboard",
    THEME: "Theme",
}
_LARGEST_PAGE = 100


class Scope(NamedTuple):
    """An account and a region."""

    account: str
    region: str


@dataclass(frozen=True)
class Context:
    """A request: where it belongs, when it came (seconds since 1970), and who sent it: None is CloudFormation."""

    scope: Scope
    now: float
    caller: Caller | None = None

    def check_right(self, action: str, resource: str) -> None:
        """Raise AccessDeniedException unless the caller may do something."""
        if self.caller is not None and not rights.allowed(self.caller, action, resource):
            raise AwsError(
                "AccessDeniedException", f"User is not authorized to perform: {action} on resource: {resource}"
            )


@dataclass
class Resource:
    """One data source, data set, analysis, dashboard or theme.

    ``record`` is what Describe shows; ``more`` has what belongs to its kind alone.
    """

    kind: str
    id: str
    arn: str
    scope: Scope
    record: Record
    permissions: list[Record] = field(default_factory=list)
    tags: list[Record] = field(default_factory=list)
    more: dict[str, Any] = field(default_factory=dict)


class Store:
    """All resources. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._resources: dict[tuple[Scope, str], dict[str, Resource]] = {}

    def reset(self) -> None:
        """Forget everything."""
        with self._lock:
            self._resources.clear()

    def kept(self) -> dict[tuple[Scope, str], dict[str, Resource]]:
        """All resources, by scope and kind."""
        return self._resources

    def restore(self, kept: dict[tuple[Scope, str], dict[str, Resource]]) -> None:
        """Take over those of an earlier server."""
        with self._lock:
            self._resources.update(kept)

    def create(self, context: Context, kind: str, identifier: str, request: Request) -> Resource:
        """A new resource with the permissions and tags of the request; raises ResourceExistsException."""
        check_folders(request)
        resource = Resource(kind, identifier, arn(context.scope, kind, identifier), context.scope, {})
        resource.tags = list(request.get("Tags", []))
        with self._lock:
            held = self._of(context.scope, kind)
            if identifier in held:
                message = f"{_NAMES[kind]} {identifier} already exists."
                raise AwsError("ResourceExistsException", message, ResourceType=kind_name(kind))
            held[identifier] = resource
        resource.record.update(Arn=resource.arn, CreatedTime=context.now, LastUpdatedTime=context.now)
        return resource

    def get(self, scope: Scope, kind: str, identifier: str) -> Resource:
        """The resource; raises ResourceNotFoundException."""
        with self._lock:
            found = self._of(scope, kind).get(identifier)
        if found is None:
            message = f"{_NAMES[kind]} {arn(scope, kind, identifier)} is not found"
            raise AwsError("ResourceNotFoundException", message, ResourceType=kind_name(kind))
        return found

    def by_arn(self, scope: Scope, named: str) -> Resource | None:
        """The resource of an ARN, None when there is none."""
        kind, _, identifier = named.rpartition(":")[2].partition("/")
        with self._lock:
            found = self._of(scope, kind).get(identifier) if kind in _NAMES else None
        return found if found is not None and found.arn == named else None

    def remove(self, resource: Resource) -> None:
        """Drop a resource."""
        with self._lock:
            self._of(resource.scope, resource.kind).pop(resource.id, None)

    def every(self, scope: Scope, kind: str) -> list[Resource]:
        """All of a kind, by id."""
        with self._lock:
            return sorted(self._of(scope, kind).values(), key=lambda resource: resource.id)

    def named(self, kind: str, identifier: str) -> list[Resource]:
        """All of an id, in every account and region."""
        with self._lock:
            found = [held.get(identifier) for (_, each), held in self._resources.items() if each == kind]
        return [resource for resource in found if resource is not None]

    def _of(self, scope: Scope, kind: str) -> dict[str, Resource]:
        return self._resources.setdefault((scope, kind), {})


def arn(scope: Scope, kind: str, identifier: str) -> str:
    """A resource's ARN, as the Service Authorization Reference writes it."""
    return f"arn:aws:quicksight:{scope.region}:{scope.account}:{kind}/{identifier}"


def kind_name(kind: str) -> str | None:
    """The kind as ExceptionResourceType has it, which knows no dashboards."""
    return {DATA_SOURCE: "DATA_SOURCE", DATA_SET: "DATA_SET"}.get(kind)


def check_folders(request: Request) -> None:
    """Raise for folders, which the local AWS does not have."""
    if request.get("FolderArns"):
        raise not_supported("FolderArns")


def not_supported(what: str) -> AwsError:
    """The error for what AWS offers and this local AWS does not."""
    return AwsError(INVALID, f"{what} is not supported by the local AWS")


def page(request: Request, items: list[Record], member: str) -> Record:
    """One page of a list, as ``member``, and the token of the next; raises InvalidNextTokenException."""
    try:
        found, following = protocol.page(request, items, _LARGEST_PAGE)
    except ValueError as error:
        text = f"The next token {request['NextToken']} is not valid"
        raise AwsError("InvalidNextTokenException", text) from error
    return {member: found, **following}
