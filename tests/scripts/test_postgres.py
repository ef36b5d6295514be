"""A PostgreSQL of one's own: it answers, it is started again with what it had, and nothing of it stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scripts.ports import reserved
from scripts.postgres import Postgres, binaries, stop
from scripts.processes import ProcessTable, StackError


def here() -> bool:
    try:
        return binaries().is_dir()
    except StackError:
        return False


def test_the_newest_version_is_taken(tmp_path: Path) -> None:
    for version in ("9", "15", "16", "sources"):
        (tmp_path / version / "bin").mkdir(parents=True)
        if version != "16":
            (tmp_path / version / "bin" / "initdb").touch()
    assert binaries(tmp_path) == tmp_path / "15" / "bin"


def test_where_there_is_none_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackError, match="apt-get install postgresql"):
        binaries(tmp_path)


@pytest.mark.skipif(not here(), reason="no PostgreSQL here")
def test_it_is_made_started_again_and_stopped(tmp_path: Path) -> None:
    table = ProcessTable(tmp_path / "processes.json")
    with reserved() as port:
        database = Postgres(tmp_path / "database", port, dict(os.environ), tmp_path / "log")
        database.create()
        try:
            database.start(table)
            database.make_database()
            database.ask("CREATE TABLE kept (one int); INSERT INTO kept VALUES (7)")
            stop(table)
            assert table.processes == []
            [process] = [database.start(table)]
            assert database.ask("SELECT one, current_user FROM kept").strip() == "7|airflow"
            assert not any("password" in path.name for path in (tmp_path / "database").iterdir())
            wrong = Postgres(database.folder, port, database.env, database.log, password="wrong")
            with pytest.raises(StackError, match="password authentication failed"):
                wrong.ask("SELECT 1")
        finally:
            stop(table)
        assert process.exit_code() == 0, process.tail()
