"""The sockets of processes that come and go."""

from __future__ import annotations

from typing import Any

import psutil


def connections_of(process: psutil.Process) -> list[Any]:
    """The process's internet sockets; none of one that has ended since it was found."""
    try:
        return list(process.net_connections("inet"))
    except psutil.NoSuchProcess:
        return []
