"""Metrics as log lines: CloudWatch's embedded metric format.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

NAMESPACE = "Lakelanes"
# CloudWatch takes so many values of a metric in one line.
_VALUES = 100

Unit = Literal["Count", "Seconds"]
Value = float | Sequence[float]


def metrics_line(dimensions: Mapping[str, str], values: Mapping[str, tuple[Value, Unit]]) -> dict[str, Any]:
    """The line for metrics that share their dimensions; of a metric with several values the first 100."""
    return {
        "_aws": {
            "Timestamp": int(time.time() * 1000),
            "CloudWatchMetrics": [
                {
                    "Namespace": NAMESPACE,
                    "Dimensions": [list(dimensions)],
                    "Metrics": [{"Name": name, "Unit": unit} for name, (_, unit) in values.items()],
                }
            ],
        },
        **dimensions,
        **{name: value[:_VALUES] if isinstance(value, Sequence) else value for name, (value, _) in values.items()},
    }
