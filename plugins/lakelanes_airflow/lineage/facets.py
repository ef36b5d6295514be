"""What a step read and wrote as OpenLineage's data sets, with the facets of its specification and none of our own.

https://openlineage.io/docs/spec/facets
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from airflow.providers.openlineage.extractors.base import OperatorLineage
from openlineage.client.event_v2 import InputDataset, OutputDataset
from openlineage.client.facet_v2 import (
    DatasetFacet,
    InputDatasetFacet,
    OutputDatasetFacet,
    RunFacet,
    base_subset_dataset,
    catalog_dataset,
    column_lineage_dataset,
    data_quality_assertions_dataset,
    dataset_type_dataset,
    input_statistics_input_dataset,
    output_statistics_output_dataset,
    schema_dataset,
    symlinks_dataset,
)

from lakelanes.config.partitions import Partition
from lakelanes.lineage.bounds import bounded
from lakelanes.lineage.datasets import CATALOG, INDIRECT, ColumnSource, Dataset, Lineage, Rejected

# Bytes of the data sets of an event as JSON. What the provider adds (the DAG's documentation, an error's trace) has the
# rest of the 300,000 that Amazon DataZone takes.
LIMIT = 200_000


def operator_lineage(lineage: Lineage) -> OperatorLineage[InputDataset | OutputDataset, RunFacet]:
    """What an operator tells the provider, in as much detail as LIMIT has room for."""
    told = bounded(lineage, LIMIT)
    return OperatorLineage(inputs=list(map(_input, told.inputs)), outputs=list(map(_output, told.outputs)))


def _input(dataset: Dataset) -> InputDataset:
    facets: dict[str, InputDatasetFacet] = {}
    if (dataset.rows, dataset.size, dataset.files) != (None, None, None):
        facets["inputStatistics"] = input_statistics_input_dataset.InputStatisticsInputDatasetFacet(
            rowCount=dataset.rows, size=dataset.size, fileCount=dataset.files
        )
    if dataset.rejected:
        facets["dataQualityAssertions"] = data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(
            assertions=_assertions(dataset.rejected)
        )
    return InputDataset(*dataset.at, facets=_facets(dataset), inputFacets=facets)


def _output(dataset: Dataset) -> OutputDataset:
    facets: dict[str, OutputDatasetFacet] = {}
    if dataset.rows is not None:
        facets["outputStatistics"] = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
            rowCount=dataset.rows
        )
    if dataset.partitions:
        facets["subset"] = base_subset_dataset.OutputSubsetOutputDatasetFacet(
            outputCondition=base_subset_dataset.PartitionSubsetCondition(list(map(_partition, dataset.partitions)))
        )
    return OutputDataset(*dataset.at, facets=_facets(dataset), outputFacets=facets)


def _facets(dataset: Dataset) -> dict[str, DatasetFacet]:
    """What holds of a data set whoever reads or writes it."""
    facets: dict[str, DatasetFacet] = {}
    if dataset.kind != "FILE":
        facets["datasetType"] = dataset_type_dataset.DatasetTypeDatasetFacet(datasetType=dataset.kind)
    if dataset.aliases:
        # The first is what Athena's clients call it, the other one where its objects are.
        kinds = ["TABLE", "LOCATION"][: len(dataset.aliases)]
        facets["symlinks"] = symlinks_dataset.SymlinksDatasetFacet(
            [symlinks_dataset.Identifier(*name, kind) for name, kind in zip(dataset.aliases, kinds, strict=True)]
        )
        facets["catalog"] = catalog_dataset.CatalogDatasetFacet(framework="hive", type="glue", name=CATALOG)
    if dataset.columns:
        facets["schema"] = schema_dataset.SchemaDatasetFacet(
            [
                schema_dataset.SchemaDatasetFacetFields(column.name, column.type, column.comment or None)
                for column in dataset.columns
            ]
        )
    if dataset.sources:
        facets["columnLineage"] = _column_lineage(dataset.sources)
    return facets


def _partition(partition: Partition) -> base_subset_dataset.Partition:
    return base_subset_dataset.Partition(dict(partition.items), partition.path)


def _column_lineage(
    sources: Mapping[str, Sequence[ColumnSource]],
) -> column_lineage_dataset.ColumnLineageDatasetFacet:
    return column_lineage_dataset.ColumnLineageDatasetFacet(
        {
            column: column_lineage_dataset.Fields([_input_field(source) for source in own])
            for column, own in sources.items()
        }
    )


def _input_field(source: ColumnSource) -> column_lineage_dataset.InputField:
    how = column_lineage_dataset.Transformation("INDIRECT" if source.kind in INDIRECT else "DIRECT", source.kind)
    return column_lineage_dataset.InputField(*source.at, source.column, [how])


def _assertions(rejected: Rejected) -> list[data_quality_assertions_dataset.Assertion]:
    """What a source file was held to and did not keep. Without the reasons: they quote values, which an event takes to
    where rows are not to go; the lake's page and the table of rejected rows have them."""
    found = []
    if rejected.rows:
        found.append(("rejected_rows", str(rejected.rows), "warn"))
    if rejected.files_not_loaded:
        found.append(("files_not_loaded", str(rejected.files_not_loaded), "error"))
    return [
        data_quality_assertions_dataset.Assertion(
            assertion=name, success=False, column=rejected.column, severity=severity, expected="0", actual=actual
        )
        for name, actual, severity in found
    ]
