"""The deployed function on the local AWS: S3 -> SQS -> Lambda -> Athena, nothing of it replaced."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmarks.proxy import CountingProxy
from lakelanes.files import dead_letters
from lakelanes.files.batch import load_batch
from lakelanes.files.sweep import find_unloaded
from lakelanes.ledger.entries import Entry
from tests.support.function import DeployedLake
from tests.support.lakes import AIRFLOW_URL, put
from tests.support.properties import EFFORT
from tests.support.queues import Alerts
from tests.support.waiting import wait_for

HEADER = "transaction_id,customer_id,amount,transaction_date\n"
GOOD = f"{HEADER}t1,c1,1.50,2024-03-15\nt2,c2,2.50,2024-03-15\n"
NO_AMOUNT = "transaction_id,customer_id,transaction_date\nt1,c1,2024-03-15\n"
KEY = "sales_data_2024_03_15.csv"
MANY = 1000 if EFFORT > 1 else 200


def sweep(deployed: DeployedLake) -> list[str]:
    """Loads what the sweep finds, as the batch lane does; returns what became of it."""
    lake = deployed.lake
    return [
        outcome.state
        for name, files in find_unloaded(lake).files.items()
        for outcome in load_batch(lake, lake.config.entities[name], files, lane="batch", run_id="sweep")
    ]


def test_an_uploaded_file_is_in_its_table_and_a_repeated_event_changes_nothing(
    deployed: Callable[..., DeployedLake],
) -> None:
    stack = deployed()
    uri = put(stack.lake, "in a folder/ä+b/" + KEY, GOOD)
    entry = stack.entry(uri)
    assert (entry.lane, entry.rows_loaded) == ("fast", 2)
    stack.wait_until_idle()
    assert stack.rows() == 2
    record = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "eventTime": "2024-03-15T07:30:00.000Z",
        "s3": {
            "bucket": {"name": stack.lake.config.resources.source_bucket},
            "object": {"key": "in+a+folder/%C3%A4%2Bb/" + KEY, "size": entry.size, "eTag": entry.etag},
        },
    }
    for _ in range(3):
        body = json.dumps({"Records": [record, record]})
        stack.aws.client("sqs").send_message(QueueUrl=stack.outputs["FileQueueUrl"], MessageBody=body)
    stack.wait_until_idle()
    assert stack.lake.ledger.get(uri) == entry
    assert stack.rows() == 2


def test_a_poison_file_is_a_dead_letter_with_one_alert_and_its_correction_makes_the_table_right(
    deployed: Callable[..., DeployedLake],
) -> None:
    stack = deployed()
    alerts = Alerts(stack.lake)
    poison = put(stack.lake, KEY, NO_AMOUNT)
    neighbours = [put(stack.lake, f"sales_data_2024_03_{day}.csv", GOOD) for day in range(16, 26)]
    wait_for(
        lambda: stack.messages("FileDeadLetterQueueUrl"), lambda found: found == (1, 0), "the poison file's dead letter"
    )
    for uri in neighbours:
        stack.entry(uri)
    stack.wait_until_idle()
    assert stack.entry(poison, "rejected").error
    assert stack.rows() == 20
    [alert] = alerts.wait()
    assert [(fault["file"], fault["state"]) for fault in alert["files"]] == [(poison, "rejected")]
    assert "missing column amount" in alert["reason"]
    assert alert["page_url"].startswith(f"{AIRFLOW_URL}/lake/file?uri=s3%3A%2F%2F"), (
        "the bundle's configuration says it"
    )

    put(stack.lake, KEY, GOOD)
    entry = stack.entry(poison)
    stack.wait_until_idle()
    assert (stack.rows(), stack.rows("sales_data_rejects")) == (22, 0)

    [letter] = dead_letters.receive(stack.lake)
    assert letter.alerted, "the sweep does not tell of it again"
    dead_letters.delete(stack.lake, [letter])
    assert sweep(stack) == []
    assert stack.lake.ledger.get(poison) == entry
    assert stack.messages("FileDeadLetterQueueUrl") == (0, 0)
    assert len(alerts.read()) == 1


def test_the_lane_is_switched_off_and_on_without_loss_or_doubling(deployed: Callable[..., DeployedLake]) -> None:
    stack = deployed()
    first = put(stack.lake, KEY, GOOD)
    stack.entry(first)
    stack.wait_until_idle()
    stack.switch("off")
    later = [put(stack.lake, f"sales_data_2024_03_{day}.csv", GOOD) for day in (16, 17)]
    assert sweep(stack) == ["loaded", "loaded"]
    missed = put(stack.lake, "sales_data_2024_03_18.csv", GOOD)
    wait_for(stack.messages, lambda found: found == (3, 0), "the notifications")
    assert stack.lake.ledger.get(missed) is None
    stack.switch("on")
    assert stack.entry(missed).lane == "fast"
    stack.wait_until_idle()
    assert [stack.entry(uri).lane for uri in later] == ["batch", "batch"]
    assert {stack.entry(uri).token for uri in (first, *later, missed)} == {1}
    assert sweep(stack) == []
    assert stack.rows() == 8


@pytest.mark.long
def test_many_files_of_one_partition_cost_one_call_for_it(deployed: Callable[..., DeployedLake]) -> None:
    stack = deployed(FastLane="off", FastLaneConcurrency="4")
    functions, name = stack.aws.client("lambda"), stack.outputs["FileProcessor"]
    environment = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    text = f"{HEADER}t1,c1,1.50,2024-03-16\n"
    with CountingProxy(stack.aws.endpoint_url) as proxy:
        environment["AWS_ENDPOINT_URL"] = proxy.endpoint_url
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": environment})
        stack.switch("on")
        stack.entry(put(stack.lake, KEY, GOOD))  # makes the tables
        stack.wait_until_idle()
        assert proxy.counts["glue.BatchCreatePartition"] == 1
        before = glue_calls(proxy)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda n: put(stack.lake, f"{n}/sales_data_2024_03_16.csv", text), range(MANY)))
        # Each look reads them all.
        wait_for(
            lambda: len(list(loaded(stack))),
            lambda count: count == MANY + 1,
            f"{MANY + 1} files",
            seconds=240,
            pause=0.2,
        )
        stack.wait_until_idle()
        assert glue_calls(proxy) - before == {"glue.BatchCreatePartition": 1}
    assert {entry.lane for entry in loaded(stack)} == {"fast"}
    assert stack.rows() == MANY + 2


def glue_calls(proxy: CountingProxy) -> Counter[str]:
    return Counter({name: count for name, count in proxy.counts.items() if name.startswith("glue.")})


def loaded(stack: DeployedLake) -> Iterator[Entry]:
    return stack.lake.ledger.in_state("sales", "loaded")
