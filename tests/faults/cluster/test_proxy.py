"""The proxy between nodes and AWS: what is refused was not done, what is lost was, and a process is met where it was to
be."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

from tests.faults.cluster import proxy as faulty
from tests.faults.cluster.proxy import FaultyProxy, Rates
from tests.faults.findings import injected
from tests.faults.points import QUIET, Fault, Noise
from tests.support.localaws import LocalAws, make_client

ALWAYS = 1_000_000
SOURCE = "wire-source"
LOST = (ConnectionError, HTTPClientError)
NOTHING = Rates(0, 0, 0, 0)


@pytest.fixture
def proxy(local_aws: LocalAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    monkeypatch.setattr(faulty, "RATES", NOTHING)
    local_aws.client("s3").create_bucket(Bucket=SOURCE)
    with FaultyProxy(local_aws.endpoint_url, SOURCE, tmp_path / "faults.jsonl", 0.5, "seed") as made:
        yield made


def put(proxy: FaultyProxy, key: str, body: bytes = b"body") -> Any:
    return make_client("s3", proxy.endpoint_url).put_object(Bucket=SOURCE, Key=key, Body=body)


def keys(aws: LocalAws, prefix: str) -> list[str]:
    found = aws.client("s3").list_objects_v2(Bucket=SOURCE, Prefix=prefix)
    return [one["Key"] for one in found.get("Contents", ())]


def test_everything_passes_until_it_is_told_otherwise(local_aws: LocalAws, proxy: FaultyProxy) -> None:
    s3 = make_client("s3", proxy.endpoint_url)
    large = bytes(range(256)) * (8 << 12)
    put(proxy, "calm/large", large)
    assert s3.get_object(Bucket=SOURCE, Key="calm/large")["Body"].read() == large
    assert s3.head_object(Bucket=SOURCE, Key="calm/large")["ContentLength"] == len(large)
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=SOURCE, Prefix="calm/")["Contents"]] == ["calm/large"]
    s3.delete_object(Bucket=SOURCE, Key="calm/large")
    assert make_client("dynamodb", proxy.endpoint_url).list_tables()["TableNames"] is not None
    assert proxy.counts["s3.GetObject"] == 1


@pytest.mark.parametrize(
    ("noise", "code", "done"),
    [
        (Noise(throttled=ALWAYS), "SlowDown", False),
        (Noise(failed=ALWAYS), "InternalError", False),
        (Noise(failed_afterwards=ALWAYS), "InternalError", True),
    ],
)
def test_a_refusal_has_the_services_code(
    local_aws: LocalAws, proxy: FaultyProxy, noise: Noise, code: str, done: bool
) -> None:
    proxy.begin(noise)
    with pytest.raises(ClientError) as caught:
        put(proxy, f"refused/{code}{done}")
    assert caught.value.response["Error"]["Code"] == code
    assert bool(keys(local_aws, f"refused/{code}{done}")) == done


@pytest.mark.parametrize(("kind", "done"), [("cut", False), ("lost", True), ("cut_short", True), ("delayed", True)])
def test_what_happens_on_the_way(
    local_aws: LocalAws, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, done: bool
) -> None:
    monkeypatch.setattr(faulty, "RATES", Rates(**{**vars(NOTHING), kind: ALWAYS}))
    monkeypatch.setattr(faulty, "DELAY_SECONDS", 0.01)
    proxy.begin(QUIET)
    if kind == "delayed":
        put(proxy, "way/delayed")
    else:
        with pytest.raises(LOST):
            put(proxy, f"way/{kind}")
    assert keys(local_aws, f"way/{kind}") == ([f"way/{kind}"] if done else [])
    assert injected(tmp_path)[0] == {kind: 1}


def test_a_batch_is_done_in_part(local_aws: LocalAws, proxy: FaultyProxy, tmp_path: Path) -> None:
    key = [{"AttributeName": "id", "KeyType": "HASH"}]
    local_aws.client("dynamodb").create_table(
        TableName="wire",
        KeySchema=key,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    ids = [{"id": {"S": str(number)}} for number in range(40)]
    for item in ids:
        local_aws.client("dynamodb").put_item(TableName="wire", Item=item)
    proxy.begin(Noise(partial=ALWAYS))
    asked = {"wire": {"Keys": ids}}
    answer = make_client("dynamodb", proxy.endpoint_url).batch_get_item(RequestItems=asked)
    left = answer["UnprocessedKeys"]["wire"]["Keys"]
    assert 0 < len(left) < len(ids) and len(left) + len(answer["Responses"]["wire"]) == len(ids)


def test_what_is_left_of_a_batch_is_left_by_all_of_its_keys_that_are_read(
    local_aws: LocalAws, proxy: FaultyProxy
) -> None:
    name, kinds = "wire_versions", {"source": "HASH", "version": "RANGE"}
    local_aws.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in kinds.items()],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in kinds],
    )
    keys_of = [{"source": {"S": str(number // 2)}, "version": {"S": str(number % 2)}} for number in range(80)]
    for item in keys_of:
        local_aws.client("dynamodb").put_item(TableName=name, Item=item)
    proxy.begin(Noise(partial=ALWAYS))
    words = {"ProjectionExpression": "#s", "ExpressionAttributeNames": {"#s": "source"}}
    answer = make_client("dynamodb", proxy.endpoint_url).batch_get_item(RequestItems={name: {"Keys": keys_of, **words}})
    read = {one["source"]["S"] for one in answer["Responses"][name]}
    left = answer["UnprocessedKeys"][name]
    assert read and not read & {key["source"]["S"] for key in left["Keys"]}
    assert len(left["Keys"]) + len(answer["Responses"][name]) == len(keys_of)
    assert left["ProjectionExpression"] == "#s"


def test_what_fails_in_the_proxy_itself_is_no_fault_of_the_plan(
    local_aws: LocalAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise KeyError("version")

    monkeypatch.setattr(faulty, "file_step", broken)
    with (
        pytest.raises(ExceptionGroup) as caught,
        FaultyProxy(local_aws.endpoint_url, SOURCE, tmp_path / "faults.jsonl", 0.5, "seed") as proxy,
    ):
        proxy.begin(QUIET)
        with pytest.raises(LOST):
            put(proxy, "own/a")
    assert caught.group_contains(KeyError, match="version")


def test_cut_off_nothing_arrives_until_it_is_calm(local_aws: LocalAws, proxy: FaultyProxy) -> None:
    proxy.cut_off(3600)
    with pytest.raises(LOST):
        put(proxy, "off/a")
    proxy.calm()
    put(proxy, "off/b")
    assert keys(local_aws, "off/") == ["off/b"]


READ = """
import sys
from tests.support.localaws import make_client
s3 = make_client("s3", sys.argv[1])
print(s3.get_object(Bucket=sys.argv[2], Key=sys.argv[3])["Body"].read().decode(), flush=True)
"""


def reader(proxy: FaultyProxy, key: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", READ, proxy.endpoint_url, SOURCE, key]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(("point", "gets"), [("before_get", 0), ("after_get", 1)])
def test_a_process_is_killed_at_its_step(
    local_aws: LocalAws, proxy: FaultyProxy, tmp_path: Path, point: str, gets: int
) -> None:
    local_aws.client("s3").put_object(Bucket=SOURCE, Key="k.csv", Body=b"there")
    proxy.begin(QUIET)
    proxy.arm([Fault(point, "kill", "k.csv")])
    with reader(proxy, "k.csv") as killed:
        killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL and proxy.killed == 1
    with reader(proxy, "k.csv") as next_one:
        assert next_one.communicate(timeout=60)[0] == "there\n"
    assert injected(tmp_path)[1] == {point: 1}


def test_a_process_that_stands_still_sends_what_it_held_when_it_goes_on(
    local_aws: LocalAws, proxy: FaultyProxy
) -> None:
    local_aws.client("s3").put_object(Bucket=SOURCE, Key="h.csv", Body=b"before")
    proxy.begin(QUIET)
    proxy.arm([Fault("before_get", "hang", "h.csv")])
    with reader(proxy, "h.csv") as hanging:
        assert hanging.communicate(timeout=60)[0] == "before\n"


def test_silence_lasts_for_all_tries_of_a_client_and_is_one_fault(
    local_aws: LocalAws, proxy: FaultyProxy, tmp_path: Path
) -> None:
    local_aws.client("s3").put_object(Bucket=SOURCE, Key="s.csv", Body=b"x")
    proxy.begin(QUIET)
    proxy.arm([Fault("before_get", "silence", "s.csv")])
    s3 = make_client("s3", proxy.endpoint_url)
    for _ in range(faulty.TRIES):
        with pytest.raises(LOST):
            s3.get_object(Bucket=SOURCE, Key="s.csv")
    assert s3.get_object(Bucket=SOURCE, Key="s.csv")["Body"].read() == b"x"
    assert len((tmp_path / "faults.jsonl").read_text().splitlines()) == 1
    assert json.loads((tmp_path / "faults.jsonl").read_text())["kind"] == "silence"
