"""Every case of docs/commands.md has the exit code and the message that stand there."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lakelanes.__main__ import main
from lakelanes.config.loading import load_config
from lakelanes.lake import Lake
from lakelanes.ledger.entries import Entry
from scripts.deploy import deploy
from tests.support.lakes import SALES, config_text
from tests.support.localaws import ACCOUNT, LocalAws

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "docs" / "commands.md").read_text(encoding="utf-8")
CASES = re.findall(r"^\| `((?:[A-Z_]+=\S* )*lakelanes [^`]*)` \| (\d+) \| `([^`]+)` \|$", PAGE, flags=re.MULTILINE)
# Of a table that no view of include/sql/views reads.
SHOP = {**SALES, "table_name": "shop_sales"}
HEADER = "transaction_id,customer_id,amount,transaction_date\n"


@pytest.fixture(scope="module")
def folder(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of the cases, and a lake that is deployed, with a file of each of two entities that the
    configuration has no more."""
    path = tmp_path_factory.mktemp("cases")
    good, bad = "a,c,1.50,2024-03-15\n", "b,c,x,2024-03-15\n"
    for name, text in {
        "sales_data_2024_03_15.csv": HEADER + good + good.replace("a", "d", 1),
        "sales_data_2024_03_16.csv": HEADER + good + bad,
        "sales_data_2024_03_17.csv": "wrong\n1\n",
        "sales_data_2024_02_31.csv": HEADER + good,
        "other.csv": HEADER + good,
        "empty.csv": "",
        "lake.json": config_text({"sales": SHOP}),
        "undeployed.json": config_text({"sales": SHOP}),
        "wrong.json": config_text({"sales": {**SALES, "on_bad_rows": "ignore"}}),
    }.items():
        (path / name).write_text(text)
    clients = local_aws.client("cloudformation"), local_aws.client("sts")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in local_aws.environment.items():
            patch.setenv(name, value)
        lake = Lake.open(load_config(path / "lake.json"))
        deploy(lake.config, *clients, parameters={"RequireTls": "false"})
        for name in ("old", "older"):
            left = Entry(f"s3://b/{name}.csv", entity=name, state="loaded", updated_at="2024-03-15T00:00:00.000000Z")
            lake.dynamodb.put_item(TableName=lake.ledger.table, Item=left.to_item())
    return path


def in_folder(folder: Path, aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        **aws.environment,
        "LAKE_CONFIG": "lake.json",
        "AWS_ACCOUNT_ID": ACCOUNT,
        "COLUMNS": "80",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "none"),
        "AWS_CONFIG_FILE": str(folder / "none"),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)


def test_the_page_has_cases_for_every_command() -> None:
    commands = {re.search(r"lakelanes (\S+)", command)[1] for command, _, _ in CASES}  # type: ignore[index]
    known = {"draft", "try", "status", "files", "retry", "plan", "tables", "query", "check", "drop", "schema"}
    assert commands >= known
    assert len(CASES) == len(re.findall(r"^\| `[^`]*lakelanes [^`]*` \| \d+ \|", PAGE, flags=re.MULTILINE))


@pytest.mark.parametrize(("command", "code", "message"), CASES)
def test_a_case_has_its_exit_code_and_its_message(
    command: str,
    code: str,
    message: str,
    folder: Path,
    local_aws: LocalAws,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    in_folder(folder, local_aws, monkeypatch)
    words = shlex.split(command)
    while "=" in words[0]:
        monkeypatch.setenv(*words.pop(0).split("=", 1))
    try:
        found = main(words[1:])
    except SystemExit as stopped:
        found = int(str(stopped.code))
    captured = capsys.readouterr()
    said = captured.out + captured.err
    assert (found, message in " ".join(said.split()) or message in said) == (int(code), True), said
    lines = [line for line in said.splitlines() if line.strip()]
    if found == 1 and not captured.out:
        assert len(lines) == (2 if re.search(r"\d faults? in the (configuration|prices)$", lines[0]) else 1), said
    assert "Traceback" not in said
    prose = [line for line in lines if len(line) > 20 and not line.lstrip().startswith(("{", "}", '"'))]
    assert len(prose) == len(set(prose)) or words[1] == "schema", "no line is there twice"


def test_ctrl_c_is_a_line(folder: Path, local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    in_folder(folder, local_aws, monkeypatch)
    program = (
        "import os, signal, sys\n"
        # Of a shell's background job it is ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from lakelanes.commands import plan\n"
        "plan.run = lambda options: os.kill(os.getpid(), signal.SIGINT) or signal.pause()\n"
        "from lakelanes.__main__ import main\n"
        "sys.exit(main(['plan']))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], env=dict(os.environ), capture_output=True, text=True)
    assert (done.returncode, done.stderr, done.stdout) == (130, "interrupted\n", "")
    assert signal.SIGINT == 2, "128 and the signal's number"


def test_an_answer_that_nobody_reads_ends_without_a_word(
    folder: Path, local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_folder(folder, local_aws, monkeypatch)
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "lakelanes", "schema"],
            env={**os.environ, "PYTHONPATH": str(REPOSITORY / "plugins")},
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (done.returncode, done.stderr) == (141, "")
