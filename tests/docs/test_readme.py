"""README.md and the pages beside it promise only what is there."""

from __future__ import annotations

import json
import re
import shlex
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
    page = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `make ([a-z]+)` \|", page, flags=re.MULTILINE)
    assert sorted(documented) == sorted(re.findall(r"^make ([a-z]+) ", listed, flags=re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_make_target_that_is_mentioned_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = re.findall(
        r"(?:`|^    (?:[A-Z_]+=\S+ )*)make ([a-z]+)", page.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    assert set(named) <= targets


def test_the_table_of_folders_lists_those_that_there_are() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([a-z_/]+/)` \|", page, flags=re.MULTILINE)
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    there = {name.split("/")[0] for name in names if "/" in name and not name.startswith(".")}
    assert {folder.split("/")[0] for folder in listed} == there
    assert all((ROOT / folder).is_dir() for folder in listed)


def test_the_commands_come_in_the_order_of_a_first_hour() -> None:
    words = r"^    (?:LAKE_CONFIG=\S+ )?(make \w+|lakelanes \w+)"
    assert re.findall(words, README.read_text(encoding="utf-8"), flags=re.MULTILINE) == [
        "make demo",
        "make setup",
        "lakelanes draft",
        "lakelanes try",
        "make up",
        "lakelanes upload",
        "lakelanes query",
        "lakelanes dashboard",
        "make package",
    ]


@pytest.mark.parametrize(
    "line", re.findall(r"^    (lakelanes .*)", README.read_text(encoding="utf-8"), flags=re.MULTILINE)
)
def test_each_command_of_the_first_hour_is_one_that_there_is(line: str) -> None:
    options = build_parser().parse_args(shlex.split(line)[1:])
    assert callable(options.run)


def test_the_example_configuration_works() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    text = re.search(r"A whole file.*?```json\n(.*?)```", page, flags=re.DOTALL)
    assert text is not None
    config = parse_config(text[1], {})
    assert (ROOT / json.loads(text[1])["$schema"]).is_file()
    found = matching.match(config, "erp/invoices_CH_2024-03.csv.gz")
    assert found is not None
    assert (found.entity.name, found.partition.path) == ("invoices", "year=2024/month=03/country=CH")
    assert partition_key(found.entity, found.partition) == "2024-03"


@pytest.mark.parametrize(("text", "kind"), re.findall(r"`'([^']*)' is not an? ([^:`]+)", FAULTS))
def test_reasons_are_documented_as_the_converter_words_them(text: str, kind: str) -> None:
    with pytest.raises(ValueRefused) as refused:
        parse_value(text.encode(), parse_type(kind), dialect=Dialect())
    assert f"`{refused.value}`" in FAULTS
