"""Our sweep: what no lane has loaded, of all keys of the source bucket or of those named for the last days."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from benchmarks.worker import peak_rss_mb
from lakelanes.config.loading import load_config
from lakelanes.files.sweep import find_unloaded
from lakelanes.lake import Lake

_found: dict[str, Any] = {}


def load_all(task: dict[str, Any]) -> Callable[[], list[tuple[int, int]]]:
    now = datetime.fromisoformat(task["now"])
    lake = Lake.open(load_config(task["config"]), clock=lambda: now)
    lake.make_clients()
    _found["start_rss_mb"] = peak_rss_mb()

    def sweep() -> list[tuple[int, int]]:
        found = find_unloaded(lake, full=task["full"])
        keys = [file.key for files in found.files.values() for file in files]
        _found.update(listed=found.listed, keys_digest=digest(keys), others=len(found.unmatched) + found.settling)
        return [(len(keys), 0)]

    return sweep


def figures() -> dict[str, Any]:
    """How many keys were listed, a digest of those found, and how many names were put aside; the memory before."""
    return _found


def digest(keys: Iterable[str]) -> str:
    """The same for the same keys in whatever order, and another where one comes twice."""
    return hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest()
