"""Reports a batch that was given up to the mapping's queue or topic.

The body is the one that https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html shows; it says where
in the stream the records are, and does not contain them.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from typing import Any

from localaws.clock import MICROS, isoformat
from localaws.streams.batches import Batch

RETRIES = "RetryAttemptsExhausted"
AGE = "MaximumRecordAgeExceeded"

logger = logging.getLogger("localaws.streams")


def report(
    arn: str, batch: Batch, *, function_arn: str, version: str, stream_arn: str, shard: str, condition: str, error: bool
) -> None:
    """Send the report; ``error`` says whether the function failed or only reported failures.

    A destination that is gone or refuses is logged and stops nothing, as on Lambda.
    """
    body = {
        "requestContext": {
            "requestId": str(uuid.uuid4()),
            "functionArn": function_arn,
            "condition": condition,
            "approximateInvokeCount": batch.retries + 1,
        },
        "responseContext": {
            "statusCode": 200,
            "executedVersion": version,
            "functionError": "Unhandled" if error else None,
        },
        "version": "1.0",
        "timestamp": isoformat(time.time_ns() // 1000, "milliseconds"),
        "DDBStreamBatchInfo": {
            "shardId": shard,
            "startSequenceNumber": batch.first,
            "endSequenceNumber": batch.last,
            "approximateArrivalOfFirstRecord": _arrival(batch.records[0]),
            "approximateArrivalOfLastRecord": _arrival(batch.records[-1]),
            "batchSize": len(batch.records),
            "streamArn": stream_arn,
        },
    }
    try:
        _send(arn, json.dumps(body))
    except Exception as failure:
        logger.warning("no report of a failed batch to %s: %s", arn, failure)


def _arrival(record: dict[str, Any]) -> str:
    return isoformat(record["dynamodb"]["ApproximateCreationDateTime"] * MICROS, "seconds")


def _send(arn: str, body: str) -> None:
    if arn.split(":")[2] == "sns":
        from ministack.services import sns

        if sns.publish_internal(arn, body) is None:
            raise LookupError("there is no such topic")
        return
    from ministack.services import sqs

    name = arn.rpartition(":")[2]
    url = sqs._queue_url(name)
    sqs._act_send_message({"QueueUrl": url, "MessageBody": body}, url)
