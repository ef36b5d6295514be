"""A line of metrics is what CloudWatch's embedded metric format asks for."""

from __future__ import annotations

import json

from lakelanes.aws.metrics import metrics_line


def test_a_line_names_its_metrics_and_holds_their_values_beside_the_dimensions() -> None:
    line = json.loads(
        json.dumps(
            metrics_line({"Lake": "l", "Entity": "e"}, {"Rows": (3, "Count"), "Latency": ([0.5, 1.5], "Seconds")})
        )
    )
    [directive] = line["_aws"]["CloudWatchMetrics"]
    assert directive == {
        "Namespace": "Lakelanes",
        "Dimensions": [["Lake", "Entity"]],
        "Metrics": [{"Name": "Rows", "Unit": "Count"}, {"Name": "Latency", "Unit": "Seconds"}],
    }
    assert (line["Lake"], line["Entity"], line["Rows"], line["Latency"]) == ("l", "e", 3, [0.5, 1.5])
    assert isinstance(line["_aws"]["Timestamp"], int)


def test_of_more_values_than_cloudwatch_takes_the_first_hundred_are_there() -> None:
    assert metrics_line({}, {"Latency": (list(range(101)), "Seconds")})["Latency"] == list(range(100))
