"""``upload`` puts files where their entity takes them, all or none, and can wait until they are loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakelanes.catalog.registrar import Registrar
from lakelanes.commands import upload
from lakelanes.config.partitions import Partition
from lakelanes.files.listing import find_source
from lakelanes.lake import Lake
from tests.lakelanes.commands.terminal import BAD, GOOD, Terminal, load
from tests.support.lakes import put

NAME, OTHER = "sales_data_2024_03_15.csv", "sales_data_2024_03_16.csv"


def test_a_file_lies_under_the_prefix_of_its_entity_then(lake: Lake, terminal: Terminal, tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_text(GOOD)
    bucket = lake.config.resources.source_bucket
    assert terminal.text("upload", str(path)) == f"s3://{bucket}/{NAME}: uploaded, for sales\n"
    assert lake.s3.get_object(Bucket=bucket, Key=NAME)["Body"].read() == GOOD.encode()


def test_none_is_uploaded_if_one_is_of_no_entity(lake: Lake, terminal: Terminal, tmp_path: Path) -> None:
    for name in (NAME, "other.csv"):
        (tmp_path / name).write_text(GOOD)
    arguments = [str(tmp_path / NAME), str(tmp_path / "other.csv")]
    assert "no entity takes a file named 'other.csv'" in terminal.text("upload", *arguments)
    assert terminal.code == 1
    assert "does not match 'other.csv'" in terminal.text("upload", arguments[1], "--entity", "sales")
    assert "there is no file" in terminal.text("upload", str(tmp_path / "none.csv"))
    assert find_source(lake, NAME) is None


def test_it_waits_until_the_version_is_loaded_and_athena_can_read_it(lake: Lake) -> None:
    put(lake, NAME, BAD)
    load(lake)
    put(lake, NAME, GOOD)
    file = find_source(lake, NAME)
    assert file is not None
    entity, now, asleep = lake.config.entities["sales"], [0.0], []

    def sleep(seconds: float) -> None:
        # The older version was refused, which is no answer; what is loaded and not in Glue cannot be read yet.
        asleep.append(seconds)
        now[0] += seconds
        if len(asleep) == 1:
            load(lake)
        elif len(asleep) == 2:
            Registrar(lake, "look").register_entity(entity, [Partition.from_path("year=2024/month=03/day=15")])

    found = upload.wait_for(lake, [file], {file.uri: entity}, 60, lambda: now[0], sleep)
    entry = found[file.uri]
    assert entry is not None
    assert (entry.state, entry.rows_loaded, len(asleep)) == ("loaded", 2, 2)


def test_what_is_not_loaded_in_time_is_said(lake: Lake, terminal: Terminal, tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_text(GOOD)
    assert "not loaded yet" in terminal.text("upload", str(path), "--wait", "0")
    assert terminal.code == 1
    [told] = terminal.data("upload", str(path), "--wait", "0")
    assert told["state"] is None


@pytest.mark.parametrize(("content", "state", "code"), [(GOOD, "loaded", 0), (BAD, "rejected", 1)])
def test_it_says_what_became_of_the_file(
    lake: Lake, terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, state: str, code: int
) -> None:
    path = tmp_path / NAME
    path.write_text(content)

    def loaded_meanwhile(*_: float) -> None:
        load(lake)
        Registrar(lake, "look").register_entity(
            lake.config.entities["sales"], [Partition.from_path("year=2024/month=03/day=15")]
        )

    # The default of wait_for's argument was bound before.
    monkeypatch.setattr(upload.wait_for, "__defaults__", (upload.time.monotonic, loaded_meanwhile))
    [told] = terminal.data("upload", str(path), "--wait", "60")
    assert (told["state"], terminal.code) == (state, code)
