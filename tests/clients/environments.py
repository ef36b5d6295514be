"""The environments of the clients, in .local/clients: each has one client, in the versions of its file, and pytest.

They are nobody else's: what a client needs never meets what the product needs. ``python -m tests.clients --prepare``
makes them; ``.in`` says what is wanted, ``.txt`` is what uv made of it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from scripts import setup
from tests.support.localaws import REPOSITORY

CLIENTS = ("pyathena", "awswrangler", "dbt", "ibis")
REQUIREMENTS = REPOSITORY / "tests" / "clients" / "requirements"
FOLDER = REPOSITORY / ".local" / "clients"
SUITES = REPOSITORY / "tests" / "clients" / "suites"


def python_of(client: str) -> Path:
    """The interpreter that has the client, whether or not it is there."""
    return FOLDER / client / "bin" / "python"


def is_ready(client: str) -> bool:
    """Whether the environment is there, as its requirements are now."""
    stamp = FOLDER / client / "stamp"
    return python_of(client).exists() and stamp.exists() and stamp.read_text() == _digest(client)


def prepare(client: str) -> None:
    """Makes the client's environment, unless it is ready. Raises ``scripts.setup.SetupError``."""
    with setup.only_one():
        if is_ready(client):
            return
        python, _ = setup.find_python(str(REPOSITORY / ".local" / "venv" / "bin" / "python"))
        env = setup.uv_environment(python)
        uv = setup.install_uv(python, env)
        setup.run([uv, "venv", "--quiet", "--clear", "--no-project", "--python", python, FOLDER / client], env)
        install = [uv, "pip", "install", "--quiet", "--python", python_of(client)]
        setup.run([*install, "-r", REQUIREMENTS / f"{client}.txt"], env)
        (FOLDER / client / "stamp").write_text(_digest(client))


def version_of(client: str) -> str:
    """What the first line of the client's ``.in`` pins: ``pyathena 4.2.1``."""
    name, _, version = (REQUIREMENTS / f"{client}.in").read_text().splitlines()[0].partition("==")
    return f"{name.partition('[')[0]} {version}"


def _digest(client: str) -> str:
    # The place counts: scripts in a moved environment do not run.
    return hashlib.sha256(str(FOLDER).encode() + (REQUIREMENTS / f"{client}.txt").read_bytes()).hexdigest()
