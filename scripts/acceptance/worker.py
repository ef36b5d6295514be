"""What Airflow's workers do with the engine, one step per process, without Airflow: prints one JSON object.

    python -m scripts.acceptance.worker load FOLDER_OF_VIEWS
    python -m scripts.acceptance.worker export | compact

A process of its own, so that it runs with the credentials of the workers' role. The lake is that of LAKE_CONFIG.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lakelanes.catalog.views import refresh
from lakelanes.errors import LakeError
from lakelanes.files.batch import load_batch
from lakelanes.files.publish import Scope
from lakelanes.files.publish import publish as publish_files
from lakelanes.files.sweep import find_unloaded, finish, register_done
from lakelanes.lake import Lake
from lakelanes.tables.current import publish as publish_table
from lakelanes.tables.export_requests import poll_export, request_export
from lakelanes.tables.import_export import import_into_lake
from lakelanes.tables.ledger import Export, TableLedger
from lakelanes.tables.planning import plan
from lakelanes.tables.snapshot import compact

_RUN = "acceptance"
_POLL_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def load(lake: Lake, views: Path) -> dict[str, Any]:
    """The sweep: loads what no lane has loaded, publishes it, makes the views."""
    sweep = find_unloaded(lake, full=True)
    register_done(lake, sweep)
    outcomes, planned = [], []
    for name, files in sweep.files.items():
        outcomes += load_batch(lake, lake.config.entities[name], files, lane="batch", run_id=_RUN)
        planned += [(name, file) for file in files]
    unloaded = {outcome.source for outcome in outcomes if outcome.is_failure}
    scope = Scope(loaded_fast=sweep.loaded_fast, until=sweep.until)
    published = publish_files(lake, planned, scope, unloaded)
    finish(lake, sweep.until)
    return {
        "states": dict(Counter(outcome.state for outcome in outcomes)),
        "partitions": {name: sorted(keys) for name, keys in published.partition_keys.items()},
        "views": {outcome.name: outcome.action for outcome in refresh(lake, views)},
    }


def export(lake: Lake) -> dict[str, Any]:
    """Exports whatever is due of the orders, waits for it, and publishes it; says up to when to wait if nothing is."""
    table = lake.config.tables["orders"]
    found = plan(lake, table, run_id=_RUN)
    if found.wait_until is not None or not found.exports:
        until = found.wait_until.isoformat() if found.wait_until else None
        return {"exports": [], "wait_until": until, "note": found.note}
    done = [import_into_lake(lake, table, _made(lake, each)) for each in found.exports]
    publish_table(lake, table, [each.start for each in done if each.kind == "window"])
    ledger = TableLedger(lake, table.name)
    for each in done:
        ledger.write(each, state="published")
    return {"exports": [{"kind": each.kind, "rows": each.rows, "name": str(each)} for each in done], "wait_until": None}


def _made(lake: Lake, planned: Export) -> Export:
    """The export once DynamoDB has made it. RuntimeError when it failed."""
    table, pauses, made = lake.config.tables["orders"], list(_POLL_SECONDS), planned
    while made.state in ("planned", "exporting"):
        made = poll_export(lake, table, request_export(lake, table, made))
        if made.state == "exporting":
            time.sleep(pauses.pop(0) if len(pauses) > 1 else pauses[0])
    if made.state in ("failed", "gap"):
        raise RuntimeError(f"the {made} is {made.state}: {made.reason}")
    return made


def compact_orders(lake: Lake) -> dict[str, Any]:
    """Makes the next snapshot of the orders."""
    done = compact(lake, lake.config.tables["orders"])
    return {"rows": done.snapshot.rows if done.snapshot else None, "changes": done.changes, "note": done.note}


def main(arguments: list[str]) -> int:
    """Runs one step. Returns 0, 1 when it failed, with the error in one line, or 2 for a step that there is not."""
    lake = Lake.open()
    try:
        match arguments:
            case ["load", views]:
                answer = load(lake, Path(views))
            case ["export"]:
                answer = export(lake)
            case ["compact"]:
                answer = compact_orders(lake)
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except (BotoCoreError, ClientError, LakeError) as error:
        print(f"{type(error).__name__}: {error}".replace("\n", " "), file=sys.stderr)
        return 1
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
