"""Machines of an MWAA environment, as near as one machine comes to several without containers.

Each node is a process in a mount namespace and a UTS namespace of its own (mount_namespaces(7), uts_namespaces(7)): its
/usr/local/airflow is its own folder, laid out as MWAA lays it out, its /tmp is its own, and so is its name. What
processes of other nodes write they do not see; clock, processes and network they share.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.airflow_processes import private_file
from scripts.processes import StackError

# MWAA's image signs in people by IAM, from an own package; here they have passwords in Airflow's database.
WEBSERVER_CONFIG = """\
from airflow.configuration import conf
from flask_appbuilder.const import AUTH_DB

SQLALCHEMY_DATABASE_URI = conf.get_mandatory_value("database", "SQL_ALCHEMY_CONN")
CSRF_ENABLED = True
WTF_CSRF_ENABLED = True
AUTH_TYPE = AUTH_DB
"""
# Where there is no /usr/local/airflow to mount over, and none is to be left behind, /usr/local becomes a folder of
# mounts of what is in it. What is to be seen below /tmp (the interpreter, say) is mounted again in the node's own.
ENTER = """\
set -eu
name=$1 node=$2
shift 2
insisted=$(cat "$node/environment")
hostname "$name"
if [ ! -d /usr/local/airflow ]; then
    mkdir -p "$node/usr-local"
    mount -t tmpfs -o mode=755 usr-local "$node/usr-local"
    for path in /usr/local/*; do
        place=$node/usr-local/${path##*/}
        if [ -L "$path" ]; then cp -P "$path" "$place"
        elif [ -d "$path" ]; then mkdir "$place"; mount --rbind "$path" "$place"
        else touch "$place"; mount --bind "$path" "$place"; fi
    done
    mkdir "$node/usr-local/airflow"
    mount --rbind "$node/usr-local" /usr/local
fi
mount --bind "$node/airflow" /usr/local/airflow
mount --bind "$node/../hosts" /etc/hosts
while [ "$1" != -- ]; do
    case $1 in /tmp/*) mkdir -p "$node$1"; mount --rbind "$1" "$node$1";; esac
    shift
done
shift
mount --rbind "$node/tmp" /tmp
cd /usr/local/airflow
if [ -e startup/startup.sh ]; then . startup/startup.sh; fi
eval "$insisted"
exec "$@"
"""


def check() -> None:
    """Raises StackError where such namespaces cannot be had."""
    try:
        done = subprocess.run([*_namespaces(), "true"], capture_output=True, text=True)
    except OSError as error:
        raise StackError(f"nodes need Linux and its namespaces (unshare of util-linux): {error}") from None
    if done.returncode:
        raise StackError(
            f"nodes need mount and UTS namespaces, which this machine refuses: {done.stderr.strip()}. "
            "Run it as root, or in a container with the capability SYS_ADMIN"
        )


@dataclass(frozen=True)
class Node:
    """A node: its name, which is its host's too, its folder, and what it sees of what is below /tmp."""

    name: str
    folder: Path
    seen: Sequence[Path] = ()

    @property
    def home(self) -> Path:
        """What it has at /usr/local/airflow."""
        return self.folder / "airflow"

    @property
    def tmp(self) -> Path:
        """What it has at /tmp."""
        return self.folder / "tmp"

    def lay_out(self, package: Path, insisted: Mapping[str, str], *, startup: bool = True) -> None:
        """Make its folder anew from what an environment is given (scripts/package.py). ``insisted``: the variables that
        go before those of startup.sh; they are its owner's alone to read. ``startup``: whether startup.sh is run."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.tmp.mkdir(mode=0o700, parents=True)
        shutil.copytree(package / "dags", self.home / "dags")
        with zipfile.ZipFile(package / "plugins.zip") as archive:
            archive.extractall(self.home / "plugins")
        for name, file in (("requirements", "requirements.txt"), ("startup", "startup.sh")):
            if file != "startup.sh" or startup:
                (self.home / name).mkdir()
                shutil.copy(package / file, self.home / name / file)
        (self.home / "config").mkdir()
        (self.home / "config" / "webserver_config.py").write_text(WEBSERVER_CONFIG)
        with private_file(self.folder / "environment") as file:
            file.writelines(f"export {name}={shlex.quote(value)}\n" for name, value in insisted.items())

    def command(self, command: Iterable[str | Path]) -> list[str | Path]:
        """The command that runs a command in the node; its process is the command's."""
        return [*_namespaces(), "bash", "-c", ENTER, "node", self.name, self.folder, *self.seen, "--", *command]


def write_hosts(folder: Path, names: Iterable[str]) -> None:
    """Give the nodes in ``folder`` the addresses of one another: of the loopback network each has one of its own, so
    that an address leads to one name. Nobody listens there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lines = [f"127.0.1.{number} {name}\n" for number, name in enumerate(names, 1)]
    (folder / "hosts").write_text("".join(["127.0.0.1 localhost\n", *lines]))


def _namespaces() -> list[str]:
    mapped = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", *mapped, "--mount", "--uts", "--propagation", "private"]
