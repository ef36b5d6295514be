"""Commands as a terminal runs them, and files for their lake."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lakelanes.__main__ import main
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_prefix
from lakelanes.lake import Lake

HEADER = "transaction_id,customer_id,amount,transaction_date\n"
GOOD = HEADER + "a,c,1.50,2024-03-15\nb,c,1.50,2024-03-15\n"
BAD = "wrong\n1\n"


class Terminal:
    """Runs a command; keeps its exit code."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys, self.code = capsys, -1

    def text(self, *arguments: str) -> str:
        self.code = main(list(arguments))
        captured = self._capsys.readouterr()
        return captured.out + captured.err

    def data(self, *arguments: str) -> Any:
        self.code = main([*arguments, "--json"])
        return json.loads(self._capsys.readouterr().out)


def load(lake: Lake) -> None:
    """Loads whatever the source bucket has for the sales entity."""
    files = list(list_prefix(lake, "sales"))
    load_batch(lake, lake.config.entities["sales"], files, lane="batch", run_id="run-1")
