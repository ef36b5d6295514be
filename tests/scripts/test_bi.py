"""The local Superset: what it is started with, whom it reads the lake as, and what it says where it cannot start.

That Superset imports the dashboards and shows the right values is tested in test_bi_in_browser.py.
"""

from __future__ import annotations

import json
import os
import re
import runpy
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from lakelanes.config.loading import DEFAULT_PATH, load_config
from scripts import bi
from tests.support.localaws import ACCOUNT, REPOSITORY, LocalAws, make_client

CONFIG = load_config(DEFAULT_PATH, {"AWS_ACCOUNT_ID": ACCOUNT})


@pytest.mark.slow
def test_without_a_stack_it_says_in_a_line_what_to_do(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scripts.bi", "--state", str(tmp_path)]
    env = {**os.environ, "PYTHONPATH": f"{REPOSITORY / 'plugins'}{os.pathsep}{REPOSITORY}"}
    done = subprocess.run(command, env=env, cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == f"bi: no stack runs here ({tmp_path / 'env'}): start one with `make up`\n"


def test_of_a_stack_that_is_gone_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "env").write_text("AWS_ENDPOINT_URL=http://127.0.0.1:9\nexport AWS_ENDPOINT_URL\n")
    with pytest.raises(bi.BiError, match=r"make up.*nothing answers at http://127\.0\.0\.1:9"):
        bi.stack_environment(tmp_path)


def test_variables_are_read_as_a_shell_reads_them(local_aws: LocalAws, tmp_path: Path) -> None:
    lines = [f"AWS_ENDPOINT_URL={local_aws.endpoint_url}", "LAKE_CONFIG='/my lake/a=b.json'", "export LAKE_CONFIG"]
    (tmp_path / "env").write_text("\n".join(lines))
    found = bi.stack_environment(tmp_path)
    assert found == {"AWS_ENDPOINT_URL": local_aws.endpoint_url, "LAKE_CONFIG": "/my lake/a=b.json"}


def test_secrets_are_made_once_and_for_their_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 0))
    made = bi.superset(Path("python"), tmp_path, CONFIG, {})
    made.prepare(CONFIG)
    files = [made.home / "secret_key", made.password_file]
    first = [file.read_text() for file in files]
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)
    assert stat.S_IMODE(made.home.stat().st_mode) == 0o700
    assert len(set(first)) == 2 and all(len(text) >= 16 for text in first)
    made.prepare(CONFIG)
    assert [file.read_text() for file in files] == first
    assert bi.superset(Path("python"), tmp_path / "other", CONFIG, {}).home != made.home


def test_what_superset_says_when_it_cannot_be_prepared_is_said(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nread password\necho no such table\nexit 3\n")
    python.chmod(0o700)
    made = bi.superset(python, tmp_path, CONFIG, {})
    with pytest.raises(bi.BiError, match=r"prepare\.log ends:\nno such table"):
        made.prepare(CONFIG)
    assert made.password_file.read_text() not in (made.home / "prepare.log").read_text()


def test_its_processes_know_no_other_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another's")
    monkeypatch.setenv("PYTHONPATH", "plugins")
    found = bi.superset(Path("python"), tmp_path, CONFIG, {"AWS_SECRET_ACCESS_KEY": "its own"}).environment
    assert found["AWS_SECRET_ACCESS_KEY"] == "its own" and {"AWS_PROFILE", "PYTHONPATH"}.isdisjoint(found)
    assert found["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull and found["SCARF_ANALYTICS"] == "false"


def test_a_port_is_taken_when_it_is_chosen_and_on_this_machine_alone() -> None:
    with bi.listening(0) as one:
        host, port = one.getsockname()
        assert host == "127.0.0.1" and one.get_inheritable()
        with pytest.raises(bi.BiError, match=f"port {port} of 127.0.0.1 cannot be had"):
            bi.listening(port)
        command = bi.Superset(Path("python"), Path("home"), {}).command(one)
        assert command[command.index("--bind") + 1] == f"fd://{one.fileno()}"


def test_the_policy_is_of_this_lake_and_only_reads() -> None:
    document = bi.reading_policy(CONFIG)
    text = json.dumps(document)
    assert "${" not in text and "Fn::" not in text
    for action in (action for statement in document["Statement"] for action in statement["Action"]):
        # Athena writes its answers with the rights of who asks.
        assert re.match(r"\w+:(Get|List|BatchGet)", action) or action in (
            *("athena:StartQueryExecution", "athena:StopQueryExecution"),
            *("s3:AbortMultipartUpload", "s3:PutObject"),
        )
    (writing,) = [one for one in document["Statement"] if "s3:PutObject" in one["Action"]]
    assert writing["Resource"] == [f"arn:aws:s3:::{CONFIG.resources.analytics_bucket}/athena-results/*"]


def test_its_user_is_made_once_and_has_one_key_at_a_time(local_aws: LocalAws) -> None:
    iam = local_aws.client("iam")
    first, second = (bi.make_reader(iam, CONFIG, "superset-once") for _ in range(2))
    assert first != second
    keys = iam.list_access_keys(UserName="superset-once")["AccessKeyMetadata"]
    assert [key["AccessKeyId"] for key in keys] == [second["AWS_ACCESS_KEY_ID"]]
    names = {"aws_access_key_id": "AWS_ACCESS_KEY_ID", "aws_secret_access_key": "AWS_SECRET_ACCESS_KEY"}
    own = {option: second[name] for option, name in names.items()}
    athena = make_client("athena", local_aws.endpoint_url, region=CONFIG.aws.region, **own)
    assert "DatabaseList" in athena.list_databases(CatalogName="AwsDataCatalog")
    dynamodb = make_client("dynamodb", local_aws.endpoint_url, **own)
    with pytest.raises(ClientError, match="AccessDenied"):
        dynamodb.list_tables()


def test_what_it_is_installed_with_is_pinned_whole() -> None:
    asked = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["dependency-groups"]["bi"]
    pinned = [line for line in (REPOSITORY / "constraints-bi.txt").read_text().splitlines() if line[0] != "#"]
    assert set(asked) <= set(pinned) and len(pinned) > 100
    assert all("==" in line for line in pinned)


def test_the_settings_are_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    (tmp_path / "secret_key").write_text("key")
    monkeypatch.setenv("SUPERSET_HOME", str(tmp_path))
    found = runpy.run_path(str(REPOSITORY / "scripts" / "superset_config.py"))
    assert found["SECRET_KEY"] == "key"
    assert found["SQLALCHEMY_DATABASE_URI"] == f"sqlite:///{tmp_path / 'superset.db'}"
