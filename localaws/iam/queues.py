"""A queue without any policy takes what topics of its account send, which AWS refuses.

People listen to the lake's alerts with a queue of their own, made with a few commands; nothing of the product does. A
queue that has a policy is held to it.
"""

from __future__ import annotations

from typing import Any

_TOPICS = "sns.amazonaws.com"


def install(sqs: Any) -> None:
    """Have ministack's SQS do so."""
    allows = sqs.queue_policy_allows

    def allowing(queue_arn: str, service: str, source_arn: str, source_account: str) -> bool:
        queue = sqs._queue_by_arn(queue_arn)
        if service == _TOPICS and queue is not None and not queue["attributes"].get("Policy"):
            return bool(queue_arn.split(":")[4] == source_account)
        return bool(allows(queue_arn, service, source_arn, source_account))

    sqs.queue_policy_allows = allowing
