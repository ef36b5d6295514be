"""``make acceptance`` whole, against the local AWS with IAM enforced."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from scripts.acceptance.__main__ import Options, run
from scripts.acceptance.report import Report
from scripts.acceptance.trial import Trial, sales
from scripts.acceptance.ways import Ways
from scripts.console import Stages
from scripts.deploy import stack_name
from scripts.layer import this_architecture
from tests.support.function import function_parameters
from tests.support.localaws import ACCOUNT, ENFORCED, REGION, LocalAws, running_localaws

# What the local AWS answers otherwise than AWS does, as far as is known: a list that may only become shorter.
KNOWN_DIFFERENCES: set[str] = set()
# DynamoDB's clock is that far behind at first, and goes so much faster.
BEHIND_SECONDS = 4 * 3600
STEP_SECONDS = 240


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A local AWS whose DynamoDB has a clock that a test moves."""
    environment = {**ENFORCED, "LOCALAWS_EXPORT_SECONDS": "0", "LOCALAWS_CLOCK_OFFSET": str(-BEHIND_SECONDS)}
    with running_localaws(tmp_path_factory.mktemp("localaws"), environment=environment) as server:
        yield server


@pytest.fixture(autouse=True)
def environment(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)


@contextmanager
def passing_hours(aws: LocalAws) -> Iterator[None]:
    """Lets DynamoDB's time pass by minutes again and again: windows and recovery take that long on AWS."""
    ended = threading.Event()

    def advance() -> None:
        body = json.dumps({"advance": STEP_SECONDS}).encode()
        while not ended.wait(0.5):
            urllib.request.urlopen(
                urllib.request.Request(f"{aws.endpoint_url}/_localaws/clock", data=body, method="POST"), timeout=60
            ).close()

    thread = threading.Thread(target=advance)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def options(aws: LocalAws, **changed: Any) -> Options:
    return Options(
        **{
            "minutes": 5.0,
            "seconds": 120.0,
            "export_poll_seconds": 0.5,
            "parameters": {"RequireTls": "false", "Architecture": this_architecture()},
            "packager": lambda trial, folder, _: function_parameters(aws, trial.lake.config, trial.config_text, folder),
            **changed,
        }
    )


@pytest.mark.long
def test_every_way_and_every_question_is_tried_and_nothing_is_left(aws: LocalAws, tmp_path: Path) -> None:
    trial, report = Trial.begin(REGION, ACCOUNT), Report()
    with passing_hours(aws):
        run(trial, report, options(aws), Stages())
    data, text = report.write(tmp_path)
    assert report.faults == report.left == []
    assert {check.name for check in report.differing} == KNOWN_DIFFERENCES, report.to_markdown()
    assert report.counts()["not tried"] == 0
    assert {check.way.split(",")[0] for check in report.checks} >= {
        "Batch lane",
        "Low-latency lane",
        "Stream",
        "Exports",
    }
    figures = {measurement.name: measurement.value for measurement in report.measurements}
    assert figures["event to visible, p50"] and figures["bytes billed"]
    assert json.loads(data.read_text())["counts"] == report.counts()
    assert text.read_text().startswith("# Acceptance of Lakelanes\n")


def test_whoever_interrupts_it_leaves_nothing_behind(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(ways: Ways) -> None:
        ways.trial.put(sales(date(2024, 3, 15), 3, 1))
        assert stack_name(ways.trial.lake.config) in stacks(aws)
        raise KeyboardInterrupt

    monkeypatch.setattr(Ways, "batch_lane", interrupted)
    trial, report = Trial.begin(REGION, ACCOUNT), Report()
    buckets = aws.client("s3").list_buckets()["Buckets"]
    with pytest.raises(KeyboardInterrupt):
        run(trial, report, options(aws), Stages())
    assert report.left == []
    assert [fault.partition(":")[0] for fault in report.faults] == ["batch"]
    assert not report.passed
    assert stack_name(trial.lake.config) not in stacks(aws)
    assert aws.client("s3").list_buckets()["Buckets"] == buckets


def stacks(aws: LocalAws) -> set[str]:
    """Names of the stacks that are there."""
    found = aws.client("cloudformation").describe_stacks()["Stacks"]
    return {stack["StackName"] for stack in found if stack["StackStatus"] != "DELETE_COMPLETE"}
