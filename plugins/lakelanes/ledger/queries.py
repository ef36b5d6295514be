"""Questions to the ledger: files by their URIs, by partition, by state, and their past versions.

The table has two indexes: ``by_partition`` (entity_partition, source) for validation and ``by_state`` (entity_state,
updated_at) for alerts, sweeps and the UI. A file without a partition of its own is in ``by_partition`` under a bucket
(see ``place_in_index``), so that ``lakelanes.ledger.summaries`` can count every file through that index.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain, groupby, islice
from typing import Any

from lakelanes.ledger.entries import PART, Entry, Part, State, timestamp
from lakelanes.ledger.items import CURRENT, placeholders, projection
from lakelanes.ledger.table import LedgerTable

# Files that ``each`` holds the entries of.
_READ_AT_ONCE = 10_000


class FileQueries(LedgerTable):
    """What the ledger knows of source files. Indexes are eventually consistent."""

    def get(self, source: str) -> Entry | None:
        """The newest version of a file by its URI; strongly consistent."""
        item = self._get(source, CURRENT)
        return Entry.from_item(item) if item else None

    def get_many(self, sources: Iterable[str], *, fields: Sequence[str] = ()) -> dict[str, Entry]:
        """The newest versions of many files, 100 a request; strongly consistent. Unknown files are left out.

        ``fields``: to read these attributes alone, source among them. Such an entry must not be given to ``claim``."""
        items = self.read_items(((source, CURRENT) for source in sources), fields=fields)
        return {entry.source: entry for entry in map(Entry.from_item, items)}

    def each(self, sources: Iterable[str], *, fields: Sequence[str] = ()) -> Iterator[tuple[str, Entry | None]]:
        """Each of any number of files with its newest version, None of an unknown one; read as ``get_many`` does, in
        parts, for the entries of all may be more than memory has."""
        waiting = iter(sources)
        while some := list(islice(waiting, _READ_AT_ONCE)):
            found = self.get_many(some, fields=fields)
            yield from ((source, found.get(source)) for source in some)

    def parts(self, source: str) -> dict[str, Part]:
        """The Parts of a file by their folders; strongly consistent."""
        pages = self._db.get_paginator("query").paginate(
            TableName=self.table,
            ConsistentRead=True,
            KeyConditionExpression="#s = :s AND begins_with(#v, :v)",
            ExpressionAttributeNames={"#s": "source", "#v": "version"},
            ExpressionAttributeValues={":s": {"S": source}, ":v": {"S": PART}},
        )
        found = [Part.from_item(item) for page in pages for item in page["Items"]]
        return {part.folder: part for part in found}

    def in_partition(self, entity: str, partition: str, *, fields: Sequence[str] = ()) -> Iterator[Entry]:
        """Files of a partition (eventually consistent: an index). ``fields``: as in ``get_many``."""
        pages = self._pages("by_partition", "entity_partition", f"{entity}#{partition}", None, fields)
        yield from chain.from_iterable(pages)

    def in_state(
        self, entity: str, state: State, since: datetime | None = None, *, fields: Sequence[str] = ()
    ) -> Iterator[Entry]:
        """Files of an entity in a state, oldest change first (eventually consistent: an index). ``fields``: as in
        ``get_many``."""
        changed = (">=", timestamp(since)) if since else None
        yield from chain.from_iterable(self._pages("by_state", "entity_state", f"{entity}#{state}", changed, fields))

    def latest(
        self,
        entity: str,
        state: State,
        limit: int,
        before: tuple[str, str] | None = None,
        *,
        fields: Sequence[str] = (),
    ) -> list[Entry]:
        """The ``limit`` files of an entity in a state that changed last, newest first, without their past versions.

        ``before``: (updated_at, source) of the last file of the page before. ``fields``: to read these attributes
        alone, source and updated_at among them. One request of the index by_state, which reads what it returns
        (eventually consistent).
        """
        pages = self._changes(entity, state, before, newest_first=True, page=limit + 1, fields=fields)
        found: list[Entry] = []
        for entries in pages:
            found += [entry for entry in entries if before is None or (entry.updated_at, entry.source) < before]
            if len(found) >= limit:
                break
        return sorted(found, key=lambda entry: (entry.updated_at, entry.source), reverse=True)[:limit]

    def by_change(
        self,
        entity: str,
        state: State,
        *,
        after: tuple[str, str] | None = None,
        newest_first: bool = True,
        page: int = 100,
        fields: Sequence[str] = (),
    ) -> Iterator[Entry]:
        """Files of an entity in a state by the time of their last change, without their past versions.

        ``after``: (updated_at, source) of the file to go on from. ``page``: so many are asked for at a time, once those
        before have been taken. ``fields``: as in ``latest``. Of files of one moment the index has no order that can be
        relied on, so they are read together, and come in that of their URIs.
        """
        pages = self._changes(entity, state, after, newest_first=newest_first, page=page, fields=fields)
        for _, moment in groupby(chain.from_iterable(pages), key=lambda entry: entry.updated_at):
            for entry in sorted(moment, key=lambda entry: entry.source, reverse=newest_first):
                place = (entry.updated_at, entry.source)
                if after is None or (place < after if newest_first else place > after):
                    yield entry

    def _changes(
        self,
        entity: str,
        state: State,
        after: tuple[str, str] | None,
        *,
        newest_first: bool,
        page: int,
        fields: Sequence[str],
    ) -> Iterator[list[Entry]]:
        """Answers of the index by_state from the moment of ``after`` on, that moment included."""
        changed = (("<=" if newest_first else ">="), after[0]) if after else None
        order = {"ScanIndexForward": not newest_first, "Limit": page}
        yield from self._pages("by_state", "entity_state", f"{entity}#{state}", changed, fields, **order)

    def page_of_partition(self, entity: str, partition: str, limit: int, after: str = "") -> list[Entry]:
        """The first files of a partition after the URI ``after``, by the index by_partition: the current entry of each
        file that is in this partition alone or has a Part there."""
        condition, values = "#k = :k", {":k": {"S": f"{entity}#{partition}"}}
        names = {"#k": "entity_partition"}
        if after:
            condition += " AND #s > :s"
            names["#s"] = "source"
            values[":s"] = {"S": after}
        items = self._db.query(
            TableName=self.table,
            IndexName="by_partition",
            KeyConditionExpression=condition,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
            Limit=limit,
        )["Items"]
        found = [Entry.from_item(item) for item in items]
        whole = self.get_many(entry.source for entry in found if entry.version != CURRENT)
        return [entry if entry.version == CURRENT else whole.get(entry.source, entry) for entry in found]

    def history(self, source: str, limit: int = 20) -> list[Entry]:
        """Past versions of a file, those of the highest tokens last."""
        items = self._db.query(
            TableName=self.table,
            KeyConditionExpression="#s = :s",
            # Parts and the current item share the file's key.
            FilterExpression="#st = :superseded",
            ExpressionAttributeNames={"#s": "source", "#st": "state"},
            ExpressionAttributeValues={":s": {"S": source}, ":superseded": {"S": "superseded"}},
        )["Items"]
        return sorted(map(Entry.from_item, items), key=lambda entry: entry.token)[-limit:]

    def failures_of_run(self, run_id: str, entities: Iterable[str], since: datetime | None = None) -> list[Entry]:
        """Files that ``run_id`` could not load, of the given entities, from the last seven days or ``since``."""
        since = since or self._clock() - timedelta(days=7)
        return [
            entry
            for entity in entities
            for state in ("rejected", "failed")
            for entry in self.in_state(entity, state, since)
            if entry.run_id == run_id
        ]

    def _pages(
        self,
        index: str,
        attribute: str,
        value: str,
        changed: tuple[str, str] | None,
        fields: Sequence[str],
        **order: Any,
    ) -> Iterator[list[Entry]]:
        """Answers of an index, each as its entries. ``changed``: how updated_at compares, and with what; ``order``: in
        which order entries come, and how many at a time."""
        condition, values = f"#{attribute} = :k", {":k": {"S": value}}
        names, read = placeholders([attribute]), placeholders(fields)
        if changed:
            condition += f" AND #updated_at {changed[0]} :u"
            names |= placeholders(["updated_at"])
            values[":u"] = {"S": changed[1]}
        pages = self._db.get_paginator("query").paginate(
            TableName=self.table,
            IndexName=index,
            KeyConditionExpression=condition,
            ExpressionAttributeNames=names | read,
            ExpressionAttributeValues=values,
            **projection(read),
            **order,
        )
        for page in pages:
            yield [Entry.from_item(item) for item in page["Items"]]
