"""The lake of this process."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from lakelanes.config.loading import DEFAULT_PATH
from lakelanes.lake import Lake


def open_lake() -> Lake:
    """The configured lake; one per process, so that many triggers share their AWS clients.

    A changed configuration file is noticed. Raises ConfigError when it cannot be used.
    """
    path = Path(os.environ.get("LAKE_CONFIG") or DEFAULT_PATH)
    try:
        changed = path.stat().st_mtime_ns
    except OSError:
        changed = 0
    return _open(path, changed, os.environ.get("AWS_ENDPOINT_URL"))


@lru_cache(maxsize=1)
def _open(path: Path, changed: int, endpoint: str | None) -> Lake:
    return Lake.open()
