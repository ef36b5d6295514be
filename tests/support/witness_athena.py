"""The local Athena on another server's catalogue and objects; run by the local AWS's interpreter.

``python -m tests.support.witness_athena``, with the other server's address in WITNESS_ENDPOINT_URL. Workgroups are this
server's own. Of its other services nothing is used.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from localaws import __main__ as command_line
from localaws import server
from localaws.access import Clients
from localaws.athena.service import AthenaService


class AthenaElsewhere(AthenaService):
    """Reads tables and files, creates tables and writes results through the other server."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._clients = Clients(os.environ["WITNESS_ENDPOINT_URL"])


if __name__ == "__main__":
    server.AthenaService = AthenaElsewhere  # type: ignore[misc]
    sys.exit(command_line.main())
