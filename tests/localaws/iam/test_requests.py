"""What requests ask IAM for, where ministack takes it for something else."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.iam.requests import with_ancestors
from tests.support.localaws import ACCOUNT, ENFORCED, REGION, LocalAws, make_client, running_localaws
from tests.support.queries import run_query

GLUE = f"arn:aws:glue:{REGION}:{ACCOUNT}:"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A local AWS that enforces IAM, with a bucket, a database and a workgroup."""
    with running_localaws(tmp_path_factory.mktemp("guarded"), environment=ENFORCED) as server:
        server.client("s3").create_bucket(Bucket="results")
        server.client("glue").create_database(DatabaseInput={"Name": "lake"})
        configuration = {"ResultConfiguration": {"OutputLocation": "s3://results/"}}
        server.client("athena").create_work_group(Name="lake", Configuration=configuration)
        yield server


def user(aws: LocalAws, name: str, *statements: tuple[str | list[str], str | list[str]]) -> Any:
    """Makes clients of a new user, who has the rights of the statements (actions, resources)."""
    iam = aws.client("iam")
    document = [{"Effect": "Allow", "Action": actions, "Resource": resources} for actions, resources in statements]
    iam.create_user(UserName=name)
    iam.put_user_policy(
        UserName=name,
        PolicyName="only",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": document}),
    )
    key = iam.create_access_key(UserName=name)["AccessKey"]
    credentials = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    return lambda service: make_client(service, aws.endpoint_url, **credentials)


@pytest.mark.parametrize(
    ("resource", "asked"),
    [
        ("table/lake/sales", ["catalog", "database/lake", "table/lake/sales"]),
        ("database/lake", ["catalog", "database/lake"]),
        ("catalog", ["catalog"]),
        ("crawler/one", ["crawler/one"]),
    ],
)
def test_what_is_in_something_needs_the_right_on_that_too(resource: str, asked: list[str]) -> None:
    assert with_ancestors(GLUE + resource) == [GLUE + one for one in asked]


@pytest.mark.parametrize("missing", ["catalog", "database/lake", "table/lake/sales"])
def test_a_table_is_created_only_with_the_right_on_all_three(guarded: LocalAws, missing: str) -> None:
    given = [GLUE + one for one in ("catalog", "database/lake", "table/lake/sales") if one != missing]
    glue = user(guarded, f"without-{missing.replace('/', '-')}", ("glue:*", given))("glue")
    with pytest.raises(ClientError, match="not authorized to perform: glue:CreateTable"):
        glue.create_table(DatabaseName="lake", TableInput={"Name": "sales"})


def test_the_names_that_glue_takes_are_those_of_tables_and_databases(guarded: LocalAws) -> None:
    mine = [GLUE + one for one in ("catalog", "database/lake", "table/lake/mine")]
    glue = user(guarded, "owner", ("glue:*", mine))("glue")
    assert glue.get_database(Name="lake")["Database"]["Name"] == "lake"
    glue.create_table(DatabaseName="lake", TableInput={"Name": "mine"})
    assert glue.get_table(DatabaseName="lake", Name="mine")["Table"]["Name"] == "mine"
    # Listing tables is for those who may see each of them.
    for call in (lambda: glue.get_tables(DatabaseName="lake"), lambda: glue.get_table(DatabaseName="lake", Name="a")):
        with pytest.raises(ClientError, match="AccessDenied"):
            call()


def test_a_query_is_its_workgroups(guarded: LocalAws) -> None:
    workgroup = f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/"
    rights: tuple[Any, ...] = (("s3:*", "*"), ("glue:*", "*"))
    mine = user(guarded, "asker", ("athena:*", f"{workgroup}lake"), *rights)("athena")
    other = user(guarded, "stranger", ("athena:*", f"{workgroup}other"), *rights)("athena")
    query = mine.start_query_execution(QueryString="SELECT 1", WorkGroup="lake")["QueryExecutionId"]
    assert mine.get_query_execution(QueryExecutionId=query)["QueryExecution"]["WorkGroup"] == "lake"
    for call in (other.get_query_execution, other.stop_query_execution, other.get_query_results):
        with pytest.raises(ClientError, match="AccessDenied"):
            call(QueryExecutionId=query)
    with pytest.raises(ClientError, match="AccessDenied"):
        mine.start_query_execution(QueryString="SELECT 1", ResultConfiguration={"OutputLocation": "s3://results/"})


def test_what_a_catalogue_has_is_told_to_those_with_a_right_on_it(guarded: LocalAws) -> None:
    catalog = f"arn:aws:athena:{REGION}:{ACCOUNT}:datacatalog/"
    listing = ("glue:GetDatabases", [f"{GLUE}catalog", f"{GLUE}database/*"])
    mine = user(guarded, "of-catalogue", ("athena:*", f"{catalog}AwsDataCatalog"), listing)("athena")
    for name in ("AwsDataCatalog", "awsdatacatalog"):
        found = mine.list_databases(CatalogName=name)["DatabaseList"]
        assert [one["Name"] for one in found if one["Name"] == "lake"] == ["lake"]
    other = user(guarded, "of-another-catalogue", ("athena:*", f"{catalog}other"))("athena")
    with pytest.raises(ClientError, match="not authorized to perform: athena:ListTableMetadata"):
        other.list_table_metadata(CatalogName="AwsDataCatalog", DatabaseName="lake")


@pytest.mark.parametrize(
    ("operation", "asked", "right", "places"),
    [
        ("list_databases", {}, "glue:GetDatabases", ["database/*"]),
        ("get_database", {"DatabaseName": "lake"}, "glue:GetDatabase", ["database/lake"]),
        ("list_table_metadata", {"DatabaseName": "lake"}, "glue:GetTables", ["database/lake", "table/lake/*"]),
        (
            "get_table_metadata",
            {"DatabaseName": "lake", "TableName": "told"},
            "glue:GetTable",
            ["database/lake", "table/lake/told"],
        ),
    ],
)
def test_what_athena_tells_of_the_catalogue_needs_rights_to_glue(
    guarded: LocalAws, operation: str, asked: dict[str, str], right: str, places: list[str]
) -> None:
    with contextlib.suppress(guarded.client("glue").exceptions.AlreadyExistsException):
        guarded.client("glue").create_table(DatabaseName="lake", TableInput={"Name": "told"})
    of_athena = ("athena:*", f"arn:aws:athena:{REGION}:{ACCOUNT}:datacatalog/AwsDataCatalog")
    needed = ["catalog", *places]
    for missing in needed:
        given = [GLUE + place for place in needed if place != missing]
        name = f"{operation}-without-{re.sub('[^a-z]', '-', missing)}"
        client = user(guarded, name, of_athena, (right, given))("athena")
        with pytest.raises(
            ClientError, match=rf"MetadataException.*perform: {right} on.*AccessDeniedException; [^()]*\)$"
        ):
            getattr(client, operation)(CatalogName="AwsDataCatalog", **asked)
    client = user(guarded, operation, of_athena, (right, [GLUE + place for place in needed]))("athena")
    assert getattr(client, operation)(CatalogName="AwsDataCatalog", **asked)


def test_what_one_has_read_another_reads_only_with_the_right_to_it(guarded: LocalAws) -> None:
    guarded.client("s3").put_object(Bucket="results", Key="kept/a.csv", Body=b"1\n2\n")
    ddl = "CREATE EXTERNAL TABLE lake.kept (a int) ROW FORMAT DELIMITED LOCATION 's3://results/kept/'"
    own = [
        ("athena:*", f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/lake"),
        ("glue:Get*", f"{GLUE}*"),
        (["s3:GetBucketLocation", "s3:ListBucket"], "arn:aws:s3:::results"),
        ("s3:PutObject", "arn:aws:s3:::results/*"),
    ]
    reader = user(guarded, "first-reader", *own, ("s3:GetObject", "arn:aws:s3:::results/kept/*"))("athena")
    other = user(guarded, "no-reader", *own, ("s3:GetObject", "arn:aws:s3:::results/others/*"))("athena")
    sql = "SELECT sum(a) FROM lake.kept"
    for client, statement in ((guarded.client("athena"), ddl), (guarded.client("athena"), sql), (reader, sql)):
        assert run_query(client, statement, WorkGroup="lake")["Status"]["State"] == "SUCCEEDED"
    status = run_query(other, sql, WorkGroup="lake")["Status"]
    assert (status["State"], "Access denied on s3://results/kept/a.csv" in status["StateChangeReason"]) == (
        "FAILED",
        True,
    )


def test_many_messages_need_the_right_to_one(guarded: LocalAws) -> None:
    url = guarded.client("sqs").create_queue(QueueName="post")["QueueUrl"]
    sqs = user(guarded, "sender", ("sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:post"))("sqs")
    entries = [{"Id": "1", "MessageBody": "a"}]
    assert sqs.send_message_batch(QueueUrl=url, Entries=entries)["Successful"]
    with pytest.raises(ClientError, match=r"AccessDenied|DeleteMessage"):
        sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": "1", "ReceiptHandle": "x"}])


def statement(guarded: LocalAws, rights: Any, name: str, sql: str) -> dict[str, Any]:
    athena = user(guarded, name, *rights)("athena")
    from tests.support.queries import run_query

    found: dict[str, Any] = run_query(athena, sql, WorkGroup="lake", QueryExecutionContext={"Database": "lake"})[
        "Status"
    ]
    return found


CREATE = "CREATE EXTERNAL TABLE {} (a int) STORED AS PARQUET LOCATION 's3://results/tables/{}/'"
RESULTS = ("s3:*", ["arn:aws:s3:::results", "arn:aws:s3:::results/*.txt", "arn:aws:s3:::results/*.metadata"])


def test_athena_needs_the_default_database_whichever_one_is_named(guarded: LocalAws) -> None:
    lake = [GLUE + one for one in ("catalog", "database/lake", "table/lake/*")]
    rights = (("athena:*", "*"), ("s3:*", "*"), ("glue:*", lake))
    status = statement(guarded, rights, "no-default", "SHOW TABLES")
    assert status["State"] == "FAILED"
    assert "glue:GetDatabase on resource: " + GLUE + "database/default" in status["StateChangeReason"]
    rights = (*rights, ("glue:GetDatabase", [GLUE + "database/default"]))
    status = statement(guarded, rights, "no-making", CREATE.format("one", "one"))
    assert "glue:CreateDatabase on resource: " + GLUE + "database/default" in status["StateChangeReason"]


def test_athena_looks_for_a_tables_folder_and_makes_it(guarded: LocalAws) -> None:
    rights = (("athena:*", "*"), ("glue:*", "*"), RESULTS)
    assert "Access Denied" in statement(guarded, rights, "blind", CREATE.format("two", "two"))["StateChangeReason"]
    marks = [f"arn:aws:s3:::results/tables/two{end}" for end in ("", "/", "_$folder$")]
    rights = (*rights, ("s3:GetObject", marks))
    assert "Access Denied" in statement(guarded, rights, "reader", CREATE.format("two", "two"))["StateChangeReason"]
    rights = (*rights, ("s3:PutObject", marks[1:]))
    assert statement(guarded, rights, "maker", CREATE.format("two", "two"))["State"] == "SUCCEEDED"


def test_what_athena_writes_is_written_with_the_callers_rights(guarded: LocalAws) -> None:
    results = [f"arn:aws:s3:::results/{end}" for end in ("*.metadata", "*-manifest.csv")]
    rights: tuple[Any, ...] = (("athena:*", "*"), ("glue:*", "*"), ("s3:*", ["arn:aws:s3:::results", *results]))
    make = "CREATE TABLE {} WITH (partitioned_by = ARRAY['b']) AS SELECT 1 a, 2 b"
    status = statement(guarded, rights, "no-writer", make.format("refused"))
    assert status["StateChangeReason"].startswith("PERMISSION_DENIED: ")
    rights = (*rights, ("s3:*", "arn:aws:s3:::results/tables/*"))
    assert statement(guarded, rights, "writer", make.format("parted"))["State"] == "SUCCEEDED"
    reading = [f"glue:{one}" for one in ("GetDatabase", "CreateDatabase", "GetTable", "GetPartitions")]
    rights = (("athena:*", "*"), (reading, "*"), ("s3:*", "*"))
    held = guarded.client("s3").list_objects_v2(Bucket="results")["KeyCount"]
    status = statement(guarded, rights, "no-registrar", "INSERT INTO parted VALUES (1, 3)")
    assert status["StateChangeReason"].startswith("PERMISSION_DENIED: ")
    # The file that has been written, and the manifest that names it.
    assert guarded.client("s3").list_objects_v2(Bucket="results")["KeyCount"] == held + 2


def test_a_prepared_statement_needs_the_rights_of_the_api(guarded: LocalAws) -> None:
    asking = [f"athena:{one}" for one in ("StartQueryExecution", "GetQueryExecution")]
    rights = ((asking, "*"), ("s3:*", "*"), ("glue:*", "*"))
    status = statement(guarded, rights, "unprepared", "PREPARE p FROM SELECT 1")
    assert "athena:CreatePreparedStatement on resource: " in status["StateChangeReason"]
