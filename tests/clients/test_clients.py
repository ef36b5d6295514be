"""A client on the sample lake, where its environment is: ``make clients CLIENTS="--prepare pyathena"`` makes it.

The suites of all clients are what ``make clients`` runs.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients import environments
from tests.clients.__main__ import run_client
from tests.clients.lake import client_lake
from tests.support.localaws import LocalAws

pytestmark = pytest.mark.long


@pytest.mark.skipif(
    not environments.is_ready("pyathena"), reason='there is no PyAthena: make clients CLIENTS="--prepare pyathena"'
)
def test_pyathena_reads_what_was_written(local_aws: LocalAws, tmp_path: Path) -> None:
    with client_lake(local_aws, days=2) as lake:
        result = run_client(lake, "pyathena", tmp_path)
    assert (result.failed, result.passed > 25) == (0, True), result.output
