"""What an acceptance run saw: checks with what was expected, figures, and what is left; as JSON and Markdown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

Verdict = Literal["as expected", "differs", "not tried"]


@dataclass(frozen=True)
class Check:
    """One thing that was expected of AWS or of the lake, and what was seen.

    ``way`` is the part of the run that it belongs to; ``source`` is where the expectation comes from: an address, or a
    page of this project. ``seen`` of a check that was not tried says why.
    """

    way: str
    name: str
    expected: str
    seen: str
    verdict: Verdict
    source: str = ""


@dataclass(frozen=True)
class Measurement:
    """A figure without an expectation: time, bytes, counts. ``value`` None: AWS did not say."""

    name: str
    value: float | None
    unit: str
    note: str = ""


@dataclass
class Report:
    """Gathers what a run saw. ``about`` holds the circumstances: region, versions, prefix.

    ``account``: its number, which AWS's errors name, is left out of what is written.
    """

    account: str = ""
    about: dict[str, str] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def check(self, way: str, name: str, expected: object, seen: object, source: str = "") -> bool:
        """Notes a check; it is as expected when both are equal. Returns whether it is."""
        verdict: Verdict = "as expected" if expected == seen else "differs"
        self.checks.append(Check(way, name, str(expected), str(seen), verdict, source))
        return verdict == "as expected"

    def not_tried(self, way: str, name: str, why: str, expected: object = "", source: str = "") -> None:
        self.checks.append(Check(way, name, str(expected), why, "not tried", source))

    def measure(self, name: str, value: float | None, unit: str, note: str = "") -> None:
        self.measurements.append(Measurement(name, value, unit, note))

    def fault(self, where: str, error: BaseException) -> None:
        """Notes a part of the run that ended early; what it had checked by then stays."""
        self.faults.append(f"{where}: {type(error).__name__}: {error}")

    @property
    def differing(self) -> list[Check]:
        return [check for check in self.checks if check.verdict == "differs"]

    @property
    def passed(self) -> bool:
        """Whether everything was tried to its end, was as expected, and nothing was left behind."""
        return bool(self.checks) and not (self.differing or self.faults or self.left)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "about": self.about,
            "started_at": self.started_at.isoformat(timespec="seconds"),
            "passed": self.passed,
            "counts": self.counts(),
            "checks": [asdict(check) for check in self.checks],
            "measurements": [asdict(measurement) for measurement in self.measurements],
            "faults": self.faults,
            "left": self.left,
        }

    def counts(self) -> dict[str, int]:
        verdicts: tuple[Verdict, ...] = ("as expected", "differs", "not tried")
        return {verdict: sum(check.verdict == verdict for check in self.checks) for verdict in verdicts}

    def to_markdown(self) -> str:
        counts = ", ".join(f"{count} {verdict}" for verdict, count in self.counts().items())
        lines = ["# Acceptance of Lakelanes", "", f"{'Passed' if self.passed else 'Not passed'}: {counts}.", ""]
        lines += [f"- {name}: {value}" for name, value in self.about.items()]
        if self.faults or self.left:
            lines += ["", "## What went wrong", ""]
            lines += [f"- {_cell(fault)}" for fault in self.faults]
            lines += [f"- left behind: {_cell(what)}" for what in self.left]
        ways = dict.fromkeys(check.way for check in self.checks)
        for way in ways:
            rows = [check for check in self.checks if check.way == way]
            lines += ["", f"## {way}", "", "| | Expected | Seen | |", "|---|---|---|---|"]
            lines += [_row(check) for check in rows]
        if self.measurements:
            lines += ["", "## Figures", "", "| | | |", "|---|---:|---|"]
            lines += [_figure(measurement) for measurement in self.measurements]
        return "\n".join(lines) + "\n"

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Writes acceptance.json and acceptance.md; returns their paths."""
        folder.mkdir(parents=True, exist_ok=True)
        data, text = folder / "acceptance.json", folder / "acceptance.md"
        data.write_text(self._without_account(json.dumps(self.to_dict(), indent=2, ensure_ascii=False)) + "\n")
        text.write_text(self._without_account(self.to_markdown()))
        return data, text

    def _without_account(self, text: str) -> str:
        return text.replace(self.account, "<account>") if self.account else text


_MARKS: Mapping[Verdict, str] = {"as expected": "", "differs": "**differs**", "not tried": "not tried"}


def _row(check: Check) -> str:
    name = f"[{_cell(check.name)}]({check.source})" if check.source.startswith("https://") else _cell(check.name)
    return f"| {name} | {_cell(check.expected)} | {_cell(check.seen)} | {_MARKS[check.verdict]} |"


def _figure(measurement: Measurement) -> str:
    value = "unknown" if measurement.value is None else f"{measurement.value:,.6g} {measurement.unit}"
    return f"| {_cell(measurement.name)} | {value} | {_cell(measurement.note)} |"


def _cell(text: str) -> str:
    """Text as it can stand in a cell of a Markdown table, cut where it is long."""
    shown = text.replace("|", "\\|").replace("\n", "<br>")
    return shown if len(shown) <= 500 else shown[:499] + "…"
