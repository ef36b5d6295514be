"""The counting proxy passes every request on and counts it under its API operation."""

from __future__ import annotations

import io
import threading
from concurrent.futures import ThreadPoolExecutor

import boto3.s3.transfer
import pytest

from benchmarks.proxy import CountingProxy, operation
from tests.support.localaws import LocalAws, make_client


def test_requests_arrive_and_are_counted_by_operation(local_aws: LocalAws) -> None:
    with CountingProxy(local_aws.endpoint_url) as proxy:
        s3 = make_client("s3", proxy.endpoint_url)
        s3.create_bucket(Bucket="counted")
        s3.put_object(Bucket="counted", Key="a/b c", Body=b"12345")
        assert s3.get_object(Bucket="counted", Key="a/b c")["Body"].read() == b"12345"
        s3.head_object(Bucket="counted", Key="a/b c")
        s3.list_objects_v2(Bucket="counted")
        s3.copy_object(Bucket="counted", Key="copy", CopySource={"Bucket": "counted", "Key": "a/b c"})
        large = bytes(range(256)) * (12 << 12)
        parts = boto3.s3.transfer.TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
        s3.upload_fileobj(io.BytesIO(large), "counted", "large", Config=parts)
        assert s3.get_object(Bucket="counted", Key="large")["Body"].read() == large
        s3.delete_objects(Bucket="counted", Delete={"Objects": [{"Key": "copy"}]})
        s3.delete_object(Bucket="counted", Key="large")
        make_client("glue", proxy.endpoint_url).create_database(DatabaseInput={"Name": "counted"})
        make_client("dynamodb", proxy.endpoint_url).list_tables()
    assert dict(proxy.counts) == {
        "s3.PutBucket": 1,
        "s3.PutObject": 1,
        "s3.GetObject": 2,
        "s3.HeadObject": 1,
        "s3.ListObjectsV2": 1,
        "s3.CopyObject": 1,
        "s3.CreateMultipartUpload": 1,
        "s3.UploadPart": 3,
        "s3.CompleteMultipartUpload": 1,
        "s3.DeleteObjects": 1,
        "s3.DeleteObject": 1,
        "glue.CreateDatabase": 1,
        "dynamodb.ListTables": 1,
    }


def test_many_clients_at_once_are_all_counted(local_aws: LocalAws) -> None:
    with CountingProxy(local_aws.endpoint_url) as proxy:
        make_client("s3", proxy.endpoint_url).create_bucket(Bucket="busy")
        before = proxy.counts.copy()

        def work(number: int) -> None:
            s3 = make_client("s3", proxy.endpoint_url)
            for item in range(5):
                s3.put_object(Bucket="busy", Key=f"{number}-{item}", Body=b"x" * 1000)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
        assert proxy.counts - before == {"s3.PutObject": 40}


def test_nothing_of_it_is_left_when_it_ends(local_aws: LocalAws) -> None:
    with CountingProxy(local_aws.endpoint_url) as proxy:
        make_client("s3", proxy.endpoint_url).list_buckets()
    assert "counting-proxy" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"PUT /bucket/key?partNumber=2&uploadId=x HTTP/1.1\r\nHost: h\r\n\r\n", "s3.UploadPart"),
        (b"DELETE /bucket/key?uploadId=x HTTP/1.1\r\nHost: h\r\n\r\n", "s3.AbortMultipartUpload"),
        (b"POST / HTTP/1.1\r\nX-Amz-Target: AmazonAthena.StartQueryExecution\r\n\r\n", "athena.StartQueryExecution"),
        (b"POST / HTTP/1.1\r\nx-amz-target: AWSGlue.GetTable\r\n\r\n", "glue.GetTable"),
    ],
)
def test_an_operation_is_told_from_a_requests_head(head: bytes, name: str) -> None:
    assert operation(head) == name
