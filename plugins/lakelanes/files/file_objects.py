"""The objects of one source file in the analytics bucket: the table's, and that of its rejected rows.

Each is replaced only while it is the one that is expected under its key: the one that the last commit left, or the one
that was found there when something else was met (docs/exactly-once.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from contextlib import suppress

from lakelanes.aws.failures import kind_of
from lakelanes.aws.storage import (
    ObjectReader,
    ObjectWriter,
    WrittenObject,
    archived,
    copy,
    delete_exactly,
    is_another_object,
    place_of,
    written_object,
)
from lakelanes.config.model import Entity
from lakelanes.config.partitions import Partition
from lakelanes.errors import SourceChangedError, TargetChangedError
from lakelanes.files.target_keys import rejects_key, target_key, target_keys
from lakelanes.lake import Lake
from lakelanes.ledger.entries import Entry
from lakelanes.ledger.source_file import SourceFile


class FileObjects:
    """Where a file's objects lie, which ETags they are expected to have, and how they are replaced and taken away.

    claim: the ledger's entry, which names the objects that the last commit left.
    """

    def __init__(self, lake: Lake, entity: Entity, partition: Partition, source_key: str, claim: Entry) -> None:
        self._s3, self._bucket, self._source_key = lake.s3, lake.config.resources.analytics_bucket, source_key
        self._entity = entity
        self.target = self.uri_in(partition)
        self.rejects = self._uri(rejects_key(entity, partition, source_key))
        # Those that the target may be, by their endings, and those that this attempt has made.
        self._targets = {end: self._uri(key) for end, key in target_keys(entity, partition, source_key).items()}
        self._copied: set[str] = set()
        # Where the configuration has changed partition, table or format, there is nothing to replace under the new key.
        every = {self.target, *self._targets.values()}
        self._expected = {uri: claim.target_etag if claim.target == uri else None for uri in every}
        self._expected[self.rejects] = claim.rejects_etag if claim.rejects == self.rejects else None

    def uri_in(self, partition: Partition) -> str:
        """The URI of the file's object in the table's folder of a partition."""
        return self._uri(target_key(self._entity, partition, self._source_key))

    def end_with(self, ending: str) -> None:
        """From now on the target is the one of this ending (``target_keys``)."""
        self.target = self._targets[ending]

    def expects_none(self, uri: str) -> bool:
        """Whether no object is expected under the URI."""
        return self._expected[uri] is None

    def find(self, uri: str) -> WrittenObject | None:
        """The object that is there now."""
        return written_object(self._s3, *place_of(uri))

    def find_target(self) -> WrittenObject | None:
        """The table's object that is there now, of the latest claim where there are several; it is the target then."""
        found = {uri: one for uri in self._targets.values() if (one := self.find(uri))}
        if not found:
            return None
        self.target = max(found, key=lambda uri: (found[uri].token, uri == self.target))
        return found[self.target]

    def drop_other_endings(self, claim: Entry) -> None:
        """Deletes what a worker that died before its commit left of another version under another ending, or an earlier
        pass of this attempt: it would double rows. One of a later claim stays."""
        others = [uri for uri in self._targets.values() if uri != self.target]
        for uri in others if claim.token > 1 else self._copied & set(others):
            found = self.find(uri)
            if found and found.token <= claim.token:
                delete_exactly(self._s3, uri, found.etag)

    def expect_what_is_there(self) -> None:
        """From now on the objects that are there now are the ones to replace."""
        for uri in self._expected:
            found = self.find(uri)
            self._expected[uri] = found.etag if found else None

    def open(self, uri: str, stamp: dict[str, str]) -> ObjectWriter:
        """A writer that replaces the expected object under the URI. ``stamp``: the claim's, as metadata."""
        bucket, key = place_of(uri)
        return ObjectWriter(self._s3, bucket, key, expected_etag=self._expected[uri], metadata=stamp)

    def copy_source(self, source: SourceFile, stamp: dict[str, str]) -> str:
        """Has S3 copy the source to the target if it is still the version ``source``; returns the copy's ETag.

        Raises SourceChangedError, SourceGoneError and TargetChangedError.
        """
        bucket, key = place_of(self.target)
        expected = self._expected[self.target]
        condition = {"IfMatch": expected} if expected else {"IfNoneMatch": "*"}
        self._copied.add(self.target)
        try:
            return copy(
                self._s3,
                (source.bucket, source.key, source.etag, source.size),
                (bucket, key),
                condition,
                {"ContentType": "text/csv", "Metadata": stamp},
            )
        except self._s3.exceptions.ClientError as error:
            if is_another_object(error):
                raise self._copy_error(source) from None
            if kind_of(error) == "archived":
                raise archived(error, source.bucket, source.key) from None
            raise

    def _copy_error(self, source: SourceFile) -> Exception:
        """S3 answers alike for a source and for a target that is another or gone; reading the source tells which.

        Raises SourceGoneError when it is not there any more.
        """
        with ObjectReader(self._s3, source.bucket, source.key, part_bytes=1) as reader:
            if reader.etag != source.etag:
                return SourceChangedError(f"{source.uri} was overwritten while it was copied")
        return TargetChangedError(f"{self.target} was written by another worker since the file was claimed")

    def drop_rejects(self, claim: Entry) -> None:
        """Deletes the rejected rows of the version before: the new one has none.

        A first claim that expects no such object need not look. Any later one does: a worker that died before its
        commit may have left one. One of a later claim stays. Raises TargetChangedError.
        """
        etag = self._expected[self.rejects]
        if etag is None and claim.token > 1 and (found := self.find(self.rejects)):
            etag = found.etag if found.token <= claim.token else None
        if etag is None:
            return
        delete_exactly(self._s3, self.rejects, etag)

    def drop_moved(self, claim: Entry, kept: Set[str]) -> None:
        """Deletes what the file left where it belonged before its entity's configuration changed: it would double rows.

        kept: URIs that stay.
        """
        if self.target in kept:
            self.drop_other_endings(claim)
        for old in (claim.target, claim.rejects):
            if old and old not in kept:
                bucket, key = place_of(old)
                found = written_object(self._s3, bucket, key)
                if found and found.token <= claim.token:
                    self._s3.delete_object(Bucket=bucket, Key=key, IfMatch=found.etag)

    def take_back(self, writers: Iterable[ObjectWriter]) -> None:
        """Deletes objects that this attempt wrote where none had been: nobody would know of them."""
        for writer in writers:
            if writer.etag:
                bucket, key = place_of(writer.uri)
                with suppress(Exception):
                    self._s3.delete_object(Bucket=bucket, Key=key, IfMatch=writer.etag)

    def _uri(self, key: str) -> str:
        return f"s3://{self._bucket}/{key}"


def is_of_last_commit(entry: Entry, found: WrittenObject) -> bool:
    """Whether an object is the one that the entry's last commit left, not one that came after it without a commit."""
    return entry.target_etag == found.etag and found.source_etag in (entry.live_etag, None)


def is_overtaken(lake: Lake, entity: Entity, entry: Entry) -> bool:
    """Whether a file that was refused or deleted has another object in the table than its ledger entry says.

    A worker that hung past its lease put it there after its successor had found that there is nothing to put.
    """
    if entry.token < 2 or not entry.partition:
        return False
    _, source_key = place_of(entry.source)
    keys = target_keys(entity, Partition.from_path(entry.partition), source_key).values()
    every = (written_object(lake.s3, lake.config.resources.analytics_bucket, key) for key in keys)
    return any(found is not None and not is_of_last_commit(entry, found) for found in every)
