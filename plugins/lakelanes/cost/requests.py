"""How many requests each step of the lake makes: the one table of them, with the reason of each.

``docs/what-runs-where.md`` describes it, and ``tests/lakelanes/cost/test_requests.py`` holds it against requests that
are counted on the local AWS. Retries, renewed leases of files that take minutes, and Airflow's own requests are not in
it. DynamoDB's units follow from the sizes of the ledger's items (``lakelanes.cost.units``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

# Requests that AWS bills by the request, and Lambda's part in them. Others, such as Athena's GetQueryExecution, S3's
# DELETE or DynamoDB's Describe..., cost nothing and are not counted.
# https://aws.amazon.com/s3/pricing/, https://aws.amazon.com/glue/pricing/, https://aws.amazon.com/sqs/pricing/
PUTS = ("PutObject", "CopyObject", "ListObjectsV2", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload")
GETS = ("GetObject", "HeadObject")
GLUE = ("GetTable", "GetTables", "UpdateTable", "BatchGetPartition", "BatchCreatePartition", "CreateTable")
SQS = ("SendMessage", "ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "GetQueueUrl")
DYNAMODB = ("GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "TransactWriteItems")
QUERIES, INVOCATIONS = "StartQueryExecution", "Invoke"
BILLED = frozenset((*PUTS, *GETS, *GLUE, *SQS, *DYNAMODB, QUERIES, INVOCATIONS))


@dataclass(frozen=True)
class Step:
    """A step, and what it takes each time.

    requests: by operation. reads: DynamoDB's read units beside those of the items of files, which depend on their
    sizes. writes: likewise of write units. why: what the requests are.
    """

    per: str
    requests: Mapping[str, int]
    why: str
    reads: float = 0
    writes: float = 0


STEPS: Mapping[str, Step] = {
    "owner": Step(
        "task that loads, sweeps, watches or exports",
        {"GetItem": 1, "GetObject": 1},
        "once in a process: whether bucket and ledger are each other's",
        reads=1,
    ),
    "look": Step(
        "look for the files of a partition, or of an entity", {"ListObjectsV2": 1}, "the source prefix's names"
    ),
    "list": Step("1,000 names beyond the first of them", {"ListObjectsV2": 1}, "S3 gives 1,000 keys an answer"),
    "ask": Step(
        "100 files that are looked up",
        {"BatchGetItem": 1},
        "by the look, by each batch, by the run's end; a unit a file",
    ),
    "load": Step(
        "file",
        {"GetObject": 1, "PutObject": 1, "PutItem": 2},
        "the claim before the work, the commit after the object: exactly once needs both",
    ),
    "read_on": Step("4 MB begun of a file after the first", {"GetObject": 1}, "a file is read by ranges"),
    "write_on": Step(
        "6 MB of a table file beyond the first", {"UploadPart": 1}, "a large object is a multipart upload"
    ),
    "rejects": Step("file with rejected rows", {"PutObject": 1}, "the object of its rejected rows"),
    "register": Step(
        "table of an entity (data, rejects), per run that publishes and per sweep",
        {"GetTable": 1, "BatchGetPartition": 1},
        "whether the table is as configured, and which of up to 1,000 partitions are there",
    ),
    "create": Step(
        "100 new partitions of a table", {"GetTable": 1, "BatchCreatePartition": 1}, "how rows are stored; the entries"
    ),
    "validate": Step("500 partitions that changed", {QUERIES: 1}, "Athena counts the rows of a run's partitions"),
    "validate_partition": Step(
        "partition that changed", {"Query": 1}, "the ledger's count of it, by an index: all items of its files"
    ),
    "refresh": Step(
        "count of what changed, per entity: by runs, sweeps and the watch",
        {"BatchGetItem": 1, "Query": 7, "PutItem": 1},
        "the watermark, the seven states of files since then, the watermark again",
        reads=1 + 7 * 0.5,
        writes=1,
    ),
    "count": Step(
        "45 partitions whose counts changed",
        {"BatchGetItem": 1, "TransactWriteItems": 1},
        "the summaries before; a transaction of partition, period and total, at two units an item",
        reads=3,
        writes=6,
    ),
    "count_partition": Step(
        "partition whose files changed", {"Query": 1}, "its files by an index: all items, whichever changed"
    ),
    "views_due": Step("run that publishes", {"GetItem": 1}, "whether views have to be made", reads=1),
    "unregistered": Step(
        "run that finds nothing new", {"BatchGetPartition": 2}, "whether Glue still has the partitions of both tables"
    ),
    "message": Step(
        "message of the low-latency lane",
        {"SendMessage": 1, "ReceiveMessage": 1, "DeleteMessage": 1, INVOCATIONS: 1, "BatchGetItem": 1},
        "S3's notification, Lambda's reading of it (a message by itself, at worst), and the ledger's answer",
        reads=1,
    ),
    "new_partition": Step(
        "partition that is new to the low-latency lane",
        {"BatchGetItem": 1, "PutItem": 2, "BatchCreatePartition": 1},
        "the ledger's note of it, the turn to register it, Glue's entry, the note that it is done",
        reads=1,
        writes=2,
    ),
    "sweep": Step(
        "sweep, per entity",
        {"Query": 7},
        "claims that ran out, failed, deferred, refused and deleted files, those that the other lane loaded",
        reads=3.5,
    ),
    "sweep_lake": Step(
        "sweep",
        {"ListObjectsV2": 1, "GetQueueUrl": 1, "ReceiveMessage": 1, "GetItem": 3, "PutItem": 2},
        "the beginning of the listing, dead letters, the sweep's notes, whether views have to be made",
        reads=3,
        writes=2,
    ),
    "watch": Step(
        "watch, per entity, beside its count",
        {"Query": 3, "BatchGetItem": 2},
        "its last periods twice, its sums, files that were loaded with rejected rows",
        reads=3 + 2,
    ),
    "watch_lake": Step(
        "watch",
        {"Query": 2, "GetItem": 3, "BatchGetItem": 1, "PutItem": 1, "GetTables": 1},
        "open alerts, notes, sums, the tables of the catalogue",
        reads=1 + 3 + 1,
        writes=1,
    ),
    "watch_dataset": Step("watch, per data set in SPICE", {"GetItem": 1}, "when it was refreshed last", reads=1),
    "watch_table": Step(
        "watch, per exported table",
        {"GetItem": 2, "Query": 3, "GetTable": 1, "ListObjectsV2": 1},
        "how far its exports are, and whether the snapshot is whole that the view reads",
        reads=5,
    ),
    "export": Step(
        "window of an exported table",
        {"GetItem": 4, "Query": 6, "PutItem": 6, "GetObject": 8, "HeadObject": 1, "PutObject": 1}
        | {"ListObjectsV2": 2, "GetTable": 6, "BatchGetPartition": 3, "BatchCreatePartition": 1, "UpdateTable": 1},
        "the ledger's states from planned to published, manifests and data files, the partition, the view, and whether "
        "the snapshot is whole that it reads",
        reads=10,
        writes=6,
    ),
    "compact": Step(
        "night of an exported table",
        {"ListObjectsV2": 4, "HeadObject": 1, "PutObject": 1, "GetItem": 1, "Query": 7, "PutItem": 1}
        | {"GetTable": 8, "BatchGetPartition": 1, "BatchCreatePartition": 1, "UpdateTable": 1},
        "the folders are listed, the next snapshot is written, the view is moved",
        reads=8,
        writes=1,
    ),
    "read_table": Step(
        "file of a snapshot, or of a window, that is read", {"GetObject": 1}, "at least one range of it"
    ),
    "stream_batch": Step(
        "batch of a stream", {INVOCATIONS: 1, "PutObject": 1}, "an object for the hour that its records belong to"
    ),
    "question": Step("question of a dashboard", {QUERIES: 1}, "Athena groups and adds up"),
}


def requests_of(times: Mapping[str, float]) -> dict[str, float]:
    """The requests, by operation, of steps that are done so many times."""
    found: dict[str, float] = {}
    for name, count in times.items():
        for operation, number in STEPS[name].requests.items():
            found[operation] = found.get(operation, 0) + number * count
    return {operation: number for operation, number in found.items() if number}


def units_of(times: Mapping[str, float]) -> tuple[float, float]:
    """Read and write units of DynamoDB that such steps take, beside those of files' items."""
    reads = sum(STEPS[name].reads * count for name, count in times.items())
    writes = sum(STEPS[name].writes * count for name, count in times.items())
    return reads, writes


def billed(operations: Iterable[str]) -> dict[str, int]:
    """Counts of those of the operations that AWS bills by the request."""
    return dict(Counter(operation for operation in operations if operation in BILLED))
