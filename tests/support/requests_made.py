"""Which operations of AWS a lake's clients call."""

from __future__ import annotations

from typing import Any

from lakelanes.lake import Lake

READS = ("Get", "BatchGet", "Head", "List", "Query", "Describe")


class RequestsMade:
    """Collects the names of the operations that the lake's clients call from now on."""

    def __init__(self, lake: Lake) -> None:
        self.names: list[str] = []
        for client in (lake.s3, lake.glue, lake.dynamodb, lake.athena, lake.sns, lake.sqs):
            client.meta.events.register("before-call", self._note)

    def _note(self, model: Any, **_: Any) -> None:
        self.names.append(model.name)

    @property
    def writes(self) -> list[str]:
        """Those that may change something. A message that is received is hidden from others, so that counts."""
        return [name for name in self.names if not name.startswith(READS)]
