"""Ingestions: how rows come from Athena into SPICE.

https://docs.aws.amazon.com/quicksight/latest/APIReference/API_CreateIngestion.html and API_Ingestion.html. An
ingestion waits for the one that runs (API_QueueInfo.html); how many may wait is not documented, and here it is one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from localaws.clock import ServiceClock
from localaws.protocol import AwsError, Request
from localaws.quicksight.loading import Loaded, Loader
from localaws.quicksight.operations import INVALID
from localaws.quicksight.plan import Plan
from localaws.quicksight.reading import ReadingCancelled, ReadingFailed
from localaws.quicksight.spice import Spice, size
from localaws.quicksight.store import Context, Record, Resource, page

logger = logging.getLogger("localaws.quicksight")

INITIALIZED, QUEUED, RUNNING = "INITIALIZED", "QUEUED", "RUNNING"
COMPLETED, FAILED, CANCELLED = "COMPLETED", "FAILED", "CANCELLED"
INITIAL, EDIT, INCREMENTAL, FULL = "INITIAL_INGESTION", "EDIT", "INCREMENTAL_REFRESH", "FULL_REFRESH"

# Of Enterprise edition, by CreateIngestion, in the 24 hours before.
MANUAL_REFRESHES = 32
_DAY_SECONDS = 24 * 3600
_MOST_WAITING = 1
# Those that are held take a thread each.
_ACTIVE = 16
_HOLD_SECONDS = 0.02


@dataclass
class Ingestion:
    """One ingestion; times are seconds since 1970 on QuickSight's clock."""

    id: str
    arn: str
    data_set: Resource
    kind: str
    created: float
    status: str = INITIALIZED
    rows: Record = field(default_factory=dict)
    error: Record = field(default_factory=dict)
    seconds: int | None = None
    bytes: int | None = None
    waits_for: str | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)

    def __getstate__(self) -> Record:
        return {name: value for name, value in vars(self).items() if name != "cancelled"}

    def __setstate__(self, state: Record) -> None:
        # One that is kept is over.
        vars(self).update(state, cancelled=threading.Event())

    @property
    def active(self) -> bool:
        """Whether it is not over yet."""
        return self.status in (INITIALIZED, QUEUED, RUNNING)

    def shown(self) -> Record:
        """It as DescribeIngestion shows it."""
        shown: Record = {
            "Arn": self.arn,
            "IngestionId": self.id,
            "IngestionStatus": self.status,
            "CreatedTime": self.created,
            "RequestSource": "MANUAL",
            "RequestType": self.kind,
            "ErrorInfo": self.error or None,
            "RowInfo": self.rows or None,
            "IngestionTimeInSeconds": self.seconds,
            "IngestionSizeInBytes": self.bytes,
        }
        if self.status == QUEUED and self.waits_for is not None:
            # The names are the wrong way round in the API Reference; these are what its descriptions say.
            shown["QueueInfo"] = {"WaitingOnIngestion": self.id, "QueuedIngestion": self.waits_for}
        return {name: value for name, value in shown.items() if value is not None}


class Ingestions:
    """All ingestions. They run in threads of their own; of a data set, one at a time."""

    def __init__(self, clock: ServiceClock, loader: Loader, spice: Spice, plan: Plan) -> None:
        self._clock = clock
        self._loader = loader
        self._spice = spice
        self._plan = plan
        self._lock = threading.RLock()
        self._threads = ThreadPoolExecutor(_ACTIVE, thread_name_prefix="quicksight-ingestion")
        self._ingestions: dict[str, list[Ingestion]] = defaultdict(list)
        # By ARN of the data set, and kept when that is deleted: whoever makes it anew gains nothing.
        self._manual: dict[str, deque[float]] = defaultdict(deque)

    def reset(self) -> None:
        """Forget all ingestions; those that run change nothing any more."""
        with self._lock:
            every = [each for held in self._ingestions.values() for each in held]
            self._ingestions.clear()
            for each in every:
                self._end(each, CANCELLED)
            self._manual.clear()

    def kept(self) -> Record:
        """All ingestions, and when refreshes were asked for. Those that are not over end here, and say so."""
        with self._lock:
            every = [each for held in self._ingestions.values() for each in held]
            for each in reversed(every):
                self._end(each, FAILED, error=_STOPPED)
            return {"ingestions": dict(self._ingestions), "manual": dict(self._manual)}

    def restore(self, kept: Record) -> None:
        """Take over those of an earlier server."""
        with self._lock:
            self._ingestions.update(kept["ingestions"])
            self._manual.update(kept["manual"])

    def create(self, context: Context, data_set: Resource, request: Request) -> Record:
        """CreateIngestion; raises ResourceExistsException for an id that was used, LimitExceededException above 32."""
        kind, identifier = request.get("IngestionType", FULL), request["IngestionId"]
        check_kind(data_set, kind)
        with self._lock:
            if any(each.id == identifier for each in self._ingestions[data_set.arn]):
                message = f"Ingestion {identifier} of data set {data_set.id} already exists."
                raise AwsError("ResourceExistsException", message, ResourceType="INGESTION")
            made = self._manual[data_set.arn]
            while made and made[0] <= context.now - _DAY_SECONDS:
                made.popleft()
            if len(made) >= MANUAL_REFRESHES:
                message = f"Data set {data_set.id} was refreshed {MANUAL_REFRESHES} times in the last 24 hours"
                raise AwsError("LimitExceededException", message, ResourceType="INGESTION")
            ingestion = self.start(context, data_set, identifier, kind)
            made.append(context.now)
        return {"Arn": ingestion.arn, "IngestionId": identifier, "IngestionStatus": ingestion.status, "Status": 201}

    def start(self, context: Context, data_set: Resource, identifier: str, kind: str) -> Ingestion:
        """Begin one, or let it wait for the one that runs; an edit ends that one instead."""
        arn = f"{data_set.arn}/ingestion/{identifier}"
        ingestion = Ingestion(identifier, arn, data_set, kind, context.now)
        with self._lock:
            held = self._ingestions[data_set.arn]
            active = [each for each in held if each.active]
            if kind == EDIT:
                for each in active:
                    self._end(each, FAILED, error=_SUPERSEDED)
            elif any(each.kind == EDIT for each in active):
                # "Dataset is being edited": the refresh is accepted and fails (errors-spice-ingestion.html).
                held.append(ingestion)
                self._end(ingestion, FAILED, error=_SUPPRESSED)
                return ingestion
            elif len(active) > _MOST_WAITING:
                message = f"An ingestion of data set {data_set.id} waits already; the local AWS lets no second one wait"
                raise AwsError("LimitExceededException", message, ResourceType="INGESTION")
            elif active:
                ingestion.status, ingestion.waits_for = QUEUED, active[0].id
            held.append(ingestion)
            if ingestion.status == INITIALIZED:
                self._threads.submit(self._run, ingestion)
        return ingestion

    def describe(self, data_set: Resource, request: Request) -> Record:
        """DescribeIngestion."""
        return {"Ingestion": self._find(data_set, request["IngestionId"]).shown()}

    def every(self, data_set: Resource, request: Request) -> Record:
        """ListIngestions, the newest first."""
        with self._lock:
            shown = [each.shown() for each in reversed(self._ingestions[data_set.arn])]
        return page(request, shown, "Ingestions")

    def cancel(self, data_set: Resource, request: Request) -> Record:
        """CancelIngestion; raises InvalidParameterValueException for one that is over, which AWS does not document."""
        with self._lock:
            ingestion = self._find(data_set, request["IngestionId"])
            if not ingestion.active:
                raise AwsError(INVALID, f"Ingestion {ingestion.id} is over: {ingestion.status}")
            self._end(ingestion, CANCELLED)
        return {"Arn": ingestion.arn, "IngestionId": ingestion.id}

    def forget(self, data_set: Resource) -> None:
        """Drop those of a data set that is deleted."""
        with self._lock:
            for each in self._ingestions.pop(data_set.arn, []):
                if each.active:
                    self._end(each, FAILED, error={"Type": "DATA_SET_DELETED", "Message": "The data set was deleted"})

    def abandon(self, data_set: Resource) -> None:
        """End those of a data set that is not in SPICE any more."""
        with self._lock:
            for each in self._ingestions[data_set.arn]:
                error = {"Type": "DATA_SET_NOT_SPICE", "Message": "The data set is read directly now"}
                self._end(each, FAILED, error=error)

    def bytes_of(self, data_set: Resource) -> int:
        """What a data set takes in SPICE."""
        copy = self._spice.get(data_set.arn)
        return size(copy.rows) if copy else 0

    def active(self) -> list[str]:
        """The ARNs of those that are not over."""
        with self._lock:
            return sorted(each.arn for held in self._ingestions.values() for each in held if each.active)

    def _find(self, data_set: Resource, identifier: str) -> Ingestion:
        with self._lock:
            found = next((each for each in self._ingestions[data_set.arn] if each.id == identifier), None)
        if found is None:
            message = f"Ingestion {identifier} of data set {data_set.id} is not found"
            raise AwsError("ResourceNotFoundException", message, ResourceType="INGESTION")
        return found

    def _run(self, ingestion: Ingestion) -> None:
        """Carry one out; never raises."""
        began = time.monotonic()
        with self._lock:
            if not ingestion.active:
                return
            ingestion.status = RUNNING
        try:
            wanted = self._plan.take(ingestion.data_set.id)
            self._wait(ingestion, began)
            if wanted.failure is not None:
                raise ReadingFailed(*wanted.failure)
            loaded = self._loader.load(ingestion.data_set, ingestion.kind, wanted.dropped, ingestion.cancelled)
            self._complete(ingestion, loaded, time.monotonic() - began)
        except ReadingCancelled:
            self._end(ingestion, CANCELLED)
        except ReadingFailed as error:
            self._end(ingestion, FAILED, error={"Type": error.kind, "Message": error.message})
        except Exception as error:
            logger.exception("ingestion %s", ingestion.arn)
            self._end(ingestion, FAILED, error={"Type": "INTERNAL_SERVICE_ERROR", "Message": repr(error)})

    def _wait(self, ingestion: Ingestion, began: float) -> None:
        """Until the set delay has passed and nothing is held."""
        while self._plan.held(ingestion.data_set.id) or time.monotonic() - began < self._plan.delay:
            if ingestion.cancelled.wait(_HOLD_SECONDS):
                raise ReadingCancelled

    def _complete(self, ingestion: Ingestion, loaded: Loaded, seconds: float) -> None:
        with self._lock:
            if not ingestion.active:
                return
            copy = loaded.copy(ingestion.id, self._clock.seconds())
            self._spice.swap(ingestion.data_set.arn, copy)
            ingestion.rows = {
                "RowsIngested": loaded.ingested,
                "RowsDropped": loaded.dropped,
                "TotalRowsInDataset": len(copy.rows),
            }
            ingestion.bytes, ingestion.seconds = size(copy.rows), round(seconds)
            self._end(ingestion, COMPLETED)

    def _end(self, ingestion: Ingestion, status: str, error: Record | None = None) -> None:
        """Bring one to its end, and let the next one of its data set begin."""
        with self._lock:
            if not ingestion.active:
                return
            ingestion.status, ingestion.error = status, error or {}
            ingestion.seconds = ingestion.seconds or 0
            ingestion.cancelled.set()
            for each in self._ingestions.get(ingestion.data_set.arn, []):
                if each.status == QUEUED and each.waits_for == ingestion.id:
                    each.waits_for = None
                    self._threads.submit(self._run, each)


_STOPPED = {"Type": "INTERNAL_SERVICE_ERROR", "Message": "The local AWS was stopped"}
_SUPERSEDED = {"Type": "INGESTION_SUPERSEDED", "Message": "A newer ingestion has superseded this one"}
_SUPPRESSED = {"Type": "REFRESH_SUPPRESSED_BY_EDIT", "Message": "The data set was being edited"}


def check_kind(data_set: Resource, kind: str) -> None:
    """Raise InvalidParameterValueException unless a data set can be refreshed in this way."""
    if data_set.record["ImportMode"] != "SPICE":
        raise AwsError(INVALID, f"The dataset {data_set.id} is not a SPICE dataset and cannot be ingested")
    if kind == INCREMENTAL and not data_set.more.get("refresh"):
        raise AwsError(INVALID, f"The dataset {data_set.id} has no refresh properties for an incremental refresh")
