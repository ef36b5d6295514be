"""The policy of the template: enough for the engine's whole way, and nothing beyond its own resources."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lakelanes import watch
from lakelanes.alerts import incidents, messages
from lakelanes.catalog import athena, views
from lakelanes.catalog import partitions as glue_partitions
from lakelanes.catalog.glue_tables import data_table
from lakelanes.catalog.registrar import Registrar
from lakelanes.config.loading import parse_config
from lakelanes.dashboards import questions, spice
from lakelanes.dashboards.model import Dataset
from lakelanes.dashboards.refresh_plan import Refresh
from lakelanes.files import dead_letters
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_entity
from lakelanes.files.matching import partition_for
from lakelanes.files.partitioned_objects import partitions_of_rows
from lakelanes.files.pending import pending
from lakelanes.files.validation import validate
from lakelanes.lake import Lake
from scripts.deploy import Deployment
from tests.infrastructure.conftest import SETTINGS, Worker
from tests.support.localaws import REGION, LocalAws
from tests.support.spice import Spice
from tests.support.waiting import wait_for

SOURCE = "id,price\na,1.00\nb,2.50\nc,not a price\n"


def test_every_statement_names_its_resources(local_aws: LocalAws, deployment: Deployment) -> None:
    iam, arn = local_aws.client("iam"), deployment.outputs["WorkerPolicyArn"]
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    document = json.loads(document) if isinstance(document, str) else document
    for statement in document["Statement"]:
        for action in _list(statement["Action"]):
            assert "*" not in action, statement["Sid"]
        if statement["Sid"] == "CountRefreshes":
            # The action knows no resource (test_service_definitions holds it to that).
            assert _list(statement["Resource"]) == ["*"]
            continue
        for resource in _list(statement["Resource"]):
            assert resource.startswith("arn:aws:"), statement["Sid"]
            name = resource.split(":", 5)[5]
            assert name in ("catalog", "database/default") or "tickets" in name, statement["Sid"]


@pytest.mark.parametrize(
    ("service", "call"),
    [
        ("s3", lambda s3: s3.put_object(Bucket="tickets-landing", Key="k", Body=b"")),
        ("s3", lambda s3: s3.delete_object(Bucket="tickets-landing", Key="k")),
        ("s3", lambda s3: s3.list_buckets()),
        ("s3", lambda s3: s3.list_objects_v2(Bucket="somebody-elses")),
        ("s3", lambda s3: s3.delete_bucket(Bucket="tickets-lake")),
        ("dynamodb", lambda dynamodb: dynamodb.delete_table(TableName="tickets_ledger")),
        ("dynamodb", lambda dynamodb: dynamodb.get_item(TableName="other", Key={"source": {"S": "k"}})),
        ("glue", lambda glue: glue.get_tables(DatabaseName="other_db")),
        ("glue", lambda glue: glue.delete_database(Name="tickets_db")),
        ("athena", lambda athena: athena.start_query_execution(QueryString="SELECT 1", WorkGroup="primary")),
        ("athena", lambda athena: athena.delete_work_group(WorkGroup="tickets_queries")),
        ("sqs", lambda sqs: sqs.get_queue_url(QueueName="tickets_files")),
        ("sns", lambda sns: sns.publish(TopicArn=f"arn:aws:sns:{REGION}:000000000000:other", Message="m")),
    ],
)
def test_what_lies_outside_is_denied(
    local_aws: LocalAws, worker: Worker, service: str, call: Callable[[Any], Any]
) -> None:
    if service == "s3":
        local_aws.client("s3").create_bucket(Bucket="somebody-elses")
    with pytest.raises(ClientError) as error:
        call(worker.denied(service))
    # The services spell it differently.
    assert error.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException", "AuthorizationError")


@pytest.mark.parametrize("registration", ["add_partition", "msck", "projection"])
def test_the_engine_goes_its_whole_way_with_it(
    local_aws: LocalAws, worker_lake: Callable[..., Lake], registration: str, tmp_path: Path
) -> None:
    lake = worker_lake(registration)
    entity = lake.config.entities[f"tickets_{registration}"]
    key = f"{registration}/tickets_2024_03.csv"
    local_aws.client("s3").put_object(Bucket="tickets-landing", Key=key, Body=SOURCE.encode())
    files = pending(lake, list_entity(lake, entity))
    outcomes = load_batch(lake, entity, files, lane="batch", run_id="policy")
    assert [(outcome.state, outcome.rows_loaded, outcome.rows_rejected) for outcome in outcomes] == [("loaded", 2, 1)]
    partitions = [partition_for(entity, key)]
    Registrar(lake, "look").register_entity(entity, partitions)
    assert [count.athena for count in validate(lake, entity, partitions)] == [2]
    assert pending(lake, list_entity(lake, entity)) == []
    # A partition that somebody made to lie elsewhere is put right, and a query that takes too long is stopped.
    [partition], table = partitions, data_table(entity)
    if registration != "projection":
        [found] = glue_partitions.described(lake, table, [partition]).values()
        glue_partitions.relocate(lake, table, partition, found)
    lake.athena.stop_query_execution(QueryExecutionId=athena.execute(lake, "SHOW TABLES"))

    view = f"prices_{registration}"
    (tmp_path / f"{view}.sql").write_text(f"SELECT id, price FROM {entity.table_name}")
    assert [outcome.action for outcome in views.refresh(lake, tmp_path)] == ["created"]
    assert [outcome.action for outcome in views.refresh(lake, tmp_path)] == ["unchanged"]

    alert = messages.Alert("load_tickets", "policy", "tickets", "a reason", "nothing")
    gone = f"file/s3://tickets-landing/{registration}/gone.csv"
    for cause in (gone, f"run/sweep_sources/{registration}"):
        assert incidents.report(lake, cause, alert, messages.publish)
    found = watch.watch(lake, messages.publish)
    assert found.failed == []
    assert gone in [incident.cause for incident, _ in found.cured]
    assert incidents.cure(lake, f"run/sweep_sources/{registration}", "a run succeeded", messages.publish)

    url = local_aws.client("sqs").get_queue_url(QueueName="tickets_files-dlq")["QueueUrl"]
    local_aws.client("sqs").send_message(QueueUrl=url, MessageBody="rubbish")
    assert dead_letters.count(lake) == 1
    letters = dead_letters.receive(lake)
    assert len(letters) == 1
    dead_letters.delete(lake, letters)
    assert dead_letters.receive(lake) == []


def test_it_is_enough_for_files_of_many_partitions(local_aws: LocalAws, worker_lake: Callable[..., Lake]) -> None:
    keys = {"partition_keys": ["year", "month", {"name": "ticket", "column": "id"}]}
    lake = worker_lake("add_partition", table_name="by_ticket", source_prefix="by_ticket/", **keys)
    [entity] = lake.config.entities.values()
    uri = "s3://tickets-landing/by_ticket/tickets_2024_03.csv"
    # Rows come, go, and what was noted of those that went is forgotten.
    for body in (SOURCE, SOURCE.replace("a,", "z,"), SOURCE.replace("a,", "y,")):
        local_aws.client("s3").put_object(
            Bucket="tickets-landing", Key="by_ticket/tickets_2024_03.csv", Body=body.encode()
        )
        files = pending(lake, list_entity(lake, entity))
        [outcome] = load_batch(lake, entity, files, lane="batch", run_id="policy")
        assert (outcome.state, outcome.rows_loaded, outcome.rows_rejected) == ("loaded", 2, 1)
        partitions = partitions_of_rows(lake, entity, {uri: ""})
        Registrar(lake, "look").register_entity(entity, partitions)
        assert sum(count.athena for count in validate(lake, entity, partitions)) == 2


@pytest.fixture
def worker_lake(local_aws: LocalAws, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Lake]:
    """Opens the lake as the worker, its one entity registered in the given way."""

    def open_lake(registration: str, **settings: Any) -> Lake:
        entity = {
            **SETTINGS["entities"]["tickets"],
            "table_name": f"tickets_{registration}",
            "source_prefix": f"{registration}/",
            "registration": registration,
            **settings,
        }
        monkeypatch.setenv("AWS_ENDPOINT_URL", local_aws.endpoint_url)
        for name, value in worker.environment.items():
            monkeypatch.setenv(name, value)
        for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        return Lake.open(parse_config(json.dumps({**SETTINGS, "entities": {f"tickets_{registration}": entity}}), {}))

    return open_lake


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_it_refreshes_the_lakes_data_sets_and_no_other(
    local_aws: LocalAws,
    worker: Worker,
    worker_lake: Callable[..., Lake],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lake = worker_lake("add_partition")
    entity, key = lake.config.entities["tickets_add_partition"], "add_partition/tickets_2024_04.csv"
    local_aws.client("s3").put_object(Bucket="tickets-landing", Key=key, Body=SOURCE.encode())
    load_batch(lake, entity, pending(lake, list_entity(lake, entity)), lane="batch", run_id="policy")
    Registrar(lake, "look").register_entity(entity, [partition_for(entity, key)])
    monkeypatch.setattr(questions, "VIEWS", tmp_path)
    (tmp_path / "tickets_view.sql").write_text(f"SELECT id, price FROM {entity.table_name}")
    views.refresh(lake, tmp_path)
    dataset = Dataset(view="tickets_view")
    Spice(local_aws, lake).create("tickets", dataset)
    assert spice.ingestions_of_a_day(lake, "tickets") == 0
    refresh = Refresh("tickets", "FULL_REFRESH", "", "2024-01-01T00:00:00.000000Z", "tickets-1", "")
    assert spice.begin(lake, refresh)
    wait_for(lambda: spice.is_active(lake, refresh), lambda active: not active, "the refresh")
    assert spice.finish(lake, refresh, dataset).rows > 0
    with pytest.raises(ClientError) as error:
        worker.denied("quicksight").create_ingestion(
            AwsAccountId=lake.config.aws.account_id, DataSetId="somebody-elses", IngestionId="1"
        )
    assert error.value.response["Error"]["Code"] == "AccessDeniedException"
