"""The codes of the tables, as the answer to each call of the engine: the state that is left is the right one.

What may pass is tried again, what may not is final at once and says the code; nothing is claimed for good, and once AWS
answers again every row is in its table once. The clients' own tries are left out: they are botocore's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from lakelanes.alerts import incidents
from lakelanes.alerts.messages import Alert, publish
from lakelanes.aws import clients, pauses, storage
from lakelanes.aws.error_codes import CODES, Kind
from lakelanes.aws.failures import PASSING, error_code, is_retryable
from lakelanes.catalog import athena
from lakelanes.catalog.glue_tables import data_table
from lakelanes.catalog.registrar import Registrar
from lakelanes.config.partitions import Partition
from lakelanes.dashboards import refresh_plan, spice
from lakelanes.dashboards.refresh_plan import Refresh
from lakelanes.errors import LakeError, OwnerError, QueryError
from lakelanes.files import dead_letters
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import find_source, list_entity
from lakelanes.files.outcomes import FileOutcome
from lakelanes.files.sweep import find_unloaded
from lakelanes.lake import Lake
from lakelanes.ledger import summaries
from lakelanes.ledger.ownership import MARKER
from tests.faults.codes import always, answering, key_of, kinds_of, tried
from tests.faults.oracle import open_uploads
from tests.faults.points import REJECTS_FOLDER, refusal, written_item
from tests.lakelanes.files.support import HEADER, later, load, rows
from tests.support.lakes import SALES, deploy_lake, put
from tests.support.localaws import LocalAws

_ENTITIES = {
    "sales": {**SALES, "filename_pattern": r"sales_data_(\d{4})_(\d{2})_(\d{2})_.*\.csv"},
    "copies": {
        **SALES,
        "table_name": "copied",
        "filename_pattern": r"copies_(\d{4})_(\d{2})_(\d{2})_.*\.csv",
        "format": "csv",
    },
}
BAD = "t9,c9,bad,2024-03-15\n"


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No tries of the clients' own, and no pauses."""
    monkeypatch.setattr(clients, "_CONFIG", Config(retries={"mode": "standard", "total_max_attempts": 1}))
    monkeypatch.setattr(pauses.time, "sleep", lambda seconds: None)


@pytest.fixture
def lake(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Lake:
    for name, value in local_aws.environment.items():
        monkeypatch.setenv(name, value)
    return deploy_lake(local_aws, _ENTITIES)


# Calls on the way of a file, by which the harness knows them.
CALLS = {
    "get": "s3",
    "rejects": "s3",
    "table": "s3",
    "copy": "s3",
    **dict.fromkeys(("begin copy", "copy part", "finish copy"), "s3"),
    "claim": "dynamodb",
    "commit": "dynamodb",
    "give back": "dynamodb",
}
# Those of a copy, in one request or in parts.
COPIES = {
    "CopyObject": "copy",
    "CreateMultipartUpload": "begin copy",
    "UploadPartCopy": "copy part",
    "CompleteMultipartUpload": "finish copy",
}


def call_of(lake: Lake, operation: str, request: Any) -> str | None:
    """Which call on the way of a file a request is."""
    if operation == "GetObject" and lake.config.resources.source_bucket in request.url:
        return "get"
    if operation in COPIES:
        return COPIES[operation]
    if operation == "PutObject":
        return "rejects" if key_of(request).startswith(f"{REJECTS_FOLDER}/") else "table"
    if operation == "PutItem" and "state" in (item := written_item(request)):
        return {"claimed": "claim", "loaded": "commit", "failed": "give back"}.get(item["state"])
    return None


def expected(call: str, kind: Kind, code: str) -> tuple[str, bool]:
    """The outcome of a file, and whether it is tried again, when a call is answered with a code of this kind."""
    if call == "get" and kind == "missing":
        return "deleted", False
    if call == "commit" and kind == "changed":
        return "claimed_elsewhere", False
    if call in ("rejects", "table", *COPIES.values()) and kind == "missing":
        return "failed", True  # another object than the condition names: begun again, and left when that goes on
    return "failed", kind in PASSING


@pytest.mark.parametrize("call", [name for name in CALLS if name != "give back"])
def test_a_file_whose_load_meets_a_code_is_left_as_the_code_says(
    lake: Lake, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = tried(CALLS[call], call, common=call in ("get", "claim"))
    is_copy = call in COPIES.values()
    entity = "copies" if is_copy else "sales"
    name = "copies_2024_03_15_" if is_copy else "sales_data_2024_03_15_"
    if is_copy and call != "copy":
        # Each is too large for one request, and has one part: the last may be as small as it likes.
        monkeypatch.setattr(storage, "COPY_BYTES", 0)
    by_name = {f"{name}{number:03}": code for number, code in enumerate(sorted(kinds))}
    for stem in by_name:
        put(lake, f"{stem}.csv", HEADER + rows(1) + (BAD if call == "rejects" else ""))

    def choose(operation: str, request: Any) -> str | None:
        if call_of(lake, operation, request) != call:
            return None
        where = written_item(request)["source"] if operation == "PutItem" else key_of(request)
        return next(code for stem, code in by_name.items() if stem in where)

    with answering(lake, CALLS[call], choose) as given:
        outcomes = load_batch(
            lake,
            lake.config.entities[entity],
            list_entity(lake, lake.config.entities[entity]),
            lane="batch",
            run_id="r",
        )
    assert set(given) == set(kinds)
    for outcome in outcomes:
        code = by_name[outcome.source.rsplit("/", 1)[1].removesuffix(".csv")]
        state, retryable = expected(call, kinds[code], code)
        assert (outcome.state, outcome.retryable) == (state, retryable), (code, outcome)
        _check_ledger(lake, call, code, outcome)
        if state == "failed" and not retryable:
            is_archived = kinds[code] == "archived" and (call == "get" or is_copy)
            assert ("is archived" if is_archived else f"({code})") in str(outcome.error)
    assert open_uploads(lake) == 0
    _repaired(lake, entity, len(by_name), rejects=call == "rejects")


@pytest.mark.parametrize("part", [1, 2, 3])
def test_a_copy_of_which_one_part_meets_a_code_leaves_no_part_behind(
    lake: Lake, part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are under way or done by then."""
    monkeypatch.setattr(storage, "COPY_BYTES", 6 << 20)
    monkeypatch.setattr(storage, "COPY_PART_BYTES", 5 << 20)
    line = rows(1)
    put(lake, "copies_2024_03_15_a.csv", HEADER + line * (11 * (1 << 20) // len(line)))

    def choose(operation: str, request: Any) -> str | None:
        return "SlowDown" if operation == "UploadPartCopy" and f"partNumber={part}" in request.url else None

    with answering(lake, "s3", choose) as given:
        [outcome] = load_copies(lake)
    assert given == ["SlowDown"]
    assert (outcome.state, outcome.retryable) == ("failed", True)
    assert open_uploads(lake) == 0
    [outcome] = load_copies(lake)
    assert outcome.state == "loaded" and open_uploads(lake) == 0


def test_a_copy_that_cannot_be_aborted_is_what_its_own_code_says_and_leaves_its_parts_to_the_bucket(lake: Lake) -> None:
    """They are nobody's rows: the template's rule abort-incomplete-uploads removes them after two days."""
    codes = sorted(tried("s3", "abort", common=False))
    for number, _ in enumerate(codes):
        put(lake, f"copies_2024_03_15_{number:03}.csv", HEADER + rows(1))

    def choose(operation: str, request: Any) -> str | None:
        if operation == "UploadPartCopy":
            return "AccessDenied"
        if operation != "AbortMultipartUpload":
            return None
        return next(code for number, code in enumerate(codes) if f"_{number:03}" in key_of(request))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(storage, "COPY_BYTES", 0)
        with answering(lake, "s3", choose) as given:
            outcomes = load_copies(lake)
        assert set(codes) <= set(given)
        assert {(one.state, one.retryable) for one in outcomes} == {("failed", False)}
        assert all("(AccessDenied)" in str(one.error) for one in outcomes)
        assert open_uploads(lake) == len(codes), "each was begun, and its abort was refused"
    _repaired(lake, "copies", len(codes))
    rule = lake.s3.get_bucket_lifecycle_configuration(Bucket=lake.config.resources.analytics_bucket)["Rules"]
    assert {"DaysAfterInitiation": 2} in [one.get("AbortIncompleteMultipartUpload") for one in rule]


def load_copies(lake: Lake) -> list[FileOutcome]:
    copies = lake.config.entities["copies"]
    return load_batch(lake, copies, list_entity(lake, copies), lane="batch", run_id="r")


def _check_ledger(lake: Lake, call: str, code: str, outcome: FileOutcome) -> None:
    """The ledger says what the outcome says; of a file that could not be claimed it knows nothing."""
    entry = lake.ledger.get(outcome.source)
    if call == "claim":
        assert entry is None, code
        return
    assert entry is not None, code
    wanted = "claimed" if outcome.state == "claimed_elsewhere" else outcome.state
    assert (entry.state, entry.retryable) == (wanted, outcome.retryable), code
    assert entry.lease_until == "" or entry.state == "claimed", code


def _repaired(lake: Lake, entity: str, files: int, *, rejects: bool = False) -> None:
    """Once AWS answers again, the sweep loads everything, after the leases are over: each row once."""
    then = later(lake)
    found = find_unloaded(then, full=True).files[entity]
    assert len(found) == files
    assert {outcome.state for outcome in load(then, found, entity)} == {"loaded"}
    table = lake.config.entities[entity].table_name
    assert athena.query(then, f"SELECT count(*) AS n FROM {table}") == [{"n": str(files)}]
    if rejects:
        assert athena.query(then, f"SELECT count(*) AS n FROM {table}_rejects") == [{"n": str(files)}]


def test_a_file_that_cannot_be_given_back_is_free_when_its_lease_is_over(lake: Lake) -> None:
    """Neither the load nor the ledger's note of its failure succeeds."""
    kinds = tried("dynamodb", "commit and give back", common=False)
    codes = {f"sales_data_2024_03_15_{number:03}": code for number, code in enumerate(sorted(kinds))}
    for stem in codes:
        put(lake, f"{stem}.csv", HEADER + rows(1))

    def refuse(operation: str, request: Any) -> str | None:
        if call_of(lake, operation, request) not in ("commit", "give back"):
            return None
        return next(code for stem, code in codes.items() if stem in written_item(request)["source"])

    sales = lake.config.entities["sales"]
    with answering(lake, "dynamodb", refuse):
        outcomes = load_batch(lake, sales, list_entity(lake, sales), lane="batch", run_id="r")
    assert {outcome.state for outcome in outcomes} == {"failed", "claimed_elsewhere"}
    entries = lake.ledger.get_many(outcome.source for outcome in outcomes)
    assert {entry.state for entry in entries.values()} == {"claimed"}
    assert find_unloaded(lake, full=True).files == {}, "the leases are not over"
    _repaired(lake, "sales", len(codes))


def meets(lake: Lake, service: str, operation: str, code: str, call: Any) -> BaseException | None:
    """What a call raises when each request of an operation is answered with a code."""
    with answering(lake, service, always(operation, code)) as given:
        try:
            call()
        except Exception as error:
            return error
        finally:
            assert given, f"{operation} was not asked"
    return None


def codes_of(service: str, call: str, *, common: bool = False) -> Iterator[tuple[str, Kind]]:
    yield from sorted(tried(service, call, common=common).items())


def check(error: BaseException | None, code: str, kind: Kind) -> None:
    """The error that a code became: final or not as its kind is, and with the code in it."""
    assert error is not None, code
    assert is_retryable(error) is (kind in PASSING), (code, error)
    assert code in str(error) or error_code(error) == code


def test_registering_meets_each_code_and_does_it_afterwards(lake: Lake) -> None:
    put(lake, "sales_data_2024_03_15_a.csv", HEADER + rows(1))
    load(lake)
    table = data_table(lake.config.entities["sales"])
    day = Partition.from_path("year=2024/month=03/day=16")
    where = {"DatabaseName": lake.config.resources.glue_database, "TableName": table.name}

    def register() -> None:
        Registrar(lake, "look").register(table, [day])

    for operation in ("GetTable", "BatchGetPartition", "BatchCreatePartition", "UpdatePartition"):
        for code, kind in codes_of("glue", operation, common=operation == "BatchGetPartition"):
            if operation == "GetTable" and kind == "missing":
                continue  # then the table is made
            if operation == "UpdatePartition":
                elsewhere = {"Values": day.values, "StorageDescriptor": {"Location": "s3://elsewhere/"}}
                lake.glue.create_partition(**where, PartitionInput=elsewhere)
            check(meets(lake, "glue", operation, code, register), code, kind)
            register()
            found = lake.glue.get_partition(**where, PartitionValues=day.values)["Partition"]
            assert found["StorageDescriptor"]["Location"] == table.location(lake, day)
            lake.glue.delete_partition(**where, PartitionValues=day.values)


def test_a_code_for_one_partition_of_many_is_what_it_is_for_all(lake: Lake) -> None:
    put(lake, "sales_data_2024_03_15_a.csv", HEADER + rows(1))
    load(lake)
    table = data_table(lake.config.entities["sales"])
    days = [Partition.from_path(f"year=2024/month=03/day={day}") for day in (16, 17)]
    where = {"DatabaseName": lake.config.resources.glue_database, "TableName": table.name}
    for code, kind in codes_of("glue", "one partition"):
        error: BaseException | None = None
        with LeavingOut(lake, days[0], code):
            try:
                Registrar(lake, "look").register(table, days)
            except LakeError as raised:
                error = raised
        if kind != "exists":
            check(error, code, kind)
        Registrar(lake, "look").register(table, days)
        found = lake.glue.get_partitions(**where, Expression="day > '15'")["Partitions"]
        assert [one["Values"][-1] for one in found] == ["16", "17"], code
        for day in days:
            lake.glue.delete_partition(**where, PartitionValues=day.values)


class LeavingOut:
    """Has Glue say of one partition that it was not created, with a code; the others are."""

    def __init__(self, lake: Lake, day: Partition, code: str) -> None:
        self._events, self._day, self._code = lake.glue.meta.events, day, code

    def __enter__(self) -> None:
        self._events.register("provide-client-params.glue.BatchCreatePartition", self._leave_out)
        self._events.register("after-call.glue.BatchCreatePartition", self._say)

    def __exit__(self, *exc: object) -> None:
        self._events.unregister("provide-client-params.glue.BatchCreatePartition", self._leave_out)
        self._events.unregister("after-call.glue.BatchCreatePartition", self._say)

    def _leave_out(self, params: Any, **_: Any) -> None:
        kept = [one for one in params["PartitionInputList"] if one["Values"] != self._day.values]
        params["PartitionInputList"] = kept or params["PartitionInputList"]

    def _say(self, parsed: Any, **_: Any) -> None:
        detail = {"ErrorCode": self._code, "ErrorMessage": "injected"}
        parsed["Errors"] = [{"PartitionValues": self._day.values, "ErrorDetail": detail}]


def test_a_query_meets_each_code_and_is_answered_afterwards(lake: Lake) -> None:
    def ask() -> None:
        assert athena.query(lake, "SELECT 1 AS x") == [{"x": "1"}]

    for operation in ("StartQueryExecution", "GetQueryExecution", "GetQueryResults"):
        for code, kind in codes_of("athena", operation, common=operation == "StartQueryExecution"):
            check(meets(lake, "athena", operation, code, ask), code, kind)
    ask()


@pytest.mark.parametrize("service", ["s3", "glue"])
def test_a_query_that_another_service_fails_is_what_that_services_code_is(lake: Lake, service: str) -> None:
    for code, kind in ((code, row.kind) for row in CODES[service] for code in row.codes if not code.isdigit()):
        reason = f"It failed (Service: {service}; Status Code: 400; Error Code: {code}; Request ID: r)"

        def fail(parsed: Any, reason: str = reason, **_: Any) -> None:
            parsed["QueryExecution"]["Status"] = {"State": "FAILED", "StateChangeReason": reason}

        lake.athena.meta.events.register("after-call.athena.GetQueryExecution", fail)
        with pytest.raises(QueryError) as error:
            athena.execute(lake, "SELECT 1 AS x", attempts=1)
        lake.athena.meta.events.unregister("after-call.athena.GetQueryExecution", fail)
        assert error.value.retryable is (kind in PASSING), code


def test_the_ledger_meets_each_code_and_knows_all_afterwards(lake: Lake) -> None:
    ledger, sales = lake.ledger, lake.config.entities["sales"]
    uri = put(lake, "sales_data_2024_03_15_a.csv", HEADER + rows(1))
    load(lake)
    asked = {
        "BatchGetItem": lambda: ledger.get_many([uri]),
        "GetItem": lambda: ledger.get(uri),
        "Query": lambda: list(ledger.in_state("sales", "loaded")),
    }
    for operation, ask in asked.items():
        for code, kind in codes_of("dynamodb", operation):
            check(meets(lake, "dynamodb", operation, code, ask), code, kind)
    for code, kind in codes_of("dynamodb", "PutItem"):
        check(meets(lake, "dynamodb", "PutItem", code, lambda: ledger.write_note("n", {"a": 1})), code, kind)
    assert summaries.rebuild(ledger, sales) > 0
    assert summaries.differences(ledger, sales) == []


@pytest.mark.parametrize(
    ("service", "operation"),
    [("dynamodb", "GetItem"), ("dynamodb", "DescribeTable"), ("s3", "GetObject"), ("s3", "PutObject")],
)
def test_whose_the_bucket_is_meets_each_code_and_is_known_afterwards(lake: Lake, service: str, operation: str) -> None:
    for code, kind in codes_of(service, operation):
        if operation == "PutObject":
            lake.s3.delete_object(Bucket=lake.config.resources.analytics_bucket, Key=MARKER)
        error = meets(fresh := Lake(lake.config), service, operation, code, fresh.check_owner)
        if (operation, kind) in {("PutObject", "changed"), ("GetObject", "missing")}:
            # As if others were faster, each time.
            assert isinstance(error, OwnerError), code
        else:
            check(error, code, kind)
        Lake(lake.config).check_owner()


REASONS = sorted((code, row.kind) for row in CODES["dynamodb cancellation"] for code in row.codes)


def test_a_cancelled_transaction_is_done_afterwards(lake: Lake) -> None:
    """Of the counts: they are counted again while that may pass, and never half."""
    put(lake, "sales_data_2024_03_15_a.csv", HEADER + rows(1))
    load(lake)
    sales, events = lake.config.entities["sales"], lake.dynamodb.meta.events
    for code, kind in REASONS:

        def cancel(request: Any, code: str = code, **_: Any) -> Any:
            reasons = [{"Code": "None"}, {"Code": code, "Message": "injected"}]
            return refusal(request, "dynamodb", "TransactionCanceledException", 400, CancellationReasons=reasons)

        events.register_first("before-send.dynamodb.TransactWriteItems", cancel)
        with pytest.raises(LakeError if kind in PASSING else ClientError) as error:
            summaries.rebuild(lake.ledger, sales)
        events.unregister("before-send.dynamodb.TransactWriteItems", cancel)
        assert kind in PASSING or not is_retryable(error.value), code
        assert summaries.total(lake.ledger, "sales").counts.rows == 0, "nothing of it was written"
    summaries.rebuild(lake.ledger, sales)
    assert summaries.differences(lake.ledger, sales) == []
    assert summaries.total(lake.ledger, "sales").counts.rows == 1


def test_the_dead_letters_meet_each_code_and_are_there_afterwards(lake: Lake) -> None:
    url = lake.sqs.get_queue_url(QueueName=lake.config.resources.dead_letter_queue)["QueueUrl"]
    lake.sqs.send_message(QueueUrl=url, MessageBody="no notification")
    for operation in ("GetQueueUrl", "ReceiveMessage"):
        for code, kind in codes_of("sqs", operation, common=operation == "ReceiveMessage"):
            error = meets(lake, "sqs", operation, code, lambda: dead_letters.receive(lake))
            if operation == "GetQueueUrl" and kind == "missing":
                assert error is None, "the low-latency lane is not deployed"
            else:
                check(error, code, kind)
    [letter] = dead_letters.receive(lake)
    for code, kind in codes_of("sqs", "DeleteMessageBatch"):
        check(meets(lake, "sqs", "DeleteMessageBatch", code, lambda: dead_letters.delete(lake, [letter])), code, kind)
    dead_letters.delete(lake, [letter])
    assert dead_letters.count(lake) == 0


def test_an_alert_that_meets_a_code_is_sent_afterwards(lake: Lake) -> None:
    codes = sorted(tried("sns", "publish", common=True))
    for code in codes:
        alert = Alert("watch_lake", "watch_lake/1", "sales", f"it failed: {code}", "look at it")
        with answering(lake, "sns", always("Publish", code)) as given:
            assert not incidents.report(lake, f"run/watch_lake/{code}", alert, publish), "nobody was told"
        assert given == [code]
    assert not any(incident.sent for incident in incidents.open_incidents(lake))
    sent: list[Alert] = []
    incidents.catch_up(later(lake), lambda lake, alert: sent.append(alert))
    assert sorted(one.reason for one in sent) == [f"it failed: {code}" for code in codes]


def test_a_refresh_meets_each_code_and_is_noted_only_when_it_has_begun(lake: Lake) -> None:
    refresh = Refresh.from_dict(
        {
            **{"dataset": "sales", "ingestion_id": "i-1", "kind": "FULL_REFRESH", "reason": "asked for"},
            **{"until": datetime.now(UTC).isoformat(), "fingerprint": "f"},
        }
    )
    for code, kind in codes_of("quicksight", "CreateIngestion"):
        refresh_plan.write_note(lake, "sales", {"until": "before"})
        with answering(lake, "quicksight", always("CreateIngestion", code)) as given:
            try:
                begun: Any = spice.begin(lake, refresh)
            except ClientError as error:
                begun = error
        assert given == [code]
        if kind in ("exists", "full"):
            assert begun is (kind == "exists"), code
        else:
            check(begun, code, kind)
        assert ("requested" in refresh_plan.read_note(lake, "sales")) is (kind == "exists"), code


def test_a_look_at_a_file_meets_each_status(lake: Lake) -> None:
    key = "sales_data_2024_03_15_a.csv"
    put(lake, key, HEADER + rows(1))
    for code, kind in sorted(kinds_of("s3", common=False).items()):
        if code.isdigit():
            error = meets(lake, "s3", "HeadObject", code, lambda: find_source(lake, key))
            if kind == "missing":
                assert error is None, "there is no such file"
            else:
                check(error, code, kind)
    assert find_source(lake, key) is not None


def test_a_listing_meets_each_code(lake: Lake) -> None:
    for code, kind in sorted(kinds_of("s3", common=False).items()):
        if code.isdigit():
            continue  # of HEAD
        check(meets(lake, "s3", "ListObjectsV2", code, lambda: find_unloaded(lake, full=True)), code, kind)
    note: Any = json.dumps(lake.ledger.read_note("sweep"))
    assert note == "{}", "a listing that failed counts for none"
