"""Named fail points, without hooks in the engine: each of its steps ends in a request to AWS, which botocore announces.

A fault acts before a request is sent, or after AWS has done it and before the engine learns of it.
"""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError

from lakelanes.catalog.glue_tables import REJECTS_FOLDER

# Steps of the engine that end in a request, in their order.
STEPS = ("claim", "get", "read", "adopt", "rejects", "part", "upload", "commit", "register")
POINTS = tuple(f"{when}_{step}" for step in STEPS for when in ("before", "after"))
# raise: the worker meets an error of its own. hang: it stands still past its lease. kill: SIGKILL. lose: the connection
# breaks, and the client sends the request again. silence: it breaks for every try, until the client gives up.
KINDS = ("raise", "hang", "kill", "lose", "silence")
_OUTCOMES = frozenset({"loaded", "rejected", "deleted"})


class InjectedError(Exception):
    """An error that no retry of a client cures."""


@dataclass(frozen=True)
class Fault:
    """One fault: ``kind`` at ``point``, for the file ``key`` (any for None), the first time it comes there."""

    point: str
    kind: str
    key: str | None = None

    def is_at(self, point: str, stem: str) -> bool:
        """Whether it acts at a point, for the file with this stem of its name."""
        return self.point == point and (self.key is None or _stem(self.key) == stem)


@dataclass(frozen=True)
class Noise:
    """How often, of a million requests, one is answered with throttling or a 5xx: not done, or done all the same.

    partial: how often, of a million batches, an answer that succeeds says of a part that it was not done.
    """

    throttled: int = 0
    failed: int = 0
    failed_afterwards: int = 0
    partial: int = 0


QUIET = Noise()
# Operations whose answer can say that a part was not done, and Glue's codes for a partition that it left out.
BATCHES = frozenset({"BatchGetItem", "BatchGetPartition", "BatchCreatePartition"})
_LEFT_OUT = ("ConcurrentModificationException", "InternalServiceException", "OperationTimeoutException")


@dataclass(frozen=True)
class Step:
    """What a request is to the engine: a step, and the file it is about (the name's stem, as it is in target keys)."""

    name: str
    stem: str


StepOf = Callable[[str, str, Any], Step | None]


class Injector:
    """Puts faults into the requests of this process's clients.

    ``step_of`` says which step a request is, by the names of service and operation. ``hang_seconds`` None: a hang lasts
    until the file ``release`` is there. ``log`` gets a line per fault.
    """

    def __init__(self, log: Path, step_of: StepOf, hang_seconds: float | None, release: Path) -> None:
        self._log, self._step_of = log, step_of
        self._hang_seconds, self._release = hang_seconds, release
        self._lock = threading.Lock()
        self._armed: list[Fault] = []
        self._silent: set[tuple[str, str]] = set()
        self._hanging: set[str] = set()
        self._noise, self._random = Noise(), random.Random(0)

    def arm(self, faults: list[Fault], noise: Noise, seed: str) -> None:
        """Takes the place of what was armed before."""
        with self._lock:
            self._armed, self._silent = list(faults), set()
            self._noise, self._random = noise, random.Random(seed)

    def attach(self, client: Any) -> None:
        session = client._endpoint.http_session

        def before_send(request: Any, event_name: str, **_: Any) -> Any:
            return self._act(session, request, event_name)

        client.meta.events.register_first("before-send", before_send)

    def _act(self, session: Any, request: Any, event_name: str) -> Any:
        _, service, operation = event_name.split(".")
        if operation == "UpdateItem" and self._is_hanging(request):
            raise InjectedError("a process that stands still renews no lease")
        step = self._step_of(service, operation, request)
        if step:
            for when in ("before", "after"):
                if fault := self._take(f"{when}_{step.name}", step.stem):
                    return self._inject(fault, step, session, request)
        return self._disturb(session, request, service, operation)

    def _take(self, point: str, stem: str) -> Fault | None:
        with self._lock:
            for fault in self._armed:
                if fault.is_at(point, stem):
                    if fault.kind != "silence":
                        self._armed.remove(fault)
                    return fault
        return None

    def _inject(self, fault: Fault, step: Step, session: Any, request: Any) -> Any:
        response = session.send(request) if fault.point.startswith("after_") else None
        with self._lock:
            known = (fault.point, step.stem) in self._silent
            self._silent.add((fault.point, step.stem))
        if fault.kind != "silence" or not known:
            self._note(asdict(fault))
        if fault.kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if fault.kind == "raise":
            raise InjectedError(f"injected {fault.point}")
        if fault.kind == "hang":
            self._hang(step.stem)
            return response
        raise ConnectionClosedError(endpoint_url=request.url)

    def _hang(self, stem: str) -> None:
        with self._lock:
            self._hanging.add(stem)
        if self._hang_seconds is None:
            while not self._release.exists():
                time.sleep(0.005)
        else:
            time.sleep(self._hang_seconds)
        with self._lock:
            self._hanging.discard(stem)

    def _is_hanging(self, request: Any) -> bool:
        with self._lock:
            if not self._hanging:
                return False
            return _stem(_body(request)["Key"]["source"]["S"]) in self._hanging

    def _disturb(self, session: Any, request: Any, service: str, operation: str) -> Any:
        shares = asdict(self._noise)
        partial = shares.pop("partial")
        with self._lock:
            dice, batch_dice = self._random.randrange(1_000_000), self._random.randrange(1_000_000)
        if operation in BATCHES and batch_dice < partial:
            self._note({"point": f"{service}.{operation}", "kind": "partial", "key": None})
            return partly_done(request, operation, session.send(request), random.Random(batch_dice))
        for kind, share in shares.items():
            if dice < share:
                if kind == "failed_afterwards":
                    session.send(request)
                self._note({"point": f"{service}.{operation}", "kind": kind, "key": None})
                return passing(request, service, kind)
            dice -= share
        return None

    def _note(self, entry: dict[str, Any]) -> None:
        note(self._log, entry)


def note(log: Path, entry: dict[str, Any]) -> None:
    """Appends a fault to the log that ``findings.injected`` counts."""
    # Each line in one write: several processes append, and this one may be gone the next moment.
    line = json.dumps({**entry, "pid": os.getpid(), "time": time.time()}) + "\n"
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def file_step(source_bucket: str, service: str, operation: str, request: Any) -> Step | None:
    """The step of loading a file that a request belongs to; None for requests that are not a step of one file."""
    if service == "dynamodb" and operation == "PutItem":
        item = written_item(request)
        if item["version"] != "current" or "state" not in item:
            return None
        if item["state"] == "claimed":
            name = "claim" if item["claimed_at"] == item["updated_at"] else "adopt"
        elif item["state"] in _OUTCOMES:
            name = "commit"
        else:
            return None
        return Step(name, _stem(item["source"]))
    if service == "glue" and operation == "BatchCreatePartition":
        return Step("register", "")
    if service != "s3":
        return None
    url = urlsplit(request.url)
    bucket, _, key = unquote(url.path).lstrip("/").partition("/")
    if bucket == source_bucket:
        if operation != "GetObject":
            return None
        return Step("get" if _starts_file(request) else "read", _stem(key))
    name = {"PutObject": "upload", "CompleteMultipartUpload": "upload", "UploadPart": "part"}.get(operation)
    if name is None:
        return None
    if key.startswith(f"{REJECTS_FOLDER}/"):
        name = "rejects"
    if name == "part" and parse_qs(url.query)["partNumber"] == ["1"]:
        return None  # a fault in the second leaves an upload that has begun
    return Step(name, _stem(key.rsplit("-", 1)[0]))


def written_item(request: Any) -> dict[str, Any]:
    """The item of a PutItem, without its types."""
    return {name: next(iter(value.values())) for name, value in _body(request)["Item"].items()}


def _starts_file(request: Any) -> bool:
    wanted = request.headers.get("Range", b"bytes=0-")
    return (wanted if isinstance(wanted, bytes) else wanted.encode()).startswith(b"bytes=0-")


def _stem(key: str) -> str:
    return key.rsplit("/", 1)[-1].removesuffix(".csv")


def _body(request: Any) -> Any:
    return json.loads(request.body)


class Raw:
    """A body, as AWSResponse reads it."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def stream(self, **_: Any) -> Any:
        yield self._data


def passing(request: Any, service: str, kind: str) -> AWSResponse:
    """The answer of a service to a request that it throttles (``throttled``), or that meets a fault of its own."""
    throttled = kind == "throttled"
    if service == "s3":
        return refusal(request, service, "SlowDown" if throttled else "InternalError", 503 if throttled else 500)
    slow = "ProvisionedThroughputExceededException" if service == "dynamodb" else "ThrottlingException"
    broken = "InternalServerError" if service == "dynamodb" else "InternalServiceException"
    return refusal(request, service, slow if throttled else broken, 400 if throttled else 500)


def partly_done(request: Any, operation: str, response: Any, dice: random.Random) -> Any:
    """The answer to a batch that was done, as one of which about a half was not; Glue's has a code for each."""
    if response.status_code != HTTPStatus.OK:
        return response
    asked, answer = _body(request), json.loads(response.content)
    if operation == "BatchGetItem":
        [(table, wanted)] = asked["RequestItems"].items()
        found = answer["Responses"].get(table, [])
        # What is read may have a part of the key alone (ProjectionExpression), and keys that share it go together.
        shown = [name for name in wanted["Keys"][0] if all(name in one for one in found)]
        gone = [_only(shown, key) for key in wanted["Keys"] if dice.random() < 0.5]
        left = [key for key in wanted["Keys"] if _only(shown, key) in gone]
        answer["Responses"][table] = [one for one in found if _only(shown, one) not in gone]
        answer["UnprocessedKeys"] = {table: {**wanted, "Keys": left}} if left else {}
    elif operation == "BatchGetPartition":
        left = [key for key in asked["PartitionsToGet"] if dice.random() < 0.5]
        values = [key["Values"] for key in left]
        answer["Partitions"] = [one for one in answer["Partitions"] if one["Values"] not in values]
        answer["UnprocessedKeys"] = left
    else:
        told = {tuple(one["PartitionValues"]) for one in answer.get("Errors", ())}
        answer["Errors"] = answer.get("Errors", []) + [
            {"PartitionValues": one["Values"], "ErrorDetail": {"ErrorCode": dice.choice(_LEFT_OUT)}}
            for one in asked["PartitionInputList"]
            if tuple(one["Values"]) not in told and dice.random() < 0.5
        ]
    # DynamoDB's checksum is of the answer as it was.
    headers = {"Content-Type": response.headers.get("Content-Type", "application/x-amz-json-1.1")}
    return AWSResponse(request.url, HTTPStatus.OK, headers, Raw(json.dumps(answer).encode()))


def _only(names: Sequence[str], item: dict[str, Any]) -> dict[str, Any]:
    return {name: item[name] for name in names}


def refusal(request: Any, service: str, code: str, status: int, **members: Any) -> AWSResponse:
    """The answer of a service to a request that it does not do: a code, and members of the error's own."""
    if request.method == "HEAD":
        return AWSResponse(request.url, status, {}, Raw(b""))
    if service in ("s3", "sns"):
        own = "".join(f"<{name}>{value}</{name}>" for name, value in members.items())
        error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>injected</Message>{own}</Error>"
        body = error if service == "s3" else f"<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>"
        return AWSResponse(request.url, status, {"Content-Type": "application/xml"}, Raw(body.encode()))
    body = json.dumps({"__type": code, "message": "injected", **members})
    # QuickSight's protocol has the code in a header.
    headers = {"Content-Type": "application/x-amz-json-1.0", "x-amzn-errortype": code}
    if service == "sqs":
        headers["x-amzn-query-error"] = f"{code};Sender"
    return AWSResponse(request.url, status, headers, Raw(body.encode()))
