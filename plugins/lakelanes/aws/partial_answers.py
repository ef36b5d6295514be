"""Batches whose answer is a success and still names what was not done: sent again while that can help.

AWS asks for pauses that grow between two tries
(https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html,
https://docs.aws.amazon.com/glue/latest/webapi/API_BatchCreatePartition.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html,
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_BatchResultErrorEntry.html).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from lakelanes.aws.failures import code_passes
from lakelanes.aws.pauses import pause
from lakelanes.errors import PartialAnswerError

# So often in a row a batch may be sent without a single item of it being done.
TRIES = 8
# An error names so many of them.
_NAMED = 5

Item = TypeVar("Item")


@dataclass(frozen=True)
class Left(Generic[Item]):
    """An item that AWS did not do. code, message: AWS's words for it; '' where it just did not get to it. passes:
    whether another try can do it."""

    item: Item
    code: str = ""
    message: str = ""
    passes: bool = True

    @property
    def reason(self) -> str:
        return ": ".join(filter(None, (self.code, self.message))) or "AWS did not get to it"


def left_for(item: Item, service: str, code: str, message: str = "") -> Left[Item]:
    """An item that a service did not do for the reason that a code says."""
    return Left(item, code, message, code_passes(code, service))


def left_messages(entries: Iterable[dict[str, Any]], answer: Any) -> Iterator[Left[dict[str, Any]]]:
    """The entries of a batch of SQS or SNS that its answer says failed. One that failed by the sender's fault
    (SenderFault) fails again."""
    by_id = {entry["Id"]: entry for entry in entries}
    for one in answer.get("Failed", ()):
        yield Left(by_id[one["Id"]], one["Code"], one.get("Message", ""), passes=not one["SenderFault"])


def send(items: Iterable[Item], request: Callable[[Sequence[Item]], Iterable[Left[Item]]]) -> list[Left[Item]]:
    """Sends a batch, and again what was left of it and may pass, as long as that goes forward; returns what is left.

    request: sends items, and says which of them were not done.
    """
    waiting, given_up, futile = list(items), list[Left[Item]](), 0
    while waiting:
        left = list(request(waiting))
        given_up += [one for one in left if not one.passes]
        again = [one for one in left if one.passes]
        futile = futile + 1 if len(left) == len(waiting) else 0
        if futile == TRIES:
            return given_up + again
        waiting = [one.item for one in again]
        if waiting:
            pause(futile)
    return given_up


def require_all(left: Sequence[Left[Item]], what: str, name: Callable[[Item], str] = str) -> None:
    """Raises PartialAnswerError when something is left, retryable if another try can do any of it.

    what: for the message, e.g. ``objects of s3://lake were not deleted``, before which their number is put. name: what
    the message calls an item.
    """
    if left:
        passes = any(one.passes for one in left)
        named = "; ".join(f"{name(one.item)}: {one.reason}" for one in left[:_NAMED])
        more = f"; and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
        raise PartialAnswerError(f"{len(left)} {what}: {named}{more}", retryable=passes)
