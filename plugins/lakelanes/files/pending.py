"""Which files are still to be loaded, as the ledger has it."""

from __future__ import annotations

from collections.abc import Iterable

from lakelanes.lake import Lake
from lakelanes.ledger.entries import Entry
from lakelanes.ledger.source_file import SourceFile


def pending(lake: Lake, files: Iterable[SourceFile]) -> list[SourceFile]:
    """The files whose listed version is not in the table yet, or not in its newest form."""
    files = list(files)
    known = lake.ledger.get_many((file.uri for file in files), fields=("source", "state", "etag"))
    return [file for file in files if not is_done(known.get(file.uri), file)]


def is_done(entry: Entry | None, file: SourceFile) -> bool:
    """Whether the ledger says that this version of the file is in its table."""
    return entry is not None and entry.state == "loaded" and entry.etag == file.etag
