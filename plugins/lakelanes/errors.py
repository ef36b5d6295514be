"""Every error the engine raises on purpose; ``retryable`` says whether trying again can help."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any


class LakeError(Exception):
    """Base of every error of the engine."""

    retryable = False


class ConfigError(LakeError):
    """The configuration file cannot be used.

    ``faults`` holds one line per fault, each starting with the path of the setting, e.g.
    ``entities.sales.schema[2].type: 'decimal(10;2)' is not a Hive type``.
    """

    def __init__(self, source: str, faults: Sequence[str]) -> None:
        self.source = source
        self.faults = tuple(faults)
        count = "1 fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        super().__init__("\n  ".join([f"{source}: {count} in the configuration", *self.faults]))


class PricesError(LakeError):
    """A price file cannot be used; ``faults``: a line for each, with the path of the price."""

    def __init__(self, source: str, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        count = "1 fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        super().__init__("\n  ".join([f"{source}: {count} in the prices", *self.faults]))


class DashboardError(LakeError):
    """Files of include/dashboards cannot be used; ``faults``: a line for each, with file and path of the setting."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        count = "1 fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        super().__init__("\n  ".join([f"{count} in include/dashboards", *self.faults]))


class RefreshError(LakeError):
    """A data set of QuickSight was not refreshed as it should have been. ``remedy`` is what to do."""

    def __init__(self, dataset: str, reason: str, remedy: str) -> None:
        self.dataset = dataset
        self.reason = reason
        self.remedy = remedy
        super().__init__(f"data set {dataset}: {reason}. {remedy}")


class LibraryError(LakeError):
    """A library lacks what the engine needs of it. ``remedy`` is what to do."""

    def __init__(self, message: str, remedy: str) -> None:
        self.remedy = remedy
        super().__init__(f"{message}: {remedy}")


class SelectionError(LakeError):
    """What a run was asked to load cannot be: a Param is at fault, and the message begins with its name."""

    def __init__(self, param: str, reason: str) -> None:
        self.param = param
        super().__init__(f"Param {param}: {reason}")


class PartitionValueError(LakeError):
    """Values of a file's name, or of a row, that are no partition (e.g. February 31st). ``key``: the one at fault."""

    def __init__(self, message: str, key: str | None = None) -> None:
        self.key = key
        super().__init__(message)


class AmbiguousFileError(LakeError):
    """A key matches the patterns of more than one entity, so the configuration does not say where it belongs."""

    def __init__(self, key: str, entities: Sequence[str]) -> None:
        self.key = key
        self.entities = tuple(entities)
        paths = ", ".join(f"entities.{name}.filename_pattern" for name in entities)
        super().__init__(f"{key!r} matches {len(entities)} entities ({paths}); make the patterns exclude each other")


class SourceGoneError(LakeError):
    """The source object no longer exists."""


class PlanGoneError(LakeError):
    """The object with a run's plan no longer exists. ``uri``: its place; ``days``: for how long plans are kept."""

    def __init__(self, uri: str, days: int) -> None:
        self.uri = uri
        super().__init__(
            f"the run's plan is gone: there is no {uri}, and plans are kept for {days} days; clear the run's first "
            "task with those that follow it, which plans anew: what is loaded stays"
        )


class ArchivedError(LakeError):
    """An object is in an archive: it can be read once somebody has restored it. ``storage_class``: S3's."""

    def __init__(self, uri: str, storage_class: str, command: str) -> None:
        self.uri = uri
        self.storage_class = storage_class
        super().__init__(
            f"{uri} is archived ({storage_class or 'S3 does not say in which class'}) and cannot be read before it is "
            f"restored, which takes hours: {command} - the next sweep after that loads it"
        )


class SourceChangedError(LakeError):
    """The source object was overwritten after it was listed or while it was read."""

    retryable = True


class TargetChangedError(LakeError):
    """The target object is not the one the claim saw: somebody else wrote it since."""

    retryable = True


class LeaseLostError(LakeError):
    """The claim is no longer ours: its lease ran out and somebody else took the file over."""

    retryable = True


class OwnerError(LakeError):
    """The configuration's bucket and ledger are not each other's: one of them is of another lake."""


class LedgerConflictError(LakeError):
    """An item of the ledger could not be written: others changed or removed it since it was read."""

    retryable = True


class ClaimContendedError(LedgerConflictError):
    """A file could not be claimed: others changed its ledger entry each time between reading and writing it."""

    def __init__(self, uri: str, tries: int) -> None:
        self.uri = uri
        super().__init__(f"{uri}: its ledger entry was changed by others {tries} times while it was to be claimed")


class OutOfTimeError(LakeError):
    """The work was called off because its process is about to be stopped."""

    retryable = True


class EventError(LakeError):
    """A message of the queue is no S3 event notification."""


class QueryError(LakeError):
    """Athena failed a statement. Carries the query's id, its state and Athena's own reason."""

    def __init__(self, query_id: str, state: str, reason: str, sql: str, *, retryable: bool = False) -> None:
        self.query_id = query_id
        self.state = state
        self.reason = reason
        self.sql = sql
        self.retryable = retryable
        super().__init__(f"Athena query {query_id} {state}: {reason}\n{sql[:2000]}")


class CatalogError(LakeError):
    """The Glue catalogue holds something that the configuration contradicts."""


class ValidationError(LakeError):
    """What Athena counts in a partition is not what the ledger says was loaded into it."""

    retryable = True


class ViewError(LakeError):
    """A view's SQL cannot be used (syntax, a cycle, two views of one name), or Athena could not make the view; then
    ``retryable`` says whether it may the next time, and ``outcomes`` what became of all views (ViewOutcomes)."""

    def __init__(self, message: str, *, retryable: bool = False, outcomes: Sequence[Any] = ()) -> None:
        self.retryable = retryable
        self.outcomes = outcomes
        super().__init__(message)


class DropError(LakeError):
    """An entity or a table cannot be dropped, or not to the end; says what is in the way."""


class AttributeValueError(LakeError):
    """What should be an item of DynamoDB is none, or not of the configured table: the message says where and why."""


class StreamError(LakeError):
    """A stream that is mapped to the function is of no table of the configuration, or lacks the items' images."""


class ExportDataError(LakeError):
    """An export in S3 is not what its manifests say, or holds a line that is no change of the table.

    ``uri``: the object; ``line``: counted from 1, None where no single line is at fault.
    """

    def __init__(self, uri: str, reason: str, line: int | None = None) -> None:
        self.uri = uri
        self.line = line
        self.reason = reason
        super().__init__(f"{uri}{'' if line is None else f', line {line}'}: {reason}")


class LoadError(LakeError):
    """At least one file of a batch was not loaded; the message names each, with line, column and reason."""


class RetryableLoadError(LoadError):
    """What kept at least one of the files from loading can pass (throttling, a lost connection): a retry loads it."""

    retryable = True


class PermanentLoadError(LoadError):
    """Every file that was not loaded was refused for what it contains: only a corrected file or configuration helps."""


class TableError(LakeError):
    """A DynamoDB table's export or snapshot cannot go on as it is. ``remedy`` is what to do, commands included."""

    def __init__(self, message: str, remedy: str) -> None:
        self.remedy = remedy
        super().__init__(f"{message}. {remedy}")


class GapError(TableError):
    """Changes of a table can no longer be exported in full.

    ``state`` is the gap's name: ``recovery_off``, ``recovery_restarted``, ``out_of_range``, ``table_recreated``,
    ``ledger_restored``, ``snapshot_missing`` or ``table_missing``.
    """

    def __init__(self, state: str, message: str, remedy: str) -> None:
        self.state = state
        super().__init__(f"{state}: {message}", remedy)


class StalledError(TableError):
    """No window of a table was exported for a long time."""


class RecoveryLagError(TableError):
    """Point-in-time recovery does not get as far as it should have long ago."""

    def __init__(self, dynamodb_table: str, note: str, wanted: datetime) -> None:
        super().__init__(
            f"point-in-time recovery of {dynamodb_table} has not reached {wanted:%Y-%m-%dT%H:%MZ} ({note})",
            f"Look at aws dynamodb describe-continuous-backups --table-name {dynamodb_table}, then clear the task",
        )


class ExportFailedError(TableError):
    """DynamoDB failed an export as often as it is tried."""


class PartialAnswerError(LakeError):
    """AWS did a part of a batch alone, and said of the others why not; ``retryable`` if it may do any of them yet."""

    def __init__(self, message: str, *, retryable: bool) -> None:
        self.retryable = retryable
        super().__init__(message)
