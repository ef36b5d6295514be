"""The steps of DynamoDB tables, held against requests that are counted on the local AWS."""

from __future__ import annotations

from collections import Counter

from lakelanes import watch
from lakelanes.cost.requests import billed, requests_of
from lakelanes.tables.snapshot import compact
from tests.lakelanes.tables.conftest import local_aws, make_source, source
from tests.lakelanes.tables.export_runs import run_exports, settle_and_run
from tests.support.requests_made import RequestsMade
from tests.support.source_tables import SourceTable

__all__ = ["local_aws", "make_source", "source"]


def test_a_window_a_night_and_a_watch_make_the_requests_of_their_steps(source: SourceTable) -> None:
    source.put("a", "1.25")
    settle_and_run(source)
    source.put("b", "1.50")
    source.close(source.next_window())
    made = RequestsMade(source.lake)
    run_exports(source)
    found = billed(made.names)
    # Whoever waits for the export reads the ledger each time it asks; on AWS a trigger waits, and reads nothing.
    found["GetItem"] -= Counter(made.names)["DescribeExport"]
    assert found == requests_of({"export": 1})
    made.names.clear()
    watch.gaps(source.lake)
    assert billed(made.names) == requests_of({"watch_table": 1})
    made.names.clear()
    compact(source.lake, source.table)
    # A file of the snapshot, and one of the window.
    assert billed(made.names) == requests_of({"compact": 1, "read_table": 2})
