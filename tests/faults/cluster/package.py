"""What the nodes are laid out from: the package, but for texts of the engine that are others.

The lease is shorter, so that what takes over need not be waited for a quarter of an hour. And engines that are broken
on purpose must be found out by the oracle: a harness that cannot fail proves nothing.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from scripts.archives import write


@dataclass(frozen=True)
class Change:
    """In a file of plugins/ a text, which is there once, becomes another one."""

    file: str
    before: str
    after: str


def lease(seconds: int) -> Change:
    """Claims last so many seconds."""
    return Change("lakelanes/ledger/files.py", "LEASE_SECONDS = 900\n", f"LEASE_SECONDS = {seconds}\n")


BROKEN = {
    # A claim says at once that the version is loaded.
    "hold_on_to_nothing": Change(
        "lakelanes/ledger/files.py", '            state="claimed",\n', '            state="loaded",\n'
    ),
    # Objects are put without If-Match and If-None-Match.
    "write_unconditionally": Change(
        "lakelanes/aws/storage.py",
        '{"IfMatch": expected_etag} if expected_etag else {"IfNoneMatch": "*"}',
        "{}",
    ),
    # A claim succeeds whoever has the file, and whatever has changed since the entry was read.
    "claim_without_condition": Change(
        "lakelanes/ledger/files.py",
        '"#t = :t AND updated_at = :u AND (#st <> :claimed OR lease_until < :now OR run_id = :run)"',
        '"#t >= :t OR updated_at = :u OR #st <> :claimed OR lease_until < :now OR run_id = :run"',
    ),
}


def rewrite(archive: Path, changes: Iterable[Change]) -> None:
    """Makes plugins.zip anew with the changes. Raises AssertionError where a text is not there once."""
    with zipfile.ZipFile(archive) as packed:
        files: dict[str, bytes | Path] = {name: packed.read(name) for name in packed.namelist()}
    for change in changes:
        body = files[change.file]
        assert isinstance(body, bytes)
        text = body.decode()
        assert text.count(change.before) == 1, f"{change.file} has {change.before!r} {text.count(change.before)} times"
        files[change.file] = text.replace(change.before, change.after).encode()
    write(archive, files)
