"""What a run saw, as JSON and as Markdown."""

from __future__ import annotations

from pathlib import Path

from scripts.acceptance.report import Report


def test_a_report_passes_when_all_is_as_expected_and_nothing_is_left() -> None:
    report = Report()
    assert not report.passed
    assert report.check("Ways", "rows", 3, 3)
    report.not_tried("Ways", "a window", "left out")
    assert report.passed
    report.left.append("bucket x")
    assert not report.passed


def test_what_differs_is_in_the_markdown_with_what_was_expected() -> None:
    report = Report(about={"region": "eu-central-1"})
    assert not report.check("Ways", "rows | of a", [], ["missing: ('a',)"], "https://docs.aws.amazon.com/x")
    report.measure("p50", 1.5, "s", "20 files")
    report.measure("start", None, "s")
    report.fault("fast", ValueError("a\nb"))
    lines = report.to_markdown().splitlines()
    assert "Not passed: 0 as expected, 1 differs, 0 not tried." in lines
    assert "| [rows \\| of a](https://docs.aws.amazon.com/x) | [] | [\"missing: ('a',)\"] | **differs** |" in lines
    assert "| p50 | 1.5 s | 20 files |" in lines
    assert "| start | unknown |  |" in lines
    assert "- fast: ValueError: a<br>b" in lines
    assert report.to_dict()["counts"] == {"as expected": 0, "differs": 1, "not tried": 0}


def test_the_account_is_in_nothing_that_is_written(tmp_path: Path) -> None:
    report = Report("123456789012")
    report.fault("batch", ValueError("User: arn:aws:sts::123456789012:assumed-role/x is not authorized"))
    for path in report.write(tmp_path):
        text = path.read_text()
        assert "arn:aws:sts::<account>:assumed-role/x" in text
        assert "123456789012" not in text
