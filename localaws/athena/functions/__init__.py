"""The Trino functions this engine has, each with Trino's argument types, result type and meaning."""

from __future__ import annotations

from localaws.athena.functions import collections, dates, json, maths, text
from localaws.athena.functions.aggregates import AGGREGATES, AggregateCall
from localaws.athena.functions.registry import SCALARS, Call
from localaws.athena.functions.windows import WINDOW_FUNCTIONS

__all__ = [
    "AGGREGATES",
    "SCALARS",
    "WINDOW_FUNCTIONS",
    "AggregateCall",
    "Call",
    "collections",
    "dates",
    "json",
    "maths",
    "text",
]
