"""What a user of a running cluster does, and what happens to its machines."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from scripts.processes import ManagedProcess
from tests.cluster.holding import HoldingCluster
from tests.end_to_end.world import PATIENCE_SECONDS, World, wait_for

# What Airflow, Celery and Python themselves leave in a node's home and its /tmp.
THEIR_OWN = {"airflow.cfg", "logs", "__pycache__", "airflow_local_settings.py"}


class Machines(World):
    """A running cluster, and the clients to use it with."""

    stack: HoldingCluster

    def __init__(self, cluster: HoldingCluster) -> None:
        super().__init__(cluster)
        self._tokens: dict[str, str] = {}

    def token(self, role: str) -> str:
        """A token of the user with a role; the same one again, for Airflow hashes a password at each login."""
        if role not in self._tokens:
            self._tokens[role] = self.stack.open_api(120.0, role).token()
        return self._tokens[role]

    def process(self, name: str) -> ManagedProcess:
        """The process of a node, or of the database."""
        return next(process for process in self.stack.running() if process.name == name)

    def kill(self, name: str) -> None:
        """The node is gone, and all that ran there, without a word."""
        process = self.process(name)
        while members := process.members():
            for member in members:
                with contextlib.suppress(psutil.NoSuchProcess):
                    member.kill()
            psutil.wait_procs(members, timeout=1)
        assert process.exit_code() is not None

    @contextlib.contextmanager
    def standing_still(self, name: str) -> Iterator[None]:
        """All that runs at the node stands still, and then goes on as if nothing had been."""
        members = self.process(name).members()
        try:
            for member in members:
                member.suspend()
            yield
        finally:
            for member in members:
                with contextlib.suppress(psutil.NoSuchProcess):
                    member.resume()

    @contextlib.contextmanager
    def in_the_middle(self, day: str) -> Iterator[tuple[Any, Any]]:
        """A run that loads a day's readings, and its instance of convert, which cannot write the objects until this
        ends."""
        proxy = self.stack.proxy
        assert proxy is not None
        with proxy.holding(f"readings-{day}") as reached:
            run = self.begin("load_readings", conf={"partition": day})
            assert reached.wait(PATIENCE_SECONDS), "nobody wrote what was to be held"
            yield run, self.running_task(run, "convert")

    def tasks_at(self, name: str) -> list[int]:
        """The processes of tasks at a worker."""
        found = []
        for member in self.process(name).members():
            with contextlib.suppress(psutil.NoSuchProcess):
                # As Airflow's task SDK entitles them.
                if " ".join(member.cmdline()).startswith("airflow worker"):
                    found.append(member.pid)
        return found

    def replace(self, name: str) -> None:
        """What MWAA does with a machine that is gone."""
        self.stack.start_again(name)

    def mend(self) -> list[str]:
        """Start every node that has ended; returns their names."""
        running = {process.name for process in self.stack.running()}
        ended = [name for name in self.stack.node_names if name not in running]
        for name in ended:
            self.replace(name)
        return ended

    def ask(self, sql: str) -> list[list[Any]]:
        """Rows of Airflow's database, as JSON has them."""
        database = self.stack.database
        assert database is not None
        rows = database.ask(f"SELECT coalesce(json_agg(row), '[]') FROM (SELECT to_json(q) AS row FROM ({sql}) q) r")
        return [list(row.values()) for row in json.loads(rows)]

    def environment(self, process: ManagedProcess) -> dict[str, str]:
        """The variables that a process has."""
        return psutil.Process(process.pid).environ()

    def cpu_seconds(self) -> dict[str, float]:
        """What each node's processes have taken of a core so far, those that have ended included where waited for."""
        return {name: self.process(name).cpu_seconds() for name in self.stack.node_names}

    def place(self, process: ManagedProcess, path: str) -> tuple[int, int]:
        """Which file a process has at a path, by device and inode."""
        found = Path(f"/proc/{process.pid}/root{path}").stat()
        return found.st_dev, found.st_ino

    def left(self, name: str) -> set[str]:
        """Files in a node's home and its /tmp that no deployment put there, and nobody but the product would."""
        node = self.stack.node(name)
        package = {"dags", "plugins", "requirements", "startup", "config"}
        found = set()
        for folder, theirs in ((node.home, THEIR_OWN | package), (node.tmp, THEIR_OWN)):
            for path in folder.rglob("*"):
                parts = path.relative_to(folder).parts
                if path.is_file() and not theirs & set(parts) and not parts[0].startswith("pymp-"):
                    found.add(str(path))
        return found

    def running_task(self, run: Any, task_id: str) -> Any:
        """The task's instance, once it runs."""

        def look() -> Any:
            found = self.tasks(run).get(task_id, ())
            return next((task for task in found if task["state"] == "running" and task["hostname"]), None)

        return wait_for(look, bool, f"{task_id} of {run['dag_run_id']} to run")
