"""Under which keys of the analytics bucket a source file's objects lie: a pure function, so loading it again replaces
what it was and never doubles rows."""

from __future__ import annotations

import hashlib

from lakelanes.catalog.glue_tables import REJECTS_FOLDER
from lakelanes.config.model import Entity
from lakelanes.config.partitions import Partition
from lakelanes.files.copied_text import ENDINGS, PLAIN

_STEM_LENGTH = 120
_DIGEST_LENGTH = 8


def target_key(entity: Entity, partition: Partition, source_key: str, ending: str = "") -> str:
    """Key of the table's object for a source file: its name, and enough of a hash to tell two folders apart.

    ending: of a file that a 'csv' table gets as it came (``copied_text``); '' for the one that its name lets expect.
    """
    suffix = "parquet" if entity.format == "parquet" else ending or _expected_ending(source_key)
    return f"{entity.table_name}/{partition.path}/{_stem(source_key)}.{suffix}"


def target_keys(entity: Entity, partition: Partition, source_key: str) -> dict[str, str]:
    """Every key that the table's object may have, by its ending: one, or in a 'csv' table one for each packing."""
    if entity.format == "parquet":
        return {"parquet": target_key(entity, partition, source_key)}
    return {end: target_key(entity, partition, source_key, end) for end in (PLAIN, *ENDINGS.values())}


def _expected_ending(source_key: str) -> str:
    return next((end for end in ENDINGS.values() if source_key.lower().endswith(end[len(PLAIN) :])), PLAIN)


def rejects_key(entity: Entity, partition: Partition, source_key: str) -> str:
    """Key of the object with a source file's rejected rows."""
    return f"{REJECTS_FOLDER}/{entity.table_name}/{partition.path}/{_stem(source_key)}.parquet"


def _stem(source_key: str) -> str:
    """The source's name without its ending, as far as a key can have it, and a hash of its whole key.

    Never with '_' or '.' in front: Athena takes such objects for hidden, and their rows would be in no answer (Trino's
    Hive connector, which Athena's engine is made of: io.trino.plugin.hive.fs.HiveFileIterator.isHiddenFileOrDirectory).
    """
    name = source_key.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    safe = "".join(c if c.isalnum() or c in "._-" else "_" for c in name).lstrip("._")
    return f"{safe[:_STEM_LENGTH] or 'file'}-{hashlib.sha256(source_key.encode()).hexdigest()[:_DIGEST_LENGTH]}"
