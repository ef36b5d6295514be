"""The command ``lakelanes``: how it is installed, what its help says, how its errors look."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from botocore.config import Config

import lakelanes
from lakelanes.__main__ import build_parser, main
from lakelanes.aws import clients

REPOSITORY = Path(__file__).resolve().parents[2]
COMMAND = Path(sys.executable).parent / "lakelanes"


@pytest.fixture(autouse=True)
def no_stack_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a stack in this repository has left in .local/env is none of these tests'."""
    monkeypatch.setattr("lakelanes.__main__.read_env_file", lambda *_: None)


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs a command with nothing on PYTHONPATH."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)


def parsers() -> dict[str, argparse.ArgumentParser]:
    """The parser of every command, and by the name "" that of the program."""
    program = build_parser()
    [own] = [action for action in program._actions if isinstance(action, argparse._SubParsersAction)]
    return {"": program, **own.choices}


def test_set_up_installs_the_command_and_both_packages(tmp_path: Path) -> None:
    shown = run(COMMAND, "--version", cwd=tmp_path)
    assert (shown.returncode, shown.stdout) == (0, f"lakelanes {lakelanes.__version__}\n")
    imported = run(sys.executable, "-c", "import lakelanes, lakelanes_airflow; print(lakelanes.__file__)", cwd=tmp_path)
    assert Path(imported.stdout.strip()) == REPOSITORY / "plugins" / "lakelanes" / "__init__.py", imported.stderr
    assert metadata.version("lakelanes") == lakelanes.__version__


@pytest.mark.slow
def test_the_package_is_the_same_command_where_nothing_is_installed(tmp_path: Path) -> None:
    shown = run(sys.executable, "-m", "lakelanes", "--help", cwd=tmp_path)
    assert shown.stdout == run(COMMAND, "--help", cwd=tmp_path).stdout
    assert shown.stdout.startswith("usage: lakelanes ")


@pytest.mark.parametrize("name", parsers())
def test_help_fits_a_terminal_of_80_columns(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert [line for line in parsers()[name].format_help().splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("name", sorted(parsers().keys() - {""}))
def test_every_command_answers_in_json_if_asked(name: str) -> None:
    assert "--json" in parsers()[name].format_usage()


def test_an_error_is_a_line_on_standard_error_and_exit_code_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKE_CONFIG", "no-such-lake.json")
    assert main(["plan"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "no-such-lake.json" in captured.err
    assert main(["plan", "--json"]) == 1
    assert "no-such-lake.json" in json.loads(capsys.readouterr().out)["error"]


def test_an_aws_that_cannot_be_reached_is_an_error_and_no_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing listens on the port of the discard service.
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCOUNT_ID", "000000000000")
    # The engine's own policy, less its patience: seven more tries take half a minute.
    once = clients._CONFIG.merge(Config(retries={"total_max_attempts": 1}))
    monkeypatch.setattr(clients, "_CONFIG", once)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("LAKE_CONFIG", raising=False)
    assert main(["files", "--limit", "1"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert "http://127.0.0.1:9" in line


@pytest.mark.parametrize("arguments", [[], ["load"], ["tables", "export", "orders"], ["files", "--state", "lost"]])
def test_what_is_no_command_is_refused_with_the_usage_and_exit_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert capsys.readouterr().err.startswith("usage: lakelanes ")


@pytest.mark.slow
def test_the_variables_of_the_stack_beside_it_are_found(tmp_path: Path) -> None:
    file = tmp_path / ".local" / "env"
    file.parent.mkdir()
    # Nothing listens on the port of the discard service.
    file.write_text("AWS_ENDPOINT_URL=http://127.0.0.1:9\nAWS_ACCOUNT_ID=000000000000\nAWS_ACCESS_KEY_ID=test\n")
    chosen = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LAKE_", "PYTHONPATH"))}
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "lake.json").write_text((REPOSITORY / "include" / "lake.json").read_text())
    chosen["LAKE_CONFIG"] = str(tmp_path / "lake.json")
    for folder in (tmp_path, elsewhere):
        done = subprocess.run([COMMAND, "plan"], cwd=folder, env=chosen, capture_output=True, text=True)
        [line] = done.stderr.splitlines()
        assert line.endswith(f"{file} names it: start the stack with make up, or set AWS_PROFILE for a lake on AWS")
        assert done.returncode == 1
