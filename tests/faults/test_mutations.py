"""A harness that cannot fail proves nothing: engines that are broken on purpose are found out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import mutations
from tests.faults.scenarios import make_world, play
from tests.support.localaws import LocalAws


@pytest.mark.parametrize(
    ("mutation", "point", "kind", "found"),
    [
        ("write_unconditionally", "before_upload", "hang", "stale"),
        ("forget_the_stamp", "before_upload", "hang", "stale"),
        ("commit_before_upload", "after_commit", "kill", "lost"),
        ("hold_on_to_nothing", "before_get", "kill", "lost"),
    ],
)
def test_a_broken_engine_is_found_out(
    local_aws: LocalAws,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mutation: str,
    point: str,
    kind: str,
    found: str,
) -> None:
    # Here too: the sweep runs in this process.
    getattr(mutations, mutation)(monkeypatch.setattr)
    with make_world(local_aws, tmp_path, f"tests.faults.mutations:{mutation}") as world:
        findings = play(world, point, kind)
    assert findings.counts()[found], findings.counts()
