"""A node has /usr/local/airflow, /tmp and a name of its own, and what startup.sh exports."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from scripts.mwaa_nodes import Node, check, write_hosts
from scripts.package import mwaa_files
from scripts.processes import StackError
from tests.support.lakes import config_text

ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "WHO": "given"}
try:
    check()
    REFUSED = ""
except StackError as error:
    REFUSED = str(error)
needs_namespaces = pytest.mark.skipif(bool(REFUSED), reason=REFUSED)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an environment is given."""
    return mwaa_files(tmp_path_factory.mktemp("package") / "mwaa", config_text(name="nodes"))


@pytest.fixture
def nodes(tmp_path: Path, package: Path) -> list[Node]:
    folder = tmp_path / "nodes"
    found = [Node(name, folder / name) for name in ("one", "two")]
    write_hosts(folder, [node.name for node in found])
    for node in found:
        node.lay_out(package, {"AIRFLOW_HOME": "/usr/local/airflow", "WHO": node.name, "QUOTED": "it's $HOME"})
    return found


def run(node: Node, script: str) -> str:
    done = subprocess.run(node.command(["sh", "-c", script]), env=ENV, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_folder_is_laid_out_as_mwaa_does(nodes: list[Node], package: Path) -> None:
    home = nodes[0].home
    assert {path.name for path in home.iterdir()} == {"config", "dags", "plugins", "requirements", "startup"}
    assert (home / "dags" / "load_entities.py").exists() and (home / "dags" / "constraints.txt").exists()
    assert (home / "plugins" / "lakelanes_airflow" / "plugin.py").exists()
    assert (home / "plugins" / ".airflowignore").exists()
    assert (
        json.loads((home / "plugins" / "include" / "lake.json").read_text())["resources"]["glue_database"] == "nodes_db"
    )
    for name in ("requirements", "startup"):
        [file] = (home / name).iterdir()
        assert file.read_bytes() == (package / file.name).read_bytes()
    assert (nodes[0].folder / "environment").stat().st_mode & 0o777 == 0o600


def test_a_node_without_a_startup_script_has_none(tmp_path: Path, package: Path) -> None:
    node = Node("migration", tmp_path / "migration")
    node.lay_out(package, {}, startup=False)
    assert not (node.home / "startup").exists()


@needs_namespaces
def test_each_sees_its_own_home_tmp_and_name(nodes: list[Node]) -> None:
    for node in nodes:
        assert run(node, "hostname; pwd; echo $WHO > /tmp/mine; echo $WHO > made; cat /tmp/mine made").split() == [
            *(node.name, "/usr/local/airflow", node.name, node.name)
        ]
        assert (node.tmp / "mine").read_text() == (node.home / "made").read_text() == f"{node.name}\n"
    assert not Path("/tmp/mine").exists() and not Path("/usr/local/airflow/made").exists()
    assert run(nodes[0], "getent hosts two | tr -s ' '").split() == ["127.0.1.2", "two"]


@needs_namespaces
def test_startup_goes_before_what_is_given_and_mwaas_own_goes_before_that(nodes: list[Node]) -> None:
    node = nodes[0]
    with (node.home / "startup" / "startup.sh").open("a") as file:
        file.write("export WHO=startup\nexport FROM_STARTUP=$WHO\n")
    said = run(node, 'echo $WHO; echo $FROM_STARTUP; echo "$QUOTED"; echo $LAKE_CONFIG; cat $LAKE_CONFIG | wc -c')
    lines = said.splitlines()
    assert lines[:4] == ["one", "startup", "it's $HOME", "/usr/local/airflow/plugins/include/lake.json"]
    assert int(lines[4]) > 100


@needs_namespaces
def test_below_tmp_a_node_sees_what_it_is_to_see_and_nothing_else(nodes: list[Node], tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    seen.mkdir()
    (seen / "file").write_text("here")
    (tmp_path / "hidden").write_text("not here")
    node = Node(nodes[0].name, nodes[0].folder, [seen])
    assert run(node, f"cat {seen}/file") == "here"
    if str(tmp_path).startswith("/tmp/"):
        assert run(node, f"test -e {tmp_path}/hidden || echo hidden") == "hidden"
