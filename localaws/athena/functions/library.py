"""All functions by name: importing their modules registers them."""

from __future__ import annotations

from localaws.athena.functions import collections, dates, json, maths, text
from localaws.athena.functions.aggregates import AGGREGATES, WINDOW_FUNCTIONS
from localaws.athena.functions.registry import SCALARS

__all__ = ["AGGREGATES", "SCALARS", "WINDOW_FUNCTIONS", "collections", "dates", "json", "maths", "text"]
