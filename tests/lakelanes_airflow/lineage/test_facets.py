"""Data sets as OpenLineage's facets: what an event of Airflow's provider holds, and how large it gets."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import BaseOperator

from lakelanes.config.partitions import Partition
from lakelanes.files.outcomes import FileOutcome
from lakelanes.ledger.source_file import SourceFile
from lakelanes.lineage.bounds import size_of
from lakelanes.lineage.datasets import (
    Column,
    ColumnSource,
    Dataset,
    Lineage,
    Name,
    Rejected,
    glue_name,
    object_name,
    view_dataset,
)
from lakelanes.lineage.exports import of_current, of_export
from lakelanes.lineage.loads import of_batch
from lakelanes.tables.current import Coverage
from lakelanes_airflow.lineage.hooks import WithLineage
from tests.support.lakes import make_config
from tests.support.openlineage import event_of, faults
from tests.support.source_tables import ORDERS

CONFIG = make_config(tables={"orders": {"dynamodb_table": "shop", **ORDERS}})
SOURCE = CONFIG.resources.source_bucket
DAY = "year=2024/month=03/day=15"
HOUR = datetime(2024, 3, 15, 10, tzinfo=UTC)
# Amazon DataZone takes no larger event; the provider's own facets of a load are about 15,000 bytes.
MOST_BYTES = 300_000 - 50_000


class Step(WithLineage, BaseOperator):
    """An operator that knows just this."""

    def __init__(self, *, known: Lineage, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.known = known

    def lineage(self) -> Lineage:
        return self.known


@pytest.fixture
def tell(tmp_path: Path) -> Any:
    """The event of a step that did this."""
    return lambda known: event_of(Step(task_id="step", known=known), "complete", tmp_path)


def batch(number: int, key: str = "in/2024/{}.csv", **outcome: Any) -> Lineage:
    """What is known of a batch of so many files of 3 rows in one partition."""
    moment = datetime(2024, 3, 16, tzinfo=UTC)
    files = [SourceFile(SOURCE, key.format(n), "e", 10, moment) for n in range(number)]
    done = {"rows_loaded": 3, "rows_rejected": 0, "partitions": (DAY,), **outcome}
    return of_batch(CONFIG, {"sales": files}, [FileOutcome(file.uri, "loaded", size=10, **done) for file in files])


def part(facet: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facet.items() if not name.startswith("_")}


def test_an_input_has_rows_bytes_and_what_was_rejected(tell: Any) -> None:
    bad = Dataset(object_name("b", "bad.csv"), "FILE", rows=3, size=9, files=1, rejected=Rejected(2, 1, "amount"))
    good = Dataset(object_name("b", "good.csv"), "FILE", rows=3, size=9, files=1)
    first, second = tell(Lineage((bad, good)))["inputs"]
    assert part(first["inputFacets"]["inputStatistics"]) == {"rowCount": 3, "size": 9, "fileCount": 1}
    checks = first["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert [(one["assertion"], one["actual"], one["severity"], one["success"], one["column"]) for one in checks] == [
        ("rejected_rows", "2", "warn", False, "amount"),
        ("files_not_loaded", "1", "error", False, "amount"),
    ]
    assert list(second["inputFacets"]) == ["inputStatistics"]


def test_a_table_has_schema_other_names_catalogue_partitions_and_rows(tell: Any) -> None:
    [table] = tell(batch(2))["outputs"]
    facets, database = table["facets"], CONFIG.resources.glue_database
    assert (table["namespace"], table["name"]) == glue_name(CONFIG, "sales_data")
    assert {"name": "amount", "type": "decimal(10,2)", "fields": []} in facets["schema"]["fields"]
    assert [tuple(one.values()) for one in facets["symlinks"]["identifiers"]] == [
        (f"AwsDataCatalog.{database}.sales_data", f"awsathena://athena.{CONFIG.aws.region}.amazonaws.com", "TABLE"),
        ("sales_data", f"s3://{CONFIG.resources.analytics_bucket}", "LOCATION"),
    ]
    assert (facets["catalog"]["type"], facets["catalog"]["name"]) == ("glue", "AwsDataCatalog")
    assert facets["datasetType"]["datasetType"] == "TABLE"
    assert table["outputFacets"]["outputStatistics"]["rowCount"] == 6
    assert table["outputFacets"]["subset"]["outputCondition"]["partitions"] == [
        {"identifier": DAY, "dimensions": {"year": "2024", "month": "03", "day": "15"}}
    ]


def test_no_rows_are_a_number_too(tell: Any) -> None:
    none, unknown = (Dataset(Name("glue", "t"), "TABLE", rows=rows) for rows in (0, None))
    first, second = tell(Lineage((), (none, unknown)))["outputs"]
    assert (first["outputFacets"]["outputStatistics"]["rowCount"], second["outputFacets"]) == (0, {})


def test_a_view_has_column_lineage(tell: Any) -> None:
    sources = {"a": [ColumnSource(Name("n", "t"), "x", "AGGREGATION"), ColumnSource(Name("n", "t"), "y", "WINDOW")]}
    [view] = tell(Lineage((), (view_dataset(CONFIG, "v", [Column("a", "int", "text")], sources),)))["outputs"]
    assert view["facets"]["schema"]["fields"][0]["description"] == "text"
    assert view["facets"]["columnLineage"]["fields"]["a"]["inputFields"] == [
        {
            **{"namespace": "n", "name": "t", "field": "x"},
            "transformations": [{"type": "DIRECT", "subtype": "AGGREGATION"}],
        },
        {
            **{"namespace": "n", "name": "t", "field": "y"},
            "transformations": [{"type": "INDIRECT", "subtype": "WINDOW"}],
        },
    ]


def test_a_dynamodb_table_and_its_view_keep_to_the_specification(tell: Any) -> None:
    table = CONFIG.tables["orders"]
    [source] = tell(of_export(CONFIG, table))["inputs"]
    assert ("schema" in source["facets"], source["inputFacets"]) == (True, {})
    [view] = tell(of_current(CONFIG, table, Coverage(HOUR, HOUR)))["outputs"]
    assert set(view["facets"]["columnLineage"]["fields"]) >= {"order_id", "total", "city"}


def test_an_event_against_the_specification_is_found(tell: Any) -> None:
    event = tell(batch(1))
    event["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] = "3"
    del event["run"]["runId"]
    assert faults(event) == [
        "event.run: 'runId' is a required property",
        "outputs[0].outputFacets.outputStatistics.rowCount: '3' is not of type 'integer'",
    ]


@pytest.mark.parametrize(
    ("number", "of_each", "folder"),
    [
        # What a task has of a run of 200,000 files.
        (5_000, {}, "in/2024"),
        (401, {}, "in/2024"),
        # Each of these keys has 1,000 bytes, and JSON writes 3,000.
        (500, {"key": "in/" + "ä" * 497 + "{}"}, "in"),
        (400, {"rows_rejected": 1, "column": "amount"}, "in/2024"),
    ],
    ids=["thousands", "one too many", "long keys", "all with bad rows"],
)
def test_an_event_of_any_number_of_files_is_small_and_has_their_sums(
    tell: Any, number: int, of_each: dict[str, Any], folder: str
) -> None:
    event = tell(batch(number, **of_each))
    assert len(json.dumps(event)) < MOST_BYTES
    [told] = event["inputs"]
    assert told["name"] == folder
    rows = 3 + of_each.get("rows_rejected", 0)
    assert part(told["inputFacets"]["inputStatistics"]) == {
        "rowCount": rows * number,
        "size": 10 * number,
        "fileCount": number,
    }
    assert event["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == 3 * number


def test_files_that_have_room_are_named_each(tell: Any) -> None:
    event = tell(batch(400))
    assert len(event["inputs"]) == 400
    assert len(json.dumps(event)) < MOST_BYTES


def test_an_event_of_many_partitions_tables_and_columns_is_small(tell: Any) -> None:
    columns = tuple(Column(f"column_{n}", "string", "what it is " * 20) for n in range(100))
    partitions = tuple(Partition((("day", f"{n:05}"),)) for n in range(20_000))
    wide = [Dataset(Name("glue", f"table/{n}"), "TABLE", columns=columns, rows=1) for n in range(100)]
    event = tell(Lineage((), (Dataset(Name("glue", "t"), "TABLE", partitions=partitions, rows=7), *wide)))
    assert len(json.dumps(event)) < MOST_BYTES
    first = event["outputs"][0]
    assert (first["name"], list(first["outputFacets"])) == ("t", ["outputStatistics"])


@pytest.mark.parametrize(
    "known",
    [
        batch(40),
        batch(40, key="ä" * 300 + "{}", rows_rejected=2),
        of_export(CONFIG, CONFIG.tables["orders"]),
        of_current(CONFIG, CONFIG.tables["orders"], Coverage(HOUR, HOUR)),
    ],
    ids=["files", "long keys and bad rows", "table", "view"],
)
def test_the_size_that_is_reckoned_with_is_never_less_than_the_real_one(tell: Any, known: Lineage) -> None:
    event = tell(known)
    real = len(json.dumps(event["inputs"])) + len(json.dumps(event["outputs"]))
    assert real <= size_of(known) < 1.4 * real


def test_an_operator_that_knows_nothing_leaves_no_warning(tell: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        event = tell(Lineage())
    assert (event["inputs"], event["outputs"], caplog.text) == ([], [], "")
