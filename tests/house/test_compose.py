"""docker-compose.yaml: valid, closed to the network, without secrets, and in step with what runs without Docker."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.cluster import QUEUE, ClusterAirflow, worker_names
from scripts.mwaa_settings import SUGGESTED, Environment

REPOSITORY = Path(__file__).resolve().parents[2]
FILE = REPOSITORY / "docker-compose.yaml"
SECRETS = {"POSTGRES_PASSWORD", "AIRFLOW_FERNET_KEY", "AIRFLOW_SECRET_KEY", "AIRFLOW_JWT_SECRET"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return loaded


def _check(path: Path) -> subprocess.CompletedProcess[str]:
    # The schema that the Compose specification publishes comes with this tool.
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    return subprocess.run(command, capture_output=True, text=True)


def test_it_follows_the_compose_specification() -> None:
    done = _check(FILE)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_check_finds_a_fault(tmp_path: Path) -> None:
    wrong = tmp_path / "docker-compose.yaml"
    wrong.write_text(FILE.read_text().replace("healthcheck:", "healthchek:", 1))
    done = _check(wrong)
    assert done.returncode != 0
    assert "healthchek" in done.stdout + done.stderr


def test_ports_are_published_on_the_loopback_address_only(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in ports), ports
    assert "host" not in {service.get("network_mode") for service in compose["services"].values()}


def test_secrets_come_from_the_environment_and_have_no_default(compose: dict[str, Any]) -> None:
    text = FILE.read_text()
    for name in SECRETS:
        uses = re.findall(rf"\$\{{{name}([^}}]*)\}}", text)
        assert uses, name
        assert all(use.startswith(":?") for use in uses), name
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|FERNET|SQL_ALCHEMY_CONN", name) and name != "AWS_SECRET_ACCESS_KEY":
                assert ":?" in value, name


def test_what_is_mounted_exists(compose: dict[str, Any]) -> None:
    sources = set()
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            source = volume["source"] if isinstance(volume, dict) else volume.split(":")[0]
            default = re.fullmatch(r"\$\{\w+:-(.+)\}", source)
            sources.add(default[1] if default else source)
    folders = {source for source in sources if source.startswith(".")}
    assert sources - folders == set(compose["volumes"])
    assert [source for source in folders if not (REPOSITORY / source).exists()] == []


def test_every_airflow_component_runs_and_waits_for_what_it_needs(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name in ("api-server", "scheduler", "dag-processor", "triggerer", "worker-1", "worker-2"):
        assert services[name]["command"][0] == ("celery" if name.startswith("worker") else name)
        assert services[name]["depends_on"] == {
            "postgres": {"condition": "service_healthy"},
            "migration": {"condition": "service_completed_successfully"},
            "deployment": {"condition": "service_healthy"},
        }
        assert services[name]["environment"]["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].startswith("postgresql")


def test_it_is_the_shape_of_the_run_without_docker(compose: dict[str, Any], tmp_path: Path) -> None:
    """tests/cluster runs that one: what both have is the same, but for addresses and secrets, and for the login."""
    services = compose["services"]
    workers = [name for name in services if name.startswith("worker-")]
    airflow = ClusterAirflow(tmp_path, tmp_path, tmp_path, tmp_path, {}, "http://h", "", workers=len(workers))
    assert workers == worker_names(len(workers)) and len(workers) > 1
    for name in airflow.names:
        command, wanted = services[name]["command"], airflow._command(name)
        assert command[: len(wanted)] == wanted, name
    here = {name: _resolved(value) for name, value in services["worker-1"]["environment"].items()}
    queue = f"http://127.0.0.1:4566/000000000000/{QUEUE}"
    environment = Environment("", "", queue, "us-east-1", "", "")
    wanted = {**SUGGESTED, **environment.insisted()}
    settings = {
        name for name in here.keys() & wanted.keys() if not re.search("KEY|SECRET|SQL_ALCHEMY|BACKEND|URL", name)
    }
    assert {name: _plain(here[name]) for name in settings} == {name: _plain(wanted[name]) for name in settings}
    assert settings >= {
        f"AIRFLOW__{name}" for name in ("CORE__EXECUTOR", "CELERY__EXTRA_CELERY_CONFIG", "API__SERVER_TYPE")
    }
    assert here["AIRFLOW__CELERY__BROKER_URL"] == wanted["AIRFLOW__CELERY__BROKER_URL"]
    assert here["AIRFLOW__CELERY__RESULT_BACKEND"] == f"db+{here['AIRFLOW__DATABASE__SQL_ALCHEMY_CONN']}"
    # Who makes the queue.
    command = services["deployment"]["command"]
    assert command[command.index("--queue") + 1] == QUEUE


def _resolved(text: str) -> str:
    """With the default of each variable that has one."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", lambda found: found[1], text)


def _plain(text: str) -> Any:
    return json.loads(text) if text.startswith("{") else text


def test_the_image_is_the_airflow_that_the_requirements_name(compose: dict[str, Any]) -> None:
    requirement = re.search(r"^apache-airflow==(.+)$", (REPOSITORY / "requirements.txt").read_text(), re.MULTILINE)
    assert requirement is not None
    dockerfile = compose["services"]["scheduler"]["build"]["dockerfile_inline"]
    assert f"FROM apache/airflow:{requirement[1]}-python3.12\n" in dockerfile


def test_airflow_reaches_the_local_aws_in_the_network_namespace_they_share(compose: dict[str, Any]) -> None:
    services = compose["services"]
    command = services["aws"]["command"]
    assert services["aws"]["network_mode"] == "service:network"
    endpoint = f"http://127.0.0.1:{command[command.index('--port') + 1]}"
    for name, service in services.items():
        if "AWS_ENDPOINT_URL" in service.get("environment", {}):
            assert service["network_mode"] == "service:network", name
            assert service["environment"]["AWS_ENDPOINT_URL"] == endpoint, name


def test_a_new_start_of_the_local_aws_cuts_nobody_off_and_is_deployed_to_again(compose: dict[str, Any]) -> None:
    """tests/scripts/test_keep_deployed.py runs the deployment's command."""
    services = compose["services"]
    assert not any(service.get("network_mode") == "service:aws" for service in services.values())
    holder = services["network"]
    assert (
        "network_mode" not in holder
        and holder["ports"]
        and not any(service.get("ports") for name, service in services.items() if name != "network")
    )
    deployment = services["deployment"]
    assert "scripts.keep_deployed" in deployment["command"] and deployment["restart"] == "on-failure"
    mark = deployment["command"][deployment["command"].index("--mark") + 1]
    assert deployment["healthcheck"]["test"] == ["CMD", "test", "-e", mark]


def test_airflow_answers_by_this_machines_names_alone(compose: dict[str, Any]) -> None:
    environment = compose["services"]["api-server"]["environment"]
    assert environment["AIRFLOW__LAKELANES__ALLOWED_HOSTS"].split(",") == ["127.0.0.1", "localhost"]
    # What asks it within the namespace.
    for url in (environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"], environment["AIRFLOW__API__BASE_URL"]):
        assert url.startswith("http://127.0.0.1:8080")
