"""README.md and the pages beside it promise only what is there."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from lakelanes.config.loading import parse_config
from lakelanes.config.partitions import partition_key
from lakelanes.convert.values import ValueRefused, parse_value
from lakelanes.files import listing
from lakelanes.types import parse_type

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
FAULTS = (ROOT / "docs" / "a-file-that-fails.md").read_text(encoding="utf-8")


def test_the_table_of_commands_is_what_make_help_lists() -> None:
    listed = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    documented = re.findall(r"^\| `make ([a-z]+)` \|", README.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert sorted(documented) == sorted(re.findall(r"^make ([a-z]+) ", listed, flags=re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_that_is_mentioned_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = re.findall(
        r"(?:`|^    (?:[A-Z_]+=\S+ )*)make ([a-z]+)", page.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    assert set(named) <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_folders_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https:)([^)#]+)\)", text):
        assert (page.parent / target).exists(), target
    # A path in backticks that ends in a slash is a folder of the repository.
    for folder in re.findall(r"^\| `([a-z_/]+/)` \|", text, flags=re.MULTILINE):
        assert (ROOT / folder).is_dir(), folder


def test_the_first_commands_are_demo_and_up() -> None:
    assert re.findall(r"^    (make \w+)", README.read_text(encoding="utf-8"), flags=re.MULTILINE)[:2] == [
        "make demo",
        "make up",
    ]


def test_the_example_configuration_works() -> None:
    text = re.search(r"```json\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert text is not None
    config = parse_config(text[1], {"AWS_ACCOUNT_ID": "000000000000"})
    assert (ROOT / json.loads(text[1])["$schema"]).is_file()
    # The file that README uploads, and the partition that its query reads.
    found = listing.match(config, "erp/invoices_CH_2024-03.csv.gz")
    assert found is not None
    assert (found.entity.name, found.partition.path) == ("invoices", "year=2024/month=03/country=CH")
    assert partition_key(found.entity, found.partition) == "2024-03"


@pytest.mark.parametrize(("text", "kind"), re.findall(r"`'([^']*)' is not an? ([^:`]+)", FAULTS))
def test_reasons_are_documented_as_the_converter_words_them(text: str, kind: str) -> None:
    with pytest.raises(ValueRefused) as refused:
        parse_value(text.encode(), parse_type(kind))
    assert f"`{refused.value}`" in FAULTS
