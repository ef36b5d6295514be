"""README.md and the pages beside it promise only what is there."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from lakelanes.__main__ import build_parser
from lakelanes.config.loading import parse_config
from lakelanes.config.partitions import partition_key
from lakelanes.convert.dialect import Dialect
from lakelanes.convert.values import ValueRefused, parse_value
from lakelanes.files import matching
from lakelanes.types import parse_type
from tests.docs.pages import PAGES, ROOT, name_of

README = ROOT / "README.md"
FAULTS = (ROOT / "docs" / "a-file-that-fails.md").read_text(encoding="utf-8")


def test_the_table_of_commands_is_what_make_help_lists() -> None:
    listed = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    documented = re.findall(r"^\| `make ([a-z]+)` \|", README.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert sorted(documented) == sorted(re.findall(r"^make ([a-z]+) ", listed, flags=re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_make_target_that_is_mentioned_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = re.findall(
        r"(?:`|^    (?:[A-Z_]+=\S+ )*)make ([a-z]+)", page.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    assert set(named) <= targets


def test_the_table_of_folders_lists_those_that_there_are() -> None:
    listed = re.findall(r"^\| `([a-z_/]+/)` \|", README.read_text(encoding="utf-8"), flags=re.MULTILINE)
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    there = {name.split("/")[0] for name in names if "/" in name and not name.startswith(".")}
    assert {folder.split("/")[0] for folder in listed} == there
    assert all((ROOT / folder).is_dir() for folder in listed)


def test_the_first_commands_are_demo_and_up() -> None:
    assert re.findall(r"^    (make \w+)", README.read_text(encoding="utf-8"), flags=re.MULTILINE)[:2] == [
        "make demo",
        "make up",
    ]


def test_the_example_configuration_works() -> None:
    text = re.search(r"```json\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert text is not None
    config = parse_config(text[1], {})
    assert (ROOT / json.loads(text[1])["$schema"]).is_file()
    # The file that README uploads, and the partition that its query reads.
    found = matching.match(config, "erp/invoices_CH_2024-03.csv.gz")
    assert found is not None
    assert (found.entity.name, found.partition.path) == ("invoices", "year=2024/month=03/country=CH")
    assert partition_key(found.entity, found.partition) == "2024-03"


def test_the_example_query_is_one_that_the_command_takes() -> None:
    sql = re.search(r"bin/lakelanes query '([^']+)'", README.read_text(encoding="utf-8"))
    assert sql is not None
    options = build_parser().parse_args(["query", sql[1]])
    assert options.sql.startswith("SELECT year, month")


@pytest.mark.parametrize(("text", "kind"), re.findall(r"`'([^']*)' is not an? ([^:`]+)", FAULTS))
def test_reasons_are_documented_as_the_converter_words_them(text: str, kind: str) -> None:
    with pytest.raises(ValueRefused) as refused:
        parse_value(text.encode(), parse_type(kind), dialect=Dialect())
    assert f"`{refused.value}`" in FAULTS
