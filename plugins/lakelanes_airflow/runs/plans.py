"""The plan of a run: its files in batches, and what it answers for; also what is too large for Airflow's database.

An XCom is a row of Airflow's database, and each task that reads it has it sent whole by the API server. So what is
beyond LIMIT is an object in the analytics bucket, and the XComs have where it lies. Each value is a part of the object
that is read alone: lines of JSON, packed as one gzip member. Members one after the other are a gzip file
(https://www.rfc-editor.org/rfc/rfc1952#section-2.2), so ``aws s3 cp … - | zcat`` shows all of them.

The key has a hash of the content: a planning task that is tried again and finds the same writes the same object, and
one that finds something else changes no object that tasks of this run may be reading. Nothing deletes the objects but
the bucket's lifecycle rule, after KEPT_DAYS: a task of a run that is over can be cleared until then, and one that died
at its end can be tried again, as with the XComs.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypedDict, TypeGuard

from lakelanes.aws.storage import get_version
from lakelanes.errors import PlanGoneError, SourceGoneError
from lakelanes.files.batch_plan import Planned, describe_batch, plan_together
from lakelanes.files.publish import Scope
from lakelanes.lake import Lake
from lakelanes.ledger.source_file import SourceFile
from lakelanes_airflow.runs.xcoms import SCOPE

# Bytes of a value in an XCom, as JSON.
LIMIT = 100_000
# No table has a hyphen in its name, so none has this folder.
FOLDER = "run-plans"
# As the rule expire-run-plans of infrastructure/template.yaml has it.
KEPT_DAYS = 14
_LINES = 10_000
_encode = json.JSONEncoder(separators=(",", ":")).encode

Row = Mapping[str, Any]


class Reference(TypedDict):
    """Where a value lies: the key of the object, and the bytes of it."""

    plan: str
    offset: int
    length: int


class Batch(TypedDict):
    """Files that one mapped task loads. files: SourceFiles as dictionaries, each with the name of its entity too; or
    where these lie."""

    label: str
    files: list[dict[str, Any]] | Reference


def keep_plan(lake: Lake, context: Any, found: Mapping[str, Iterable[SourceFile]], scope: Scope) -> list[Batch]:
    """The files, by entity, as batches for mapped tasks, tens at most, of about equal work; SCOPE has the scope then.

    Batches and scope are in the XComs where they have room there together, else in an object.
    """
    batches = plan_together(found, {name: lake.config.entities[name].batch_bytes for name in found})
    several = not scope.entity
    labels = [
        describe_batch([f for _, f in batch], [name for name, _ in batch] if several else ()) for batch in batches
    ]
    room = LIMIT - sum(_size({"label": label, "files": []}) for label in labels)
    values: list[Callable[[], Iterable[Row]]] = [
        lambda: [scope.to_dict()],
        *((lambda batch=batch: map(_row, batch)) for batch in batches),
    ]
    kept, *files = hand_over(lake, context["dag"].dag_id, values, room)
    context["ti"].xcom_push(key=SCOPE, value=kept if is_reference(kept) else kept[0])
    return [Batch(label=label, files=rows) for label, rows in zip(labels, files, strict=True)]


def files_of(lake: Lake, *batches: Batch) -> list[Planned]:
    """The files of batches, each with its entity's name. Raises PlanGoneError."""
    return [
        (row["entity"], SourceFile.from_dict({name: value for name, value in row.items() if name != "entity"}))
        for batch in batches
        for row in taken(lake, batch["files"])
    ]


def scope_of(lake: Lake, value: Any) -> Scope:
    """The scope that the XCom SCOPE has. Raises PlanGoneError."""
    return Scope.from_dict(taken(lake, value)[0] if is_reference(value) else value)


def hand_over(lake: Lake, name: str, values: Sequence[Callable[[], Iterable[Row]]], room: int = LIMIT) -> list[Any]:
    """What XComs are to have of values, each of which is rows, JSON-ready: the rows as lists where all of them together
    take ``room`` bytes at most, else References to the parts of an object below FOLDER/<name>."""
    small = _small(values, room)
    if small is not None:
        return small
    members = [_packed(value()) for value in values]
    body = b"".join(members)
    key = f"{FOLDER}/{name}/{hashlib.sha256(body).hexdigest()[:32]}.jsonl.gz"
    lake.s3.put_object(
        Bucket=lake.config.resources.analytics_bucket, Key=key, Body=body, ContentType="application/gzip"
    )
    references, offset = [], 0
    for member in members:
        references.append(Reference(plan=key, offset=offset, length=len(member)))
        offset += len(member)
    return references


def taken(lake: Lake, value: Any) -> list[Any]:
    """The rows that ``hand_over`` was given, of what it returned for them. A GET request where they are in an object;
    raises PlanGoneError when that is gone."""
    if not is_reference(value):
        return list(value)
    bucket, last = lake.config.resources.analytics_bucket, value["offset"] + value["length"] - 1
    try:
        found = get_version(lake.s3, bucket, value["plan"], Range=f"bytes={value['offset']}-{last}")
    except SourceGoneError:
        raise PlanGoneError(f"s3://{bucket}/{value['plan']}", KEPT_DAYS) from None
    return [json.loads(line) for line in gzip.decompress(found["Body"].read()).splitlines()]


def is_reference(value: Any) -> TypeGuard[Reference]:
    """Whether what an XCom has is where the value lies."""
    return isinstance(value, dict) and value.keys() == Reference.__annotations__.keys()


def first_within(rows: Iterable[Row], room: int) -> list[Any]:
    """The first rows, as many as ``room`` bytes of JSON have."""
    found = []
    for row in rows:
        room -= _size(row)
        if room < 0:
            break
        found.append(row)
    return found


def _small(values: Sequence[Callable[[], Iterable[Row]]], room: int) -> list[list[Row]] | None:
    """The values as lists; None where they have more bytes."""
    lists: list[list[Row]] = []
    for value in values:
        lists.append([])
        for row in value():
            room -= _size(row)
            if room < 0:
                return None
            lists[-1].append(row)
    return lists


def _size(row: Any) -> int:
    """Bytes of a value in a list of an XCom: JSON as Airflow's database has it, all but ASCII escaped."""
    return len(json.dumps(row)) + len(", ")


def _packed(rows: Iterable[Row]) -> bytes:
    """One gzip member, the same for the same rows whenever it is made; lines are packed as they are made."""
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    parts = [packer.compress(line) for line in _lines(rows)]
    return b"".join([*parts, packer.flush()])


def _lines(rows: Iterable[Row]) -> Iterator[bytes]:
    waiting = iter(rows)
    while some := list(islice(waiting, _LINES)):
        yield "".join(f"{_encode(row)}\n" for row in some).encode()


def _row(planned: Planned) -> dict[str, Any]:
    name, file = planned
    return {"entity": name, **file.to_dict()}
