"""Deletes what belongs to an entity or a DynamoDB table that the configuration has no more.

In this order, so that whoever asks gets an error and no part of an answer, and so that a drop that was interrupted can
be run again: a note of what is to go, views, tables, objects, the ledger's items, alerts, the note. Source files,
DynamoDB's own table and files of the repository are not touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lakelanes.alerts.incidents import Send, cure_all
from lakelanes.aws.storage import DELETE_LIMIT, delete_objects, list_folder
from lakelanes.catalog import glue_tables
from lakelanes.catalog.views import drop_views
from lakelanes.concurrently import map_concurrently
from lakelanes.drop.belongings import Belongings, belongings, journal
from lakelanes.errors import DropError
from lakelanes.ledger.entries import Entry
from lakelanes.ledger.items import CURRENT
from lakelanes.ledger.notes import note_key

if TYPE_CHECKING:
    from lakelanes.lake import Lake


def check(found: Belongings) -> None:
    """Raises DropError where something still fills what would be deleted: the configuration, or a worker."""
    if found.configured:
        raise DropError(
            f"the configuration still has {found.configured}, so its files would be loaded again: take it out, deploy "
            f"that, and then drop {found.name}"
        )
    if found.held:
        raise DropError(f"{found.name} is being written to: {'; '.join(found.held[:3])}. Try again when that is over")


def drop(lake: Lake, found: Belongings, send: Send) -> None:
    """Deletes what was found; closes the alerts, with a message to those who got them.

    Raises DropError as ``check`` does, and, after all the rest, where something is there that was not found or changed
    meanwhile.
    """
    check(found)
    lake.check_owner()
    tables = sorted({*found.tables, *lake.ledger.read_note(journal(found.name)).get("tables", ())})
    lake.ledger.write_note(journal(found.name), {"tables": tables})
    drop_views(lake, found.views)
    for table in found.tables:
        glue_tables.drop(lake, table)
    for folder in found.folders:
        _empty(lake, folder.prefix)
    kept = _forget(lake, found)
    how = f"{found.name} was dropped from the lake"
    cure_all(lake, [(incident, how) for incident in found.alerts], send)
    if not kept:
        left = belongings(lake, found.name)
        kept = [*left.tables, *(folder.prefix for folder in left.folders), *(entry.source for entry in left.entries)]
    if kept:
        raise DropError(
            f"{found.name} was written to meanwhile, by something that still has its old configuration: {kept[0]}. "
            "Deploy the new one to Airflow and the functions, and drop it once more"
        )
    lake.ledger.delete_if(*note_key(journal(found.name)))


def _empty(lake: Lake, prefix: str) -> None:
    bucket = lake.config.resources.analytics_bucket
    keys = [listed["Key"] for listed in list_folder(lake.s3, bucket, prefix)]
    chunks = [keys[at : at + DELETE_LIMIT] for at in range(0, len(keys), DELETE_LIMIT)]

    def delete(chunk: Sequence[str]) -> None:
        for left in delete_objects(lake.s3, bucket, chunk):
            raise DropError(f"s3://{bucket}/{left.item} was not deleted: {left.reason}")

    map_concurrently(delete, chunks)


def _forget(lake: Lake, found: Belongings) -> list[str]:
    """Deletes the ledger's items; the sources of the files that somebody claimed since they were read."""

    def forget(entry: Entry) -> bool:
        if entry.version != CURRENT:
            return lake.ledger.delete_if(entry.source, entry.version)
        condition = "updated_at = :updated_at"
        return lake.ledger.delete_if(entry.source, CURRENT, condition, updated_at=entry.updated_at)

    done = map_concurrently(forget, found.entries)
    map_concurrently(lambda key: lake.ledger.delete_if(*key), found.keys)
    return [entry.source for entry, gone in zip(found.entries, done, strict=True) if not gone]
