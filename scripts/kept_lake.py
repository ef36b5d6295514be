"""A lake of this machine between two starts: the folder with what the local AWS and Airflow kept of it.

    lake.kept        the local AWS's data, written when it is stopped in order (localaws/keeping.py)
    lake.kept.open   lies there while a local AWS runs on them
    airflow/         AIRFLOW_HOME, with the database and the logs of Airflow's runs
    airflow.db.kept  the database as it was when lake.kept was written

If the local AWS is killed, Airflow's database is ahead of the lake: its runs would speak of files that the lake does
not have any more. So both then go back to the last time that both were kept.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakelanes.commands.report import plural
from lakelanes.config.model import LakeConfig


@dataclass(frozen=True)
class KeptLake:
    """What is kept in ``folder``."""

    folder: Path

    @property
    def file(self) -> Path:
        """The local AWS's data."""
        return self.folder / "lake.kept"

    @property
    def open_mark(self) -> Path:
        """Lies there from the start of a local AWS on the data until it has written them."""
        return self.folder / "lake.kept.open"

    @property
    def airflow_home(self) -> Path:
        """AIRFLOW_HOME."""
        return self.folder / "airflow"

    @property
    def database(self) -> Path:
        """Airflow's database."""
        return self.airflow_home / "airflow.db"

    @property
    def _database_copy(self) -> Path:
        return self.folder / "airflow.db.kept"

    def contents(self) -> str:
        """What is kept, in words; '' for nothing."""
        header = self._header()
        if header is None:
            return ""
        return (
            f"{plural(header['objects'], 'object')} ({_size(header['bytes'])}) and "
            f"{plural(header['tables'], 'DynamoDB table')}, as of {header['saved']}"
        )

    def written(self) -> int:
        """How many bytes of the data a local AWS that ends has written so far."""
        with contextlib.suppress(OSError):
            return self.file.with_name(self.file.name + ".new").stat().st_size
        return 0

    def begin(self) -> str:
        """Make all ready for a start, when nothing runs here; returns what was lost, '' for nothing."""
        self.airflow_home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.open_mark.exists():
            if self.database.exists():
                _copy_database(self.database, self._database_copy)
            return ""
        header = self._header()
        for path in self.airflow_home.glob("airflow.db*"):
            path.unlink()
        if header is not None and self._database_copy.exists():
            shutil.copyfile(self._database_copy, self.database)
        self.open_mark.unlink()
        then = "they begin empty" if header is None else f"they are as they were on {header['saved']}"
        return (
            "the local AWS was not stopped in order (it was killed, or the machine went down): what came to the lake "
            f"since its last start is lost. Airflow's runs go with it: {then}"
        )

    def _header(self) -> dict[str, Any] | None:
        with contextlib.suppress(OSError, ValueError), self.file.open("rb") as file:
            header: dict[str, Any] = json.loads(file.readline())
            return header
        return None


def lake_name(config: LakeConfig) -> str:
    """What a lake is known by: another account, region or analytics bucket is another lake."""
    return f"{config.resources.analytics_bucket}-{config.aws.account_id}-{config.aws.region}"


def kept_lakes(state: Path) -> dict[str, KeptLake]:
    """All that are kept in a state folder, by name."""
    return {path.name: KeptLake(path) for path in sorted((state / "lakes").glob("*")) if path.is_dir()}


def _copy_database(source: Path, target: Path) -> None:
    """Copy a SQLite database, with what of it is still in its write-ahead log."""
    unfinished = target.with_name(target.name + ".new")
    unfinished.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(source)) as one, contextlib.closing(sqlite3.connect(unfinished)) as other:
        one.backup(other)
    unfinished.replace(target)


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 100_000 else f"{count:,} bytes"
