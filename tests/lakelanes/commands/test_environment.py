"""A command finds the variables of the stack beside it, unless somebody has chosen another AWS."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from botocore import exceptions as botocore
from botocore.exceptions import ClientError

from lakelanes.commands.environment import EnvFile, UnreachableError, check_endpoint, read_env_file, said
from lakelanes.errors import ConfigError, LakeError

TEXT = """AWS_ENDPOINT_URL=http://127.0.0.1:4566
AWS_ACCESS_KEY_ID=test
LAKE_CONFIG='/a b/lake.json'
AIRFLOW_HOME=/somewhere
PATH=/nowhere
export AWS_ENDPOINT_URL AWS_ACCESS_KEY_ID
"""


def env_file(folder: Path, text: str = TEXT) -> Path:
    path = folder / ".local" / "env"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def test_the_file_of_this_folder_is_read(tmp_path: Path) -> None:
    path, env = env_file(tmp_path), {"LAKE_CONFIG": "mine.json", "PATH": "/bin"}
    assert read_env_file(None, env, tmp_path) == EnvFile(path, "http://127.0.0.1:4566")
    assert env == {
        "LAKE_CONFIG": "mine.json",
        "PATH": "/bin",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
        "AWS_ACCESS_KEY_ID": "test",
    }


def test_so_is_that_of_a_folder_above_the_configuration(tmp_path: Path) -> None:
    path, elsewhere = env_file(tmp_path), tmp_path / "elsewhere"
    elsewhere.mkdir()
    found = read_env_file(str(tmp_path / "deep" / "down" / "lake.json"), {}, elsewhere)
    assert found is not None and found.path == path
    env = {"LAKE_CONFIG": str(tmp_path / "lake.json")}
    assert read_env_file(None, env, elsewhere) is not None
    nearer = env_file(elsewhere)
    found = read_env_file(str(tmp_path / "lake.json"), {}, elsewhere)
    assert found is not None and found.path == nearer


@pytest.mark.parametrize(
    "name", ["AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE"]
)
def test_who_has_chosen_an_aws_goes_nowhere_else(tmp_path: Path, name: str) -> None:
    env_file(tmp_path)
    env = {name: "mine"}
    assert read_env_file(None, env, tmp_path) is None
    assert env == {name: "mine"}


def test_a_file_that_is_none_or_no_shells_is_left_alone(tmp_path: Path) -> None:
    env: dict[str, str] = {}
    assert read_env_file("/nowhere/lake.json", env, tmp_path) is None
    env_file(tmp_path, "AWS_ENDPOINT_URL='unclosed\n")
    assert read_env_file("/nowhere/lake.json", env, tmp_path) is None
    assert env == {}


def test_an_address_is_tried_before_the_clients_try_it_for_long() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        check_endpoint(f"http://127.0.0.1:{server.getsockname()[1]}")
    check_endpoint("")
    with pytest.raises(UnreachableError, match=r"nothing answers at http://127\.0\.0\.1:9 "):
        check_endpoint("http://127.0.0.1:9")


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "GetItem")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (botocore.NoCredentialsError(), "no AWS credentials: Unable to locate credentials; set AWS_PROFILE"),
        (botocore.ProfileNotFound(profile="x"), "no AWS credentials: The config profile (x) could not be found"),
        (botocore.NoRegionError(), "Set AWS_REGION"),
        (refused("ExpiredToken"), "AWS does not take these credentials: "),
        (refused("ResourceNotFoundException"), "is the lake of this configuration deployed here?"),
        (refused("AccessDenied"), "An error occurred (AccessDenied)"),
        (botocore.EndpointConnectionError(endpoint_url="http://x:1"), '"http://x:1"'),
        (LakeError("two\nlines"), "two lines"),
    ],
)
def test_an_error_is_one_line_that_says_what_to_do(error: Exception, expected: str) -> None:
    text = said(error, None)
    assert expected in text
    assert "\n" not in text


def test_an_address_of_the_file_says_so() -> None:
    source = EnvFile(Path("/x/.local/env"), "http://127.0.0.1:9")
    text = said(UnreachableError("http://127.0.0.1:9", "refused"), source)
    assert text.endswith("/x/.local/env names it: start the stack with make up, or set AWS_PROFILE for a lake on AWS")
    assert ".local/env" not in said(UnreachableError("http://other", "refused"), source)


def test_faults_of_a_configuration_have_a_line_each() -> None:
    assert said(ConfigError("x.json", ["a: b", "c: d"]), None).count("\n") == 2
