"""Deletes everything that a trial made, and says what is still there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError

from scripts.acceptance.trial import Trial
from scripts.deploy import DeployError, bundle_bucket, detach_streams, stack_name

_GONE = frozenset(
    {
        *("NoSuchBucket", "NoSuchEntity", "NoSuchKey", "404", "ResourceNotFoundException", "EntityNotFoundException"),
        *("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "TableNotFoundException"),
    }
)


class Cleanup:
    """Deletes what bears the trial's prefix, in the order in which AWS lets it go. It may be run again.

    Made before the trial, it also knows what was in the account's bucket of bundles, which all lakes share, and leaves
    it as it was. Made after it (``late``), it leaves there what may be another lake's: the layer.
    """

    def __init__(self, trial: Trial, *, late: bool = False) -> None:
        self.trial = trial
        self.faults: list[str] = []
        self._late = late
        self._bundles_before = None if late else self._bundles()

    def run(self) -> list[str]:
        """Deletes everything; returns the names of what is still there, and why."""
        resources = self.trial.lake.config.resources
        self._try("the mappings of streams", self._detach_streams)
        self._try("the workers' role", self._delete_role)
        self._try("the stack", self._delete_stack)
        for bucket in (resources.source_bucket, resources.analytics_bucket):
            self._try(bucket, partial(self._delete_bucket, bucket))
        for table in (resources.ledger_table, self.trial.orders_table):
            self._try(table, partial(self._delete_table, table))
        self._try("the database", lambda: self.trial.client("glue").delete_database(Name=resources.glue_database))
        self._try("the workgroup", self._delete_workgroup)
        self._try("the queue of alerts", self._delete_queue)
        self._try("the bundle", self._delete_bundles)
        self._try("the logs", self._delete_logs)
        left: list[str] = []
        self._try("looking for what is left", lambda: left.extend(self.left()))
        return [*left, *self.faults]

    def left(self) -> Iterator[str]:
        """What bears the trial's prefix still."""
        prefix, resources = self.trial.prefix, self.trial.lake.config.resources
        under = prefix.replace("-", "_")
        names = [bucket["Name"] for bucket in self.trial.client("s3").list_buckets()["Buckets"]]
        yield from (f"bucket {name}" for name in names if name.startswith(prefix))
        pages = self.trial.client("dynamodb").get_paginator("list_tables").paginate()
        yield from (f"table {name}" for page in pages for name in page["TableNames"] if name.startswith(prefix))
        pages = self.trial.client("glue").get_paginator("get_databases").paginate()
        yield from (f"database {d['Name']}" for page in pages for d in page["DatabaseList"] if d["Name"] == under)
        urls = self.trial.client("sqs").list_queues(QueueNamePrefix=prefix).get("QueueUrls", [])
        yield from (f"queue {url}" for url in urls)
        pages = self.trial.client("sns").get_paginator("list_topics").paginate()
        topic = f":{resources.alert_topic}"
        yield from (t["TopicArn"] for page in pages for t in page["Topics"] if t["TopicArn"].endswith(topic))
        pages = self.trial.client("iam").get_paginator("list_roles").paginate()
        yield from (f"role {r['RoleName']}" for page in pages for r in page["Roles"] if prefix in r["RoleName"])
        pages = self.trial.client("lambda").get_paginator("list_functions").paginate()
        yield from (f["FunctionName"] for page in pages for f in page["Functions"] if prefix in f["FunctionName"])
        yield from (f"log group {name}" for name in self._log_groups())
        if self._has_workgroup():
            yield f"workgroup {resources.workgroup_name}"

    def _detach_streams(self) -> None:
        config = self.trial.lake.config
        detach_streams(config, self.trial.client("cloudformation"), tables=config.tables.values())

    def _delete_role(self) -> None:
        iam, role = self.trial.client("iam"), self.trial.worker_role
        for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=role, PolicyArn=policy["PolicyArn"])
        iam.delete_role(RoleName=role)

    def _delete_stack(self) -> None:
        cloudformation, name = self.trial.client("cloudformation"), stack_name(self.trial.lake.config)
        cloudformation.delete_stack(StackName=name)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=name)

    def _delete_bucket(self, bucket: str) -> None:
        s3 = self.trial.client("s3")
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            if found:
                objects = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
                s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
        for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
            for upload in page.get("Uploads", []):
                s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
        s3.delete_bucket(Bucket=bucket)

    def _delete_table(self, table: str) -> None:
        db = self.trial.client("dynamodb")
        if db.describe_table(TableName=table)["Table"].get("DeletionProtectionEnabled"):
            db.update_table(TableName=table, DeletionProtectionEnabled=False)
            db.get_waiter("table_exists").wait(TableName=table)
        db.delete_table(TableName=table)
        db.get_waiter("table_not_exists").wait(TableName=table, WaiterConfig={"Delay": 2, "MaxAttempts": 150})

    def _delete_workgroup(self) -> None:
        if self._has_workgroup():
            name = self.trial.lake.config.resources.workgroup_name
            self.trial.client("athena").delete_work_group(WorkGroup=name, RecursiveDeleteOption=True)

    def _has_workgroup(self) -> bool:
        athena = self.trial.client("athena")
        try:
            athena.get_work_group(WorkGroup=self.trial.lake.config.resources.workgroup_name)
        except athena.exceptions.InvalidRequestException:
            return False
        return True

    def _delete_queue(self) -> None:
        sqs = self.trial.client("sqs")
        sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=self.trial.alert_queue)["QueueUrl"])

    def _bundles(self) -> set[str] | None:
        """Keys of the account's bucket of bundles; None where there is no such bucket."""
        s3, bucket = self.trial.client("s3"), bundle_bucket(self.trial.lake.config)
        if bucket not in {each["Name"] for each in s3.list_buckets()["Buckets"]}:
            return None
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return {each["Key"] for page in pages for each in page.get("Contents", [])}

    def _delete_bundles(self) -> None:
        """What the deployment put into the bucket of bundles, and the bucket if it was made for it."""
        s3, config = self.trial.client("s3"), self.trial.lake.config
        bucket, there = bundle_bucket(config), self._bundles()
        if there is None:
            return
        own = {key for key in there if key.startswith(f"{stack_name(config)}/")}
        if not self._late:
            own |= there - (self._bundles_before or set())
        for key in own:
            s3.delete_object(Bucket=bucket, Key=key)
        if not self._late and self._bundles_before is None:
            s3.delete_bucket(Bucket=bucket)

    def _log_groups(self) -> list[str]:
        found = self.trial.client("logs").describe_log_groups(logGroupNamePrefix=f"/lakelanes/{self.trial.prefix}")
        return [group["logGroupName"] for group in found["logGroups"]]

    def _delete_logs(self) -> None:
        """Those of the stack are gone with it, but for one that a function's last line made again."""
        for name in self._log_groups():
            self.trial.client("logs").delete_log_group(logGroupName=name)

    def _try(self, what: str, delete: Callable[[], object]) -> None:
        """One fault must not keep the rest from being deleted."""
        try:
            delete()
        except ClientError as error:
            if error.response["Error"]["Code"] not in _GONE:
                self.faults.append(f"{what}: {error}")
        except (BotoCoreError, DeployError) as error:
            self.faults.append(f"{what}: {error}")
