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
    # The ledger hears of the table's object a moment before S3 does.
    "commit_before_upload": Change(
        "lakelanes/aws/storage.py",
        "answer = self._s3.put_object(**self._object, **self._condition, **self._attributes, Body=self._take())\n",
        "import hashlib, threading; "
        "put = {**self._object, **self._condition, **self._attributes, 'Body': self._take()}; "
        "answer = {'ETag': hashlib.md5(put['Body'], usedforsecurity=False).hexdigest()}; "
        "threading.Timer(1.0, self._s3.put_object, kwargs=put).start()\n",
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
