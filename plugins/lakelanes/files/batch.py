"""A batch of files of one entity, loaded several at a time: the one entry of every lane."""

from __future__ import annotations

import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import nullcontext

from lakelanes.catalog.evolution import Evolution
from lakelanes.config.model import Entity, Lane
from lakelanes.convert import threads_for_one_file
from lakelanes.files.attempt import OUT_OF_TIME, Attempt, BatchContext
from lakelanes.files.leases import Leases
from lakelanes.files.outcomes import FileOutcome
from lakelanes.files.partitioned_objects import TableObjects
from lakelanes.lake import Lake
from lakelanes.ledger.source_file import SourceFile

log = logging.getLogger(__name__)

# Files above this many bytes are converted one per core; smaller ones wait for the network most of their time.
_LARGE = 16 << 20
_SMALL_WORKERS = 8


def load_batch(
    lake: Lake,
    entity: Entity,
    files: Sequence[SourceFile],
    *,
    lane: Lane,
    run_id: str | Callable[[SourceFile], str],
    reload: bool = False,
    deadline: float | None = None,
) -> list[FileOutcome]:
    """Loads files of one entity, several at a time; one outcome per file, in the order given.

    Never raises for a file: whatever happens to it is in its outcome and in the ledger. ``run_id`` may differ from file
    to file. What is not loaded at ``deadline`` (of time.monotonic) is called off and given back to the ledger, and has
    failed for now; its worker cannot write any more what counts.
    """
    if not files:
        return []
    lake.check_owner()
    known = lake.ledger.get_many(file.uri for file in files)
    stop = threading.Event()
    with Leases(lake.ledger) as leases:
        context = _context(lake, entity, lane, leases, stop, threads_for_one_file() if len(files) == 1 else 1)

        def load(file: SourceFile) -> FileOutcome:
            with large if file.size > _LARGE else nullcontext():
                run = run_id(file) if callable(run_id) else run_id
                outcome = Attempt(context, file, run).load(known.get(file.uri), reload)
            log.log(logging.WARNING if outcome.is_failure else logging.INFO, outcome.describe())
            return outcome

        cores = os.cpu_count() or 1
        large = threading.Semaphore(cores)
        pool = ThreadPoolExecutor(min(len(files), max(cores, _SMALL_WORKERS)), thread_name_prefix="load")
        tasks = [pool.submit(load, file) for file in files]
        try:
            done, late = wait(tasks, None if deadline is None else max(0.0, deadline - time.monotonic()))
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
        if late:
            stop.set()
            leases.give_back(OUT_OF_TIME)
        # A worker that is called off ends at its next read; it is not waited for.
        pool.shutdown(wait=not late, cancel_futures=True)
        return [
            task.result()
            if task in done
            else FileOutcome(file.uri, "failed", size=file.size, error=OUT_OF_TIME, retryable=True)
            for file, task in zip(files, tasks, strict=True)
        ]


def _context(
    lake: Lake, entity: Entity, lane: Lane, leases: Leases, stop: threading.Event, threads: int
) -> BatchContext:
    return BatchContext(
        lake,
        entity,
        lane,
        owner=f"{lane}-{os.getpid()}-{uuid.uuid4().hex[:12]}",
        leases=leases,
        evolution=Evolution(lake, entity),
        stop=stop,
        threads=threads,
        objects=TableObjects(lake, entity),
    )
