"""A lake: one configuration with the AWS clients, the ledger and the clock that go with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from lakelanes.aws.clients import Clients
from lakelanes.config.loading import load_config
from lakelanes.config.model import LakeConfig
from lakelanes.ledger import ownership
from lakelanes.ledger.files import Ledger
from lakelanes.runtime import check_arrow


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Lake:
    """What every step of the engine works with. Clients are made on first use and may be shared by threads."""

    config: LakeConfig
    clock: Callable[[], datetime] = utc_now

    @classmethod
    def open(cls, config: LakeConfig | None = None, clock: Callable[[], datetime] = utc_now) -> Lake:
        """The lake of ``config``, or of the file that LAKE_CONFIG names. Raises ConfigError and LibraryError."""
        check_arrow()
        return cls(config or load_config(), clock)

    def make_clients(self) -> None:
        """Makes the clients that every load needs, those of S3 and of the ledger, which takes longer than loading a
        small file; no request is sent. The others are for new partitions and for what goes wrong."""
        for service in ("s3", "dynamodb"):
            self._clients.get(service)

    @property
    def s3(self) -> Any:
        return self._clients.get("s3")

    @property
    def glue(self) -> Any:
        return self._clients.get("glue")

    @property
    def athena(self) -> Any:
        return self._clients.get("athena")

    @property
    def sns(self) -> Any:
        return self._clients.get("sns")

    @property
    def sqs(self) -> Any:
        return self._clients.get("sqs")

    @property
    def quicksight(self) -> Any:
        return self._clients.get("quicksight")

    @property
    def dynamodb(self) -> Any:
        return self._clients.get("dynamodb")

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.dynamodb, self.config.resources.ledger_table, self.clock)

    def check_owner(self) -> None:
        """Makes sure, once, that the analytics bucket and the ledger are each other's, before anything is written to
        either or taken from them. Raises OwnerError."""
        self.ledger.token_floor = self._owner.generation * ownership.TOKENS

    @cached_property
    def _owner(self) -> ownership.Owner:
        return ownership.claim_bucket(self.s3, self.ledger, self.config)

    @cached_property
    def _clients(self) -> Clients:
        return Clients(self.config.aws.region)
