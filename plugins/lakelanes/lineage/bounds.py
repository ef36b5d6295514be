"""How much a step says of itself: an event has to stay small, whatever the run.

A backfill of a million files would have an event of hundreds of megabytes; Amazon DataZone, for one, takes 300,000
bytes (https://docs.aws.amazon.com/datazone/latest/APIReference/API_PostLineageEvent.html). So what is said is told in
less and less detail until it fits: files by their folder with their number and sums, then no single partitions, no
columns, and of what is left the first data sets alone.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, takewhile

from lakelanes.lineage.datasets import Dataset, Lineage, Rejected, object_name

# Bytes that a facet has whatever is in it: its name, who made it, and the address of its schema.
_FACET = 280
# Of what stands around the texts of a data set, an assertion, a column, a source, a partition.
_DATASET, _ASSERTION, _COLUMN, _SOURCE, _PARTITION = 80, 150, 60, 120, 60


@dataclass(frozen=True)
class Detail:
    """What is said at most. files, partitions: of all data sets together; datasets: inputs, and outputs."""

    files: int
    partitions: int
    comments: bool = False
    columns: bool = True
    datasets: int | None = None


DETAILS = (
    Detail(files=400, partitions=500, comments=True),
    Detail(files=100, partitions=100),
    Detail(files=0, partitions=0),
    Detail(files=0, partitions=0, columns=False),
    Detail(files=0, partitions=0, columns=False, datasets=100),
    Detail(files=0, partitions=0, columns=False, datasets=10),
)


def bounded(lineage: Lineage, limit: int) -> Lineage:
    """The lineage in the most detail that has ``limit`` bytes in an event."""
    for detail in DETAILS:
        told = reduced(lineage, detail)
        if size_of(told) <= limit:
            break
    return told


def size_of(lineage: Lineage) -> int:
    """The bytes that an event has of it as JSON, or somewhat more. To make the event and see takes ten times as long,
    and whoever waits for it gives up after seconds."""
    return sum(map(_size, chain(lineage.inputs, lineage.outputs)))


def _size(one: Dataset) -> int:
    size = _DATASET + _text(*one.at)
    if (one.rows, one.size, one.files) != (None, None, None):
        size += _FACET
    if one.kind != "FILE":
        size += _FACET
    if one.rejected:
        size += _FACET + 2 * _ASSERTION
    if one.aliases:
        # With them goes what the catalogue is.
        size += 2 * _FACET + sum(_COLUMN + _text(*name) for name in one.aliases)
    if one.columns:
        size += _FACET + sum(_COLUMN + _text(*column) for column in one.columns)
    if one.partitions:
        texts = ((partition.path, *chain.from_iterable(partition.items)) for partition in one.partitions)
        size += _FACET + sum(_PARTITION + _text(*own) for own in texts)
    if one.sources:
        size += _FACET + sum(
            _COLUMN + _text(column) + sum(_SOURCE + _text(*source.at, source.column) for source in own)
            for column, own in one.sources.items()
        )
    return size


def _text(*texts: str) -> int:
    """Bytes of texts as JSON has them, all but ASCII escaped."""
    return sum(map(len, map(json.dumps, texts)))


def reduced(lineage: Lineage, detail: Detail) -> Lineage:
    """The lineage with what the detail allows."""
    inputs = _folded(lineage.inputs, detail.files)
    outputs: Sequence[Dataset] = lineage.outputs
    if sum(len(one.partitions) for one in outputs) > detail.partitions:
        outputs = [replace(one, partitions=()) for one in outputs]
    return Lineage(
        tuple(_thinned(one, detail) for one in inputs[: detail.datasets]),
        tuple(_thinned(one, detail) for one in outputs[: detail.datasets]),
    )


def _thinned(dataset: Dataset, detail: Detail) -> Dataset:
    if not detail.columns:
        return replace(dataset, columns=(), sources={})
    if not detail.comments:
        return replace(dataset, columns=tuple(column._replace(comment="") for column in dataset.columns))
    return dataset


def _folded(inputs: Sequence[Dataset], most: int) -> Sequence[Dataset]:
    """The inputs with so many single files at most: the groups with the most files become a folder each."""
    groups: defaultdict[tuple[str, str], list[Dataset]] = defaultdict(list)
    for one in inputs:
        if one.kind == "FILE":
            groups[one.at.namespace, one.group].append(one)
    left = sum(map(len, groups.values()))
    if left <= most:
        return inputs
    folded = {}
    for key, files in sorted(groups.items(), key=lambda group: -len(group[1])):
        if left <= most or len(files) == 1:
            break
        folded[key] = _folder(files)
        left -= len(files)
    rest = (one for one in inputs if one.kind != "FILE" or (one.at.namespace, one.group) not in folded)
    return [*folded.values(), *rest]


def _folder(files: Sequence[Dataset]) -> Dataset:
    """Files as the deepest folder that has all of them, with their number and sums."""
    first, last = (end(one.at.name for one in files).split("/")[:-1] for end in (min, max))
    folder = [part for part, _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))]
    faults = [one.rejected for one in files if one.rejected]
    return Dataset(
        object_name(files[0].at.namespace.removeprefix("s3://"), "/".join(folder)),
        "FILE",
        rows=_sum([one.rows for one in files]),
        size=_sum([one.size for one in files]),
        files=_sum([one.files for one in files]),
        rejected=Rejected(sum(f.rows for f in faults), sum(f.files_not_loaded for f in faults)) if faults else None,
        group=files[0].group,
    )


def _sum(counts: Sequence[int | None]) -> int | None:
    """The sum of what is known; None where nothing is."""
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
