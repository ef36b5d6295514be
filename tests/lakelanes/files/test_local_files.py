"""Which entity takes a file of a disk, and under which key."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakelanes.files.local_files import FolderDecidesError, key_for, takers, why_none
from tests.support.lakes import SALES, make_config

NAME = "sales_data_2024_03_15.csv"
BOTH = {name: {**SALES, "table_name": name, "source_prefix": f"{name}/"} for name in ("erp", "shop")}


def test_the_name_decides_and_the_key_has_the_prefix(tmp_path: Path) -> None:
    config = make_config({"sales": {**SALES, "source_prefix": "in/"}})
    assert takers(config, tmp_path / NAME) == [(config.entities["sales"], f"in/{NAME}")]
    assert key_for(config.entities["sales"], tmp_path / "other.csv") is None


def test_the_folder_decides_between_entities_of_one_pattern(tmp_path: Path) -> None:
    config = make_config(BOTH)
    assert takers(config, tmp_path / "shop" / NAME) == [(config.entities["shop"], f"shop/{NAME}")]
    found = takers(config, tmp_path / NAME)
    assert [entity.name for entity, _ in found] == ["erp", "shop"]
    with pytest.raises(FolderDecidesError, match=r"erp/ of erp, shop/ of shop.*--entity"):
        why_none(config, tmp_path / NAME, found)


def test_it_is_said_why_no_entity_takes_a_file(tmp_path: Path) -> None:
    config = make_config()
    assert "no entity takes a file named 'other.csv'" in why_none(config, tmp_path / "other.csv", [])[0]
    assert "is ignored" in why_none(config, tmp_path / "_SUCCESS", [])[0]
