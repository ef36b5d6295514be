"""Query executions: their states, and the requests that are repeats of an earlier one."""

from __future__ import annotations

import threading
import time
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from localaws.athena.errors import InvalidRequest
from localaws.athena.workgroups import ENGINE_VERSION

# (account, region)
Scope = tuple[str, str]

QUEUED, RUNNING, SUCCEEDED, FAILED, CANCELLED = "QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"

_MOST_KEPT = 10_000


@dataclass
class Execution:
    """One query. Its state only moves forward, and never away from SUCCEEDED, FAILED or CANCELLED."""

    scope: Scope
    query: str
    statement_type: str
    workgroup: str
    result_configuration: dict[str, Any]
    context: dict[str, str]
    parameters: list[str]
    cutoff: int | None = None
    # What is run: the query, or what EXECUTE stands for.
    sql: str = ""
    # The oldest result, in minutes, that may be taken instead, None for none; and whether one was.
    reuse_minutes: int | None = None
    reused: bool = False
    # The location of all results, and whether CREATE TABLE AS may write elsewhere.
    output: str = ""
    may_say_where: bool = True
    manifest: str | None = None
    substatement_type: str | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    state: str = QUEUED
    reason: str | None = None
    error: dict[str, Any] | None = None
    bytes_scanned: int = 0
    submitted: float = field(default_factory=time.time)
    started: float | None = None
    engine_done: float | None = None
    completed: float | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def start(self) -> bool:
        """Go from QUEUED to RUNNING; False when the query was stopped before."""
        with self._lock:
            if self.state != QUEUED:
                return False
            self.state, self.started = RUNNING, time.time()
            return True

    def engine_finished(self, statement_type: str, substatement_type: str, bytes_scanned: int) -> None:
        """Note what the engine found; the time from here on is the service's."""
        with self._lock:
            self.engine_done = time.time()
            self.statement_type, self.substatement_type = statement_type, substatement_type
            self.bytes_scanned = bytes_scanned

    def finish(self, state: str, reason: str | None = None, error: dict[str, Any] | None = None) -> bool:
        """Go to a final state; False when there was one already."""
        with self._lock:
            if self.state not in (QUEUED, RUNNING):
                return False
            self.state, self.reason, self.error = state, reason, error
            self.completed = time.time()
            return True

    def stop(self) -> None:
        """Cancel the query unless it is over, and tell the engine."""
        self.finish(CANCELLED, "Query cancelled by user")
        self.cancelled.set()

    def shown(self) -> dict[str, Any]:
        """As GetQueryExecution replies it."""
        with self._lock:
            status: dict[str, Any] = {"State": self.state, "SubmissionDateTime": self.submitted}
            if self.reason is not None:
                status["StateChangeReason"] = self.reason
            if self.error is not None:
                status["AthenaError"] = self.error
            if self.completed is not None:
                status["CompletionDateTime"] = self.completed
            shown: dict[str, Any] = {
                "QueryExecutionId": self.id,
                "Query": self.query,
                "StatementType": self.statement_type,
                "ResultConfiguration": self.result_configuration,
                "ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": self._reuse()},
                "QueryExecutionContext": self.context,
                "Status": status,
                "Statistics": self._statistics(),
                "WorkGroup": self.workgroup,
                "EngineVersion": ENGINE_VERSION,
            }
            if self.substatement_type:
                shown["SubstatementType"] = self.substatement_type
            if self.parameters:
                shown["ExecutionParameters"] = self.parameters
            return shown

    def _reuse(self) -> dict[str, Any]:
        if self.reuse_minutes is None:
            return {"Enabled": False}
        return {"Enabled": True, "MaxAgeInMinutes": self.reuse_minutes}

    def gives(self, other: Execution) -> bool:
        """Whether this result may be another's, by
        https://docs.aws.amazon.com/athena/latest/ug/reusing-query-results.html; what the tables hold is not asked.
        """
        asked, own = (
            [e.sql, e.parameters, e.context, e.output, {**e.result_configuration, "OutputLocation": ""}]
            for e in (other, self)
        )
        return (
            self.state == SUCCEEDED
            and self.substatement_type == "SELECT"
            and not self.reused
            and other.reuse_minutes is not None
            and asked == own
            and time.time() - (self.completed or 0) <= other.reuse_minutes * 60
        )

    def _statistics(self) -> dict[str, Any]:
        end = self.completed or time.time()
        started = self.started or end
        engine_done = self.engine_done or end
        written = {"DataManifestLocation": self.manifest} if self.manifest else {}
        return {
            **written,
            "EngineExecutionTimeInMillis": _millis(engine_done - started),
            "DataScannedInBytes": self.bytes_scanned,
            "TotalExecutionTimeInMillis": _millis(end - self.submitted),
            "QueryQueueTimeInMillis": _millis(started - self.submitted),
            "ServiceProcessingTimeInMillis": _millis(end - engine_done),
            "ResultReuseInformation": {"ReusedPreviousResult": self.reused},
        }


class Executions:
    """The newest executions of all accounts and regions."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._every: OrderedDict[str, Execution] = OrderedDict()
        self._tokens: OrderedDict[tuple[Scope, str], tuple[Any, str]] = OrderedDict()

    def repeated(self, scope: Scope, token: str, parameters: Any) -> str | None:
        """The id that an earlier request with this token was given, None when there was none.

        Raises InvalidRequest when that request had other parameters.
        """
        with self._lock:
            known = self._tokens.get((scope, token))
        if known is None:
            return None
        if known[0] != parameters:
            raise InvalidRequest("Idempotent parameters do not match")
        return known[1]

    def add(self, execution: Execution, token: str, parameters: Any) -> str:
        """Keep the execution under its token; returns its id, or that of the one added under this token before."""
        with self._lock:
            known = self._tokens.setdefault((execution.scope, token), (parameters, execution.id))
            if known[1] != execution.id:
                if known[0] != parameters:
                    raise InvalidRequest("Idempotent parameters do not match")
                return known[1]
            self._every[execution.id] = execution
            while len(self._every) > _MOST_KEPT:
                self._every.popitem(last=False)
            while len(self._tokens) > _MOST_KEPT:
                self._tokens.popitem(last=False)
            return execution.id

    def find(self, scope: Scope, identifier: str) -> Execution | None:
        """The execution of this account and region, None when there is none."""
        with self._lock:
            execution = self._every.get(identifier)
        return execution if execution is not None and execution.scope == scope else None

    def of_workgroup(self, scope: Scope, workgroup: str) -> list[Execution]:
        """The workgroup's executions, the newest first."""
        with self._lock:
            every = list(self._every.values())
        return [one for one in reversed(every) if one.scope == scope and one.workgroup == workgroup]

    def giving(self, execution: Execution) -> Execution | None:
        """The newest execution whose result may be taken for this one's, if there is any."""
        found = self.of_workgroup(execution.scope, execution.workgroup)
        return next((one for one in found if one.gives(execution)), None)

    def forget(self, scope: Scope, workgroup: str) -> None:
        """Stop and drop the workgroup's executions."""
        for execution in self.of_workgroup(scope, workgroup):
            execution.stop()
            with self._lock:
                self._every.pop(execution.id, None)

    def clear(self) -> None:
        """Stop and drop all executions."""
        with self._lock:
            every = list(self._every.values())
            self._every.clear()
            self._tokens.clear()
        for execution in every:
            execution.stop()


def _millis(seconds: float) -> int:
    return max(0, round(seconds * 1000))
