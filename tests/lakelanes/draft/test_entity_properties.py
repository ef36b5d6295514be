"""No row of the samples is rejected by their draft, and what is loaded is what was written."""

from __future__ import annotations

import io
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import assume, event, given

from lakelanes.config.loading import parse_config
from lakelanes.convert import Destination, Source, TargetTable, convert
from lakelanes.draft.entity import draft_entity
from lakelanes.draft.samples import Sample
from lakelanes.draft.trial import try_file
from tests.lakelanes.convert.support import MemorySink
from tests.lakelanes.draft.generated import Written, files
from tests.support.lakes import config_text
from tests.support.properties import examples


def loaded(written: Written, entity: dict[str, Any]) -> tuple[int, list[dict[str, Any]]]:
    """How many rows the converter rejects, and the rows it loads, of a file of this entity."""
    model = parse_config(config_text({"drafted": entity}), {}).entities["drafted"]
    target, rejects = MemorySink(), MemorySink()
    done = convert(
        Source(lambda: io.BytesIO(written.data), written.name, model.dialect.converter()),
        Destination(lambda: target, lambda: rejects),
        TargetTable(model.columns),
        model.load_policy(),
    )
    assert done.refused is None, done.refused
    return done.rows_rejected, pq.read_table(io.BytesIO(target.data)).to_pylist()


def same(expected: Any, found: Any) -> bool:
    """Whether a value is what was written; an empty text and null are the same in a file."""
    return found == expected or (expected == "" and found is None)


@pytest.mark.slow
@given(files())
@examples(150)
def test_every_row_of_a_sample_is_loaded_as_it_was_written(written: Written) -> None:
    # Rows of nothing but delimiters are what spreadsheets leave: they are left out.
    assume(all(any(row) for row in zip(*(map(str, values) for values in written.values), strict=True)))
    draft = draft_entity([Sample(written.name, lambda: io.BytesIO(written.data))])
    rejected, rows = loaded(written, draft.value)
    assert rejected == 0
    assert len(rows) == len(written.values[0])
    columns = [list(column) for column in zip(*(row.values() for row in rows), strict=True)]
    for kind, expected, found in zip(written.kinds, written.values, columns, strict=True):
        event(kind)
        if kind == "text" and not any(isinstance(one, str) for one in found):
            continue  # texts that happen to be numbers, days or words are taken for such
        for one, other in zip(expected, found, strict=True):
            assert same(one, other), (kind, one, other)
        if kind == "amount":
            assert all(isinstance(one, Decimal) for one in found if one is not None), "money is no float"


@pytest.mark.slow
@given(files(), files())
@examples(30)
def test_two_samples_of_one_kind_are_both_taken(first: Written, second: Written) -> None:
    """The second has the first one's bytes under its own date: what differs is the name alone."""
    second.data = first.data
    second.name = second.name.removesuffix(".gz") + ".gz" * first.name.endswith(".gz")
    samples = [Sample(one.name, lambda one=one: io.BytesIO(one.data)) for one in (first, second)]  # type: ignore[misc]
    draft = draft_entity(samples)
    config = parse_config(config_text({"drafted": draft.value}), {})
    with TemporaryDirectory() as folder:
        for one in (first, second):
            path = Path(folder) / one.name
            path.write_bytes(one.data)
            trial = try_file(config, path)
            assert (trial.entity, trial.state, trial.rows_rejected) == ("drafted", "loaded", 0)
            assert trial.partition is not None
