"""How much is said of a step: as much as there is room for, and its sums in any case."""

from __future__ import annotations

from lakelanes.config.partitions import Partition
from lakelanes.lineage.bounds import DETAILS, Detail, bounded, reduced, size_of
from lakelanes.lineage.datasets import Column, ColumnSource, Dataset, Lineage, Name, Rejected, object_name


def file(key: str, group: str = "sales", rejected: Rejected | None = None, rows: int | None = 2) -> Dataset:
    return Dataset(object_name("b", key), "FILE", rows=rows, size=10, files=1, rejected=rejected, group=group)


def table(partitions: int = 0) -> Dataset:
    return Dataset(
        Name("glue", "t"),
        "VIEW",
        columns=(Column("a", "int", "what it is"),),
        partitions=tuple(Partition((("day", f"{day}"),)) for day in range(partitions)),
        rows=1,
        sources={"a": [ColumnSource(Name("glue", "s"), "a", "IDENTITY")]},
    )


def keys(lineage: Lineage) -> list[str]:
    return [one.at.name for one in lineage.inputs]


def test_what_is_within_the_detail_stays_as_it_is() -> None:
    lineage = Lineage((file("in/a.csv"), file("in/b.csv")), (table(2),))
    assert reduced(lineage, Detail(files=2, partitions=2, comments=True)) == lineage


def test_files_beyond_become_their_deepest_common_folder_with_their_number_and_sums() -> None:
    files = [file("in/2024/03/a.csv"), file("in/2024/04/b.csv"), file("in/2024/04/c.csv", rows=None)]
    [folder] = reduced(Lineage(tuple(files)), Detail(files=2, partitions=0)).inputs
    assert (folder.at, folder.rows, folder.size, folder.files) == (("s3://b", "in/2024"), 4, 30, 3)


def test_files_of_one_folder_whose_names_begin_alike_have_that_folder() -> None:
    [folder] = reduced(Lineage((file("in/day1"), file("in/day2"))), Detail(files=0, partitions=0)).inputs
    assert folder.at.name == "in"


def test_a_file_that_is_named_as_a_folder_is_none() -> None:
    [folder] = reduced(Lineage((file("in/a"), file("in/a/b"))), Detail(files=0, partitions=0)).inputs
    assert folder.at.name == "in"


def test_files_without_a_common_folder_have_the_bucket() -> None:
    [folder] = reduced(Lineage((file("a.csv"), file("in/b.csv"))), Detail(files=1, partitions=0)).inputs
    assert folder.at == ("s3://b", "/")


def test_what_was_wrong_with_files_is_summed() -> None:
    files = (file("a", rejected=Rejected(2, 0, "amount")), file("b", rejected=Rejected(3, 1)), file("c"))
    [folder] = reduced(Lineage(files), Detail(files=0, partitions=0)).inputs
    assert folder.rejected == Rejected(5, 1, None)


def test_the_entity_with_the_most_files_is_folded_first_and_no_further_than_needed() -> None:
    files = [file(f"s/{n}", "sales") for n in range(5)] + [file(f"w/{n}", "web") for n in range(3)] + [file("one", "x")]
    assert keys(reduced(Lineage(tuple(files)), Detail(files=4, partitions=0))) == ["s", "w/0", "w/1", "w/2", "one"]


def test_partitions_beyond_are_not_named_and_rows_stay() -> None:
    [told] = reduced(Lineage((), (table(3),)), Detail(files=0, partitions=2)).outputs
    assert (told.partitions, told.rows) == ((), 1)


def test_less_detail_leaves_out_comments_then_columns_then_data_sets() -> None:
    lineage = Lineage((table(), table()), (table(), table()))
    without_comments = reduced(lineage, Detail(files=0, partitions=0)).outputs[0]
    assert without_comments.columns == (Column("a", "int"),)
    assert without_comments.sources
    without_columns = reduced(lineage, Detail(files=0, partitions=0, columns=False)).outputs[0]
    assert (without_columns.columns, without_columns.sources) == ((), {})
    few = reduced(lineage, Detail(files=0, partitions=0, columns=False, datasets=1))
    assert (len(few.inputs), len(few.outputs)) == (1, 1)


def test_the_most_detail_that_has_room_is_taken() -> None:
    lineage = Lineage(tuple(file(f"in/{n:03}.csv") for n in range(300)), (table(300),))
    assert bounded(lineage, size_of(lineage)) == lineage
    assert keys(bounded(lineage, size_of(lineage) - 1)) == ["in"]


def test_each_detail_is_less_than_the_one_before() -> None:
    lineage = Lineage(
        tuple(file(f"in/{n}/a", group=f"e{n % 150}") for n in range(700)), tuple(table(5) for _ in range(150))
    )
    sizes = [size_of(reduced(lineage, detail)) for detail in DETAILS]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == len(sizes)
