"""A draft takes its samples, says on what it rests, and learns from what its first megabytes did not show."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from lakelanes.config.loading import parse_config
from lakelanes.config.model import Entity
from lakelanes.draft import samples as samples_module
from lakelanes.draft.entity import draft_entity
from lakelanes.draft.samples import DraftError
from tests.lakelanes.draft.support import drafted, sample
from tests.support.lakes import config_text
from tests.support.memory import peak_mib

GERMAN = (
    "Bericht März;;;;\nRechnungs-Nr;Datum;Betrag (€);Bezahlt;Straße\n"
    '00123;15.03.2024;1.234,50;ja;Zürcherstraße 5\n00124;01.02.2024;-12,00;nein;"A; B"\nSumme;;1.222,50;;\n'
)


def test_a_german_file_is_taken_as_it_is() -> None:
    found = drafted(GERMAN.encode("cp1252"), "Rechnungen_2024-03-15.csv")
    assert found.name == "rechnungen"
    assert found.value == {
        "table_name": "rechnungen",
        "filename_pattern": r"Rechnungen_(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})\.csv",
        "example": "Rechnungen_2024-03-15.csv",
        "partition_keys": ["year", "month", "day"],
        "dialect": {
            "delimiter": ";",
            "skip_rows": 1,
            "skip_footer": 1,
            "encoding": "cp1252",
            "date_format": "%d.%m.%Y",
            "decimal_separator": ",",
            "thousands_separator": ".",
            "true_values": ["ja"],
            "false_values": ["nein"],
        },
        "schema": [
            {"name": "rechnungs_nr", "type": "string", "header": "Rechnungs-Nr"},
            {"name": "datum", "type": "date"},
            {"name": "betrag", "type": "decimal(12,2)", "header": "Betrag (€)"},
            {"name": "bezahlt", "type": "boolean"},
            {"name": "strasse", "type": "string", "header": "Straße"},
        ],
    }
    assert found.files == (
        "Rechnungen_2024-03-15.csv: all of it was looked at; tried with the draft: 2 rows loaded and 0 rejected",
    )
    assert found.columns[2].text == "2 of 2 are decimal(12,2); widest on line 3 (1.234,50)"


def test_words_for_null_are_the_dialects_where_no_text_has_them() -> None:
    packed = gzip.compress(b"id,qty,city\n1,NA,Bern\n2,5,Genf\n")
    value = drafted(packed, "orders_20240315.csv.gz").value
    assert value["dialect"] == {"null_values": ["", "NA"]}
    assert value["filename_pattern"].endswith(r"\.csv(?:\.gz)?")
    value = drafted("id,qty,country\n1,NA,NA\n2,5,CH\n").value
    assert value["schema"][1] == {"name": "qty", "type": "bigint", "null_values": ["", "NA"]}


def test_a_form_that_all_columns_share_is_the_dialects() -> None:
    value = drafted("a;b\n15.03.2024;16.03.2024\n").value
    assert value["dialect"]["date_format"] == "%d.%m.%Y"
    value = drafted("a;b\n15.03.2024;2024-03-16\n").value
    assert value["schema"] == [
        {"name": "a", "type": "date", "date_format": "%d.%m.%Y"},
        {"name": "b", "type": "date"},
    ]


def test_one_column_decides_what_another_leaves_open() -> None:
    value = drafted("a;b\n1.234;1.234,50\n2.345;7,10\n").value
    assert [column["type"] for column in value["schema"]] == ["bigint", "decimal(12,2)"]
    value = drafted("a,b\n01/02/2024,02/15/2024\n").value
    assert value["dialect"]["date_format"] == "%m/%d/%Y"


BY_MONTH = "".join(f"1,2024-{1 + number % 12:02d}-{1 + number // 12:02d}\n" for number in range(120))
BY_YEAR = "".join(f"1,{1900 + number}-01-01\n" for number in range(99))


@pytest.mark.parametrize(
    ("rows", "keys"),
    [
        ("1,2024-03-15\n2,2024-03-16\n", [("year", "%Y"), ("month", "%m"), ("day", "%d")]),
        (BY_MONTH, [("year", "%Y"), ("month", "%m")]),
        (BY_YEAR, [("year", "%Y")]),
    ],
)  # fmt: skip
def test_a_date_in_the_rows_is_the_partition_where_the_name_has_none(rows: str, keys: list[tuple[str, str]]) -> None:
    value = drafted(f"id,day\n{rows}", "customers.csv").value
    assert value["partition_keys"] == [{"name": name, "column": "day_2", "format": form} for name, form in keys]


def test_a_column_with_nulls_divides_no_rows() -> None:
    found = drafted("id,since\n1,2024-03-15\n2,\n", "customers.csv")
    assert found.value["partition_keys"] == ["file"]
    assert found.value["filename_pattern"] == r"(?P<file>customers)\.csv"
    assert found.value["schema"][1]["type"] == "date"
    assert any("names have no date" in doubt for doubt in found.doubts)


def test_what_the_first_lines_do_not_show_is_learned_from_rejected_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples_module, "LOOKED_AT", 1 << 10)
    monkeypatch.setattr(samples_module, "_LEAST", 1 << 10)
    head = "id,amount,code,note\n" + "1,1.50,5,x\n" * 500
    found = drafted(head + "2,123456789012.25,007,x\n3,NA,8,y\n4,1.00,a,z\n")
    assert found.value["schema"][1]["type"] == "decimal(18,2)"
    assert found.value["schema"][2]["type"] == "string"
    assert found.value["dialect"] == {"null_values": ["", "NA"]}
    assert "the first 0.0 MB of 0.0 MB were looked at" in found.files[0]
    assert "503 rows loaded and 0 rejected" in found.files[0]


def test_rows_of_too_many_partitions_make_the_grain_coarser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples_module, "LOOKED_AT", 1 << 10)
    monkeypatch.setattr(samples_module, "_LEAST", 1 << 10)
    days = "".join(
        f"1,{2000 + number // 336}-{1 + number // 28 % 12:02d}-{1 + number % 28:02d}\n" for number in range(1300)
    )
    value = drafted(f"id,since\n{days}", "customers.csv").value
    assert [key["name"] for key in value["partition_keys"]] == ["year", "month"]


def test_a_row_that_is_no_row_stays_rejected_and_is_told() -> None:
    found = drafted("a,b\n1,2\n3,4\n5,6,7\n8,9\n")
    assert any("line 4" in doubt and "are rejected by the draft" in doubt for doubt in found.doubts)


def test_columns_that_not_all_samples_have_are_null_there() -> None:
    found = draft_entity([sample("a,b\n1,2\n", "x_2024-01-01.csv"), sample("c,a\n5,3\n", "x_2024-01-02.csv")])
    assert found.value["missing_columns"] == "null"
    assert [column["name"] for column in found.value["schema"]] == ["a", "b", "c"]
    assert all("1 rows loaded and 0 rejected" in line for line in found.files)


def test_a_folder_of_the_bucket_is_the_prefix() -> None:
    found = draft_entity([sample("a\n1\n", folder="erp/in/")])
    assert found.value["source_prefix"] == "erp/in/"


def test_a_header_alone_is_a_table_of_open_types() -> None:
    found = drafted("a,b\n")
    assert [column["type"] for column in found.value["schema"]] == ["string", "string"]
    assert all(column.doubts for column in found.columns)


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\x1f\x8b\x08\x00broken", b"ORC\x00\x01\x02\x03\x04\x05"])
def test_what_holds_no_rows_is_refused(data: bytes) -> None:
    with pytest.raises(DraftError):
        drafted(data)


def test_every_draft_is_one_that_the_configuration_takes() -> None:
    for data, name in ((GERMAN, "Rechnungen_2024-03-15.csv"), ("year,file,2x\n1,2,3\n", "übersicht.csv")):
        found = drafted(data, name)
        config = parse_config(config_text({found.name: found.value}), {})
        assert isinstance(config.entities[found.name], Entity)
        assert config.entities[found.name].example == name


_DRAFT = """
import sys
from lakelanes.draft.entity import draft_entity
from lakelanes.draft.samples import Sample
draft_entity([Sample("sales_2024-03-15.csv", lambda: open(sys.argv[1], "rb"))])
"""


@pytest.mark.slow
def test_the_memory_that_a_draft_needs_is_bounded_whatever_the_size_of_the_sample(tmp_path: Path) -> None:
    peaks = []
    for size in (40 << 20, 120 << 20):
        path = tmp_path / f"{size}.csv"
        with path.open("w") as file:
            file.write("id,day,amount,note\n")
            file.writelines(f"{line},2024-03-15,{line % 977}.50,note {line} of the day\n" for line in range(size // 40))
        peaks.append(peak_mib(_DRAFT, str(path)))
        path.unlink()
    small, large = peaks
    assert large < small + 60, peaks
