"""What the engine takes and gives: the interface between Athena's API and the engine."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ResultColumn:
    """A result column as GetQueryResults' ColumnInfo describes it."""

    name: str
    type: str
    precision: int = 0
    scale: int = 0
    nullable: str = "UNKNOWN"


@dataclass
class QueryResult:
    """A finished statement. Cells are text as Athena prints them, None for NULL."""

    statement_type: str
    substatement_type: str
    columns: list[ResultColumn] = field(default_factory=list)
    rows: list[tuple[str | None, ...]] = field(default_factory=list)
    bytes_scanned: int = 0


@dataclass
class QueryContext:
    """What a statement runs with: the session's database, clients of our own endpoint, when to stop, what it may do."""

    database: str | None
    glue: Any
    s3: Any
    filesystem: Any = None
    cancelled: threading.Event = field(default_factory=threading.Event)
    bytes_scanned_cutoff: int | None = None
    # Whether the caller has the right to an action on a resource.
    allowed: Callable[[str, str], bool] = lambda action, resource: True
