"""What the engine takes and gives: the interface between Athena's API and the engine."""

from __future__ import annotations

import threading
import uuid
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
    """A finished statement. Cells are text as Athena prints them, None for NULL; `written` counts rows kept."""

    statement_type: str
    substatement_type: str
    columns: list[ResultColumn] = field(default_factory=list)
    rows: list[tuple[str | None, ...]] = field(default_factory=list)
    bytes_scanned: int = 0
    written: int | None = None


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
    identifier: str = field(default_factory=lambda: str(uuid.uuid4()))
    # Where CREATE TABLE AS writes unless it says where, and whether the workgroup lets it say so.
    tables: str = ""
    may_say_where: bool = True
    # PutObject's options, as the result configuration's encryption asks for them.
    encryption: dict[str, str] = field(default_factory=dict)
    # The files that the statement has begun to write, failed or not.
    written: list[str] = field(default_factory=list)
    # Carries out an operation of the API on the workgroup's prepared statements. Raises QueryFailed.
    prepared: Callable[..., Any] | None = None
