"""The local AWS answers by names of this machine alone, S3's virtual-hosted addresses among them."""

from __future__ import annotations

import http.client

import pytest
from botocore.config import Config

from localaws.hosts import is_own
from tests.support.localaws import LocalAws, make_client


def ask(aws: LocalAws, host: str, path: str = "/_ministack/health") -> int:
    connection = http.client.HTTPConnection("127.0.0.1", aws.port, timeout=30)
    try:
        connection.putrequest("GET", path, skip_host=True)
        connection.putheader("Host", host)
        connection.endheaders()
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("path", ["/_ministack/health", "/_localaws/clock", "/", "/bucket/key"])
@pytest.mark.parametrize("host", ["rebound.example", "rebound.example:{port}", "s3.amazonaws.com", "localhost.evil"])
def test_foreign_names_are_refused_on_every_path(local_aws: LocalAws, host: str, path: str) -> None:
    assert ask(local_aws, host.format(port=local_aws.port), path) == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:{port}", "localhost", "LocalHost:{port}"])
def test_its_own_names_are_answered(local_aws: LocalAws, host: str) -> None:
    assert ask(local_aws, host.format(port=local_aws.port)) == 200


def test_a_bucket_has_a_name_below_localhost(local_aws: LocalAws) -> None:
    local_aws.client("s3").create_bucket(Bucket="hosted-bucket")
    local_aws.client("s3").put_object(Bucket="hosted-bucket", Key="a", Body=b"x")
    assert ask(local_aws, f"hosted-bucket.localhost:{local_aws.port}", "/a") == 200
    assert ask(local_aws, f"hosted-bucket.rebound.example:{local_aws.port}", "/a") == 403


def test_clients_that_name_localhost_work(local_aws: LocalAws) -> None:
    client = make_client("s3", f"http://localhost:{local_aws.port}", config=Config(s3={"addressing_style": "path"}))
    assert "Buckets" in client.list_buckets()


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("b.s3.localhost", True),
        ("b.localhost.", True),
        ("xlocalhost", False),
        ("127.0.0.1.evil", False),
        ("[::1]", False),
    ],
)
def test_what_ends_with_localhost_is_this_machines(host: str, own: bool) -> None:
    assert is_own(host) is own
