"""``files`` lists files by state, by partition and by the start of their key."""

from __future__ import annotations

from lakelanes.lake import Lake
from tests.lakelanes.commands.terminal import BAD, GOOD, Terminal, load
from tests.support.lakes import put


def test_files_are_listed_by_state_by_partition_and_by_the_start_of_their_key(lake: Lake, terminal: Terminal) -> None:
    put(lake, "sales_data_2024_03_15.csv", GOOD)
    put(lake, "sales_data_2024_03_16.csv", BAD)
    load(lake)
    put(lake, "sales_data_2024_03_17.csv", GOOD)

    def names(*arguments: str) -> list[str]:
        found = terminal.data("files", *arguments)
        return sorted(one.get("source", one.get("uri", ""))[-6:-4] for one in found)

    assert names() == ["15", "16"]
    assert names("--state", "rejected") == ["16"]
    assert names("--partition", "2024-03-15") == names("--partition", "year=2024/month=03/day=15") == ["15"]
    assert names("sales_data_2024_03") == ["15", "16", "17"]
    assert names("--limit", "1") == ["16"]
    text = terminal.text("files", "--state", "rejected")
    assert "line 2: none of the table's columns" in text
    heading, row = text.splitlines()[:2]
    assert row[heading.index("BAD ROWS") :].split()[:2] == ["0", "1"], "its row is withheld, and no bad one"
    assert "WITHHELD" in heading
    assert terminal.text("files", "nothing") == "no file's key starts with 'nothing'\n"
    assert "no lane has seen it" in terminal.text("files", "sales_data_2024_03_17")
