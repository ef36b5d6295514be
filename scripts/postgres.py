"""A PostgreSQL for one run, on 127.0.0.1: made anew in a folder, and stopped so that nothing of it stays behind.

`initdb` and the server refuse to be root. Where this process is root, they run in a user namespace in which its own
user has another number (user_namespaces(7)): they are root no more, and what they write belongs to who started them.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from scripts.ports import HOST
from scripts.processes import ManagedProcess, ProcessTable, StackError

NAME = "database"
USER = DATABASE = "airflow"
# Where Debian has the binaries of each version; elsewhere they are on the PATH.
DEBIAN = Path("/usr/lib/postgresql")
START_SECONDS = 60.0
STOP_SECONDS = 20.0
POLL_SECONDS = 0.1
SETTINGS = {
    "listen_addresses": HOST,
    # Its socket would lie in a folder that others write to.
    "unix_socket_directories": "",
    # Each process of Airflow has a pool of its own.
    "max_connections": "200",
    "shared_buffers": "64MB",
}


def binaries(debian: Path = DEBIAN) -> Path:
    """The folder of PostgreSQL's programs, of the newest version here. Raises StackError where there is none."""
    versions = [path for path in debian.glob("*/bin") if (path / "initdb").exists() and path.parent.name.isdigit()]
    if versions:
        return max(versions, key=lambda path: int(path.parent.name))
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    raise StackError(
        "no PostgreSQL is here (its initdb is neither on the PATH nor below /usr/lib/postgresql): install it, "
        "on Debian and Ubuntu with `apt-get install postgresql`"
    )


@dataclass(frozen=True)
class Postgres:
    """A server with one database, for one user. ``folder`` is made anew; ``env`` are its processes' variables."""

    folder: Path
    port: int
    env: dict[str, str]
    log: Path
    password: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)

    @property
    def url(self) -> str:
        """The address, as SQLAlchemy has it; it holds the password."""
        return f"postgresql+psycopg2://{USER}:{quote(self.password)}@{HOST}:{self.port}/{DATABASE}?sslmode=disable"

    def create(self) -> None:
        """Make the folder and what a server needs in it. Raises StackError."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o700, parents=True)
        password = self.folder / "password"
        password.touch(mode=0o600)
        password.write_text(self.password)
        options = ["--username", USER, "--pwfile", str(password), "--auth", "scram-sha-256"]
        self._run(["initdb", "--pgdata", str(self._data), "--locale", "C.UTF-8", "--encoding", "UTF8", *options])
        password.unlink()

    def start(self, table: ProcessTable) -> ManagedProcess:
        """Start the server, again too; returns once it answers. Raises StackError."""
        settings = [text for name, value in SETTINGS.items() for text in ("-c", f"{name}={value}")]
        command = [str(binaries() / "postgres"), "-D", str(self._data), "-p", str(self.port), *settings]
        process = table.start(NAME, [*_not_root(), *command], env=self.env, cwd=self.folder, log=self.log)
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if (code := process.exit_code()) is not None or time.monotonic() > deadline:
                ended = "does not answer" if code is None else f"ended with code {code}"
                raise StackError(f"PostgreSQL {ended}; {process.log} ends:\n{process.tail()}")
            time.sleep(POLL_SECONDS)
        return process

    def make_database(self) -> None:
        """Make the one database. Raises StackError."""
        self._run(["createdb", *self._address, "--maintenance-db", "postgres", DATABASE], PGPASSWORD=self.password)

    def ask(self, sql: str) -> str:
        """What psql prints of a statement, without headings. Raises StackError."""
        options = ["--no-psqlrc", "--tuples-only", "--no-align", "--command", sql]
        return self._run(["psql", *self._address, "--dbname", DATABASE, *options], PGPASSWORD=self.password)

    def _answers(self) -> bool:
        command = [str(binaries() / "pg_isready"), "--quiet", "--host", HOST, "--port", str(self.port)]
        return subprocess.run(command, env=self.env, stdin=subprocess.DEVNULL).returncode == 0

    def _run(self, command: list[str], **variables: str) -> str:
        done = subprocess.run(
            [*_not_root(), str(binaries() / command[0]), *command[1:]],
            env={**self.env, **variables},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if done.returncode:
            raise StackError(f"{command[0]} failed:\n{done.stdout.decode(errors='replace')}")
        return done.stdout.decode()

    @property
    def _address(self) -> list[str]:
        return ["--host", HOST, "--port", str(self.port), "--username", USER]

    @property
    def _data(self) -> Path:
        return self.folder / "data"


def stop(table: ProcessTable) -> None:
    """Stop the server that is recorded, at once and cleanly: it cuts its clients off, and removes its shared memory."""
    for process in [process for process in table.processes if process.name == NAME]:
        if process.exit_code() is None:
            with contextlib.suppress(ProcessLookupError):
                # "Fast shutdown", https://www.postgresql.org/docs/current/server-shutdown.html
                os.kill(process.pid, signal.SIGINT)
        deadline = time.monotonic() + STOP_SECONDS
        while process.exit_code() is None and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
    table.stop([NAME])


def _not_root() -> list[str]:
    """What goes before a command that refuses to be root. It insists on a user that has a name."""
    if os.geteuid() != 0:
        return []
    user = pwd.getpwnam("nobody")
    return ["unshare", "--user", f"--map-user={user.pw_uid}", f"--map-group={user.pw_gid}"]
