"""``quicksight`` prints what infrastructure/dashboards.yaml holds."""

from __future__ import annotations

import pytest

from tests.lakelanes.commands.terminal import Terminal
from tests.support.localaws import ACCOUNT, REPOSITORY


@pytest.mark.slow
def test_the_template_is_that_of_the_repository(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCOUNT_ID", ACCOUNT)
    path = str(REPOSITORY / "include" / "lake.json")
    assert terminal.text("quicksight", path) == (REPOSITORY / "infrastructure" / "dashboards.yaml").read_text()
    assert terminal.data("quicksight", path)["Resources"]["Role"]["Type"] == "AWS::IAM::Role"
    assert terminal.code == 0
