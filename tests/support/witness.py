"""An AWS that others wrote: moto's server, with the local Athena in front of its catalogue and its objects.

moto's Athena keeps queries and answers none, so the engine could not even create a table there. All that the engine
itself asks of S3, DynamoDB, Glue, SQS and SNS goes to moto, and so does what the Athena reads and writes; the engine
finds each by AWS's own variables, AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_ATHENA.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.localaws import ACCOUNT, REGION, LocalAws, running_localaws

# moto's own: the account of all that is asked for without a role.
_SETTINGS = {"MOTO_ACCOUNT_ID": ACCOUNT}


@dataclass
class Witness(LocalAws):
    """moto's server as a LocalAws whose Athena is another server's, ``athena``."""

    athena: LocalAws | None = None

    @property
    def environment(self) -> dict[str, str]:
        assert self.athena is not None
        return {**super().environment, "AWS_ENDPOINT_URL_ATHENA": self.athena.endpoint_url}

    def client(self, service: str, region: str = REGION) -> Any:
        """A boto3 client of this server, or of the Athena."""
        if service == "athena":
            assert self.athena is not None
            return self.athena.client(service, region)
        return super().client(service, region)


@contextlib.contextmanager
def running_witness(state_dir: Path) -> Generator[Witness]:
    """Both servers, stopped at the end."""
    moto = running_localaws(
        state_dir / "moto", module="tests.support.moto_server", python=Path(sys.executable), environment=_SETTINGS
    )
    with moto as server:
        environment = {"WITNESS_ENDPOINT_URL": server.endpoint_url}
        athena = running_localaws(state_dir / "athena", module="tests.support.witness_athena", environment=environment)
        with athena as queries:
            yield Witness(server.endpoint_url, server.process, server.log, athena=queries)
