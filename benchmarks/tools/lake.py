"""Our engine, S3 to S3: list the source, load through the ledger, register the partitions in Glue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lakelanes.catalog.registrar import Registrar
from lakelanes.config.loading import load_config
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_entity
from lakelanes.files.matching import partition_for
from lakelanes.files.outcomes import raise_for_outcomes
from lakelanes.lake import Lake


def load_all(task: dict[str, Any]) -> Callable[[], list[tuple[int, int]]]:
    lake = Lake.open(load_config(task["config"]))
    entity = next(iter(lake.config.entities.values()))
    # Clients are part of starting, as imports are; the converter's are loaded on first use.
    import lakelanes.convert.pipeline  # noqa: F401

    lake.s3, lake.ledger, lake.glue, lake.athena  # noqa: B018

    def convert_all() -> list[tuple[int, int]]:
        files = list_entity(lake, entity)
        outcomes = load_batch(lake, entity, files, lane="batch", run_id="bench")
        raise_for_outcomes(outcomes)
        if task["catalog"]:
            Registrar(lake, "look").register_entity(entity, {partition_for(entity, file.key) for file in files})
        if len(outcomes) != len(task["files"]):
            raise RuntimeError(f"{len(outcomes)} files were found, {len(task['files'])} are there")
        return [(outcome.rows_loaded or 0, outcome.rows_rejected or 0) for outcome in outcomes]

    return convert_all
